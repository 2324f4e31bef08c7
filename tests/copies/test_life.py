"""A copy's life over HTTP: due when its grant ends, deleted by a signed statement, delivered again, kept by law."""

from datetime import datetime, timedelta
from typing import Any

from api.policy.copy_states import DAY_MS
from tests.copies.acts import CITY, JSON, delete, deliveries, findings, now_s, refused, revoke, seen, taken, turn
from tests.town import HARBOUR, Service


def test_from_held_to_deleted(service: Service) -> None:
    grant, copy = taken(service)
    assert seen(service, copy)["state"] == "held"
    assert turn(service) == 0, "nothing orders a copy of a live grant to be deleted"
    revoke(service, grant)
    turn(service)
    due = seen(service, copy)
    assert due["state"] == "delete_due"
    assert due["events"][-1]["reason"] == "grant_revoked"
    left = datetime.fromisoformat(due["due_at"]) - datetime.fromisoformat(due["events"][-1]["at"])
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    answer = delete(service, copy)
    assert (answer["state"], answer["copy"]) == ("deleted", copy)
    gone = seen(service, copy)
    assert gone["state"] == "deleted"
    assert gone["events"][-1] | {"at": 0, "stated_at": 0} == {
        "seq": 1, "state": "deleted", "actor": "machine", "reason": "erased", "due_at": None, "at": 0,
        "stated_at": 0, "receipt": answer["receipt"],
    }  # fmt: skip
    refused("copies.transition", delete, service, copy)
    assert turn(service) == 1, "the platform forgets its own marked bytes"
    assert service.rows("SELECT length(file_enc), length(mark_salt_enc) > 0 FROM copies WHERE id = :c", c=copy) == [
        (0, 1)
    ]
    assert turn(service) == 0
    assert findings(service) == []


def test_a_copy_delivered_again_is_held_again(service: Service) -> None:
    grant, copy = taken(service, uses=3)
    machine = service.town.machine(HARBOUR)
    first = delete(service, copy)
    assert seen(service, copy)["state"] == "deleted", "whoever is done earlier may delete earlier"
    again = machine.pull(grant, JSON)
    assert again.headers["copy-id"] == copy, "the same request gives the same copy"
    held = seen(service, copy)
    assert [event["state"] for event in held["events"]] == ["deleted", "held"]
    assert held["state"] == "held"
    # The first statement covers deliveries below its own number; this one came after it.
    receipts = {r["id"]: r for r in (machine.get(f"/v1/receipts/{rid}") for rid in deliveries(service, copy))}
    numbers = sorted(r["number"] for r in receipts.values())
    assert numbers[0] < first["number"] < numbers[1]
    bundle = machine.get(f"/v1/receipts/{first['receipt']}/evidence")
    assert bundle["receipt"]["details"]["through"] == numbers[0]
    second = delete(service, copy)
    bundle = machine.get(f"/v1/receipts/{second['receipt']}/evidence")
    assert bundle["receipt"]["details"]["through"] == numbers[1]
    revoke(service, grant)
    turn(service)
    assert seen(service, copy)["state"] == "deleted", "there is nothing left to order"
    refused("pull.grant_revoked", machine.pull, grant, JSON)
    assert findings(service) == []


def test_a_repeat_that_counts_no_use_undoes_a_deletion_but_renews_nothing(service: Service) -> None:
    grant = service.grant(service.driver(), uses=1)
    machine, key = service.town.machine(HARBOUR), "the-very-same-request"
    copy = machine.pull(grant, JSON, idempotency_key=key).headers["copy-id"]
    before = seen(service, copy)["delete_by"]
    turn(service)
    due = seen(service, copy)
    assert (due["state"], due["events"][-1]["reason"]) == ("delete_due", "grant_exhausted")
    assert due["due_at"] == before, "a grant that is used up leaves the agreed life"
    machine.pull(grant, JSON, idempotency_key=key)
    assert seen(service, copy)["state"] == "delete_due"
    delete(service, copy)
    turn(service)
    machine.pull(grant, JSON, idempotency_key=key)
    again = seen(service, copy)
    assert (again["state"], again["delete_by"]) == ("held", before)
    turn(service)
    assert seen(service, copy)["state"] == "delete_due"


def test_a_statement_older_than_the_delivery_or_from_the_future_is_refused(service: Service) -> None:
    _, copy = taken(service)
    refused("copies.stated_before_delivery", delete, service, copy, deleted_at=now_s(service) - 3600)
    refused("copies.stated_in_future", delete, service, copy, deleted_at=now_s(service) + 3600)
    refused("catalogue.unknown_method", delete, service, copy, method="forgotten")
    assert seen(service, copy)["state"] == "held"


def test_kept_by_law(service: Service) -> None:
    grant, copy = taken(service)
    machine, today = service.town.machine(HARBOUR), datetime.fromtimestamp(now_s(service), CITY).date()

    def keep(basis: str, until: str) -> Any:
        return machine.post(f"/v1/copies/{copy}/retention", {"basis": basis, "until": until})

    until = (today + timedelta(days=400)).isoformat()
    refused("copies.transition", keep, "insurance_law_87_short", until)
    revoke(service, grant)
    turn(service)
    refused("catalogue.unknown_retention_basis", keep, "because", until)
    refused("copies.basis_other_purpose", keep, "labour_contract_law_50", until)
    refused("copies.until_past", keep, "insurance_law_87_short", (today - timedelta(days=1)).isoformat())
    refused("copies.until_too_late", keep, "insurance_law_87_short", f"{today.year + 5}-12-31")
    refused("copies.until_too_late", keep, "insurance_law_87_short", "9999-12-31")
    refused("copies.bad_date", keep, "insurance_law_87_short", "2027-02-30")
    answer = keep("insurance_law_87_short", until)
    kept = seen(service, copy)
    assert (answer["state"], kept["state"], kept["retained_basis"]) == (
        "retained",
        "retained",
        "insurance_law_87_short",
    )
    assert datetime.fromisoformat(kept["due_at"]).astimezone(CITY).date() == today + timedelta(days=401)
    turn(service)
    assert seen(service, copy)["state"] == "retained"
    service.wind_clock(402 * DAY_MS)
    turn(service)
    over = seen(service, copy)
    assert (over["state"], over["events"][-1]["reason"], over["retained_basis"]) == (
        "delete_due",
        "retention_over",
        None,
    )
    delete(service, copy)
    assert findings(service) == []
