"""Callers of the service over HTTP as its users are: people with a session, entities' machines with signed requests."""

import contextlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.client import RefusedError
from api.client.signing import Message, sign
from api.errors import ApiError, Kind

TIMEOUT_S = 60.0
FILE_TIMEOUT_S = 600.0
"""For files: what pictures show is read and compared before the answer comes."""


def raise_problem(response: httpx.Response) -> httpx.Response:
    """Turn a problem document back into the `ApiError` that it came from; other failures are `http.internal`."""
    if response.is_success:
        return response
    try:
        document = response.json()
        code, facts = str(document["code"]), dict(document.get("facts", {}))
    except (ValueError, KeyError, TypeError):
        raise ApiError("http.internal", Kind.INTERNAL) from None
    raise ApiError(code, _KINDS.get(response.status_code, Kind.INTERNAL), **facts)


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """What the service refused to the entities' client, as the `ApiError` that it came from."""
    try:
        yield
    except RefusedError as refused:
        raise ApiError(refused.code, _KINDS.get(refused.status, Kind.INTERNAL), **refused.facts) from None


_KINDS = {
    401: Kind.UNAUTHENTICATED,
    403: Kind.FORBIDDEN,
    404: Kind.NOT_FOUND,
    409: Kind.CONFLICT,
    413: Kind.TOO_LARGE,
    422: Kind.INVALID,
    429: Kind.LIMITED,
    503: Kind.UNAVAILABLE,
}


class Person:
    """Somebody at a browser: signs in through the development provider, then calls with cookie and CSRF token."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)
        self.csrf = ""

    def sign_in(self, **claims: str) -> "Person":
        """`role` and `party`, or `role`, `kind`, `number` and `name` of a holder."""
        answer = raise_problem(self.http.post("/v1/sessions", json=claims))
        self.csrf = str(answer.json()["csrf"])
        return self

    def get(self, path: str, **params: str | int) -> Any:  # noqa: ANN401 - JSON
        """GET, as JSON."""
        return raise_problem(self.http.get(path, params=params)).json()

    def get_bytes(self, path: str) -> bytes:
        """GET, as bytes."""
        return raise_problem(self.http.get(path)).content

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - JSON
        """POST JSON under a fresh idempotency key."""
        return raise_problem(self.http.post(path, json=body or {}, headers=self._headers())).json()

    def fetch(
        self, path: str, body: Mapping[str, object], accept: str, *, idempotency_key: str | None = None
    ) -> httpx.Response:
        """POST JSON for an answer in the form that `accept` names; raises what the service refuses."""
        headers = {**self._headers(), "Accept": accept}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        return raise_problem(self.http.post(path, json=body, headers=headers))

    def upload(self, path: str, name: str, data: bytes, **fields: str) -> Any:  # noqa: ANN401 - JSON
        """POST a file as a form."""
        files = {"file": (name, data, "application/octet-stream")}
        headers = self._headers()
        answer = self.http.post(path, data=fields, files=files, headers=headers, timeout=FILE_TIMEOUT_S)
        return raise_problem(answer).json()

    def upload_many(self, path: str, files: Sequence[tuple[str, bytes]], **fields: str) -> Any:  # noqa: ANN401 - JSON
        """POST several files, each with its name, as one form."""
        parts = [("file", (name, data, "application/octet-stream")) for name, data in files]
        answer = self.http.post(path, data=fields, files=parts, headers=self._headers(), timeout=FILE_TIMEOUT_S)
        return raise_problem(answer).json()

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def _headers(self) -> dict[str, str]:
        return {"X-CSRF-Token": self.csrf, "Idempotency-Key": secrets.token_urlsafe(18)}


class Machine:
    """An entity's system, call by call and without a second try; what entities use is `api.client`."""

    def __init__(self, url: str, key: Ed25519PrivateKey) -> None:
        self.http = httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)
        self.url = url.rstrip("/")
        self.key = key

    def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        accept: str = "application/json",
        idempotency_key: str | None = None,
    ) -> httpx.Response:
        """Sign and send one request; the answer as it is, failures included."""
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {"accept": accept}
        if method not in {"GET", "HEAD"}:
            headers["idempotency-key"] = idempotency_key or secrets.token_urlsafe(18)
            headers["content-type"] = "application/json"
        message = Message(method, self.url + path, headers)
        sign(message, content, self.key)
        return self.http.request(method, path, content=content or None, headers=message.headers)

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Signed GET, as JSON."""
        return raise_problem(self.send("GET", path)).json()

    def post(self, path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON
        """Signed POST, as JSON."""
        return raise_problem(self.send("POST", path, body)).json()

    def fetch(
        self, path: str, body: Mapping[str, object], accept: str, *, idempotency_key: str | None = None
    ) -> httpx.Response:
        """Signed POST for an answer in the form that `accept` names; raises what the service refuses."""
        return raise_problem(self.send("POST", path, body, accept=accept, idempotency_key=idempotency_key))

    def pull(self, grant_id: str, accept: str, *, idempotency_key: str | None = None) -> httpx.Response:
        """Pull a grant's data in the format that `accept` names; raises what the service refuses."""
        return raise_problem(
            self.send("POST", f"/v1/grants/{grant_id}/pulls", {}, accept=accept, idempotency_key=idempotency_key)
        )

    def close(self) -> None:
        """Close the connections."""
        self.http.close()
