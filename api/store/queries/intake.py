"""Remembered columns, and what the checks of returns found, by rule and field."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Integer, cast, func, select
from sqlalchemy.orm import Session

from api.store.queries.returns import ReturnState
from api.store.tables import ColumnMapping, QualityCount, Return

DAY_MS = 86_400_000
CITY_MS = 8 * 3_600_000
CHECKED_STATES = (ReturnState.CHECKED.value, ReturnState.SEALED.value, ReturnState.ANCHORED.value)


def known_columns(session: Session, party_id: str, type_code: str) -> dict[bytes, dict[str, str | None]]:
    """What the department's officers said of files of that type, by the signature of the header."""
    rows = session.execute(
        select(ColumnMapping.signature, ColumnMapping.columns).where(
            ColumnMapping.party_id == party_id, ColumnMapping.type_code == type_code
        )
    )
    return {row[0]: dict(row[1]) for row in rows}


def remember(
    session: Session, party_id: str, type_code: str, signature: bytes, columns: Mapping[str, str | None], now_ms: int
) -> None:
    """Keep what an officer said of files with these headers, in place of what was said before."""
    row = session.get(ColumnMapping, (party_id, type_code, signature))
    if row is None:
        session.add(
            ColumnMapping(
                party_id=party_id, type_code=type_code, signature=signature, columns=dict(columns), made_at_ms=now_ms
            )
        )
    else:
        row.columns, row.made_at_ms = dict(columns), now_ms
    session.flush()


def add_counts(session: Session, return_id: str, counts: Mapping[tuple[str, str], int]) -> None:
    """Add a slice's counts, rows by (rule, field), to those of its return; in the slice's transaction."""
    if not counts:
        return
    here = {
        (row.rule, row.field): row
        for row in session.execute(select(QualityCount).where(QualityCount.return_id == return_id)).scalars()
    }
    for key, rows in sorted(counts.items()):
        if key in here:
            here[key].rows += rows
        else:
            session.add(QualityCount(return_id=return_id, rule=key[0], field=key[1], rows=rows))
    session.flush()


@dataclass(frozen=True, slots=True)
class Checked:
    """Rows that were checked of a department's returns of one type on one day (ordinal of the city's day)."""

    party_id: str
    type_code: str
    day: int
    returns: int
    rows: int
    bad: int
    warned: int
    duplicate: int


@dataclass(frozen=True, slots=True)
class Found:
    """Rows in which a rule found something in a field, of a department's returns of one type."""

    party_id: str
    type_code: str
    rule: str
    field: str
    rows: int


def checked_rows(
    session: Session, from_ms: int, until_ms: int, party_id: str | None = None, return_id: str | None = None
) -> Sequence[Checked]:
    """What was checked, by department, type and day of arrival, for returns that came in [from, until)."""
    day = cast((Return.created_at_ms + CITY_MS) // DAY_MS, Integer)
    rows = session.execute(
        select(
            Return.party_id,
            Return.type_code,
            day.label("day"),
            func.count(),
            func.sum(Return.rows_good + Return.rows_bad + Return.rows_duplicate),
            func.sum(Return.rows_bad),
            func.sum(Return.rows_warned),
            func.sum(Return.rows_duplicate),
        )
        .where(*_among(from_ms, until_ms, party_id, return_id))
        .group_by(Return.party_id, Return.type_code, "day")
        .order_by(Return.party_id, Return.type_code, "day")
    )
    return [Checked(row[0], row[1], *(int(value) for value in row[2:])) for row in rows]


def found_by_rule(
    session: Session, from_ms: int, until_ms: int, party_id: str | None = None, return_id: str | None = None
) -> Sequence[Found]:
    """What the rules found in the same returns."""
    rows = session.execute(
        select(Return.party_id, Return.type_code, QualityCount.rule, QualityCount.field, func.sum(QualityCount.rows))
        .join(Return, Return.id == QualityCount.return_id)
        .where(*_among(from_ms, until_ms, party_id, return_id))
        .group_by(Return.party_id, Return.type_code, QualityCount.rule, QualityCount.field)
        .order_by(Return.party_id, Return.type_code, QualityCount.rule, QualityCount.field)
    )
    return [Found(row[0], row[1], row[2], row[3], int(row[4])) for row in rows]


def _among(from_ms: int, until_ms: int, party_id: str | None, return_id: str | None) -> Iterator[ColumnElement[bool]]:
    yield Return.state.in_(CHECKED_STATES)
    yield Return.created_at_ms >= from_ms
    yield Return.created_at_ms < until_ms
    if party_id is not None:
        yield Return.party_id == party_id
    if return_id is not None:
        yield Return.id == return_id
