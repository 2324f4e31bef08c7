"""What tests of disputes and corrections do and look at."""

from collections.abc import Callable
from typing import Any

import pytest

from api.demo import flow, flow_disputes
from api.errors import ApiError
from api.services import amendments, corrections, disputes
from tests.town import HARBOUR, LICENCE, Service

JSON = "application/json"
DAY_MS = 86_400_000
CORRECTED = "已按档案更正。"
SAID = "我的准驾车型不是这个，请更正。"


def refused(code: str, call: Callable[..., object], *arguments: object, **named: object) -> None:
    with pytest.raises(ApiError) as error:
        call(*arguments, **named)
    assert error.value.code == code


def licence_of(service: Service, at: int) -> dict[str, Any]:
    """The present driving licence of a driver."""
    holder = service.citizen(service.driver(at))
    found: dict[str, Any] = next(
        one for one in holder.get("/v1/certificates")["items"] if one["type"] == LICENCE and one["status"] == "current"
    )
    return found


def other_class(value: str) -> str:
    return "B2" if value != "B2" else "C1"


def police(service: Service) -> flow.Person:
    return service.town.department("public_security")


def taken(service: Service, at: int, who: Any = HARBOUR) -> tuple[str, str]:
    """A grant over the licence's class, and the copy that was taken under it."""
    grant = service.grant(service.driver(at), who)
    return grant, service.town.machine(who).pull(grant, JSON).headers["copy-id"]


def follow(service: Service) -> None:
    """The worker's turns until nothing is left to be done at this time."""
    service.work()
    while corrections.waits(service.ctx):
        corrections.turn(service.ctx)
    while amendments.turn(service.ctx):
        pass
    while disputes.escalate_overdue(service.ctx):
        pass


def corrected(service: Service, at: int) -> tuple[str, str, str]:
    """A dispute about a driver's class that its department has corrected: dispute, correction, the new class."""
    holder, one = service.citizen(service.driver(at)), licence_of(service, at)
    opened = flow_disputes.object_to(holder, SAID, certificate=one["id"], field="licence_class")["id"]
    wanted = other_class(one["values"]["licence_class"])
    assert flow_disputes.correct(police(service), opened, {"licence_class": wanted}, CORRECTED)["state"] == "correcting"
    follow(service)
    seen = flow_disputes.dispute_of(holder, opened)
    assert (seen["state"], seen["answer"]) == ("corrected", CORRECTED)
    return opened, str(seen["corrections"][0]["id"]), wanted


def wind(service: Service, days: int) -> None:
    """Move the service's clock forward, as its users do who sign in anew the next day."""
    service.wind_clock(days * DAY_MS)
    service.town.close()
    service.town.signed_in.clear()
    service.town.machines.clear()
    service.town.clients.clear()


def page_of(who: flow.Person, path: str) -> str:
    """A page as somebody signed in sees it."""
    found = who.http.get(path)
    assert found.status_code == 200, found.text[:400]
    return str(found.text)
