"""What indicators count. Each function gives a numerator and a denominator of a period, and no person's data.

A period is half open, `since_ms` <= t < `until_ms`, in UTC milliseconds. What these figures mean stands beside their
names in `api.services.indicators`.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from api.policy.copy_states import CopyState
from api.policy.states import RequestState
from api.store.queries.registrations import LegalBasis
from api.store.queries.requests import BY_ENTITY
from api.store.queries.returns import BatchState, ReturnState
from api.store.queries.seals import REPLACED, SEALED
from api.store.tables import (
    Batch,
    Copy,
    CopyEvent,
    DataAsk,
    Dispute,
    Grant,
    Receipt,
    Record,
    Request,
    Return,
    SealedDocument,
)
from chain.receipt import ReceiptKind

_CHECKED = (ReturnState.CHECKED.value, ReturnState.SEALED.value, ReturnState.ANCHORED.value)
_DECIDED = (RequestState.APPROVED.value, RequestState.DENIED.value, RequestState.LAPSED.value)
_LATE = (CopyState.OVERDUE.value, CopyState.ESCALATED.value)
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Period:
    """From when (inclusive) until when (exclusive)."""

    since_ms: int
    until_ms: int

    def holds(self, column: InstrumentedAttribute[int] | InstrumentedAttribute[int | None]) -> ColumnElement[bool]:
        """The condition that a moment lies within."""
        return and_(column >= self.since_ms, column < self.until_ms)


@dataclass(frozen=True, slots=True)
class Counted:
    """A numerator, and its denominator where the figure is a share."""

    numerator: int
    denominator: int | None = None


def rows_that_passed(session: Session, period: Period) -> Counted:
    """Rows taken, of rows judged, in returns handed in within the period and checked; rows already there count not."""
    good, bad = session.execute(
        select(func.coalesce(func.sum(Return.rows_good), 0), func.coalesce(func.sum(Return.rows_bad), 0)).where(
            period.holds(Return.created_at_ms), Return.state.in_(_CHECKED)
        )
    ).one()
    return Counted(int(good), int(good) + int(bad))


def certificates_in_order(session: Session, period: Period) -> Counted:
    """Certificates that bear all their seals and stand on the chain, of those whose sealing began in the period.

    A sealing that a later one took the place of counts not: the later one does.
    """
    in_order = and_(
        SealedDocument.state == SEALED,
        SealedDocument.sealed_at_ms < period.until_ms,
        Batch.anchor_state == BatchState.ANCHORED.value,
    )
    query = (
        select(func.coalesce(func.sum(case((in_order, 1), else_=0)), 0), func.count())
        .select_from(SealedDocument)
        .join(Record, Record.id == SealedDocument.record_id)
        .join(Batch, Batch.id == Record.batch_id)
        .where(period.holds(SealedDocument.created_at_ms), SealedDocument.state != REPLACED)
    )
    whole, begun = session.execute(query).one()
    return Counted(int(whole), int(begun))


def fields_shared(session: Session, period: Period) -> Counted:
    """Fields that holders agreed to, of fields that were asked of them, in requests decided within the period."""
    asked = session.execute(
        select(func.coalesce(func.sum(func.json_array_length(Request.items)), 0)).where(*_decided(period))
    ).scalar_one()
    given = session.execute(
        select(func.coalesce(func.sum(func.json_array_length(Grant.terms["items"])), 0))
        .join(Request, Request.id == Grant.request_id)
        .where(*_decided(period))
    ).scalar_one()
    return Counted(int(given), int(asked))


def papers_replaced(session: Session, period: Period) -> Counted:
    """Certificate types of which data were delivered, of those asked for, in requests decided within the period."""
    delivered = set(
        session.execute(
            select(Grant.request_id)
            .join(Request, Request.id == Grant.request_id)
            .join(Copy, Copy.grant_id == Grant.id)
            .where(*_decided(period), Copy.created_at_ms < period.until_ms)
        ).scalars()
    )
    wanted = replaced = 0
    query = select(Request.id, Request.items, Grant.terms).outerjoin(Grant, Grant.request_id == Request.id)
    for request_id, items, terms in session.execute(query.where(*_decided(period)).execution_options(yield_per=_CHUNK)):
        asked = {one["type"] for one in items}
        wanted += len(asked)
        if request_id in delivered:
            given = terms["items"]
            assert isinstance(given, list)
            replaced += len(asked & {one["type"] for one in given})
    return Counted(replaced, wanted)


def refusals(session: Session, period: Period) -> Counted:
    """Pulls that were refused, of all pulls that were answered; a repeated refusal counts as often as it was one."""

    def times(kind: ReceiptKind) -> int:
        query = select(func.coalesce(func.sum(Receipt.repeats), 0)).where(
            Receipt.kind == kind.value, period.holds(Receipt.at_ms)
        )
        return int(session.execute(query).scalar_one())

    refused = times(ReceiptKind.REFUSAL)
    return Counted(refused, refused + times(ReceiptKind.DELIVERY))


def deletions_overdue(session: Session, period: Period) -> Counted:
    """Copies that stood overdue at the period's end, of those that were ordered to be deleted by then."""
    newest = (
        select(CopyEvent.copy_id, func.max(CopyEvent.seq).label("seq"))
        .where(CopyEvent.at_ms < period.until_ms)
        .group_by(CopyEvent.copy_id)
        .subquery()
    )
    late = session.execute(
        select(func.count())
        .select_from(CopyEvent)
        .join(newest, and_(newest.c.copy_id == CopyEvent.copy_id, newest.c.seq == CopyEvent.seq))
        .where(CopyEvent.state.in_(_LATE))
    ).scalar_one()
    ordered = session.execute(
        select(func.count(func.distinct(CopyEvent.copy_id))).where(
            CopyEvent.state == CopyState.DELETE_DUE.value, CopyEvent.at_ms < period.until_ms
        )
    ).scalar_one()
    return Counted(int(late), int(ordered))


def asks_in_time(session: Session, period: Period) -> Counted:
    """Asks answered by their date, of those that were answered or whose date passed within the period."""
    rows = session.execute(
        select(DataAsk.in_time, func.count()).where(period.holds(DataAsk.settled_at_ms)).group_by(DataAsk.in_time)
    )
    found = {bool(in_time): int(count) for in_time, count in rows}
    return Counted(found.get(True, 0), sum(found.values()))


def disputes_open(session: Session, period: Period) -> Counted:
    """Disputes that were open at the period's end."""
    query = select(func.count()).where(
        Dispute.opened_at_ms < period.until_ms,
        or_(Dispute.closed_at_ms.is_(None), Dispute.closed_at_ms >= period.until_ms),
    )
    return Counted(int(session.execute(query).scalar_one()))


def _decided(period: Period) -> tuple[ColumnElement[bool], ...]:
    """Requests that an entity put to a holder and that came to an end in the period."""
    return (
        Request.legal_basis == LegalBasis.CONSENT.value,
        Request.origin == BY_ENTITY,
        Request.holder_id.is_not(None),
        Request.state.in_(_DECIDED),
        period.holds(Request.decided_at_ms),
    )
