"""The interface against its own description, driven by everybody who has a role in it: thousands of generated calls.

No answer of 5xx, every answer as documented, refusals as problem documents in both languages, nothing for a role that
may not call, nothing wrong taken in, no personal value where it does not belong.
"""

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Request
from pydantic import BaseModel

from api.errors import ApiError
from api.http import auth
from api.http.auth import allow, public
from api.http.strict_json import StrictJsonRoute
from api.services.context import Actor, Role
from tests import town
from tests.api.things import Things
from tests.conftest import Places
from tests.fuzz.actors import actors
from tests.fuzz.driver import Interface, Tally, fuzzing, run, run_some
from tests.town import Service, small_city

NAMES = (
    "stranger",
    "citizen",
    "guardian",
    "agent",
    "department",
    "counter",
    "entity",
    "machine",
    "regulator",
    "operator",
    "security",
    "auditor",
)
LEAST_CASES = 10_000


@pytest.fixture(scope="module")
def service(store: str, places: Places) -> Iterator[Service]:
    """One for which a day without its chain is nothing: a day passes here at once."""
    folder, url = places.prepared(store)
    with town.running(folder, database_url=url, chain_grace_s=30 * 86_400) as running:
        yield running


@pytest.mark.slow
def test_some_calls_of_everybody(service: Service) -> None:
    tally, things, interface = Tally(), Things(service), Interface(service)
    for make in actors(service).values():
        with fuzzing(things, interface, make, tally, brief=True) as fuzz:
            run_some(fuzz, 20)
    print(tally.told())
    assert not tally.wrong, tally.report()
    assert set(tally.cases) == set(NAMES)
    assert tally.total >= 180


@pytest.mark.full
@pytest.mark.usefixtures("one_store")
def test_ten_thousand_calls_of_everybody(service: Service) -> None:
    tally, things, interface = Tally(), Things(service), Interface(service)
    things.prepare_expired(own=16, other=2)
    for make in actors(service).values():
        with fuzzing(things, interface, make, tally) as fuzz:
            run(fuzz, allowed=16, wrong=9, refused=2)
    print(tally.told())
    assert not tally.wrong, tally.report()
    assert set(tally.cases) == set(NAMES)
    assert tally.total >= LEAST_CASES
    # Calls got through, to things that were there and to things that were not.
    assert {"200", "201", "202", "204", "401", "403", "404", "409", "422"} <= tally.answered.keys()


# Faults that are planted, each of which has to be found


class Wish(BaseModel):
    """What a planted route says that it takes."""

    count: int


DESCRIBED = {
    "requestBody": {"content": {"application/json": {"schema": Wish.model_json_schema()}}, "required": True},
}
planted = APIRouter(prefix="/v1/planted", route_class=StrictJsonRoute)
Anybody = Annotated[None, public()]


@planted.get("/crash/{text}")
def crash(text: str, _: Anybody) -> dict[str, Any]:
    """Takes `²` for a number, which `str.isdigit` does."""
    return {"number": int(text) if text.isdigit() else 0}


@planted.get("/shape", response_model=Wish, responses={200: {"model": Wish}})
def shape(request: Request, _: Anybody) -> Any:
    """Answers with something other than it says."""
    from fastapi.responses import JSONResponse

    return JSONResponse({"count": "many"})


@planted.post("/loose", openapi_extra=DESCRIBED)
def loose(request: Request, _: Anybody) -> dict[str, Any]:
    """Takes whatever comes."""
    return {}


@planted.get("/values")
def values(_: Anybody) -> dict[str, Any]:
    """Tells everybody where somebody lives."""
    return {"address": small_city().persons[5].address}


@planted.get("/code")
def code(_: Anybody) -> dict[str, Any]:
    """Refuses with a code that nobody has written a text for."""
    raise ApiError("planted.nowhere")


@planted.get("/for-regulators")
def for_regulators(_: Annotated[Actor, allow(Role.REGULATOR)]) -> dict[str, Any]:
    """Is meant for one role alone."""
    return {}


@pytest.fixture
def with_faults(service: Service) -> Iterator[Service]:
    """The service with the planted routes, which are described like all others."""
    before = list(service.app.router.routes)
    service.app.include_router(planted)
    service.app.openapi_schema = None
    yield service
    service.app.router.routes[:] = before
    service.app.openapi_schema = None


def found(service: Service, path: str, name: str = "operator") -> str:
    """What the fuzz says of one planted route."""
    tally = Tally()
    with fuzzing(Things(service), Interface(service), actors(service)[name], tally, brief=True) as fuzz:
        fuzz.operations = [one for one in fuzz.operations if one.path.startswith(f"/v1/planted/{path}")]
        assert len(fuzz.operations) == 1
        run(fuzz, allowed=60, wrong=8, refused=2)
    assert tally.total >= 2
    return tally.report()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "finding"),
    [
        ("crash", "ServerError"),
        ("shape", "JsonSchemaError"),
        ("loose", "AcceptedNegativeData"),
        ("values", "is shown what is somebody else's"),
        ("code", "planted.nowhere stands in no catalogue"),
    ],
)
def test_a_planted_fault_is_found(path: str, finding: str, with_faults: Service) -> None:
    assert finding in found(with_faults, path)


@pytest.mark.slow
def test_a_door_left_open_is_found(with_faults: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(with_faults, "for-regulators") == ""

    def anybody(
        self: auth.Allow, request: Request, given: Annotated[auth.Credentials, auth.Depends(auth.credentials)]
    ) -> Actor:
        return auth.person(auth.context(request), request, given.csrf)

    monkeypatch.setattr(auth.Allow, "__call__", anybody)
    assert "answered with 200" in found(with_faults, "for-regulators")
