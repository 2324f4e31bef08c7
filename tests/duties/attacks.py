"""What nobody on the operator's side may bring about, each tried through every route that the application has."""

import re
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from api.store.tables import Base
from tests.api.calls import Caller, one
from tests.api.routes import Policed, routes
from tests.town import Service

SIDE = {"operator": "", "security": "S-01", "auditor": "J-01"}
LEAVES = frozenset({"DELETE /v1/sessions/current", "POST /signout", "POST /v1/sessions", "POST /signin"})
"""These end or change the caller's own session; they are tried in tests of their own."""
# What changes by being asked at all: the caller's session, the clock, and receipts of others that get their numbers.
RESTLESS = frozenset({"user_sessions", "clock_mark", "leases", "idempotency_keys", "alembic_version"})


@dataclass(frozen=True)
class Try:
    """One call through one route, with its answer."""

    route: Policed
    path: str
    answer: httpx.Response


def officer(service: Service, role: str, staff: str | None = None) -> Caller:
    """Somebody of the operator's side."""
    claims = {"role": role, "party": one(service, "operator")}
    number = SIDE[role] if staff is None else staff
    return Caller(role, service, claims | ({"staff": number} if number else {}))


def every_route(
    service: Service,
    who: Caller,
    things: Callable[[], Mapping[str, str]],
    bodies: list[dict[str, Any]],
    *,
    methods: Container[str] = ("GET", "POST", "DELETE"),
) -> Iterator[Try]:
    """Call each route with each body (as JSON for the interface, as a form for pages), real things in its path.

    `things` is asked for each route, so that what one of them used up is there again for the next.
    """
    for route in routes(service.app):
        if str(route) in LEAVES or route.policies == 0 or route.method not in methods:
            continue
        known = things() if "{" in route.path else {}
        path = re.sub(r"\{(\w+?)(?::\w+)?\}", lambda m, known=known: known.get(m[1], f"absent_{m[1]}"), route.path)
        for body in bodies if route.method != "GET" else [{}]:
            if route.method == "GET":
                answer = who.call("GET", path)
            elif route.path.startswith("/v1/"):
                answer = who.call(route.method, path, body)
            else:
                answer = who.call(route.method, path, data={**body, "csrf": who.csrf})
            yield Try(route, path, answer)


def offices(service: Service) -> list[tuple[Any, ...]]:
    """Who holds or may soon hold what."""
    found = service.rows("SELECT staff, office, state FROM office_holdings WHERE live = 1 ORDER BY staff, office")
    return [tuple(row) for row in found]


def picture(service: Service) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, but for what moves by itself."""
    found = {}
    for name in sorted(Base.metadata.tables):
        if name not in RESTLESS:
            rows = service.rows(f'SELECT * FROM "{name}"')
            found[name] = sorted((tuple(row) for row in rows), key=repr)
    return found
