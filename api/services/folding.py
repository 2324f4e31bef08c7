"""Folds repeated refusals: the same client, target and reason within a minute are one receipt with a count."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from api.policy.replay import Seen

WINDOW_S = 60.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """One kind of refusal: who was refused what, and why. `grant_digest` names the grant as the chain does."""

    entity_id: str
    grant_id: str
    grant_digest: str
    holder_id: str
    reason: str


@dataclass(slots=True)
class _Open:
    since_s: float
    seen: Seen
    repeats: int = 0


class RefusalFolder:
    """Counts repeats within the window; safe between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[Refusal, _Open] = {}

    def first(self, refusal: Refusal, seen: Seen) -> bool:
        """Whether this one is the first of its window and is to be written now; a repeat is counted.

        Of several repeats the receipt keeps what the last one saw.
        """
        with self._lock:
            entry = self._open.get(refusal)
            if entry is None:
                self._open[refusal] = _Open(self._clock(), seen)
                return True
            entry.repeats += 1
            entry.seen = seen
            return False

    def ended(self, *, everything: bool = False) -> list[tuple[Refusal, int, Seen]]:
        """Take out the windows that are over; those with repeats are to be written with their count."""
        now = self._clock()
        with self._lock:
            over = [r for r, entry in self._open.items() if everything or now - entry.since_s >= WINDOW_S]
            taken = [(refusal, self._open.pop(refusal)) for refusal in over]
        return [(refusal, entry.repeats, entry.seen) for refusal, entry in taken if entry.repeats]

    def forget(self, refusal: Refusal) -> None:
        """Close a window whose first refusal could not be written, so that the next one is the first again."""
        with self._lock:
            self._open.pop(refusal, None)

    def put_back(self, refusal: Refusal, repeats: int, seen: Seen) -> None:
        """Count repeats again that could not be written; their window is open for another time."""
        with self._lock:
            entry = self._open.setdefault(refusal, _Open(self._clock(), seen))
            entry.repeats += repeats
