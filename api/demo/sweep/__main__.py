"""`python -m api.demo.sweep`: see `scripts/crash_sweep --help`."""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from api.demo.postgres import store_url
from api.demo.sweep.run import Plan, chain_and_parties, sweep
from api.demo.sweep.sites import swept_points
from api.demo.sweep.zygote import PLANTS


def main() -> int:
    """Run one sweep on one store; 0 where nothing was lost or doubled."""
    parser = argparse.ArgumentParser(
        prog="scripts/crash_sweep",
        description="Kills the service (SIGKILL) at every named step while people work; counts lost and doubled facts.",
    )
    parser.add_argument("--jobs", type=int, default=3_000, metavar="N", help="jobs to be acknowledged (default 3000)")
    parser.add_argument("--each", type=int, default=20, metavar="N", help="kills at each point at least (default 20)")
    parser.add_argument("--minutes", type=float, default=24 * 60.0, metavar="M", help="stop killing after so long")
    parser.add_argument(
        "--database", default="", metavar="URL", help="an empty PostgreSQL database; `postgresql`: a temporary server"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
    parser.add_argument("--point", action="append", metavar="NAME", help="kill at these points only")
    parser.add_argument("--callers", type=int, default=3, metavar="N", help="people at once (default 3)")
    parser.add_argument("--plant", default="", choices=["", *PLANTS], help="plant a fault, which must be found")
    parser.add_argument("--list", action="store_true", help="print the points and end")
    chosen = parser.parse_args()
    points = chosen.point or swept_points()
    if chosen.list:
        sys.stdout.write("\n".join(points) + "\n")
        return 0
    folder = Path(tempfile.mkdtemp(prefix="mydata-sweep-"))
    try:
        with store_url(chosen.database) as url, chain_and_parties(folder / "data", url) as settings:
            plan = Plan(points, chosen.jobs, chosen.each, chosen.minutes, chosen.callers, chosen.plant)
            swept = sweep(settings, plan)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report = swept.to_json("postgresql" if chosen.database else "sqlite")
    text = json.dumps(report, indent=2, ensure_ascii=False)
    if chosen.json is not None:
        chosen.json.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")
    return 0 if swept.sound else 1


if __name__ == "__main__":
    sys.exit(main())
