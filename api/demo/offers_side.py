"""The demo's step of matching supply and demand: an ask that is matched, one that is answered, one that nobody answers.

No working day passes in a demo. For the third ask its date is moved into the past behind the service's back; what the
worker makes of that is its own. The receipts of the ask's moves still say the date that it had.
"""

import time
from collections.abc import Callable

from api.demo import behind, flow, flow_asks
from api.demo.stage import ANCHOR_WAIT_S, Demo, expect, refusal_of

HARBOUR = flow.entity("insurer-harbour")
LICENCE = "person.driving_licence"
# Of one kind of office there are two by now, the agent's; what only one offers goes to it and not to the desk.
DIPLOMA = "person.education_certificate"
FIELDS = ["licence_class", "valid_until"]


def offers(demo: Demo) -> tuple[int, str]:
    """Matched by consent and without condition, withheld, answered in time, named by the desk, late and ordered."""
    town, machine = demo.town, demo.town.machine(HARBOUR)
    school, regulator = town.department("education"), town.regulator()
    by_consent = flow_asks.file_ask(machine, type=LICENCE, fields=FIELDS, purpose_code="insurance.motor.claims")
    open_ = flow_asks.file_ask(machine, type="enterprise.business_licence", fields=["name"], frequency="daily")
    found = [(one["state"], one["route"]) for one in (by_consent, open_)]
    expect(found == [("matched", "consent"), ("matched", "open")], f"what is offered was {found}")
    withheld = flow_asks.file_ask(machine, type="person.blood_donation", fields=["name"])
    expect(withheld["state"] == "refused", f"what is withheld was {withheld['state']}")
    named = refusal_of(lambda: flow_asks.file_ask(machine, words="请提供手机号为138 0013 8000的人的数据"))
    expect(named == "data_asks.personal", f"an ask that names somebody was {named}")
    answered = flow_asks.file_ask(machine, type=DIPLOMA, fields=["name"], frequency="daily")
    expect(answered["state"] == "waiting", f"what is conditional was {answered['state']}")
    done = flow_asks.answer_ask(school, answered["id"], "agreed", "签订共享协议后按日提供。")
    expect((done["state"], done["in_time"]) == ("agreed", True), f"the answer made it {done}")
    late = flow_asks.file_ask(machine, words="公共充电桩的分布和使用状态", frequency="daily")
    expect(late["state"] == "desk", f"what nobody offers was {late['state']}")
    offices = {one["zh"]: one["id"] for one in regulator.get("/v1/data-asks/departments")["items"]}
    housing = next(party for name, party in offices.items() if "住房" in name)
    flow_asks.hand_over(regulator, late["id"], housing, "请贵局办理。")
    _date_passes(demo, late["id"])
    ordered = flow_asks.order(regulator, late["id"], "请在一个工作日内提供。")
    expect((ordered["state"], ordered["in_time"]) == ("ordered", False), f"the order made it {ordered}")
    figures = {one["code"]: one for one in regulator.get("/v1/indicators")["items"]}
    share = figures["asks_in_time"]["numerator"], figures["asks_in_time"]["denominator"]
    expect(share == (4, 5), f"the indicator says {share}")
    return 5, "asks: two matched, one withheld, one answered in time, one overdue and ordered; 4 of 5 in time"


def _date_passes(demo: Demo, ask_id: str) -> None:
    """Move an ask's date to just after it was filed, and wait until the worker has given it to the regulator."""
    past = f"UPDATE data_asks SET due_at_ms = filed_at_ms + 1 WHERE id = '{ask_id}'"  # noqa: S608 - our own id
    behind.change(demo.town.settings.store_url, past)
    regulator, deadline = demo.town.regulator(), time.monotonic() + ANCHOR_WAIT_S
    while time.monotonic() < deadline:
        if flow_asks.ask_of(regulator, ask_id)["state"] == "overdue":
            return
        time.sleep(flow.POLL_S)
    expect(False, "nobody gave the late ask to the regulator")


STEPS: dict[str, Callable[[Demo], tuple[int, str]]] = {"offers": offers}
