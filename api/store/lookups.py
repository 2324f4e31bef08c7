"""Many rows by their keys at once, past SQLAlchemy's lists, which cost several times what the look-up itself does."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler

AT_ONCE = 1024


class Lookup:
    """A query of rows whose `column` is among so many keys; built once, used with ever other keys.

    `query` may have parameters of its own (`bindparam`). What comes back is as the driver gives it: fit for bytes,
    texts and whole numbers alone.
    """

    def __init__(self, query: Select[*tuple[Any, ...]], column: ColumnElement[bytes]) -> None:
        self._query = query
        self._column = column
        self._plans: dict[tuple[str, int], tuple[str, tuple[str, ...] | None]] = {}

    def rows(self, session: Session, keys: Sequence[bytes], **parameters: str) -> Iterator[Any]:
        """The rows, in no order. A key may be there twice."""
        session.flush()
        connection = session.connection()
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            # Few sizes, so that the statements of all of them are kept: the last key fills up.
            size = 1 << (len(some) - 1).bit_length()
            filled = [*some, *[some[-1]] * (size - len(some))]
            sql, order = self._plan(session, size)
            values: dict[str, object] = {**{_name(at): key for at, key in enumerate(filled)}, **parameters}
            given = values if order is None else tuple([values[name] for name in order])
            yield from connection.exec_driver_sql(sql, given)

    def _plan(self, session: Session, size: int) -> tuple[str, tuple[str, ...] | None]:
        dialect = session.get_bind().dialect
        known = self._plans.get((dialect.name, size))
        if known is None:
            query = self._query.where(self._column.in_([bindparam(_name(at)) for at in range(size)]))
            compiled = query.compile(dialect=dialect)
            assert isinstance(compiled, SQLCompiler), "a query compiles to SQL"
            order = None if compiled.positiontup is None else tuple(compiled.positiontup)
            known = self._plans[dialect.name, size] = str(compiled), order
        return known


def _name(at: int) -> str:
    return f"key_{at}"
