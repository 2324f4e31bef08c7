"""Pages of the citizen: my certificates, requests to me, my consents, footprints, me."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response

from api import locale
from api.errors import ApiError, Kind
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.forms import download
from api.http.language import preferred_language
from api.locale import CHINA_STANDARD_TIME, Lang, translator
from api.policy.requests import CutReason
from api.policy.states import RequestState
from api.portals import asks, own_keys
from api.portals import frame as at
from api.portals.recorded import Record, Seen, record
from api.portals.render import respond
from api.portals.tracks import LOOKS, line_of
from api.portals.views import citizen as views
from api.portals.views.common import FormError, Item, Proof, ProofFact
from api.services import certificates, footprints, grants, receipting, requests
from api.services.certificates import Certificate, CertificatePage
from api.services.context import Actor, Context
from api.services.grants import Approval, drafts
from api.services.identity import passkeys
from api.services.requests import RequestView
from api.services.seals import documents

router = APIRouter(prefix="/citizen", include_in_schema=False)
DAY_MS = 86_400_000
PAGES_MAX = 10
# What the citizen can put right on the consent screen; everything else says that the request is no longer open.
REPAIRABLE = frozenset({"requests.sensitive_not_ticked", "requests.nothing_chosen"})
# Other departments have yet to seal it, or declined.
UNSEALED = frozenset({"seals.waiting", "seals.refused"})


@router.get("")
def home(request: Request, ctx: ContextDep, actor: at.Citizen) -> Response:
    """My certificates, and what waits for my answer."""
    lang = preferred_language(request)
    page = at.frame(request, ctx, "citizen", "certificates", actor)
    waiting = requests.list_own(ctx, actor, open_only=True)
    looks = footprints.list_own(ctx, actor).items
    today, now = _today(ctx), record(ctx, lang)
    cards = [_card(one, today, now) for one in _own_certificates(ctx, actor) if one.status != "superseded"]
    assert page.viewer is not None
    view = views.Home(
        name=page.viewer.acting_for or page.viewer.name,
        requests=tuple(_request_card(one, lang) for one in waiting.items),
        certificates=tuple(cards),
        looks=sum(line.receipt.kind in LOOKS for line in looks),
    )
    return respond("citizen/home.html", view, page)


@router.get("/certificates/{record_id}")
def certificate(request: Request, ctx: ContextDep, actor: at.Citizen, record_id: str) -> Response:
    """One certificate, sensitive fields masked."""
    return _certificate_page(request, ctx, actor, record_id, frozenset())


@router.post("/certificates/{record_id}/reveal")
def reveal(
    request: Request,
    ctx: ContextDep,
    actor: at.Citizen,
    record_id: str,
    field: Annotated[str, Form(max_length=64)],
) -> Response:
    """The same page with one masked field shown; a form's answer, so that the value stands in no address."""
    return _certificate_page(request, ctx, actor, record_id, frozenset({field}))


@router.get("/certificates/{record_id}/original.pdf")
def original(ctx: ContextDep, actor: at.Citizen, record_id: str) -> Response:
    """The unmarked original, sealed, for its holder; receipted. While seals are missing, back to where this is said."""
    try:
        file = certificates.original_pdf(ctx, actor, record_id)
    except ApiError as error:
        if error.code not in UNSEALED:
            raise
        return at.see_other(f"/citizen/certificates/{at.segment(record_id)}")
    return download(file, "application/pdf", f"{record_id}.pdf")


@router.get("/certificates/{record_id}/bundle")
def certificate_bundle(ctx: ContextDep, actor: at.Citizen, record_id: str) -> Response:
    """The proof file of a certificate, every field disclosed."""
    return download(certificates.bundle(ctx, actor, record_id).to_bytes(), at.BUNDLE, f"{record_id}.bundle.json")


@router.get("/receipts/{receipt_id}/bundle")
def receipt_bundle(ctx: ContextDep, actor: at.Citizen, receipt_id: str) -> Response:
    """The proof file of a consent or a delivery; no values in it."""
    return download(receipting.bundle(ctx, actor, receipt_id).to_bytes(), at.BUNDLE, f"{receipt_id}.bundle.json")


@router.get("/requests")
def list_requests(request: Request, ctx: ContextDep, actor: at.Citizen) -> Response:
    """What waits, and how earlier requests were decided."""
    lang = preferred_language(request)
    found = requests.list_own(ctx, actor).items
    view = views.Requests(
        waiting=tuple(_request_card(one, lang) for one in found if one.request.state == RequestState.REQUESTED),
        decided=tuple(_decided(one, lang) for one in found if one.request.state != RequestState.REQUESTED),
    )
    return respond("citizen/requests.html", view, at.frame(request, ctx, "citizen", "grants", actor))


@router.get("/requests/{request_id}")
def consent(request: Request, ctx: ContextDep, actor: at.Citizen, request_id: str, own_key: bool = False) -> Response:
    """The consent screen; a request that was decided leads to the list. `own_key`: the holder brings a key."""
    found = requests.get(ctx, actor, request_id)
    if found.request.state != RequestState.REQUESTED:
        return at.see_other("/citizen/requests")
    return _consent_page(request, ctx, actor, found, frozenset(), None, None, None, key="" if own_key else None)


@router.post("/requests/{request_id}/own-key")
def lay_out_for_key(
    request: Request,
    ctx: ContextDep,
    actor: at.Citizen,
    request_id: str,
    key: Annotated[str, Form(max_length=64)] = "",
    until: Annotated[str, Form(max_length=10)] = "",
    uses: Annotated[str, Form(max_length=6)] = "",
    items: Annotated[list[str] | None, Form(max_length=64)] = None,
) -> Response:
    """Lay the terms out for a key of the holder's own; nothing is given before it has signed them."""
    lang = preferred_language(request)
    found = requests.get(ctx, actor, request_id)
    ticked = frozenset(items or ())
    try:
        approval = _approval(ctx, found, ticked, until, uses, lang)
        draft = drafts.prepare(ctx, actor, request_id, approval, key_address=own_keys.address_of(key, lang))
    except ApiError as error:
        if error.kind is not Kind.INVALID and error.code not in {*REPAIRABLE, "grants.key_used"}:
            raise
        return _consent_page(request, ctx, actor, found, ticked, until, uses, at.said(error, lang), key=key)
    return at.see_other(f"/citizen/drafts/{at.segment(draft.id)}")


@router.post("/requests/{request_id}")
def decide(
    request: Request,
    ctx: ContextDep,
    actor: at.Citizen,
    request_id: str,
    decision: Annotated[Literal["approve", "confirm", "deny"], Form()],
    until: Annotated[str, Form(max_length=10)] = "",
    uses: Annotated[str, Form(max_length=6)] = "",
    items: Annotated[list[str] | None, Form(max_length=64)] = None,
) -> Response:
    """The citizen's answer. A form that is not right comes back as it was filled in, with the reason."""
    if decision == "deny":
        requests.deny(ctx, actor, request_id)
        return at.see_other("/citizen/requests")
    lang = preferred_language(request)
    found = requests.get(ctx, actor, request_id)
    ticked = frozenset(items or ())
    try:
        approval = _approval(ctx, found, ticked, until, uses, lang)
        if decision == "confirm" or not ctx.provider.mints:
            return at.see_other(f"/citizen/drafts/{at.segment(drafts.prepare(ctx, actor, request_id, approval).id)}")
        grant, _receipt = grants.approve(ctx, actor, request_id, approval)
    except ApiError as error:
        if error.kind is not Kind.INVALID and error.code not in REPAIRABLE:
            raise
        return _consent_page(request, ctx, actor, found, ticked, until, uses, at.said(error, lang))
    return at.see_other(f"/citizen/grants/{at.segment(grant.id)}")


def _today(ctx: Context) -> str:
    return datetime.fromtimestamp(at.now_ms(ctx) / 1000, CHINA_STANDARD_TIME).date().isoformat()


def _own_certificates(ctx: Context, actor: Actor) -> list[Certificate]:
    found: list[Certificate] = []
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        page = certificates.list_own(ctx, actor, cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


def _state(one: Certificate, today: str, seen: Seen) -> str:
    if one.status != "current":
        return one.status
    if one.schema.ended(one.values, today):
        return "expired"
    return seen.state


def _seen(one: Certificate, now: Record) -> Seen:
    return now.of(one.anchor_state, one.sealed_at_ms, f"anchor:{one.return_id}:0")


def _valid_until(one: Certificate, lang: Lang) -> str | None:
    name = one.schema.valid_until
    value = one.values.get(name, "") if name else ""
    return at.shown_value(one.schema.field(name), value, lang) if name and value else None


def _card(one: Certificate, today: str, now: Record) -> views.CertificateCard:
    lang, seen = now.lang, _seen(one, now)
    return views.CertificateCard(
        id=one.id,
        type_name=one.schema.label(lang),
        issuer=at.named(one.issuer, lang),
        state=_state(one, today, seen),
        delay=seen.delay,
        valid_until=_valid_until(one, lang),
        tail=one.values.get(one.schema.serial_field, "")[-4:] or None if one.schema.many else None,
    )


def _certificate_page(
    request: Request, ctx: Context, actor: Actor, record_id: str, revealed: frozenset[str]
) -> Response:
    lang = preferred_language(request)
    found = certificates.get_own(ctx, actor, record_id)
    one = found.certificate
    used_by = _used_by(ctx, actor, found, lang)
    now = record(ctx, lang)
    seen = _seen(one, now)
    receipts = {use.receipt.id for use in found.uses}
    looks = [line for line in footprints.list_own(ctx, actor).items if line.receipt.id in receipts]
    view = views.Certificate(
        id=one.id,
        type_name=one.schema.label(lang),
        issuer=at.named(one.issuer, lang),
        state=_state(one, _today(ctx), seen),
        valid_until=_valid_until(one, lang),
        received_at_ms=one.created_at_ms,
        version=one.version,
        old_entry=None if one.origin == "current" else one.shareable,
        elc=one.elc,
        custody=one.issuer.custody if one.issuer else "demo",
        fields=tuple(
            views.FieldLine(
                name=field.name,
                label=field.label(lang),
                value=None
                if field.apart and field.name not in revealed
                else at.shown_value(field, one.values.get(field.name, ""), lang),
                sensitive=field.apart,
                used_by=used_by.get(field.name, ()),
            )
            for field in one.schema.fields
        ),
        claims=asks.claim_lines(one, lang),
        looks=tuple(line_of(ctx, line, now, lang) for line in looks),
        proof=_certificate_proof(found, seen),
        pdf_url=f"/citizen/certificates/{at.segment(one.id)}/original.pdf",
        unsealed=_unsealed(ctx, one.id, lang),
    )
    return respond("citizen/certificate.html", view, at.frame(request, ctx, "citizen", "certificates", actor))


def _used_by(ctx: Context, actor: Actor, found: CertificatePage, lang: Lang) -> dict[str, tuple[str, ...]]:
    """For each field, who took it: by the terms of the grants under which something was delivered."""
    takers: dict[str, list[str]] = {}
    for grant_id in dict.fromkeys(use.receipt.grant_id for use in found.uses if use.receipt.grant_id):
        page = grants.get(ctx, actor, grant_id)
        listed = page.grant.terms["items"]
        assert isinstance(listed, list)
        for one in listed:
            if one["type"] == found.certificate.schema.code:
                takers.setdefault(str(one["field"]), []).append(at.named(page.entity, lang))
    return {name: tuple(dict.fromkeys(names)) for name, names in takers.items()}


def _unsealed(ctx: Context, record_id: str, lang: Lang) -> str | None:
    """Why a certificate that was asked for cannot be saved yet, in words."""
    far = documents.standing(ctx, record_id)
    if far is None or f"seals.{far.state}" not in UNSEALED:
        return None
    return locale.error_text(f"seals.{far.state}", lang, {"sealed": far.sealed, "needed": far.needed})


def _certificate_proof(found: CertificatePage, seen: Seen) -> Proof:
    one = found.certificate
    view = next(version for version in found.versions if version.record.id == one.id)
    facts = (
        ProofFact(name="fingerprint", value="0x" + view.record.leaf_hash.hex()),
        ProofFact(name="root", value="0x" + view.root.hex()),
        ProofFact(name="place", value=f"{view.record.leaf_index + 1} / {view.size}"),
        ProofFact(name="issuer", value="0x" + view.issuer.hex()),
    )
    return Proof(
        state=seen.state,
        delay=seen.delay,
        subject="certificate",
        at_ms=None,
        receipt_number=None,
        facts=facts,
        bundle_url=f"/citizen/certificates/{at.segment(one.id)}/bundle",
    )


def _request_card(one: RequestView, lang: Lang) -> views.RequestCard:
    return views.RequestCard(
        id=one.request.id,
        entity=at.named(one.entity, lang),
        purpose=one.purpose.label(lang),
        asked_at_ms=one.request.created_at_ms,
        lapses_at_ms=one.request.lapses_at_ms,
        fields=len(one.request.items),
    )


def _decided(one: RequestView, lang: Lang) -> views.DecidedRequest:
    row = one.request
    return views.DecidedRequest(
        id=row.id,
        entity=at.named(one.entity, lang),
        purpose=one.purpose.label(lang),
        state=row.state,
        at_ms=row.decided_at_ms or row.lapses_at_ms,
        grant_url=None if one.grant_id is None else f"/citizen/grants/{at.segment(one.grant_id)}",
    )


def _consent_page(
    request: Request,
    ctx: Context,
    actor: Actor,
    found: RequestView,
    ticked: frozenset[str],
    until: str | None,
    uses: str | None,
    error: FormError | None,
    *,
    key: str | None = None,
) -> Response:
    lang = preferred_language(request)
    row, purpose = found.request, found.purpose
    asked = at.items(ctx, lang, row.items)
    held = {one.schema.code for one in _own_certificates(ctx, actor)}
    missing = tuple(one for one in asked if one.key.split("/")[0] not in held)
    today = date.fromisoformat(_today(ctx))
    last = (today + timedelta(days=row.wanted_days)).isoformat()
    pack = ctx.catalogue.packs.get(row.scenario_code or "")
    view = views.Consent(
        id=row.id,
        entity=at.named(found.entity, lang),
        entity_uscc=found.entity.uscc or "—",
        purpose=purpose.label(lang),
        purpose_text=purpose.text(lang),
        scenario=pack.label(lang) if pack else None,
        case_no=row.case_no,
        necessary=tuple(one for one in asked if one.necessary),
        optional=tuple(one for one in asked if not one.necessary and not one.sensitive),
        sensitive=tuple(one for one in asked if not one.necessary and one.sensitive),
        cut=_cut(ctx, lang, row.cut),
        notes=at.notes(ctx, lang, row.cut),
        service_item=asks.service_item(ctx, row.item_no),
        missing=missing,
        ticked=ticked,
        until=until or last,
        until_min=(today + timedelta(days=1)).isoformat(),
        until_max=last,
        until_presets=(*(day for days in (7, 30) if (day := _later(today, days)) < last), last),
        uses=int(uses) if uses and uses.isascii() and uses.isdigit() else row.wanted_uses,
        uses_max=row.wanted_uses,
        keep_days=purpose.data_life_days,
        asked_at_ms=row.created_at_ms,
        lapses_at_ms=row.lapses_at_ms,
        guardian_decides=found.guardian_decides,
        passkeys=ctx.provider.mints and bool(passkeys.list_own(ctx, actor)),
        key=key,
        error=error,
    )
    status = 200 if error is None else int(STATUS[Kind.INVALID])
    return respond("citizen/consent.html", view, at.frame(request, ctx, "citizen", "grants", actor), status)


def _later(day: date, days: int) -> str:
    return (day + timedelta(days=days)).isoformat()


def _cut(ctx: Context, lang: Lang, notes: Iterable[dict[str, object]]) -> tuple[Item, ...]:
    """What was asked for and taken out; notes on days and uses speak of no field."""
    return tuple(at.item(ctx, lang, note) for note in notes if note["reason"] == CutReason.NOT_ALLOWED)


def _approval(ctx: Context, found: RequestView, ticked: frozenset[str], until: str, uses: str, lang: Lang) -> Approval:
    """The form as an approval. Raises `portal.bad_form`."""
    today = date.fromisoformat(_today(ctx))
    labels = translator(lang)
    try:
        days = (date.fromisoformat(until) - today).days
    except ValueError:
        raise ApiError("portal.bad_form", field=labels.gettext("Until")) from None
    if not 1 <= days <= found.request.wanted_days:
        raise ApiError("portal.bad_form", field=labels.gettext("Until"))
    if not (uses.isascii() and uses.isdigit() and 1 <= int(uses) <= found.request.wanted_uses):
        raise ApiError("portal.bad_form", field=labels.gettext("Times at most"))
    pairs = frozenset((type_code, name) for type_code, _, name in (key.partition("/") for key in ticked))
    return Approval(ticked=pairs, days=days, uses=int(uses), language=lang)
