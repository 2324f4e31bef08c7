"""A real OpenID Connect provider on loopback, on Authlib's server side: its own process, keys, people and sessions.

`python -m tests.oidc.provider READY_FILE` writes its address into READY_FILE once it answers. A test registers client
and people through `/control`, and may ask there for one of the faults that a client must notice. Everything else is
as any provider does it: discovery document, JWKS, a page to sign in on, codes of one use bound by PKCE, user info.
"""

import hmac
import html
import os
import secrets
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The provider speaks plain HTTP on loopback; Authlib asks that this be said.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import uvicorn
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from chain.canonical import canonical
from chain.strict import base64url

COOKIE = "idp_session"
CODE_LIFE_S = 60
PERSONAL = ("name", "id_number", "holder_kind", "role", "party", "staff_number", "duty")


@dataclass
class Client(ClientMixin):
    """The one registered client."""

    id: str
    secret: str
    redirect_uri: str
    id_token_signed_response_alg: str = "ES256"

    def get_client_id(self) -> str:
        return self.id

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(client_secret, self.secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == ("client_secret_basic" if self.secret else "none")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class Login:
    """Somebody who signed in, and when."""

    user: dict[str, str]
    at: int


@dataclass
class Code:
    """An authorization code."""

    login: Login
    client_id: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    until: float

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.login.at

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> list[str]:
        return ["pwd"]


@dataclass
class State:
    """All that the provider knows."""

    issuer: str
    client: Client | None = None
    people: dict[str, dict[str, str]] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    logins: dict[str, Login] = field(default_factory=dict)
    tokens: dict[str, tuple[Login, str]] = field(default_factory=dict)
    fault: str = ""
    in_token: bool = True  # whether personal claims stand in the ID token, beside the user info

    def rotate(self) -> None:
        """New keys; the old ones are gone from the JWKS."""
        self.keys = {
            "ES256": ECKey.generate_key("P-256", {"kid": secrets.token_hex(8), "use": "sig"}),
            "RS256": RSAKey.generate_key(2048, {"kid": secrets.token_hex(8), "use": "sig"}),
        }

    def about(self, login: Login, scope: str) -> dict[str, str]:
        """What a scope lets the client know."""
        names = PERSONAL if "profile" in scope.split() else ()
        return {"sub": login.user["sub"]} | {name: login.user[name] for name in names if name in login.user}


class Grant(AuthorizationCodeGrant):
    """The authorization code grant over `State`."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "none")

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        data = request.payload.data
        self.server.state.codes[code] = Code(
            request.user,
            request.client.get_client_id(),
            data["redirect_uri"],
            data["scope"],
            data.get("nonce"),
            data.get("code_challenge"),
            data.get("code_challenge_method"),
            time.monotonic() + CODE_LIFE_S,
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        found = self.server.state.codes.get(code)
        if found is None or found.client_id != client.id or found.until < time.monotonic():
            return None
        return found

    def delete_authorization_code(self, authorization_code: Code) -> None:
        codes = self.server.state.codes
        for code in [code for code, kept in codes.items() if kept is authorization_code]:
            del codes[code]

    def authenticate_user(self, authorization_code: Code) -> Login:
        return authorization_code.login


class IdTokens(OpenIDCode):
    """ID tokens by the provider's keys; each fault is one that a client must refuse."""

    def __init__(self, state: State) -> None:
        super().__init__(require_nonce=True)
        self.state = state

    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
        return any(code.nonce == nonce for code in self.state.codes.values())

    def resolve_client_private_key(self, client: Client) -> Any:
        return self.state.keys[client.id_token_signed_response_alg]

    def get_encode_header(self, client: Client) -> dict[str, str]:
        key = self.resolve_client_private_key(client)
        return {"alg": client.id_token_signed_response_alg, "kid": key.kid, "typ": "JWT"}

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        now = int(time.time())
        return {"iss": self.state.issuer, "aud": client.id, "iat": now, "exp": now + 300}

    def generate_user_info(self, user: Login, scope: str) -> dict[str, str]:
        return self.state.about(user, scope if self.state.in_token else "openid")

    def encode_id_token(self, token: dict[str, str], request: OAuth2Request) -> str:
        made = str(super().encode_id_token(token, request))
        return made if not self.state.fault else self.spoilt(made, request.client)

    def spoilt(self, made: str, client: Client) -> str:
        """The token as a broken or hostile provider might give it."""
        key, header = self.resolve_client_private_key(client), self.get_encode_header(client)
        claims = jwt.decode(made, key, [header["alg"]]).claims
        now = int(time.time())
        changes: dict[str, dict[str, Any]] = {
            "nonce": {"nonce": "of-another-round"},
            "no_nonce": {"nonce": None},
            "expired": {"iat": now - 900, "exp": now - 600},
            "little_late": {"iat": now - 330, "exp": now - 20},
            "from_the_future": {"iat": now + 600},
            "audience": {"aud": "another-client"},
            "audiences": {"aud": [client.id, "another-client"]},
            "azp": {"azp": "another-client"},
            "issuer": {"iss": "https://idp.elsewhere.example"},
            "access_token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
            "stale": {"auth_time": now - 3600},
            "personal": {"name": "somebody"},
        }
        claims |= changes.get(self.state.fault, {})
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.state.fault == "unknown_key":
            key = ECKey.generate_key("P-256", {"kid": "nobody-knows-it"})
            header |= {"kid": "nobody-knows-it", "alg": "ES256"}
        if self.state.fault == "borrowed_kid":
            key = ECKey.generate_key("P-256")
        if self.state.fault == "none":
            return str(jwt.encode({"alg": "none"}, claims, None, ["none"]))
        if self.state.fault == "hs256":
            # A symmetric signature whose key is the public one that everybody has. By hand: joserfc refuses to.
            parts = [base64url(canonical(part)) for part in ({"alg": "HS256", "kid": key.kid}, claims)]
            made = hmac.digest(key.as_pem(private=False), ".".join(parts).encode(), "sha256")
            return ".".join([*parts, base64url(made)])
        return str(jwt.encode(header, claims, key, [header["alg"]]))


class Server(AuthorizationServer):
    """Authlib's authorization server over Starlette's requests."""

    def __init__(self, state: State) -> None:
        super().__init__(scopes_supported=["openid", "profile"])
        self.state = state
        self.register_grant(Grant, [CodeChallenge(required=True), IdTokens(state)])
        self.register_token_generator("default", self.bearer)

    def bearer(self, grant_type: str, client: Client, user: Login, scope: str, **_: Any) -> dict[str, Any]:
        token = secrets.token_urlsafe(32)
        self.state.tokens[token] = (user, scope)
        return {"token_type": "Bearer", "access_token": token, "expires_in": 300, "scope": scope}

    def query_client(self, client_id: str) -> Client | None:
        client = self.state.client
        return client if client is not None and client.id == client_id else None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Kept by `bearer`."""

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: tuple[Request, dict[str, str]]) -> OAuth2Request:
        raw, form = request
        made = StarletteRequest(raw.method, str(raw.url), headers=raw.headers)
        made.query, made.fields = dict(raw.query_params), form
        made.payload = BasicOAuth2Payload({**made.query, **form})
        return made

    def handle_response(self, status: int, body: Any, headers: Any) -> Response:
        if isinstance(body, dict):
            return JSONResponse(body, status, dict(headers))
        return Response(body, status, dict(headers))


class StarletteRequest(OAuth2Request):
    """A request whose form was read beforehand."""

    query: dict[str, str]
    fields: dict[str, str]

    @property
    def args(self) -> dict[str, str]:
        return self.query

    @property
    def form(self) -> dict[str, str]:
        return self.fields


PAGE = """<!doctype html><html lang="en"><link rel="icon" href="data:,">
<title>Identity service</title><h1>Identity service</h1>
<form method="post"><label>Account <input name="account" autofocus></label>
<button name="answer" value="yes">Confirm</button><button name="answer" value="no">Cancel</button></form>
<p>{told}</p></html>"""


class Provider:
    """The endpoints."""

    def __init__(self, issuer: str) -> None:
        self.state = State(issuer)
        self.state.rotate()
        self.server = Server(self.state)
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.discovery),
                Route("/jwks", self.jwks),
                Route("/authorize", self.authorize, methods=["GET", "POST"]),
                Route("/token", self.token, methods=["POST"]),
                Route("/userinfo", self.user_info),
                Route("/control", self.control, methods=["POST"]),
            ]
        )

    async def discovery(self, request: Request) -> Response:
        """OpenID Connect Discovery 1.0, section 3."""
        issuer = self.state.issuer
        return JSONResponse(
            {
                "issuer": "https://idp.elsewhere.example" if self.state.fault == "discovery" else issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "userinfo_endpoint": f"{issuer}/userinfo",
                "jwks_uri": f"{issuer}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256", "RS256"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def jwks(self, request: Request) -> Response:
        """The public keys."""
        return JSONResponse(KeySet(list(self.state.keys.values())).as_dict(private=False))

    async def authorize(self, request: Request) -> Response:
        """Ask who it is, unless that is known and nobody asked for a fresh sign-in."""
        login = self.state.logins.get(request.cookies.get(COOKIE, ""))
        try:
            grant = self.server.get_consent_grant((request, {}), end_user=login)
        except OAuth2Error as error:
            return HTMLResponse(html.escape(str(error.error)), 400)
        form = {name: str(value) for name, value in (await request.form()).items()}
        if request.method == "GET" and getattr(grant, "prompt", None) == "login":
            fresh = "prompt=login" in str(request.url)
            return HTMLResponse(PAGE.format(told="Please confirm once more." if fresh else ""))
        made = None
        if request.method == "POST":
            user = self.state.people.get(form.get("account", ""))
            login = Login(user, int(time.time())) if user is not None and form.get("answer") == "yes" else None
            if login is not None:
                made = secrets.token_urlsafe(16)
                self.state.logins[made] = login
        answer = self.server.create_authorization_response((request, {}), grant_user=login, grant=grant)
        answer.headers["location"] += "&iss=" + self.state.issuer if "location" in answer.headers else ""
        if made is not None:
            answer.set_cookie(COOKIE, made, httponly=True, samesite="lax")
        return answer

    async def token(self, request: Request) -> Response:
        """Codes for tokens."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        return self.server.create_token_response((request, form))

    async def user_info(self, request: Request) -> Response:
        """OpenID Connect Core 1.0, section 5.3."""
        found = self.state.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if found is None:
            return Response(status_code=401)
        said = self.state.about(*found)
        return JSONResponse(said | ({"sub": "somebody-else"} if self.state.fault == "user_info" else {}))

    async def control(self, request: Request) -> Response:
        """What a test arranges: client, people, faults, new keys, whether people stay signed in."""
        wish = await request.json()
        if "client" in wish:
            self.state.client = Client(**wish["client"])
        self.state.people |= wish.get("people", {})
        self.state.fault = wish.get("fault", self.state.fault)
        self.state.in_token = wish.get("in_token", self.state.in_token)
        if self.state.client is not None:
            self.state.client.id_token_signed_response_alg = wish.get(
                "algorithm", self.state.client.id_token_signed_response_alg
            )
        if wish.get("rotate"):
            self.state.rotate()
        if wish.get("forget"):
            self.state.logins.clear()
        return JSONResponse({"codes": len(self.state.codes)})


def main(ready: Path) -> None:
    """Serve on a free port of loopback until killed."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    # Another site than the service, which answers under 127.0.0.1: cookies are to feel the difference.
    issuer = f"http://localhost:{listener.getsockname()[1]}"
    provider = Provider(issuer)
    listener.listen(64)
    draft = ready.with_suffix(".new")
    draft.write_text(issuer)
    draft.replace(ready)
    config = uvicorn.Config(provider.app, access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
