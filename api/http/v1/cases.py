"""Cases: a holder contests a line or a consent, a regulator reviews and decides; and masked lines, for regulators."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.errors import ApiError, Kind
from api.http.auth import ContextDep, allow
from api.http.forms import INT_MAX, Answered, IdempotencyKey, Strict, download, moment, once
from api.http.strict_json import StrictJsonRoute
from api.http.v1.footprints import party_shown
from api.services import cases, masks
from api.services.cases import CaseView
from api.services.context import Actor, Role
from api.services.masks import MaskView
from api.store.tables import Case

router = APIRouter(tags=["cases"], route_class=StrictJsonRoute)
Citizen = Annotated[Actor, allow(Role.CITIZEN)]
Inspector = Annotated[Actor, allow(Role.REGULATOR)]
Concerned = Annotated[Actor, allow(Role.CITIZEN, Role.ENTITY, Role.DEPARTMENT, Role.REGULATOR)]
Cursor = Annotated[str | None, Query(max_length=128)]
Id = Annotated[str | None, Field(min_length=1, max_length=64)]
BUNDLE = "application/vnd.mydata.bundle+json"


class CaseIn(Strict):
    """What was not the holder's: a line by its receipt, a grant, or a masked line; and what happened, in words."""

    reason: str = Field(min_length=1, max_length=1000)
    receipt: Id = None
    grant: Id = None
    access: Id = None


class DecisionIn(Strict):
    """A regulator's decision and why."""

    outcome: Literal["upheld", "dismissed"]
    text: str = Field(min_length=1, max_length=1000)


class ReleaseIn(Strict):
    """When a masked line is released, in seconds since 1970; without it at once."""

    until: int | None = Field(default=None, ge=0, le=INT_MAX // 1000)


def row_shown(row: Case) -> dict[str, Any]:
    """How a case stands."""
    return {
        "id": row.id,
        "number": cases.shown_number(row),
        "state": row.state,
        "hold": row.hold,
        "opened_at": moment(row.opened_at_ms),
        "due_at": moment(row.due_at_ms),
        "overdue_since": moment(row.escalated_at_ms),
        "closed_at": moment(row.closed_at_ms),
    }


def shown(view: CaseView) -> dict[str, Any]:
    """A case as JSON."""
    return {
        **row_shown(view.case),
        "party": None if view.party is None else party_shown(view.party),
        "grant": None if view.grant is None else view.grant.id,
        "receipt": None if view.receipt is None else view.receipt.id,
        "masked": view.masked,
        "reason": view.reason,
        "decision": view.decision,
        "events": [
            {
                "state": event.state,
                "actor": event.actor,
                "note": event.note,
                "receipt": event.receipt_id,
                "at": moment(event.at_ms),
            }
            for event in view.events
        ],
    }


def mask_shown(view: MaskView) -> dict[str, Any]:
    """A masked access as a regulator sees it."""
    row = view.access
    return {
        "access": row.id,
        "party": None if view.party is None else party_shown(view.party),
        "basis": row.basis_code,
        "case_no": row.case_no,
        "law": row.mask_basis,
        "at": moment(row.at_ms),
        "until": moment(row.masked_until_ms),
    }


@router.post("/cases", status_code=201)
def open_case(ctx: ContextDep, request: Request, actor: Citizen, body: CaseIn, key: IdempotencyKey = None) -> Response:
    """This was not me: open a case. A consent is frozen at once, queries by statutory duty are suspended."""

    def act(answered: Answered) -> None:
        cases.open_case(
            ctx,
            actor,
            body.reason,
            receipt_id=body.receipt,
            grant_id=body.grant,
            access_id=body.access,
            also=lambda session, row: answered(session, row_shown(row)),
        )

    return once(ctx, actor, request, key, body, act, status=201)


@router.get("/cases")
def list_cases(
    ctx: ContextDep, actor: Concerned, cursor: Cursor = None, state: Annotated[Literal["open"] | None, Query()] = None
) -> dict[str, Any]:
    """One's own cases, those about one's own organisation, or all for a regulator; without what was written."""
    page = cases.list_visible(ctx, actor, cursor, open_only=state == "open")
    return {"items": [shown(view) for view in page.items], "next_cursor": page.next_cursor}


@router.get("/cases/{case_id}")
def get_case(ctx: ContextDep, actor: Concerned, case_id: str) -> dict[str, Any]:
    """One case. What its holder wrote is for the holder and the regulator."""
    return shown(cases.get(ctx, actor, case_id))


@router.get("/cases/{case_id}/evidence")
def get_evidence(ctx: ContextDep, actor: Inspector, case_id: str) -> Response:
    """The evidence bundle of the line that a case is about, signed request included."""
    found = cases.evidence_of(ctx, actor, case_id)
    if found.bundle is None:
        raise ApiError("receipts.not_numbered", Kind.CONFLICT)
    return download(found.bundle.to_bytes(), BUNDLE, f"{case_id}.bundle.json")


@router.post("/cases/{case_id}/withdraw")
def withdraw(ctx: ContextDep, request: Request, actor: Citizen, case_id: str, key: IdempotencyKey = None) -> Response:
    """Take a case back; what it held up goes on."""

    def act(answered: Answered) -> None:
        cases.withdraw(ctx, actor, case_id, also=lambda session, row: answered(session, row_shown(row)))

    return once(ctx, actor, request, key, None, act)


@router.post("/cases/{case_id}/review")
def review(ctx: ContextDep, request: Request, actor: Inspector, case_id: str, key: IdempotencyKey = None) -> Response:
    """Take a case up."""

    def act(answered: Answered) -> None:
        cases.review(ctx, actor, case_id, also=lambda session, row: answered(session, row_shown(row)))

    return once(ctx, actor, request, key, None, act)


@router.post("/cases/{case_id}/decision")
def decide(
    ctx: ContextDep, request: Request, actor: Inspector, case_id: str, body: DecisionIn, key: IdempotencyKey = None
) -> Response:
    """Decide a case under review: upheld, the grant is void and its copies are due; dismissed, it serves again."""

    def act(answered: Answered) -> None:
        cases.decide(
            ctx,
            actor,
            case_id,
            upheld=body.outcome == "upheld",
            text=body.text,
            also=lambda session, row: answered(session, row_shown(row)),
        )

    return once(ctx, actor, request, key, body, act)


@router.get("/masks")
def list_masks(ctx: ContextDep, actor: Inspector) -> dict[str, Any]:
    """Lines that a law keeps back from the person concerned at present, with the day of their release."""
    return {"items": [mask_shown(view) for view in masks.list_all(ctx, actor)]}


@router.post("/masks/{access_id}/release")
def release(
    ctx: ContextDep, request: Request, actor: Inspector, access_id: str, body: ReleaseIn, key: IdempotencyKey = None
) -> Response:
    """Release a masked line earlier than it would be; never later."""

    def act(answered: Answered) -> None:
        until_ms = None if body.until is None else body.until * 1000
        masks.shorten(
            ctx,
            actor,
            access_id,
            until_ms,
            also=lambda session, row: answered(
                session, {"access": row.id, "masked_until": moment(row.masked_until_ms)}
            ),
        )

    return once(ctx, actor, request, key, body, act)
