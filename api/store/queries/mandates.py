"""Mandates: who may act for whom. A row that was altered behind the service's back does not open."""

import json
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from api.policy.mandates import Action, MandateKind, MandateState, Scope
from api.store.crypto import DataKey, Purpose, bound_columns
from api.store.queries import paging
from api.store.tables import GrantAuthority, Mandate
from chain.canonical import Json, canonical, tagged_hash

_LIVE = (MandateState.PROPOSED.value, MandateState.ACTIVE.value)


@dataclass(frozen=True, slots=True)
class MandateBody:
    """What is encrypted of a mandate: the names that its pages show, and on what it rests.

    `tail`: the last four characters of the representative's number. `document` is a code, `document_no` what the
    officer cited; both empty for an appointment. `salt` (hexadecimal) opens the commitment.
    """

    principal_name: str
    person_name: str
    tail: str
    document: str
    document_no: str
    salt: str


def scope_of(row: Mandate) -> Scope:
    """What a mandate covers."""
    return Scope(
        frozenset(Action(action) for action in row.actions),
        None if row.types is None else frozenset(row.types),
        None if row.purposes is None else frozenset(row.purposes),
    )


def commitment(row: Mandate, body: MandateBody) -> bytes:
    """The salted commitment to what a mandate says, without anybody's name; docs/formats.md."""
    document: dict[str, Json] = {
        "schema": "mydata/mandate/1",
        "kind": row.kind,
        "actions": list(row.actions),
        "types": None if row.types is None else list(row.types),
        "purposes": None if row.purposes is None else list(row.purposes),
        "document": body.document,
        "document_no": body.document_no,
        "registrar": row.registrar_id,
        "created_at": row.created_at_ms // 1000,
        "ends": None if row.ends_ms is None else row.ends_ms // 1000,
    }
    return tagged_hash("mydata/mandate/1", bytes.fromhex(body.salt), canonical(document))


def seal_body(key: DataKey, row: Mandate, body: MandateBody) -> None:
    """Encrypt `body` into the row; all other columns must be as they shall stay until the next seal."""
    plain = json.dumps(asdict(body), ensure_ascii=False, sort_keys=True).encode()
    row.body_enc = key.seal(Purpose.MANDATE_BODY, row.id, plain, bound=_bound(row))


def open_body(key: DataKey, row: Mandate) -> MandateBody:
    """Decrypt a mandate's body. Raises ApiError `store.ciphertext` where it or any column was altered."""
    return MandateBody(**json.loads(key.open(Purpose.MANDATE_BODY, row.id, row.body_enc, bound=_bound(row))))


def get_mandate(session: Session, mandate_id: str, *, lock: bool = False, share: bool = False) -> Mandate | None:
    """A mandate; with `lock` fresh and locked until the transaction ends, with `share` nobody ends it meanwhile."""
    query = select(Mandate).where(Mandate.id == mandate_id)
    if lock or share:
        query = query.with_for_update(read=not lock).execution_options(populate_existing=True)
    return session.execute(query).scalar_one_or_none()


def mandates_of_person(session: Session, person_id: str) -> list[Mandate]:
    """Under which somebody acts or acted, newest first; the last 200."""
    return _newest(session, Mandate.person_id == person_id)


def mandates_of_principal(session: Session, principal_id: str) -> list[Mandate]:
    """By which others act or acted for a holder, newest first; the last 200."""
    return _newest(session, Mandate.principal_id == principal_id)


def mandates_of_registrar(
    session: Session, party_id: str, *, cursor: str | None = None, limit: int = paging.LIMIT
) -> paging.Page[Mandate]:
    """What a department registered, newest first."""
    limit = paging.clamp(limit)
    rows = session.execute(
        select(Mandate)
        .where(Mandate.registrar_id == party_id, *paging.after(cursor, Mandate.created_at_ms, Mandate.id))
        .order_by(Mandate.created_at_ms.desc(), Mandate.id.desc())
        .limit(limit + 1)
    ).scalars()
    return paging.page(list(rows), limit, lambda row: (row.created_at_ms, row.id))


def count_live(session: Session, principal_id: str, now_ms: int) -> int:
    """How many of a holder's mandates are proposed or in force."""
    return session.execute(
        select(func.count())
        .select_from(Mandate)
        .where(
            Mandate.principal_id == principal_id,
            Mandate.state.in_(_LIVE),
            or_(Mandate.ends_ms.is_(None), Mandate.ends_ms > now_ms),
        )
    ).scalar_one()


def live_of(session: Session, principal_id: str, kind: MandateKind, person_id: str | None = None) -> list[Mandate]:
    """A holder's mandates of one kind that are proposed or in force (or have run out unnoticed), locked."""
    query = select(Mandate).where(
        Mandate.principal_id == principal_id, Mandate.kind == kind.value, Mandate.state.in_(_LIVE)
    )
    if person_id is not None:
        query = query.where(Mandate.person_id == person_id)
    return list(session.execute(query.order_by(Mandate.id).with_for_update()).scalars())


def run_out(session: Session, now_ms: int, limit: int = 200) -> list[Mandate]:
    """Mandates whose end has passed and that do not say so yet, locked."""
    return list(
        session.execute(
            select(Mandate)
            .where(Mandate.state.in_(_LIVE), Mandate.ends_ms <= now_ms)
            .order_by(Mandate.ends_ms, Mandate.id)
            .limit(limit)
            .with_for_update()
        ).scalars()
    )


def grants_under(session: Session, mandate_id: str) -> list[str]:
    """Ids of the grants that were made under a mandate."""
    query = select(GrantAuthority.grant_id).where(GrantAuthority.mandate_id == mandate_id)
    return list(session.execute(query.order_by(GrantAuthority.grant_id)).scalars())


def authority_of_grant(session: Session, grant_id: str) -> GrantAuthority | None:
    """Under which authority a grant was made; None where its holder made it."""
    return session.get(GrantAuthority, grant_id)


def _newest(session: Session, condition: ColumnElement[bool]) -> list[Mandate]:
    query = select(Mandate).where(condition)
    return list(session.execute(query.order_by(Mandate.created_at_ms.desc(), Mandate.id.desc()).limit(200)).scalars())


def _bound(row: Mandate) -> bytes:
    return bound_columns(
        row.kind,
        row.principal_id,
        row.person_id,
        _listed(row.actions),
        _listed(row.types),
        _listed(row.purposes),
        row.registrar_id,
        row.appointed_under,
        row.state,
        row.reason,
        row.commitment,
        int(row.majority),
        row.ends_ms,
        row.created_at_ms,
        row.begun_at_ms,
        row.ended_at_ms,
    )


def _listed(values: list[str] | None) -> str | None:
    return None if values is None else json.dumps(values)
