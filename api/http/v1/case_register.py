"""Registers of case numbers: bodies with duties by law bring theirs; regulators see who did not."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.errors import ApiError
from api.http.auth import ContextDep, allow
from api.http.forms import Answered, IdempotencyKey, Strict, moment, once
from api.http.strict_json import StrictJsonRoute
from api.policy.case_register import CASE_NO_MAX, Case
from api.services import case_register
from api.services.case_register import BodyView, Delivered, OwnRegister
from api.services.context import Actor, Role

router = APIRouter(tags=["statutory"], route_class=StrictJsonRoute)
Body = Annotated[Actor, allow(Role.DEPARTMENT, Role.ENTITY)]
Reader = Annotated[Actor, allow(Role.REGULATOR, Role.AUDITOR)]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
CASES_MAX = 1_000
"""In one call: whatever the numbers are, as many fit into a body."""


class CaseIn(Strict):
    """A case: its number, of which a keyed hash alone is kept, and the days of its opening and closing."""

    case_no: str = Field(min_length=1, max_length=CASE_NO_MAX)
    opened_on: Day
    closed_on: Day | None = None


class CasesIn(Strict):
    """What is new or changed since the last delivery; nothing, to say that there is nothing new."""

    cases: list[CaseIn] = Field(max_length=CASES_MAX)


def shown(row: Delivered) -> dict[str, Any]:
    """What a delivery did, as JSON."""
    return {"added": row.added, "changed": row.changed, "unchanged": row.unchanged, "came": row.came}


def own_shown(one: OwnRegister) -> dict[str, Any]:
    """A body's own register as JSON, by counts."""
    row = one.register
    return {
        "first_at": None if row is None else moment(row.first_at_ms),
        "last_at": None if row is None else moment(row.last_at_ms),
        "open": one.held.open,
        "closed": one.held.closed,
        "late": one.late,
        "late_days": one.late_days,
        "may_bring": one.may_bring,
    }


def body_shown(one: BodyView) -> dict[str, Any]:
    """A body as JSON; it never brought a register where `last_at` is null."""
    party, register = one.body.party, one.body.register
    return {
        "party": party.id,
        "name": {"zh": party.name_zh, "en": party.name_en},
        "since": moment(one.body.since_ms),
        "first_at": None if register is None else moment(register.first_at_ms),
        "last_at": None if register is None else moment(register.last_at_ms),
        "late": one.late,
    }


@router.get("/case-register")
def own_register(ctx: ContextDep, actor: Body) -> dict[str, Any]:
    """One's own register of case numbers, by counts: what it holds cannot be read."""
    return own_shown(case_register.own(ctx, actor))


@router.post("/case-register")
def deliver_cases(
    ctx: ContextDep, request: Request, actor: Body, body: CasesIn, key: IdempotencyKey = None
) -> Response:
    """Bring case numbers, by an account that does not query. All are taken or none; the same again changes nothing."""
    cases = [
        Case(one.case_no, _day(one.opened_on, line), None if one.closed_on is None else _day(one.closed_on, line))
        for line, one in enumerate(body.cases, start=1)
    ]

    def act(answered: Answered) -> None:
        case_register.deliver(ctx, actor, cases, also=lambda session, row: answered(session, shown(row)))

    return once(ctx, actor, request, key, body, act)


@router.get("/case-registers")
def list_registers(ctx: ContextDep, actor: Reader) -> dict[str, Any]:
    """Every body that may query by law, with the state of its register; those that never brought one first."""
    return {"items": [body_shown(one) for one in case_register.list_bodies(ctx, actor)]}


def _day(text: str, line: int) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ApiError("case_register.bad_days", line=line) from None
