"""Notices over a real socket: signed, numbered, at least once, tried again, given up, sent again; nothing personal."""

import json
from typing import Any

import pytest

from api.demo import flow
from api.errors import ApiError
from api.services import copies_life, corrections, webhooks
from api.store import read_only
from api.store.queries.webhooks import count_waiting
from tests.api.calls import caller, other_entity, problem
from tests.copies.acts import delete
from tests.town import HARBOUR, LICENCE, Service, city_files, small_city, until
from tests.webhooks.receiver import Receiver

pytestmark = pytest.mark.slow

ALL = ["granted", "paused", "resumed", "revoked", "ended", "corrected", "deletion_due"]


def register(service: Service, url: str, kinds: list[str] = ALL) -> str:
    return str(service.town.machine(HARBOUR).post("/v1/webhooks", {"url": url, "kinds": kinds})["id"])


@pytest.fixture
def hook(service: Service, receiver: Receiver) -> Any:
    found = register(service, receiver.url)
    yield found
    service.town.machine(HARBOUR).post(f"/v1/webhooks/{found}/remove", {})


def send(service: Service) -> None:
    """The worker's turns until nothing waits."""

    def sent() -> bool:
        webhooks.turn(service.ctx)
        with read_only(service.ctx.db) as session:
            return count_waiting(session) == 0

    until(sent, "everything is sent or given up")


def log(service: Service, hook: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.town.machine(HARBOUR).get(f"/v1/webhooks/{hook}/messages")["items"]
    return found


def test_from_granted_to_deletion_due(service: Service, receiver: Receiver, hook: str) -> None:
    person = service.driver()
    grant = service.grant(person)
    copy = service.town.machine(HARBOUR).pull(grant, "application/json").headers["copy-id"]
    citizen = service.citizen(person)
    citizen.post(f"/v1/grants/{grant}/pause")
    citizen.post(f"/v1/grants/{grant}/resume")
    citizen.post(f"/v1/grants/{grant}/revoke")
    send(service)
    assert receiver.refused == []
    # At least once, and a tried-again one comes after its successors: the numbers give the order, the ids the repeats.
    told = sorted({got.id: got.body for got in receiver.got}.values(), key=lambda one: int(one["seq"]))
    assert [one["kind"] for one in told] == ["granted", "paused", "resumed", "revoked", "deletion_due"]
    assert [one["seq"] for one in told] == [0, 1, 2, 3, 4]
    assert {one["grant"] for one in told} == {grant}
    assert set(told[0]) == {"schema", "id", "kind", "entity", "grant", "seq", "at", "facts"}
    assert told[-1]["facts"]["copy"] == copy
    assert told[-1]["facts"]["state"] == "delete_due"
    whole = b"".join(got.raw for got in receiver.got).decode()
    for personal in (person.number, person.name, "C1"):
        assert personal not in whole
    assert [item["state"] for item in log(service, hook)] == ["delivered"] * 5
    copies_life.turn(service.ctx, copies_life.Rounds())
    send(service)
    assert len(receiver.seen()) == 5, "what the end has ordered already is not ordered again"


@pytest.mark.parametrize(("manner", "status", "code"), [
    (500, 500, "webhooks.refused"),
    (404, 404, "webhooks.refused"),
    ("slow", None, "webhooks.timeout"),
    ("drip", None, "webhooks.timeout"),
    ("close", None, "webhooks.connection"),
    ("nonsense", None, "webhooks.bad_answer"),
    ("redirect", 307, "webhooks.redirected"),
])  # fmt: skip
def test_trouble_is_tried_again(
    service: Service, receiver: Receiver, hook: str, manner: int | str, status: int | None, code: str
) -> None:
    receiver.manners[:] = [manner]
    service.grant(service.driver())
    webhooks.turn(service.ctx)
    (line,) = log(service, hook)
    assert (line["state"], line["attempts"], line["status"], line["error"]) == ("waiting", 1, status, code)
    send(service)
    (line,) = log(service, hook)
    assert (line["state"], line["attempts"], line["status"], line["error"]) == ("delivered", 2, 204, None)
    first, second = receiver.got
    assert first.raw == second.raw, "the same bytes, so that the same is done once"
    assert (first.headers["delivery-attempt"], second.headers["delivery-attempt"]) == ("1", "2")
    assert first.headers["signature"] != second.headers["signature"]


def test_given_up_with_its_reason_and_sent_again(service: Service, receiver: Receiver, hook: str) -> None:
    receiver.manners[:] = [500, 503, 500]
    service.grant(service.driver())
    send(service)
    (line,) = log(service, hook)
    assert (line["state"], line["attempts"], line["status"]) == ("dead", 3, 500)
    assert line["error"] == "webhooks.refused"
    send(service)
    assert len(receiver.got) == 3
    problem(other_entity(service).call("POST", f"/v1/webhooks/messages/{line['number']}/resend", {}), 404,
            "webhooks.no_message")  # fmt: skip
    answer = service.town.machine(HARBOUR).post(f"/v1/webhooks/messages/{line['number']}/resend", {})
    assert answer == {"number": line["number"], "state": "waiting"}
    send(service)
    assert log(service, hook)[0]["state"] == "delivered"
    assert receiver.seen() == {receiver.got[0].id: 4}
    service.town.machine(HARBOUR).post(f"/v1/webhooks/messages/{line['number']}/resend", {})
    send(service)
    assert receiver.seen() == {receiver.got[0].id: 5}, "one that was received may be asked for again"


def test_gone_is_given_up_at_once(service: Service, receiver: Receiver, hook: str) -> None:
    receiver.manners[:] = [410]
    service.grant(service.driver())
    send(service)
    assert [(line["state"], line["attempts"]) for line in log(service, hook)] == [("dead", 1)]


def test_a_failure_does_not_let_later_ones_overtake_within_a_turn(
    service: Service, receiver: Receiver, hook: str
) -> None:
    receiver.manners[:] = [500]
    grant = service.grant(service.driver())
    service.citizen(service.driver()).post(f"/v1/grants/{grant}/pause")
    webhooks.turn(service.ctx)
    assert len(receiver.got) == 1, "the address is left alone for a while"
    assert [line["attempts"] for line in log(service, hook)] == [0, 1]
    send(service)
    assert sorted(got.body["seq"] for got in receiver.got) == [0, 0, 1]


def test_a_slow_address_holds_up_no_other(service: Service, receiver: Receiver, hook: str) -> None:
    other = Receiver(receiver.key_url).start()
    second = register(service, other.url, ["granted"])
    try:
        receiver.manners[:] = ["slow"] * 3
        service.grant(service.driver())
        send(service)
        assert [line["state"] for line in log(service, second)] == ["delivered"]
        assert len(other.got) == 1
    finally:
        service.town.machine(HARBOUR).post(f"/v1/webhooks/{second}/remove", {})
        other.stop()


def test_only_what_was_asked_for_and_nothing_after_removal(service: Service, receiver: Receiver) -> None:
    hook = register(service, receiver.url, ["revoked"])
    grant = service.grant(service.driver())
    service.citizen(service.driver()).post(f"/v1/grants/{grant}/revoke")
    service.town.machine(HARBOUR).post(f"/v1/webhooks/{hook}/remove", {})
    assert webhooks.turn(service.ctx) == 0
    assert receiver.got == []
    service.execute("UPDATE webhooks SET state = 'active' WHERE id = :hook", hook=hook)
    send(service)
    service.town.machine(HARBOUR).post(f"/v1/webhooks/{hook}/remove", {})
    assert [got.body["kind"] for got in receiver.got] == ["revoked"]


def test_newer_versions_are_told_to_whoever_holds_older_ones(
    service: Service, receiver: Receiver, hook: str, tmp_path: Any
) -> None:
    person = service.driver(1)
    grant = service.grant(person)
    machine = service.town.machine(HARBOUR)
    copy = machine.pull(grant, "application/json").headers["copy-id"]
    gone = machine.pull(grant, "text/csv").headers["copy-id"]
    delete(service, gone)
    service.grant(service.driver(), flow.entity("insurer-pine"))
    file = next(one for one in city_files(tmp_path) if one.type_code == LICENCE)
    officer = service.town.department(file.department)
    whole = file.path.read_text("utf-8-sig").splitlines()
    row = next(line for line in whole if person.number in line)
    licence_class = row.split("\t")[7]
    elsewhere = row.replace("号楼", "号新楼")
    other = row.replace(f"\t{licence_class}\t", "\tB2\t" if licence_class != "B2" else "\tC1\t")
    assert len({row, elsewhere, other}) == 3
    for at, line in enumerate((elsewhere, other)):
        newer = tmp_path / f"newer{at}.csv"
        newer.write_text(f"{whole[0]}\n{line}\n", "utf-8-sig")
        flow.return_file(officer, newer, LICENCE)
        service.work()
        assert corrections.waits(service.ctx)
        while corrections.waits(service.ctx):
            corrections.turn(service.ctx)
        send(service)
        told = [got.body for got in receiver.got if got.body["kind"] == "corrected"]
        assert len(told) == at, "an address that nobody was granted concerns nobody"
    assert told[0]["grant"] == grant
    assert told[0]["facts"] == {"copies": [{"copy": copy, "type": LICENCE, "state": "held"}]}


def test_addresses_are_an_entity_s_own(service: Service, receiver: Receiver, hook: str) -> None:
    others = other_entity(service)
    problem(others.call("GET", f"/v1/webhooks/{hook}/messages"), 404, "webhooks.not_found")
    problem(others.call("POST", f"/v1/webhooks/{hook}/remove", {}), 404, "webhooks.not_found")
    assert others.call("GET", "/v1/webhooks").json()["items"] == []
    assert [item["id"] for item in caller(service, "entity").call("GET", "/v1/webhooks").json()["items"]] == [hook]
    with pytest.raises(ApiError, match=r"webhooks\.known_url"):
        register(service, receiver.url)
    more = [register(service, f"{receiver.url}/{at}") for at in range(4)]
    with pytest.raises(ApiError, match=r"webhooks\.too_many"):
        register(service, f"{receiver.url}/5")
    for one in more:
        service.town.machine(HARBOUR).post(f"/v1/webhooks/{one}/remove", {})


def test_nothing_personal_in_what_is_stored(service: Service, receiver: Receiver, hook: str) -> None:
    service.grant(service.driver())
    kept = json.dumps([list(map(str, row)) for row in service.rows("SELECT facts, key FROM notices")])
    assert kept != "[]"
    for person in small_city().persons:
        assert person.number not in kept
        assert person.name not in kept
    send(service)
