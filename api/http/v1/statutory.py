"""Queries by statutory duty, by departments and by entities with a duty by law; their alarms, for regulators."""

import contextlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.catalogue.model import HolderKind
from api.errors import ApiError
from api.http.auth import ContextDep, allow
from api.http.forms import Answered, IdempotencyKey, Strict, moment, once
from api.http.strict_json import StrictJsonRoute
from api.http.v1.grants import delivered, enveloped, evidence_of, negotiated, split
from api.services import identity, statutory, statutory_alarms, statutory_standing
from api.services.context import Actor, Role
from api.services.statutory import AccessView, NewAccess
from api.store.tables import StatutoryAlarm

router = APIRouter(tags=["statutory"], route_class=StrictJsonRoute)
Asking = Annotated[Actor, allow(Role.DEPARTMENT, Role.ENTITY)]
Inspector = Annotated[Actor, allow(Role.REGULATOR)]
Cursor = Annotated[str | None, Query(max_length=128)]


class SubjectIn(Strict):
    """Whom the query is about. The number finds the holder and is not kept with the query."""

    kind: Literal["person", "enterprise"]
    number: str = Field(min_length=15, max_length=18)


class AccessIn(Strict):
    """A query: the basis in law, the case, whom it is about, and the fields, as `type/field`."""

    basis: str = Field(min_length=1, max_length=64)
    case_no: str = Field(min_length=1, max_length=64)
    holder: SubjectIn
    fields: list[str] = Field(min_length=1, max_length=64)
    hidden_days: int = Field(default=0, ge=0, le=3660)


class ClosingIn(Strict):
    """A regulator's remark on an alarm: what it was, and why the party may go on."""

    remark: str = Field(min_length=1, max_length=200)


def shown(view: AccessView) -> dict[str, Any]:
    """A query as JSON. Whom it was about is not told again."""
    row = view.access
    return {
        "id": row.id,
        "basis": row.basis_code,
        "case_no": row.case_no,
        "items": row.items,
        "outcome": row.outcome,
        "reason": row.reason,
        "receipt": row.receipt_id,
        "masked_until": moment(row.masked_until_ms),
        "at": moment(row.at_ms),
    }


def shown_alarm(row: StatutoryAlarm) -> dict[str, Any]:
    """An alarm as JSON."""
    return {
        "id": row.id,
        "party": row.party_id,
        "basis": row.basis_code,
        "kind": row.kind,
        "blocks": row.blocks,
        "seen": row.seen,
        "limit": row.limit,
        "state": row.state,
        "raised_at": moment(row.raised_at_ms),
        "last_at": moment(row.last_at_ms),
        "closed_at": moment(row.closed_at_ms),
        "remark": row.remark,
    }


@router.post("/statutory-accesses")
def create_access(
    ctx: ContextDep,
    request: Request,
    actor: Annotated[Actor, allow(Role.DEPARTMENT, Role.ENTITY, nonce_later=True)],
    body: AccessIn,
    key: IdempotencyKey = None,
) -> Response:
    """Query under a statutory duty; the answer is a marked copy with its receipt, as of a pull.

    `Access-Id` names the query. A number that nobody has and a holder without such a certificate get the same 404.
    """
    signed = request.state.evidence
    try:
        if key is None:
            raise ApiError("idempotency.missing")
        media_type, envelope = negotiated(request.headers.get("accept", ""))
        new = NewAccess(
            body.basis,
            body.case_no,
            HolderKind(body.holder.kind),
            body.holder.number,
            [split(item) for item in body.fields],
            body.hidden_days,
        )
        served = statutory.query(ctx, actor, new, media_type, idempotency_key=key, signed=evidence_of(signed))
    except ApiError:
        # What was refused must not be replayed later. The delivery may have spent the nonce.
        if signed is not None:
            with contextlib.suppress(ApiError):
                identity.spend_nonce(ctx, signed.thumbprint, signed.nonce)
        raise
    answer = enveloped(served.pulled) if envelope else delivered(served.pulled)
    answer.headers["Access-Id"] = served.access_id
    return answer


@router.get("/statutory-accesses")
def list_accesses(ctx: ContextDep, actor: Asking, cursor: Cursor = None) -> dict[str, Any]:
    """The queries of one's own organisation, newest first."""
    page = statutory.list_own(ctx, actor, cursor)
    return {"items": [shown(view) for view in page.items], "next_cursor": page.next_cursor}


@router.get("/statutory-accesses/{access_id}")
def get_access(ctx: ContextDep, actor: Asking, access_id: str) -> dict[str, Any]:
    """One query."""
    return shown(statutory.get_own(ctx, actor, access_id))


@router.get("/statutory-bases")
def list_bases(ctx: ContextDep, actor: Asking) -> dict[str, Any]:
    """The duties by law that one's own organisation may query under, what is left of the day, and what stops it."""
    found = statutory_standing.standing(ctx, actor)
    return {
        "blocked": found.blocked,
        "items": [
            {
                "code": one.basis.code,
                "version": one.basis.version,
                "zh": one.basis.zh,
                "en": one.basis.en,
                "law": {"zh": one.basis.law_zh, "en": one.basis.law_en},
                "case_example": one.basis.case_example,
                "holder_kinds": sorted(kind.value for kind in one.basis.holder_kinds),
                "allowed": [f"{allowed.type_code}/{allowed.field}" for allowed in one.basis.allowances],
                "max_delay_days": one.basis.max_delay_days,
                "quota_per_day": one.basis.quota_per_day,
                "quota_per_case": one.basis.quota_per_case,
                "used_today": one.used,
            }
            for one in found.bases
        ],
        "alarms": [
            {
                "basis": row.basis_code,
                "kind": row.kind,
                "blocks": row.blocks,
                "seen": row.seen,
                "limit": row.limit,
                "raised_at": moment(row.raised_at_ms),
            }
            for row in found.alarms
        ],
    }


@router.get("/statutory-alarms")
def list_alarms(
    ctx: ContextDep, actor: Inspector, cursor: Cursor = None, state: Annotated[Literal["open"] | None, Query()] = None
) -> dict[str, Any]:
    """What looked like enumeration, newest first."""
    page = statutory_alarms.list_all(ctx, actor, cursor, open_only=state == "open")
    return {"items": [shown_alarm(view.alarm) for view in page.items], "next_cursor": page.next_cursor}


@router.post("/statutory-alarms/{alarm_id}/close")
def close_alarm(
    ctx: ContextDep,
    request: Request,
    actor: Inspector,
    alarm_id: str,
    body: ClosingIn,
    key: IdempotencyKey = None,
) -> Response:
    """Close an alarm; if it was the last that stopped its party, the party may query again."""

    def act(answered: Answered) -> None:
        statutory_alarms.close(
            ctx, actor, alarm_id, body.remark, also=lambda session, row: answered(session, shown_alarm(row))
        )

    return once(ctx, actor, request, key, body, act)
