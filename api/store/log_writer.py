"""The one fenced writer of the receipt log.

Numbers exist only inside this writer's transactions: a database sequence skips numbers on rollback, and a log has no
gaps. A fact either *prepares* a receipt in its own transaction (`prepare_receipt`; numbered later, in order of
preparation), or is *submitted* whole, as a pull is: whatever waits is run in one transaction, each submission in a
savepoint of its own, so that a refused one rolls back alone; then there is one commit, one flush to disk, and the
threads that wait get their results. What a crash means at each point:

- before the commit: nothing happened, nobody was answered;
- after the commit, before the results are handed out: receipts stand of which nobody was told; nothing was released,
and
  a repeat of the request finds its copy again;
- a writer that lost its lease finds another fence in `log_state` before it has run anything: what waits goes on waiting
  until the lease is its own again, or is refused as busy.
"""

import os
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import and_, bindparam, insert, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.errors import ApiError, Kind
from api.store import clock, leases
from api.store.crypto import Vault
from api.store.database import Database, read_only, savepoint, translate, unit_of_work
from api.store.numbering import NumberedReceipt, Numberer, log_id_of
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Base, LogNode, LogState, PreparedReceipt
from chain.errors import FencedError
from chain.merkle import grow

__all__ = ["LogWriter", "NumberedReceipt", "Numberer", "ReceiptDraft", "prepare_receipt"]

T = TypeVar("T")
LEASE = "log_writer"
_ROW = 1

# Built once, on tables rather than mapped classes: every pull waits for these.
_STATE = Base.metadata.tables[LogState.__tablename__]
_LOCK_STATE = select(_STATE.c.size, _STATE.c.fence, _STATE.c.last_time_s).where(_STATE.c.id == _ROW).with_for_update()
_RESIZE = (
    update(_STATE).where(_STATE.c.id == _ROW).values(size=bindparam("new_size"), last_time_s=bindparam("new_time_s"))
)
_ADD_NODES = insert(Base.metadata.tables[LogNode.__tablename__])


class _Submission(Generic[T]):
    """Work that a thread waits for, and its outcome: `value`, unless `error` is set."""

    def __init__(self, work: Callable[[Session, Numberer], T]) -> None:
        self.work = work
        self.done = threading.Event()
        self.value: T | None = None
        self.error: BaseException | None = None

    def run(self, session: Session, numberer: Numberer) -> None:
        """Run the work in a savepoint; what it raises is its own outcome, unless the whole transaction is lost."""
        size = numberer.size
        try:
            with savepoint(session):
                self.value = self.work(session, numberer)
        except SQLAlchemyError as error:
            translated = translate(error)
            # A lost connection, a full disk: then the other submissions' work is gone as well.
            if translated is not None and translated.kind in {Kind.UNAVAILABLE, Kind.INTEGRITY}:
                raise
            self.error = translated or error
        except Exception as error:
            self.error = error
        if self.error is not None:
            numberer.truncate(size)
        # Objects that this submission loaded or changed must not be seen, stale, by the next one.
        session.expunge_all()

    def finish(self, error: BaseException | None = None) -> None:
        """Hand the outcome to the waiting thread; `error` overrides it, as nothing was kept."""
        if error is not None:
            self.error = error
        self.done.set()

    def result(self) -> T:
        """The outcome, after `done`."""
        if self.error is not None:
            raise self.error
        return cast("T", self.value)


class LogWriter:
    """Owns the log's lease and the thread that numbers receipts; one in the service process.

    `holder` names this writer in the lease. `prepared_limit` bounds how many prepared receipts one round numbers and
    `group_limit` how many submissions, so that neither holds the other up. A process that dies leaves its lease behind
    for `lease_s`; submissions made meanwhile wait.
    """

    def __init__(
        self,
        db: Database,
        vault: Vault,
        log_key: Ed25519PrivateKey,
        *,
        holder: str | None = None,
        lease_s: float = 5.0,
        poll_s: float = 0.1,
        prepared_limit: int = 128,
        group_limit: int = 64,
    ) -> None:
        self.log_id = log_id_of(log_key)
        self._db = db
        self._vault = vault
        self._log_key = log_key
        self._holder = holder or f"{socket.gethostname()[:24]}/{os.getpid()}/{secrets.token_hex(8)}"
        self._lease_s = lease_s
        self._poll_s = poll_s
        self._prepared_limit = prepared_limit
        self._group_limit = group_limit
        self._wakeup = threading.Condition()
        self._queue: deque[_Submission[Any]] = deque()
        self._urgent: deque[_Submission[Any]] = deque()
        self._look = False
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._held: leases.Held | None = None
        self._renew_at = 0.0
        self._expires_at = 0.0
        self._ready = threading.Event()
        self._edge_size = -1
        self._edge: dict[tuple[int, int], bytes] = {}

    def start(self) -> None:
        """Start the thread. It takes the lease as soon as no other writer holds it; `wait_ready` tells when."""
        with self._wakeup:
            if self._thread is not None:
                return
            self._stopping = False
            self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float = 30.0) -> None:
        """Finish what waits, give the lease up, end the thread."""
        with self._wakeup:
            thread = self._thread
            self._stopping = True
            self._wakeup.notify_all()
        if thread is not None:
            thread.join(timeout_s)

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until this writer holds the lease."""
        return self._ready.wait(timeout_s)

    @property
    def ready(self) -> bool:
        """Whether this writer holds the lease, as far as it knows."""
        return self._ready.is_set()

    def wake(self) -> None:
        """Say that a receipt was prepared and committed, so that it is numbered now rather than at the next look."""
        with self._wakeup:
            self._look = True
            self._wakeup.notify_all()

    def submit(self, work: Callable[[Session, Numberer], T], timeout_s: float = 15.0, *, first: bool = False) -> T:
        """Run `work` in the writer's next transaction and return its result after the commit.

        What goes `first` is run before whatever else waits, also in the middle of a round, which then ends with it:
        who takes something back must not queue behind those who take.

        `work(session, numberer)` runs in the writer's thread, alone, in a savepoint: it re-checks, writes, and calls
        `numberer.add` for each receipt; what it raises undoes it alone and is raised here. It must be short, return
        plain values and not wait for anything. Two submissions never run at once, so a re-check in one cannot be
        overtaken.

        Raises ApiError `store.unavailable` (nothing was kept: the commit failed, or the writer did not get to it within
        `timeout_s`, as while another writer holds the lease), or what `work` raised.
        """
        submission = _Submission(work)
        with self._wakeup:
            if self._thread is None or self._stopping or not self._thread.is_alive():
                raise ApiError("store.unavailable", Kind.UNAVAILABLE, reason="log_writer_stopped")
            queue = self._urgent if first else self._queue
            queue.append(submission)
            self._wakeup.notify_all()
        if not submission.done.wait(timeout_s):
            with self._wakeup:
                for queue in (self._urgent, self._queue):
                    if submission not in queue:
                        continue
                    queue.remove(submission)
                    raise ApiError("store.unavailable", Kind.UNAVAILABLE, reason="log_writer_busy")
            # It is being executed: its outcome is not known before the transaction ends, and it always ends.
            submission.done.wait()
        return submission.result()

    def _run(self) -> None:
        error: BaseException = ApiError("store.unavailable", Kind.UNAVAILABLE, reason="log_writer_stopped")
        try:
            while self._turn():
                pass
            self._release()
        except BaseException as failure:
            error = failure if isinstance(failure, ApiError) else error
            raise
        finally:
            with self._wakeup:
                self._ready.clear()
                self._thread = None
                left = [*self._urgent, *self._queue]
                self._urgent.clear()
                self._queue.clear()
            for submission in left:
                submission.finish(error)

    def _turn(self) -> bool:
        """One round, or one attempt to get the lease; False when there is nothing left to do."""
        if self._held is not None and time.monotonic() >= self._expires_at:
            # This process slept longer than its lease. Taking it anew before any work spares the waiters a refusal.
            self._lose()
        if self._held is None and not self._acquire():
            with self._wakeup:
                if not self._stopping:
                    self._wakeup.wait(self._poll_s)
                return not self._stopping
        group, stopping = self._take()
        if group or self._prepared_waiting():
            self._round(group)
        elif time.monotonic() >= self._renew_at:
            self._renew()
        elif stopping:
            return False
        return True

    def _take(self) -> tuple[list[_Submission[Any]], bool]:
        with self._wakeup:
            if not self._urgent and not self._queue and not self._look and not self._stopping:
                self._wakeup.wait(self._poll_s)
            self._look = False
            group = [*self._urgent]
            self._urgent.clear()
            count = max(0, min(len(self._queue), self._group_limit - len(group)))
            return group + [self._queue.popleft() for _ in range(count)], self._stopping

    def _overtake(self, group: list[_Submission[Any]], at: int) -> None:
        """Put what must go first in its place `at` of a round, and what was to come then back into the queue."""
        with self._wakeup:
            if self._urgent:
                self._queue.extendleft(reversed(group[at:]))
                group[at:] = self._urgent
                self._urgent.clear()

    def _prepared_waiting(self) -> bool:
        try:
            with read_only(self._db) as session:
                return session.execute(select(PreparedReceipt.seq).limit(1)).first() is not None
        except ApiError:
            return False

    def _round(self, group: list[_Submission[Any]]) -> None:
        try:
            with unit_of_work(self._db) as session:
                numberer = self._open(session)
                numbered = numberer.number_prepared(limit=self._prepared_limit)
                numberer.backlog = numbered == self._prepared_limit
                session.expunge_all()
                at = 0
                while at < len(group):
                    self._overtake(group, at)
                    group[at].run(session, numberer)
                    at += 1
                fresh = self._close(session, numberer)
        except FencedError:
            # Found before anything ran: by another writer, or because this process stood still for longer than its
            # lease. Whichever it was, nobody who waits has lost anything.
            self._lose()
            with self._wakeup:
                self._queue.extendleft(reversed(group))
        except BaseException as error:
            self._edge_size = -1
            outcome = self._outcome(error)
            for submission in group:
                submission.finish(outcome)
            if not isinstance(error, Exception):
                raise
            if not group:
                time.sleep(self._poll_s)
        else:
            self._remember_edge(numberer.size, fresh)
            for submission in group:
                submission.finish()

    def _outcome(self, error: BaseException) -> BaseException:
        """What the waiters of a failed transaction are told: nothing of it was kept."""
        if isinstance(error, ApiError) and error.kind in {Kind.UNAVAILABLE, Kind.INTEGRITY}:
            return error
        return ApiError("store.unavailable", Kind.UNAVAILABLE, reason=type(error).__name__)

    def _open(self, session: Session) -> Numberer:
        """Lock the log's row, check the fence, load the tree's right edge where it is not known."""
        assert self._held is not None
        state = session.execute(_LOCK_STATE).one()
        if state.fence != self._held.token:
            raise FencedError(f"fence {state.fence}, token {self._held.token}")
        if time.monotonic() >= self._renew_at:
            self._extend(session)
        if self._edge_size != state.size:
            self._edge = _load_edge(session, state.size)
            self._edge_size = state.size
        now = clock.advance(session, exact=True)
        return Numberer(session, self._vault, self._log_key, size=state.size, now_ms=now, last_time_s=state.last_time_s)

    def _close(self, session: Session, numberer: Numberer) -> list[tuple[int, int, bytes]]:
        """Write the tree's new nodes and the log's new size."""
        if not numberer.leaf_hashes:
            return []
        fresh = grow(lambda level, index: self._edge[level, index], numberer.first, numberer.leaf_hashes)
        session.execute(_ADD_NODES, [{"level": level, "index": index, "hash": value} for level, index, value in fresh])
        session.execute(_RESIZE, {"new_size": numberer.size, "new_time_s": numberer.time_s})
        return fresh

    def _remember_edge(self, size: int, fresh: list[tuple[int, int, bytes]]) -> None:
        known = {**self._edge, **{(level, index): value for level, index, value in fresh}}
        self._edge = {position: known[position] for position in _edge_positions(size)}
        self._edge_size = size

    def _acquire(self) -> bool:
        asked_at = time.monotonic()
        try:
            with unit_of_work(self._db) as session:
                # In the order in which a round locks them: the other way round, two writers could wait for one another.
                session.execute(_LOCK_STATE)
                held = leases.acquire(session, LEASE, self._holder, self._lease_s)
                if held is None:
                    return False
                session.execute(
                    update(LogState)
                    .where(LogState.id == _ROW, LogState.fence < held.token)
                    .values(fence=held.token)
                    .execution_options(synchronize_session=False)
                )
        except ApiError:
            return False
        self._held = held
        self._edge_size = -1
        self._set_deadlines(asked_at)
        self._ready.set()
        return True

    def _lose(self) -> None:
        self._held = None
        self._ready.clear()

    def _set_deadlines(self, asked_at: float) -> None:
        # Counted from before the lease was asked for, so that this process never believes in it for longer than the
        # rest.
        self._renew_at = asked_at + self._lease_s / 3
        self._expires_at = asked_at + self._lease_s

    def _extend(self, session: Session) -> None:
        """Renew the lease; raises `FencedError` where it was lost or run out."""
        assert self._held is not None
        asked_at = time.monotonic()
        held = leases.acquire(session, LEASE, self._holder, self._lease_s)
        if held is None or held.token != self._held.token:
            raise FencedError("the log writer's lease was lost")
        self._set_deadlines(asked_at)

    def _renew(self) -> None:
        try:
            with unit_of_work(self._db) as session:
                self._extend(session)
        except FencedError:
            self._lose()
        except ApiError:
            time.sleep(self._poll_s)

    def _release(self) -> None:
        if self._held is None:
            return
        try:
            with unit_of_work(self._db) as session:
                leases.release(session, self._held)
        except ApiError:
            return  # it runs out by itself
        finally:
            self._held = None


def wait_for_round(db: Database) -> None:
    """Wait until the round that is under way has ended, whoever's it is.

    Afterwards what it released stands, and every later round sees what stood before this call: so whoever looks for all
    that left before some fact, and calls this between the two, misses nothing. On SQLite writers are alone anyway.
    """
    with unit_of_work(db) as session:
        session.execute(_LOCK_STATE)


def _edge_positions(size: int) -> list[tuple[int, int]]:
    """(level, index) of the perfect subtrees that a tree of `size` leaves ends in: one for each bit set."""
    return [(level, (size >> level) - 1) for level in range(size.bit_length()) if size >> level & 1]


def _load_edge(session: Session, size: int) -> dict[tuple[int, int], bytes]:
    positions = _edge_positions(size)
    if not positions:
        return {}
    rows = session.execute(
        select(LogNode.level, LogNode.index, LogNode.hash).where(
            or_(*(and_(LogNode.level == level, LogNode.index == index) for level, index in positions))
        )
    ).all()
    # By position: a row's `index` is the method of tuples.
    edge = {(level, index): value for level, index, value in rows}
    if len(edge) != len(positions):
        raise ApiError("store.log_damaged", Kind.INTEGRITY, size=size)
    return edge
