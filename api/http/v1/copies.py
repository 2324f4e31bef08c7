"""Delivered copies: where each stands, and what its entity states of it."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from api.catalogue.retention import load_retention
from api.errors import ApiError
from api.http.auth import ContextDep, Credentials, allow, credentials, public
from api.http.forms import Answered, IdempotencyKey, Strict, moment, once
from api.http.strict_json import StrictJsonRoute
from api.http.v1.grants import evidence_of
from api.policy.copy_states import CopyState
from api.services import copies
from api.services.context import Actor, Role
from api.services.copies import CopyView, Statement
from api.store import Session
from api.store.numbering import NumberedReceipt
from chain.canonical import canonical

router = APIRouter(tags=["copies"], route_class=StrictJsonRoute)
Clerk = Annotated[Actor, allow(Role.ENTITY)]
Concerned = Annotated[Actor, allow(Role.CITIZEN, Role.ENTITY, Role.REGULATOR)]
State = Literal["held", "delete_due", "deleted", "retained", "overdue", "escalated"]
Given = Annotated[Credentials, Depends(credentials)]


class DeletionIn(Strict):
    """How and when a copy was destroyed; `deleted_at` in whole seconds since 1970, UTC."""

    method: str = Field(min_length=1, max_length=64)
    deleted_at: int = Field(ge=0, le=2**40)


class RetentionIn(Strict):
    """The law that makes the entity keep a copy, and the last day on which it does, as YYYY-MM-DD."""

    basis: str = Field(min_length=1, max_length=64)
    until: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")


def shown(view: CopyView) -> dict[str, Any]:
    """A copy as JSON."""
    copy = view.copy
    state = CopyState(copy.state)
    return {
        "id": copy.id,
        "grant": copy.grant_id,
        "entity": {"id": view.entity.id, "zh": view.entity.name_zh, "en": view.entity.name_en},
        "media_type": copy.media_type,
        "file_sha256": "0x" + copy.file_sha256.hex(),
        "state": copy.state,
        "delete_by": moment(copy.delete_by_ms),
        "due_at": None if state is CopyState.DELETED else moment(copy.due_at_ms),
        "retained_basis": copy.retained_basis,
        "events": [
            {
                "seq": event.seq,
                "state": event.state,
                "actor": event.actor,
                "reason": event.reason,
                "due_at": None if event.state == CopyState.DELETED else moment(event.due_at_ms),
                "stated_at": moment(event.stated_at_ms),
                "receipt": event.receipt_id,
                "at": moment(event.at_ms),
            }
            for event in view.events
        ],
    }


@router.get("/copies")
def list_copies(
    ctx: ContextDep,
    actor: Concerned,
    state: Annotated[
        Literal["held", "delete_due", "deleted", "retained", "overdue", "escalated"] | None, Query()
    ] = None,
    cursor: Annotated[str | None, Query(max_length=128)] = None,
) -> dict[str, Any]:
    """Newest first: an entity's copies, a holder's, or for a regulator everybody's that are overdue."""
    states = None if state is None else {CopyState(state)}
    page = copies.list_visible(ctx, actor, cursor, states=states)
    return {"items": [shown(view) for view in page.items], "next_cursor": page.next_cursor}


@router.get("/copies/{copy_id}")
def get_copy(ctx: ContextDep, actor: Concerned, copy_id: str) -> dict[str, Any]:
    """One copy with its moves."""
    return shown(copies.get(ctx, actor, copy_id))


@router.post("/copies/{copy_id}/deletion")
def confirm_deletion(
    ctx: ContextDep,
    request: Request,
    actor: Clerk,
    given: Given,
    copy_id: str,
    body: DeletionIn,
    key: IdempotencyKey = None,
) -> Response:
    """State that a copy was destroyed; the answer is the receipt. Signed by a machine, or confirmed by staff."""

    def act(answered: Answered) -> None:
        copies.confirm_deletion(
            ctx,
            actor,
            copy_id,
            body.method,
            body.deleted_at,
            _statement(request, given, body),
            also=lambda session, receipt: _answer(answered, session, copy_id, CopyState.DELETED, receipt),
        )

    return once(ctx, actor, request, key, body, act)


@router.post("/copies/{copy_id}/retention")
def claim_retention(
    ctx: ContextDep,
    request: Request,
    actor: Clerk,
    given: Given,
    copy_id: str,
    body: RetentionIn,
    key: IdempotencyKey = None,
) -> Response:
    """Name the law that makes the entity keep a copy that is due, and until when; the answer is the receipt."""
    try:
        until = date.fromisoformat(body.until)
    except ValueError:
        raise ApiError("copies.bad_date") from None

    def act(answered: Answered) -> None:
        copies.claim_retention(
            ctx,
            actor,
            copy_id,
            body.basis,
            until,
            _statement(request, given, body),
            also=lambda session, receipt: _answer(answered, session, copy_id, CopyState.RETAINED, receipt),
        )

    return once(ctx, actor, request, key, body, act)


@router.get("/catalogue/retention")
def list_retention(_: Annotated[None, public()]) -> dict[str, Any]:
    """Laws that can be named for keeping a copy, ways of destroying one, and the days that entities are given."""
    retention = load_retention()
    return {
        "deletion_days": retention.deletion_days,
        "escalation_days": retention.escalation_days,
        "bases": [
            {"code": b.code, "zh": b.zh, "en": b.en, "max_years": b.max_years, "purposes": list(b.purposes)}
            for b in retention.bases.values()
        ],
        "methods": [{"code": m.code, "zh": m.zh, "en": m.en} for m in retention.methods.values()],
    }


def _statement(request: Request, given: Credentials, body: Strict) -> Statement:
    """The words as they came where a machine signed them, else what staff chose, in canonical form."""
    signed = evidence_of(request.state.evidence)
    text = canonical(body.model_dump()) if signed is None else given.body
    return Statement(text.decode(), signed)


def _answer(answered: Answered, session: Session, copy_id: str, state: CopyState, receipt: NumberedReceipt) -> None:
    answered(session, {"copy": copy_id, "state": state.value, "receipt": receipt.id, "number": receipt.number})
