"""The watch over the use of data by consent: its queue, for regulators; auditors read it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.http.auth import ContextDep, allow
from api.http.forms import Answered, IdempotencyKey, Strict, moment, once
from api.http.strict_json import StrictJsonRoute
from api.policy.watch import CloseReason, WatchState
from api.services import watch
from api.services.context import Actor, Also, Role
from api.services.watch import CaseView
from api.store.tables import WatchAlarm

router = APIRouter(prefix="/watch-alarms", tags=["supervision"], route_class=StrictJsonRoute)
Regulator = Annotated[Actor, allow(Role.REGULATOR)]
Reader = Annotated[Actor, allow(Role.REGULATOR, Role.AUDITOR)]
State = Literal["open", "taken", "closed", "checked"]


class ClosingIn(Strict):
    """Why an alarm is closed, and what was found."""

    reason: Literal["explained", "harmless", "measures"]
    remark: str = Field(min_length=1, max_length=watch.REMARK_MAX)


class SecondLookIn(Strict):
    """Whether the second officer agrees; otherwise the alarm is open again."""

    agrees: bool


def shown(row: WatchAlarm, case: CaseView | None) -> dict[str, Any]:
    """An alarm as JSON; officers by their pseudonyms. `case` where it is about a case number."""
    return {
        "id": row.id,
        "party": row.party_id,
        "kind": row.kind,
        "subject": row.subject,
        "seen": row.seen,
        "limit": row.limit,
        "state": row.state,
        "raised_at": moment(row.raised_at_ms),
        "last_at": moment(row.last_at_ms),
        "taken_by": row.taken_by,
        "taken_at": moment(row.taken_at_ms),
        "closed_by": row.closed_by,
        "closed_at": moment(row.closed_at_ms),
        "reason": row.reason,
        "remark": row.remark,
        "checked_by": row.checked_by,
        "checked_at": moment(row.checked_at_ms),
        "case": None
        if case is None
        else {"case_no": case.case_no, "use": case.use, "late": case.late, "came_at": moment(case.came_at_ms)},
    }


def keeping(actor: Actor, answered: Answered) -> Also[WatchAlarm]:
    """Keeps the alarm as it stands after a step as the answer."""
    return lambda session, row: answered(session, shown(row, watch.case_of(session, actor, row)))


@router.get("")
def list_watch_alarms(
    ctx: ContextDep,
    actor: Reader,
    cursor: Annotated[str | None, Query(max_length=128)] = None,
    state: Annotated[State | None, Query()] = None,
) -> dict[str, Any]:
    """What looked unusual in the use of data by consent, newest first."""
    page = watch.list_all(ctx, actor, cursor, state=None if state is None else WatchState(state))
    return {"items": [shown(one.row, one.case) for one in page.items], "next_cursor": page.next_cursor}


@router.post("/{alarm_id}/take")
def take_alarm(
    ctx: ContextDep, request: Request, actor: Regulator, alarm_id: str, key: IdempotencyKey = None
) -> Response:
    """Take an open alarm to look into it."""

    def act(answered: Answered) -> None:
        watch.take(ctx, actor, alarm_id, also=keeping(actor, answered))

    return once(ctx, actor, request, key, {}, act)


@router.post("/{alarm_id}/close")
def close_watch_alarm(
    ctx: ContextDep, request: Request, actor: Regulator, alarm_id: str, body: ClosingIn, key: IdempotencyKey = None
) -> Response:
    """Close an alarm that was taken, with a reason."""

    def act(answered: Answered) -> None:
        reason = CloseReason(body.reason)
        watch.close(ctx, actor, alarm_id, reason, body.remark, also=keeping(actor, answered))

    return once(ctx, actor, request, key, body, act)


@router.post("/{alarm_id}/second-look")
def look_again(
    ctx: ContextDep, request: Request, actor: Regulator, alarm_id: str, body: SecondLookIn, key: IdempotencyKey = None
) -> Response:
    """The second look, by another officer than the one who closed."""

    def act(answered: Answered) -> None:
        watch.look_again(ctx, actor, alarm_id, agrees=body.agrees, also=keeping(actor, answered))

    return once(ctx, actor, request, key, body, act)
