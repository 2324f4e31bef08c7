"""Asks for data (供需对接): organisations ask, the catalogue or a department answers, the regulator sees to it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.http.auth import ContextDep, allow
from api.http.forms import Answered, IdempotencyKey, Strict, moment, once
from api.http.strict_json import StrictJsonRoute
from api.http.v1.footprints import party_shown
from api.http.v1.offers import said
from api.policy.data_asks import FIELDS_MAX, TEXT_MAX, Wanted
from api.services import data_asks
from api.services.context import Actor, Role
from api.services.data_asks import AskView, NewAsk, Side
from api.store.tables import DataAsk, Party

router = APIRouter(prefix="/data-asks", tags=["data-asks"], route_class=StrictJsonRoute)
Asker = Annotated[Actor, allow(Role.ENTITY, Role.DEPARTMENT)]
Answerer = Annotated[Actor, allow(Role.DEPARTMENT, Role.REGULATOR)]
Inspector = Annotated[Actor, allow(Role.REGULATOR)]
Concerned = Annotated[Actor, allow(Role.ENTITY, Role.DEPARTMENT, Role.REGULATOR)]
Text = Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]
Code = Annotated[str | None, Field(min_length=1, max_length=64)]
Id = Annotated[str, Field(min_length=1, max_length=64)]


class DataAskIn(Strict):
    """Fields of a certificate type, or in words what the catalogue does not have; what for, how often, on what.

    `purpose_code` and `basis_code` name one of the purposes, or duties in law, for which the organisation is
    registered. No text may name a person.
    """

    purpose: Text
    basis: Text
    frequency: Literal["once", "monthly", "daily", "on_change"]
    type: Code = None
    fields: Annotated[list[Id], Field(max_length=FIELDS_MAX)] = Field(default_factory=list)
    words: Annotated[str | None, Field(min_length=1, max_length=TEXT_MAX)] = None
    purpose_code: Code = None
    basis_code: Code = None


class AskAnswerIn(Strict):
    """That the data are provided, with the conditions; or a refusal, with the reason."""

    outcome: Literal["agreed", "refused"]
    text: Text


class DepartmentIn(Strict):
    """Which department has the data, by its id, and why."""

    department: Id
    text: Text


class OrderIn(Strict):
    """What is to be provided; `department` where it is not the one that was late."""

    text: Text
    department: Code = None


def row_shown(row: DataAsk) -> dict[str, Any]:
    """How an ask stands."""
    return {
        "id": row.id,
        "number": data_asks.shown_number_of(row.number),
        "state": row.state,
        "route": row.route,
        "type": row.type_code,
        "fields": list(row.fields),
        "words": row.words,
        "purpose": row.purpose,
        "purpose_code": row.purpose_code,
        "basis": row.basis,
        "basis_code": row.basis_code,
        "frequency": row.frequency,
        "answer": row.answer,
        "filed_at": moment(row.filed_at_ms),
        "due_at": moment(row.due_at_ms),
        "plain_weekdays": row.plain,
        "restarted": row.restarted,
        "overdue_since": moment(row.late_at_ms),
        "in_time": row.in_time,
        "closed_at": moment(row.closed_at_ms),
    }


def shown(view: AskView, actor: Actor) -> dict[str, Any]:
    """An ask as JSON. Who made a move is told to regulators, by a pseudonym."""

    def named(party: Party | None) -> dict[str, Any] | None:
        return None if party is None else party_shown(party)

    offer = view.offer
    return {
        **row_shown(view.ask),
        "asker": named(view.asker),
        "department": named(view.department),
        "offer": None
        if offer is None
        else {
            "attribute": offer.attribute.value,
            "frequency": offer.frequency.value,
            "basis": said(offer.basis),
            "contact": said(offer.contact),
        },
        "events": [
            {
                "state": event.state,
                "mover": event.mover,
                "by": event.by if actor.role is Role.REGULATOR else None,
                "department": named(view.parties.get(event.party_id or "")),
                "note": event.note,
                "text": event.text,
                "due_at": moment(event.due_at_ms),
                "at": moment(event.at_ms),
            }
            for event in view.events
        ],
    }


@router.post("", status_code=201)
def file_ask(ctx: ContextDep, request: Request, actor: Asker, body: DataAskIn, key: IdempotencyKey = None) -> Response:
    """File an ask; it is matched with the catalogue at once, or answered by a department within one working day."""
    new = NewAsk(
        body.purpose,
        body.basis,
        Wanted(body.frequency),
        body.type,
        tuple(body.fields),
        body.words,
        body.purpose_code,
        body.basis_code,
    )

    def act(answered: Answered) -> None:
        data_asks.file_ask(ctx, actor, new, also=lambda session, row: answered(session, row_shown(row)))

    return once(ctx, actor, request, key, body, act, status=201)


@router.get("")
def list_asks(
    ctx: ContextDep,
    actor: Concerned,
    cursor: Annotated[str | None, Query(max_length=128)] = None,
    state: Annotated[Literal["open"] | None, Query()] = None,
    side: Annotated[Literal["asked", "addressed"] | None, Query()] = None,
) -> dict[str, Any]:
    """One's own asks, for a department those that it has to answer as well, or all for a regulator; newest first.

    `counts`: how many there are in each state, and how many of those that wait are late.
    """
    chosen = None if side is None else Side(side)
    page = data_asks.list_visible(ctx, actor, cursor, side=chosen, open_only=state == "open")
    return {
        "items": [shown(view, actor) for view in page.items],
        "next_cursor": page.next_cursor,
        "counts": data_asks.counts(ctx, actor, chosen),
    }


@router.get("/departments")
def list_departments(ctx: ContextDep, actor: Answerer) -> dict[str, Any]:
    """The departments that an ask may be given to."""
    return {"items": [party_shown(party) for party in data_asks.departments(ctx, actor)]}


@router.get("/{ask_id}")
def get_ask(ctx: ContextDep, actor: Concerned, ask_id: str) -> dict[str, Any]:
    """One ask with its moves."""
    return shown(data_asks.get(ctx, actor, ask_id), actor)


@router.post("/{ask_id}/withdraw")
def withdraw(ctx: ContextDep, request: Request, actor: Asker, ask_id: str, key: IdempotencyKey = None) -> Response:
    """Take an ask back."""

    def act(answered: Answered) -> None:
        data_asks.withdraw(ctx, actor, ask_id, also=lambda session, row: answered(session, row_shown(row)))

    return once(ctx, actor, request, key, None, act)


@router.post("/{ask_id}/answer")
def answer(
    ctx: ContextDep, request: Request, actor: Answerer, ask_id: str, body: AskAnswerIn, key: IdempotencyKey = None
) -> Response:
    """Agree with conditions, or refuse with the reason: the department that has it, or the regulator's desk."""

    def act(answered: Answered) -> None:
        data_asks.answer(
            ctx,
            actor,
            ask_id,
            agreed=body.outcome == "agreed",
            text=body.text,
            also=lambda session, row: answered(session, row_shown(row)),
        )

    return once(ctx, actor, request, key, body, act)


@router.post("/{ask_id}/department")
def hand_over(
    ctx: ContextDep, request: Request, actor: Answerer, ask_id: str, body: DepartmentIn, key: IdempotencyKey = None
) -> Response:
    """Give an ask to the department that has the data; the first time alone it gets a new working day."""

    def act(answered: Answered) -> None:
        data_asks.hand_over(
            ctx,
            actor,
            ask_id,
            body.department,
            body.text,
            also=lambda session, row: answered(session, row_shown(row)),
        )

    return once(ctx, actor, request, key, body, act)


@router.post("/{ask_id}/order")
def order(
    ctx: ContextDep, request: Request, actor: Inspector, ask_id: str, body: OrderIn, key: IdempotencyKey = None
) -> Response:
    """Order that what nobody answered in time is provided."""

    def act(answered: Answered) -> None:
        data_asks.order(
            ctx,
            actor,
            ask_id,
            body.text,
            department_id=body.department,
            also=lambda session, row: answered(session, row_shown(row)),
        )

    return once(ctx, actor, request, key, body, act)
