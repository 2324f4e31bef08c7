"""Migrations: they make what the metadata say, once, and leave a newer database alone."""

import threading
from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from api.errors import ApiError
from api.store import Database, read_only, unit_of_work
from api.store.schema import _config, migrate, newest_version, require_current, schema_version
from api.store.tables import Base, Receipt
from tests.store.backends import Backend


@pytest.fixture
def empty(backend: Backend) -> Iterator[str]:
    """A database without any table."""
    url = backend.create(empty=True)
    yield url
    backend.drop(url)


def test_migrated_schema_is_the_metadata(db: Database) -> None:
    with read_only(db) as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_comparison_can_fail(db: Database) -> None:
    with unit_of_work(db) as session:
        session.execute(text("DROP INDEX ix_returns_state"))
        session.execute(text("ALTER TABLE parties ADD COLUMN more TEXT"))
    with read_only(db) as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
        assert len(compare_metadata(context, Base.metadata)) == 2


def test_versions(empty: str) -> None:
    db = Database(empty)
    assert schema_version(db) is None
    with pytest.raises(ApiError, match=r"store\.schema_old"):
        require_current(db)
    assert migrate(db) == migrate(db) == schema_version(db) == newest_version()
    require_current(db)
    db.close()


@pytest.mark.parametrize(("kept", "marked"), [([], []), ([3, 7], [7])])
def test_the_watch_begins_at_the_end_of_an_old_log(db: Database, kept: list[int], marked: list[int]) -> None:
    """What stands there before the upgrade is not judged anew; a watch that has begun goes on where it was."""

    def marks() -> list[int]:
        with read_only(db) as session:
            return list(session.execute(text("SELECT number FROM watch_marks")).scalars())

    with unit_of_work(db) as session:
        command.downgrade(_config(session.connection()), "0020")
        for number in kept:
            row = {"id": f"rcpt_{number}", "number": number, "kind": "look", "repeats": 1, "at_ms": 1}
            session.add(Receipt(**row, commitment=bytes(32), details_enc=b""))
    migrate(db)
    assert marks() == marked
    with unit_of_work(db) as session:
        command.downgrade(_config(session.connection()), "0020")
        session.execute(text("DELETE FROM watch_marks"))
        session.execute(text("INSERT INTO watch_marks (id, number) VALUES (1, 2)"))
    migrate(db)
    assert marks() == [2]


def test_newer_schema_is_left_alone(db: Database) -> None:
    with unit_of_work(db) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for action in (migrate, schema_version, require_current):
        with pytest.raises(ApiError, match=r"store\.newer_schema"):
            action(db)
    with read_only(db) as session:
        assert session.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"


def test_two_that_start_together(empty: str) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        db = Database(empty, busy_timeout_s=120.0)  # however slow the machine is just now
        try:
            migrate(db)
        except BaseException as error:
            failures.append(error)
        finally:
            db.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_downgrade_empties(db: Database) -> None:
    with unit_of_work(db) as session:
        command.downgrade(_config(session.connection()), "base")
    assert schema_version(db) is None
