"""The demo's steps of supervision: three offices, indicators, the flow map, and the watch."""

import time
from collections.abc import Callable
from datetime import date, datetime

from api.demo import flow, flow_duties, flow_duty
from api.demo.client import Person as Caller
from api.demo.parties import REGULATOR
from api.demo.people import credit_code, identity_number
from api.demo.provision import party_id
from api.demo.stage import ANCHOR_WAIT_S, Demo, expect, refusal_of
from api.locale import CHINA_STANDARD_TIME
from api.services.indicators import INDICATORS
from chain.bundle import parse_bundle

WANDERER = "telecom-wave"
PURPOSE = "telecom.service_change"
ITEMS: flow.Items = (("person.id_card", "name", True), ("person.id_card", "id_number", True))
UNKNOWN = 6
COURT, BASIS = flow.entity("court-harbour"), "court.enforcement"
CASES = ("(2026)鲁1002执2001号", "(2026)鲁1002执2999号")
REGISTER = "/v1/case-register"


def duties(demo: Demo) -> tuple[int, str]:
    """A party proposed by one, admitted by another; offices given by two; stop and return; what one alone may not."""
    town = demo.town
    administrator, auditor = flow_duties.officer(town, "operator"), flow_duties.officer(town, "auditor", "J-01")
    first, second = (flow_duties.officer(town, "security", staff) for staff in ("S-01", "S-02"))
    described = {"role": "entity", "zh": "演示新港保险公司", "en": "Demo New Harbour", "uscc": credit_code(88_000_007)}
    act = flow_duties.propose_party(administrator, **described)
    refused = {
        "confirm alone": refusal_of(lambda: flow_duties.decide_act(administrator, act)),
        "auditor confirms": refusal_of(lambda: flow_duties.decide_act(auditor, act)),
        "own office": refusal_of(lambda: first.post("/v1/offices", {"staff": "S-01", "office": "operator"})),
        "second office": refusal_of(lambda: first.post("/v1/offices", {"staff": "J-01", "office": "operator"})),
        "operator reads": refusal_of(lambda: administrator.get("/v1/supervision/flow")),
    }
    wanted = ("auth.forbidden", "auth.forbidden", "duties.own_office", "duties.second_office", "auth.forbidden")
    expect(tuple(refused.values()) == wanted, f"refused: {refused}")
    flow_duties.decide_act(second, act)
    party = str(flow_duties.wait_for_act(auditor, act, ANCHOR_WAIT_S)["party"])
    flow_duties.give_office(first, second, "A-77", "auditor")
    flow_duties.suspend(first, party, "演示：暂停")
    back = flow_duties.let_back(first, second, party, "演示：恢复")
    flow_duties.wait_for_act(auditor, back, ANCHOR_WAIT_S)
    return len(refused) + 4, "admitted, suspended and let back by two; five attempts by one refused"


def indicators(demo: Demo) -> tuple[int, str]:
    """Every indicator with its definition, the same for regulator and auditor, and as files."""
    regulator, auditor = demo.town.regulator(), flow_duties.officer(demo.town, "auditor", "J-01")
    found = regulator.get("/v1/indicators")
    expect(found["items"] == auditor.get("/v1/indicators")["items"], "two readers are told different figures")
    figures = {one["code"]: one for one in found["items"]}
    expect(set(figures) == {one.code for one in INDICATORS}, f"indicators: {sorted(figures)}")
    expect(all(one["definition"]["zh"] and one["definition"]["en"] for one in found["items"]), "one has no definition")
    good, judged = figures["quality"]["numerator"], figures["quality"]["denominator"]
    good_rows = sum(file.good for file in demo.files)
    expect(judged >= good >= good_rows > 0, f"quality is {good} of {judged}, and the files had {good_rows} good rows")
    for form in ("csv", "xlsx", "json"):
        expect(len(regulator.get_bytes(f"/v1/indicators/export?format={form}")) > 500, f"the {form} file is empty")
    return len(figures), f"quality {good}/{judged}, refused {figures['refusals']['numerator']}"


def flow_map(demo: Demo) -> tuple[int, str]:
    """Where data went, without a name; from there to one certificate's life and its proofs."""
    regulator = demo.town.regulator()
    found = regulator.get("/v1/supervision/flow")
    expect(len(found["steps"]) > 0, "nothing flowed")
    text = str(found)
    named = [story.person for story in demo.stories if story.person.number in text or story.person.name in text]
    expect(not named, f"{len(named)} people are named on the map")
    step = found["steps"][-1]
    life = regulator.get(f"/v1/supervision/certificates/{step['record_id']}")
    kinds = {one["kind"] for one in life["moments"]}
    expect({"returned", "anchored", "granted", "pulled"} <= kinds, f"the certificate's life is {sorted(kinds)}")
    receipts = [one["receipt"] for one in life["moments"] if one["receipt"] is not None]
    base = f"/v1/supervision/certificates/{life['id']}/evidence"
    proofs = [parse_bundle(regulator.get_bytes(f"{base}/{receipt}")) for receipt in receipts]
    expect(all(proof.receipt is not None for proof in proofs), "a proof is of no receipt")
    return len(
        found["steps"]
    ), f"{len(found['holders'])} holders by pseudonym, a life of {len(life['moments'])} moments"


def alarm(demo: Demo) -> tuple[int, str]:
    """A usual day raised nothing; somebody tries numbers, a court names a case that it has not: one alarm each."""
    regulator = demo.town.regulator()
    before = _unusual(regulator)
    expect(before == [], f"a usual day raised {[one['kind'] for one in before]}")
    wanderer = flow.entity(WANDERER)
    known = {person.number for person in demo.city.persons}
    tried = [identity_number(date(1899, 1, 1 + place), 999) for place in range(UNKNOWN)]
    expect(not known & set(tried), "a number that was to be nobody's is somebody's")
    for place, number in enumerate(tried):
        flow.ask(demo.town, wanderer, number, PURPOSE, ITEMS, case_no=f"TEL-{place}", days=1, uses=1)
    found = _wait_for_alarm(regulator)
    expect([(one["kind"], one["party"]) for one in found] == [("enumeration", party_id(wanderer))], f"alarms: {found}")
    path = f"/v1/watch-alarms/{found[0]['id']}"
    regulator.post(f"{path}/take")
    closed = {"reason": "explained", "remark": "演示：已核查。"}
    expect(regulator.post(f"{path}/close", closed)["state"] == "closed", "the alarm was not closed")
    code = refusal_of(lambda: regulator.post(f"{path}/second-look", {"agrees": True}))
    expect(code == "watch.same_officer", f"the second look by the same officer was {code}")
    claims = {"role": "regulator", "party": party_id(REGULATOR), "name": "演示人员", "staff": "R-02"}
    second = Caller(demo.town.url).sign_in(**claims)
    try:
        state = second.post(f"{path}/second-look", {"agrees": True})["state"]
    finally:
        second.close()
    expect(state == "checked", f"after the second look the alarm is {state}")
    invented = _invented_case(demo, regulator)
    return (
        UNKNOWN + 2,
        f"{found[0]['seen']} unknown numbers: one alarm, looked at twice; a case in no register: {invented}",
    )


def _invented_case(demo: Demo, regulator: Caller) -> str:
    """A court's system brings its cases; its clerk's query under one raises nothing, under another an alarm."""
    court = party_id(COURT)
    today = datetime.now(CHINA_STANDARD_TIME).date().isoformat()
    brought = demo.town.machine(COURT).post(REGISTER, {"cases": [{"case_no": CASES[0], "opened_on": today}]})
    expect(brought["added"] == 1, f"the register took {brought}")
    whom, fields = demo.city.landlords[0], ("person.real_estate_title/location",)
    machine = refusal_of(lambda: flow_duty.query(demo.town.machine(COURT), BASIS, CASES[0], whom.number, fields))
    expect(machine == "statutory.brings_cases", f"who brings the numbers queried: {machine}")
    claims = {"role": "entity", "party": court, "name": "演示人员", "staff": "C-01"}
    clerk = Caller(demo.town.url).sign_in(**claims)
    raised = []
    try:
        for case_no in CASES:
            flow_duty.query(clerk, BASIS, case_no, whom.number, fields)
            raised.append([one for one in _unusual(regulator) if one["party"] == court])
    finally:
        clerk.close()
    kinds = [[one["kind"] for one in found] for found in raised]
    expect(kinds == [[], ["case_unknown"]], f"a known and an unknown case raised {kinds}")
    gaps = [one for one in regulator.get("/v1/case-registers")["items"] if one["last_at"] is None]
    expect(bool(gaps) and court not in {one["party"] for one in gaps}, "the gaps are not those without a register")
    return str(raised[1][0]["state"])


def _unusual(regulator: Caller) -> list[dict[str, object]]:
    """Alarms, but for work at night: whoever runs the demonstration then works at night."""
    return [one for one in regulator.get("/v1/watch-alarms")["items"] if one["kind"] != "hours"]


def _wait_for_alarm(regulator: Caller) -> list[dict[str, object]]:
    deadline = time.monotonic() + ANCHOR_WAIT_S
    while time.monotonic() < deadline:
        found = _unusual(regulator)
        if found:
            return found
        time.sleep(flow.POLL_S)
    return []


STEPS: dict[str, Callable[[Demo], tuple[int, str]]] = {
    "indicators": indicators,
    "flow": flow_map,
    "alarm": alarm,
    "duties": duties,
}
"""In the order of the demo."""
