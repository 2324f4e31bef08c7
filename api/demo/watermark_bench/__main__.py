"""`python -m api.demo.watermark_bench`: copies, attacks, tracer, peers; docs/watermark-bench.md."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from rich.console import Console

from api import launch

ROOT = Path(__file__).resolve().parents[3]
PLACE = ROOT / "build" / "watermark-bench"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def _arguments() -> argparse.ArgumentParser:
    from api.demo.watermark_bench.units import PARTS

    parser = argparse.ArgumentParser(prog="scripts/bench_watermark", description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {','.join(PARTS)} (default: all)")
    parser.add_argument("--subjects", default="", help="names of pictures or designs (default: all eight)")
    parser.add_argument("--attacks", default="", help="names of attacks on pictures, parted by semicolons (all)")
    parser.add_argument("--candidates", type=int, default=10_000, help="issued copies of each content (default 10000)")
    parser.add_argument("--decoys", type=int, default=1_000_000, help="never-issued codes for each case (1000000)")
    parser.add_argument("--jobs", type=int, default=1, help="processes of one thread each (default 1)")
    parser.add_argument("--out", type=Path, default=PLACE / "run", help="figures and pictures (build/watermark-bench)")
    parser.add_argument("--peers", type=Path, default=PLACE / "peers", help="where peers are installed")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run in --out has done already")
    parser.add_argument("--quick", action="store_true", help="seconds: a small picture, few attacks, no peers")
    parser.add_argument("--docs", type=Path, help="write the report here (docs/watermark-bench.md)")
    return parser


def main() -> int:
    """The command."""
    os.environ.update(ONE_THREAD)  # before numpy is imported, here and in the processes that are started
    from api.demo.watermark_bench import report, report_innocents, units
    from api.demo.watermark_bench.plates import plates

    parser = _arguments()
    options = parser.parse_args()
    parts = options.parts.split(",")
    if not set(parts) <= set(units.PARTS):
        parser.error(f"choose of {','.join(units.PARTS)}")
    launch.end_on_sigterm()
    console = Console()
    if options.fresh and options.out.exists():
        shutil.rmtree(options.out)
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = units.Wanted(
        parts=tuple(parts),
        subjects=tuple(filter(None, options.subjects.split(","))),
        attacks=tuple(filter(None, options.attacks.split(";"))),
        candidates=options.candidates,
        decoys=options.decoys,
        out=options.out,
        peers=options.peers,
    )
    if options.quick:
        wanted = units.quick(wanted)
    units.run(wanted, options.jobs, console)
    docs = options.docs or options.out / "report.md"
    text = report.written(options.out, plates(options.out, docs))
    console.print(text, highlight=False, markup=False, soft_wrap=True)
    docs.write_text(text, encoding="utf-8")
    wrong = report_innocents.faults(report.rows_of(options.out))
    for fault in wrong:
        console.print(f"FAILED: {fault}", highlight=False, markup=False)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
