"""Who goes first in this process: whoever takes something back, before those who take."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Precedence:
    """Copies are prepared in a few places at a time, and not while somebody takes back.

    All threads of the process share one interpreter: each that prepares a copy makes every other one slower, and more
    than `places` would not prepare more. Whoever takes back says so with `first` as soon as the request is there.
    Nobody stands aside for longer than `wait_s` seconds, so that no stream of such requests, in earnest or in malice,
    keeps entities from what they may have. This is about time alone: that no copy leaves after a revocation is the log
    writer's doing.
    """

    def __init__(self, places: int, wait_s: float = 0.05) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._wait_s = wait_s
        self._changed = threading.Condition()
        self._first = 0

    @contextmanager
    def first(self) -> Iterator[None]:
        """Others stand aside in the block; does not wait."""
        with self._changed:
            self._first += 1
        try:
            yield
        finally:
            with self._changed:
                self._first -= 1
                if not self._first:
                    self._changed.notify_all()

    def give_way(self) -> None:
        """Return when nobody goes first, or the time to wait is over."""
        with self._changed:
            self._changed.wait_for(lambda: not self._first, self._wait_s)

    @contextmanager
    def place(self) -> Iterator[None]:
        """The block runs in one of the places."""
        self.give_way()
        with self._places:
            yield
