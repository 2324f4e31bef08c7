"""Transactions: what commits, what does not, and how failures of the disk and of locks are told."""

import re
import sqlite3
import stat
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from api.errors import ApiError, Kind
from api.store import Database, read_only, unit_of_work
from api.store.tables import ClockMark, Party
from tests.store.backends import only_sqlite
from tests.store.world import World

ROOT = Path(__file__).parents[2]
HIGH = select(ClockMark.high_ms).where(ClockMark.id == 1).with_for_update()


def party(number: int, **more: object) -> Party:
    columns: dict[str, object] = {
        "id": f"party_{number}",
        "role": "entity",
        "name_zh": "甲",
        "name_en": "A",
        "status": "active",
        "created_at_ms": 1,
    }
    return Party(**(columns | more))


def add(db: Database, *numbers: int, failing: bool = False, **more: object) -> None:
    with unit_of_work(db) as session:
        for number in numbers:
            session.add(party(number, **more))
        session.flush()
        if failing:
            raise ZeroDivisionError


def count(db: Database) -> int:
    with read_only(db) as session:
        return int(session.execute(text("SELECT count(*) FROM parties")).scalar_one())


def test_one_place_commits() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{number}"
        for package in ("api", "chain", "watermark")
        for path in (ROOT / package).rglob("*.py")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if re.search(r"\.commit\(", line)
    }
    assert [place.split(":")[0] for place in found] == ["api/store/database.py"]


def test_commit_and_rollback(db: Database) -> None:
    add(db, 1)
    with pytest.raises(ZeroDivisionError):
        add(db, 2, failing=True)
    assert count(db) == 1


def test_objects_stay_readable_after_the_commit(db: Database) -> None:
    with unit_of_work(db) as session:
        row = party(1)
        session.add(row)
    assert row.name_en == "A"


def test_reader_cannot_write(db: Database) -> None:
    with pytest.raises(ApiError), read_only(db) as session:
        session.execute(text("DELETE FROM parties"))


def test_reader_sees_one_snapshot(db: Database) -> None:
    with read_only(db) as session:
        before = session.execute(text("SELECT count(*) FROM parties")).scalar_one()
        with unit_of_work(db) as writing:
            writing.add(party(1))
        assert session.execute(text("SELECT count(*) FROM parties")).scalar_one() == before
    assert count(db) == before + 1


@only_sqlite
def test_settings_of_both_connections(db: Database) -> None:
    with unit_of_work(db) as session:
        values = {
            name: session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "query_only")
        }
    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "query_only": 0}
    with read_only(db) as session:
        assert session.execute(text("PRAGMA query_only")).scalar_one() == 1


@only_sqlite
def test_files_are_private(db: Database, path: Path) -> None:
    with unit_of_work(db) as session:
        session.add(party(1))
        session.flush()
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.glob("store.sqlite3*")}
    assert modes == dict.fromkeys(("store.sqlite3", "store.sqlite3-wal", "store.sqlite3-shm"), 0o600)


def test_writers_do_not_lose_updates(db: Database) -> None:
    """Read under a lock, then write. On SQLite the transaction is the lock: a deferred BEGIN fails or loses counts."""

    def bump() -> None:
        for _ in range(25):
            with unit_of_work(db) as session:
                high = session.execute(HIGH).scalar_one()
                session.execute(update(ClockMark).where(ClockMark.id == 1).values(high_ms=high + 1))

    other = Database(str(db.url))
    threads = [threading.Thread(target=bump) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(25):
        with unit_of_work(other) as session:
            high = session.execute(HIGH).scalar_one()
            session.execute(update(ClockMark).where(ClockMark.id == 1).values(high_ms=high + 1))
    for thread in threads:
        thread.join()
    other.close()
    with read_only(db) as session:
        assert session.execute(select(ClockMark.high_ms).where(ClockMark.id == 1)).scalar_one() == 125


@only_sqlite
def test_a_lock_that_stays_is_unavailable(path: Path) -> None:
    db = Database(f"sqlite:///{path}", busy_timeout_s=0.2)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(ApiError) as raised:
            add(db, 1)
        assert 0.15 < time.monotonic() - began < 2
        other.execute("ROLLBACK")
    assert (raised.value.code, raised.value.kind) == ("store.unavailable", Kind.UNAVAILABLE)
    with unit_of_work(db) as session:
        session.add(party(1))
    db.close()


@only_sqlite
def test_a_lock_that_goes_is_waited_for(db: Database, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.1, lambda: other.execute("ROLLBACK")).start()
    with unit_of_work(db) as session:
        session.add(party(1))
    other.close()
    assert count(db) == 1


@only_sqlite
def test_full_disk_keeps_nothing_and_heals(db: Database) -> None:
    with unit_of_work(db) as session:
        session.add(party(1))
        pages = session.execute(text("PRAGMA page_count")).scalar_one()
        session.execute(text(f"PRAGMA max_page_count = {pages + 2}"))
    with pytest.raises(ApiError) as raised:
        add(db, *range(2, 2000))
    assert raised.value.code == "store.unavailable"
    assert raised.value.facts["reason"] == "SQLITE_FULL"
    assert count(db) == 1
    with unit_of_work(db) as session:
        session.execute(text("PRAGMA max_page_count = 1000000"))
        session.add(party(2))
    assert count(db) == 2


def test_no_database_file(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ApiError, match=r"store\.unavailable"):
        Database(f"sqlite:///{blocked / 'x.sqlite3'}")


def test_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    path.write_bytes(b"this is no database at all, whatever its name says" * 100)
    db = Database(f"sqlite:///{path}")
    with pytest.raises(ApiError) as raised:
        count(db)
    db.close()
    assert (raised.value.code, raised.value.kind) == ("store.damaged", Kind.INTEGRITY)


def test_memory_is_refused() -> None:
    for url in ("sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"):
        with pytest.raises(ApiError, match=r"store\.memory_database"):
            Database(url)


def test_conflicts_name_no_values(db: Database, world: World) -> None:
    secret = "91371000MA3SECRET0"
    with unit_of_work(db) as session:
        session.add(party(1, uscc=secret, http_key_thumbprint="t"))
    with pytest.raises(ApiError) as raised, unit_of_work(db) as session:
        session.add(party(2, uscc=secret, http_key_thumbprint="t"))
    assert (raised.value.code, raised.value.kind) == ("store.conflict", Kind.CONFLICT)
    assert raised.value.__cause__ is None
    session = db.new_session()
    session.add(party(3, uscc=secret, http_key_thumbprint="t"))
    with pytest.raises(IntegrityError) as bare:
        session.flush()
    session.close()
    assert secret not in str(bare.value)
    assert "hidden" in str(bare.value)


def test_references_are_enforced(db: Database) -> None:
    with pytest.raises(ApiError, match=r"store\.conflict"), unit_of_work(db) as session:
        session.execute(text("INSERT INTO prepared_receipts (receipt_id) VALUES ('rcpt_none')"))
