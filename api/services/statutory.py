"""Queries by statutory duty: no consent is asked and none is claimed; counted, watched, receipted, seen by the holder.

A query is an authorisation of its own, which the department's account signs (an entity with a duty by law has signed
its request), and then a pull like any other: decided twice, marked, receipted. What a crash means: the query stands as
asked and is counted; asked again under the same idempotency key it goes on where it stopped.

Whether anybody has the number does not show. An unknown number, a person without such a certificate and one who was
erased get the same answer after the same steps, and count alike towards the alarm.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace

from api.catalogue.case_register import case_rules
from api.catalogue.model import HolderKind, StatutoryBasis
from api.errors import ApiError, Kind
from api.policy import statutory as policy
from api.policy.decide import Deny
from api.policy.statutory import AccessAsk, decide_access
from api.services import case_register, pulls, statutory_grants
from api.services.context import Actor, Context, Role
from api.services.identity import canonical_number
from api.services.pulls import Pulled, SignedPull
from api.store import Session, clock, ids, read_only, unit_of_work
from api.store.queries import alarms, case_registers, cases, holders, parties, records, registrations, statutory
from api.store.queries.holders import HolderKind as StoredKind
from api.store.queries.paging import Page
from api.store.queries.registrations import LegalBasis
from api.store.queries.statutory import Outcome, Subject
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import StatutoryAccess
from chain.canonical import Json, canonical
from chain.receipt import ReceiptKind

MAX_ITEMS = 64
MASK_BASIS_MAX = 128


@dataclass(frozen=True, slots=True)
class NewAccess:
    """What is asked: by which basis, in which case, of whom (`number` finds the holder and goes nowhere else), what.

    For `hidden_days` the person concerned sees that an authority looked and by which law more is told later.
    """

    basis: str
    case_no: str
    holder_kind: HolderKind
    number: str
    items: Sequence[tuple[str, str]]
    hidden_days: int = 0


@dataclass(frozen=True, slots=True)
class Served:
    """A query that found something: the marked copy, and the number of the query."""

    access_id: str
    pulled: Pulled


@dataclass(frozen=True, slots=True)
class AccessView:
    """A query as its own party sees it afterwards: whom it was about is not shown again."""

    access: StatutoryAccess
    basis: StatutoryBasis | None


def query(
    ctx: Context,
    actor: Actor,
    new: NewAccess,
    media_type: str,
    *,
    idempotency_key: str,
    signed: SignedPull | None = None,
) -> Served:
    """Answer a query with a marked copy.

    Raises `catalogue.unknown_basis`, `statutory.<reason>` (FORBIDDEN), `statutory.nothing_found` (NOT_FOUND; also for a
    number that nobody has), `catalogue.…` for a malformed number, `idempotency.other_request`, `pull.…`.
    """
    party_id = actor.party(Role.DEPARTMENT, Role.ENTITY)
    if media_type not in pulls.FORMATS:
        raise ApiError("pull.unsupported_format")
    basis = ctx.catalogue.statutory_basis(new.basis)
    number = canonical_number(ctx.settings, StoredKind(new.holder_kind.value), new.number)
    if len(new.items) > MAX_ITEMS:
        raise ApiError("requests.too_many_items", limit=MAX_ITEMS)
    if not 0 <= new.hidden_days <= basis.max_delay_days:
        raise ApiError("statutory.mask_too_long", limit=basis.max_delay_days)
    subject = Subject(
        ctx.vault.blind_index("statutory/number", new.holder_kind.value, number),
        ctx.vault.blind_index("statutory/stem", new.holder_kind.value, policy.stem(number)),
    )
    access = _admit(ctx, actor, basis, new, number, subject, _access_id(ctx, party_id, idempotency_key))
    types = sorted({type_code for type_code, _ in new.items})
    with read_only(ctx.db) as session:
        holder_id = holders.find_holder(session, ctx.vault, StoredKind(new.holder_kind.value), number)
        there = [view for view in records.current_records(session, holder_id or access.id, types) if view.shareable]
        contested = holder_id is not None and cases.is_suspended(session, holder_id, party_id)
    if contested:
        raise _contested(ctx, access, holder_id)
    if holder_id is None or not there:
        raise _nothing(ctx, access, basis, holder_id)
    grant_id = access.grant_id or statutory_grants.begin(ctx, actor, access.id, basis, holder_id, new.items, signed)
    try:
        pulled = pulls.pull(ctx, actor, grant_id, media_type, signed=signed, idempotency_key=idempotency_key)
    except ApiError as error:
        if error.code not in {"pull.nothing_there", "pull.not_reviewed"}:
            raise
        raise _nothing(ctx, access, basis, holder_id) from None
    with unit_of_work(ctx.db) as session:
        statutory.settle(session, access.id, Outcome.DELIVERED, receipt_id=pulled.receipt.id)
    return Served(access.id, pulled)


def list_own(ctx: Context, actor: Actor, cursor: str | None = None) -> Page[AccessView]:
    """The queries of the actor's own organisation, newest first."""
    party_id = actor.party(Role.DEPARTMENT, Role.ENTITY)
    with read_only(ctx.db) as session:
        page = statutory.accesses_of_party(session, party_id, cursor=cursor)
    return Page([_view(ctx, row) for row in page.items], page.next_cursor)


def get_own(ctx: Context, actor: Actor, access_id: str) -> AccessView:
    """One query of the actor's own organisation. Raises `statutory.not_found`."""
    party_id = actor.party(Role.DEPARTMENT, Role.ENTITY)
    with read_only(ctx.db) as session:
        row = statutory.access_of_party(session, party_id, access_id)
    if row is None:
        raise ApiError("statutory.not_found", Kind.NOT_FOUND)
    return _view(ctx, row)


def bases_of(ctx: Context, actor: Actor) -> list[StatutoryBasis]:
    """The bases that the actor's own organisation may use, in the catalogue's order."""
    party_id = actor.party(Role.DEPARTMENT, Role.ENTITY)
    with read_only(ctx.db) as session:
        codes = set(registrations.registered(session, party_id, LegalBasis.STATUTORY_DUTY))
    return [basis for code, basis in ctx.catalogue.statutory_bases.items() if code in codes]


def _admit(
    ctx: Context,
    actor: Actor,
    basis: StatutoryBasis,
    new: NewAccess,
    number: str,
    subject: Subject,
    access_id: str,
) -> StatutoryAccess:
    """Decide and count in one transaction; the row of the query, or the refusal raised."""
    party_id = actor.party(Role.DEPARTMENT, Role.ENTITY)
    described = ctx.vault.blind_index("statutory/query", *_described(new))
    items = frozenset(new.items)
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        statutory.lock_party(session, party_id)
        known = statutory.access_of_party(session, party_id, access_id)
        if known is not None and known.request_bidx != described:
            raise ApiError("idempotency.other_request", Kind.CONFLICT)
        tally = statutory.tally(session, party_id, basis.code, new.case_no, subject, now)
        party = parties.get_party(session, party_id)
        active = party is not None and party.status == parties.PartyStatus.ACTIVE
        registered = registrations.is_registered(session, party_id, LegalBasis.STATUTORY_DUTY, basis.code)
        used = case_register.used(ctx, session, party_id, new.case_no, now)
        brings = case_register.brings(session, party_id, actor.subject, now)
        ask = AccessAsk(active and registered, new.holder_kind, new.case_no, items, used.standing, brings)
        verdict: object
        raised: Sequence[policy.Alarm] = ()
        if known is not None:
            verdict = policy.NOT_REGISTERED if not ask.registered else policy.BLOCKED if tally.blocked else None
        else:
            verdict, raised = decide_access(basis, case_rules(), ask, tally, now)
            for alarm in raised:
                alarms.raise_alarm(session, ctx.vault, party_id, basis.code, alarm, now)
        if known is not None and verdict is None:
            return known
        if not isinstance(verdict, Deny):
            case_registers.note_account(session, party_id, actor.subject, now, asked=True)
        row = StatutoryAccess(
            id=access_id,
            party_id=party_id,
            basis_code=basis.code,
            basis_version=basis.version,
            case_no=new.case_no if basis.case_fits(new.case_no) else "",
            case_standing=used.standing,
            items=[{"type": type_code, "field": name} for type_code, name in sorted(items)],
            subject_bidx=subject.number,
            near_bidx=subject.near,
            request_bidx=described,
            masked_until_ms=now + new.hidden_days * policy.DAY_MS if new.hidden_days else None,
            mask_basis=basis.law_zh[:MASK_BASIS_MAX] if new.hidden_days else None,
            outcome=Outcome.ASKED.value,
            at_ms=now,
        )
        if isinstance(verdict, Deny):
            # Under an id of its own: a refusal is not kept, and the same key may try again.
            row.id, row.outcome, row.reason = ids.new_access_id(), Outcome.REFUSED.value, verdict.reason
            # Who was refused about whom is part of what the person concerned sees.
            row.holder_id = holders.find_holder(session, ctx.vault, StoredKind(new.holder_kind.value), number)
            row.receipt_id = _receipt(ctx, session, ReceiptKind.REFUSAL, row, row.holder_id)
        session.add(row)
        if not isinstance(verdict, Deny) or raised:
            session.flush()
            seen = case_register.seen(session, used, now)
            if seen is not None:
                case_register.raise_alarm(ctx, session, replace(used, access_id=row.id), now, seen)
    ctx.log.wake()
    if isinstance(verdict, Deny):
        raise ApiError(verdict.reason, Kind.FORBIDDEN)
    return row


def _nothing(ctx: Context, access: StatutoryAccess, basis: StatutoryBasis, holder_id: str | None) -> ApiError:
    """Note that there was nothing to be given, at the same cost whether or not anybody has the number.

    Who has the number, but no such certificate, sees the query among those who looked.
    """
    if access.outcome != Outcome.NOTHING:
        with unit_of_work(ctx.db) as session:
            now = clock.advance(session)
            receipt_id = _receipt(ctx, session, ReceiptKind.LOOK, access, holder_id)
            statutory.settle(session, access.id, Outcome.NOTHING, receipt_id=receipt_id, holder_id=holder_id)
            alarm = policy.misses(basis, statutory.misses(session, access.party_id, basis.code, now))
            if alarm is not None:
                alarms.raise_alarm(session, ctx.vault, access.party_id, basis.code, alarm, now)
        ctx.log.wake()
    return ApiError("statutory.nothing_found", Kind.NOT_FOUND)


def _contested(ctx: Context, access: StatutoryAccess, holder_id: str | None) -> ApiError:
    """Note a refusal: the person concerned contests this party's queries, and no regulator has decided otherwise."""
    error = ApiError("statutory.contested", Kind.FORBIDDEN)
    if access.outcome != Outcome.REFUSED:
        with unit_of_work(ctx.db) as session:
            access.outcome, access.reason = Outcome.REFUSED.value, error.code
            receipt_id = _receipt(ctx, session, ReceiptKind.REFUSAL, access, holder_id)
            statutory.settle(session, access.id, Outcome.REFUSED, receipt_id=receipt_id, holder_id=holder_id)
            statutory.reasoned(session, access.id, error.code)
        ctx.log.wake()
    return error


def _receipt(ctx: Context, session: Session, kind: ReceiptKind, access: StatutoryAccess, holder_id: str | None) -> str:
    details: dict[str, Json] = {
        "access": access.id,
        "entity": access.party_id,
        "basis": access.basis_code,
        "case_no": access.case_no,
        "outcome": access.outcome if kind is ReceiptKind.REFUSAL else Outcome.NOTHING.value,
        "reason": access.reason,
    }
    draft = ReceiptDraft(kind, details, holder_id=holder_id, party_id=access.party_id, reason=access.reason)
    return prepare_receipt(session, ctx.vault, draft)


def _view(ctx: Context, row: StatutoryAccess) -> AccessView:
    return AccessView(row, ctx.catalogue.statutory_bases.get(row.basis_code))


def _access_id(ctx: Context, party_id: str, key: str) -> str:
    """Derived from the idempotency key, so that the same query is the same access."""
    told = hmac.digest(ctx.keys.session, canonical(["mydata/statutory/1", party_id, key]), "sha256")
    return f"stat_{told[:16].hex()}"


def _described(new: NewAccess) -> list[str]:
    items = [f"{type_code}/{name}" for type_code, name in sorted(new.items)]
    hidden = [f"hidden:{new.hidden_days}"] if new.hidden_days else []
    return [new.basis, new.case_no, new.holder_kind.value, new.number, *items, *hidden]
