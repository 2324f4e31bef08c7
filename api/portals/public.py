"""Pages for everybody: the first page, checking a proof, the public log, help; and choices of reading."""

import hashlib
import time
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, Response, UploadFile

from api.catalogue.model import TypeSchema
from api.errors import ApiError, Kind
from api.http.auth import ContextDep, public
from api.http.errors import STATUS
from api.http.forms import download
from api.http.language import COOKIE as LANGUAGE_COOKIE
from api.http.language import preferred_language
from api.locale import LANGUAGES, Lang
from api.portals import frame as at
from api.portals.recorded import record, witness_lines
from api.portals.render import ELDER_COOKIE, local_path, respond
from api.portals.views import counter as counter_views
from api.portals.views import public as views
from api.portals.views.common import FormError
from api.services import log, slips
from api.services.context import Context
from chain.bundle import Bundle, parse_bundle
from chain.errors import FormatError
from chain.texts import Lang as ChainLang
from chain.texts import text
from chain.trustfile import parse_trust_file
from chain.verdict import Aspect, Verdict

router = APIRouter(include_in_schema=False)
Anybody = Annotated[None, public()]
REMEMBER_S = 365 * 24 * 3600
TRUST_FILE = "trust.json"
NOT_CLAIMED = "chain.verify.not_claimed"
NO_WITNESSES = "chain.verify.no_witnesses"


@router.get("/")
def landing(request: Request, ctx: ContextDep, _: Anybody) -> Response:
    """The door."""
    view = views.Landing(development=_development(ctx))
    return respond("public/landing.html", view, at.frame(request, ctx, "public", ""))


@router.post("/preferences")
def preferences(
    request: Request,
    _: Anybody,
    following: Annotated[str, Form(alias="next", max_length=512)] = "/",
    lang: Annotated[str, Form(max_length=8)] = "",
    elder: Annotated[str, Form(max_length=1)] = "",
) -> Response:
    """Remember language or text size on this device. It concerns nobody's data, so it asks for no session."""
    answer = at.see_other(local_path(following))
    chosen: list[tuple[str, str]] = [(LANGUAGE_COOKIE, lang)] if lang in LANGUAGES else []
    chosen += [(ELDER_COOKIE, elder)] if elder in {"0", "1"} else []
    for key, value in chosen:
        secure = request.url.scheme == "https"
        answer.set_cookie(key, value, max_age=REMEMBER_S, path="/", samesite="lax", httponly=True, secure=secure)
    return answer


@router.get("/verify")
def verify_page(request: Request, ctx: ContextDep, _: Anybody) -> Response:
    """Where a proof is checked."""
    return _verify_page(request, ctx, None, None, None)


@router.get("/v/{record_id}")
def scanned(request: Request, ctx: ContextDep, _: Anybody, record_id: str) -> Response:
    """Where the code on a certificate or on a receipt of a window leads: what it tells and what it does not."""
    if record_id.startswith("visit_"):
        return _slip_page(request, ctx, record_id)
    return _verify_page(request, ctx, None, record_id[:64], None)


@router.post("/verify")
def verify_bundle(request: Request, ctx: ContextDep, _: Anybody, bundle: Annotated[UploadFile, File()]) -> Response:
    """Check a proof file against the chain and the trust file; it is not kept."""
    lang = preferred_language(request)
    try:
        parsed = parse_bundle(bundle.file.read())
    except FormatError:
        return _verify_page(request, ctx, None, None, at.said(ApiError("portal.no_bundle"), lang))
    trust = parse_trust_file(_trust(ctx))
    judge = request.app.state.judge
    verdict: Verdict = judge(parsed, trust, int(time.time()))
    return _verify_page(request, ctx, (verdict, parsed), None, None)


@router.get("/trust.json")
def trust_file(ctx: ContextDep, _: Anybody) -> Response:
    """The trust file, for convenience: whoever checks in earnest obtains it elsewhere."""
    return download(_trust(ctx), "application/json", TRUST_FILE)


@router.get("/log")
def public_log(request: Request, ctx: ContextDep, _: Anybody) -> Response:
    """The log's newest heads."""
    seen, now = log.health(ctx), record(ctx, preferred_language(request))
    heads = {head.size: head for head in (seen.anchored, seen.newest) if head is not None}
    view = views.Log(
        log_id=seen.log_id,
        size=seen.size.numbered,
        checkpoints=tuple(
            views.CheckpointLine(
                size=head.size,
                root="0x" + head.root.hex(),
                at_ms=head.created_at_ms,
                state=mark.state,
                delay=mark.delay,
            )
            for head in sorted(heads.values(), key=lambda one: one.size, reverse=True)
            for mark in (now.of_head(head),)
        ),
        witnesses=witness_lines(seen),
        trust_url="/trust.json",
        trust_sha256=_trust_sha256(ctx),
    )
    return respond("public/log.html", view, at.frame(request, ctx, "public", "log"))


@router.get("/help")
def help_page(request: Request, ctx: ContextDep, _: Anybody) -> Response:
    """Help in both languages."""
    return respond("public/help.html", None, at.frame(request, ctx, "public", "help"))


def _development(ctx: Context) -> bool:
    return ctx.settings.identity_provider == "development"


def _trust(ctx: Context) -> bytes:
    path = ctx.settings.data_dir / TRUST_FILE
    if not path.is_file():
        raise ApiError("http.not_ready", Kind.UNAVAILABLE)
    return path.read_bytes()


def _trust_sha256(ctx: Context) -> str:
    return hashlib.sha256(_trust(ctx)).hexdigest()


def _slip_page(request: Request, ctx: Context, visit_id: str) -> Response:
    found = slips.public(ctx, visit_id)
    view = counter_views.Slip(office=None)
    if found is not None:
        view = counter_views.Slip(
            office=at.named(found.office, preferred_language(request)),
            opened_at_ms=found.opened_at_ms,
            approved=found.approved,
            denied=found.denied,
            revoked=found.revoked,
            in_force=found.in_force,
        )
    return respond("public/slip.html", view, at.frame(request, ctx, "public", "verify"))


def _verify_page(
    request: Request,
    ctx: Context,
    judged: tuple[Verdict, Bundle] | None,
    record_id: str | None,
    error: FormError | None,
) -> Response:
    lang = preferred_language(request)
    words: ChainLang = "en" if lang == "en" else "zh"
    verdict = None if judged is None else judged[0]
    view = views.Verify(
        overall=None if verdict is None else verdict.state.value,
        aspects=() if verdict is None else tuple(_aspect(verdict, aspect, words) for aspect in Aspect),
        checks=() if verdict is None else _checks(verdict, words),
        disclosed=() if judged is None else _disclosed(ctx, judged[1], lang),
        notes=() if verdict is None else tuple(text("notes", note.code, words, note.facts) for note in verdict.notes),
        trust_sha256=_trust_sha256(ctx),
        max_bytes=ctx.settings.max_body_bytes,
        record_id=record_id,
        error=error,
    )
    status = 200 if error is None else int(STATUS[Kind.INVALID])
    return respond("public/verify.html", view, at.frame(request, ctx, "public", "verify"), status)


def _aspect(verdict: Verdict, aspect: Aspect, words: ChainLang) -> views.Aspect:
    found = verdict.aspect(aspect)
    # The verifier lets stand what a file does not claim; to a person, silence is not a yes.
    if all(one.code == NOT_CLAIMED for one in verdict.findings if one.aspect is aspect):
        return views.Aspect(name=aspect.value, verdict="NOT_CLAIMED", text="")
    told = "" if found.state.value == "VALID" else text("findings", found.code, words, found.facts)
    return views.Aspect(name=aspect.value, verdict=found.state.value, text=told)


def _checks(verdict: Verdict, words: ChainLang) -> tuple[views.Check, ...]:
    return tuple(
        views.Check(
            number=found.step,
            name=text("steps", str(found.step), words),
            state="NOT_CLAIMED" if found.code in {NOT_CLAIMED, NO_WITNESSES} else found.state.value,
            detail=""
            if found.code in {"chain.verify.ok", NOT_CLAIMED}
            else text("findings", found.code, words, found.facts),
        )
        for found in verdict.findings
    )


def _disclosed(ctx: Context, bundle: Bundle, lang: Lang) -> tuple[views.Disclosed, ...]:
    """Values that the bundle discloses, as the catalogue names and writes them."""
    found = []
    for certificate in bundle.certificates:
        schema: TypeSchema | None = ctx.catalogue.types.get(certificate.leaf.type_code)
        for name, disclosed in certificate.disclosed.items():
            known = schema is not None and schema.has_field(name)
            field = schema.field(name) if schema is not None and known else None
            found.append(
                views.Disclosed(
                    label=field.label(lang) if field else name,
                    value=at.shown_value(field, disclosed.value, lang) if field else disclosed.value,
                )
            )
    return tuple(found)
