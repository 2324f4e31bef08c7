"""Erasure in the citizen's portal: what it means, two confirmations, taking it back; and its state, by number."""

import math
import re
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response

from api.errors import ApiError
from api.http.auth import ContextDep, public
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.locale import error_text
from api.portals import frame as at
from api.portals.render import page_for, respond
from api.portals.views import erasure as views
from api.services import erasures
from api.services.context import Actor, Context

router = APIRouter(include_in_schema=False)
DAY_S = 86_400
_DIGEST = re.compile(r"[0-9a-f]{64}")
Plan = Annotated[str, Form(max_length=64)]


@router.get("/citizen/erasure")
def show(request: Request, ctx: ContextDep, actor: at.Citizen) -> Response:
    """What would be erased and what the law makes one keep; the wish, if there is one."""
    return _page(request, ctx, actor)


@router.post("/citizen/erasure")
def ask(
    request: Request, ctx: ContextDep, actor: at.Citizen, plan: Plan, read: Annotated[Literal["1"], Form()]
) -> Response:
    """The first confirmation, by somebody who says that they have read the lists."""
    del read  # that it is there is all
    try:
        erasures.ask(ctx, actor, _digest(plan))
    except ApiError as error:
        return _page(request, ctx, actor, error)
    return at.see_other("/citizen/erasure")


@router.post("/citizen/erasure/{erasure_id}/confirm")
def confirm(request: Request, ctx: ContextDep, actor: at.Citizen, erasure_id: str, plan: Plan) -> Response:
    """The second confirmation."""
    try:
        erasures.confirm(ctx, actor, erasure_id, _digest(plan))
    except ApiError as error:
        return _page(request, ctx, actor, error)
    return at.see_other("/citizen/erasure")


@router.post("/citizen/erasure/{erasure_id}/cancel")
def cancel(ctx: ContextDep, actor: at.Citizen, erasure_id: str) -> Response:
    """Take the wish back."""
    erasures.cancel(ctx, actor, erasure_id)
    return at.see_other("/citizen/erasure")


@router.get("/erasures/{erasure_id}")
def status(request: Request, ctx: ContextDep, erasure_id: str, _: Annotated[None, public()]) -> Response:
    """How far an erasure is, for whoever has its number: afterwards nobody is left to sign in."""
    found = erasures.status(ctx, erasure_id)
    view = views.ErasureStatus(
        id=found.id,
        state=found.state,
        due_at_ms=found.due_at_ms,
        erased_at_ms=found.erased_at_ms,
        receipt_number=found.receipt_number,
    )
    return respond("public/erasure.html", view, page_for(request, "public", ""))


def _page(request: Request, ctx: Context, actor: Actor, error: ApiError | None = None) -> Response:
    lang = preferred_language(request)
    plan, current = erasures.plan(ctx, actor), erasures.newest(ctx, actor)
    open_ = current is not None and current.state != erasures.CANCELLED
    view = views.Erasure(
        state=current.state if current is not None and open_ else "none",
        id=current.id if current is not None and open_ else "",
        plan=plan.digest.hex(),
        erased=tuple(views.ErasedLine(text=one.rule.label(lang), count=one.count) for one in plan.erased),
        kept=tuple(
            views.KeptLine(
                text=one.rule.label(lang), basis=one.rule.basis(lang), count=one.count, until_ms=one.until_ms
            )
            for one in plan.kept
        ),
        held_up=plan.held_up > 0,
        cooling_days=math.ceil(ctx.settings.erasure_cooling_s / DAY_S),
        due_at_ms=current.due_at_ms if current is not None and open_ else None,
        error=None if error is None else error_text(error.code, lang, error.facts),
    )
    page = at.frame(request, ctx, "citizen", "me", actor)
    return respond("citizen/erasure.html", view, page, 200 if error is None else STATUS[error.kind])


def _digest(plan: str) -> bytes:
    if not _DIGEST.fullmatch(plan):
        raise ApiError("erasure.plan_changed")
    return bytes.fromhex(plan)
