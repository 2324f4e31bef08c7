"""The citizen's passkeys: the list, and removing one. Adding one needs the browser's script and /v1."""

from datetime import datetime

from fastapi import APIRouter, Request, Response

from api.http.auth import ContextDep
from api.locale import CHINA_STANDARD_TIME
from api.portals import frame as at
from api.portals.render import respond
from api.portals.views import citizen as views
from api.services.identity import passkeys

router = APIRouter(prefix="/citizen", include_in_schema=False)


@router.get("/passkeys")
def list_passkeys(request: Request, ctx: ContextDep, actor: at.Citizen) -> Response:
    """One's own passkeys."""
    view = views.Passkeys(
        passkeys=tuple(
            views.PasskeyLine(id=one.id, label=one.label, created_at_ms=one.created_at_ms, used_at_ms=one.used_at_ms)
            for one in passkeys.list_own(ctx, actor)
        ),
        rp_id=ctx.settings.rp_id,
        origin=ctx.settings.rp_origins[0],
        today=datetime.fromtimestamp(at.now_ms(ctx) / 1000, CHINA_STANDARD_TIME).date().isoformat(),
    )
    return respond("citizen/passkeys.html", view, at.frame(request, ctx, "citizen", "me", actor))


@router.post("/passkeys/{passkey_id}/remove")
def remove(ctx: ContextDep, actor: at.Citizen, passkey_id: str) -> Response:
    """Let a passkey serve no longer."""
    passkeys.remove(ctx, actor, passkey_id)
    return at.see_other("/citizen/passkeys")
