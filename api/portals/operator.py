"""The operator's page: whether the parts work. Nothing about any person."""

from fastapi import APIRouter, Request, Response

from api.http.auth import ContextDep
from api.portals import frame as at
from api.portals.render import respond
from api.portals.views import public as views
from api.services import log, status

router = APIRouter(prefix="/operator", include_in_schema=False)


@router.get("")
def health(request: Request, ctx: ContextDep, actor: at.Operator) -> Response:
    """Each part's state, and how far the log is."""
    size = log.health(ctx).size
    parts = tuple(views.Part(name=part.name, state=_state(part), detail=part.state) for part in status.readiness(ctx))
    view = views.Operator(
        parts=parts, receipts_waiting=size.prepared, log_size=size.numbered, anchored_size=size.anchored
    )
    return respond("operator/health.html", view, at.frame(request, ctx, "operator", "health", actor))


def _state(part: status.Part) -> str:
    if part.state in {"ok", "delayed", "halted", "unknown"}:
        return part.state
    return "ok" if part.ok else "halted"
