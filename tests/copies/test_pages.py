"""Copies and notices on pages: staff confirm, name a law, register an address; the holder and the regulator read it."""

import re

from tests.api.calls import Caller, caller, other_entity
from tests.copies.acts import revoke, seen, taken, turn
from tests.town import Service

ENGLISH = {"Accept-Language": "en"}


def post(who: Caller, path: str, **fields: str | list[str]) -> int:
    """A form as a browser sends it."""
    answer = who.http.post(path, data={"csrf": who.csrf, **fields}, headers=ENGLISH)
    return answer.status_code


def page(who: Caller, path: str) -> str:
    answer = who.http.get(path, headers=ENGLISH)
    assert answer.status_code == 200, path
    return answer.text


def test_staff_confirm_and_the_holder_reads_it(service: Service) -> None:
    clerk, holder = caller(service, "entity"), caller(service, "citizen")
    grant, copy = taken(service)
    assert "1 copy, 0 destroyed" in page(holder, f"/citizen/grants/{grant}")
    revoke(service, grant)
    turn(service)
    assert copy in page(clerk, "/entity/copies")
    assert "Confirm that it was destroyed" in page(clerk, f"/entity/copies/{copy}")
    path = f"/entity/copies/{copy}/deletion"
    assert post(clerk, path, method="erased") == 422, "nothing is stated without the tick"
    assert post(other_entity(service), path, method="erased", sure="yes") == 404
    assert clerk.http.post(path, data={"method": "erased", "sure": "yes"}).status_code == 403, "no token, no statement"
    assert seen(service, copy)["state"] == "delete_due"
    assert post(clerk, path, method="erased", sure="yes") == 303
    text = page(holder, f"/citizen/grants/{grant}")
    assert "1 copy, 1 destroyed" in text
    assert "confirmed by the recipient's staff" in text
    assert copy not in page(clerk, "/entity/copies")
    assert copy in page(clerk, "/entity/copies?only=all")


def test_staff_name_a_law(service: Service) -> None:
    clerk = caller(service, "entity")
    grant, copy = taken(service, 1)
    revoke(service, grant, 1)
    turn(service)
    text = page(clerk, f"/entity/copies/{copy}")
    assert "Insurance Law, article 87" in text
    assert "Labour Contract Law" not in text, "only laws that can apply are offered"
    day = re.search(r'min="(\d{4}-\d{2}-\d{2})"', text)
    assert day is not None
    path = f"/entity/copies/{copy}/retention"
    assert post(clerk, path, basis="insurance_law_87_short", until="soon") == 422
    assert post(clerk, path, basis="insurance_law_87_short", until=day[1]) == 303
    assert "Kept until" in page(clerk, f"/entity/copies/{copy}")
    assert seen(service, copy)["events"][-1]["actor"] == "staff"


def test_regulators_see_what_is_late(service: Service) -> None:
    assert "No copy is overdue" in page(caller(service, "regulator"), "/regulator/copies")


def test_addresses_are_registered_shown_and_removed(service: Service) -> None:
    clerk = caller(service, "entity")
    assert post(clerk, "/entity/webhooks", url="ftp://hooks.example.com/", kinds=["revoked"]) == 422
    assert post(clerk, "/entity/webhooks", url="http://127.0.0.1:9/told", kinds=[]) == 422
    assert post(clerk, "/entity/webhooks", url="http://127.0.0.1:9/told", kinds=["granted", "revoked"]) == 303
    text = page(clerk, "/entity/webhooks")
    assert "Consent given, Consent taken back" in text
    found = re.search(r"/entity/webhooks/(hook_[a-z0-9]+)", text)
    assert found is not None
    service.grant(service.driver(2))
    messages = page(clerk, f"/entity/webhooks/{found[1]}")
    assert "Waiting" in messages
    number = re.search(r'name="number" value="(\d+)"', messages)
    assert number is not None
    assert post(clerk, f"/entity/webhooks/{found[1]}/resend", number=number[1]) == 303
    assert post(other_entity(service), f"/entity/webhooks/{found[1]}/remove") == 404
    assert post(clerk, f"/entity/webhooks/{found[1]}/remove") == 303
    assert found[1] not in page(clerk, "/entity/webhooks")
