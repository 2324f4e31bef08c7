"""Signing in at the identity provider: a round that begins here, goes there, and comes back once.

What protects it: `state` and a cookie tie the answer to the browser that began (nobody can be signed in as somebody
else behind their back); the row is gone with its first use; nonce and PKCE tie token and code to the round. Whoever
comes back gets a session of a new number, whatever the browser held before.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.errors import ApiError, Kind
from api.services.context import Context, Role
from api.services.identity.oidc import OidcProvider, Tokens
from api.services.identity.sessions import Claims, SignedIn, canonical_number, sign_in
from api.settings import Settings
from api.store.database import read_only, unit_of_work
from api.store.queries import credentials, holders
from api.store.queries.holders import HolderKind

ROUND_MS = 10 * 60_000
SECRET_BYTES = 32
NAME_MAX = 64


@dataclass(frozen=True, slots=True)
class Begun:
    """A round that began: where to send the browser, and what its cookie must bring back."""

    url: str
    browser: str


@dataclass(frozen=True, slots=True)
class Came:
    """Who came back: the tokens, the round's `nonce`, and what the round was begun with."""

    tokens: Tokens
    nonce: str
    body: Mapping[str, str]


def oidc(ctx: Context) -> OidcProvider:
    """The provider that rounds are made with; `auth.oidc_off` where another signs people in."""
    if not isinstance(ctx.provider, OidcProvider):
        raise ApiError("auth.oidc_off", Kind.NOT_FOUND)
    return ctx.provider


def begin(ctx: Context, body: Mapping[str, str], *, nonce: str | None = None) -> Begun:
    """Begin a round. With `nonce` (the terms of a grant) the person must sign in afresh."""
    provider = oidc(ctx)
    state, browser, verifier = (secrets.token_urlsafe(SECRET_BYTES) for _ in range(3))
    chosen = nonce or secrets.token_urlsafe(SECRET_BYTES)
    url = provider.begin(state=state, nonce=chosen, verifier=verifier, fresh=nonce is not None)
    with unit_of_work(ctx.db) as session:
        credentials.put_sign_in(
            session,
            ctx.vault,
            state=state,
            browser=browser,
            body={**body, "nonce": chosen, "verifier": verifier},
            life_ms=ROUND_MS,
        )
    return Begun(url, browser)


def come_back(ctx: Context, *, state: str, browser: str, code: str, issuer: str | None, declined: bool) -> Came:
    """Take the provider's answer, once.

    Raises `auth.oidc_state` (no such round in this browser, used before, or run out), `auth.oidc_issuer` (another
    provider answers, RFC 9207), `auth.oidc_declined`, and what `OidcProvider.exchange` raises.
    """
    provider = oidc(ctx)
    with unit_of_work(ctx.db) as session:
        body = credentials.take_sign_in(session, ctx.vault, state, browser)
    if body is None:
        raise ApiError("auth.oidc_state", Kind.FORBIDDEN)
    if issuer != provider.issuer and (issuer is not None or provider.metadata().names_issuer):
        raise ApiError("auth.oidc_issuer", Kind.FORBIDDEN)
    if declined or not code:
        raise ApiError("auth.oidc_declined", Kind.FORBIDDEN)
    tokens = provider.exchange(code, body.pop("verifier"))
    return Came(tokens, body.pop("nonce"), body)


def sign_in_by(ctx: Context, came: Came) -> tuple[str, SignedIn]:
    """Open a session for whoever the provider says came back.

    Raises `auth.oidc_…`, `auth.claims` and `catalogue.…` for claims that cannot be true, `auth.unknown_party`, and
    `auth.subject_changed` where the provider called another holder by that name before.
    """
    provider = oidc(ctx)
    said = provider.claims(came.tokens, came.nonce)
    subject = str(said["sub"])
    names = ctx.settings
    if names.oidc_claim_number not in said and names.oidc_claim_party not in said:
        said = provider.user_info(came.tokens, subject) | said
    claims = _claims(names, said)
    if claims.role is Role.CITIZEN:
        _same_holder(ctx, provider.issuer, subject, claims)
    return sign_in(ctx, claims)


def holder_of(ctx: Context, subject: str) -> str | None:
    """The holder whom the provider calls by that name, known from signing in."""
    with read_only(ctx.db) as session:
        return credentials.holder_of_subject(session, credentials.subject_index(ctx.vault, oidc(ctx).issuer, subject))


def _same_holder(ctx: Context, issuer: str, subject: str, claims: Claims) -> None:
    assert claims.kind is not None
    number = canonical_number(ctx.settings, claims.kind, claims.number)
    with unit_of_work(ctx.db) as session:
        (ref,) = holders.find_or_create_holders(session, ctx.vault, [(claims.kind, number)])
        index = credentials.subject_index(ctx.vault, issuer, subject)
        if not credentials.note_subject(session, ctx.vault, index, ref.id):
            raise ApiError("auth.subject_changed", Kind.FORBIDDEN)


def _claims(settings: Settings, said: Mapping[str, Any]) -> Claims:
    """The provider's claims by the names of the settings; who has no role is a citizen, without a kind a person."""

    def text(name: str, default: str = "", limit: int = NAME_MAX) -> str:
        value = said.get(name, default)
        if not isinstance(value, str) or len(value) > limit:
            raise ApiError("auth.claims", Kind.FORBIDDEN)
        return value

    try:
        role = Role(text(settings.oidc_claim_role, Role.CITIZEN.value))
        name = text(settings.oidc_claim_name)
        if role is not Role.CITIZEN:
            return Claims(
                role,
                name,
                party_id=text(settings.oidc_claim_party),
                staff=text(settings.oidc_claim_staff),
                duty=text(settings.oidc_claim_duty) or None,
            )
        kind = HolderKind(text(settings.oidc_claim_kind, HolderKind.PERSON.value))
        number = text(settings.oidc_claim_number, limit=18)
    except ValueError:
        raise ApiError("auth.claims", Kind.FORBIDDEN) from None
    if not number:
        raise ApiError("auth.claims", Kind.FORBIDDEN)
    return Claims(role, name, kind, number)
