"""The one fenced log writer: order, isolation, fencing, and what a failing commit means."""

import threading
import time
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager

import pytest
from sqlalchemy import delete, select, text, update

from api.errors import ApiError, Kind
from api.store import Session, clock, read_only, unit_of_work
from api.store.journal import SqlLogStore
from api.store.log_writer import LogWriter, NumberedReceipt, Numberer, ReceiptDraft, prepare_receipt
from api.store.queries.receipts import log_size, receipt_by_number
from api.store.receipts import open_details
from api.store.tables import ClockMark, Lease, LogNode, LogState, Receipt
from chain.errors import FencedError
from chain.merkle import root_of, tree_head
from chain.receipt import ReceiptKind, details_commitment, receipt_leaf_hash, verify_promise
from tests.store.backends import only_sqlite
from tests.store.world import World

DRAFT = {"entity": "party_1"}


def draft(**details: str | int) -> ReceiptDraft:
    return ReceiptDraft(ReceiptKind.REFUSAL, dict(details) or dict(DRAFT))


def add(session: Session, numberer: Numberer) -> NumberedReceipt:
    return numberer.add(draft())


def stored(world: World) -> list[Receipt]:
    with read_only(world.db) as session:
        return list(session.execute(select(Receipt).order_by(Receipt.number)).scalars())


def check_log(world: World, size: int) -> None:
    """Dense numbers, a tree that is the leaves' own, every promise by the log's key, times that do not fall."""
    rows = [row for row in stored(world) if row.number is not None]
    assert [row.number for row in rows] == list(range(size))
    log = SqlLogStore(world.db)
    assert log.size() == size
    hashes = []
    for row in rows:
        assert row.leaf is not None
        assert row.leaf_hash == receipt_leaf_hash(row.leaf)
        assert row.promise is not None
        verify_promise(world.log_public_key, world.new_writer().log_id, row.number or 0, row.leaf_hash, row.promise)
        hashes.append(row.leaf_hash)
    assert tree_head(log.node, size) == root_of(hashes)
    with read_only(world.db) as session:
        nodes = session.execute(select(LogNode)).scalars().all()
    assert len(nodes) == 2 * size - size.bit_count()


@contextmanager
def held(writer: LogWriter) -> Iterator[Callable[[int], None]]:
    """The writer is kept busy inside the block, so that submissions gather; gives a wait for so many of them."""
    entered, gate = threading.Event(), threading.Event()

    def work(session: Session, numberer: Numberer) -> None:
        entered.set()
        gate.wait(10)

    def gathered(count: int) -> None:
        deadline = time.monotonic() + 5
        while len(writer._queue) < count:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    blocker = threading.Thread(target=lambda: writer.submit(work))
    blocker.start()
    assert entered.wait(5)
    try:
        yield gathered
    finally:
        gate.set()
        blocker.join()


def test_submit_gives_the_next_number(world: World, writer: LogWriter) -> None:
    receipts = [writer.submit(add) for _ in range(5)]
    assert [receipt.number for receipt in receipts] == [0, 1, 2, 3, 4]
    check_log(world, 5)


def test_details_open_the_commitment(world: World, writer: LogWriter) -> None:
    number = writer.submit(lambda session, numberer: numberer.add(draft(reason="r", repeats=2))).number
    with read_only(world.db) as session:
        row = receipt_by_number(session, number)
        assert row is not None
        opened = open_details(session, world.vault, row)
    assert opened.details == {"reason": "r", "repeats": 2}
    assert details_commitment(opened.salt, opened.details) == row.commitment


def test_a_refused_submission_rolls_back_alone(world: World, writer: LogWriter) -> None:
    """In one group: its rows go, its numbers go to others, its neighbours stay."""
    results: dict[int, object] = {}

    def run(place: int) -> None:
        def work(session: Session, numberer: Numberer) -> int:
            session.execute(update(ClockMark).values(high_ms=ClockMark.high_ms + 0))
            receipt = numberer.add(draft(place=place))
            if place % 3 == 1:
                raise ApiError("pull.grant_ended", Kind.FORBIDDEN)
            if place % 3 == 2:
                session.execute(text("INSERT INTO prepared_receipts (receipt_id) VALUES ('rcpt_none')"))
            return receipt.number

        try:
            results[place] = writer.submit(work)
        except ApiError as error:
            results[place] = error.code

    threads = [threading.Thread(target=run, args=(place,)) for place in range(12)]
    with held(writer) as gathered:
        for thread in threads:
            thread.start()
        gathered(12)
    for thread in threads:
        thread.join()
    assert sorted(value for place, value in results.items() if place % 3 == 0) == [0, 1, 2, 3]  # type: ignore[type-var]
    assert {value for place, value in results.items() if place % 3 == 1} == {"pull.grant_ended"}
    assert {value for place, value in results.items() if place % 3 == 2} == {"store.conflict"}
    check_log(world, 4)


def test_what_one_submission_left_in_memory_is_not_seen_by_the_next(world: World, writer: LogWriter) -> None:
    """In one group: an object that is still held, a change that goes past it, a fresh look."""
    outcomes: list[object] = []

    def hold(session: Session, numberer: Numberer) -> ClockMark:
        return session.get_one(ClockMark, 1)

    def change(session: Session, numberer: Numberer) -> None:
        session.connection().execute(text("UPDATE clock_mark SET high_ms = 7"))

    def look(session: Session, numberer: Numberer) -> int:
        return session.get_one(ClockMark, 1).high_ms

    threads = [
        threading.Thread(target=lambda work=work: outcomes.append(writer.submit(work))) for work in (hold, change, look)
    ]
    with held(writer) as gathered:
        for count, thread in enumerate(threads, 1):
            thread.start()
            gathered(count)
    for thread in threads:
        thread.join()
    assert 7 in outcomes


def test_prepared_receipts_are_numbered_in_their_order(world: World, writer: LogWriter) -> None:
    writer.stop()
    names = []
    for batch in range(4):
        with unit_of_work(world.db) as session:
            names += [prepare_receipt(session, world.vault, draft(batch=batch, place=place)) for place in range(20)]
    again = world.new_writer(prepared_limit=16)
    again.start()
    world.settle(again)
    again.stop()
    assert [row.id for row in stored(world)] == names
    check_log(world, 80)


def test_prepared_by_another_process_is_found_without_a_call(world: World, writer: LogWriter) -> None:
    with unit_of_work(world.db) as session:
        prepare_receipt(session, world.vault, draft())
    deadline = time.monotonic() + 3
    while SqlLogStore(world.db).size() == 0:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_rolled_back_facts_prepare_nothing(world: World, writer: LogWriter) -> None:
    def fail() -> None:
        with unit_of_work(world.db) as session:
            prepare_receipt(session, world.vault, draft())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert writer.submit(add).number == 0
    assert len(stored(world)) == 1


def test_a_backlog_does_not_overtake_a_grant(world: World) -> None:
    """With many prepared receipts waiting, a pull's number still comes after what was prepared for its grant."""
    world.add_parties()
    world.add_return(1)
    first = world.new_writer()
    first.start()
    grant_id = world.add_grant(first)
    world.settle(first)
    first.stop()
    with unit_of_work(world.db) as session:
        for place in range(30):
            prepare_receipt(session, world.vault, draft(place=place))
        last = prepare_receipt(
            session,
            world.vault,
            ReceiptDraft(ReceiptKind.REFUSAL, {}, holder_id=world.holder_ids[0], grant_id=grant_id),
        )
    writer = world.new_writer(prepared_limit=5)
    writer.start()
    pulled = writer.submit(lambda s, n: world.pull(s, n, grant_id, b"file"))
    world.settle(writer)
    writer.stop()
    assert pulled is not None
    number = {row.id: row.number for row in stored(world)}
    assert (number[last] or 0) < pulled.number < max(n for n in number.values() if n is not None)


def test_no_pull_after_its_revocation(world: World, writer: LogWriter) -> None:
    """Eight threads pull while each grant is revoked: no pull has a higher number than its grant's end."""
    world.add_parties()
    world.add_return(12)
    grant_ids = [world.add_grant(writer, place, max_uses=100) for place in range(12)]
    current = [0]
    stop = threading.Event()
    pulled: list[tuple[str, int, float]] = []

    def pull() -> None:
        turn = 0
        while not stop.is_set():
            grant_id = grant_ids[current[0]]
            turn += 1
            began = time.monotonic()
            receipt = writer.submit(lambda s, n, g=grant_id, t=turn: world.pull(s, n, g, b"file %d" % (t % 3)))
            if receipt is not None:
                pulled.append((grant_id, receipt.number, began))

    threads = [threading.Thread(target=pull) for _ in range(8)]
    for thread in threads:
        thread.start()
    ends: dict[str, tuple[int, float]] = {}
    for place, grant_id in enumerate(grant_ids):
        deadline = time.monotonic() + 30
        while sum(pull[0] == grant_id for pull in pulled) < 4 and time.monotonic() < deadline:
            time.sleep(0.005)
        receipt = writer.submit(lambda s, n, g=grant_id: world.revoke(s, n, g))
        ends[grant_id] = (receipt.number, time.monotonic())
        time.sleep(0.02)
        current[0] = min(place + 1, len(grant_ids) - 1)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(ends) == 12
    assert len(pulled) >= 48, "there was a race to lose"
    assert [pull for pull in pulled if pull[1] > ends[pull[0]][0]] == []
    assert [pull for pull in pulled if pull[2] > ends[pull[0]][1]] == []
    world.settle(writer)
    check_log(world, SqlLogStore(world.db).size())


@only_sqlite
def test_a_failing_commit_reaches_every_waiter(world: World, writer: LogWriter) -> None:
    """The disk is full when the last of a group writes: none of the group was kept, also none that had gone well."""
    writer.submit(add)
    outcomes: list[str] = []
    with read_only(world.db) as session:
        pages = session.execute(text("PRAGMA page_count")).scalar_one()

    def full(session: Session, numberer: Numberer) -> None:
        session.execute(text(f"PRAGMA max_page_count = {pages}"))
        for place in range(200):
            numberer.add(draft(place=place, filler="x" * 2000))

    works = [*[add] * 6, full, add]
    threads = [
        threading.Thread(target=lambda work=work: outcomes.append(_code(lambda: writer.submit(work)))) for work in works
    ]
    with held(writer) as gathered:
        for count, thread in enumerate(threads, 1):
            thread.start()
            gathered(count)
    for thread in threads:
        thread.join()
    assert outcomes == ["store.unavailable"] * 8
    with unit_of_work(world.db) as session:
        session.execute(text("PRAGMA max_page_count = 1000000"))
    assert writer.submit(add).number == 1, "the writer goes on"
    check_log(world, 2)


def _code(action: Callable[[], object]) -> str:
    try:
        action()
    except (ApiError, FencedError) as error:
        return error.code
    return "done"


def test_takeover_fences_the_old_writer(world: World) -> None:
    old = world.new_writer(lease_s=60)
    old.start()
    assert old.wait_ready(5)
    old.submit(add)
    with unit_of_work(world.db) as session:
        # The old writer's lease has run out, by the database's clock, while it was stopped and did not notice.
        session.execute(update(Lease).values(expires_at_ms=0))
    new = world.new_writer()
    new.start()
    assert new.wait_ready(5)
    assert new.submit(add).number == 1
    with pytest.raises(ApiError, match=r"store\.unavailable"):
        old.submit(add, timeout_s=0.5)
    assert not old.ready
    assert new.submit(add).number == 2
    check_log(world, 3)
    new.stop()
    assert old.submit(add).number == 3, "the old one takes the lease again once it is free"
    old.stop()


def test_who_waits_while_the_lease_runs_out_is_served(world: World) -> None:
    """A process that stood still: its lease is nobody's, and it takes it again before anybody hears of it."""
    writer = world.new_writer(lease_s=60)
    writer.start()
    writer.submit(add)
    for number in (1, 2):
        with unit_of_work(world.db) as session:
            session.execute(update(Lease).values(expires_at_ms=0))
        writer._renew_at = 0.0
        assert writer.submit(add).number == number
    writer.stop()
    check_log(world, 3)


def test_one_writer_at_a_time(world: World, writer: LogWriter) -> None:
    second = world.new_writer()
    second.start()
    assert not second.wait_ready(0.3)
    with pytest.raises(ApiError, match=r"store\.unavailable"):
        second.submit(add, timeout_s=0.1)
    writer.stop()
    assert second.wait_ready(2), "a lease that was given up is free at once"
    assert second.submit(add).number == 0
    second.stop()


@pytest.mark.slow
def test_lease_is_kept_while_idle(world: World) -> None:
    writer = world.new_writer(lease_s=2.0)
    writer.start()
    assert writer.wait_ready(5)
    with read_only(world.db) as session:
        token = session.execute(select(LogState.fence)).scalar_one()
    time.sleep(3.0)
    writer.submit(add)
    writer.stop()
    with read_only(world.db) as session:
        assert session.execute(select(LogState.fence)).scalar_one() == token


def test_time_never_falls(world: World, writer: LogWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    first = writer.submit(add)
    real = clock.time_and_mark

    def shifted(by_ms: int):
        def time_and_mark(session):
            time_ms, mark_ms = real(session)
            return time_ms + by_ms, mark_ms

        return time_and_mark

    monkeypatch.setattr(clock, "time_and_mark", shifted(-3_600_000))
    later = writer.submit(add)
    assert later.time_s >= first.time_s
    monkeypatch.setattr(clock, "time_and_mark", shifted(60_000))
    ahead = writer.submit(add)
    assert ahead.time_s >= first.time_s + 59
    monkeypatch.undo()
    assert writer.submit(add).time_s == ahead.time_s
    with unit_of_work(world.db) as session:
        # A clock mark that was lost must not make the log's own times fall.
        session.execute(update(ClockMark).values(high_ms=0))
    assert writer.submit(add).time_s == ahead.time_s
    writer.submit(lambda session, numberer: session.execute(update(ClockMark).values(high_ms=ahead.time_s * 1000)))
    assert writer.submit(lambda session, numberer: numberer.now_ms) >= ahead.time_s * 1000


def test_stopped_writer_refuses(world: World, writer: LogWriter) -> None:
    writer.stop()
    with pytest.raises(ApiError, match=r"store\.unavailable"):
        writer.submit(add)
    assert not writer.ready


def test_stop_finishes_what_waits(world: World, writer: LogWriter) -> None:
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(writer.submit(add).number)) for _ in range(5)]
    stopper = threading.Thread(target=writer.stop)
    with held(writer) as gathered:
        for thread in threads:
            thread.start()
        gathered(5)
        stopper.start()
    for thread in (stopper, *threads):
        thread.join()
    assert sorted(results) == list(range(5))


def test_damaged_tree_stops_the_log(world: World, writer: LogWriter) -> None:
    for _ in range(3):
        writer.submit(add)
    writer.stop()
    with unit_of_work(world.db) as session:
        session.execute(delete(LogNode).where(LogNode.level == 1))
    again = world.new_writer()
    again.start()
    with pytest.raises(ApiError, match=r"store\.log_damaged"):
        again.submit(add)
    again.stop()
    assert SqlLogStore(world.db).size() == 3


def test_lone_submission_waits_for_no_timer(world: World) -> None:
    writer = world.new_writer(poll_s=5.0, lease_s=60.0)
    writer.start()
    writer.submit(add)
    # Were one of them to wait for the poll, it would be refused as busy.
    for _ in range(20):
        writer.submit(add, timeout_s=2.5)
    writer.stop()


def test_waiting_submissions_share_a_commit(world: World, writer: LogWriter) -> None:
    """All see the same first number: they ran in one transaction."""
    firsts: list[int] = []

    def work(session: Session, numberer: Numberer) -> int:
        numberer.add(draft())
        return numberer.first

    threads = [threading.Thread(target=lambda: firsts.append(writer.submit(work))) for _ in range(16)]
    with held(writer) as gathered:
        for thread in threads:
            thread.start()
        gathered(16)
    for thread in threads:
        thread.join()
    assert firsts == [0] * 16
    with read_only(world.db) as session:
        assert log_size(session).numbered == 16


def test_who_takes_back_overtakes_who_takes(world: World, writer: LogWriter) -> None:
    """In the middle of a round: what goes first runs next, the round ends with it, and the others lose nothing."""
    ran: list[tuple[str, int]] = []
    entered, gate = threading.Event(), threading.Event()

    def submitted(name: str, *, first: bool = False, blocks: bool = False) -> threading.Thread:
        def work(session: Session, numberer: Numberer) -> int:
            if blocks:
                entered.set()
                assert gate.wait(30)
            ran.append((name, numberer.first))
            return numberer.add(draft()).number

        thread = threading.Thread(target=lambda: writer.submit(work, first=first))
        thread.start()
        return thread

    def waiting(queue: Sized, count: int) -> None:
        deadline = time.monotonic() + 30
        while len(queue) < count:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    with held(writer) as gathered:
        threads = [submitted("a pull that is being made", blocks=True)]
        gathered(1)
        for at in range(3):
            threads.append(submitted(f"pull {at}"))
            gathered(at + 2)
    assert entered.wait(30)
    threads.append(submitted("revocation", first=True))
    waiting(writer._urgent, 1)
    gate.set()
    for thread in threads:
        thread.join()
    names = ["a pull that is being made", "revocation", "pull 0", "pull 1", "pull 2"]
    assert ran == list(zip(names, [0, 0, 2, 2, 2], strict=True))
    check_log(world, 5)
