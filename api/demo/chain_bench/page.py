"""docs/chain-bench.md from a run's figures: `python -m api.demo.chain_bench.page FILE.json… > docs/chain-bench.md`."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from api.demo.bench.report import number

HEAD = """\
# What the chain's side costs, and how fast it is

Made by

    scripts/bench_chain --json chain-bench.json
    python -m api.demo.chain_bench.page chain-bench.json > docs/chain-bench.md

Figures of one machine, not promises; no test asserts them. *Ratio*: 1.00 meets the aim or equals the peer, more is
better.
"""

NOTES = """\
## How it is measured

- **A tree**: RFC 6962 over leaf hashes, one process, plain Python and `hashlib`. *From a log's nodes*: by the
  look-ups that the receipt log makes.
- **pymerkle** (GPL, so in an environment of its own under `build/`, run as another program): the same entries; both
  roots have to be equal.
- **OpenAttestation**: `wrapDocuments` of the npm package `@tradetrust-tt/tradetrust`, in node, on the same documents
  of twelve fields. Ours makes as much for each: a salt and a commitment for each field, the leaf, the tree over all,
  and each document's proof. What its program does not end in time is extrapolated by a line and a square through the
  two largest that ended, and the row says so.
- **Durable receipts**: through the log writer, each caller waiting until its receipt is on disk, before it asks for
  the next; callers at once share commits. The flush to disk stands beside.
- **Receipt to verifiable**: the real worker process on the engine, receipts at a steady rate, until the store has
  taken in a confirmed checkpoint that covers the receipt; then its evidence bundle is VALID. The embedded engine
  needs no confirmations, four geth sealers do.
- **Anchoring**: from values (salts, commitments, leaves, trees of at most 1,024) to mined roots, at most 100 roots a
  call, up to 100 calls under way. On geth a block comes once a second, so small batches wait for blocks, not for
  processors.
"""


def page(documents: Sequence[Mapping[str, Any]], remark: str = "") -> str:
    """The whole page; a later run's groups take the place of the same ones of an earlier run.

    `remark` is what whoever ran it has to say of the machine just then.
    """
    parts = [HEAD]
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for run, document in enumerate(documents, 1):
        before, after = document["before"], document["after"]
        load, later = (one["load_1_5_15_min"][0] for one in (before, after))
        where = f"{before['cores']} cores, {before['machine']}, Python {before['python']}"
        names = list(dict.fromkeys(figure["group"] for figure in document["figures"]))
        told = "" if len(documents) == 1 else f" Run {run}: {', '.join(names)}."
        parts.append(f"{where}; load {load} before, {later} after.{told}\n")
        groups |= {name: [figure for figure in document["figures"] if figure["group"] == name] for name in names}
    if remark:
        parts.append(remark + "\n")
    for group, figures in groups.items():
        parts += [
            f"## {group[0].upper()}{group[1:]}\n",
            "| what | measured | beside | ratio | |",
            "|---|---|---|---|---|",
        ]
        parts += [_row(figure) for figure in figures]
        parts.append("")
    return "\n".join([*parts, NOTES])


def _row(figure: Mapping[str, Any]) -> str:
    beside = ""
    if figure["aim"] is not None:
        beside = f"aim {number(figure['aim'])}"
    elif figure["peer"] is not None:
        beside = f"{figure['peer_name']} {number(figure['peer'])}"
    ratio = "" if figure["ratio"] is None else f"{figure['ratio']:.2f}"
    measured = f"{number(figure['value'])} {figure['unit']}" if figure["unit"] else ""
    return f"| {figure['name']} | {measured} | {beside} | {ratio} | {figure['note'] or ''} |"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m api.demo.chain_bench.page", description=__doc__)
    parser.add_argument("figures", type=Path, nargs="+", help="what scripts/bench_chain --json wrote")
    parser.add_argument("--remark", default="", help="what there is to say of the machine just then")
    options = parser.parse_args()
    read = [json.loads(path.read_text(encoding="utf-8")) for path in options.figures]
    sys.stdout.write(page(read, options.remark))


if __name__ == "__main__":
    main()
