"""The demo's steps of returning: a workbook with strange columns, data quality, a department's agent, old records."""

import time
from collections.abc import Callable, Sequence

from api.agent import keys as own_keys
from api.agent import line, watching
from api.catalogue import load_catalogue
from api.demo import agent_office, flow, flow_intake
from api.demo.city import generate_city
from api.demo.stage import ANCHOR_WAIT_S, Demo, expect, refusal_of
from api.wiring import TRUST_FILE
from chain.__main__ import verify_with_node
from chain.bundle import parse_bundle
from chain.canonical import canonical
from chain.trustfile import parse_trust_file
from chain.verdict import State
from watermark.carriers.xlsx_writing import Grid, write_workbook

LICENCE = "person.driving_licence"
HARBOUR = flow.entity("insurer-harbour")
ITEMS: flow.Items = ((LICENCE, "licence_class", True), (LICENCE, "valid_until", True))
EACH = 12
NEWCOMERS_SEED = 2026
STRANGE = ("甲", "乙")
Rows = Sequence[dict[str, str]]


def newcomers(demo: Demo, part: int) -> Rows:
    """Licences of people whom the city's files do not know, others for each step."""
    known = {person.number for person in demo.city.persons}
    city = generate_city(160, 900, seed=NEWCOMERS_SEED)
    found = [c.values for c in city.certificates if c.type_code == LICENCE and c.holder not in known]
    expect(len(found) >= 3 * EACH, "too few newcomers with a licence")
    return found[part * EACH : (part + 1) * EACH]


def workbook(rows: Rows, heads: Sequence[str]) -> bytes:
    """The rows as a workbook under these heads."""
    names = [field.name for field in load_catalogue().ready_type(LICENCE).fields]
    return write_workbook(Grid([list(heads)], [[row.get(name, "") for name in names] for row in rows]))


def xlsx(demo: Demo) -> tuple[int, str]:
    """A workbook of which two columns have no name that is known: proposed, confirmed, remembered."""
    schema = load_catalogue().ready_type(LICENCE)
    officer = demo.town.department(schema.department)
    heads = [*STRANGE, *(field.zh for field in schema.fields[2:])]
    rows = newcomers(demo, 0)
    item = flow_intake.drop(officer, "a.xlsx", workbook(rows[:6], heads), LICENCE, look="true", seal="true")
    shown = flow_intake.columns_of(officer, item["id"])
    found = {one["header"]: one["field"] for one in shown["columns"]}
    expect(not shown["certain"] and found[STRANGE[0]] == "id_number", f"columns were taken for {found}")
    said = found | {STRANGE[1]: "name"}
    flow_intake.confirm_columns(officer, item["id"], said)
    done = flow.wait_for_return(officer, item["id"], ("sealed", "anchored", "failed"))
    expect((done["state"] != "failed", done["rows"]["good"]) == (True, 6), f"the workbook gave {done}")
    again = flow_intake.drop(officer, "b.xlsx", workbook(rows[6:], heads), LICENCE, seal="true")
    done = flow.wait_for_return(officer, again["id"], ("sealed", "anchored", "failed"))
    expect(
        (done["state"] != "failed", done["rows"]["good"]) == (True, EACH - 6), f"what was said was forgotten: {done}"
    )
    return EACH, "rows of two workbooks; columns confirmed once, asked no second time"


def quality(demo: Demo) -> tuple[int, str]:
    """Every file's report has exactly the rates that its known faults give."""
    checked = 0
    for file in demo.files:
        officer = demo.town.department(file.department)
        report = officer.get(f"/v1/returns/{demo.returned[file.type_code]}/quality")
        passed = (report["passed"]["part"], report["passed"]["whole"])
        expect(passed == (file.good, file.good + len(file.bad)), f"{file.type_code}: {passed}")
        rules = {one["code"]: one["found"]["part"] for one in report["rules"]}
        expect(rules["duplicate"] == len(file.duplicates), f"{file.type_code}: {rules}")
        checked += 1
    seen = demo.town.regulator().get("/v1/quality")
    missing = {file.type_code for file in demo.files} - {one["type"] for one in seen["lines"]}
    expect(not missing, f"the regulator does not see {sorted(missing)}")
    return checked, f"files with exactly their rates; {seen['passed']['per_mille'] / 10} % of all rows passed"


def agent(demo: Demo) -> tuple[int, str]:
    """A department's agent returns a file from its folder, signs with its own key, and the verifier says so."""
    schema = load_catalogue().ready_type(LICENCE)
    folder = demo.folder.parent / "agent"
    keys = own_keys.make(folder / "keys")
    agent_office.admit(demo.town.settings, schema.department, keys)
    rows = newcomers(demo, 1)
    path = folder / "box" / "in" / LICENCE / "a.xlsx"
    path.parent.mkdir(parents=True)
    path.write_bytes(workbook(rows, [field.zh for field in schema.fields]))
    desk = line.desk_of(folder / "box", demo.town.url, keys, demo.folder / TRUST_FILE, demo=True)
    try:
        expect(watching.turn(desk, settled_s=0.0) == 1, "the agent took no file")
        taken = sorted(one.name for one in (folder / "box" / "done").glob("*.report.json"))
        expect(len(taken) == 1, "the file is not among those that are done")
        person = demo.town.citizen(rows[0]["id_number"], rows[0]["name"])
        (certificate,) = person.get("/v1/certificates")["items"]
        trust = parse_trust_file((demo.folder / TRUST_FILE).read_bytes())

        def verified() -> bool:
            document = person.get(f"/v1/certificates/{certificate['id']}/proof")
            verdict = verify_with_node(parse_bundle(canonical(document)), trust, demo.rpc_url, None)
            notes = {note.code for note in verdict.notes}
            return verdict.state is State.VALID and "chain.note.department_agent" in notes

        deadline = time.monotonic() + ANCHOR_WAIT_S
        while not verified():
            expect(time.monotonic() < deadline, "no proof that is valid and names the agent")
            time.sleep(flow.POLL_S)
    finally:
        desk.service.close()
    return len(rows), "rows; roots computed and signed on the department's machine, as the verifier says"


def backfill(demo: Demo) -> tuple[int, str]:
    """Old records: refused before a second officer's review, shared afterwards."""
    schema = load_catalogue().ready_type(LICENCE)
    first = flow_intake.officer_with_number(demo.town, schema.department, "B0001")
    second = flow_intake.officer_with_number(demo.town, schema.department, "B0002")
    rows = newcomers(demo, 2)
    data = workbook(rows, [field.zh for field in schema.fields])
    item = flow_intake.drop(first, "old.xlsx", data, LICENCE, origin="backfill", seal="true")
    done = flow.wait_for_return(first, item["id"], ("sealed", "anchored", "failed"))
    expect((done["state"] != "failed", done["rows"]["good"]) == (True, EACH), f"the old records gave {done}")
    number, name = rows[0]["id_number"], rows[0]["name"]
    asked = flow.ask(
        demo.town, HARBOUR, number, "insurance.motor.claims", ITEMS, case_no="DEMO-2026-B", days=30, uses=5
    )
    person = demo.town.citizen(number, name)
    said = [
        refusal_of(lambda: flow.approve(person, asked, days=30, uses=5)),
        refusal_of(lambda: flow_intake.review(first, item["id"], EACH)),
        refusal_of(lambda: flow_intake.review(second, item["id"], EACH - 1)),
    ]
    wanted = ["requests.not_reviewed", "returns.same_officer", "returns.review_differs"]
    expect(said == wanted, f"answers were {said}")
    flow_intake.review(second, item["id"], EACH)
    grant = flow.approve(person, asked, days=30, uses=5)["grant"]
    flow.pull_envelope(demo.town, HARBOUR, grant, "json")
    return EACH, "old records, shared only after another officer's review"


STEPS: dict[str, Callable[[Demo], tuple[int, str]]] = {
    "xlsx": xlsx,
    "quality": quality,
    "agent": agent,
    "backfill": backfill,
}
