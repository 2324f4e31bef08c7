"""The demo's steps of the source's side: what people object to, and corrections followed to all who hold a value."""

import time
from collections.abc import Callable

from api.demo import flow, flow_disputes, flow_looks
from api.demo.client import Machine
from api.demo.people_side import CLAIMS, HARBOUR, INSURER, LICENCE, citizen, delivery_verdict, granted, person, pull
from api.demo.stage import ANCHOR_WAIT_S, CLAIM, Demo, expect, refusal_of
from chain.verdict import State

STATEMENT = "准驾车型有误，请核对档案。"


def dispute(demo: Demo) -> tuple[int, str]:
    """A look is to be explained; the insurer refuses, the regulator is asked once and decides for the person."""
    who, regulator = citizen(demo, person(demo, 10)), demo.town.regulator()
    pull(demo, granted(demo, person(demo, 10)))
    line = flow_looks.footprints_of(who, kind="delivered")[0]
    opened = flow_disputes.object_to(who, "我没有出险，为何查看？", receipt=line["receipt"])["id"]
    machine = demo.town.machine(INSURER)
    flow_disputes.dispute_of(machine, opened)
    flow_disputes.answer(machine, opened, "refused", "理赔所需。")
    flow_disputes.ask_regulator(who, opened, "没有这笔理赔。")
    flow_disputes.decide(regulator, opened, "ordered", "查无此案，请说明并改正。")
    code = refusal_of(lambda: flow_disputes.answer(machine, opened, "refused", "理赔所需。"))
    expect(code == "disputes.transition", f"what the regulator has ordered was refused with {code}")
    flow_disputes.answer(machine, opened, "upheld", "系误操作，已加强管理。")
    code = refusal_of(lambda: flow_disputes.ask_regulator(who, opened, "再看看。"))
    expect(code == "disputes.transition", f"the regulator was asked twice: {code}")
    course = [event["state"] for event in flow_disputes.dispute_of(who, opened)["events"]]
    expect(course == ["opened", "refused", "contested", "ordered", "upheld"], f"its course was {course}")
    looked = [one for one in flow_looks.footprints_of(who, kind="official") if one["basis"] == "dispute"]
    expect(len(looked) == 1, f"the person sees {len(looked)} lines of who read it")
    return len(course), f"answered, contested, decided, carried out; {len(looked)} look at it in the person's own list"


def correct(demo: Demo) -> tuple[int, str]:
    """The department corrects a field; both insurers are told, confirm, and the wrong version verifies no more."""
    whose = person(demo, 11)
    who = citizen(demo, whose)
    grant = granted(demo, whose)
    envelope = pull(demo, grant)
    asked = flow.ask(demo.town, HARBOUR, whose.number, CLAIMS, CLAIM, case_no="DEMO-2026-C", days=30, uses=5)
    theirs = str(flow.approve(who, asked, days=30, uses=5)["grant"])
    flow.pull_envelope(demo.town, HARBOUR, theirs, "json")
    expect(delivery_verdict(demo, envelope) is State.VALID, "the delivery does not verify before the correction")
    old = next(one for one in who.get("/v1/certificates")["items"] if one["type"] == LICENCE)
    wanted = "B2" if old["values"]["licence_class"] != "B2" else "C1"
    opened = flow_disputes.object_to(who, STATEMENT, certificate=old["id"], field="licence_class")["id"]
    officer = demo.town.department("public_security")
    flow_disputes.correct(officer, opened, {"licence_class": wanted}, "经查属实，已更正。")
    found = flow_disputes.wait_for_dispute(who, opened, ("corrected",), ANCHOR_WAIT_S)
    correction = str(found["corrections"][0]["id"])
    machines = [demo.town.machine(one) for one in (INSURER, HARBOUR)]
    _wait(lambda: all(_told(machine, correction) for machine in machines), "a recipient was not told")
    for machine in machines:
        flow_disputes.confirm(machine, correction)
    stands = flow_disputes.wait_for_correction(who, correction, confirmed=len(machines))
    expect(stands["total"] == len(machines), f"{stands['total']} hold the wrong value, expected {len(machines)}")
    expect(wanted.encode() in pull(demo, grant).file, "a new copy does not have the corrected value")
    _wait(
        lambda: bool(flow_disputes.correction_of(who, correction)["withdrawn_on_chain"]),
        "the wrong version was not withdrawn on the chain",
    )
    state = delivery_verdict(demo, envelope)
    expect(state is State.REVOKED, f"evidence of the wrong version is {state.value}")
    new = next(one for one in who.get("/v1/certificates")["items"] if one["type"] == LICENCE)
    expect(new["version"] == old["version"] + 1, f"the certificate is at version {new['version']}")
    return len(machines), f"{stands['confirmed']} of {stands['total']} confirmed, signed; the old version is revoked"


def _told(machine: Machine, correction: str) -> bool:
    return correction in {one["correction"] for one in flow_disputes.corrections_to_confirm(machine)}


def _wait(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + ANCHOR_WAIT_S
    while not holds():
        expect(time.monotonic() < deadline, what)
        time.sleep(flow.POLL_S)


STEPS: dict[str, Callable[[Demo], tuple[int, str]]] = {"dispute": dispute, "correct": correct}
"""The steps in their order, by name."""
