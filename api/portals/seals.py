"""A department's seals: its own, the joint sealings that wait for it, and with whom it seals which type."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from api.errors import ApiError, Kind
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.locale import Lang
from api.portals import frame as at
from api.portals.render import respond
from api.portals.views import seals as views
from api.portals.views.common import Choice, FormError
from api.services import parties
from api.services.context import Actor, Context
from api.services.seals import office, plans, tasks
from api.services.seals.tasks import Task

router = APIRouter(prefix="/department/seals", include_in_schema=False)
PLACES = 4
"""Co-signers that the form offers places for; the interface takes more."""


@router.get("")
def overview(request: Request, ctx: ContextDep, actor: at.Officer, cursor: at.Cursor = None) -> Response:
    """All of it on one page, what waits first."""
    return _page(request, ctx, actor, cursor, None)


@router.post("/tasks/{number}/seal")
def seal(request: Request, ctx: ContextDep, actor: at.Officer, number: str) -> Response:
    """Set the department's seal."""
    try:
        tasks.seal(ctx, actor, number)
    except ApiError as error:
        return _refused(request, ctx, actor, error)
    return at.see_other("/department/seals")


@router.post("/tasks/{number}/decline")
def decline(request: Request, ctx: ContextDep, actor: at.Officer, number: str) -> Response:
    """Say that the department does not seal."""
    try:
        tasks.decline(ctx, actor, number)
    except ApiError as error:
        return _refused(request, ctx, actor, error)
    return at.see_other("/department/seals")


@router.post("/plans")
def agree(
    request: Request,
    ctx: ContextDep,
    actor: at.Officer,
    chosen: Annotated[str, Form(alias="type", max_length=64)],
    needed: Annotated[int, Form(ge=1, le=plans.MAX_COSIGNERS)],
    cosigner: Annotated[list[str] | None, Form(max_length=plans.MAX_COSIGNERS)] = None,
) -> Response:
    """Name who seals a type beside the department; places left empty are none."""
    try:
        plans.agree(ctx, actor, chosen, [one for one in cosigner or [] if one], needed)
    except ApiError as error:
        return _refused(request, ctx, actor, error)
    return at.see_other("/department/seals")


@router.post("/plans/end")
def end(
    request: Request, ctx: ContextDep, actor: at.Officer, chosen: Annotated[str, Form(alias="type", max_length=64)]
) -> Response:
    """Seal a type alone again."""
    try:
        plans.end(ctx, actor, chosen)
    except ApiError as error:
        return _refused(request, ctx, actor, error)
    return at.see_other("/department/seals")


@router.post("/renewal")
def renew(request: Request, ctx: ContextDep, actor: at.Officer) -> Response:
    """Revoke the department's seal and make the next one."""
    party = parties.own(ctx, actor)
    try:
        office.renew(ctx, party.id, party.name_zh)
    except ApiError as error:
        return _refused(request, ctx, actor, error)
    return at.see_other("/department/seals")


def _refused(request: Request, ctx: Context, actor: Actor, error: ApiError) -> Response:
    if error.kind is Kind.FORBIDDEN:
        raise error
    said = at.said(error, preferred_language(request))
    return _page(request, ctx, actor, None, said, int(STATUS[error.kind]))


def _page(
    request: Request, ctx: Context, actor: Actor, cursor: str | None, error: FormError | None, status: int = 200
) -> Response:
    lang = preferred_language(request)
    party = parties.own(ctx, actor)
    own, unfit = None, None
    try:
        own = office.own_seal(ctx, party.id, party.name_zh)
    except ApiError as found:
        unfit = at.said(found, lang)
    page = tasks.list_own(ctx, actor, cursor)
    types = [one for one in ctx.catalogue.ready_types() if one.department == party.department_code]
    view = views.DepartmentSeals(
        serial=None if own is None else own.serial,
        ends_ms=None if own is None else own.not_after_ms,
        demo=own is not None and own.demo,
        unfit=unfit,
        tasks=tuple(_task(ctx, one, lang) for one in page.items),
        pager=at.older("/department/seals", page.next_cursor, cursor=cursor),
        plans=tuple(
            views.PlanLine(
                type_code=one.type_code,
                type_name=_type(ctx, one.type_code, lang),
                cosigners=tuple((at.named(cosigner, lang), cosigner.status) for cosigner in one.cosigners),
                needed=one.needed,
                created_at_ms=one.created_at_ms,
            )
            for one in plans.list_own(ctx, actor)
        ),
        types=tuple(Choice(value=one.code, label=one.label(lang)) for one in types),
        departments=tuple(Choice(value=one.id, label=at.named(one, lang)) for one in plans.possible(ctx, actor)),
        places=tuple(range(1, PLACES + 1)),
        error=error,
    )
    return respond("department/seals.html", view, at.frame(request, ctx, "department", "seals", actor), status)


def _task(ctx: Context, task: Task, lang: Lang) -> views.TaskLine:
    return views.TaskLine(
        number=task.number,
        type_name=_type(ctx, task.type_code, lang),
        issuer=at.named(task.issuer, lang),
        state=task.state,
        needed=task.needed,
        sealed=sum(1 for step in task.steps if step.position > 1 and step.state == "sealed"),
        my_turn=task.my_turn,
        signers=tuple(
            views.Signer(position=step.position, name=at.named(step.party, lang), state=step.state, at_ms=step.at_ms)
            for step in task.steps
        ),
        sha256=task.sha256.hex(),
        created_at_ms=task.created_at_ms,
    )


def _type(ctx: Context, code: str, lang: Lang) -> str:
    schema = ctx.catalogue.types.get(code)
    return schema.label(lang) if schema else code
