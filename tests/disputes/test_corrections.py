"""Corrections: a new version, the old one withdrawn, and everybody who holds the wrong value told until it confirms."""

import json

from api.demo import flow, flow_disputes, flow_looks
from api.policy.disputes import RECIPIENT_MOVES, RecipientState, check_recipient_move
from api.services import webhooks
from api.store import fsck as store_check
from api.wiring import log_key
from tests.disputes.acts import (
    CORRECTED,
    JSON,
    SAID,
    corrected,
    follow,
    licence_of,
    other_class,
    police,
    refused,
    taken,
    wind,
)
from tests.town import BANKS, HARBOUR, LICENCE, PINE, Service
from tests.webhooks.receiver import Receiver


def told(service: Service, receiver: Receiver, correction: str) -> list[int]:
    """How often the receiver was told of a correction, by the count that each message has; one may come twice."""
    while webhooks.turn(service.ctx):
        pass
    facts = [got.body["facts"] for got in receiver.got if got.body["kind"] == "corrected"]
    assert all(set(one) == {"copy", "type", "state"} for fact in facts for one in fact["copies"])
    return sorted({fact["told"] for fact in facts if fact["correction"] == correction})


def test_a_correction_is_a_new_version_and_all_who_hold_the_old_value_are_told(service: Service) -> None:
    holder, old = service.citizen(service.driver(0)), licence_of(service, 0)
    grant, copy = taken(service, 0)
    taken(service, 0, PINE)
    # A bank holds the name alone, which was right.
    items: flow.Items = ((LICENCE, "valid_until", True),)
    other = service.grant(service.driver(0), HARBOUR, items, case_no="CL-validity")
    service.town.machine(HARBOUR).pull(other, JSON)
    _, correction, wanted = corrected(service, 0)

    new = licence_of(service, 0)
    assert (new["version"], new["values"]["licence_class"]) == (old["version"] + 1, wanted)
    seen = flow_disputes.correction_of(holder, correction)
    assert (seen["old"], seen["new"]) == (old["id"], new["id"])
    assert (seen["total"], seen["confirmed"]) == (2, 0)
    for who in (HARBOUR, PINE):
        part = next(
            one
            for one in flow_disputes.corrections_to_confirm(service.town.machine(who))
            if one["correction"] == correction
        )
        assert (part["state"], part["fields"]) == ("told", ["licence_class"])
        own = flow_disputes.correction_of(service.town.machine(who), correction)
        assert (own["total"], own["dispute"], own["old"]) == (1, None, None), "its own part alone"
    harbour = service.town.machine(HARBOUR)
    mine = next(one for one in flow_disputes.corrections_to_confirm(harbour) if one["correction"] == correction)
    assert mine["copies"] == [copy], "a copy that holds other fields has nothing to be put right"
    refused("corrections.not_found", flow_disputes.confirm, service.town.machine(BANKS[0]), correction)
    refused("corrections.not_found", flow_disputes.correction_of, service.citizen(service.driver(1)), correction)

    stated = flow_disputes.confirm(harbour, correction)
    assert stated["state"] == "confirmed"
    refused("corrections.transition", flow_disputes.confirm, harbour, correction)
    after = flow_disputes.correction_of(police(service), correction)
    assert (after["confirmed"], after["state"]) == (1, "telling")
    assert {one["by"] for one in after["recipients"] if one["state"] == "confirmed"} == {"machine"}
    kept = service.rows("SELECT count(*) FROM request_evidence WHERE receipt_id = :id", id=stated["receipt"])
    assert kept[0][0] == 1, "the machine's signed request is kept"
    # What is pulled from now on says what is right, and the one who destroyed its copy has nothing left to confirm.
    assert wanted.encode() in harbour.pull(grant, JSON).content
    pine = service.town.machine(PINE)
    pine_copy = next(one for one in flow_disputes.corrections_to_confirm(pine) if one["correction"] == correction)
    flow.delete_copy(service.town, PINE, pine_copy["copies"][0])
    wind(service, 2)
    follow(service)
    done = flow_disputes.correction_of(service.citizen(service.driver(0)), correction)
    assert (done["state"], done["confirmed"], done["counts"]["released"]) == ("done", 2, 1)


def test_who_does_not_confirm_is_told_again_and_then_reported(service: Service) -> None:
    taken(service, 1)
    _, correction, _ = corrected(service, 1)
    wind(service, 1)
    follow(service)
    (row,) = service.rows("SELECT state, told FROM amendment_recipients WHERE amendment_id = :id", id=correction)
    assert tuple(row) == ("told", 2)
    wind(service, 20)
    follow(service)
    late = flow_disputes.corrections_to_confirm(service.town.regulator())
    assert [(one["correction"], one["state"]) for one in late] == [(correction, "escalated")]
    told = [one for one in flow_looks.notices_of(service.town.regulator()) if one["topic"] == "overdue"]
    assert any(one["facts"].get("correction") == correction for one in told)
    assert flow_disputes.confirm(service.town.machine(HARBOUR), correction)["state"] == "confirmed"
    assert not flow_disputes.corrections_to_confirm(service.town.regulator())


def test_an_earlier_version_that_said_something_else_was_not_wrong(service: Service) -> None:
    """A class that was C1 when it was taken and was changed later is no wrong value of that time."""
    first, _ = taken(service, 2)
    _, correction, wanted = corrected(service, 2)
    flow_disputes.confirm(service.town.machine(HARBOUR), correction)
    follow(service)
    # The next wrong value is that of version 2 alone, which nobody has taken but the bank's insurer.
    service.town.machine(HARBOUR).pull(first, JSON)
    taken(service, 2, PINE)
    holder, two = service.citizen(service.driver(2)), licence_of(service, 2)
    opened = flow_disputes.object_to(holder, SAID, certificate=two["id"])["id"]
    back = "A2" if wanted != "A2" else "A1"
    flow_disputes.correct(police(service), opened, {"licence_class": back}, CORRECTED)
    follow(service)
    again = flow_disputes.correction_of(holder, flow_disputes.dispute_of(holder, opened)["corrections"][0]["id"])
    assert (again["old"], again["total"]) == (two["id"], 2)
    copies = service.rows(
        "SELECT copies FROM amendment_recipients WHERE amendment_id = :id ORDER BY party_id", id=again["id"]
    )
    listed = [json.loads(row[0]) if isinstance(row[0], str) else row[0] for row in copies]
    assert [len(one) for one in listed] == [1, 1], "the copy of the first version is not among them"


def test_what_is_not_corrected_is_refused_before_anything_happens(service: Service) -> None:
    holder, one = service.citizen(service.driver(3)), licence_of(service, 3)
    opened = flow_disputes.object_to(holder, SAID, certificate=one["id"])["id"]
    officer, values = police(service), one["values"]
    before = service.rows("SELECT count(*) FROM returns")[0][0]
    for code, wrong in {
        "disputes.same_value": {"licence_class": values["licence_class"]},
        "disputes.bad_value": {"valid_until": "2026-02-30"},
        "disputes.identity_field": {"id_number": values["id_number"]},
        "catalogue.unknown_field": {"blood_group": "A"},
    }.items():
        refused(code, flow_disputes.correct, officer, opened, wrong, CORRECTED)
    put = "UPDATE parties SET custody = :custody WHERE department_code = 'public_security'"
    service.execute(put, custody="agent")
    refused("disputes.own_signer", flow_disputes.correct, officer, opened, {"licence_class": "A3"}, CORRECTED)
    service.execute(put, custody="demo")
    refused(
        "disputes.not_found", flow_disputes.correct, service.town.department("civil_affairs"), opened, {"x": "y"}, "x"
    )
    assert service.rows("SELECT count(*) FROM returns")[0][0] == before
    assert flow_disputes.dispute_of(holder, opened)["state"] == "opened"


def test_a_return_that_brings_nothing_leads_back_to_the_clock(service: Service) -> None:
    holder, one = service.citizen(service.driver(4)), licence_of(service, 4)
    opened = flow_disputes.object_to(holder, SAID, certificate=one["id"])["id"]
    wanted = other_class(one["values"]["licence_class"])
    flow_disputes.correct(police(service), opened, {"licence_class": wanted}, CORRECTED)
    service.execute("UPDATE returns SET state = 'failed' WHERE state = 'received'")
    follow(service)
    back = flow_disputes.dispute_of(holder, opened)
    assert (back["state"], back["events"][-1]["note"], back["corrections"][0]["state"]) == (
        "opened",
        "returned_nothing",
        "failed",
    )
    flow_disputes.correct(police(service), opened, {"licence_class": wanted}, CORRECTED)
    follow(service)
    assert flow_disputes.dispute_of(holder, opened)["state"] == "corrected"


def test_the_message_names_the_correction_and_comes_again_until_it_is_confirmed(
    service: Service, receiver: Receiver
) -> None:
    flow.register_webhook(service.town, HARBOUR, receiver.url, ["corrected"])
    taken(service, 5)
    _, correction, _ = corrected(service, 5)
    assert told(service, receiver, correction) == [1]
    wind(service, 1)
    follow(service)
    assert told(service, receiver, correction) == [1, 2]
    flow_disputes.confirm(service.town.machine(HARBOUR), correction)
    wind(service, 1)
    follow(service)
    assert told(service, receiver, correction) == [1, 2], "who has confirmed is told no more"


def test_the_old_version_is_withdrawn_on_the_chain_and_fsck_finds_nothing(service: Service) -> None:
    old = licence_of(service, 6)
    _, correction, _ = corrected(service, 6)
    holder = service.citizen(service.driver(6))
    assert flow_disputes.correction_of(holder, correction)["withdrawn_on_chain"] is False
    service.settle()
    assert flow_disputes.correction_of(holder, correction)["withdrawn_on_chain"] is True
    (row,) = service.rows("SELECT status FROM records WHERE id = :id", id=old["id"])
    assert row[0] == "superseded", "a newer version stands for it"
    ctx = service.ctx
    key = log_key(ctx.keys).public_key().public_bytes_raw()
    assert not store_check.fsck(ctx.db, ctx.vault, key, identity=ctx.chain).findings


def test_the_moves_of_a_recipient() -> None:
    for before in RecipientState:
        for after in RecipientState:
            if after in RECIPIENT_MOVES[before]:
                check_recipient_move(before, after)
            else:
                refused("corrections.transition", check_recipient_move, before, after)


def test_the_client_confirms_and_answers(service: Service) -> None:
    taken(service, 7)
    _, correction, _ = corrected(service, 7)
    client = service.town.client(HARBOUR)
    mine = next(one for one in client.corrections.list() if one.id == correction)
    assert (mine.state, mine.fields, client.corrections.get(correction).copies) == (
        "told",
        ("licence_class",),
        mine.copies,
    )
    assert client.corrections.confirm(correction).startswith("rcpt_")
    assert client.corrections.get(correction).state == "confirmed"
    holder = service.citizen(service.driver(7))
    line = flow_looks.footprints_of(holder, kind="delivered")[0]["receipt"]
    opened = flow_disputes.object_to(holder, SAID, receipt=line)["id"]
    assert opened in [one.id for one in client.disputes.list("open")]
    assert client.disputes.get(opened).statement == SAID
    assert client.disputes.answer(opened, "refused", "理赔所需。") == "refused"


def test_a_second_correction_of_one_certificate_waits_for_the_first(service: Service) -> None:
    """Each is made of the version that shows: the second, unaware of the first, would put the wrong value back."""
    holder, one = service.citizen(service.driver(8)), licence_of(service, 8)
    first = flow_disputes.object_to(holder, SAID, certificate=one["id"], field="licence_class")["id"]
    second = flow_disputes.object_to(holder, SAID, certificate=one["id"], field="valid_until")["id"]
    wanted, later = other_class(one["values"]["licence_class"]), "2039-01-31"
    flow_disputes.correct(police(service), first, {"licence_class": wanted}, CORRECTED)
    returns = service.rows("SELECT count(*) FROM returns")[0][0]
    until = {"valid_until": later}
    refused("disputes.correction_under_way", flow_disputes.correct, police(service), second, until, CORRECTED)
    assert service.rows("SELECT count(*) FROM returns")[0][0] == returns, "refused before anything is returned"
    assert flow_disputes.dispute_of(holder, second)["state"] == "opened"
    follow(service)
    flow_disputes.correct(police(service), second, until, CORRECTED)
    follow(service)
    values = licence_of(service, 8)["values"]
    assert (values["licence_class"], values["valid_until"]) == (wanted, later)


def test_a_correction_that_is_there_already_leads_back_to_the_clock(service: Service) -> None:
    """Its row is a duplicate: nothing is left to be sealed, by itself or by anybody."""
    holder, one = service.citizen(service.driver(9)), licence_of(service, 9)
    opened = flow_disputes.object_to(holder, SAID, certificate=one["id"])["id"]
    wanted = {"licence_class": other_class(one["values"]["licence_class"])}
    flow_disputes.correct(police(service), opened, wanted, CORRECTED)
    service.execute("UPDATE returns SET state = 'checked', rows_duplicate = 1 WHERE state = 'received'")
    follow(service)
    back = flow_disputes.dispute_of(holder, opened)
    assert (back["state"], back["corrections"][0]["state"]) == ("opened", "failed")
    assert flow_disputes.answer(police(service), opened, "upheld", CORRECTED)["state"] == "upheld"


def test_a_failed_correction_that_an_officer_seals_is_told_like_any_other_return(
    service: Service, receiver: Receiver
) -> None:
    flow.register_webhook(service.town, PINE, receiver.url, ["corrected"])
    _, copy = taken(service, 10, PINE)
    holder, one = service.citizen(service.driver(10)), licence_of(service, 10)
    opened = flow_disputes.object_to(holder, SAID, certificate=one["id"])["id"]
    wanted = {"licence_class": other_class(one["values"]["licence_class"])}
    flow_disputes.correct(police(service), opened, wanted, CORRECTED)
    service.execute("UPDATE returns SET auto_seal = false WHERE state = 'received'")
    follow(service)
    assert flow_disputes.dispute_of(holder, opened)["corrections"][0]["state"] == "failed"
    (row,) = service.rows("SELECT return_id FROM amendments WHERE dispute_id = :id", id=opened)
    police(service).post(f"/v1/returns/{row[0]}/seal")
    follow(service)
    while webhooks.turn(service.ctx):
        pass
    facts = [got.body["facts"] for got in receiver.got if got.body["kind"] == "corrected"]
    assert [[found["copy"] for found in fact["copies"]] for fact in facts] == [[copy]]
