"""The service window. The person's number stands in a body, never in an address; visits have opaque ids."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.http.auth import FIRST, ContextDep, allow
from api.http.forms import Answered, IdempotencyKey, Strict, download, moment, once
from api.http.strict_json import StrictJsonRoute
from api.http.v1.requests import DecisionIn
from api.http.v1.requests import shown as request_shown
from api.services import counter, slips
from api.services.context import Actor, Role
from api.services.counter import Desk, Visit
from api.services.grants import Approval

router = APIRouter(prefix="/counter/visits", tags=["counter"], route_class=StrictJsonRoute)
Officer = Annotated[Actor, allow(Role.DEPARTMENT)]


class VisitIn(Strict):
    """Who stands at the window, as the document says that was checked."""

    number: str = Field(min_length=15, max_length=18)
    name: str = Field(min_length=1, max_length=64)
    document: str = Field(min_length=1, max_length=24)


def visit_shown(visit: Visit) -> dict[str, Any]:
    """A visit as JSON for its officer."""
    return {
        "id": visit.id,
        "document": visit.document.value,
        "opened_at": moment(visit.opened_at_ms),
        "closes_at": moment(visit.closes_at_ms),
    }


def desk_shown(desk: Desk) -> dict[str, Any]:
    """What the officer sees: kinds of certificates without a value, requests that wait, consents in force."""
    return {
        **visit_shown(desk.visit),
        "name": desk.visit.name,
        "certificates": [
            {"type": one.schema.code, "name": {"zh": one.schema.zh, "en": one.schema.en}} for one in desk.certificates
        ],
        "requests": [request_shown(one.request) for one in desk.waiting],
        "grants": [
            {
                "id": one.grant.id,
                "entity": {"id": one.entity.id, "zh": one.entity.name_zh, "en": one.entity.name_en},
                "purpose": one.grant.terms["purpose"],
                "items": one.grant.terms["items"],
                "until": moment(one.grant.not_after_ms),
            }
            for one in desk.grants
        ],
        "acts": [
            {"act": act.act, "request": act.request_id, "grant": act.grant_id, "at": moment(act.at_ms)}
            for act in desk.acts
        ],
    }


@router.post("", status_code=201)
def open_visit(
    ctx: ContextDep, request: Request, actor: Officer, body: VisitIn, key: IdempotencyKey = None
) -> Response:
    """Find the person whose document was checked. Counted, and receipted where somebody is found."""

    def act(answered: Answered) -> None:
        counter.open_visit(
            ctx,
            actor,
            body.number,
            body.name,
            body.document,
            also=lambda session, visit_id: answered(session, {"id": visit_id}),
        )

    return once(ctx, actor, request, key, body, act, status=201)


@router.get("/{visit_id}")
def get_visit(ctx: ContextDep, actor: Officer, visit_id: str) -> dict[str, Any]:
    """What can be done for the person."""
    return desk_shown(counter.desk(ctx, actor, visit_id))


@router.post("/{visit_id}/requests/{request_id}/decision")
def decide(
    ctx: ContextDep,
    request: Request,
    actor: Officer,
    visit_id: str,
    request_id: str,
    body: DecisionIn,
    key: IdempotencyKey = None,
) -> Response:
    """The person's yes or no, said at the window."""

    def act(answered: Answered) -> None:
        if body.decision == "deny":
            denied = {"request": request_id, "state": "denied", "grant": None}
            counter.deny(ctx, actor, visit_id, request_id, also=lambda session, _row: answered(session, denied))
            return
        pairs = frozenset((type_code, name) for type_code, _, name in (item.partition("/") for item in body.ticked))
        counter.approve(
            ctx,
            actor,
            visit_id,
            request_id,
            Approval(pairs, body.days, body.uses, body.language),
            also=lambda session, made: answered(
                session, {"request": request_id, "state": "approved", "grant": made[0].id, "receipt": made[1].id}
            ),
        )

    return once(ctx, actor, request, key, body, act)


@router.post("/{visit_id}/grants/{grant_id}/revoke", dependencies=FIRST)
def revoke(
    ctx: ContextDep, request: Request, actor: Officer, visit_id: str, grant_id: str, key: IdempotencyKey = None
) -> Response:
    """Take a consent back for the person."""

    def act(answered: Answered) -> None:
        counter.revoke(
            ctx,
            actor,
            visit_id,
            grant_id,
            also=lambda session, receipt: answered(
                session, {"grant": grant_id, "state": "revoked", "receipt": receipt.id, "number": receipt.number}
            ),
        )

    return once(ctx, actor, request, key, None, act)


@router.get("/{visit_id}/slip.pdf")
def get_slip(ctx: ContextDep, actor: Officer, visit_id: str) -> Response:
    """The receipt to print: what was decided, until when, how to take it back at any window."""
    return download(slips.pdf(ctx, actor, visit_id), "application/pdf", f"{visit_id}.pdf")


@router.post("/{visit_id}/close")
def close(ctx: ContextDep, request: Request, actor: Officer, visit_id: str, key: IdempotencyKey = None) -> Response:
    """End the visit."""

    def act(answered: Answered) -> None:
        counter.close(
            ctx, actor, visit_id, also=lambda session, closed: answered(session, {"id": closed, "open": False})
        )

    return once(ctx, actor, request, key, None, act)
