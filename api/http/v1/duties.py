"""The operator's side in three offices: parties proposed and admitted by two, offices given by two, parties stopped."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.http.auth import ContextDep, allow
from api.http.forms import Answered, IdempotencyKey, Strict, moment, once
from api.http.strict_json import StrictJsonRoute
from api.policy.duties import Office
from api.services import admissions, key_dates, offices, operations
from api.services.admissions import NewParty
from api.services.context import Actor, Context, Role
from api.store.queries.parties import PartyRole
from api.store.tables import OfficeHolding, PartyAct

router = APIRouter(tags=["duties"], route_class=StrictJsonRoute)
Administrator = Annotated[Actor, allow(Role.OPERATOR)]
Officer = Annotated[Actor, allow(Role.SECURITY)]
Stopper = Annotated[Actor, allow(Role.SECURITY, Role.REGULATOR)]
OfficesReader = Annotated[Actor, allow(Role.SECURITY, Role.AUDITOR)]
OperatorsSide = Annotated[Actor, allow(Role.OPERATOR, Role.SECURITY, Role.AUDITOR)]
ActsReader = Annotated[Actor, allow(Role.OPERATOR, Role.SECURITY, Role.AUDITOR, Role.REGULATOR)]
Cursor = Annotated[str | None, Query(max_length=128)]
Staff = Annotated[str, Field(min_length=1, max_length=offices.MAX_STAFF)]


class PartyIn(Strict):
    """What is published of a party. `key` is an entity's public JWK, `account` its own "0x…" where it keeps one."""

    role: Literal["department", "entity", "regulator"]
    zh: str = Field(min_length=1, max_length=admissions.NAME_MAX)
    en: str = Field(min_length=1, max_length=admissions.NAME_MAX)
    uscc: str = Field(min_length=18, max_length=18)
    contact: str = Field(default="", max_length=admissions.NAME_MAX)
    department: str | None = Field(default=None, max_length=64)
    key: dict[str, str] | None = None
    account: str = Field(default="", max_length=42)
    purposes: list[str] = Field(default_factory=list, max_length=64)
    bases: list[str] = Field(default_factory=list, max_length=64)


class ReasonIn(Strict):
    """Why a party is stopped or let back: a reference, nothing about a person."""

    reason: str = Field(min_length=1, max_length=admissions.REASON_MAX)


class OfficeIn(Strict):
    """An office for a colleague, by the colleague's own number with the operator."""

    staff: Staff
    office: Literal["operator", "security", "auditor"]


class StaffIn(Strict):
    """The colleague's number once more: nobody confirms what it has not read."""

    staff: Staff


def act_shown(row: PartyAct, *, refused: bool = False) -> dict[str, Any]:
    """An act about a party as JSON. `refused`: the chain refuses what was confirmed."""
    return {
        "id": row.id,
        "kind": row.kind,
        "party": row.party_id,
        "described": row.described,
        "reason": row.reason,
        "state": row.state,
        "refused": refused,
        "proposed_by": row.proposed_by,
        "proposed_at": moment(row.proposed_at_ms),
        "decided_by": row.decided_by,
        "decided_at": moment(row.decided_at_ms),
        "done_at": moment(row.done_at_ms),
    }


def office_shown(row: OfficeHolding) -> dict[str, Any]:
    """An office as JSON; persons by their pseudonyms."""
    return {
        "id": row.id,
        "staff": row.staff,
        "office": row.office,
        "state": row.state,
        "proposed_by": row.proposed_by,
        "proposed_at": moment(row.proposed_at_ms),
        "decided_by": row.decided_by,
        "decided_at": moment(row.decided_at_ms),
        "ended_by": row.ended_by,
        "ended_at": moment(row.ended_at_ms),
    }


def _act(
    ctx: Context,
    actor: Actor,
    request: Request,
    key: str | None,
    body: object,
    do: Callable[[Callable[[Any, PartyAct], None]], object],
    *,
    status: int = 200,
) -> Response:
    """Do something about a party, once; the answer is the act as it stands then."""

    def act(answered: Answered) -> None:
        do(lambda session, row: answered(session, act_shown(row)))

    return once(ctx, actor, request, key, body, act, status=status)


@router.get("/party-acts")
def list_acts(
    ctx: ContextDep,
    actor: ActsReader,
    cursor: Cursor = None,
    state: Annotated[Literal["open"] | None, Query()] = None,
) -> dict[str, Any]:
    """What was proposed and done about parties, newest first: admissions, suspensions, returns."""
    page = admissions.list_all(ctx, actor, cursor, open_only=state == "open")
    return {"items": [act_shown(one.row, refused=one.refused) for one in page.items], "next_cursor": page.next_cursor}


@router.get("/party-acts/{act_id}")
def get_act(ctx: ContextDep, actor: ActsReader, act_id: str) -> dict[str, Any]:
    """One act."""
    one = admissions.get(ctx, actor, act_id)
    return act_shown(one.row, refused=one.refused)


@router.post("/party-acts", status_code=201)
def propose_party(
    ctx: ContextDep, request: Request, actor: Administrator, body: PartyIn, key: IdempotencyKey = None
) -> Response:
    """Propose a party for admission: the first of two persons."""
    new = NewParty(
        PartyRole(body.role),
        body.zh,
        body.en,
        body.uscc,
        body.contact,
        body.department,
        body.key,
        body.account,
        body.purposes,
        body.bases,
    )
    return _act(ctx, actor, request, key, body, lambda also: admissions.propose(ctx, actor, new, also=also), status=201)


@router.post("/party-acts/{act_id}/withdraw")
def withdraw_proposal(
    ctx: ContextDep, request: Request, actor: Administrator, act_id: str, key: IdempotencyKey = None
) -> Response:
    """Take an admission back that is proposed, or was confirmed and is refused by the chain."""
    return _act(ctx, actor, request, key, {}, lambda also: admissions.withdraw(ctx, actor, act_id, also=also))


@router.post("/party-acts/{act_id}/confirm")
def confirm_act(ctx: ContextDep, request: Request, actor: Officer, act_id: str, key: IdempotencyKey = None) -> Response:
    """Be the second person: admit the party, or let it back. The chain is told by two accounts."""
    return _act(ctx, actor, request, key, {}, lambda also: admissions.confirm(ctx, actor, act_id, also=also))


@router.post("/party-acts/{act_id}/decline")
def decline_act(ctx: ContextDep, request: Request, actor: Officer, act_id: str, key: IdempotencyKey = None) -> Response:
    """Decline what was proposed."""
    return _act(ctx, actor, request, key, {}, lambda also: admissions.decline(ctx, actor, act_id, also=also))


@router.post("/parties/{party_id}/suspend")
def suspend_party(
    ctx: ContextDep, request: Request, actor: Stopper, party_id: str, body: ReasonIn, key: IdempotencyKey = None
) -> Response:
    """Suspend a department or an entity: from now on it may do nothing here."""
    return _act(
        ctx, actor, request, key, body, lambda also: admissions.suspend(ctx, actor, party_id, body.reason, also=also)
    )


@router.post("/parties/{party_id}/return")
def propose_return(
    ctx: ContextDep, request: Request, actor: Stopper, party_id: str, body: ReasonIn, key: IdempotencyKey = None
) -> Response:
    """Propose that a suspended party be let back; a security officer other than the proposer confirms."""
    return _act(
        ctx,
        actor,
        request,
        key,
        body,
        lambda also: admissions.propose_return(ctx, actor, party_id, body.reason, also=also),
    )


@router.get("/operations")
def read_operations(ctx: ContextDep, actor: OperatorsSide) -> dict[str, Any]:
    """The state of each part, how much of what waits, and how long certificates last. Nothing about any person."""
    return {
        "parts": [
            {
                "name": part.name,
                "ok": part.ok,
                "state": part.state,
                "reason": part.reason,
                "since": moment(part.since_ms),
            }
            for part in operations.health(ctx, actor)
        ],
        "queues": [{"name": queue.name, "waiting": queue.waiting} for queue in operations.waiting(ctx, actor)],
        "keys": [
            {
                "kind": one.kind,
                "owner": one.owner,
                "ends": moment(one.ends_ms),
                "days_left": one.days_left,
                "reason": one.reason,
            }
            for one in key_dates.listed(ctx, actor)
        ],
    }


@router.get("/offices")
def list_offices(ctx: ContextDep, actor: OfficesReader) -> dict[str, Any]:
    """Who holds which office on the operator's side, past ones included; persons by their pseudonyms."""
    return {"items": [office_shown(one.row) for one in offices.list_all(ctx, actor)]}


@router.post("/offices", status_code=201)
def propose_office(
    ctx: ContextDep, request: Request, actor: Officer, body: OfficeIn, key: IdempotencyKey = None
) -> Response:
    """Propose an office for a colleague: the first of two security officers."""

    def act(answered: Answered) -> None:
        offices.propose(
            ctx,
            actor,
            body.staff,
            Office(body.office),
            also=lambda session, row: answered(session, office_shown(row)),
        )

    return once(ctx, actor, request, key, body, act, status=201)


@router.post("/offices/{office_id}/confirm")
def confirm_office(
    ctx: ContextDep, request: Request, actor: Officer, office_id: str, body: StaffIn, key: IdempotencyKey = None
) -> Response:
    """Confirm an office that another security officer proposed, for somebody else than oneself."""

    def act(answered: Answered) -> None:
        offices.confirm(
            ctx, actor, office_id, body.staff, also=lambda session, row: answered(session, office_shown(row))
        )

    return once(ctx, actor, request, key, body, act)


@router.post("/offices/{office_id}/decline")
def decline_office(
    ctx: ContextDep, request: Request, actor: Officer, office_id: str, key: IdempotencyKey = None
) -> Response:
    """Decline an office that was proposed."""

    def act(answered: Answered) -> None:
        offices.decline(ctx, actor, office_id, also=lambda session, row: answered(session, office_shown(row)))

    return once(ctx, actor, request, key, {}, act)


@router.post("/offices/{office_id}/end")
def end_office(
    ctx: ContextDep, request: Request, actor: Officer, office_id: str, key: IdempotencyKey = None
) -> Response:
    """End an office; whoever held it is out at once."""

    def act(answered: Answered) -> None:
        offices.end(ctx, actor, office_id, also=lambda session, row: answered(session, office_shown(row)))

    return once(ctx, actor, request, key, {}, act)
