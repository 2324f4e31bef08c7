"""Requests: an entity's machine (or its staff) asks, the holder decides."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.http.auth import ContextDep, allow
from api.http.forms import Answered, IdempotencyKey, Strict, moment, once, once_within
from api.http.strict_json import StrictJsonRoute
from api.http.v1.drafts import Signature, signature_bytes
from api.policy.requests import AskedItem
from api.services import grants, requests
from api.services.context import Actor, Role
from api.services.grants import Approval, drafts
from api.services.requests import NewRequest
from api.store.numbering import NumberedReceipt
from api.store.queries.holders import HolderKind
from api.store.tables import Grant
from api.store.tables import Request as RequestRow

router = APIRouter(prefix="/requests", tags=["requests"], route_class=StrictJsonRoute)
Either = Annotated[Actor, allow(Role.CITIZEN, Role.ENTITY)]


class Item(Strict):
    """One field of one certificate type; `necessary` false means that the holder may leave it out."""

    type: str = Field(min_length=1, max_length=64)
    field: str = Field(min_length=1, max_length=64)
    necessary: bool = True


class HolderIn(Strict):
    """Whom the request goes to. The number finds the holder and is not kept with the request."""

    kind: Literal["person", "enterprise"]
    number: str = Field(min_length=15, max_length=18)


class RequestIn(Strict):
    """What an entity asks. `item` is the number of the service item that the data are for, where it is for one.

    Where the catalogue knows what the item needs, it may stand alone, without purpose and items.
    """

    holder: HolderIn
    purpose: str = Field(default="", max_length=64)
    item: int | None = Field(default=None, ge=1, le=100_000)
    scenario: str | None = Field(default=None, max_length=64)
    case_no: str | None = Field(default=None, min_length=1, max_length=64)
    items: list[Item] | None = Field(default=None, min_length=1, max_length=64)
    days: int = Field(ge=1, le=3650)
    uses: int = Field(ge=1, le=10_000)


class DecisionIn(Strict):
    """The holder's answer; `ticked` names optional and sensitive fields that may go along, as `type/field`.

    With `draft` the answer is to terms that were laid out before; `signature` is by the holder's own
    key, where there is one.
    """

    decision: Literal["approve", "deny"]
    ticked: list[str] = Field(default_factory=list, max_length=64)
    days: int = Field(default=30, ge=1, le=3650)
    uses: int = Field(default=1, ge=1, le=10_000)
    language: Literal["zh-Hans", "en"] = "zh-Hans"
    draft: str | None = Field(default=None, max_length=48)
    signature: Signature | None = None


def shown(item: RequestRow, grant_id: str | None = None) -> dict[str, Any]:
    """A request as JSON. It never tells whether the number belongs to anybody."""
    return {
        "id": item.id,
        "entity": item.entity_id,
        "purpose": item.purpose_code,
        "item": item.item_no,
        "scenario": item.scenario_code,
        "case_no": item.case_no,
        "items": item.items,
        "cut": item.cut,
        "days": item.wanted_days,
        "uses": item.wanted_uses,
        "state": item.state,
        "extends": item.extends_id,
        "grant": grant_id,
        "created_at": moment(item.created_at_ms),
        "lapses_at": moment(item.lapses_at_ms),
    }


@router.post("", status_code=202)
def create(
    ctx: ContextDep,
    request: Request,
    actor: Annotated[Actor, allow(Role.ENTITY)],
    body: RequestIn,
    key: IdempotencyKey = None,
) -> Response:
    """Ask a holder. The answer is the same whether or not the number is known here."""
    new = NewRequest(
        HolderKind(body.holder.kind),
        body.holder.number,
        body.purpose,
        [AskedItem(item.type, item.field, item.necessary) for item in body.items or ()],
        body.case_no,
        body.days,
        body.uses,
        body.scenario,
        body.item,
    )

    def act(answered: Answered) -> None:
        requests.create(ctx, actor, new, also=lambda session, row: answered(session, shown(row)))

    return once(ctx, actor, request, key, body, act, status=202)


@router.get("")
def list_requests(
    ctx: ContextDep, actor: Either, cursor: Annotated[str | None, Query(max_length=128)] = None
) -> dict[str, Any]:
    """What the holder is asked, or what the entity asked, newest first."""
    page = requests.list_own(ctx, actor, cursor)
    return {
        "items": [shown(view.request, view.grant_id) for view in page.items],
        "next_cursor": page.next_cursor,
    }


@router.get("/{request_id}")
def get_request(ctx: ContextDep, actor: Either, request_id: str) -> dict[str, Any]:
    """One request."""
    view = requests.get(ctx, actor, request_id)
    return shown(view.request, view.grant_id)


@router.post("/{request_id}/decision")
def decide(
    ctx: ContextDep,
    request: Request,
    actor: Annotated[Actor, allow(Role.CITIZEN)],
    request_id: str,
    body: DecisionIn,
    key: IdempotencyKey = None,
) -> Response:
    """Approve or deny."""

    def act(answered: Answered) -> None:
        if body.decision == "deny":
            denied = {"request": request_id, "state": "denied", "grant": None}
            requests.deny(ctx, actor, request_id, also=lambda session, _row: answered(session, denied))
        elif body.draft is not None:
            drafts.complete(
                ctx,
                actor,
                request_id,
                body.draft,
                signature=signature_bytes(body.signature),
                also=lambda session, made: answered(session, _approved(request_id, *made)),
            )
        else:
            pairs = frozenset((type_code, name) for type_code, _, name in (item.partition("/") for item in body.ticked))
            approval = Approval(pairs, body.days, body.uses, body.language)
            grants.approve(
                ctx,
                actor,
                request_id,
                approval,
                also=lambda session, made: answered(session, _approved(request_id, *made)),
            )

    return once_within(ctx, actor, request, key, body, act)


def _approved(request_id: str, grant: Grant, receipt: NumberedReceipt) -> dict[str, Any]:
    return {
        "request": request_id,
        "state": "approved",
        "grant": grant.id,
        "receipt": receipt.id,
        "number": receipt.number,
    }
