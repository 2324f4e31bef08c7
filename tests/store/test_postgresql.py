"""What is PostgreSQL's own: limits of its sessions, its errors as ours, connections that end, and order by bytes."""

import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from api.errors import ApiError, Kind
from api.store import Database, clock, postgresql, read_only, unit_of_work
from api.store.locks import exclusive
from api.store.log_writer import LogWriter, ReceiptDraft
from api.store.tables import Lease, Party
from chain.receipt import ReceiptKind
from tests.store.backends import Dba, only_postgresql
from tests.store.world import World

pytestmark = only_postgresql
BACKEND_PID = text("SELECT pg_backend_pid()")
DRAFT = ReceiptDraft(ReceiptKind.REFUSAL, {})


def party(name: str, **more: object) -> Party:
    columns: dict[str, object] = {"id": name, "role": "entity", "name_zh": "甲", "name_en": "A", "status": "active"}
    return Party(**(columns | {"created_at_ms": 1} | more))


def names(db: Database) -> list[str]:
    with read_only(db) as session:
        return list(session.execute(select(Party.id).order_by(Party.id)).scalars())


def code_of(action: Callable[[], object]) -> tuple[str, object]:
    try:
        action()
    except ApiError as error:
        return error.code, error.facts.get("reason")
    return "done", None


def end_all(db: Database) -> set[int]:
    """End every client's connection to the database but one's own; their backends' numbers."""
    with Dba(str(db.url)) as dba:
        rows = dba.execute(
            "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        ).fetchall()
        return {pid for pid, _ in rows}


def test_sessions_are_as_they_must_be(db: Database) -> None:
    wanted = ("transaction_isolation", "transaction_read_only", "lock_timeout", "statement_timeout", "fsync")

    def seen(session) -> list[str]:
        return [session.execute(text(f"SHOW {name}")).scalar_one() for name in (*wanted, "synchronous_commit")]

    with unit_of_work(db) as session:
        assert seen(session) == ["read committed", "off", "10s", "30s", "on", "on"]
        assert session.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one() == "30s"
    with read_only(db) as session:
        assert seen(session) == ["repeatable read", "on", "10s", "30s", "on", "on"]


def test_the_operators_own_options_prevail(db: Database) -> None:
    other = Database(f"{db.url}&options=-c%20statement_timeout%3D7s&application_name=city")
    with unit_of_work(other) as session:
        assert session.execute(text("SHOW statement_timeout")).scalar_one() == "7s"
        assert session.execute(text("SHOW lock_timeout")).scalar_one() == "10s"
        assert session.execute(text("SHOW application_name")).scalar_one() == "city"
    other.close()


@pytest.mark.parametrize(
    ("state", "code", "kind", "reason"),
    [
        ("53100", "store.unavailable", Kind.UNAVAILABLE, "resources"),
        ("53300", "store.unavailable", Kind.UNAVAILABLE, "resources"),
        ("58030", "store.unavailable", Kind.UNAVAILABLE, "system"),
        ("57P01", "store.unavailable", Kind.UNAVAILABLE, "shutdown"),
        ("40001", "store.unavailable", Kind.UNAVAILABLE, "serialization"),
        ("25006", "store.unavailable", Kind.UNAVAILABLE, "read_only"),
        ("XX001", "store.damaged", Kind.INTEGRITY, "XX001"),
        ("XX000", "store.internal", Kind.INTERNAL, "XX000"),
        ("23505", "store.conflict", Kind.CONFLICT, None),
        ("22003", "store.value", Kind.INVALID, None),
    ],
)
def test_errors(db: Database, state: str, code: str, kind: Kind, reason: str | None) -> None:
    """The server raises each itself; what was written before it in the transaction is gone."""

    def act() -> None:
        with unit_of_work(db) as session:
            session.add(party("p"))
            session.flush()
            session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'secret' USING ERRCODE = '{state}'; END $$"))

    with pytest.raises(ApiError) as raised:
        act()
    error = raised.value
    assert (error.code, error.kind, error.facts.get("reason")) == (code, kind, reason)
    assert names(db) == []


def test_programming_errors_stay_what_they_are_and_quote_nothing(db: Database) -> None:
    with pytest.raises(SQLAlchemyError) as raised, unit_of_work(db) as session:
        session.execute(text("SELECT * FROM nothing WHERE 'secret' = 'secret'"))
    assert "42P01" in str(raised.value)
    assert "does not exist" not in str(raised.value), "the server's text may hold values"


def test_values_that_do_not_fit(db: Database) -> None:
    for wrong in ({"name_en": "a\x00b"}, {"name_en": "x" * 129}, {"created_at_ms": 2**63}):
        with pytest.raises(ApiError) as raised, unit_of_work(db) as session:
            session.add(party("p", **wrong))
        assert (raised.value.code, raised.value.kind) == ("store.value", Kind.INVALID)
    assert names(db) == []


def test_a_lock_that_stays(db: Database) -> None:
    impatient = Database(str(db.url), busy_timeout_s=0.2)
    with unit_of_work(db) as holder:
        holder.execute(text("SELECT * FROM log_state FOR UPDATE"))

        def wait() -> None:
            with unit_of_work(impatient) as session:
                session.add(party("p"))
                session.flush()
                session.execute(text("SELECT * FROM log_state FOR UPDATE"))

        assert code_of(wait) == ("store.unavailable", "lock_timeout")
    assert names(db) == []
    impatient.close()


def test_a_statement_that_does_not_end(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "STATEMENT_TIMEOUT_S", 0.2)
    other = Database(str(db.url))

    def sleep() -> None:
        with read_only(other) as session:
            session.execute(text("SELECT pg_sleep(60)"))

    assert code_of(sleep) == ("store.unavailable", "statement_timeout")
    other.close()


def test_a_stopped_writer_does_not_hold_the_others_up(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sleeps in the middle of a transaction: the server ends it, and the lock that it held is free."""
    monkeypatch.setattr(postgresql, "WRITER_IDLE_S", 0.5)
    stopped = Database(str(db.url))

    def stop() -> None:
        with unit_of_work(stopped) as session:
            session.execute(text("SELECT * FROM log_state FOR UPDATE"))
            with unit_of_work(db) as other:
                other.execute(text("SELECT * FROM log_state FOR UPDATE"))
                other.add(party("other"))
            session.add(party("stopped"))

    assert code_of(stop)[0] == "store.unavailable"
    assert names(db) == ["other"]
    stopped.close()


def test_a_knot_of_locks_ends_for_one(db: Database) -> None:
    with unit_of_work(db) as session:
        for name in ("a", "b"):
            session.add(Lease(name=name, holder="", token=0, expires_at_ms=0))
    met = threading.Barrier(2)
    outcomes: list[tuple[str, object]] = []

    def lock(first: str, second: str) -> None:
        with unit_of_work(db) as session:
            session.execute(text("SELECT * FROM leases WHERE name = :n FOR UPDATE"), {"n": first})
            met.wait(30)
            session.execute(text("SELECT * FROM leases WHERE name = :n FOR UPDATE"), {"n": second})

    threads = [
        threading.Thread(target=lambda pair=pair: outcomes.append(code_of(lambda: lock(*pair))))
        for pair in (("a", "b"), ("b", "a"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str) == [("done", None), ("store.unavailable", "deadlock")]


def test_a_connection_that_ends_in_a_transaction(db: Database) -> None:
    def cut() -> None:
        with unit_of_work(db) as session:
            session.add(party("half"))
            session.flush()
            assert end_all(db)
            session.add(party("other half"))

    assert code_of(cut)[0] == "store.unavailable"
    assert names(db) == [], "nothing of it stands, and the next transaction has a new connection"


def test_a_connection_that_ends_in_the_commit_leaves_it_unknown(db: Database) -> None:
    with Dba(str(db.url)) as dba:
        dba.execute(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(9); RETURN NULL; END $$"
        )
        dba.execute(
            "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON parties DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION die()"
        )
    try:
        with pytest.raises(ApiError) as raised, unit_of_work(db) as session:
            session.add(party("p"))
        assert (raised.value.code, raised.value.kind) == ("store.unconfirmed", Kind.UNAVAILABLE)
    finally:
        with Dba(str(db.url)) as dba:
            dba.execute("DROP FUNCTION die CASCADE")


def test_idle_connections_that_the_server_ended_cost_nobody_a_failure(db: Database) -> None:
    with unit_of_work(db) as session:
        before = session.execute(BACKEND_PID).scalar_one()
    with read_only(db) as session:
        other = session.execute(BACKEND_PID).scalar_one()
    assert end_all(db) >= {before, other}, "an earlier test's backend may still be on its way out"
    deadline = time.monotonic() + 30
    while db.writer.pool.checkedin() and _alive(db, before):  # type: ignore[attr-defined]  # a QueuePool
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with unit_of_work(db) as session:
        assert session.execute(BACKEND_PID).scalar_one() != before
        session.add(party("p"))
    assert names(db) == ["p"]


def _alive(db: Database, pid: int) -> bool:
    with Dba(str(db.url)) as dba:
        return dba.execute("SELECT 1 FROM pg_stat_activity WHERE pid = ?", (pid,)).fetchone() is not None


def test_no_server(db: Database) -> None:
    away = Database("postgresql+psycopg://nobody@/none?host=/nonexistent")
    assert code_of(lambda: names(away)) == ("store.unavailable", "connection")
    away.close()


def test_every_text_column_compares_bytes(db: Database) -> None:
    """Whatever the database's own collation; this one's is Chinese where the server has ICU."""
    with Dba(str(db.url)) as dba:
        others = dba.execute(
            "SELECT attrelid::regclass, attname FROM pg_attribute a JOIN pg_collation o ON o.oid = a.attcollation"
            " JOIN pg_class c ON c.oid = a.attrelid"
            " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND o.collname <> 'C'"
        ).fetchall()
    assert others == []
    wanted = ["Z", "_", "a", "a_", "ab", "b", "é", "乙", "甲"]
    with unit_of_work(db) as session:
        for name in reversed(wanted):
            session.add(party(name))
    assert names(db) == sorted(wanted, key=str.encode)


def test_locks_by_name(db: Database) -> None:
    order: list[str] = []
    entered = threading.Event()

    def other() -> None:
        with unit_of_work(db) as session:
            exclusive(session, "file", b"\1")
            order.append("other")

    def stranger() -> None:
        with unit_of_work(db) as session:
            exclusive(session, "file", b"\2")
            order.append("stranger")
            entered.set()

    threads = [threading.Thread(target=other), threading.Thread(target=stranger)]
    with unit_of_work(db) as session:
        exclusive(session, "file", b"\1")
        for thread in threads:
            thread.start()
        assert entered.wait(30)
        order.append("first")
    for thread in threads:
        thread.join()
    assert order == ["stranger", "first", "other"]


@pytest.fixture
def marked(world: World) -> Iterator[World]:
    """A writer in the middle of a long transaction that has moved the clock's mark."""
    with unit_of_work(world.db) as session:
        clock.advance(session)
        yield world


def test_a_long_transaction_does_not_hold_the_log_up(marked: World) -> None:
    log: LogWriter = marked.new_writer()
    log.start()
    assert log.submit(lambda _, numberer: numberer.add(DRAFT).number) == 0
    with unit_of_work(marked.db) as session:
        clock.advance(session)
    log.stop()


def test_the_dialect_is_the_third_psycopg(db: Database) -> None:
    with read_only(db) as session:
        assert isinstance(session.connection().connection.driver_connection, psycopg.Connection)
