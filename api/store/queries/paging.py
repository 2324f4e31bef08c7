"""Cursor paging: newest first, by time and id, stable while rows are added."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

from api.errors import ApiError, Kind

T = TypeVar("T")
LIMIT = 50
LIMIT_MAX = 200
_TIME_DIGITS = 15  # milliseconds until far beyond the year 30000; more would not fit a database's integer


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, and the cursor of the next page (None on the last)."""

    items: list[T]
    next_cursor: str | None


def after(
    cursor: str | None, time_column: InstrumentedAttribute[int], id_column: InstrumentedAttribute[str]
) -> list[ColumnElement[bool]]:
    """Conditions for rows that come after the cursor, newest first. Raises ApiError `store.cursor`."""
    if cursor is None:
        return []
    at_ms, last_id = _decode(cursor)
    return [or_(time_column < at_ms, and_(time_column == at_ms, id_column < last_id))]


def clamp(limit: int) -> int:
    """A page size from 1 to 200."""
    return max(1, min(limit, LIMIT_MAX))


def page(rows: Sequence[T], limit: int, key: Callable[[T], tuple[int, str]]) -> Page[T]:
    """A page from `limit` + 1 fetched rows; the surplus row tells that there is more."""
    items = list(rows[:limit])
    return Page(items, _encode(*key(items[-1])) if len(rows) > limit else None)


def _encode(at_ms: int, row_id: str) -> str:
    return base64.urlsafe_b64encode(f"{at_ms}:{row_id}".encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[int, str]:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        at_ms, row_id = text.split(":", 1)
        if not (at_ms.isascii() and at_ms.isdigit() and len(at_ms) <= _TIME_DIGITS):
            raise ValueError
        return int(at_ms), row_id
    except (ValueError, binascii.Error):
        raise ApiError("store.cursor", Kind.INVALID) from None
