"""The production identity provider, spoken to as an OpenID Connect client: authorization code with PKCE (RFC 7636).

What is believed: the issuer of the settings, its discovery document and keys fetched from its own addresses, and ID
tokens signed by one of those keys with an algorithm of the settings. Authlib makes requests and judges claims, joserfc
checks signatures. Nothing that the provider says is logged, nor put into an error or an address.
"""

import json
import secrets
import stat
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.util import to_bytes

from api.errors import ApiError, Kind
from api.settings import LOOPBACK, Environment, Settings

DISCOVERY = "/.well-known/openid-configuration"
CALLBACK = "/oidc/callback"
TIMEOUT_S = 10.0
CACHE_S = 3600.0
DOCUMENT_LIMIT = 256 * 1024
TOKEN_LIMIT = 16 * 1024
# What an ID token says of itself and of the act of signing in, and nothing of the person (OpenID Connect Core 2,
# RFC 7519; sid and jti are the provider's own numbers). A token with more in it goes into no proof.
IMPERSONAL = frozenset(
    {"iss", "sub", "aud", "azp", "exp", "iat", "nbf", "auth_time", "nonce", "acr", "amr", "at_hash", "c_hash"}
    | {"s_hash", "jti", "sid", "typ"}
)
# The verifier of evidence reads these two (chain/jose.py).
BINDING_ALGORITHMS = frozenset({"ES256", "EdDSA"})


class _Response(Protocol):
    """What is used of an answer to a plain GET."""

    status_code: int
    raw: Any


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint gave: the ID token as it came, and the access token for the user info."""

    id_token: str
    access_token: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """Of the discovery document, what is used."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    token_auth_methods: tuple[str, ...]
    names_issuer: bool


class OidcProvider:
    """One provider. Safe to use from several threads; documents are kept for an hour.

    Errors: `auth.oidc_unreachable`, `auth.oidc_metadata` (its documents are not what they must be), `auth.oidc_code`
    (it refused the code), `auth.oidc_signature` (no key of its own signed the token), `auth.oidc_token` (a claim of the
    token is wrong; the fact `claim` names it).
    """

    mints = False

    def __init__(self, settings: Settings, secret: str, *, clock: Callable[[], float] = time.time) -> None:
        self.issuer = settings.oidc_issuer
        self.client_id = settings.oidc_client_id
        self.redirect_uri = settings.base_url + CALLBACK
        self._settings = settings
        self._secret = secret
        self._clock = clock
        self._lock = threading.Lock()
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None

    def token(self, _subject: str, _nonce: str, /) -> str:
        """No token comes without its person: raises `grants.draft_needed`, for the terms are to be confirmed there."""
        raise ApiError("grants.draft_needed", Kind.CONFLICT)

    def begin(self, *, state: str, nonce: str, verifier: str, fresh: bool = False) -> str:
        """The address to send the person to. With `fresh` nobody is let through on an earlier sign-in.

        The scope of a fresh round is `openid` alone: its token stands in proofs and is to say nothing of the person.
        """
        extra = {"prompt": "login", "max_age": "0"} if fresh else {}
        session = self._session("openid" if fresh else self._settings.oidc_scope)
        try:
            address, _ = session.create_authorization_url(
                self.metadata().authorization_endpoint, state=state, nonce=nonce, code_verifier=verifier, **extra
            )
        finally:
            session.close()
        return str(address)

    def exchange(self, code: str, verifier: str) -> Tokens:
        """Turn the code into tokens, once."""
        metadata = self.metadata()
        session = self._session(self._settings.oidc_scope, methods=metadata.token_auth_methods)
        try:
            answer = session.fetch_token(
                metadata.token_endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=verifier,
                redirect_uri=self.redirect_uri,
                allow_redirects=False,
            )
        except OAuthError:
            raise ApiError("auth.oidc_code", Kind.FORBIDDEN) from None
        except (OSError, ValueError):
            raise ApiError("auth.oidc_unreachable", Kind.UNAVAILABLE) from None
        finally:
            session.close()
        id_token, access_token = answer.get("id_token"), answer.get("access_token", "")
        if not isinstance(id_token, str) or not isinstance(access_token, str) or len(id_token) > TOKEN_LIMIT:
            raise ApiError("auth.oidc_code", Kind.FORBIDDEN)
        return Tokens(id_token, access_token)

    def claims(self, tokens: Tokens, nonce: str) -> dict[str, Any]:
        """The claims of an ID token that holds (OpenID Connect Core 3.1.3.7)."""
        decoded = self._decoded(tokens.id_token)
        options = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self.client_id},
            "nonce": {"essential": True, "value": nonce},
        }
        parameters = {"nonce": nonce, "client_id": self.client_id, "access_token": tokens.access_token}
        found = CodeIDToken(decoded.claims, decoded.header, options, parameters)
        try:
            found.validate(now=int(self._clock()), leeway=self._settings.oidc_skew_s)
        except JoseError as error:
            raise _refused(str(getattr(error, "claim", "") or error.error)) from None
        except (TypeError, ValueError, AttributeError):
            raise _refused("malformed") from None
        subject = found.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise _refused("sub")
        return dict(found)

    def fresh_claims(self, tokens: Tokens, nonce: str, since_s: int) -> dict[str, Any]:
        """The claims of an ID token fit for a proof: of a sign-in after `since_s`, impersonal, verifiable.

        Raises `auth.oidc_stale`, `auth.oidc_personal` and `auth.oidc_algorithm` beside what `claims` raises.
        """
        found = self.claims(tokens, nonce)
        at = found.get("auth_time")
        if not isinstance(at, int) or at < since_s - self._settings.oidc_skew_s:
            raise ApiError("auth.oidc_stale", Kind.FORBIDDEN)
        if not found.keys() <= IMPERSONAL:
            raise ApiError("auth.oidc_personal", Kind.FORBIDDEN)
        if self._decoded(tokens.id_token).header.get("alg") not in BINDING_ALGORITHMS:
            raise ApiError("auth.oidc_algorithm", Kind.FORBIDDEN)
        return found

    def user_info(self, tokens: Tokens, subject: str) -> dict[str, Any]:
        """What the provider says of the person, where it says it outside the token; empty where it has no such place.

        It must be of the same `sub` (OpenID Connect Core 5.3.2); raises `auth.oidc_token` otherwise.
        """
        endpoint = self.metadata().userinfo_endpoint
        if endpoint is None or not tokens.access_token:
            return {}
        found = self._document(endpoint, bearer=tokens.access_token)
        if not secrets.compare_digest(to_bytes(str(found.get("sub", ""))), to_bytes(subject)):
            raise _refused("sub")
        return found

    def metadata(self) -> Metadata:
        """The discovery document of the pinned issuer."""
        with self._lock:
            if self._metadata is None or self._clock() - self._metadata[0] > CACHE_S:
                document = self._document(self.issuer.rstrip("/") + DISCOVERY)
                self._metadata = (self._clock(), self._checked(document))
            return self._metadata[1]

    def jwks(self, *, anew: bool = False) -> KeySet:
        """The provider's present keys; `anew` asks it whatever is remembered."""
        address = self.metadata().jwks_uri
        with self._lock:
            if anew or self._keys is None or self._clock() - self._keys[0] > CACHE_S:
                document = self._document(address)
                try:
                    keys = KeySet.import_key_set(cast("Any", document))
                except (JoseError, ValueError, TypeError, KeyError, AttributeError):
                    raise ApiError("auth.oidc_metadata", Kind.UNAVAILABLE) from None
                self._keys = (self._clock(), keys)
            return self._keys[1]

    def public_jwks(self) -> list[dict[str, str]]:
        """Those of its present keys that verifiers read: P-256 and Ed25519, with the members that RFC 7638 hashes."""
        found = []
        for key in self.jwks(anew=True).as_dict(private=False)["keys"]:
            names = {"EC": ("kty", "crv", "x", "y"), "OKP": ("kty", "crv", "x")}.get(str(key["kty"]), ())
            if names and key.get("crv") in {"P-256", "Ed25519"} and key.get("use", "sig") == "sig":
                found.append({name: str(key[name]) for name in names})
        return found

    def _decoded(self, token: str) -> jwt.Token:
        algorithms = list(self._settings.oidc_algorithms)
        try:
            try:
                return jwt.decode(token, self.jwks(), algorithms)
            except InvalidKeyIdError:
                # The provider may have changed its keys since they were fetched.
                return jwt.decode(token, self.jwks(anew=True), algorithms)
        except (JoseError, ValueError, TypeError):
            raise ApiError("auth.oidc_signature", Kind.FORBIDDEN) from None

    def _checked(self, document: Mapping[str, Any]) -> Metadata:
        if document.get("issuer") != self.issuer:
            raise ApiError("auth.oidc_metadata", Kind.UNAVAILABLE)
        userinfo = document.get("userinfo_endpoint")
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return Metadata(
            self._address(document.get("authorization_endpoint")),
            self._address(document.get("token_endpoint")),
            self._address(document.get("jwks_uri")),
            None if userinfo is None else self._address(userinfo),
            tuple(str(method) for method in methods) if isinstance(methods, list) else (),
            document.get("authorization_response_iss_parameter_supported") is True,
        )

    def _address(self, value: object) -> str:
        """An https address; in development one of this machine's may be plain."""
        parts = urlsplit(value if isinstance(value, str) else "")
        plain = self._settings.environment is Environment.DEVELOPMENT and parts.hostname in LOOPBACK
        if not parts.hostname or (parts.scheme != "https" and not (plain and parts.scheme == "http")):
            raise ApiError("auth.oidc_metadata", Kind.UNAVAILABLE)
        return parts.geturl()

    def _document(self, address: str, *, bearer: str | None = None) -> dict[str, Any]:
        session = self._session("openid")
        headers = {"Accept": "application/json"} | ({} if bearer is None else {"Authorization": f"Bearer {bearer}"})
        try:
            answer: _Response = session.get(
                self._address(address), withhold_token=True, headers=headers, allow_redirects=False, stream=True
            )
            data = answer.raw.read(DOCUMENT_LIMIT + 1, decode_content=True)
            if answer.status_code != 200:
                raise ApiError("auth.oidc_unreachable", Kind.UNAVAILABLE)
            document = json.loads(data) if len(data) <= DOCUMENT_LIMIT else None
        except OSError:
            raise ApiError("auth.oidc_unreachable", Kind.UNAVAILABLE) from None
        except ValueError:
            raise ApiError("auth.oidc_metadata", Kind.UNAVAILABLE) from None
        finally:
            session.close()
        if not isinstance(document, dict):
            raise ApiError("auth.oidc_metadata", Kind.UNAVAILABLE)
        return document

    def _session(self, scope: str, *, methods: tuple[str, ...] = ()) -> Any:  # noqa: ANN401 - Authlib has no types
        """A client of one use. It heeds no proxy variables and no netrc: whom the service talks to is its settings'."""
        method = "none"
        if self._secret:
            method = "client_secret_basic" if "client_secret_basic" in methods or not methods else "client_secret_post"
        session = OAuth2Session(
            self.client_id,
            self._secret or None,
            token_endpoint_auth_method=method,
            scope=scope,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            default_timeout=TIMEOUT_S,
        )
        session.trust_env = False
        return session


def client_secret(settings: Settings) -> str:
    """The client's secret from its file or from the settings; empty for a public client.

    Raises `keys.missing`, `keys.mode` (others may read the file).
    """
    path = settings.oidc_client_secret_file
    if path is None:
        return settings.oidc_client_secret.get_secret_value()
    return _read_private(path)


def _read_private(path: Path) -> str:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ApiError("keys.mode", Kind.INTERNAL, name=path.name)
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ApiError("keys.missing", Kind.INTERNAL, name=path.name) from None


def _refused(claim: str) -> ApiError:
    return ApiError("auth.oidc_token", Kind.FORBIDDEN, claim=claim)
