"""Corrections, and everybody who holds copies with the old value."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from api.policy.copy_states import GONE
from api.policy.disputes import OWING, SETTLED, AmendmentState, RecipientState
from api.store.inserts import insert_many
from api.store.queries import paging
from api.store.queries.returns import ReturnState
from api.store.tables import (
    Amendment,
    AmendmentRecipient,
    Batch,
    Content,
    Copy,
    Grant,
    Party,
    Record,
    Return,
    StatutoryAccess,
)

_SETTLED = tuple(sorted(state.value for state in SETTLED))
_OWING = tuple(sorted(state.value for state in OWING))


@dataclass(frozen=True, slots=True)
class Holding:
    """A copy that somebody may still have, made of one version of a certificate."""

    copy_id: str
    grant_id: str
    party_id: str
    record_id: str
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """A recipient, whose it is, and how its correction stands."""

    recipient: AmendmentRecipient
    amendment: Amendment
    party: Party


def get_amendment(session: Session, amendment_id: str, *, lock: bool = False) -> Amendment | None:
    """Any correction; whom it concerns is the caller's to check."""
    query = select(Amendment).where(Amendment.id == amendment_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.execute(query).scalar_one_or_none()


def of_dispute(session: Session, dispute_id: str) -> list[Amendment]:
    """A dispute's corrections, oldest first; those that failed are among them."""
    query = select(Amendment).where(Amendment.dispute_id == dispute_id)
    return list(session.execute(query.order_by(Amendment.created_at_ms, Amendment.id)).scalars())


def of_return(session: Session, return_id: str) -> Amendment | None:
    """The correction that a return was made for."""
    return session.execute(select(Amendment).where(Amendment.return_id == return_id)).scalar_one_or_none()


def under_way(session: Session, record_id: str) -> bool:
    """Whether a correction of the certificate that this version is of is on its way: its new version does not show."""
    number = select(Record.number_bidx).where(Record.id == record_id).scalar_subquery()
    query = (
        select(Amendment.id)
        .join(Record, Record.id == Amendment.old_record_id)
        .where(Amendment.state == AmendmentState.RETURNING.value, Record.number_bidx == number)
    )
    return session.execute(query.limit(1)).first() is not None


def list_amendments(
    session: Session, *, party_id: str | None = None, cursor: str | None = None, limit: int = paging.LIMIT
) -> paging.Page[Amendment]:
    """A department's corrections, or all; newest first."""
    limit = paging.clamp(limit)
    query = select(Amendment).where(*paging.after(cursor, Amendment.created_at_ms, Amendment.id))
    if party_id is not None:
        query = query.where(Amendment.party_id == party_id)
    rows = session.execute(query.order_by(Amendment.created_at_ms.desc(), Amendment.id.desc()).limit(limit + 1))
    return paging.page(list(rows.scalars()), limit, lambda row: (row.created_at_ms, row.id))


def returned(session: Session, limit: int = 20) -> list[tuple[str, str]]:
    """Corrections whose return has come to an end, each with how: sealed and settled, failed, or not to be sealed.

    The last is where its seal was refused, and where its row is there already, so that nothing is left to be sealed.
    """
    settled = and_(Return.sealed_at_ms.is_not(None), Return.settle_next.is_(None))
    unsealed = or_(Return.auto_seal.is_(False), Return.rows_good == 0)
    stuck = and_(Return.state == ReturnState.CHECKED.value, unsealed)
    query = (
        select(Amendment.id, Return.state)
        .join(Return, Return.id == Amendment.return_id)
        .where(
            Amendment.state == AmendmentState.RETURNING.value,
            or_(settled, stuck, Return.state == ReturnState.FAILED.value),
        )
        .order_by(Amendment.created_at_ms)
        .limit(limit)
    )
    return [(amendment_id, state) for amendment_id, state in session.execute(query).all()]


def new_version(session: Session, row: Amendment) -> Record | None:
    """The version that a correction's return holds; None where it brought none."""
    old = session.get_one(Record, row.old_record_id)
    query = (
        select(Record)
        .join(Batch, Batch.id == Record.batch_id)
        .where(Batch.return_id == row.return_id, Record.number_bidx == old.number_bidx)
    )
    return session.execute(query).scalar_one_or_none()


def older_versions(session: Session, newer: Record) -> list[Record]:
    """Every earlier version of a certificate that was sealed; of others there is nothing to withdraw and no copy."""
    query = (
        select(Record)
        .join(Batch, Batch.id == Record.batch_id)
        .join(Return, Return.id == Batch.return_id)
        .where(
            Record.number_bidx == newer.number_bidx,
            Record.version < newer.version,
            Return.sealed_at_ms.is_not(None),
        )
    )
    return list(session.execute(query.order_by(Record.version)).scalars())


def holdings(session: Session, holder_id: str, type_code: str, versions: Collection[str]) -> list[Holding]:
    """Copies made of these versions that nobody has stated to have destroyed, with the granted fields of the type."""
    contents: dict[str, list[str]] = {}
    for content_id, listed in session.execute(
        select(Content.id, Content.records).where(Content.holder_id == holder_id)
    ).all():
        hit = [str(item["record"]) for item in listed if str(item["record"]) in versions]
        if hit:
            contents[content_id] = hit
    gone = [state.value for state in GONE]
    query = (
        select(Copy.id, Copy.grant_id, Copy.entity_id, Copy.content_id, Grant.terms)
        .join(Grant, Grant.id == Copy.grant_id)
        .join(Content, Content.id == Copy.content_id)
        .where(Content.holder_id == holder_id, Copy.state.not_in(gone))
        .order_by(Copy.entity_id, Copy.id)
    )
    found = []
    for copy_id, grant_id, party_id, content_id, terms in session.execute(query).all():
        items = terms["items"]
        assert isinstance(items, list)
        names = frozenset(str(item["field"]) for item in items if item["type"] == type_code)
        found += [Holding(copy_id, grant_id, party_id, record_id, names) for record_id in contents.get(content_id, ())]
    return found


def add_recipients(session: Session, rows: Sequence[Mapping[str, object]]) -> None:
    """Write those who must be told, all at once."""
    insert_many(session, AmendmentRecipient, rows)


def recipient_of(
    session: Session, amendment_id: str, party_id: str, *, lock: bool = False
) -> AmendmentRecipient | None:
    """A party's part in a correction."""
    query = select(AmendmentRecipient).where(
        AmendmentRecipient.amendment_id == amendment_id, AmendmentRecipient.party_id == party_id
    )
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.execute(query).scalar_one_or_none()


def due(session: Session, now_ms: int, limit: int) -> list[tuple[str, str]]:
    """Recipients at whom it is time to look: not told yet, to be told again, or past the date."""
    states = (RecipientState.WAITING.value, *_OWING)
    query = (
        select(AmendmentRecipient.amendment_id, AmendmentRecipient.party_id)
        .where(AmendmentRecipient.state.in_(states), AmendmentRecipient.next_at_ms <= now_ms)
        .order_by(AmendmentRecipient.next_at_ms, AmendmentRecipient.amendment_id, AmendmentRecipient.party_id)
        .limit(limit)
    )
    return [(amendment_id, party_id) for amendment_id, party_id in session.execute(query).all()]


def finished(session: Session, limit: int = 50) -> list[str]:
    """Corrections of which all recipients are settled, and which nobody has closed yet."""
    waiting = select(AmendmentRecipient.amendment_id).where(
        AmendmentRecipient.amendment_id == Amendment.id, AmendmentRecipient.state.not_in(_SETTLED)
    )
    query = select(Amendment.id).where(Amendment.state == AmendmentState.TELLING.value, ~waiting.exists())
    return list(session.execute(query.limit(limit)).scalars())


def counts(session: Session, amendment_id: str, hidden: Collection[str] = ()) -> Counter[RecipientState]:
    """How many recipients stand in each state, without those that are `hidden` (parties)."""
    query = (
        select(AmendmentRecipient.state, func.count())
        .where(AmendmentRecipient.amendment_id == amendment_id, AmendmentRecipient.party_id.not_in(list(hidden)))
        .group_by(AmendmentRecipient.state)
    )
    return Counter({RecipientState(state): number for state, number in session.execute(query).all()})


def recipients(
    session: Session,
    amendment_id: str,
    *,
    after: str = "",
    hidden: Collection[str] = (),
    limit: int = paging.LIMIT,
) -> list[tuple[AmendmentRecipient, Party]]:
    """A correction's recipients by party, after one of them; `limit` + 1 tells that there are more."""
    query = (
        select(AmendmentRecipient, Party)
        .join(Party, Party.id == AmendmentRecipient.party_id)
        .where(
            AmendmentRecipient.amendment_id == amendment_id,
            AmendmentRecipient.party_id > after,
            AmendmentRecipient.party_id.not_in(list(hidden)),
        )
        .order_by(AmendmentRecipient.party_id)
        .limit(limit + 1)
    )
    return [(recipient, party) for recipient, party in session.execute(query).all()]


def to_confirm(session: Session, party_id: str, limit: int = 200) -> list[tuple[AmendmentRecipient, Amendment]]:
    """Corrections that a party was told of: those that it has not confirmed first, then the newest."""
    owing = AmendmentRecipient.state.in_(_OWING)
    query = (
        select(AmendmentRecipient, Amendment)
        .join(Amendment, Amendment.id == AmendmentRecipient.amendment_id)
        .where(AmendmentRecipient.party_id == party_id, AmendmentRecipient.told > 0)
        .order_by(owing.desc(), Amendment.created_at_ms.desc(), Amendment.id)
        .limit(limit)
    )
    return [(recipient, amendment) for recipient, amendment in session.execute(query).all()]


def count_owing(session: Session, party_id: str) -> int:
    """How many corrections a party has not confirmed."""
    query = select(func.count()).select_from(AmendmentRecipient)
    wanted = query.where(AmendmentRecipient.party_id == party_id, AmendmentRecipient.state.in_(_OWING))
    return int(session.execute(wanted).scalar_one())


def escalated(session: Session, limit: int = 200) -> list[Standing]:
    """Recipients that did not confirm in time, oldest first; for regulators."""
    query = (
        select(AmendmentRecipient, Amendment, Party)
        .join(Amendment, Amendment.id == AmendmentRecipient.amendment_id)
        .join(Party, Party.id == AmendmentRecipient.party_id)
        .where(AmendmentRecipient.state == RecipientState.ESCALATED.value)
        .order_by(Amendment.due_at_ms, AmendmentRecipient.amendment_id, AmendmentRecipient.party_id)
        .limit(limit)
    )
    return [Standing(*row) for row in session.execute(query).all()]


def copies_left(session: Session, copies: Collection[str]) -> int:
    """How many of these copies nobody has stated to have destroyed."""
    gone = [state.value for state in GONE]
    query = select(func.count()).select_from(Copy).where(Copy.id.in_(list(copies)), Copy.state.not_in(gone))
    return int(session.execute(query).scalar_one())


def masked_grants(session: Session, holder_id: str, now_ms: int) -> frozenset[str]:
    """Grants of accesses to somebody's data that a law keeps from them at present."""
    query = select(StatutoryAccess.grant_id).where(
        StatutoryAccess.holder_id == holder_id, StatutoryAccess.masked_until_ms > now_ms
    )
    return frozenset(grant_id for grant_id in session.execute(query).scalars() if grant_id is not None)


def hidden_parties(session: Session, row: Amendment, masked: Collection[str]) -> list[str]:
    """Recipients of whom the holder knows by nothing but accesses under these grants, which a law keeps from it."""
    if not masked:
        return []
    listed = select(AmendmentRecipient.party_id, AmendmentRecipient.copies)
    rows = session.execute(listed.where(AmendmentRecipient.amendment_id == row.id)).all()
    return [party_id for party_id, copies in rows if all(one["grant"] in masked for one in copies)]


def mark_revoked(session: Session, record_ids: Collection[str], block: int) -> None:
    """The chain has revoked these versions, in that block."""
    session.execute(
        update(Amendment)
        .where(Amendment.old_record_id.in_(list(record_ids)), Amendment.state != AmendmentState.FAILED.value)
        .values(revoked_block=block)
        .execution_options(synchronize_session=False)
    )
