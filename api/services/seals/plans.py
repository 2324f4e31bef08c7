"""Who seals together: a department names, for one of its types, whose seals its certificates need beside its own.

A plan is for what is sealed from now on. It names others in their order, and how many of them must seal; the rest may
decline. A certificate that was sealed before keeps the seals that it has. One that still waits when its plan ends or
another takes its place is not issued any more: when its holder asks again it is sealed anew (`documents`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.services.context import Actor, Context, Role
from api.store import Session, clock, read_only, unit_of_work
from api.store.ids import new_seal_plan_id
from api.store.queries import parties, seals
from api.store.queries.parties import PartyRole, PartyStatus
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Party, SealPlan
from chain.canonical import Json
from chain.receipt import ReceiptKind

MAX_COSIGNERS = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan with the departments that it names, in order."""

    type_code: str
    cosigners: Sequence[Party]
    needed: int
    created_at_ms: int


def list_own(ctx: Context, actor: Actor) -> list[Plan]:
    """A department's plans."""
    with read_only(ctx.db) as session:
        return [_plan(session, row) for row in seals.plans_of(session, actor.party(Role.DEPARTMENT))]


def possible(ctx: Context, actor: Actor) -> list[Party]:
    """Departments that may seal beside one's own."""
    own = actor.party(Role.DEPARTMENT)
    with read_only(ctx.db) as session:
        return [
            one
            for one in parties.list_parties(session, PartyRole.DEPARTMENT)
            if one.id != own and one.status == PartyStatus.ACTIVE
        ]


def agree(ctx: Context, actor: Actor, type_code: str, cosigners: Sequence[str], needed: int) -> Plan:
    """Make a plan, in the place of one that was there.

    Raises `catalogue.unknown_type` (also for another department's), `seals.plan_cosigners` (nobody, somebody twice,
    oneself, too many, or no active department) and `seals.plan_needed`.
    """
    own = actor.party(Role.DEPARTMENT)
    with unit_of_work(ctx.db) as session:
        _check_type(ctx, session, own, type_code)
        named = [parties.get_party(session, one) for one in cosigners]
        good = [one for one in named if one is not None and _may(one, own)]
        if not 1 <= len(named) <= MAX_COSIGNERS or len({one.id for one in good}) != len(named):
            raise ApiError("seals.plan_cosigners", Kind.INVALID, limit=MAX_COSIGNERS)
        if not 1 <= needed <= len(named):
            raise ApiError("seals.plan_needed", Kind.INVALID, named=len(named))
        now = clock.advance(session)
        seals.end_plans(session, own, type_code, now)
        row = SealPlan(
            id=new_seal_plan_id(),
            party_id=own,
            type_code=type_code,
            cosigners=[one.id for one in good],
            needed=needed,
            created_at_ms=now,
        )
        session.add(row)
        details: dict[str, Json] = {
            "act": "agreed",
            "plan": row.id,
            "by": own,
            "type": type_code,
            "cosigners": [one.id for one in good],
            "needed": needed,
        }
        prepare_receipt(session, ctx.vault, ReceiptDraft(ReceiptKind.SEAL, details, party_id=own))
        session.flush()
        made = _plan(session, row)
    ctx.log.wake()
    return made


def end(ctx: Context, actor: Actor, type_code: str) -> None:
    """End a plan: certificates that are sealed from now on have one's own seal alone. Raises `seals.plan_not_found`."""
    own = actor.party(Role.DEPARTMENT)
    with unit_of_work(ctx.db) as session:
        row = seals.open_plan(session, own, type_code)
        if row is None:
            raise ApiError("seals.plan_not_found", Kind.NOT_FOUND)
        now = clock.advance(session)
        seals.end_plans(session, own, type_code, now)
        details: dict[str, Json] = {"act": "ended", "plan": row.id, "by": own, "type": type_code}
        prepare_receipt(session, ctx.vault, ReceiptDraft(ReceiptKind.SEAL, details, party_id=own))
    ctx.log.wake()


def _check_type(ctx: Context, session: Session, own: str, type_code: str) -> None:
    party = parties.get_party(session, own)
    schema = next((one for one in ctx.catalogue.ready_types() if one.code == type_code), None)
    if party is None or schema is None or schema.department != party.department_code:
        raise ApiError("catalogue.unknown_type", Kind.NOT_FOUND)


def _may(party: Party, own: str) -> bool:
    return party.role == PartyRole.DEPARTMENT and party.status == PartyStatus.ACTIVE and party.id != own


def _plan(session: Session, row: SealPlan) -> Plan:
    named = [parties.get_party(session, one) for one in row.cosigners]
    return Plan(row.type_code, [one for one in named if one is not None], row.needed, row.created_at_ms)
