"""Erasure: what it would mean, asking for it twice, taking the wish back, and how far it is."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.errors import ApiError
from api.http.auth import ContextDep, allow, public
from api.http.forms import Answered, IdempotencyKey, Strict, moment, once
from api.http.strict_json import StrictJsonRoute
from api.services import erasures
from api.services.context import Actor, Role
from api.services.erasures import Plan
from api.store.tables import Erasure

router = APIRouter(prefix="/erasures", tags=["erasures"], route_class=StrictJsonRoute)
Citizen = Annotated[Actor, allow(Role.CITIZEN)]
_DIGEST = re.compile(r"0x[0-9a-f]{64}")


class PlanIn(Strict):
    """The digest of the plan that the holder has read."""

    plan: str = Field(min_length=66, max_length=66)

    @property
    def digest(self) -> bytes:
        """Its 32 bytes. Raises `erasure.plan_changed`, which is what a wrong one means."""
        if not _DIGEST.fullmatch(self.plan):
            raise ApiError("erasure.plan_changed")
        return bytes.fromhex(self.plan[2:])


def plan_shown(plan: Plan) -> dict[str, Any]:
    """A plan as JSON."""
    return {
        "plan": "0x" + plan.digest.hex(),
        "erased": [
            {"code": line.rule.code, "count": line.count, "zh": line.rule.zh, "en": line.rule.en}
            for line in plan.erased
        ],
        "kept": [
            {
                "code": line.rule.code,
                "count": line.count,
                "until": moment(line.until_ms),
                "zh": line.rule.zh,
                "en": line.rule.en,
                "basis": {"zh": line.rule.basis_zh, "en": line.rule.basis_en},
            }
            for line in plan.kept
        ],
        "held_up": plan.held_up,
    }


def shown(row: Erasure) -> dict[str, Any]:
    """A wish as JSON for its holder."""
    return {
        "id": row.id,
        "state": row.state,
        "asked_at": moment(row.asked_at_ms),
        "confirmed_at": moment(row.confirmed_at_ms),
        "due_at": moment(row.due_at_ms),
        "plan": "0x" + row.plan_digest.hex(),
    }


@router.get("")
def preview(ctx: ContextDep, actor: Citizen) -> dict[str, Any]:
    """What would be erased and what the law makes one keep; and the holder's wish, if there is one."""
    current = erasures.newest(ctx, actor)
    return {**plan_shown(erasures.plan(ctx, actor)), "current": None if current is None else shown(current)}


@router.post("", status_code=201)
def ask(ctx: ContextDep, request: Request, actor: Citizen, body: PlanIn, key: IdempotencyKey = None) -> Response:
    """The first confirmation; nothing happens yet."""

    def act(answered: Answered) -> None:
        erasures.ask(ctx, actor, body.digest, also=lambda session, row: answered(session, shown(row)))

    return once(ctx, actor, request, key, body, act, status=201)


@router.post("/{erasure_id}/confirm")
def confirm(
    ctx: ContextDep, request: Request, actor: Citizen, erasure_id: str, body: PlanIn, key: IdempotencyKey = None
) -> Response:
    """The second confirmation: the time to think again begins."""

    def act(answered: Answered) -> None:
        erasures.confirm(ctx, actor, erasure_id, body.digest, also=lambda session, row: answered(session, shown(row)))

    return once(ctx, actor, request, key, body, act)


@router.post("/{erasure_id}/cancel")
def cancel(ctx: ContextDep, request: Request, actor: Citizen, erasure_id: str, key: IdempotencyKey = None) -> Response:
    """Take the wish back."""

    def act(answered: Answered) -> None:
        erasures.cancel(ctx, actor, erasure_id, also=lambda session, row: answered(session, shown(row)))

    return once(ctx, actor, request, key, {}, act)


@router.get("/{erasure_id}")
def status(ctx: ContextDep, erasure_id: str, _: Annotated[None, public()]) -> dict[str, Any]:
    """How far an erasure is, for whoever has its number: afterwards nobody is left to sign in."""
    found = erasures.status(ctx, erasure_id)
    return {
        "id": found.id,
        "state": found.state,
        "due_at": moment(found.due_at_ms),
        "erased_at": moment(found.erased_at_ms),
        "receipt_number": found.receipt_number,
    }
