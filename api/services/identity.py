"""Who somebody is: the development identity provider, sessions of people, keys and nonces of machines."""

import time
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from api.catalogue.canonical import Limits, id_number_form, uscc_form
from api.errors import ApiError, Kind
from api.services.context import Actor, Context, Role
from api.settings import Environment, Settings
from api.store import Session, clock
from api.store.database import read_only, unit_of_work
from api.store.queries import holders, parties, sessions
from api.store.queries.holders import HolderKind

TOKEN_LIFE_S = 300
# The same whatever port the service got: a proof made today must hold after a restart on another one.
DEVELOPMENT_ISSUER = "urn:mydata:development-provider"


class DevelopmentProvider:
    """Vouches for whoever claims to be somebody. Loopback and development only: settings refuse it in production."""

    def __init__(self, settings: Settings, key: bytes) -> None:
        if settings.environment is Environment.PRODUCTION or settings.identity_provider != "development":
            raise ApiError("auth.dev_provider_refused", Kind.FORBIDDEN)
        self.issuer = DEVELOPMENT_ISSUER
        private = ec.derive_private_key(int.from_bytes(key, "big"), ec.SECP256R1())
        self._key = ECKey.import_key(private)

    def public_jwk(self) -> dict[str, str]:
        """P-256 public key as a JWK (RFC 7517)."""
        return {name: str(value) for name, value in self._key.as_dict(private=False).items()}

    def token(self, subject: str, nonce: str) -> str:
        """An ID token in OIDC's form (RS: iss, sub, aud, nonce, iat, exp), ES256."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": subject,
            "aud": "mydata",
            "nonce": nonce,
            "iat": now,
            "exp": now + TOKEN_LIFE_S,
        }
        return jwt.encode({"alg": "ES256"}, claims, self._key)


@dataclass(frozen=True, slots=True)
class Claims:
    """What the provider says of somebody: a holder by kind and number, or staff by party."""

    role: Role
    name: str
    kind: HolderKind | None = None
    number: str = ""
    party_id: str | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A live session. `display` is the name for the page's corner, `csrf` the token that changes must carry."""

    actor: Actor
    display: str
    csrf: str


@dataclass(frozen=True, slots=True)
class MachineParty:
    """The party behind a registered HTTP key."""

    id: str
    http_key: dict[str, str]
    active: bool


_FORMS = {HolderKind.PERSON: id_number_form("number", Limits()), HolderKind.ENTERPRISE: uscc_form("number", Limits())}


def canonical_number(settings: Settings, kind: HolderKind, number: str) -> str:
    """A holder's number in the one spelling under which holders are found; the demo region outside production only.

    Raises `catalogue.…` for a malformed number, check digit included.
    """
    return _FORMS[kind](number, settings.environment is Environment.DEVELOPMENT)


def sign_in(ctx: Context, claims: Claims) -> tuple[str, SignedIn]:
    """Open a session; gives the cookie's value, of which only the hash is kept.

    Raises `auth.claims`, `catalogue.…` for a malformed number, and `auth.unknown_party` for staff of no active party.
    """
    with unit_of_work(ctx.db) as session:
        if claims.role is Role.CITIZEN:
            if claims.kind is None or not claims.number:
                raise ApiError("auth.claims")
            number = canonical_number(ctx.settings, claims.kind, claims.number)
            (ref,) = holders.find_or_create_holders(session, ctx.vault, [(claims.kind, number)])
            if claims.name and not holders.profile(session, ref.key):
                holders.set_profile(session, ref.key, {"name": claims.name, "number": number})
            actor = Actor(claims.role, ctx.pairwise(ref.id, "session"), holder_id=ref.id)
        else:
            party = parties.get_party(session, claims.party_id or "")
            if party is None or party.role != claims.role.value or party.status != parties.PartyStatus.ACTIVE:
                raise ApiError("auth.unknown_party", Kind.FORBIDDEN)
            actor = Actor(claims.role, f"staff:{party.id}", party_id=party.id)
        token = sessions.open_session(
            session,
            ctx.vault,
            role=actor.role.value,
            subject=actor.subject,
            display=claims.name,
            holder_id=actor.holder_id,
            party_id=actor.party_id,
            life_ms=ctx.settings.session_hours * 3_600_000,
        )
        found = sessions.find_session(session, ctx.vault, token)
    assert found is not None
    return token, SignedIn(actor, found.display, found.csrf)


def session_of(ctx: Context, token: str) -> SignedIn | None:
    """The session behind a cookie, or None where there is none, it ran out, or its party may no longer act."""
    if not token:
        return None
    with read_only(ctx.db) as session:
        row = sessions.find_session(session, ctx.vault, token)
        if row is None:
            return None
        if row.party_id is not None:
            party = parties.get_party(session, row.party_id)
            if party is None or party.status != parties.PartyStatus.ACTIVE:
                return None
    actor = Actor(Role(row.role), row.subject, holder_id=row.holder_id, party_id=row.party_id)
    return SignedIn(actor, row.display, row.csrf)


def sign_out(ctx: Context, token: str) -> None:
    """End a session; ending one that is gone is no error."""
    with unit_of_work(ctx.db) as session:
        row = sessions.find_session(session, ctx.vault, token)
        if row is not None:
            sessions.close_session(session, row.token_hash)


def machine_party(ctx: Context, thumbprint: str) -> MachineParty | None:
    """The entity whose registered key has this RFC 7638 thumbprint."""
    with read_only(ctx.db) as session:
        party = parties.party_by_thumbprint(session, thumbprint)
    if party is None or party.http_key is None or party.role != Role.ENTITY.value:
        return None
    return MachineParty(party.id, dict(party.http_key), party.status == parties.PartyStatus.ACTIVE)


def spend_nonce(ctx: Context, thumbprint: str, nonce: str) -> None:
    """Note a nonce; `signature.replayed` if this key has used it within the life of a signature."""
    with unit_of_work(ctx.db) as session:
        use_nonce(ctx, session, thumbprint, nonce, clock.now_ms(session))


def use_nonce(ctx: Context, session: Session, thumbprint: str, nonce: str, now_ms: int) -> None:
    """`spend_nonce` inside a transaction of the caller's."""
    # Twice as long as any signature can be valid, for the clocks of database and service may differ.
    life_ms = (ctx.settings.signature_life_s + ctx.settings.signature_skew_s) * 2_000
    if not sessions.use_nonce(session, thumbprint, nonce, now_ms + life_ms):
        raise ApiError("signature.replayed", Kind.UNAUTHENTICATED)
