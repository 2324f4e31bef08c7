"""`python -m tests.flow.dying_tracer`: workers that trace and kill themselves (SIGKILL) at the points that stdin names.

Settings come from the environment. For each line, a name as `chain.points.kill_at` takes it or nothing, a child of its
own traces until it is dead or nothing waits; then a line says how it ended (0, or minus the signal).
"""

import os
import sys

from api.services import trace_jobs
from api.settings import Settings
from api.wiring import wire
from chain import points


def trace(point: str) -> None:
    if point:
        points.arm(points.kill_at(point))
    ctx, rounds = wire(Settings()).ctx, trace_jobs.Rounds()
    while trace_jobs.turn(ctx, rounds):
        pass
    ctx.db.close()


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                trace(line.strip())
                os._exit(0)
            finally:
                os._exit(1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
