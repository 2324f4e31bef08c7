"""Pages of an entity: ask in three steps, see the answers, take marked copies, and the same by interface.

The ID number travels from step to step in the forms' bodies; it never stands in an address.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from api.catalogue.canonical import Limits, id_number_form, uscc_form
from api.catalogue.model import Allowance, HolderKind, Purpose, ScenarioPack, ServiceItem
from api.errors import ApiError, Kind
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.forms import download
from api.http.language import preferred_language
from api.http.signatures import COVERED, LABEL, TAG
from api.http.v1.grants import delivered
from api.locale import Lang, translator
from api.policy.requests import AskedItem, CutReason
from api.policy.states import GrantState
from api.portals import frame as at
from api.portals.lives import life
from api.portals.recorded import record
from api.portals.render import respond
from api.portals.views import entity as views
from api.portals.views.common import Choice, FormError, Item
from api.portals.wording import FORMAT_HINTS, FORMATS
from api.services import grants, parties, pulls, receipting, requests, statutory
from api.services.context import Actor, Context
from api.services.grants import GrantPage
from api.services.requests import NewRequest, RequestView
from api.settings import Environment
from api.store.queries.holders import HolderKind as StoredKind

router = APIRouter(prefix="/entity", include_in_schema=False)
Number = Annotated[str, Form(max_length=32)]
Code = Annotated[str, Form(max_length=64)]
Ticked = Annotated[list[str] | None, Form(max_length=64)]
ItemQuery = Annotated[str, Query(max_length=6)]
ItemField = Annotated[str, Form(max_length=6)]


@router.get("")
def home(request: Request, ctx: ContextDep, actor: at.Clerk, item: ItemQuery = "") -> Response:
    """The scenarios under the purposes for which the organisation is registered; for a service item, where one is."""
    lang = preferred_language(request)
    allowed = {purpose.code for purpose in requests.purposes_of(ctx, actor)}
    packs = [pack for pack in ctx.catalogue.packs.values() if pack.purpose in allowed]
    chosen = _service_item(ctx, item)
    view = views.Home(
        scenarios=tuple(_scenario(ctx, pack, lang, chosen) for pack in packs),
        item_no="" if chosen is None else str(chosen.number),
        item_name="" if chosen is None else chosen.name,
        queries=bool(statutory.bases_of(ctx, actor)),
    )
    return respond("entity/home.html", view, at.frame(request, ctx, "entity", "home", actor))


@router.get("/requests/new")
def whom(
    request: Request,
    ctx: ContextDep,
    actor: at.Clerk,
    scenario: Annotated[str, Query(max_length=64)],
    item: ItemQuery = "",
) -> Response:
    """Step 1: whom."""
    return _whom(request, ctx, actor, _start(ctx, scenario, item), "", None)


@router.post("/requests/fields")
def what(
    request: Request, ctx: ContextDep, actor: at.Clerk, scenario: Code, number: Number = "", item: ItemField = ""
) -> Response:
    """Step 2: which fields. A malformed number comes back at once, whether or not anybody has it."""
    lang = preferred_language(request)
    start = _start(ctx, scenario, item)
    try:
        number = _checked_number(ctx, start.pack, number, lang)
    except ApiError as error:
        return _whom(request, ctx, actor, start, number, at.said(error, lang, "number"))
    # A service item needs what it needs: nothing that may be refused is ticked for it.
    chosen = frozenset(f"{one.type_code}/{one.field}" for one in start.pack.items if one.necessary or not start.filled)
    return _what(request, ctx, actor, start, number, chosen, None)


@router.post("/requests/terms")
def terms(
    request: Request,
    ctx: ContextDep,
    actor: at.Clerk,
    scenario: Code,
    number: Number,
    items: Ticked = None,
    item: ItemField = "",
) -> Response:
    """Step 3: terms."""
    start = _start(ctx, scenario, item)
    pack = start.pack
    ticked = frozenset(items or ())
    if not _allowed(ctx, pack, ticked):
        error = at.said(ApiError("portal.no_field"), preferred_language(request))
        return _what(request, ctx, actor, start, number, frozenset(), error)
    return _terms(request, ctx, actor, start, number, ticked, ("", str(pack.days), str(pack.uses)), None)


@router.post("/requests/send")
def send(
    request: Request,
    ctx: ContextDep,
    actor: at.Clerk,
    scenario: Code,
    number: Number,
    items: Ticked = None,
    case_no: Annotated[str, Form(max_length=64)] = "",
    days: Annotated[str, Form(max_length=5)] = "",
    uses: Annotated[str, Form(max_length=5)] = "",
    item: ItemField = "",
) -> Response:
    """Send the request. What is not right comes back as it was filled in, with the reason."""
    lang = preferred_language(request)
    start = _start(ctx, scenario, item)
    pack = start.pack
    ticked = frozenset(items or ())
    purpose = ctx.catalogue.purpose(pack.purpose)
    try:
        new = NewRequest(
            holder_kind=StoredKind(_kind(purpose)),
            number=_checked_number(ctx, pack, number, lang),
            purpose=purpose.code,
            items=[AskedItem(one.type_code, one.field, one.necessary) for one in _allowed(ctx, pack, ticked)],
            case_no=case_no.strip() or None,
            days=_whole(days, purpose.max_days, translator(lang).gettext("For how many days")),
            uses=_whole(uses, purpose.max_uses, translator(lang).gettext("How many times")),
            scenario=pack.code,
            item_no=None if start.item is None else start.item.number,
        )
        requests.create(ctx, actor, new)
    except ApiError as error:
        if error.kind is not Kind.INVALID:
            raise
        filled = (case_no, days, uses)
        return _terms(request, ctx, actor, start, number, ticked, filled, at.said(error, lang))
    return at.see_other("/entity/requests?sent=1")


@router.get("/requests")
def list_requests(
    request: Request, ctx: ContextDep, actor: at.Clerk, sent: bool = False, cursor: at.Cursor = None
) -> Response:
    """All requests, newest first."""
    lang = preferred_language(request)
    page = requests.list_own(ctx, actor, cursor)
    view = views.Requests(
        requests=tuple(_request_line(ctx, one, lang) for one in page.items),
        just_sent=sent,
        pager=at.older("/entity/requests", page.next_cursor, cursor=cursor),
    )
    return respond("entity/requests.html", view, at.frame(request, ctx, "entity", "requests", actor))


@router.get("/grants")
def list_grants(request: Request, ctx: ContextDep, actor: at.Clerk, cursor: at.Cursor = None) -> Response:
    """All consents received, newest first."""
    lang = preferred_language(request)
    page = grants.list_to_entity(ctx, actor, cursor)
    now = at.now_ms(ctx)
    view = views.Grants(
        grants=tuple(_grant_line(ctx, one, now, lang) for one in page.items),
        pager=at.older("/entity/grants", page.next_cursor, cursor=cursor),
    )
    return respond("entity/grants.html", view, at.frame(request, ctx, "entity", "grants", actor))


@router.get("/grants/{grant_id}")
def grant(request: Request, ctx: ContextDep, actor: at.Clerk, grant_id: str) -> Response:
    """One consent: its fields, its end, its copies, and taking a copy."""
    return _grant_page(request, ctx, actor, grant_id, None, 200)


@router.post("/grants/{grant_id}/pulls")
def pull(
    request: Request,
    ctx: ContextDep,
    actor: at.Clerk,
    grant_id: str,
    media_type: Annotated[str, Form(alias="format", max_length=128)],
) -> Response:
    """Take a marked copy. Evidence is the session; a machine's signed request is stronger and takes the same way."""
    try:
        return delivered(pulls.pull(ctx, actor, grant_id, media_type))
    except ApiError as error:
        if error.kind is Kind.NOT_FOUND:
            raise
        reason = at.said(error, preferred_language(request))
        return _grant_page(request, ctx, actor, grant_id, reason, int(STATUS[error.kind]))


@router.get("/receipts/{receipt_id}/bundle")
def bundle(ctx: ContextDep, actor: at.Clerk, receipt_id: str) -> Response:
    """The proof file of a delivery."""
    return download(receipting.bundle(ctx, actor, receipt_id).to_bytes(), at.BUNDLE, f"{receipt_id}.bundle.json")


@router.get("/keys")
def keys(request: Request, ctx: ContextDep, actor: at.Clerk) -> Response:
    """The registered key, and how a signed request looks."""
    party = parties.own(ctx, actor)
    kind = None if party.http_key is None else str(party.http_key.get("crv") or party.http_key.get("kty"))
    view = views.Keys(
        name=at.named(party, preferred_language(request)),
        uscc=party.uscc,
        party_id=party.id,
        thumbprint=party.http_key_thumbprint,
        algorithm=kind,
        sample=_sample(ctx, "grant_…", party.http_key_thumbprint),
    )
    return respond("entity/keys.html", view, at.frame(request, ctx, "entity", "keys", actor))


@dataclass(frozen=True, slots=True)
class _Start:
    """What a request begins with: a ready-made ask, and the service item that it is for, where it is for one."""

    pack: ScenarioPack
    item: ServiceItem | None

    @property
    def filled(self) -> bool:
        """Whether the item itself says what it needs."""
        return self.item is not None and self.item.pack == self.pack.code


def _start(ctx: Context, scenario: str, item: str) -> _Start:
    """Raises `catalogue.unknown_pack`; an item that nobody knows is none."""
    return _Start(ctx.catalogue.pack(scenario), _service_item(ctx, item))


def _service_item(ctx: Context, number: str) -> ServiceItem | None:
    return requests.service_item(ctx, int(number)) if number.isascii() and number.isdigit() else None


def _kind(purpose: Purpose) -> str:
    """Whom a purpose asks: persons where it may, else enterprises."""
    return HolderKind.PERSON.value if HolderKind.PERSON in purpose.holder_kinds else HolderKind.ENTERPRISE.value


def _checked_number(ctx: Context, pack: ScenarioPack, number: str, lang: Lang) -> str:
    """The number in its canonical form. Raises `catalogue.…` for one that cannot be anybody's."""
    labels = translator(lang)
    if _kind(ctx.catalogue.purpose(pack.purpose)) == HolderKind.PERSON:
        form = id_number_form(labels.gettext("Resident identity number"), Limits())
    else:
        form = uscc_form(labels.gettext("Unified social credit code"), Limits())
    return form(number, ctx.settings.environment is Environment.DEVELOPMENT)


def _allowed(ctx: Context, pack: ScenarioPack, ticked: frozenset[str]) -> list[Allowance]:
    """What was ticked, as far as the purpose allows it at all, in the purpose's order."""
    allowances = ctx.catalogue.purpose(pack.purpose).allowances
    return [one for one in allowances if f"{one.type_code}/{one.field}" in ticked]


def _whole(text: str, limit: int, name: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= limit):
        raise ApiError("portal.bad_form", field=name)
    return int(text)


def _scenario(ctx: Context, pack: ScenarioPack, lang: Lang, item: ServiceItem | None = None) -> views.Scenario:
    def labels(*, necessary: bool) -> tuple[str, ...]:
        chosen = (one for one in pack.items if one.necessary is necessary)
        return tuple(ctx.catalogue.type(one.type_code).field(one.field).label(lang) for one in chosen)

    return views.Scenario(
        code=pack.code,
        name=pack.label(lang),
        purpose=ctx.catalogue.purpose(pack.purpose).label(lang),
        necessary=labels(necessary=True),
        optional=labels(necessary=False),
        item_no="" if item is None else str(item.number),
        item_name="" if item is None else item.name,
        filled=item is not None and item.pack == pack.code,
    )


def _items(ctx: Context, allowances: list[Allowance], lang: Lang) -> tuple[Item, ...]:
    found = []
    for one in allowances:
        schema = ctx.catalogue.type(one.type_code)
        field = schema.field(one.field)
        found.append(
            Item(
                key=f"{one.type_code}/{one.field}",
                label=field.label(lang),
                type_name=schema.label(lang),
                sensitive=field.apart,
                necessary=one.necessary,
                secret=field.trade_secret,
            )
        )
    return tuple(found)


def _whom(
    request: Request, ctx: Context, actor: Actor, start: _Start, number: str, error: FormError | None
) -> Response:
    view = views.WhoStep(
        scenario=_scenario(ctx, start.pack, preferred_language(request), start.item),
        kind=_kind(ctx.catalogue.purpose(start.pack.purpose)),
        number=number,
        error=error,
    )
    return respond("entity/who.html", view, at.frame(request, ctx, "entity", "home", actor), _status(error))


def _what(
    request: Request,
    ctx: Context,
    actor: Actor,
    start: _Start,
    number: str,
    ticked: frozenset[str],
    error: FormError | None,
) -> Response:
    lang = preferred_language(request)
    purpose = ctx.catalogue.purpose(start.pack.purpose)
    view = views.WhatStep(
        scenario=_scenario(ctx, start.pack, lang, start.item),
        number=number,
        items=_items(ctx, list(purpose.allowances), lang),
        ticked=ticked,
        error=error,
    )
    return respond("entity/what.html", view, at.frame(request, ctx, "entity", "home", actor), _status(error))


def _terms(
    request: Request,
    ctx: Context,
    actor: Actor,
    start: _Start,
    number: str,
    ticked: frozenset[str],
    filled: tuple[str, str, str],
    error: FormError | None,
) -> Response:
    lang = preferred_language(request)
    purpose = ctx.catalogue.purpose(start.pack.purpose)
    case_no, days, uses = filled
    view = views.TermsStep(
        scenario=_scenario(ctx, start.pack, lang, start.item),
        number=number,
        items=_items(ctx, _allowed(ctx, start.pack, ticked), lang),
        case_no=case_no,
        case_required=purpose.case_required,
        days=days,
        days_max=purpose.max_days,
        uses=uses,
        uses_max=purpose.max_uses,
        error=error,
    )
    return respond("entity/terms.html", view, at.frame(request, ctx, "entity", "home", actor), _status(error))


def _status(error: FormError | None) -> int:
    return 200 if error is None else int(STATUS[Kind.INVALID])


def _request_line(ctx: Context, one: RequestView, lang: Lang) -> views.RequestLine:
    row = one.request
    cut = [at.item(ctx, lang, note).label for note in row.cut if note["reason"] == CutReason.NOT_ALLOWED]
    removed = translator(lang).gettext("Removed, as the purpose does not need it: %(fields)s.")
    return views.RequestLine(
        id=row.id,
        purpose=one.purpose.label(lang),
        case_no=row.case_no,
        state=row.state,
        asked_at_ms=row.created_at_ms,
        lapses_at_ms=row.lapses_at_ms,
        fields=len(row.items),
        grant_url=None if one.grant_id is None else f"/entity/grants/{at.segment(one.grant_id)}",
        notes=(
            *((removed % {"fields": translator(lang).gettext(", ").join(cut)},) if cut else ()),
            *at.notes(ctx, lang, row.cut),
        ),
    )


def _case_no(page: GrantPage) -> str | None:
    case_no = page.grant.terms["case_no"]
    return None if case_no is None else str(case_no)


def _grant_line(ctx: Context, page: GrantPage, now: int, lang: Lang) -> views.GrantLine:
    row = page.grant
    return views.GrantLine(
        id=row.id,
        purpose=at.purpose_of(ctx, row.terms, lang),
        case_no=_case_no(page),
        state=grants.shown_state(row, now).value,
        fields=len(pulls.granted(row)),
        until_ms=row.not_after_ms,
        uses=row.use_count,
        max_uses=row.max_uses,
    )


def _grant_page(
    request: Request, ctx: Context, actor: Actor, grant_id: str, error: FormError | None, status: int
) -> Response:
    lang = preferred_language(request)
    page = grants.get(ctx, actor, grant_id)
    row = page.grant
    state = grants.shown_state(row, at.now_ms(ctx))
    media_types = {copy.id: copy.media_type for copy in page.copies}
    party = parties.own(ctx, actor)
    view = views.Grant(
        id=row.id,
        purpose=at.purpose_of(ctx, row.terms, lang),
        case_no=_case_no(page),
        state=state.value,
        items=at.items(ctx, lang, row.terms["items"]),
        from_ms=row.not_before_ms,
        until_ms=row.not_after_ms,
        ended_at_ms=row.ended_at_ms,
        uses=row.use_count,
        max_uses=row.max_uses,
        keep_days=int(str(row.terms["data_life_days"])),
        formats=tuple(
            Choice(value=name, label=FORMATS[name], hint=translator(lang).gettext(FORMAT_HINTS[name]))
            for name in (pulls.PDF, pulls.XLSX, pulls.CSV, pulls.JSON)
        ),
        deliveries=at.deliveries(page.receipts, media_types, record(ctx, lang), "/entity/receipts"),
        can_pull=state is GrantState.ACTIVE and not row.frozen,
        sample=_sample(ctx, row.id, party.http_key_thumbprint),
        error=error,
        life=life(ctx, page, "entity", lang),
    )
    return respond("entity/grant.html", view, at.frame(request, ctx, "entity", "grants", actor), status)


def _sample(ctx: Context, grant_id: str, thumbprint: str | None) -> str:
    """A signed pull as it goes over the wire; what changes with every request is shown as an ellipsis."""
    target = f"{ctx.settings.base_url}/v1/grants/{grant_id}/pulls"
    covered = " ".join(f'"{name}"' for name in COVERED)
    return "\n".join(
        [
            f"POST {target}",
            "Content-Type: application/json",
            "Accept: application/json",
            "Idempotency-Key: …",
            "Content-Digest: sha-256=:…:",
            f'Signature-Input: {LABEL}=({covered});created=…;nonce="…";keyid="{thumbprint or "…"}";tag="{TAG}"',
            f"Signature: {LABEL}=:…:",
            "",
            "{}",
        ]
    )
