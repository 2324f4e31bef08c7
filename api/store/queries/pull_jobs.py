"""Bulk pulls: jobs, and what stands with each of their grants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from api.policy.states import GrantState
from api.store.crypto import Purpose, Vault
from api.store.inserts import insert_many
from api.store.queries import paging
from api.store.queries.registrations import LegalBasis
from api.store.tables import Base, Grant, PullJob, PullJobItem, Request
from chain.canonical import Json, canonical
from chain.strict import parse_json

REQUEST_LIMIT = 4 * 1024 * 1024
_ITEMS = Base.metadata.tables[PullJobItem.__tablename__]
_NOTE = (
    update(_ITEMS)
    .where(_ITEMS.c.job_id == bindparam("of_job"), _ITEMS.c.seq == bindparam("at_seq"))
    .values(
        state=bindparam("new_state"),
        reason=bindparam("new_reason"),
        copy_id=func.coalesce(bindparam("new_copy"), _ITEMS.c.copy_id),
        receipt_id=func.coalesce(bindparam("new_receipt"), _ITEMS.c.receipt_id),
        deliveries=_ITEMS.c.deliveries + bindparam("more"),
    )
)


class JobState(StrEnum):
    """Where a job stands."""

    CHECKING = "checking"
    READY = "ready"
    CANCELLED = "cancelled"


class ItemState(StrEnum):
    """Where a grant of a job stands."""

    WAITING = "waiting"
    READY = "ready"
    DELIVERED = "delivered"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Note:
    """What became of an item: its new state, and the delivery where there was one."""

    seq: int
    state: ItemState
    reason: str | None = None
    copy_id: str | None = None
    receipt_id: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """A job's items by state, the refused ones by reason."""

    by_state: Mapping[str, int]
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Line:
    """An item, with the entity's own case number where the grant is the entity's."""

    item: PullJobItem
    case_no: str | None


def add_job(session: Session, job: PullJob, grant_ids: Sequence[str]) -> None:
    """Store a job with its grants, in order."""
    session.add(job)
    rows = [
        {"job_id": job.id, "seq": seq, "grant_id": grant_id, "state": ItemState.WAITING.value, "deliveries": 0}
        for seq, grant_id in enumerate(grant_ids, 1)
    ]
    insert_many(session, PullJobItem, rows)


def seal_request(vault: Vault, job: PullJob, request: Mapping[str, Json]) -> None:
    """Keep the signed request that asked for the job, under the platform's key."""
    job.request_enc = vault.platform.seal(Purpose.PULL_JOB, job.id, canonical(dict(request)))


def open_request(vault: Vault, job: PullJob) -> Mapping[str, Json] | None:
    """The signed request, None where staff asked. Raises `store.ciphertext` where it was altered."""
    if job.request_enc is None:
        return None
    opened = parse_json(vault.platform.open(Purpose.PULL_JOB, job.id, job.request_enc), REQUEST_LIMIT)
    assert isinstance(opened, dict)
    return opened


def matching_grants(
    session: Session,
    party_id: str,
    now_ms: int,
    *,
    purpose: str | None,
    scenario: str | None,
    case_prefix: str | None,
    limit: int,
) -> list[str]:
    """Ids of an entity's grants that serve now and match all that is given, oldest first."""
    query = (
        select(Grant.id)
        .join(Request, Request.id == Grant.request_id)
        .where(
            Grant.entity_id == party_id,
            Grant.legal_basis == LegalBasis.CONSENT.value,
            Grant.state == GrantState.ACTIVE.value,
            Grant.frozen.is_(False),
            Grant.not_after_ms > now_ms,
        )
    )
    if purpose is not None:
        query = query.where(Request.purpose_code == purpose)
    if scenario is not None:
        query = query.where(Request.scenario_code == scenario)
    if case_prefix is not None:
        # Compared as text: LIKE ignores case on one store and not on the other.
        query = query.where(func.substr(Request.case_no, 1, len(case_prefix)) == case_prefix)
    return list(session.execute(query.order_by(Grant.created_at_ms, Grant.id).limit(limit)).scalars())


def job_of(session: Session, party_id: str, job_id: str, *, lock: bool = False) -> PullJob | None:
    """An entity's own job; with `lock`, fresh and locked until the transaction ends."""
    query = select(PullJob).where(PullJob.id == job_id, PullJob.party_id == party_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.execute(query).scalar_one_or_none()


def jobs_of(session: Session, party_id: str, *, cursor: str | None = None) -> paging.Page[PullJob]:
    """An entity's jobs, newest first."""
    rows = session.execute(
        select(PullJob)
        .where(PullJob.party_id == party_id, *paging.after(cursor, PullJob.created_at_ms, PullJob.id))
        .order_by(PullJob.created_at_ms.desc(), PullJob.id.desc())
        .limit(paging.LIMIT + 1)
    ).scalars()
    return paging.page(list(rows), paging.LIMIT, lambda row: (row.created_at_ms, row.id))


def count_open(session: Session, party_id: str, now_ms: int) -> int:
    """How many of an entity's jobs can still be fetched."""
    query = select(func.count()).select_from(PullJob)
    return session.execute(query.where(PullJob.party_id == party_id, PullJob.expires_at_ms > now_ms)).scalar_one()


def count_fetched(session: Session, now_ms: int) -> int:
    """How many jobs are being fetched just now, anybody's."""
    query = select(func.count()).select_from(PullJob).where(PullJob.fetching_until_ms > now_ms)
    return session.execute(query).scalar_one()


def counts_of(session: Session, job_ids: Sequence[str]) -> dict[str, Counts]:
    """The counts of several jobs in one look."""
    found: dict[str, tuple[dict[str, int], dict[str, int]]] = {
        job_id: (dict.fromkeys((state.value for state in ItemState), 0), {}) for job_id in job_ids
    }
    rows = session.execute(
        select(PullJobItem.job_id, PullJobItem.state, PullJobItem.reason, func.count())
        .where(PullJobItem.job_id.in_(job_ids))
        .group_by(PullJobItem.job_id, PullJobItem.state, PullJobItem.reason)
    )
    for job_id, state, reason, count in rows:
        by_state, reasons = found[job_id]
        by_state[state] += count
        if reason is not None:
            reasons[reason] = reasons.get(reason, 0) + count
    return {job_id: Counts(by_state, dict(sorted(reasons.items()))) for job_id, (by_state, reasons) in found.items()}


def lines_of(
    session: Session, job: PullJob, *, after: int = 0, states: Sequence[ItemState] | None = None, limit: int
) -> list[Line]:
    """A job's items in order after `after`, those in one of `states` if given."""
    query = (
        select(PullJobItem, Request.case_no)
        .outerjoin(Grant, (Grant.id == PullJobItem.grant_id) & (Grant.entity_id == job.party_id))
        .outerjoin(Request, Request.id == Grant.request_id)
        .where(PullJobItem.job_id == job.id, PullJobItem.seq > after)
    )
    if states is not None:
        query = query.where(PullJobItem.state.in_([state.value for state in states]))
    rows = session.execute(query.order_by(PullJobItem.seq).limit(limit)).all()
    return [Line(item, case_no) for item, case_no in rows]


def to_check(session: Session) -> list[PullJob]:
    """Jobs that wait to be looked at, oldest first."""
    return list(
        session.execute(
            select(PullJob).where(PullJob.state == JobState.CHECKING.value).order_by(PullJob.created_at_ms)
        ).scalars()
    )


def note(session: Session, job_id: str, notes: Sequence[Note]) -> None:
    """Write down what became of items."""
    if not notes:
        return
    rows = [
        {
            "of_job": job_id,
            "at_seq": one.seq,
            "new_state": one.state.value,
            "new_reason": one.reason,
            "new_copy": one.copy_id,
            "new_receipt": one.receipt_id,
            "more": int(one.state is ItemState.DELIVERED),
        }
        for one in notes
    ]
    session.connection().execute(_NOTE, rows)


def look_again(session: Session, job_id: str) -> None:
    """Take back refusals: what was never delivered is looked at anew, what was may be asked for again."""
    refused = [PullJobItem.job_id == job_id, PullJobItem.state == ItemState.REFUSED.value]
    for state, deliveries in (
        (ItemState.WAITING, PullJobItem.deliveries == 0),
        (ItemState.READY, PullJobItem.deliveries > 0),
    ):
        session.execute(
            update(PullJobItem)
            .where(*refused, deliveries)
            .values(state=state.value, reason=None)
            .execution_options(synchronize_session=False)
        )


def purge(session: Session, before_ms: int) -> int:
    """Forget jobs that expired before a time, with their items; how many."""
    old = select(PullJob.id).where(PullJob.expires_at_ms < before_ms)
    session.execute(delete(PullJobItem).where(PullJobItem.job_id.in_(old)).execution_options(synchronize_session=False))
    gone = session.execute(
        delete(PullJob)
        .where(PullJob.expires_at_ms < before_ms)
        .returning(PullJob.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())
