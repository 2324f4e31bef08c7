"""The operator's page: whether the parts work. Nothing about any person."""

from fastapi import APIRouter, Request, Response

from api.http.auth import ContextDep
from api.http.language import preferred_language
from api.locale import Lang
from api.portals import frame as at
from api.portals.render import respond
from api.portals.views import public as views
from api.services import log, parties, status
from api.services.context import Context

router = APIRouter(prefix="/operator", include_in_schema=False)


@router.get("")
def health(request: Request, ctx: ContextDep, actor: at.Operator) -> Response:
    """Each part's state, how far the log is, and who is registered for what."""
    size = log.health(ctx).size
    parts = tuple(views.Part(name=part.name, state=_state(part), detail=part.state) for part in status.readiness(ctx))
    view = views.Operator(
        parts=parts,
        receipts_waiting=size.prepared,
        log_size=size.numbered,
        anchored_size=size.anchored,
        registered=tuple(_registered(ctx, one, preferred_language(request)) for one in parties.registered(ctx)),
    )
    return respond("operator/health.html", view, at.frame(request, ctx, "operator", "health", actor))


def _registered(ctx: Context, one: parties.Registered, lang: Lang) -> views.Registered:
    catalogue = ctx.catalogue
    return views.Registered(
        organisation=at.named(one.party, lang),
        purposes=tuple(catalogue.purposes[code].label(lang) for code in one.purposes if code in catalogue.purposes),
        duties=tuple(
            catalogue.statutory_bases[code].label(lang) for code in one.bases if code in catalogue.statutory_bases
        ),
    )


def _state(part: status.Part) -> str:
    if part.state in {"ok", "delayed", "halted", "unknown"}:
        return part.state
    return "ok" if part.ok else "halted"
