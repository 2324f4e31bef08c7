"""Making sure that what was overwritten in an SQLite database is in none of its files any more.

`secure_delete` zeroes what is freed, but the write-ahead log holds old pages until it is truncated, and moved cells
can leave bytes behind in a page. So the log is written back and truncated, the file is searched, and only where
something is found the whole file is written anew. On PostgreSQL dead rows and archived logs are
the operator's: docs/operations.md.
"""

import mmap
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from api.errors import ApiError, Kind
from api.store.database import Database

_BUSY_S = 5.0


def compact(db: Database, traces: Sequence[bytes]) -> None:
    """Bring an SQLite database to a state in which none of `traces` stands in its files; nothing on PostgreSQL.

    Raises ApiError `erasure.busy` where readers keep the log from being truncated, or something is left: again later.
    """
    if db.path is None:
        return
    _truncate(db.path)
    if _found(db.path, traces):
        with _open(db.path) as connection:
            _execute(connection, "VACUUM")
        _truncate(db.path)
    if _found(db.path, traces):
        raise ApiError("erasure.busy", Kind.UNAVAILABLE)


def _truncate(path: Path) -> None:
    with _open(path) as connection:
        busy = _execute(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
    if busy:
        raise ApiError("erasure.busy", Kind.UNAVAILABLE)


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of its own: the pool's are inside transactions, in which neither statement may run."""
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
    try:
        connection.execute("PRAGMA secure_delete=ON").close()
        yield connection
    finally:
        connection.close()


def _execute(connection: sqlite3.Connection, statement: str) -> int:
    try:
        row = connection.execute(statement).fetchone()
    except sqlite3.Error:
        raise ApiError("erasure.busy", Kind.UNAVAILABLE) from None
    return 0 if row is None else int(row[0])


def _found(path: Path, traces: Sequence[bytes]) -> bool:
    for file in (path, path.with_name(path.name + "-wal")):
        if not file.exists() or file.stat().st_size == 0:
            continue
        with file.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if any(data.find(trace) >= 0 for trace in traces):
                return True
    return False
