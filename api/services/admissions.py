"""Parties: proposed by a system administrator, admitted by a security officer; suspended by one, let back by two.

Rules are `api.policy.duties`. What is confirmed goes to the chain, where two administrators' accounts repeat it word
for word; the party's row is made, or turns active again, when the chain's event says so (`api.store.event_sink`). A
suspension holds here at once and reaches the chain afterwards.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from api.catalogue.canonical import Limits, uscc_form
from api.errors import ApiError, Kind
from api.policy import duties
from api.policy.duties import Work
from api.services import chain_outbox
from api.services.context import OPERATORS_SIDE, Actor, Also, Context, Role
from api.services.offices import doer
from api.settings import Environment
from api.store import Session, clock, ids, outbox, read_only, unit_of_work
from api.store.queries import parties, party_acts
from api.store.queries.paging import Page
from api.store.queries.parties import PartyRole, PartyStatus
from api.store.queries.party_acts import ActKind, ActState
from api.store.tables import Party, PartyAct
from chain import calls
from chain.canonical import tagged_hash
from chain.errors import ChainError
from chain.jose import parse_jwk
from chain.strict import base64url

NAME_MAX = 128
REASON_MAX = 200
ADMITTED = (PartyRole.DEPARTMENT, PartyRole.ENTITY, PartyRole.REGULATOR)
"""Roles of parties that are admitted here; the operator itself is, where the contracts are deployed."""
_CHAIN_ROLES = {role: calls.Role[role.name] for role in ADMITTED}
_ACCOUNT_BYTES = 20


@dataclass(frozen=True, slots=True)
class NewParty:
    """What is published of a party; `account` "0x…" of its own, or "" for one in this service's custody."""

    role: PartyRole
    name_zh: str
    name_en: str
    uscc: str
    contact: str = ""
    department: str | None = None
    key: dict[str, str] | None = None
    account: str = ""
    purposes: Sequence[str] = ()
    bases: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """An act with its party (None before an admission is done), and what the reader may do about it.

    `refused`: the chain refuses what was confirmed.
    """

    row: PartyAct
    party: Party | None
    refused: bool
    may_decide: bool
    may_withdraw: bool


def list_all(ctx: Context, actor: Actor, cursor: str | None = None, *, open_only: bool = False) -> Page[Act]:
    """What was proposed and done about parties, newest first."""
    actor.party(*OPERATORS_SIDE, Role.REGULATOR)
    with read_only(ctx.db) as session:
        page = party_acts.list_all(session, open_only=open_only, cursor=cursor)
        return Page([_seen(session, actor, row) for row in page.items], page.next_cursor)


def get(ctx: Context, actor: Actor, act_id: str) -> Act:
    """One act. Raises `duties.not_found`."""
    actor.party(*OPERATORS_SIDE, Role.REGULATOR)
    with read_only(ctx.db) as session:
        row = party_acts.get(session, act_id)
        if row is None:
            raise ApiError("duties.not_found", Kind.NOT_FOUND)
        return _seen(session, actor, row)


def propose(ctx: Context, actor: Actor, new: NewParty, *, also: Also[PartyAct] | None = None) -> PartyAct:
    """Propose a party for admission. Raises `admissions.…` for what cannot be, `duties.known_party` for one known."""
    doer(actor, Work.PROPOSE_PARTY)
    party_id = ids.new_party_id()
    described = _described(ctx, party_id, new)
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        _refuse_known(session, described)
        row = party_acts.propose(
            session, ctx.vault, ActKind.ADMISSION, party_id, actor.subject, now, described=described
        )
        if also is not None:
            also(session, row)
    ctx.log.wake()
    return row


def withdraw(ctx: Context, actor: Actor, act_id: str, *, also: Also[PartyAct] | None = None) -> PartyAct:
    """Take an admission back that is proposed, or was confirmed and is refused by the chain.

    Nothing of it is told to the chain any more; proposing it anew takes two persons again. Raises `duties.not_found`,
    `duties.decided`.
    """
    doer(actor, Work.WITHDRAW_PROPOSAL)
    with unit_of_work(ctx.db) as session:
        now, row = clock.advance(session), party_acts.lock(session, act_id)
        refused = _refused(session, row, lock=True)
        if row.state != ActState.PROPOSED and not refused:
            raise ApiError("duties.decided", Kind.CONFLICT)
        if row.kind != ActKind.ADMISSION:
            raise ApiError("auth.forbidden", Kind.FORBIDDEN)
        if refused:
            outbox.settle(session, party_acts.admission_keys(row))
        party_acts.move(session, ctx.vault, row, ActState.WITHDRAWN, now, actor.subject)
        if also is not None:
            also(session, row)
    ctx.log.wake()
    return row


def confirm(ctx: Context, actor: Actor, act_id: str, *, also: Also[PartyAct] | None = None) -> PartyAct:
    """Be the second person: admit a party, or let one back.

    Raises `duties.not_found`, `duties.decided`, `duties.same_person`, `duties.known_party`, `duties.not_suspended`
    (a party that is back already).
    """
    doer(actor, Work.DECIDE_PROPOSAL)
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        # The party before the act, as everybody takes them who changes both.
        parties.lock_party(session, party_acts.party_of(session, act_id))
        row = _proposed(session, act_id)
        code = duties.refuse_second(row.proposed_by, actor.subject)
        if code is not None:
            raise ApiError(code, Kind.FORBIDDEN)
        if row.kind == ActKind.ADMISSION:
            _refuse_known(session, row.described or {}, but=row.id)
            _announce_admission(session, row)
        else:
            _announce_return(session, row)
        party_acts.move(session, ctx.vault, row, ActState.CONFIRMED, now, actor.subject)
        if also is not None:
            also(session, row)
    ctx.log.wake()
    return row


def decline(ctx: Context, actor: Actor, act_id: str, *, also: Also[PartyAct] | None = None) -> PartyAct:
    """Decline what was proposed. Raises `duties.not_found`, `duties.decided`."""
    doer(actor, Work.DECIDE_PROPOSAL)
    with unit_of_work(ctx.db) as session:
        now, row = clock.advance(session), _proposed(session, act_id)
        party_acts.move(session, ctx.vault, row, ActState.DECLINED, now, actor.subject)
        if also is not None:
            also(session, row)
    ctx.log.wake()
    return row


def suspend(ctx: Context, actor: Actor, party_id: str, reason: str, *, also: Also[PartyAct] | None = None) -> PartyAct:
    """Suspend a department or an entity: from now on it may do nothing here. A regulator or a security officer may.

    Raises `parties.not_found`, `duties.not_this_party`, `duties.suspended`, `duties.reason_missing`.
    """
    _stopper(actor, Work.SUSPEND_PARTY)
    kept = _reason(reason)
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        row = suspend_within(ctx, session, actor, party_id, kept, now)
        if also is not None:
            also(session, row)
    ctx.log.wake()
    return row


def suspend_within(ctx: Context, session: Session, actor: Actor, party_id: str, reason: str, now_ms: int) -> PartyAct:
    """`suspend` in a transaction of the caller's, which has asked whether the actor may."""
    party = _stoppable(session, party_id)
    if party.status != PartyStatus.ACTIVE:
        raise ApiError("duties.suspended", Kind.CONFLICT)
    event = parties.set_status(session, ctx.vault, party, PartyStatus.SUSPENDED, actor=actor.role.value, at_ms=now_ms)
    row = party_acts.propose(session, ctx.vault, ActKind.SUSPENSION, party_id, actor.subject, now_ms, reason=reason)
    party_acts.move(session, ctx.vault, row, ActState.DONE, now_ms)
    payload = chain_outbox.party_payload(_hash(party_id))
    outbox.put(session, chain_outbox.SUSPEND_PARTY, _suspension_key(party_id, event.seq), payload)
    return row


def propose_return(
    ctx: Context, actor: Actor, party_id: str, reason: str, *, also: Also[PartyAct] | None = None
) -> PartyAct:
    """Propose that a suspended party be let back. Raises as `suspend`; `duties.not_suspended`, `duties.proposed`."""
    _stopper(actor, Work.PROPOSE_RETURN)
    kept = _reason(reason)
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        if _stoppable(session, party_id).status != PartyStatus.SUSPENDED:
            raise ApiError("duties.not_suspended", Kind.CONFLICT)
        if party_acts.open_act(session, ActKind.RETURN, party_id) is not None:
            raise ApiError("duties.proposed", Kind.CONFLICT)
        row = party_acts.propose(session, ctx.vault, ActKind.RETURN, party_id, actor.subject, now, reason=kept)
        if also is not None:
            also(session, row)
    ctx.log.wake()
    return row


def _stopper(actor: Actor, work: Work) -> None:
    """Stopping, and asking for a return, are a regulator's as well; admitting never is."""
    if actor.role is Role.REGULATOR:
        actor.party(Role.REGULATOR)
    else:
        doer(actor, work)


def _stoppable(session: Session, party_id: str) -> Party:
    parties.lock_party(session, party_id)
    party = parties.get_party(session, party_id)
    if party is None:
        raise ApiError("parties.not_found", Kind.NOT_FOUND)
    if party.role not in {PartyRole.DEPARTMENT, PartyRole.ENTITY}:
        raise ApiError("duties.not_this_party", Kind.FORBIDDEN)
    return party


def _reason(text: str) -> str:
    kept = text.strip()
    if not kept or len(kept) > REASON_MAX or not kept.isprintable():
        raise ApiError("duties.reason_missing", limit=REASON_MAX)
    return kept


def _seen(session: Session, actor: Actor, row: PartyAct) -> Act:
    waits = row.state == ActState.PROPOSED
    second = duties.refuse_second(row.proposed_by, actor.subject) is None
    refused = _refused(session, row)
    return Act(
        row,
        parties.get_party(session, row.party_id),
        refused,
        may_decide=waits and second and duties.may_do(actor.role.value, Work.DECIDE_PROPOSAL),
        may_withdraw=(waits or refused)
        and row.kind == ActKind.ADMISSION
        and duties.may_do(actor.role.value, Work.WITHDRAW_PROPOSAL),
    )


def _refused(session: Session, row: PartyAct, *, lock: bool = False) -> bool:
    """Whether the chain refuses an act that was confirmed; where it does, nothing of it is on its way there."""
    if row.state != ActState.CONFIRMED:
        return False
    keys = party_acts.admission_keys(row) if row.kind == ActKind.ADMISSION else party_acts.return_keys(row)
    return outbox.is_refused(session, keys, lock=lock)


def _proposed(session: Session, act_id: str) -> PartyAct:
    row = party_acts.lock(session, act_id)
    if row.state != ActState.PROPOSED:
        raise ApiError("duties.decided", Kind.CONFLICT)
    return row


def _described(ctx: Context, party_id: str, new: NewParty) -> dict[str, object]:
    """What both persons and the chain are shown; checked."""
    if new.role not in ADMITTED:
        raise ApiError("admissions.role")
    for name in (new.name_zh, new.name_en):
        if not name.strip() or len(name) > NAME_MAX or not name.isprintable():
            raise ApiError("admissions.name", limit=NAME_MAX)
    if len(new.contact) > NAME_MAX or not new.contact.isprintable():
        raise ApiError("admissions.name", limit=NAME_MAX)
    known = ctx.catalogue
    if (new.role is PartyRole.DEPARTMENT) != (new.department is not None):
        raise ApiError("admissions.department")
    if new.department is not None and new.department not in known.departments:
        raise ApiError("admissions.department")
    if not set(new.purposes) <= set(known.purposes) or not set(new.bases) <= set(known.statutory_bases):
        raise ApiError("admissions.codes")
    if new.purposes and new.role is not PartyRole.ENTITY:
        raise ApiError("admissions.codes")
    demo = ctx.settings.environment is Environment.DEVELOPMENT
    thumbprint = None
    if new.key is not None:
        if new.role is not PartyRole.ENTITY:
            raise ApiError("admissions.key")
        thumbprint = _thumbprint(new.key)
    return {
        "role": new.role.value,
        "name_zh": new.name_zh.strip(),
        "name_en": new.name_en.strip(),
        "uscc": uscc_form("uscc", Limits())(new.uscc, demo),
        "contact": new.contact.strip() or None,
        "department": new.department,
        "key": new.key,
        "thumbprint": thumbprint,
        "account": "0x" + _account(ctx, party_id, new).hex(),
        "custody": "signer" if new.account else "demo",
        "purposes": sorted(set(new.purposes)),
        "bases": sorted(set(new.bases)),
    }


def _thumbprint(key: dict[str, str]) -> str:
    try:
        found = parse_jwk(dict(key), "/key")
    except ChainError:
        raise ApiError("admissions.key") from None
    if found.kty != "OKP":
        raise ApiError("admissions.key")
    return base64url(found.thumbprint)


def _account(ctx: Context, party_id: str, new: NewParty) -> bytes:
    if new.account:
        text = new.account.removeprefix("0x")
        try:
            account = bytes.fromhex(text)
        except ValueError:
            account = b""
        if len(account) != _ACCOUNT_BYTES or not any(account):
            raise ApiError("admissions.account")
        return account
    if new.role is PartyRole.DEPARTMENT:
        return ctx.department_signer(party_id).address
    return ctx.party_signer(party_id).address


def _refuse_known(session: Session, described: object, *, but: str = "") -> None:
    """`duties.known_party` where code, key, account or department are another party's, or proposed for one."""
    assert isinstance(described, dict)
    others: list[dict[str, object]] = [
        act.described or {} for act in party_acts.open_admissions(session) if act.id != but
    ]
    others += [
        {
            "uscc": party.uscc,
            "thumbprint": party.http_key_thumbprint,
            "account": None if party.address is None else "0x" + party.address.hex(),
            "department": party.department_code,
        }
        for party in parties.list_parties(session)
    ]
    for name in ("uscc", "thumbprint", "account", "department"):
        if described[name] is not None and any(other[name] == described[name] for other in others):
            raise ApiError("duties.known_party", Kind.CONFLICT)


def _announce_admission(session: Session, row: PartyAct) -> None:
    told = row.described or {}
    thumbprint = told["thumbprint"]
    metadata = tagged_hash("mydata/party/1", f"{told['name_zh']}|{told['uscc'] or ''}".encode())
    proposal = calls.PartyProposal(
        _hash(row.party_id),
        _CHAIN_ROLES[PartyRole(str(told["role"]))],
        bytes.fromhex(str(told["account"])[2:]),
        bytes(32) if thumbprint is None else parse_jwk(told["key"], "/key").thumbprint,
        metadata,
    )
    first, second = party_acts.admission_keys(row)
    outbox.put(session, chain_outbox.PROPOSE_PARTY, first, chain_outbox.admission_payload(proposal))
    payload = chain_outbox.admission_payload(proposal, follows=first)
    outbox.put(session, chain_outbox.ADMIT_PARTY, second, payload)


def _announce_return(session: Session, row: PartyAct) -> None:
    party = _stoppable(session, row.party_id)
    if party.status != PartyStatus.SUSPENDED:
        raise ApiError("duties.not_suspended", Kind.CONFLICT)
    suspension = _suspension_key(party.id, party.status_seq)
    first, second = party_acts.return_keys(row)
    payload = chain_outbox.party_payload(_hash(party.id), follows=suspension)
    outbox.put(session, chain_outbox.PROPOSE_RETURN, first, payload)
    payload = chain_outbox.party_payload(_hash(party.id), follows=first)
    outbox.put(session, chain_outbox.RETURN_PARTY, second, payload)


def _suspension_key(party_id: str, seq: int) -> str:
    return f"suspend_party:{party_id}:{seq}"


def _hash(party_id: str) -> bytes:
    return hashlib.sha256(party_id.encode()).digest()
