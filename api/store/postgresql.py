"""What is PostgreSQL's own: its engines, and what its errors mean.

Writers run at READ COMMITTED, where a statement sees what was committed when it began; what is read and then written is
therefore locked first (`with_for_update`, `locks.exclusive`), and what must be unique is left to the database. Readers
have one snapshot (REPEATABLE READ) and cannot write. Every session gives up by itself what would hold others up for
ever: a lock that does not come, a statement that does not end, a transaction whose process was stopped in the middle.
"""

import select
from collections.abc import Mapping

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy import exc as sa_exc
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.pool import QueuePool

from api.errors import ApiError, Kind

STATEMENT_TIMEOUT_S = 30.0
WRITER_IDLE_S = 30.0
READER_IDLE_S = 300.0
"""A reader may compute for a while over what it read: a copy is made, a suspect is traced. A writer holds locks."""

WRITERS, WRITERS_MORE = 4, 12
READERS, READERS_MORE = 8, 24
"""Connections that a process keeps, and how many more it opens under load; `max_connections` must allow for them."""

# Arguments of libpq, unless the URL says otherwise. A network that swallows packets is noticed within a minute.
_CONNECT: Mapping[str, object] = {
    "connect_timeout": 5,
    "application_name": "mydata",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

_DEADLOCK = {"40001": "serialization", "40P01": "deadlock"}
_NOT_NOW = {"55P03": "lock_timeout", "57014": "statement_timeout", "25006": "read_only", "25P03": "idle_timeout"}
_UNAVAILABLE_CLASSES = {"08": "connection", "53": "resources", "55": "state", "57": "shutdown", "58": "system"}
_DAMAGED = {"XX001", "XX002"}


def engine(url: URL, *, read_only: bool, lock_timeout_s: float) -> Engine:
    """An engine for readers or for writers; they share no connections, so that neither can starve the other."""
    made = create_engine(
        url,
        hide_parameters=True,
        poolclass=QueuePool,
        pool_size=READERS if read_only else WRITERS,
        max_overflow=READERS_MORE if read_only else WRITERS_MORE,
        pool_timeout=lock_timeout_s,
        isolation_level="REPEATABLE READ" if read_only else "READ COMMITTED",
        execution_options={"postgresql_readonly": True} if read_only else {},
        connect_args=_connect_arguments(url, read_only=read_only, lock_timeout_s=lock_timeout_s),
    )
    event.listen(made, "checkout", _on_checkout)
    event.listen(made, "handle_error", _on_error)
    return made


def translate(error: psycopg.Error) -> ApiError | None:
    """The ApiError that a PostgreSQL error means, or None for a programming error. Its text is dropped."""
    state = error.sqlstate or ""
    if state in _DAMAGED:
        return ApiError("store.damaged", Kind.INTEGRITY, reason=state)
    reason = _DEADLOCK.get(state) or _NOT_NOW.get(state) or _UNAVAILABLE_CLASSES.get(state[:2])
    if reason is not None:
        return ApiError("store.unavailable", Kind.UNAVAILABLE, reason=reason)
    if isinstance(error, psycopg.IntegrityError):
        return ApiError("store.conflict", Kind.CONFLICT)
    if isinstance(error, psycopg.DataError):
        return ApiError("store.value", Kind.INVALID)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return ApiError("store.unavailable", Kind.UNAVAILABLE, reason="connection")
    if isinstance(error, psycopg.InternalError):
        return ApiError("store.internal", Kind.INTERNAL, reason=state or type(error).__name__)
    return None


def _connect_arguments(url: URL, *, read_only: bool, lock_timeout_s: float) -> dict[str, object]:
    arguments = {name: value for name, value in _CONNECT.items() if name not in url.query}
    limits = {
        "lock_timeout": lock_timeout_s,
        "statement_timeout": STATEMENT_TIMEOUT_S,
        "idle_in_transaction_session_timeout": READER_IDLE_S if read_only else WRITER_IDLE_S,
    }
    options = [f"-c {name}={round(seconds * 1000)}" for name, seconds in limits.items()]
    # The operator's own come last, and so prevail.
    given = url.query.get("options", "")
    options += [given] if isinstance(given, str) else given
    return arguments | {"options": " ".join(options).strip()}


def _on_checkout(connection: psycopg.Connection[object], _record: object, _proxy: object) -> None:
    """Drop connections that the server has left, without asking: nothing but its farewell makes an idle one readable.

    So a restarted server costs nobody a failure, and no question is paid for before each transaction.
    """
    try:
        poll = select.poll()
        poll.register(connection.pgconn.socket, select.POLLIN | select.POLLERR | select.POLLHUP)
        left = bool(poll.poll(0))
    except psycopg.OperationalError:
        left = True
    if left:
        raise sa_exc.InvalidatePoolError


def _on_error(context: ExceptionContext) -> None:
    """Take the values out of an error's text: PostgreSQL quotes them in its detail ("Key (…)=(…) already exists")."""
    original, wrapped = context.original_exception, context.sqlalchemy_exception
    if not isinstance(original, psycopg.Error):
        return
    said = f"SQLSTATE {original.sqlstate or 'none'}"
    original.args = (said,)
    if wrapped is not None:
        wrapped.args = (f"({type(original).__name__}) {said}",)
