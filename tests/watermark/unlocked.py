"""`tests.watermark.locked` as it was before the locks: with the limits alone. The control of its tests."""

from tests.watermark import locked
from watermark import locks


def serve() -> None:
    """The child."""
    locks.lock_files = locks.lock_calls = frozenset
    locked.serve()
