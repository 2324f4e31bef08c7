"""Every route of the application with its policy, read from the application itself."""

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from api.http.auth import Allow, Public
from api.services.context import Role


@dataclass(frozen=True)
class Policed:
    """One route and method. `roles` is None for everybody; `policies` counts the policies that it carries."""

    method: str
    path: str
    roles: frozenset[Role] | None
    policies: int
    original: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def dependencies(dependant: Dependant) -> list[Any]:
    """All callables that a route depends on, however deep."""
    found = []
    for inner in dependant.dependencies:
        found += [inner.call, *dependencies(inner)]
    return found


def routes(app: FastAPI) -> list[Policed]:
    """All routes but mounted folders of static files."""
    found = []
    for context in iter_route_contexts(app.routes):
        if context.methods is None:
            continue
        dependant = getattr(context, "dependant", None)
        calls = [] if dependant is None else dependencies(dependant)
        policies = [call for call in calls if isinstance(call, Allow | Public)]
        roles = next((policy.roles for policy in policies if isinstance(policy, Allow)), None)
        path, original = str(context.path), context.original_route
        found += [Policed(m, path, roles, len(policies), original) for m in sorted(context.methods - {"HEAD"})]
    return found
