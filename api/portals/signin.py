"""The door: signing in by the identity provider or, in development, as anybody invented; and signing out."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response

from api.errors import ApiError, Kind
from api.http.auth import ROUND_COOKIE, SESSION_COOKIE, ContextDep, allow, keep_round, keep_session, public
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.http.v1.sessions import sign_in
from api.locale import Lang
from api.portals import frame as at
from api.portals.render import local_path, respond, with_query
from api.portals.views import public as views
from api.services import identity, parties
from api.services.context import OPERATORS_SIDE, Actor, Context, Role
from api.services.grants import drafts
from api.services.identity import oidc, rounds
from api.store.queries.holders import HolderKind

router = APIRouter(include_in_schema=False)
Anybody = Annotated[None, public()]
Anyone = Annotated[Actor, allow(*Role)]
RoleName = Literal["citizen", "department", "entity", "regulator", "operator", "security", "auditor"]
PEOPLE_FILE = "identities.json"
OFFICES_FILE = "offices.json"
PEOPLE_SHOWN = 40
# Everything else that goes wrong at the door is a sign-in that was refused.
SHOWN_AS = frozenset({Kind.UNAVAILABLE, Kind.NOT_FOUND})


@router.get("/signin/{role}")
def sign_in_page(
    request: Request,
    ctx: ContextDep,
    _: Anybody,
    role: RoleName,
    following: Annotated[str, Query(alias="next", max_length=512)] = "",
) -> Response:
    """The development identities of a role."""
    return _sign_in_page(request, ctx, role, following or f"/{role}", None)


@router.post("/signin")
def sign_in_as(
    request: Request,
    ctx: ContextDep,
    _: Anybody,
    role: Annotated[RoleName, Form()],
    subject: Annotated[str, Form(max_length=96)] = "",
    number: Annotated[str, Form(max_length=18)] = "",
    name: Annotated[str, Form(max_length=64)] = "",
    staff: Annotated[str, Form(max_length=32)] = "",
    duty: Annotated[Literal["counter"] | None, Form()] = None,
    following: Annotated[str, Form(alias="next", max_length=512)] = "",
) -> Response:
    """Become somebody, through the development provider: loopback only, refused in production."""
    answer = at.see_other(local_path(following or f"/{role}"))
    try:
        claims = _claims(ctx, role, subject, number, name, preferred_language(request))
        if role == "department":
            claims = replace(claims, staff=staff, duty=duty)
        sign_in(ctx, request, answer, claims)
    except ApiError as error:
        return _sign_in_page(request, ctx, role, following, error)
    return answer


@router.post("/signout")
def sign_out(request: Request, ctx: ContextDep, _: Anyone) -> Response:
    """End the session."""
    identity.sign_out(ctx, request.cookies.get(SESSION_COOKIE, ""))
    answer = at.see_other("/")
    answer.delete_cookie(SESSION_COOKIE, path="/")
    return answer


@router.get("/oidc/start")
def begin_round(
    ctx: ContextDep,
    _: Anybody,
    role: Annotated[RoleName, Query()] = "citizen",
    following: Annotated[str, Query(alias="next", max_length=512)] = "",
) -> Response:
    """Go to the identity provider. A link and no form: pages forbid their forms to lead elsewhere."""
    begun = rounds.begin(ctx, {"role": role, "next": local_path(following or f"/{role}")})
    answer = at.see_other(begun.url)
    keep_round(ctx, answer, begun.browser, path=oidc.CALLBACK, cross_site=True)
    return answer


@router.get(oidc.CALLBACK)
def end_round(
    request: Request,
    ctx: ContextDep,
    _: Anybody,
    state: Annotated[str, Query(max_length=128)] = "",
    code: Annotated[str, Query(max_length=4096)] = "",
    issuer: Annotated[str | None, Query(alias="iss", max_length=512)] = None,
    refusal: Annotated[str, Query(alias="error", max_length=128)] = "",
) -> Response:
    """Come back from the identity provider, with a code or without."""
    browser = request.cookies.get(ROUND_COOKIE, "")
    try:
        came = rounds.come_back(ctx, state=state, browser=browser, code=code, issuer=issuer, declined=bool(refusal))
        if "draft" in came.body:
            return _confirmed(request, ctx, drafts.end_round(ctx, came))
        token, signed_in = rounds.sign_in_by(ctx, came)
    except ApiError as error:
        answer = _sign_in_page(request, ctx, "citizen", "", error)
    else:
        role = signed_in.actor.role.value
        following = came.body["next"] if came.body["role"] == role else f"/{role}"
        # A page and no redirect: the browser withholds the session's cookie (SameSite=Strict) on the way that another
        # site began, and the next page would ask to sign in again.
        view = views.SignedIn(next_url=local_path(following))
        answer = respond("public/signed_in.html", view, at.frame(request, ctx, "public", ""))
        keep_session(ctx, request, answer, token)
    answer.delete_cookie(ROUND_COOKIE, path=oidc.CALLBACK)
    return answer


def _confirmed(request: Request, ctx: Context, draft_id: str) -> Response:
    """Back at the terms that were confirmed; a page and no redirect, for the reason above."""
    view = views.SignedIn(next_url=f"/citizen/drafts/{at.segment(draft_id)}", confirmed=True)
    answer = respond("public/signed_in.html", view, at.frame(request, ctx, "public", ""))
    answer.delete_cookie(ROUND_COOKIE, path=oidc.CALLBACK)
    return answer


def development(ctx: Context) -> bool:
    """Whether whoever claims to be somebody is believed."""
    return ctx.settings.identity_provider == "development"


def _people(ctx: Context) -> Sequence[dict[str, str]]:
    """Invented persons and enterprises that the demonstration wrote down: kind, number, name and a word on each."""
    return _listed(ctx, PEOPLE_FILE)[:PEOPLE_SHOWN]


def _listed(ctx: Context, name: str) -> list[dict[str, str]]:
    path = ctx.settings.data_dir / name
    if not development(ctx) or not path.is_file():
        return []
    listed: list[dict[str, str]] = json.loads(path.read_text("utf-8"))
    return listed


def _officers(ctx: Context, role: str, lang: Lang) -> list[views.Identity]:
    """Invented staff of the operator with an office from the beginning; the subject is party and staff number."""
    found = []
    for party in parties.list_public(ctx, Role.OPERATOR.value):
        for one in _listed(ctx, OFFICES_FILE):
            if one["role"] == role:
                subject = f"{party.id}/{one['staff']}" if one["staff"] else party.id
                name = one["en" if lang == "en" else "zh"]
                found.append(views.Identity(subject=subject, name=name, detail=at.named(party, lang)))
    return found


def _sign_in_page(request: Request, ctx: Context, role: RoleName, following: str, error: ApiError | None) -> Response:
    lang = preferred_language(request)
    if role == "citizen":
        found = [
            views.Identity(subject=str(place), name=one["name"], detail=one.get("en" if lang == "en" else "zh", ""))
            for place, one in enumerate(_people(ctx))
        ]
    elif Role(role) in OPERATORS_SIDE:
        found = _officers(ctx, role, lang)
    else:
        found = [
            views.Identity(subject=party.id, name=at.named(party, lang), detail=party.uscc or "")
            for party in parties.list_public(ctx, role)
        ]
    view = views.SignIn(
        role=role,
        identities=tuple(found) if development(ctx) else (),
        next_url=local_path(following or f"/{role}"),
        by_number=role == "citizen" and development(ctx),
        start_url=None if development(ctx) else with_query("/oidc/start", role=role, next=following or None),
        passkey=(ctx.settings.rp_id, ctx.settings.rp_origins[0]) if role == "citizen" else None,
        error=None if error is None else at.said(error, lang),
    )
    status = 200 if error is None else int(STATUS[error.kind if error.kind in SHOWN_AS else Kind.FORBIDDEN])
    return respond("public/signin.html", view, at.frame(request, ctx, "public", ""), status)


def _claims(ctx: Context, role: RoleName, subject: str, number: str, name: str, lang: Lang) -> identity.Claims:
    if role != "citizen":
        party_id, _, staff = subject.partition("/")
        admitted_as = Role.OPERATOR if Role(role) in OPERATORS_SIDE else Role(role)
        party = next((one for one in parties.list_public(ctx, admitted_as.value) if one.id == party_id), None)
        if party is None:
            raise ApiError("portal.no_person")
        return identity.Claims(Role(role), at.named(party, lang), party_id=party.id, staff=staff)
    if number:
        # A credit code has letters, or a digit pair of its own at the front; an identity number is all digits and X.
        kind = HolderKind.PERSON if number[:17].isdigit() and not number.startswith("9") else HolderKind.ENTERPRISE
        return identity.Claims(Role.CITIZEN, name.strip() or number[-4:], kind, number.upper())
    people = _people(ctx)
    if not (subject.isascii() and subject.isdigit() and int(subject) < len(people)):
        raise ApiError("portal.no_person")
    one = people[int(subject)]
    return identity.Claims(Role.CITIZEN, one["name"], HolderKind(one["kind"]), one["number"])
