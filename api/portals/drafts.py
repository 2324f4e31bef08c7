"""The terms once more, before they are given: confirmed at the identity provider or with a passkey, then agreed to."""

from fastapi import APIRouter, Request, Response

from api.errors import ApiError
from api.http.auth import ContextDep, keep_round
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.portals import frame as at
from api.portals import own_keys
from api.portals.render import respond
from api.portals.views import drafts as views
from api.services import requests
from api.services.context import Actor, Context
from api.services.grants import drafts
from api.services.identity import passkeys
from api.services.identity.oidc import CALLBACK

router = APIRouter(prefix="/citizen", include_in_schema=False)
# What the citizen can put right here: confirm, and try again.
REPAIRABLE = frozenset({"grants.draft_unconfirmed", "grants.bad_signature"})


@router.get("/drafts/{draft_id}")
def draft_page(request: Request, ctx: ContextDep, actor: at.Citizen, draft_id: str) -> Response:
    """What is about to be given, and how to confirm it."""
    return _page(request, ctx, actor, draft_id, None)


@router.get("/drafts/{draft_id}/confirm")
def confirm(ctx: ContextDep, actor: at.Citizen, draft_id: str) -> Response:
    """Go to the identity provider and confirm these terms there. A link, for forms may not lead elsewhere."""
    begun = drafts.begin_round(ctx, actor, draft_id)
    answer = at.see_other(begun.url)
    keep_round(ctx, answer, begun.browser, path=CALLBACK, cross_site=True)
    return answer


@router.post("/drafts/{draft_id}")
def give(
    request: Request, ctx: ContextDep, actor: at.Citizen, draft_id: str, signature: own_keys.Signature = ""
) -> Response:
    """Agree to terms that were confirmed; where the holder brings a key, with its signature."""
    draft = drafts.get(ctx, actor, draft_id)
    try:
        signed = own_keys.signature_of(signature) if draft.custody == drafts.OWN_KEY else None
        grant, _receipt = drafts.complete(ctx, actor, draft.request_id, draft_id, signature=signed)
    except ApiError as error:
        if error.code not in REPAIRABLE:
            raise
        return _page(request, ctx, actor, draft_id, error)
    return at.see_other(f"/citizen/grants/{at.segment(grant.id)}")


def _page(request: Request, ctx: Context, actor: Actor, draft_id: str, error: ApiError | None) -> Response:
    lang = preferred_language(request)
    draft = drafts.get(ctx, actor, draft_id)
    terms = draft.terms
    mine = passkeys.list_own(ctx, actor)
    view = views.Draft(
        id=draft.id,
        request_id=draft.request_id,
        extends=None if terms["extends"] is None else str(terms["extends"]),
        entity=at.named(requests.get(ctx, actor, draft.request_id).entity, lang),
        purpose=at.purpose_of(ctx, dict(terms), lang),
        items=at.items(ctx, lang, terms["items"]),
        until_ms=int(str(terms["not_after"])) * 1000,
        uses=int(str(terms["max_uses"])),
        confirmed=draft.binding is not None,
        provider_url=None if ctx.provider.mints else f"/citizen/drafts/{at.segment(draft.id)}/confirm",
        passkey=(ctx.settings.rp_id, ctx.settings.rp_origins[0]) if mine else None,
        expires_at_ms=draft.expires_at_ms,
        error=None if error is None else at.said(error, lang),
        own_key=draft.custody == drafts.OWN_KEY,
        signing=None
        if draft.typed_data is None
        else own_keys.signing(
            draft.typed_data, f"/citizen/drafts/{at.segment(draft.id)}", str(draft.typed_data["message"]["key"])
        ),
    )
    status = 200 if error is None else int(STATUS[error.kind])
    return respond("citizen/draft.html", view, at.frame(request, ctx, "citizen", "grants", actor), status)
