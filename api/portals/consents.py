"""Pages of both sides about a consent's life: hold up, go on, extend, give back; and why a decision fell as it did."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from api.errors import ApiError
from api.http.auth import FIRST, ContextDep
from api.http.language import preferred_language
from api.locale import CHINA_STANDARD_TIME, Lang, translator
from api.policy.states import GRANT_TRANSITIONS, GrantState
from api.portals import frame as at
from api.portals import own_keys
from api.portals.copies import copy_line
from api.portals.lives import decision, life
from api.portals.recorded import record
from api.portals.render import respond
from api.portals.views import citizen as views
from api.portals.views.common import Proof, ProofFact
from api.services import copies, grants, requests
from api.services.context import Actor, Context
from api.services.grants import GrantPage
from api.services.grants.extension import limits
from api.store.queries.registrations import LegalBasis
from chain.receipt import ReceiptKind

router = APIRouter(include_in_schema=False)
Day = Annotated[str, Form(max_length=10)]
Number = Annotated[str, Form(max_length=6)]


@router.get("/citizen/grants")
def list_grants(request: Request, ctx: ContextDep, actor: at.Citizen, cursor: at.Cursor = None) -> Response:
    """What is in force, what has ended."""
    lang = preferred_language(request)
    page = grants.list_of_holder(ctx, actor, cursor)
    now = at.now_ms(ctx)
    cards = [_grant_card(ctx, one, now, lang) for one in page.items]
    view = views.Grants(
        active=tuple(card for card in cards if not GrantState(card.state).final),
        ended=tuple(card for card in cards if GrantState(card.state).final),
        waiting=len(requests.list_own(ctx, actor, open_only=True).items),
        pager=at.older("/citizen/grants", page.next_cursor, cursor=cursor),
    )
    return respond("citizen/grants.html", view, at.frame(request, ctx, "citizen", "grants", actor))


@router.get("/citizen/grants/{grant_id}")
def grant_page(request: Request, ctx: ContextDep, actor: at.Citizen, grant_id: str) -> Response:
    """One grant with its copies and deliveries."""
    lang = preferred_language(request)
    found = grants.get(ctx, actor, grant_id)
    return respond(
        "citizen/grant.html", _grant(ctx, actor, found, lang), at.frame(request, ctx, "citizen", "grants", actor)
    )


@router.post("/citizen/grants/{grant_id}/revoke", dependencies=FIRST)
def revoke(ctx: ContextDep, actor: at.Citizen, grant_id: str) -> Response:
    """Take a consent back, at once."""
    grants.revoke(ctx, actor, grant_id)
    return at.see_other(f"/citizen/grants/{at.segment(grant_id)}")


@router.post("/citizen/grants/{grant_id}/pause", dependencies=FIRST)
def pause(ctx: ContextDep, actor: at.Citizen, grant_id: str) -> Response:
    """Hold a consent up."""
    grants.pause(ctx, actor, grant_id)
    return at.see_other(f"/citizen/grants/{at.segment(grant_id)}")


@router.post("/citizen/grants/{grant_id}/resume")
def resume(ctx: ContextDep, actor: at.Citizen, grant_id: str) -> Response:
    """Let it go on."""
    grants.resume(ctx, actor, grant_id)
    return at.see_other(f"/citizen/grants/{at.segment(grant_id)}")


@router.post("/citizen/grants/{grant_id}/extension")
def extend(
    request: Request,
    ctx: ContextDep,
    actor: at.Citizen,
    grant_id: str,
    until: Day = "",
    uses: Number = "",
    key: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Extend a consent: a new one takes its place, under a new key where the holder brings one."""
    lang = preferred_language(request)
    found = grants.get(ctx, actor, grant_id)
    most = limits(ctx, found.grant)
    days = _days(ctx, until, most.days, lang)
    times = _whole(uses, most.uses, lang)
    if key.strip() or not ctx.provider.mints:
        address = own_keys.address_of(key, lang) if key.strip() else None
        draft = grants.prepare_extension(ctx, actor, grant_id, days, times, language=lang, key_address=address)
        return at.see_other(f"/citizen/drafts/{at.segment(draft.id)}")
    made, _ = grants.extend(ctx, actor, grant_id, days, times, language=lang)
    return at.see_other(f"/citizen/grants/{at.segment(made.id)}")


@router.post("/entity/grants/{grant_id}/terminate", dependencies=FIRST)
def terminate(ctx: ContextDep, actor: at.Clerk, grant_id: str) -> Response:
    """Give a consent back that is needed no longer."""
    grants.terminate(ctx, actor, grant_id)
    return at.see_other(f"/entity/grants/{at.segment(grant_id)}")


@router.post("/entity/grants/{grant_id}/extension")
def ask_extension(
    request: Request, ctx: ContextDep, actor: at.Clerk, grant_id: str, until: Day = "", uses: Number = ""
) -> Response:
    """Ask the person for more time or uses."""
    lang = preferred_language(request)
    most = limits(ctx, grants.get(ctx, actor, grant_id).grant)
    grants.ask_extension(ctx, actor, grant_id, _days(ctx, until, most.days, lang), _whole(uses, most.uses, lang))
    return at.see_other("/entity/requests?sent=1")


@router.get("/citizen/receipts/{receipt_id}/decision")
def why_for_holder(request: Request, ctx: ContextDep, actor: at.Citizen, receipt_id: str) -> Response:
    """Why something was allowed or refused at that time."""
    return _why(request, ctx, actor, receipt_id, "citizen", "footprints")


@router.get("/entity/receipts/{receipt_id}/decision")
def why_for_recipient(request: Request, ctx: ContextDep, actor: at.Clerk, receipt_id: str) -> Response:
    """Why something was allowed or refused at that time."""
    return _why(request, ctx, actor, receipt_id, "entity", "grants")


@router.get("/regulator/receipts/{receipt_id}/decision")
def why_for_regulator(request: Request, ctx: ContextDep, actor: at.Inspector, receipt_id: str) -> Response:
    """Why something was allowed or refused at that time."""
    return _why(request, ctx, actor, receipt_id, "regulator", "log")


def _why(request: Request, ctx: Context, actor: Actor, receipt_id: str, portal: str, active: str) -> Response:
    lang = preferred_language(request)
    view = decision(ctx, grants.replay(ctx, actor, receipt_id), portal, lang)
    template = "citizen/decision.html" if portal == "citizen" else "decision_staff.html"
    return respond(template, view, at.frame(request, ctx, portal, active, actor))


def _grant_card(ctx: Context, page: GrantPage, now: int, lang: Lang) -> views.GrantCard:
    grant = page.grant
    listed = grant.terms["items"]
    assert isinstance(listed, Sequence)
    return views.GrantCard(
        id=grant.id,
        entity=at.named(page.entity, lang),
        purpose=at.purpose_of(ctx, grant.terms, lang),
        state=grants.shown_state(grant, now).value,
        until_ms=grant.not_after_ms,
        uses=grant.use_count,
        max_uses=grant.max_uses,
        fields=len(listed),
    )


def _grant(ctx: Context, actor: Actor, page: GrantPage, lang: Lang) -> views.Grant:
    grant = page.grant
    state = grants.shown_state(grant, at.now_ms(ctx))
    now = record(ctx, lang)
    seen = now.of_grant(grant)
    begun = next((one for one in page.receipts if one.kind == ReceiptKind.GRANT), None)
    terms = grant.terms
    bundle = None if begun is None or begun.number is None else f"/citizen/receipts/{at.segment(begun.id)}/bundle"
    proof = Proof(
        state=seen.state,
        delay=seen.delay,
        subject="grant",
        at_ms=grant.created_at_ms,
        receipt_number=None if begun is None else begun.number,
        facts=(
            ProofFact(name="grant", value="0x" + grant.digest.hex()),
            ProofFact(name="key", value="0x" + grant.key_address.hex()),
        ),
        bundle_url=bundle,
    )
    return views.Grant(
        id=grant.id,
        entity=at.named(page.entity, lang),
        entity_uscc=page.entity.uscc or "—",
        purpose=at.purpose_of(ctx, terms, lang),
        case_no=None if terms["case_no"] is None else str(terms["case_no"]),
        state=state.value,
        from_ms=grant.not_before_ms,
        until_ms=grant.not_after_ms,
        ended_at_ms=grant.ended_at_ms,
        uses=grant.use_count,
        max_uses=grant.max_uses,
        keep_days=int(str(terms["data_life_days"])),
        custody=grant.custody,
        items=at.items(ctx, lang, terms["items"]),
        copies=tuple(copy_line(ctx, one, lang) for one in copies.of_grant(ctx, grant.id, actor)),
        deliveries=at.deliveries(
            page.receipts, {copy.id: copy.media_type for copy in page.copies}, now, "/citizen/receipts"
        ),
        proof=proof,
        can_revoke=GrantState.REVOKED in GRANT_TRANSITIONS[state] and grant.legal_basis == LegalBasis.CONSENT,
        life=life(ctx, page, "citizen", lang),
    )


def _days(ctx: Context, until: str, most: int, lang: Lang) -> int:
    """Days from today to a day. Raises `portal.bad_form`."""
    today = datetime.fromtimestamp(at.now_ms(ctx) / 1000, CHINA_STANDARD_TIME).date()
    try:
        days = (date.fromisoformat(until) - today).days
    except ValueError:
        days = 0
    if not 1 <= days <= most:
        raise ApiError("portal.bad_form", field=translator(lang).gettext("Until"))
    return days


def _whole(uses: str, most: int, lang: Lang) -> int:
    if not (uses.isascii() and uses.isdigit() and 1 <= int(uses) <= most):
        raise ApiError("portal.bad_form", field=translator(lang).gettext("Times at most"))
    return int(uses)
