"""Named points between two effects, at which a test may kill the process.

`reached` does nothing unless a composition root has armed a point, which settings refuse in production. It is called
with literal names right before and right after whatever cannot be taken back: a commit, a broadcast, a publication.
`tests/architecture/test_points.py` finds such places that have none.
"""

import os
import signal
import sys
from collections.abc import Callable

_armed: Callable[[str], None] | None = None


def reached(name: str) -> None:
    """The process is at the point `name`, such as `relay/signed`."""
    if _armed is not None:
        _armed(name)


def reached_by(kind: str, depth: int) -> None:
    """The same for code that many call: the name is `kind`, a colon, module/function of the caller `depth` up."""
    if _armed is not None:
        frame = sys._getframe(depth + 1)  # noqa: SLF001 - the one way to a caller's name that costs nothing
        module = str(frame.f_globals.get("__name__", "")).rpartition(".")[2]
        _armed(f"{kind}:{module}/{frame.f_code.co_qualname}")


def arm(act: Callable[[str], None] | None) -> None:
    """Call `act` with the name of every point that is reached from now on; None disarms."""
    global _armed  # noqa: PLW0603 - one process is at one point at a time
    _armed = act


def kill_at(spec: str) -> Callable[[str], None]:
    """An `act` that kills this process the n-th time that it reaches a point: `name` or `name@n`."""
    name, _, count = spec.partition("@")
    left = [int(count or 1)]

    def act(reached_name: str) -> None:
        if reached_name == name:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return act
