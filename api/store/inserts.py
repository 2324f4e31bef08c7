"""Bulk inserts, and `INSERT ... ON CONFLICT DO NOTHING` as both SQLite and PostgreSQL know it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import Dialect, Executable, Insert, LargeBinary, Table, insert, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler

from api.store.database import connected
from api.store.tables import Base


def insert_many(session: Session, table: type[Base], rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows in one `executemany`, past the unit of work, whose bookkeeping costs more than the insert itself."""
    _execute_many(session, table, rows, ignore=False)


def insert_ignore(session: Session, table: type[Base], rows: Sequence[Mapping[str, object]]) -> bool:
    """Insert rows, leaving out those that collide with one that is there on any uniqueness rule; whether none did."""
    return _execute_many(session, table, rows, ignore=True) == len(rows)


def _execute_many(session: Session, table: type[Base], rows: Sequence[Mapping[str, object]], *, ignore: bool) -> int:
    """Insert; how many rows were, or -1 where the driver does not tell."""
    if not rows:
        return 0
    session.flush()
    connection = connected(session)
    plan = _plan(table, connection.dialect, tuple(rows[0]), ignore=ignore)
    if plan is None:
        statement = _insert_of(cast("Table", table.__table__), connection.dialect.name, ignore=ignore)
        return connection.execute(statement, [dict(row) for row in rows]).rowcount
    parameters: Sequence[Mapping[str, object]] = rows
    if plan.conversions:
        converted = [dict(row) for row in rows]
        for name, convert in plan.conversions:
            for row in converted:
                row[name] = convert(row[name])
        parameters = converted
    if plan.order is None:
        return connection.exec_driver_sql(plan.sql, parameters).rowcount
    if len(plan.order) == 1:
        return connection.exec_driver_sql(plan.sql, [(row[plan.order[0]],) for row in parameters]).rowcount
    return connection.exec_driver_sql(plan.sql, list(map(itemgetter(*plan.order), parameters))).rowcount


@dataclass(frozen=True, slots=True)
class _Plan:
    """One statement as the driver takes it; `order` where parameters go by place."""

    sql: str
    order: tuple[str, ...] | None
    conversions: tuple[tuple[str, Callable[[Any], object]], ...]


@lru_cache(maxsize=256)
def _plan(table: type[Base], dialect: Dialect, names: tuple[str, ...], *, ignore: bool) -> _Plan | None:
    """How to hand rows with these columns to the driver itself; None where SQLAlchemy has to fill in columns.

    Its parameters pass several Python calls a cell, which for a return's thousands of rows costs more than sealing
    them. Conversions of types (JSON) stay; only bytes go as they are, which both drivers take.
    """
    core = cast("Table", table.__table__)
    compiled = _insert_of(core, dialect.name, ignore=ignore).compile(dialect=dialect, column_keys=list(names))
    assert isinstance(compiled, SQLCompiler), "an insert compiles to SQL"
    if compiled.insert_prefetch or set(compiled.params) != set(names):
        return None
    conversions = []
    for name in names:
        kind = core.c[name].type.dialect_impl(dialect)
        convert = kind.bind_processor(dialect)
        if convert is not None and not isinstance(core.c[name].type, LargeBinary):
            conversions.append((name, convert))
    order = tuple(compiled.positiontup) if compiled.positiontup is not None else None
    return _Plan(str(compiled), order, tuple(conversions))


def _insert_of(core: Table, dialect: str, *, ignore: bool) -> Insert:
    if not ignore:
        return insert(core)
    if dialect == "sqlite":
        return sqlite.insert(core).on_conflict_do_nothing()
    return postgresql.insert(core).on_conflict_do_nothing()


def insert_if_new(session: Session, table: type[Base], row: Mapping[str, object]) -> bool:
    """Insert one row; False where one with its key, or another of its unique values, is there already."""
    session.flush()
    connection = connected(session)
    statement = _if_new(table, connection.dialect.name)
    return connection.execute(statement, dict(row)).first() is not None


@lru_cache(maxsize=256)
def _if_new(table: type[Base], dialect: str) -> Executable:
    """Built once for each table: that costs several times what running it does."""
    key = inspect(table).primary_key[0]
    core = cast("Table", table.__table__)
    if dialect == "sqlite":
        return sqlite.insert(core).on_conflict_do_nothing().returning(key)
    return postgresql.insert(core).on_conflict_do_nothing().returning(key)
