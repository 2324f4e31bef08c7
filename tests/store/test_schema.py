"""Migrations: they make what the metadata say, once, and leave a newer database alone."""

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from api.errors import ApiError
from api.store import Database, read_only, unit_of_work
from api.store.schema import migrate, newest_version, require_current, schema_version
from api.store.tables import Base


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


def test_versions(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'new.sqlite3'}")
    assert schema_version(db) is None
    with pytest.raises(ApiError, match=r"store\.schema_old"):
        require_current(db)
    assert migrate(db) == migrate(db) == schema_version(db) == newest_version()
    require_current(db)
    db.close()


def test_newer_schema_is_left_alone(db: Database) -> None:
    with unit_of_work(db) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for action in (migrate, schema_version, require_current):
        with pytest.raises(ApiError, match=r"store\.newer_schema"):
            action(db)
    with read_only(db) as session:
        assert session.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"


def test_two_that_start_together(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        db = Database(f"sqlite:///{tmp_path / 'new.sqlite3'}")
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
    from alembic import command

    from api.store.schema import _config

    with unit_of_work(db) as session:
        command.downgrade(_config(session.connection()), "base")
    assert schema_version(db) is None


def test_tables_compile_for_postgresql() -> None:
    """Nothing here is SQLite's alone: every table and index has a PostgreSQL form."""
    for table in Base.metadata.sorted_tables:
        made = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        assert made.lstrip().startswith(f"CREATE TABLE {table.name}")
        for index in table.indexes:
            assert str(CreateIndex(index).compile(dialect=postgresql.dialect()))
