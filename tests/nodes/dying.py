"""The embedded engine, ending itself by SIGKILL at a named point within a block once a file appears.

    python -m tests.nodes.dying POINT FILE embedded --data DIR --port 0 …

Points: `applied` (transactions ran, nothing is written), `inserted` (all rows are written, not committed), `committed`
(durable, the node does not show it yet), `shown` (the head has moved, nobody was answered).
`lying` stands for a node that forgets to commit: it shows the block and dies; a test must notice.
"""

import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devnet.__main__ import main
from devnet.miner import Miner
from devnet.store import Store

POINTS = ("applied", "inserted", "committed", "shown")


def install(point: str, trigger: Path) -> None:
    """Put the end in place."""

    def die(at: str) -> None:
        if at == point and trigger.exists():
            os.kill(os.getpid(), signal.SIGKILL)

    apply, mine = Miner._apply, Miner._mine

    def applied(self: Miner, *arguments: object) -> object:
        found = apply(self, *arguments)  # type: ignore[arg-type]  # handed on as they come
        if found.taken:
            die("applied")
        return found

    def mined(self: Miner, *, allow_empty: bool) -> int | None:
        number = mine(self, allow_empty=allow_empty)
        if number is not None:
            die("shown")
        return number

    @contextmanager
    def transaction(self: Store) -> Iterator[sqlite3.Connection]:
        self._writer.execute("begin immediate")
        yield self._writer
        die("inserted")
        if point == "lying" and trigger.exists():
            return  # rows are visible to this connection alone, and gone with the process
        self._writer.execute("commit")
        die("committed")

    Miner._apply, Miner._mine, Store._transaction = applied, mined, transaction  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    install(sys.argv[1], Path(sys.argv[2]))
    sys.exit(main(sys.argv[3:]))
