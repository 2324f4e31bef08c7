"""Acts about parties: admission and return, which take two persons, and suspension.

Each step is a receipt of kind admission. On the chain first, then in the store: what was confirmed is done when the
chain's event says so.
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.errors import ApiError, Kind
from api.store import outbox
from api.store.crypto import Vault
from api.store.ids import new_act_id
from api.store.queries import paging, parties, registrations
from api.store.queries.parties import PartyStatus
from api.store.queries.registrations import LegalBasis
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Party, PartyAct
from chain.canonical import Json
from chain.receipt import ReceiptKind


class ActKind(StrEnum):
    """What is done about a party."""

    ADMISSION = "admission"
    SUSPENSION = "suspension"
    RETURN = "return"


class ActState(StrEnum):
    """How far it came; CONFIRMED is on its way to the chain."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    DONE = "done"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


_LIVE = frozenset({ActState.PROPOSED, ActState.CONFIRMED})


def propose(
    session: Session,
    vault: Vault,
    kind: ActKind,
    party_id: str,
    by: str,
    now_ms: int,
    *,
    described: Mapping[str, object] | None = None,
    reason: str | None = None,
) -> PartyAct:
    """Write that somebody proposes an act."""
    row = PartyAct(
        id=new_act_id(),
        kind=kind.value,
        party_id=party_id,
        described=None if described is None else dict(described),
        reason=reason,
        state=ActState.PROPOSED.value,
        live=1,
        proposed_by=by,
        proposed_at_ms=now_ms,
    )
    session.add(row)
    _receipt(session, vault, row)
    return row


def move(session: Session, vault: Vault, row: PartyAct, state: ActState, now_ms: int, by: str | None = None) -> None:
    """Decide about an act, or (DONE, without `by`) note that it is done."""
    row.state, row.live = state.value, 1 if state in _LIVE else None
    if by is not None:
        row.decided_by, row.decided_at_ms = by, now_ms
    if state is ActState.DONE:
        row.done_at_ms = now_ms
    _receipt(session, vault, row)


def lock(session: Session, act_id: str) -> PartyAct:
    """One act, locked. Raises `duties.not_found`."""
    row = session.execute(select(PartyAct).where(PartyAct.id == act_id).with_for_update()).scalar_one_or_none()
    if row is None:
        raise ApiError("duties.not_found", Kind.NOT_FOUND)
    return row


def party_of(session: Session, act_id: str) -> str:
    """Whom an act is about, which never changes. Raises `duties.not_found`."""
    party_id = session.execute(select(PartyAct.party_id).where(PartyAct.id == act_id)).scalar_one_or_none()
    if party_id is None:
        raise ApiError("duties.not_found", Kind.NOT_FOUND)
    return party_id


def get(session: Session, act_id: str) -> PartyAct | None:
    """One act."""
    return session.get(PartyAct, act_id)


def open_act(session: Session, kind: ActKind, party_id: str) -> PartyAct | None:
    """A party's act of a kind that is neither done nor refused."""
    query = select(PartyAct).where(PartyAct.kind == kind.value, PartyAct.party_id == party_id, PartyAct.live == 1)
    return session.execute(query).scalar_one_or_none()


def open_admissions(session: Session) -> list[PartyAct]:
    """Admissions that are proposed or on their way."""
    query = select(PartyAct).where(PartyAct.kind == ActKind.ADMISSION.value, PartyAct.live == 1)
    return list(session.execute(query.order_by(PartyAct.proposed_at_ms, PartyAct.id)).scalars())


def list_all(
    session: Session, *, open_only: bool = False, cursor: str | None = None, limit: int = paging.LIMIT
) -> paging.Page[PartyAct]:
    """All acts, newest first."""
    limit = paging.clamp(limit)
    query = select(PartyAct).where(*paging.after(cursor, PartyAct.proposed_at_ms, PartyAct.id))
    if open_only:
        query = query.where(PartyAct.live == 1)
    query = query.order_by(PartyAct.proposed_at_ms.desc(), PartyAct.id.desc()).limit(limit + 1)
    return paging.page(list(session.execute(query).scalars()), limit, lambda row: (row.proposed_at_ms, row.id))


def admitted_on_chain(session: Session, vault: Vault, party_hash: bytes, block: int, now_ms: int) -> Party | None:
    """The chain admitted a party of this hash: make its row if two persons here said so; None where they did not."""
    for act in open_admissions(session):
        if act.state == ActState.CONFIRMED and hashlib.sha256(act.party_id.encode()).digest() == party_hash:
            return _make(session, vault, act, block, now_ms)
    return None


def returned_on_chain(session: Session, vault: Vault, party_id: str, now_ms: int) -> None:
    """The chain has reinstated a party: what was confirmed here is done, what was proposed alone has lost its object.

    Nothing of either may be told to the chain any more: it would let the party back after a later suspension.
    """
    act = open_act(session, ActKind.RETURN, party_id)
    if act is not None:
        move(session, vault, act, ActState.DONE if act.state == ActState.CONFIRMED else ActState.DECLINED, now_ms)
        outbox.settle(session, return_keys(act))


def return_keys(act: PartyAct) -> tuple[str, str]:
    """The outbox keys under which a confirmed return is told to the chain: proposed, then done."""
    return f"propose_return:{act.id}", f"return_party:{act.id}"


def admission_keys(act: PartyAct) -> tuple[str, str]:
    """The outbox keys under which a confirmed admission is told to the chain: proposed, then done."""
    return f"propose_party:{act.id}", f"admit_party:{act.id}"


def stated(row: PartyAct) -> dict[str, Json]:
    """What the receipt of an act's newest step says: its row as it stands."""
    return {
        "act": "party_act",
        "party_act": row.id,
        "kind": row.kind,
        "party": row.party_id,
        "described": cast("Json", row.described),
        "reason": row.reason,
        "state": row.state,
        "proposed_by": row.proposed_by,
        "proposed_at_ms": row.proposed_at_ms,
        "decided_by": row.decided_by,
        "decided_at_ms": row.decided_at_ms,
        "done_at_ms": row.done_at_ms,
    }


def _make(session: Session, vault: Vault, act: PartyAct, block: int, now_ms: int) -> Party:
    told: Mapping[str, Any] = act.described or {}
    party = Party(
        id=act.party_id,
        role=told["role"],
        name_zh=told["name_zh"],
        name_en=told["name_en"],
        uscc=told["uscc"],
        department_code=told["department"],
        address=bytes.fromhex(told["account"][2:]),
        http_key=told["key"],
        http_key_thumbprint=told["thumbprint"],
        custody=told["custody"],
        contact=told["contact"],
        status=PartyStatus.ACTIVE.value,
        anchor_state="anchored",
        anchored_block=block,
        created_at_ms=now_ms,
    )
    parties.admit(session, vault, party)
    registrations.register(session, vault, party.id, LegalBasis.CONSENT, told["purposes"], now_ms)
    registrations.register(session, vault, party.id, LegalBasis.STATUTORY_DUTY, told["bases"], now_ms)
    move(session, vault, act, ActState.DONE, now_ms)
    return party


def _receipt(session: Session, vault: Vault, row: PartyAct) -> None:
    session.flush()
    prepare_receipt(session, vault, ReceiptDraft(ReceiptKind.ADMISSION, stated(row)))
