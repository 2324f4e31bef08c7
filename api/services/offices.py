"""Offices on the operator's side: given by two security officers, to neither of whom, and to nobody who has one.

The rules are `api.policy.duties`; who holds what is asked anew for every request, so that an office that was ended
lets nothing through from then on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.policy import duties
from api.policy.duties import Office, Work
from api.services.context import OPERATORS_SIDE, Actor, Also, Context, Role, staff_subject
from api.store import Session, clock, read_only, unit_of_work
from api.store.crypto import Vault
from api.store.database import Database
from api.store.keyring import KeyRing
from api.store.queries import offices, parties
from api.store.queries.offices import HoldingState
from api.store.queries.parties import PartyRole
from api.store.tables import OfficeHolding

MAX_STAFF = 32
FOUNDING = {Office.OPERATOR: 1, Office.SECURITY: duties.LEAST_OFFICERS, Office.AUDITOR: 1}
"""How many of each office a founding needs at least."""


@dataclass(frozen=True, slots=True)
class Holding:
    """An office with what the reader may do about it."""

    row: OfficeHolding
    may_decide: bool
    may_end: bool


def doer(actor: Actor, work: Work) -> str:
    """The party of somebody whose office does this work; else `auth.forbidden`."""
    if not duties.may_do(actor.role.value, work):
        raise ApiError("auth.forbidden", Kind.FORBIDDEN)
    return actor.party(*OPERATORS_SIDE)


def list_all(ctx: Context, actor: Actor) -> Sequence[Holding]:
    """All offices of the actor's party, past ones included, newest first."""
    party_id = actor.party(Role.SECURITY, Role.AUDITOR)
    with read_only(ctx.db) as session:
        rows = offices.list_all(session, party_id)
        left = {row.id: offices.count_officers(session, party_id, without=row.id) for row in rows if row.live}
    officer = actor.role is Role.SECURITY

    def seen(row: OfficeHolding) -> Holding:
        waits = officer and row.state == HoldingState.PROPOSED
        held = officer and row.state == HoldingState.ACTIVE
        return Holding(
            row,
            may_decide=waits and duties.refuse_second(row.proposed_by, actor.subject, row.staff) is None,
            may_end=held and duties.refuse_ending(row.office, left[row.id]) is None,
        )

    return [seen(row) for row in rows]


def propose(
    ctx: Context, actor: Actor, staff: str, office: Office, *, also: Also[OfficeHolding] | None = None
) -> OfficeHolding:
    """Propose an office for a colleague by the colleague's own number, which is not kept.

    Raises `duties.bad_staff`, `duties.own_office`, `duties.second_office`.
    """
    party_id = doer(actor, Work.GIVE_OFFICE)
    receiver = _receiver(ctx, party_id, staff)
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        offices.lock_party(session, party_id)
        _refuse(
            duties.refuse_giving(actor.subject, receiver, holds_one=offices.is_spoken_for(session, receiver)),
            conflict="duties.second_office",
        )
        row = offices.propose(session, ctx.vault, party_id, receiver, office, actor.subject, now)
        if also is not None:
            also(session, row)
    ctx.log.wake()
    return row


def confirm(
    ctx: Context, actor: Actor, holding_id: str, staff: str, *, also: Also[OfficeHolding] | None = None
) -> OfficeHolding:
    """Confirm what another officer proposed. The number is given again, so that nobody confirms what it has not read.

    Raises `duties.not_found`, `duties.decided`, `duties.same_person`, `duties.own_office`, `duties.other_staff`.
    """
    party_id = doer(actor, Work.GIVE_OFFICE)
    receiver = _receiver(ctx, party_id, staff)
    with unit_of_work(ctx.db) as session:
        now, row = clock.advance(session), _proposed(session, party_id, holding_id)
        _refuse(duties.refuse_second(row.proposed_by, actor.subject, row.staff))
        if row.staff != receiver:
            raise ApiError("duties.other_staff")
        offices.decide(session, ctx.vault, row, HoldingState.ACTIVE, actor.subject, now)
        if also is not None:
            also(session, row)
    ctx.log.wake()
    return row


def decline(ctx: Context, actor: Actor, holding_id: str, *, also: Also[OfficeHolding] | None = None) -> OfficeHolding:
    """Decline or take back what was proposed; any security officer may. Raises `duties.not_found`, `duties.decided`."""
    party_id = doer(actor, Work.GIVE_OFFICE)
    with unit_of_work(ctx.db) as session:
        now, row = clock.advance(session), _proposed(session, party_id, holding_id)
        offices.decide(session, ctx.vault, row, HoldingState.DECLINED, actor.subject, now)
        if also is not None:
            also(session, row)
    ctx.log.wake()
    return row


def end(ctx: Context, actor: Actor, holding_id: str, *, also: Also[OfficeHolding] | None = None) -> OfficeHolding:
    """End an office, one's own included: one person, for stopping must be quick. Its sessions end with it.

    Raises `duties.not_found`, `duties.not_held`, `duties.last_officers`.
    """
    party_id = doer(actor, Work.END_OFFICE)
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        offices.lock_party(session, party_id)
        row = offices.lock(session, party_id, holding_id)
        if row.state != HoldingState.ACTIVE:
            raise ApiError("duties.not_held", Kind.CONFLICT)
        left = offices.count_officers(session, party_id, without=row.id)
        _refuse(duties.refuse_ending(row.office, left), conflict="duties.last_officers")
        offices.end(session, ctx.vault, row, actor.subject, now)
        if also is not None:
            also(session, row)
    ctx.log.wake()
    return row


def found(db: Database, vault: Vault, keys: KeyRing, staff: Mapping[str, Office]) -> bool:
    """Give the operator's first offices, by the officers' own numbers; False where it ever had any.

    This is whoever sets the deployment up: it holds the keys and the database anyhow, and what it gave is in the log.
    Raises `duties.founding` for too few of an office, `parties.not_found` where no operator is admitted.
    """
    given = list(staff.values())
    if any(given.count(office) < least for office, least in FOUNDING.items()):
        raise ApiError("duties.founding", officers=FOUNDING[Office.SECURITY])
    with unit_of_work(db) as session:
        party = next(iter(parties.list_parties(session, PartyRole.OPERATOR)), None)
        if party is None:
            raise ApiError("parties.not_found", Kind.NOT_FOUND)
        named = {staff_subject(keys, party.id, number): office for number, office in staff.items()}
        return offices.found(session, vault, party.id, named, clock.advance(session))


def _receiver(ctx: Context, party_id: str, staff: str) -> str:
    number = staff.strip()
    if not number or len(number) > MAX_STAFF or not number.isprintable():
        raise ApiError("duties.bad_staff", limit=MAX_STAFF)
    return staff_subject(ctx.keys, party_id, number)


def _proposed(session: Session, party_id: str, holding_id: str) -> OfficeHolding:
    row = offices.lock(session, party_id, holding_id)
    if row.state != HoldingState.PROPOSED:
        raise ApiError("duties.decided", Kind.CONFLICT)
    return row


def _refuse(code: str | None, *, conflict: str = "") -> None:
    if code is not None:
        raise ApiError(code, Kind.CONFLICT if code == conflict else Kind.FORBIDDEN)
