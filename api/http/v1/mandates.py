"""Acting for others: who may, appointing an agent, accepting, ending, and registering by a department."""

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.errors import ApiError
from api.http.auth import ContextDep, allow
from api.http.forms import Answered, IdempotencyKey, Strict, moment, once
from api.http.strict_json import StrictJsonRoute
from api.policy.mandates import AGENT_DAYS_MAX, MandateKind, midnight_ms
from api.services import mandates
from api.services.context import Actor, Role
from api.services.mandates import MandateView, NewAgent, Registration
from api.store.tables import Mandate

router = APIRouter(prefix="/mandates", tags=["mandates"], route_class=StrictJsonRoute)
Citizen = Annotated[Actor, allow(Role.CITIZEN)]
Officer = Annotated[Actor, allow(Role.DEPARTMENT)]
Either = Annotated[Actor, allow(Role.CITIZEN, Role.DEPARTMENT)]


class PersonIn(Strict):
    """Somebody by number and name."""

    number: str = Field(min_length=15, max_length=18)
    name: str = Field(min_length=1, max_length=64)


class AgentIn(Strict):
    """Whom to appoint, for what and how long; `types` and `purposes` null: all."""

    person: PersonIn
    actions: list[Literal["look", "decide", "end", "export"]] = Field(min_length=1, max_length=4)
    types: list[str] | None = Field(default=None, min_length=1, max_length=64)
    purposes: list[str] | None = Field(default=None, min_length=1, max_length=64)
    days: int = Field(ge=1, le=AGENT_DAYS_MAX)


class AnswerIn(Strict):
    """The agent's yes or no."""

    accept: bool


class EndIn(Strict):
    """The reason, which a registering department must state and nobody else may."""

    reason: Literal["register", "court", "mistake"] | None = None


class RegistrationIn(Strict):
    """Who is what to whom, by which document. `until`: the last day, where the document says one."""

    kind: Literal["legal_representative", "guardian"]
    principal: PersonIn
    person: PersonIn
    document: str = Field(min_length=1, max_length=24)
    document_no: str = Field(min_length=1, max_length=64)
    until: str | None = Field(default=None, min_length=10, max_length=10)


def row_shown(row: Mandate) -> dict[str, Any]:
    """A mandate as JSON, without anybody's name."""
    return {
        "id": row.id,
        "kind": row.kind,
        "actions": row.actions,
        "types": row.types,
        "purposes": row.purposes,
        "registrar": row.registrar_id,
        "state": row.state,
        "reason": row.reason,
        "evidence": "0x" + row.commitment.hex(),
        "until": moment(row.ends_ms),
        "created_at": moment(row.created_at_ms),
        "begun_at": moment(row.begun_at_ms),
        "ended_at": moment(row.ended_at_ms),
    }


def shown(view: MandateView) -> dict[str, Any]:
    """A mandate as JSON for whom it concerns: names as far as the reader may see them."""
    body = view.body
    return {
        **row_shown(view.row),
        "state": view.state.value,
        "principal": {"kind": view.principal_kind.value, "name": body.principal_name if body else ""},
        "person": {"name": body.person_name if body else "", "tail": body.tail if body else ""},
        "document": body.document if body else "",
        "document_no": body.document_no if body else "",
    }


@router.get("")
def list_mandates(ctx: ContextDep, actor: Citizen) -> dict[str, Any]:
    """For whom one may act, who may act for the holder looked at, and under which mandate the session acts now."""
    found = mandates.list_own(ctx, actor)
    return {
        "held": [shown(view) for view in found.held],
        "given": [shown(view) for view in found.given],
        "acting": found.acting,
    }


@router.post("", status_code=201)
def appoint(ctx: ContextDep, request: Request, actor: Citizen, body: AgentIn, key: IdempotencyKey = None) -> Response:
    """Propose an agent, who accepts before anything can be done."""
    new = NewAgent(body.person.number, body.person.name, body.actions, body.types, body.purposes, body.days)

    def act(answered: Answered) -> None:
        mandates.appoint(ctx, actor, new, also=lambda session, row: answered(session, row_shown(row)))

    return once(ctx, actor, request, key, body, act, status=201)


@router.get("/registered")
def list_registered(
    ctx: ContextDep, actor: Officer, cursor: Annotated[str | None, Query(max_length=128)] = None
) -> dict[str, Any]:
    """What the department registered, newest first: by document number, without names."""
    page = mandates.list_registered(ctx, actor, cursor)
    return {"items": [shown(view) for view in page.items], "next_cursor": page.next_cursor}


@router.post("/registered", status_code=201)
def register(
    ctx: ContextDep, request: Request, actor: Officer, body: RegistrationIn, key: IdempotencyKey = None
) -> Response:
    """Register a legal representative (market regulation) or a guardian (civil affairs, police)."""
    new = Registration(
        MandateKind(body.kind),
        body.principal.number,
        body.principal.name,
        body.person.number,
        body.person.name,
        body.document,
        body.document_no,
        until_ms(body.until),
    )

    def act(answered: Answered) -> None:
        mandates.register(ctx, actor, new, also=lambda session, row: answered(session, row_shown(row)))

    return once(ctx, actor, request, key, body, act, status=201)


@router.post("/{mandate_id}/answer")
def answer(
    ctx: ContextDep, request: Request, actor: Citizen, mandate_id: str, body: AnswerIn, key: IdempotencyKey = None
) -> Response:
    """Accept or decline to be somebody's agent."""

    def act(answered: Answered) -> None:
        mandates.answer(
            ctx,
            actor,
            mandate_id,
            accept=body.accept,
            also=lambda session, row: answered(session, row_shown(row)),
        )

    return once(ctx, actor, request, key, body, act)


@router.post("/{mandate_id}/end")
def end(
    ctx: ContextDep, request: Request, actor: Either, mandate_id: str, body: EndIn, key: IdempotencyKey = None
) -> Response:
    """End a mandate at once: an agent's by either side, a registered one by its department."""

    def act(answered: Answered) -> None:
        mandates.end(ctx, actor, mandate_id, body.reason, also=lambda session, row: answered(session, row_shown(row)))

    return once(ctx, actor, request, key, body, act)


def until_ms(day: str | None) -> int | None:
    """The end of a day (exclusive) in UTC milliseconds. Raises `mandate.bad_end`."""
    if day is None:
        return None
    try:
        return midnight_ms(date.fromisoformat(day) + timedelta(days=1))
    except (ValueError, OverflowError):
        raise ApiError("mandate.bad_end", limit=AGENT_DAYS_MAX) from None
