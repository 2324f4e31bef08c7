"""The system administrator's page: whether the parts work. Nothing about any person."""

from fastapi import APIRouter, Request, Response

from api.http.auth import ContextDep
from api.portals import frame as at
from api.portals.parts import health_page

router = APIRouter(prefix="/operator", include_in_schema=False)


@router.get("")
def health(request: Request, ctx: ContextDep, actor: at.Operator) -> Response:
    """Each part's state, how far the log is, and who is registered for what."""
    return health_page(request, ctx, actor, "operator")
