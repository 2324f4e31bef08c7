"""What people and offices do: appoint, accept or decline, end, register."""

import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from api.catalogue.model import HolderKind as DescribedKind
from api.errors import ApiError, Kind
from api.policy.mandates import (
    AGENT_DAYS_MAX,
    DAY_MS,
    DOCUMENTS,
    GRANTABLE,
    LIVE_MAX,
    OFFICE,
    REGISTRAR_REASONS,
    Action,
    EndReason,
    MandateKind,
    MandateState,
    majority_ms,
)
from api.services.authority import authority, open_mandate, refuse_child
from api.services.context import Actor, Also, Context, Role
from api.services.identity import canonical_number
from api.services.mandates.course import begin, finish, seal
from api.services.mandates.views import registered_kinds
from api.services.notifications import Topic, tell_holder
from api.store import Session, clock, ids, unit_of_work
from api.store.numbering import NumberedReceipt, Numberer
from api.store.queries import holders, mandates
from api.store.queries.holders import HolderKind, HolderRef
from api.store.queries.mandates import MandateBody
from api.store.tables import Mandate
from chain.canonical import SALT_BYTES

DOCUMENT_NO_MAX = NAME_MAX = 64
SUBJECTS = {MandateKind.LEGAL_REPRESENTATIVE: HolderKind.ENTERPRISE, MandateKind.GUARDIAN: HolderKind.PERSON}
"""Whom a registered representative acts for."""


@dataclass(frozen=True, slots=True)
class NewAgent:
    """Whom a holder appoints, for what and how long. `types`, `purposes` None: all."""

    number: str
    name: str
    actions: Sequence[str]
    types: Sequence[str] | None
    purposes: Sequence[str] | None
    days: int


@dataclass(frozen=True, slots=True)
class Registration:
    """What an officer registers: who is what to whom, by which document; `until_ms` where it says until when."""

    kind: MandateKind
    principal_number: str
    principal_name: str
    person_number: str
    person_name: str
    document: str
    document_no: str
    until_ms: int | None = None


def appoint(ctx: Context, actor: Actor, new: NewAgent, *, also: Also[Mandate] | None = None) -> Mandate:
    """Propose an agent; nothing may be done until the agent accepts.

    Raises `mandate.out_of_scope` (a representative other than the legal one), `mandate.bad_scope`, `mandate.bad_end`,
    `mandate.self`, `mandate.minor`, `mandate.exists`, `mandate.too_many`, `mandate.guardian_decides`.
    """
    number = canonical_number(ctx.settings, HolderKind.PERSON, new.number)
    name = _name(new.name)
    if not 1 <= new.days <= AGENT_DAYS_MAX:
        raise ApiError("mandate.bad_end", limit=AGENT_DAYS_MAX)
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        principal = authority(ctx, session, actor, Action.APPOINT, lock=True).holder_id
        refuse_child(ctx, session, principal)
        holder = holders.get_holder(session, principal)
        assert holder is not None
        _check_scope(ctx, HolderKind(holder.kind), new)
        person = _person(ctx, session, number, now)
        row = Mandate(
            kind=MandateKind.AGENT.value,
            principal_id=principal,
            person_id=person.id,
            actions=[action.value for action in GRANTABLE if action.value in new.actions],
            types=_sorted(new.types),
            purposes=_sorted(new.purposes),
            appointed_under=actor.mandate_id,
            state=MandateState.PROPOSED.value,
            majority=False,
            ends_ms=now + new.days * DAY_MS,
        )
        _check_new(session, row, now)
        _write(ctx, session, row, MandateBody(_principal_name(ctx, session, actor), name, number[-4:], "", "", ""), now)
        tell_holder(session, person.id, Topic.MANDATE, row.id, {"mandate": row.id, "kind": row.kind}, now)
        if also is not None:
            also(session, row)
    return row


def answer(
    ctx: Context, actor: Actor, mandate_id: str, *, accept: bool, also: Also[Mandate] | None = None
) -> NumberedReceipt | None:
    """The agent's yes or no to a proposal; the receipt of a yes.

    Raises `mandate.not_found`, `mandate.expired`, `mandate.transition`.
    """
    person = actor.self_id

    def work(session: Session, numberer: Numberer) -> NumberedReceipt | None:
        row = mandates.get_mandate(session, mandate_id, lock=True)
        if row is None or row.person_id != person:
            raise ApiError("mandate.not_found", Kind.NOT_FOUND)
        if row.ends_ms is not None and numberer.now_ms >= row.ends_ms:
            raise ApiError("mandate.expired", Kind.FORBIDDEN)
        if row.state != MandateState.PROPOSED:
            raise ApiError("mandate.transition", Kind.CONFLICT, before=row.state, after=MandateState.ACTIVE.value)
        receipt: NumberedReceipt | None
        if accept:
            receipt = begin(ctx, session, row, numberer.now_ms, numberer.add)
        else:
            receipt = finish(ctx, session, row, EndReason.DECLINED, numberer.now_ms, "agent", numberer.add)
        if also is not None:
            also(session, row)
        return receipt

    return ctx.log.submit(work)


def end(
    ctx: Context, actor: Actor, mandate_id: str, reason: str | None = None, *, also: Also[Mandate] | None = None
) -> NumberedReceipt | None:
    """End a mandate at once: an agent's by either side, a registered one by the department that registered it.

    `reason` is the department's; a holder or agent states none. Raises `mandate.not_found`, `mandate.registered`,
    `mandate.bad_reason`, `mandate.transition`.
    """

    def work(session: Session, numberer: Numberer) -> NumberedReceipt | None:
        row = mandates.get_mandate(session, mandate_id, lock=True)
        if row is None:
            raise ApiError("mandate.not_found", Kind.NOT_FOUND)
        stated, who = _may_end(ctx, session, actor, row, reason)
        receipt = finish(ctx, session, row, stated, numberer.now_ms, who, numberer.add)
        if also is not None:
            also(session, row)
        return receipt

    return ctx.log.submit(work)


def register(ctx: Context, actor: Actor, new: Registration, *, also: Also[Mandate] | None = None) -> Mandate:
    """Register a legal representative or a guardian; in force at once. A new legal representative replaces the old one.

    Raises `mandate.not_registrar`, `mandate.wrong_document`, `mandate.bad_document`, `mandate.not_a_child`,
    `mandate.bad_end`, `mandate.self`, `mandate.minor`, `mandate.exists`, `mandate.too_many`, `catalogue.…` for a
    malformed number.
    """
    party_id = actor.party(Role.DEPARTMENT)
    kind = SUBJECTS.get(new.kind)
    if kind is None:
        raise ApiError("mandate.not_registrar", Kind.FORBIDDEN)
    if new.document not in DOCUMENTS[new.kind]:
        raise ApiError("mandate.wrong_document")
    if not (0 < len(new.document_no) <= DOCUMENT_NO_MAX and new.document_no.isprintable()):
        raise ApiError("mandate.bad_document", limit=DOCUMENT_NO_MAX)
    principal_number = canonical_number(ctx.settings, kind, new.principal_number)
    person_number = canonical_number(ctx.settings, HolderKind.PERSON, new.person_number)
    body = MandateBody(
        _name(new.principal_name), _name(new.person_name), person_number[-4:], new.document, new.document_no, ""
    )

    def work(session: Session, numberer: Numberer) -> Mandate:
        now = numberer.now_ms
        if new.kind not in registered_kinds(session, party_id):
            raise ApiError("mandate.not_registrar", Kind.FORBIDDEN)
        ends, majority = new.until_ms, False
        if new.kind is MandateKind.GUARDIAN:
            of_age = majority_ms(principal_number)
            if of_age <= now:
                raise ApiError("mandate.not_a_child", Kind.CONFLICT)
            majority = ends is None or of_age <= ends
            ends = of_age if majority else ends
        if ends is not None and ends <= now:
            raise ApiError("mandate.bad_end", limit=AGENT_DAYS_MAX)
        (principal,) = holders.find_or_create_holders(session, ctx.vault, [(kind, principal_number)])
        person = _person(ctx, session, person_number, now)
        row = Mandate(
            kind=new.kind.value,
            principal_id=principal.id,
            person_id=person.id,
            actions=[action.value for action in OFFICE[new.kind]],
            registrar_id=party_id,
            state=MandateState.PROPOSED.value,
            majority=majority,
            ends_ms=ends,
        )
        _check_new(session, row, now)
        if new.kind is MandateKind.LEGAL_REPRESENTATIVE:
            for old in mandates.live_of(session, principal.id, new.kind):
                finish(ctx, session, old, EndReason.REPLACED, now, "office", numberer.add)
        _write(ctx, session, row, body, now)
        begin(ctx, session, row, now, numberer.add)
        if also is not None:
            also(session, row)
        return row

    return ctx.log.submit(work)


def _may_end(ctx: Context, session: Session, actor: Actor, row: Mandate, reason: str | None) -> tuple[EndReason, str]:
    """With which reason and as what the actor may end a mandate; raises where it may not."""
    if actor.role is Role.DEPARTMENT:
        if row.registrar_id != actor.party(Role.DEPARTMENT):
            raise ApiError("mandate.not_found", Kind.NOT_FOUND)
        if reason not in REGISTRAR_REASONS:
            raise ApiError("mandate.bad_reason")
        return EndReason(reason), "office"
    if reason is not None:
        raise ApiError("mandate.bad_reason")
    mine = row.person_id == actor.self_id
    if not mine and authority(ctx, session, actor, Action.APPOINT, lock=True).holder_id != row.principal_id:
        raise ApiError("mandate.not_found", Kind.NOT_FOUND)
    if row.kind != MandateKind.AGENT:
        raise ApiError("mandate.registered", Kind.FORBIDDEN)
    return (EndReason.RESIGNED, "agent") if mine else (EndReason.WITHDRAWN, "holder")


def _check_scope(ctx: Context, holder_kind: HolderKind, new: NewAgent) -> None:
    """Raise `mandate.bad_scope` for a scope that is empty, unknown, or useless: who may not look cannot decide."""
    known = {action.value for action in GRANTABLE}
    described = DescribedKind(holder_kind.value)
    types = {schema.code for schema in ctx.catalogue.ready_types() if schema.holder_kind is described}
    purposes = {one.code for one in ctx.catalogue.purposes.values() if described in one.holder_kinds}
    good = (
        Action.LOOK.value in new.actions
        and known.issuperset(new.actions)
        and (new.types is None or (new.types and types.issuperset(new.types)))
        and (new.purposes is None or (new.purposes and purposes.issuperset(new.purposes)))
    )
    if not good:
        raise ApiError("mandate.bad_scope")


def _check_new(session: Session, row: Mandate, now_ms: int) -> None:
    """Raise for a mandate that cannot be: over oneself, twice the same, or one too many."""
    if row.person_id == row.principal_id:
        raise ApiError("mandate.self")
    same = mandates.live_of(session, row.principal_id, MandateKind(row.kind), row.person_id)
    if any(one.ends_ms is None or one.ends_ms > now_ms for one in same):
        raise ApiError("mandate.exists", Kind.CONFLICT)
    if mandates.count_live(session, row.principal_id, now_ms) >= LIVE_MAX:
        raise ApiError("mandate.too_many", Kind.CONFLICT, limit=LIVE_MAX)


def _person(ctx: Context, session: Session, number: str, now_ms: int) -> HolderRef:
    """Who shall act, by number; also somebody of whom nothing was returned yet. Raises `mandate.minor`."""
    if majority_ms(number) > now_ms:
        raise ApiError("mandate.minor", Kind.CONFLICT)
    (ref,) = holders.find_or_create_holders(session, ctx.vault, [(HolderKind.PERSON, number)])
    return ref


def _principal_name(ctx: Context, session: Session, actor: Actor) -> str:
    """How the agent will read for whom they act."""
    assert actor.holder_id is not None
    stated = holders.profile(session, holders.holder_key(session, ctx.vault, actor.holder_id)).get("name", "")
    if stated or actor.mandate_id is None:
        return stated
    row = mandates.get_mandate(session, actor.mandate_id)
    return "" if row is None else open_mandate(ctx, session, row).principal_name


def _write(ctx: Context, session: Session, row: Mandate, body: MandateBody, now_ms: int) -> None:
    row.id, row.created_at_ms = ids.new_mandate_id(), now_ms
    body = replace(body, salt=secrets.token_hex(SALT_BYTES))
    row.commitment = mandates.commitment(row, body)
    seal(ctx, session, row, body)
    session.add(row)
    session.flush()


def _name(name: str) -> str:
    """A name as it is kept. Raises `mandate.bad_name`."""
    kept = unicodedata.normalize("NFC", name).strip()
    if not (0 < len(kept) <= NAME_MAX and kept.isprintable()):
        raise ApiError("mandate.bad_name", limit=NAME_MAX)
    return kept


def _sorted(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else sorted(set(values))
