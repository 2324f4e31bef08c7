"""The database: engines, and the two ways to open a transaction. The only `commit()` of the code base stands here.

SQLite runs in WAL mode with `synchronous=FULL` (an acknowledged commit survives a power cut), and every writer opens
with `BEGIN IMMEDIATE`, because a transaction that reads first and writes later fails with a stale snapshot that no
time-out heals. Readers have connections of their own that cannot write. PostgreSQL takes the same code; what is its
own stands in `postgresql.py`.
"""

import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy import exc as sa_exc
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import QueuePool

from api.errors import ApiError, Kind
from api.store import postgresql
from chain.points import reached_by

BUSY_TIMEOUT_S = 10.0
_DRIVERS = {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}
_BUSY_POLL_S = 0.001
# Whose `with` it is: this generator was resumed by contextlib, which its caller called.
_CALLER = 2
_PRIVATE = stat.S_IRUSR | stat.S_IWUSR

# Primary result codes (the low byte of an extended one) that mean "not now": retrying later may succeed, nothing was
# kept.
_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

TIME_SQL = {
    "sqlite": "CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)",
    "postgresql": "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
}
"""The database's clock in UTC milliseconds, by dialect."""
_TIME = {dialect: text(f"SELECT {expression}") for dialect, expression in TIME_SQL.items()}


class Database:
    """Engines of one database: `writer` for `unit_of_work`, `reader` for `read_only`.

    `url` is an SQLAlchemy URL (`sqlite:////path` or `postgresql+psycopg://…`). An SQLite file is created with mode 0600
    before SQLite first opens it, and its WAL and shared-memory files inherit that mode. In-memory SQLite is refused
    (`store.memory_database`): every connection would see a database of its own. Anything but these two systems is
    refused, too (`store.database_url`).
    """

    def __init__(self, url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.url: URL = _known(url)
        self.busy_timeout_s = busy_timeout_s
        if self.is_sqlite:
            self.path: Path | None = _sqlite_file(self.url)
            self.writer = self._sqlite_engine(read_only=False)
            self.reader = self._sqlite_engine(read_only=True)
        else:
            self.path = None
            self.writer = postgresql.engine(self.url, read_only=False, lock_timeout_s=busy_timeout_s)
            self.reader = postgresql.engine(self.url, read_only=True, lock_timeout_s=busy_timeout_s)
        self._write_sessions = sessionmaker(self.writer, expire_on_commit=False)
        self._read_sessions = sessionmaker(self.reader, expire_on_commit=False, autoflush=False)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite; asked only where the two systems really differ."""
        return self.url.get_backend_name() == "sqlite"

    def new_session(self, *, read_only: bool = False) -> Session:
        """A session outside any `with`; only for `unit_of_work`, `read_only` and the log writer."""
        return (self._read_sessions if read_only else self._write_sessions)()

    def close(self) -> None:
        """Close every pooled connection; the object must not be used afterwards."""
        self.writer.dispose()
        self.reader.dispose()

    def _sqlite_engine(self, *, read_only: bool) -> Engine:
        # One writing connection a process: SQLite has one writer anyway, waiting for it in the pool is fair and wakes
        # at once, whereas waiting inside SQLite is polling.
        engine = create_engine(
            self.url,
            hide_parameters=True,
            poolclass=QueuePool,
            pool_size=8 if read_only else 1,
            max_overflow=24 if read_only else 0,
            pool_timeout=self.busy_timeout_s,
            connect_args={"check_same_thread": False, "isolation_level": None, "timeout": 0.0},
        )
        event.listen(engine, "connect", _on_connect_reader if read_only else _on_connect_writer)
        event.listen(engine, "begin", _begin_deferred if read_only else self._begin_immediate)
        event.listen(engine, "handle_error", _on_error)
        return engine

    def _begin_immediate(self, connection: Connection) -> None:
        # SQLite's own busy handler backs off to 100 ms and so starves behind another process that writes slice after
        # slice; polling each millisecond takes the first gap.
        deadline = time.monotonic() + self.busy_timeout_s
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            except sa_exc.OperationalError as error:
                if (
                    _sqlite_code(error) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
                    or time.monotonic() > deadline
                ):
                    raise
                time.sleep(_BUSY_POLL_S)
            else:
                return


@contextmanager
def unit_of_work(db: Database) -> Iterator[Session]:
    """One writing transaction: committed when the block ends, rolled back when it raises.

    Raises ApiError `store.unavailable` (locked, disk full, server away; nothing was kept), `store.unconfirmed` (the
    server went away while it committed: all of it stands or nothing), `store.damaged` (the file is no sound database),
    `store.conflict` (a uniqueness or reference rule refused the write) and `store.value` (a value that its column
    cannot hold). Objects stay readable after the commit. Not re-entrant: a second unit inside the block would wait for
    the first.
    """
    with guarded(), db.new_session() as session:
        # Errors while beginning, flushing or committing all pass `guarded`; on any of them the session's own exit rolls
        # back, so that a failed commit never leaves half a fact behind.
        yield session
        session.flush()
        reached_by("commit", _CALLER)
        try:
            session.commit()
        except sa_exc.DBAPIError as error:
            if isinstance(error.orig, psycopg.Error) and error.connection_invalidated:
                raise ApiError("store.unconfirmed", Kind.UNAVAILABLE) from None
            raise
        reached_by("committed", _CALLER)


@contextmanager
def read_only(db: Database) -> Iterator[Session]:
    """One reading transaction over a single snapshot; a write in it is an error. Errors as in `unit_of_work`."""
    with guarded(), db.new_session(read_only=True) as session:
        yield session


def connected(session: Session) -> Connection:
    """The connection of a session that has one transaction, as all of ours do; asking the session each time costs."""
    held: Connection | None = session.info.get("connection")
    if held is None:
        held = session.info["connection"] = session.connection()
    return held


@contextmanager
def savepoint(session: Session) -> Iterator[None]:
    """Work that is taken back alone where it raises, whether it went through the session or through `connected`."""
    with session.begin_nested():
        # The savepoint is set when the session is asked for its connection, which `connected` does not do.
        session.connection()
        yield


@contextmanager
def guarded() -> Iterator[None]:
    """Turn database errors into ApiError, dropping the driver's text, which may quote values."""
    try:
        yield
    except sa_exc.SQLAlchemyError as error:
        translated = translate(error)
        if translated is None:
            raise
        raise translated from None
    except sqlite3.Error as error:
        raise _from_sqlite(error) from None


def no_time_limit(session: Session) -> None:
    """Let this transaction's statements take as long as they need: migrations, the check of the whole store."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL statement_timeout = 0"))
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def translate(error: sa_exc.SQLAlchemyError) -> ApiError | None:
    """The ApiError that a database error means, or None for a programming error."""
    if isinstance(error, sa_exc.TimeoutError):
        return ApiError("store.unavailable", Kind.UNAVAILABLE, reason="pool_timeout")
    if isinstance(error, sa_exc.IntegrityError):
        return ApiError("store.conflict", Kind.CONFLICT)
    if isinstance(error, sa_exc.DBAPIError):
        if isinstance(error.orig, sqlite3.Error):
            return _from_sqlite(error.orig)
        if isinstance(error.orig, psycopg.Error):
            return postgresql.translate(error.orig)
    return None


def database_time_ms(session: Session) -> int:
    """The database's clock in UTC milliseconds; the same for all processes, unlike their own."""
    return int(session.execute(_TIME[session.get_bind().dialect.name]).scalar_one())


def _from_sqlite(error: sqlite3.Error) -> ApiError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    if code in _DAMAGED:
        return ApiError("store.damaged", Kind.INTEGRITY, reason=name)
    if code in _UNAVAILABLE:
        return ApiError("store.unavailable", Kind.UNAVAILABLE, reason=name)
    return ApiError("store.internal", Kind.INTERNAL, reason=name)


def _sqlite_code(error: sa_exc.DBAPIError) -> int:
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF


def _known(url: str) -> URL:
    try:
        known = make_url(url)
    except sa_exc.ArgumentError:
        raise ApiError("store.database_url", Kind.INVALID) from None
    if known.drivername not in _DRIVERS:
        raise ApiError("store.database_url", Kind.INVALID)
    return known


def _sqlite_file(url: URL) -> Path:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise ApiError("store.memory_database", Kind.INVALID)
    path = Path(url.database)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # O_CREAT without O_EXCL: an existing file stays, a new one is private from its first byte.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE))
        path.chmod(_PRIVATE)
    except OSError as error:
        raise ApiError("store.unavailable", Kind.UNAVAILABLE, reason=type(error).__name__) from None
    return path


def _pragmas(connection: sqlite3.Connection, pragmas: tuple[str, ...]) -> None:
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}").close()


def _on_connect_writer(connection: sqlite3.Connection, _record: object) -> None:
    _retry_busy(
        lambda: _pragmas(
            connection,
            (
                "busy_timeout=2000",
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                "trusted_schema=OFF",
                "cell_size_check=ON",
                "secure_delete=ON",
                "journal_size_limit=67108864",
                "busy_timeout=0",
            ),
        )
    )


def _on_connect_reader(connection: sqlite3.Connection, _record: object) -> None:
    _retry_busy(
        lambda: _pragmas(
            connection,
            ("busy_timeout=2000", "journal_mode=WAL", "trusted_schema=OFF", "cell_size_check=ON", "query_only=ON"),
        )
    )


def _retry_busy(action: Callable[[], None]) -> None:
    # Two processes that both turn a new file into WAL mode collide without SQLite's busy handler being asked.
    deadline = time.monotonic() + 2.0
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if (error.sqlite_errorcode & 0xFF) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def _on_error(context: ExceptionContext) -> None:
    if isinstance(context.original_exception, OverflowError):
        # SQLite's integers end at 64 bits, and its driver says so with an error that is no database error.
        raise ApiError("store.value", Kind.INVALID)
    # A full disk or an I/O error makes SQLite roll the whole transaction back by itself, savepoints included. What came
    # after would run outside any transaction and stay; so the connection is given up, and nothing more runs on it.
    connection, statement = context.connection, context.statement or ""
    if connection is None or connection.invalidated or statement.startswith("BEGIN"):
        return
    raw = connection.connection.driver_connection
    if isinstance(raw, sqlite3.Connection) and not raw.in_transaction:
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False


def _begin_deferred(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
