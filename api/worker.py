"""Composition root of the worker process: reads returned files, relays the outbox, follows events, appends checkpoints.

Every turn is safe to lose: what it does is durable step by step, and a killed worker goes on where it stood.
"""

import contextlib
import logging
import os
import secrets
import signal
import threading
import time
from dataclasses import dataclass, field

from api.errors import ApiError, Kind, place_of
from api.services import (
    amendments,
    cases,
    chain_outbox,
    copies_life,
    corrections,
    data_asks,
    dependencies,
    disputes,
    erasure_run,
    intake,
    mandates,
    notifications,
    registers,
    reminders,
    returning,
    returns,
    trace_jobs,
    watch,
    webhooks,
)
from api.services.chain_outbox import Relays
from api.services.context import Context
from api.services.grants import ends
from api.services.grants.events import DEMO_CUSTODY
from api.settings import Settings
from api.store import clock, leases, read_only, unit_of_work
from api.store.journal import SqlEventSink, SqlLogStore, SqlTxJournal
from api.store.queries import chain_status, idempotency, parties, sessions
from api.store.queries import returns as return_rows
from api.store.queries.chain_status import ChainState
from api.store.queries.parties import PartyRole
from api.store.queries.returns import ReturnState
from api.wiring import calm_collector, guard, log_key, wire
from chain import points
from chain.anchor import Checkpointer
from chain.confirmations import confirmations_of
from chain.errors import ChainError, NodeError, WrongChainError
from chain.indexer import Indexer
from chain.node import Web3Node
from chain.ports import Signer
from chain.pricing import Pricing
from chain.relay import Relay
from chain.signer import LocalSigner

log = logging.getLogger("mydata.worker")
LEASE = "worker"
LEASE_S = 15.0
IDLE_S = 0.1
HALTED_S = 5.0
WATCH_S = 0.5
STANDS_AFTER_S = 30.0
STANDING = "chain.standing"
HOUSEKEEPING_S = 1.0
TRACES_IDLE_S = 0.5
FAILED_LOOK_S = 10.0


@dataclass(slots=True)
class ChainLoop:
    """The chain's side: outbox to relay, relay to chain, events back, checkpoints."""

    ctx: Context
    relays: Relays
    indexer: Indexer
    checkpointer: Checkpointer
    interval_s: float
    next_checkpoint: float = 0.0
    next_look: float = 0.0
    stands_after_s: float = STANDS_AFTER_S
    head: int = -1
    moved_at: float | None = None
    journal: SqlTxJournal | None = None
    state: tuple[ChainState, str | None] | None = None
    reported_at: float = field(default=-1e9)

    def turn(self) -> bool:
        """One round; whether anything moved. Raises NodeError and WrongChainError.

        The indexer goes first: it asks the node and looks whether it is the right chain, so that while there is none
        no row of the outbox is leased only to be given back.
        """
        indexed = self.indexer.step()
        moved = chain_outbox.dispatch(self.ctx, self.relays, self.ctx.chain)
        progress = self.relays.step()
        if any(one.failed for one in progress) or time.monotonic() >= self.next_look:
            # Also now and then: a worker may have been killed between the failure and its second announcement.
            chain_outbox.reopen_failed(self.ctx, self.relays)
            self.next_look = time.monotonic() + FAILED_LOOK_S
        if time.monotonic() >= self.next_checkpoint:
            self.checkpointer.step()
            self.next_checkpoint = time.monotonic() + self.interval_s
        if self.stands(indexed.head, open_transactions=sum(one.open for one in progress)):
            self.report(ChainState.DELAYED, STANDING, indexed.head)
        else:
            self.report(ChainState.OK, None, indexed.head)
        return bool(moved or indexed.events or any(one.mined or one.broadcast for one in progress))

    def stands(self, head: int, *, open_transactions: int) -> bool:
        """Whether transactions have waited for long while no block came: validators are away, though a node answers.

        Where nothing waits a head may rest, for some engines mine on demand alone.
        """
        now = time.monotonic()
        if self.moved_at is None or head != self.head or not open_transactions:
            self.head, self.moved_at = head, now
        return now - self.moved_at >= self.stands_after_s

    def report(self, state: ChainState, reason: str | None, head: int | None = None) -> None:
        """Write what was seen, on change and every few seconds: people are told since when, not each second."""
        now = time.monotonic()
        if self.state == (state, reason) and now - self.reported_at < HALTED_S:
            return
        with contextlib.suppress(ApiError), unit_of_work(self.ctx.db) as session:
            chain_status.set_chain_status(session, state, now_ms=clock.now_ms(session), head=head, reason=reason)
        self.state, self.reported_at = (state, reason), now

    def run(self, stop: threading.Event) -> None:
        """Turn until stopped. An unreachable node delays; a wrong chain halts, and is looked at again now and then."""
        while not stop.is_set():
            pause = IDLE_S
            try:
                if self.turn():
                    pause = 0.0
            except NodeError as error:
                self.report(ChainState.DELAYED, error.code)
                pause = 1.0
            except WrongChainError as error:
                log.critical("halted: %s (%s)", error.code, error.detail)
                self.report(ChainState.HALTED, error.code)
                pause = HALTED_S
            except (ApiError, ChainError) as error:
                log.error("chain turn failed: %s", error.code)  # noqa: TRY400 - the code says it, a trace may not
                pause = 1.0
            stop.wait(pause)


def returns_loop(ctx: Context, stop: threading.Event) -> None:
    """Check what came in, seal what is to be sealed by itself; and keep house now and then."""
    next_housekeeping = 0.0
    while not stop.is_set():
        try:
            busy = one_return(ctx)
            if time.monotonic() >= next_housekeeping:
                keep_house(ctx)
                next_housekeeping = time.monotonic() + HOUSEKEEPING_S
        except ApiError as error:
            log.error("returns wait: %s", error.code)  # noqa: TRY400 - as above
            busy = False
        stop.wait(0.0 if busy else IDLE_S)


def one_return(ctx: Context) -> bool:
    """Do the next thing that a return waits for; False where none does. Raises ApiError of kind UNAVAILABLE alone.

    A return that can never go on (its stored file was altered, its department is suspended) steps aside with its
    reason, for it must not hold the others up.
    """
    with read_only(ctx.db) as session:
        row = return_rows.next_to_do(session)
    if row is None:
        return False
    try:
        if row.settle_next is not None:
            returns.settle(ctx, row.id)
        elif row.state == ReturnState.CHECKED:
            returns.seal_checked(ctx, row.id)
        else:
            returning.process(ctx, row.id)
    except MemoryError:
        raise
    except Exception as error:
        known = error if isinstance(error, ApiError) else ApiError("returns.stopped", Kind.INTERNAL)
        if known.kind is Kind.UNAVAILABLE:
            raise
        log.error("return %s stopped: %s", row.id, place_of(error))  # noqa: TRY400 - as above
        if row.settle_next is not None:
            raise known from None  # what shows shows; this is tried again, and holds nothing up but itself
        if row.state == ReturnState.CHECKED:
            returns.leave_to_officer(ctx, row.id)
        else:
            returning.fail(ctx, row.id, known)
    return True


def traces_loop(ctx: Context, stop: threading.Event) -> None:
    """Trace suspect files of regulators' jobs, one at a time; a stop waits for the one under way."""
    rounds, next_housekeeping = trace_jobs.Rounds(), 0.0
    while not stop.is_set():
        busy = False
        try:
            busy = trace_jobs.turn(ctx, rounds)
            if time.monotonic() >= next_housekeeping:
                trace_jobs.keep_house(ctx)
                next_housekeeping = time.monotonic() + HOUSEKEEPING_S
        except ApiError as error:
            log.error("traces wait: %s", error.code)  # noqa: TRY400 - as above
        stop.wait(0.0 if busy else TRACES_IDLE_S)


def copies_loop(ctx: Context, stop: threading.Event) -> None:
    """Order copies to be deleted, note what is overdue, and tell recipients of newer versions of what they hold."""
    rounds = copies_life.Rounds()
    while not stop.is_set():
        busy = False
        try:
            busy = copies_life.turn(ctx, rounds) > 0
            corrections.turn(ctx)
            busy = amendments.turn(ctx) > 0 or corrections.waits(ctx) or busy
        except ApiError as error:
            log.error("copies wait: %s", error.code)  # noqa: TRY400 - as above
        stop.wait(0.0 if busy else HOUSEKEEPING_S)


def erasures_loop(ctx: Context, stop: threading.Event) -> None:
    """Carry out what holders asked for, end what the law let live on for a while, destroy old backups' keys."""
    while not stop.is_set():
        try:
            erasure_run.turn(ctx)
        except ApiError as error:
            log.error("erasures wait: %s", error.code)  # noqa: TRY400 - as above
        stop.wait(HOUSEKEEPING_S)


def webhooks_loop(ctx: Context, stop: threading.Event) -> None:
    """Send entities' systems what they are to be told."""
    while not stop.is_set():
        sent = 0
        try:
            sent = webhooks.turn(ctx)
        except ApiError as error:
            log.error("notices wait: %s", error.code)  # noqa: TRY400 - as above
        stop.wait(0.0 if sent else IDLE_S)


def reminders_loop(ctx: Context, stop: threading.Event) -> None:
    """Report cases that are overdue, write notices of what comes by time, and send reminders of notices."""
    sender = reminders.sender_of(ctx.settings)
    while not stop.is_set():
        busy = 0
        try:
            busy = cases.escalate_overdue(ctx) + disputes.escalate_overdue(ctx)
            busy += data_asks.escalate_overdue(ctx)
            busy += notifications.note_what_comes(ctx) + reminders.turn(ctx, sender) + watch.turn(ctx)
        except ApiError as error:
            log.error("reminders wait: %s", error.code)  # noqa: TRY400 - as above
        stop.wait(0.0 if busy else HOUSEKEEPING_S)


def dependencies_loop(ctx: Context, stop: threading.Event) -> None:
    """Look now and then whether what others run for us answers."""
    watcher = dependencies.Watcher(ctx.settings.data_dir, dependencies.probes(ctx.settings))
    while not stop.is_set():
        try:
            watcher.look()
        except OSError:
            log.error("what was seen of dependencies cannot be written")  # noqa: TRY400 - no path, no trace
        stop.wait(dependencies.EVERY_S)


def keep_house(ctx: Context) -> None:
    """Note ends and lapses; forget sessions, nonces and kept answers that have run out."""
    ends.keep_house(ctx)
    mandates.expire_due(ctx)
    returns.forget_left_files(ctx)
    intake.lapse(ctx)
    registers.keep_house(ctx)
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        sessions.purge_run_out(session, now)
        idempotency.purge(session, now - ctx.settings.idempotency_days * 86_400_000)


def build(settings: Settings, holder: str | None = None, *, lease_s: float = LEASE_S) -> tuple[Context, ChainLoop]:
    """The worker's pieces. `holder` names this process in the leases of its signers; None where it is alone."""
    wired = wire(settings)
    ctx, keys = wired.ctx, wired.ctx.keys
    node = Web3Node(settings.rpc_url)
    journal = SqlTxJournal(ctx.db, holder, lease_s)
    confirmations = settings.confirmations
    if confirmations is None:
        confirmations = confirmations_of(wired.deployment.engine)
    pricing = Pricing(settings.gas_price_limit_wei) if settings.gas_price_limit_wei else None

    def relay_of(key: Signer) -> Relay:
        return Relay(
            node,
            key,
            journal,
            ctx.chain.chain_id,
            identity=ctx.chain,
            confirmations=confirmations,
            window=settings.relay_window,
            pricing=pricing,
        )

    relay = relay_of(LocalSigner(keys.relay))
    carriers = [relay_of(LocalSigner(keys.account(f"relay-{at}"))) for at in range(2, settings.relay_accounts + 1)]
    admins = dict(zip(chain_outbox.ADMINS, keys.registry_admins, strict=True))

    def relay_of_sender(sender: str) -> Relay:
        return relay_of(LocalSigner(admins[sender]) if sender in admins else ctx.party_signer(sender))

    relays = Relays(relay, relay_of_sender, carriers=tuple(carriers))
    for admin in chain_outbox.ADMINS:
        relays.of(admin)
    with read_only(ctx.db) as session:
        for party in parties.list_parties(session, PartyRole.REGULATOR):
            if party.custody == DEMO_CUSTODY:
                relays.of(party.id)
    indexer = Indexer(node, SqlEventSink(ctx.db, ctx.vault), ctx.chain, confirmations=confirmations)
    checkpointer = Checkpointer(
        SqlLogStore(ctx.db),
        relay,
        node,
        ctx.chain.address("ReceiptLog"),
        log_id=ctx.log.log_id,
        log_key=log_key(keys),
    )
    return ctx, ChainLoop(ctx, relays, indexer, checkpointer, settings.checkpoint_interval_s, journal=journal)


def hold_lease(ctx: Context, stop: threading.Event, holder: str) -> bool:
    """Wait until no other worker holds the lease; False when stopped meanwhile."""
    while not stop.is_set():
        with contextlib.suppress(ApiError), unit_of_work(ctx.db) as session:
            if leases.acquire(session, LEASE, holder, LEASE_S) is not None:
                return True
        stop.wait(1.0)
    return False


def run(ctx: Context, chain: ChainLoop, stop: threading.Event, holder: str) -> bool:
    """Work under the lease until stopped; False where a thread ended by itself, so that a supervisor starts anew."""
    threads = [
        threading.Thread(target=returns_loop, args=(ctx, stop), name="returns"),
        threading.Thread(target=chain.run, args=(stop,), name="chain"),
        threading.Thread(target=traces_loop, args=(ctx, stop), name="traces"),
        threading.Thread(target=copies_loop, args=(ctx, stop), name="copies"),
        threading.Thread(target=webhooks_loop, args=(ctx, stop), name="webhooks"),
        threading.Thread(target=reminders_loop, args=(ctx, stop), name="reminders"),
        threading.Thread(target=erasures_loop, args=(ctx, stop), name="erasures"),
        threading.Thread(target=dependencies_loop, args=(ctx, stop), name="dependencies"),
    ]
    for thread in threads:
        thread.start()
    sound = True
    renew_at = 0.0
    while not stop.wait(WATCH_S):
        if not all(thread.is_alive() for thread in threads):
            log.critical("a thread of the worker ended by itself; stopping")
            sound = False
            break
        if time.monotonic() < renew_at:
            continue
        with contextlib.suppress(ApiError):
            with unit_of_work(ctx.db) as session:
                held = leases.acquire(session, LEASE, holder, LEASE_S)
            renew_at = time.monotonic() + LEASE_S / 3
            if held is None:
                log.error("another worker holds the lease; stopping")
                sound = False
                break
    stop.set()
    for thread in threads:
        thread.join()
    return sound


def main() -> None:
    """`python -m api.worker`: settings come from the environment."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    threading.excepthook = _quietly
    settings = Settings()
    guard(settings)
    if settings.crash_point:
        points.arm(points.kill_at(settings.crash_point))
    holder = f"worker/{os.getpid()}/{secrets.token_hex(8)}"
    ctx, chain = build(settings, holder)
    # A slice makes tens of thousands of objects that live until its commit: looking through them took a seventh of a
    # return's time.
    calm_collector()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sound = not hold_lease(ctx, stop, holder) or run(ctx, chain, stop, holder)
    if chain.journal is not None:
        with contextlib.suppress(ApiError):
            chain.journal.release()
    ctx.db.close()
    raise SystemExit(0 if sound else 1)


def _quietly(failure: threading.ExceptHookArgs) -> None:
    """What nobody expected in a thread: class and place alone, for a message or traceback may carry personal data."""
    if failure.exc_value is not None:
        log.critical("unexpected %s", place_of(failure.exc_value))


if __name__ == "__main__":
    main()
