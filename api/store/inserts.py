"""Bulk inserts, and `INSERT ... ON CONFLICT DO NOTHING` as both SQLite and PostgreSQL know it."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import cast

from sqlalchemy import Executable, Table, insert, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from api.store.tables import Base


def insert_many(session: Session, table: type[Base], rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows in one `executemany`, past the unit of work, whose bookkeeping costs more than the insert itself."""
    if rows:
        session.flush()
        session.connection().execute(insert(cast("Table", table.__table__)), list(rows))


def insert_ignore(session: Session, table: type[Base], rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows, leaving out those that collide with one that is there on any uniqueness rule."""
    if not rows:
        return
    if session.get_bind().dialect.name == "sqlite":
        session.execute(sqlite.insert(table).on_conflict_do_nothing(), list(rows))
    else:
        session.execute(postgresql.insert(table).on_conflict_do_nothing(), list(rows))


def insert_if_new(session: Session, table: type[Base], row: Mapping[str, object]) -> bool:
    """Insert one row; False where one with its key, or another of its unique values, is there already."""
    session.flush()
    statement = _if_new(table, session.get_bind().dialect.name)
    return session.connection().execute(statement, dict(row)).first() is not None


@lru_cache(maxsize=256)
def _if_new(table: type[Base], dialect: str) -> Executable:
    """Built once for each table: that costs several times what running it does."""
    key = inspect(table).primary_key[0]
    core = cast("Table", table.__table__)
    if dialect == "sqlite":
        return sqlite.insert(core).on_conflict_do_nothing().returning(key)
    return postgresql.insert(core).on_conflict_do_nothing().returning(key)
