"""Receipts and their evidence."""

from typing import Annotated, Any

from fastapi import APIRouter, Response

from api.http.auth import ContextDep, allow
from api.http.forms import download, moment
from api.http.strict_json import StrictJsonRoute
from api.services import grants, receipting
from api.services.context import Actor, Role
from api.services.grants import Replayed

router = APIRouter(tags=["receipts"], route_class=StrictJsonRoute)
BUNDLE = "application/vnd.mydata.bundle+json"
Concerned = Annotated[Actor, allow(Role.CITIZEN, Role.ENTITY, Role.DEPARTMENT, Role.REGULATOR)]


@router.get("/receipts/{receipt_id}")
def get_receipt(ctx: ContextDep, actor: Concerned, receipt_id: str) -> dict[str, Any]:
    """A receipt that concerns the caller: its place in the log and the log's promise."""
    item = receipting.get(ctx, actor, receipt_id)
    return {
        "id": item.id,
        "kind": item.kind,
        "number": item.number,
        "commitment": "0x" + item.commitment.hex(),
        "leaf_hash": None if item.leaf_hash is None else "0x" + item.leaf_hash.hex(),
        "promise": None if item.promise is None else "0x" + item.promise.hex(),
        "at": moment(item.at_ms),
    }


@router.get("/receipts/{receipt_id}/evidence")
def get_evidence(ctx: ContextDep, actor: Concerned, receipt_id: str) -> Response:
    """The evidence bundle, without values: those travel only inside a pull."""
    return download(receipting.bundle(ctx, actor, receipt_id).to_bytes(), BUNDLE, f"{receipt_id}.bundle.json")


@router.get("/receipts/{receipt_id}/decision")
def get_decision(
    ctx: ContextDep, actor: Annotated[Actor, allow(Role.CITIZEN, Role.ENTITY, Role.REGULATOR)], receipt_id: str
) -> dict[str, Any]:
    """Why a delivery was allowed or refused: the decision made again, from history as of its time."""
    return decision_shown(grants.replay(ctx, actor, receipt_id))


def decision_shown(item: Replayed) -> dict[str, Any]:
    """A replayed decision as JSON."""
    view, seen = item.then.view, item.seen
    return {
        "receipt": None if item.receipt is None else item.receipt.id,
        "grant": item.grant.id,
        "recorded": item.recorded,
        "replayed": item.replayed,
        "agrees": item.agrees,
        "history_holds": item.history_holds,
        "policy": seen.policy,
        "at": moment(seen.at_ms),
        "position": seen.position,
        "asked": list(seen.asked),
        "repeat": seen.repeat,
        "as_of": {
            "event": seen.event,
            "state": view.state,
            "frozen": view.frozen,
            "recipient_active": view.entity_active,
            "not_before": moment(view.not_before_ms),
            "not_after": moment(view.not_after_ms),
            "uses": view.use_count,
            "max_uses": view.max_uses,
            "uses_in_a_day": item.then.used.day,
            "uses_in_30_days": item.then.used.month,
            "caps": None if seen.caps is None else list(seen.caps),
        },
    }
