"""`python -m tests.flow.dying_worker POINT NTH`: a worker that works on returns and kills itself (SIGKILL) there.

Settings come from the environment. POINT is a name in `POINTS`; NTH the how manieth time that it is passed.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from api import worker
from api.services import returning, returns
from api.settings import Settings
from api.store.queries import corrections, records
from api.store.queries import returns as rows
from api.wiring import wire

BEFORE, AFTER = "before", "after"
POINTS = {
    "a slice is stored, not committed": (rows, "add_row_notes", AFTER),
    "checked, its file not forgotten": (returning, "forget_file", BEFORE),
    "signed, the seal not begun": (returns, "_announced", AFTER),
    "sealed, not committed": (rows, "seal_return", AFTER),
    "sealed": (returns, "settle", BEFORE),
    "a batch is settled, not committed": (records, "supersede_older", AFTER),
    "a batch is settled": (returns, "settle", AFTER),
    "announced, not committed": (corrections, "announce", AFTER),
}


def die_at(point: str, nth: int) -> None:
    """Put the end into the function of that point."""
    module, name, when = POINTS[point]
    function: Callable[..., Any] = getattr(module, name)
    passed = 0

    def dying(*args: Any, **kwargs: Any) -> Any:
        nonlocal passed
        passed += 1
        if when == BEFORE and passed == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        if when == AFTER and passed == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(module, name, dying)


def main() -> None:
    die_at(sys.argv[1], int(sys.argv[2]))
    ctx = wire(Settings()).ctx
    while worker.one_return(ctx):
        pass


if __name__ == "__main__":
    main()
