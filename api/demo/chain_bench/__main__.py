"""`python -m api.demo.chain_bench`: anchoring, receipts, trees and peers, as tables and JSON (docs/chain-bench.md)."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from api import launch
from api.demo.bench import machine
from api.demo.bench.report import Figure, print_figures
from api.demo.chain_bench import anchoring, receipts, trees
from api.demo.chain_bench.engines import ENGINES

ROOT = Path(__file__).resolve().parents[3]
PEERS = ROOT / "build" / "chain-bench"
PARTS = ("trees", "pymerkle", "openattestation", "receipts", "chain", "anchoring")
SIZES = (1, 10, 100, 1_000, 10_000, 100_000)
SUBMITTERS = (1, 16, 64)


def measured(options: argparse.Namespace, folder: Path, console: Console) -> list[Figure]:
    """Every part that was asked for, one after the other, with nothing else running."""
    sizes = [size for size in SIZES if size <= options.largest]
    peer_sizes = [size for size in sizes if size >= min(1_000, options.largest)]
    engines: Sequence[str] = options.engines.split(",")
    parts: dict[str, Callable[[], list[Figure]]] = {
        "trees": lambda: trees.alone(options.leaves),
        "pymerkle": lambda: trees.beside_pymerkle(options.peers, peer_sizes),
        "openattestation": lambda: trees.beside_open_attestation(options.peers, peer_sizes, options.patience),
        "receipts": lambda: receipts.durable(folder / "receipts", options.seconds, SUBMITTERS),
        "chain": lambda: receipts.to_chain(
            folder / "chain", [name for name in engines if name != "anvil"], options.followed, options.rate
        ),
        "anchoring": lambda: anchoring.anchored(folder / "anchoring", engines, sizes, options.share),
    }
    figures = [Figure("machine", "a fixed loop of Python", machine.interpreter_ms(), "ms", more_is_better=False)]
    for name in options.parts.split(","):
        with console.status(name):
            figures += parts[name]()
    return figures


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench_chain", description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {','.join(PARTS)} (default: all)")
    parser.add_argument("--engines", default="embedded,anvil,geth", help="of embedded,anvil,geth (default: all)")
    parser.add_argument("--largest", type=int, default=100_000, help="the largest batch, at most 100000 (default)")
    parser.add_argument("--leaves", type=int, default=trees.MILLION, help="of the tree that is built (default 1000000)")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each figure of durable receipts (default 5)")
    parser.add_argument("--followed", type=float, default=30.0, help="seconds of receipts followed to the chain (30)")
    parser.add_argument("--rate", type=float, default=50.0, help="receipts a second then (default 50)")
    parser.add_argument("--share", type=float, default=1.0, help="of the repeats of small batches (default 1)")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds for OpenAttestation's program (120)")
    parser.add_argument("--peers", type=Path, default=PEERS, help="where peers are installed (build/chain-bench)")
    parser.add_argument("--json", type=Path, help="write all figures here")
    return parser


def main() -> int:
    """The command."""
    parser = _arguments()
    options = parser.parse_args()
    for chosen, known in ((options.parts, PARTS), (options.engines, ENGINES)):
        if not set(chosen.split(",")) <= set(known):
            parser.error(f"choose of {','.join(known)}")
    console = Console()
    launch.end_on_sigterm()
    before = machine.describe()
    with tempfile.TemporaryDirectory(prefix="mydata-bench-") as name:
        figures = measured(options, Path(name), console)
    after = machine.describe()
    console.print(f"{before['cores']} cores, {before['machine']}, Python {before['python']}", highlight=False)
    console.print(f"load average before {before['load_1_5_15_min']}, after {after['load_1_5_15_min']}", highlight=False)
    print_figures(figures, console)
    if options.json is not None:
        document = {"before": before, "after": after, "figures": [figure.to_json() for figure in figures]}
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
