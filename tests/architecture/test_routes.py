"""Deny by default: each route says who may call it, and one that does not is found."""

from fastapi import APIRouter

from api.http.app import V1
from api.http.auth import Allow, Public
from api.http.strict_json import StrictJsonRoute
from tests.api.routes import routes
from tests.town import Service

# The framework's own route for the description of the interface; it holds nothing but the interface.
DESCRIPTION = "/v1/openapi.json"


def test_every_route_has_exactly_one_policy(service: Service) -> None:
    found = routes(service.app)
    assert len(found) > 60
    assert {route.method for route in found} == {"GET", "POST", "DELETE"}
    assert [str(route) for route in found if route.policies != 1 and route.path != DESCRIPTION] == []


def test_a_route_without_a_policy_is_found(service: Service) -> None:
    planted = APIRouter()

    @planted.get("/v1/planted")
    def planted_route() -> None:
        """Nobody said who may call this."""

    before = list(service.app.router.routes)
    service.app.include_router(planted)
    try:
        missing = [route.path for route in routes(service.app) if route.policies == 0 and route.path != DESCRIPTION]
    finally:
        service.app.router.routes[:] = before
    assert missing == ["/v1/planted"]


def test_every_route_of_v1_reads_json_strictly(service: Service) -> None:
    loose = [
        str(route)
        for route in routes(service.app)
        if route.path.startswith("/v1/") and route.path != DESCRIPTION and type(route.original) is not StrictJsonRoute
    ]
    assert loose == []
    assert len(V1) >= 9


def test_policies_are_known_by_their_class() -> None:
    # `routes` counts these two; a subclass or a wrapper would have to be taught to it.
    assert not Allow.__subclasses__()
    assert not Public.__subclasses__()
