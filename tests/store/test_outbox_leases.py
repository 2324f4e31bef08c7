"""Outbox rows go to one worker at a time and come back when it dies; leases fence."""

import threading

import pytest
from sqlalchemy import select, update

from api.store import Database, outbox, read_only, unit_of_work
from api.store.leases import acquire, release
from api.store.outbox import done, failed, lease, put
from api.store.tables import Lease, Outbox


def fill(db: Database, count: int, topic: str = "anchor") -> None:
    with unit_of_work(db) as session:
        for number in range(count):
            assert put(session, topic, f"{topic}:{number}", {"n": number})


def run_out(db: Database) -> None:
    with unit_of_work(db) as session:
        session.execute(update(Outbox).values(leased_until_ms=0))


def test_put_is_idempotent_by_key(db: Database) -> None:
    with unit_of_work(db) as session:
        assert put(session, "anchor", "k", {"n": 1})
        assert not put(session, "anchor", "k", {"n": 2})
    (row,) = lease(db, ["anchor"], 9, 60)
    assert row.payload == {"n": 1}


def test_put_is_part_of_its_fact(db: Database) -> None:
    def fail() -> None:
        with unit_of_work(db) as session:
            put(session, "anchor", "k", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert lease(db, ["anchor"], 9, 60) == []


def test_lease_order_topic_and_limit(db: Database) -> None:
    fill(db, 5)
    fill(db, 1, "grant")
    assert [row.key for row in lease(db, ["anchor"], 3, 60)] == ["anchor:0", "anchor:1", "anchor:2"]
    assert [row.key for row in lease(db, ["anchor", "grant"], 9, 60)] == ["anchor:3", "anchor:4", "grant:0"]
    assert lease(db, ["anchor", "grant"], 9, 60) == []


def test_dead_worker_gives_its_rows_back(db: Database) -> None:
    fill(db, 1)
    (first,) = lease(db, ["anchor"], 9, 60)
    run_out(db)
    (second,) = lease(db, ["anchor"], 9, 90)
    assert (first.attempts, second.attempts) == (1, 2)
    assert not done(db, first), "its lease went to another"
    assert not failed(db, first, "chain.x")
    assert done(db, second)
    assert not done(db, second)
    run_out(db)
    assert lease(db, ["anchor"], 9, 60) == []


def test_failures_pause_longer_each_time(db: Database) -> None:
    fill(db, 1)
    pauses = []
    for _ in range(8):
        run_out(db)
        (row,) = lease(db, ["anchor"], 9, 60)
        assert failed(db, row, "chain.node.unreachable")
        assert lease(db, ["anchor"], 9, 60) == []
        with read_only(db) as session:
            stored = session.execute(select(Outbox)).scalar_one()
            pauses.append(round((stored.leased_until_ms - row.leased_until_ms + 60_000) / 1000))
        assert stored.last_error == "chain.node.unreachable"
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    run_out(db)
    (row,) = lease(db, ["anchor"], 9, 60)
    assert failed(db, row, "chain.refused", retry=False)
    run_out(db)
    assert lease(db, ["anchor"], 9, 60) == []


def test_counts(db: Database) -> None:
    fill(db, 3)
    fill(db, 2, "grant")
    (row,) = lease(db, ["grant"], 1, 60)
    done(db, row)
    with read_only(db) as session:
        assert outbox.count_open(session) == 4
        assert outbox.count_open(session, ["grant"]) == 1
        assert outbox.oldest_open_ms(session) is not None


def test_workers_share_without_overlap(db: Database) -> None:
    fill(db, 60)
    taken: list[str] = []

    def work() -> None:
        while rows := lease(db, ["anchor"], 4, 60):
            taken.extend(row.key for row in rows)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(f"anchor:{number}" for number in range(60))


def test_lease_tokens_grow_with_each_holder(db: Database) -> None:
    with unit_of_work(db) as session:
        first = acquire(session, "relay", "a", 60)
        assert first is not None
        assert first.token == 1
        assert acquire(session, "relay", "b", 60) is None
        renewed = acquire(session, "relay", "a", 90)
        assert renewed is not None
        assert (renewed.token, renewed.expires_at_ms > first.expires_at_ms) == (1, True)
        session.execute(update(Lease).values(expires_at_ms=1))
        second = acquire(session, "relay", "b", 60)
        assert second is not None
        assert second.token == 2
        release(session, first)
        assert acquire(session, "relay", "a", 60) is None, "an old holder cannot give a newer one's lease away"
        release(session, second)
        again = acquire(session, "relay", "b", 60)
        assert again is not None
        assert again.token == 3, "who lost it gets a new token as well"
        other = acquire(session, "log_writer", "a", 60)
        assert other is not None
        assert other.token == 1
