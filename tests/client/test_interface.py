"""The client against the interface's own description: nothing missing, nothing sent that it does not know."""

import re
from typing import Any

import pytest

from api.client import operations
from api.client.operations import Operation
from api.services.context import Role
from tests.api.routes import routes
from tests.town import Service

# A machine has no session, and no machine of an entity asks by statutory duty through its own operations below.
NOT_MACHINES = ("/v1/sessions",)


@pytest.fixture(scope="module")
def described(service: Service) -> dict[str, Any]:
    document: dict[str, Any] = service.app.openapi()
    return document


def operation_of(described: dict[str, Any], one: Operation) -> dict[str, Any]:
    found: dict[str, Any] = described["paths"][one.path][one.method.lower()]
    return found


def properties(described: dict[str, Any], operation: dict[str, Any]) -> set[str]:
    if "requestBody" not in operation:
        return set()
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    name = schema["$ref"].rpartition("/")[2]
    return set(described["components"]["schemas"][name]["properties"])


def of_entities(service: Service) -> set[tuple[str, str]]:
    """What entities' machines may call."""
    return {
        (route.method, route.path)
        for route in routes(service.app)
        if route.path.startswith("/v1/")
        and route.roles is not None
        and Role.ENTITY in route.roles
        and not route.path.startswith(NOT_MACHINES)
    }


def test_every_operation_of_entities_is_covered(service: Service) -> None:
    known = {(one.method, one.path) for one in operations.ALL}
    wanted = of_entities(service)
    assert len(wanted) > 20
    assert sorted(wanted - known) == []


def test_every_operation_of_the_client_is_described(described: dict[str, Any], service: Service) -> None:
    paths = {(route.method, route.path) for route in routes(service.app)}
    assert len(operations.ALL) > 30
    for one in operations.ALL:
        assert (one.method, one.path) in paths, one
        assert one.path in described["paths"], one


def test_parameters_and_bodies_are_those_of_the_description(described: dict[str, Any]) -> None:
    for one in operations.ALL:
        found = operation_of(described, one)
        parameters = {p["name"] for p in found.get("parameters", ()) if p["in"] == "query"}
        assert set(one.query) == parameters, one
        in_path = {p["name"] for p in found.get("parameters", ()) if p["in"] == "path"}
        assert set(re.findall(r"\{(\w+)\}", one.path)) == in_path, one
        sent = set(one.body)
        # An extension by its holder names a language as well; entities have no use for that.
        allowed = properties(described, found)
        assert sent <= allowed, one
        assert allowed - sent <= {"language"}, one


def test_the_comparison_can_fail(described: dict[str, Any]) -> None:
    planted = Operation("POST", "/v1/requests", body=("holder", "nonsense"))
    assert not set(planted.body) <= properties(described, operation_of(described, planted))
