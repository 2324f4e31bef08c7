"""What a law keeps from the holder stays so in corrections; and what a confirmation's body may be."""

import secrets

import httpx

from api.client.signing import Message, sign
from api.demo import flow_disputes, flow_duty
from api.demo.client import Machine
from api.store import read_only
from api.store.receipts import open_details
from api.store.tables import Receipt
from tests.disputes.acts import corrected, follow, police, taken
from tests.town import HARBOUR, LICENCE, Service


def sent(machine: Machine, path: str, body: bytes) -> httpx.Response:
    """A signed POST of any bytes."""
    headers = {
        "accept": "application/json",
        "content-type": "application/json",
        "idempotency-key": secrets.token_urlsafe(18),
    }
    message = Message("POST", machine.url + path, headers)
    sign(message, body, machine.key)
    return machine.http.post(path, content=body, headers=message.headers)


def looked_up(service: Service, at: int, case_no: str, hidden_days: int) -> str:
    """The copy that the police took of the licence's class by statutory duty."""
    fields, number = [f"{LICENCE}/licence_class"], service.driver(at).number
    basis = "police.investigation"
    return flow_duty.query(police(service), basis, case_no, number, fields, hidden_days=hidden_days).copy


def test_the_holder_is_not_shown_copies_that_a_law_keeps_back(service: Service) -> None:
    kept_back = looked_up(service, 0, "A3710024500002026110081", 20)
    known = looked_up(service, 0, "A3710024500002026110082", 0)
    _, correction, _ = corrected(service, 0)
    seen = flow_disputes.correction_of(service.citizen(service.driver(0)), correction)
    assert [one["copies"] for one in seen["recipients"]] == [[known]]
    whole = flow_disputes.correction_of(service.town.regulator(), correction)
    assert [one["copies"] for one in whole["recipients"]] == [sorted([kept_back, known])]


def test_nothing_tells_the_holder_of_a_recipient_that_a_law_keeps_back(service: Service) -> None:
    taken(service, 1)
    looked_up(service, 1, "A3710024500002026110083", 20)
    opened, correction, _ = corrected(service, 1)
    holder = service.citizen(service.driver(1))
    assert flow_disputes.correction_of(police(service), correction)["total"] == 2
    seen = flow_disputes.correction_of(holder, correction)
    assert (seen["state"], seen["total"], seen["confirmed"]) == ("telling", 1, 0)
    receipt = flow_disputes.dispute_of(holder, opened)["events"][-1]["receipt"]
    with read_only(service.ctx.db) as session:
        said = open_details(session, service.ctx.vault, session.get_one(Receipt, receipt)).details
    assert (said["correction"], "recipients" in said) == (correction, False)
    flow_disputes.confirm(service.town.machine(HARBOUR), correction)
    follow(service)
    assert flow_disputes.correction_of(police(service), correction)["state"] == "telling"
    seen = flow_disputes.correction_of(holder, correction)
    assert (seen["state"], seen["total"], seen["confirmed"], seen["done_at"]) == ("done", 1, 1, None)
    assert flow_disputes.dispute_of(holder, opened)["corrections"] == [{"id": correction, "state": "done"}]


def test_a_confirmation_that_is_no_json_is_refused(service: Service) -> None:
    taken(service, 2)
    _, correction, _ = corrected(service, 2)
    path = f"/v1/corrections/{correction}/confirmation"
    for body in (b"\xff\xfe", b'{"a": 1, "a": 2}'):
        answer = sent(service.town.machine(HARBOUR), path, body)
        assert (answer.status_code, answer.json()["code"][:10]) == (422, "http.json_")
    assert sent(service.town.machine(HARBOUR), path, b"").status_code == 200
