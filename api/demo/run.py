"""`mydata demo`: the main job, headless, on generated input and real processes; each step says whether it held.

Nothing here looks into the service: files go in and copies come out over HTTP as for its users, evidence is verified
with the chain and the trust file alone. Only the last step reaches behind it, to change a row as a database
administrator could.
"""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.catalogue import load_catalogue
from api.demo import (
    flow,
    flow_traces,
    intake_side,
    leaks,
    offers_side,
    operators_side,
    overseers_side,
    people_side,
    source_side,
    up,
)
from api.demo.behind import alter_a_record
from api.demo.city import City, generate_city
from api.demo.commands import check
from api.demo.files import write_department_files
from api.demo.flow import Envelope, Town
from api.demo.leaks import Leak
from api.demo.people import Person
from api.demo.provision import party_id
from api.demo.seal_side import seal
from api.demo.stage import ANCHOR_WAIT_S, CLAIM, Demo, StepFailedError, Story, each, expect, progress
from api.errors import ApiError, Kind
from api.store.database import Database
from api.store.schema import schema_version
from api.wiring import TRUST_FILE
from chain.__main__ import verify_with_node
from chain.bundle import parse_bundle
from chain.canonical import canonical
from chain.errors import ChainError
from chain.trustfile import TrustFile, parse_trust_file
from chain.verdict import State

GRANTS = 60
USES = 5
CASE = "DEMO-2026-0815"
# Nobody is erased on the spot; in the demo the time to think again is as short as a test of it needs.
COOLING_S = 2
LICENSED = ("person.driving_licence", "person.id_card")
# So many people with a licence are left to the steps of the people's side.
SPARE = 12
BANKS = ("bank-lighthouse", "bank-tide", "bank-reef")
TITLES: flow.Items = (
    ("person.real_estate_title", "certificate_number", True),
    ("person.real_estate_title", "co_ownership", True),
    ("person.real_estate_title", "usage", True),
    ("person.real_estate_title", "area", True),
    ("person.real_estate_title", "registered_on", False),
    ("person.real_estate_title", "location", False),
)
IDENTITY: flow.Items = (
    ("person.id_card", "name", True),
    ("person.id_card", "id_number", True),
    ("person.id_card", "valid_until", True),
    ("person.id_card", "address", False),
)


def run(
    *,
    citizens: int,
    records: int,
    console: Console,
    database_url: str = "",
    look: Callable[[Demo], None] | None = None,
) -> dict[str, Any]:
    """Run all steps; the JSON document of `mydata demo --json`.

    `database_url` names an empty database, else SQLite is used. `look` is called at the end, while everything still
    stands. Raises `demo.database_in_use`.
    """
    _require_empty(database_url)
    steps: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="mydata-demo-") as name:
        data_dir = Path(name) / "data"
        with console.status("正在启动链、后台与服务 / starting chain, worker and service"):
            running = up.start(
                data_dir, port=0, chain_port=0, database_url=database_url, more={"erasure_cooling_s": COOLING_S}
            )
        town = Town(running.settings, running.url)
        columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        try:
            with Progress(*columns, console=console) as bar:
                city = generate_city(citizens, records)
                files = write_department_files(city, Path(name) / "files", load_catalogue())
                stories = _stories(city)
                demo = Demo(town, data_dir, running.rpc_url, city, files, stories, _others(city, stories), bar)
                for step in STEPS:
                    steps.append(_step(step, ACTIONS[step], demo))
                    if not steps[-1]["ok"] and step not in GO_ON:
                        break
                if look is not None:
                    look(demo)
        finally:
            town.close()
            running.stack.stop()
    result = {"ok": len(steps) == len(STEPS) and all(step["ok"] for step in steps), "steps": steps}
    _print(result, console)
    return result


def _require_empty(database_url: str) -> None:
    """Refuse a database in which something stands: its records are sealed with other keys than the demo's."""
    if not database_url:
        return
    db = Database(database_url)
    try:
        version = schema_version(db)
    finally:
        db.close()
    if version is not None:
        raise ApiError("demo.database_in_use", Kind.CONFLICT)


def _step(name: str, action: Callable[[Demo], tuple[int, str]], demo: Demo) -> dict[str, Any]:
    begun = time.perf_counter()
    try:
        count, detail = action(demo)
        ok = True
    except StepFailedError as failed:
        count, detail, ok = 0, str(failed), False
    except (ApiError, ChainError) as error:
        count, detail, ok = 0, error.code, False
    return {"name": name, "ok": ok, "count": count, "seconds": round(time.perf_counter() - begun, 3), "detail": detail}


def _stories(city: City) -> list[Story]:
    """Who asks whom: one insurer many drivers; three banks a landlord and one more person, each for equal fields."""
    licensed = {c.holder for c in city.certificates if c.type_code == "person.driving_licence"}
    drivers = [person for person in city.persons if person.number in licensed and person not in city.landlords]
    if len(drivers) < 3 or not city.landlords:
        raise ApiError("demo.too_few_citizens")
    harbour = flow.entity("insurer-harbour")
    asked_drivers = drivers[: max(3, min(GRANTS, len(drivers) - SPARE))]
    claims = [
        Story(person, harbour, "insurance.motor.claims", CLAIM, ("json", "csv", "xlsx", "pdf") if at < 2 else ("json",))
        for at, person in enumerate(asked_drivers)
    ]
    banks = [flow.entity(code) for code in BANKS]
    loans = [Story(city.landlords[0], bank, "bank.personal_credit", TITLES, ("csv", "xlsx", "pdf")) for bank in banks]
    asked = {person.number for person in (*asked_drivers, city.landlords[0])}
    identified = {c.holder for c in city.certificates if c.type_code == "person.id_card"} - asked
    other = next(person for person in city.persons if person.number in identified)
    checks = [Story(other, bank, "bank.personal_credit", IDENTITY, ("json",)) for bank in banks]
    return [*loans, *checks, *claims]


def _others(city: City, stories: Sequence[Story]) -> list[Person]:
    """People with a licence and an identity card whom no story asks, landlords and donors last."""
    asked = {story.person.number for story in stories}
    known = [{c.holder for c in city.certificates if c.type_code == code} for code in LICENSED]
    return [p for p in city.persons if p.number not in asked and all(p.number in holders for holders in known)]


def _return(demo: Demo) -> tuple[int, str]:
    """Hand all files in and hold every report against what was written into the files."""
    for file in demo.files:
        officer = demo.town.department(file.department)
        demo.returned[file.type_code] = flow.return_file(officer, file.path, file.type_code)
    good = bad = 0
    with progress(demo, "返还 / return", sum(file.rows for file in demo.files)) as advance:
        for file in demo.files:
            officer = demo.town.department(file.department)
            item = flow.wait_for_return(officer, demo.returned[file.type_code], ("sealed", "anchored", "failed"))
            rows = item["rows"]
            found = (item["state"] != "failed", rows["good"], rows["bad"], rows["duplicate"])
            expected = (True, file.good, len(file.bad), len(file.duplicates))
            expect(found == expected, f"{file.type_code}: {found}, expected {expected}")
            noted = {row["line"]: row["reason"] for row in flow.bad_rows(officer, item["id"], "bad")}
            reasons = {line: reason for line, (_, reason) in file.bad.items()}
            expect(noted == reasons, f"{file.type_code}: reasons by line differ: {noted} expected {reasons}")
            good, bad = good + rows["good"], bad + rows["bad"]
            advance(file.rows)
    return good, f"{len(demo.files)} files, {bad} bad rows found, each with its line and reason"


def _anchor(demo: Demo) -> tuple[int, str]:
    with progress(demo, "存证 / anchor", len(demo.files)) as advance:
        for file in demo.files:
            officer = demo.town.department(file.department)
            flow.wait_for_return(officer, demo.returned[file.type_code], ("anchored",), ANCHOR_WAIT_S)
            advance(1)
    return len(demo.files), "every return's batches stand on the chain"


def _request(demo: Demo) -> tuple[int, str]:
    def act(numbered: tuple[int, Story]) -> None:
        place, story = numbered
        number, case_no = story.person.number, f"{CASE}-{place}"
        story.asked = flow.ask(
            demo.town, story.entity, number, story.purpose, story.items, case_no=case_no, days=30, uses=USES
        )

    each(demo, "申请 / request", list(enumerate(demo.stories)), act)
    return len(demo.stories), "filed by machines with signed requests"


def _grant(demo: Demo) -> tuple[int, str]:
    people = {story.person.number: story.person for story in demo.stories}
    for person in people.values():
        demo.town.citizen(person.number, person.name)

    def act(story: Story) -> None:
        assert story.asked is not None
        person = demo.town.citizen(story.person.number, story.person.name)
        story.grant = flow.approve(person, story.asked, days=30, uses=USES)["grant"]

    each(demo, "授权 / grant", demo.stories, act)
    return len(demo.stories), "each bound to its holder's presence and signed by a key of its own"


def _pull(demo: Demo) -> tuple[int, str]:
    wanted = [(story, extension) for story in demo.stories for extension in story.formats]

    def act(item: tuple[Story, str]) -> None:
        story, extension = item
        story.pulled[extension] = flow.pull_envelope(demo.town, story.entity, story.grant, extension)

    each(demo, "取用 / pull", wanted, act)
    for story in demo.stories:
        mine = {envelope.copy for envelope in story.pulled.values()}
        expect(len(mine) == len(story.formats), "every format is a copy of its own")
    return len(wanted), "as JSON, CSV, XLSX and PDF, each marked and receipted"


def _bulk(demo: Demo) -> tuple[int, str]:
    """Pull every claim once more in one job; the archive is checked against its manifest and the log's key."""
    claims = [story for story in demo.stories if story.entity.code == "insurer-harbour"]
    with progress(demo, "批量取数 / bulk", len(claims)) as advance:
        archive = flow.pull_many(demo.town, claims[0].entity, demo.folder.parent, case_prefix=CASE, form="json")
        advance(len(archive.delivered))
    expect(not archive.refused, f"refused: {sorted({reason for _, reason in archive.refused})}")
    mine = {story.grant: story.pulled["json"] for story in claims}
    expect({one.grant for one in archive.delivered} == set(mine), "the archive has other grants than were asked")
    for one in archive.delivered:
        expect(archive.read(one) == mine[one.grant].file, f"{one.copy} is not the copy that was pulled before")
    receipts = {one.promise.receipt for one in archive.delivered} | {one.receipt for one in mine.values()}
    expect(len(receipts) == 2 * len(mine), "every copy that leaves has a receipt of its own")
    return len(archive.delivered), "in one archive, each the same copy as before with a receipt of its own"


def _leak(demo: Demo) -> tuple[int, str]:
    """Make the leaks; what each must come to stands beside it."""
    by_entity = {story.entity.code: story for story in demo.stories[:3]}
    shared = demo.stories[3]
    claims = demo.stories[6:]
    first, second, third = claims[0].pulled, claims[1].pulled, claims[2].pulled
    harbour = "insurer-harbour"
    lighthouse, tide, reef = (by_entity[code].pulled for code in BANKS)
    demo.leaked = [
        Leak("JSON as delivered", "a.json", first["json"].file, "identified", harbour),
        Leak("CSV as delivered", "a.csv", first["csv"].file, "identified", harbour),
        Leak("XLSX as delivered", "a.xlsx", first["xlsx"].file, "identified", harbour),
        Leak("PDF as delivered", "a.pdf", first["pdf"].file, "identified", harbour),
        Leak("XLSX saved as CSV", "i.csv", leaks.workbook_as_csv(second["xlsx"].file), "identified", harbour),
        Leak(
            "XLSX of 16 rows without its label, saved by another program",
            "j.xlsx",
            leaks.resaved_workbook(lighthouse["xlsx"].file),
            "identified",
            "bank-lighthouse",
        ),
        Leak(
            "JSON with other white space", "b.json", leaks.reindented_json(second["json"].file), "identified", harbour
        ),
        Leak(
            "one record, re-ordered, nothing that names it; one entity has these values",
            "c.json",
            leaks.bare_json(third["json"].file, sort=True),
            "suspect",
            harbour,
        ),
        Leak(
            "16 rows in the order of the copy, columns dropped, other delimiter and encoding",
            "d.csv",
            leaks.cut_csv(lighthouse["csv"].file, ("usage", "record"), encoding="gb18030"),
            "identified",
            "bank-lighthouse",
        ),
        Leak(
            "16 rows sorted; three banks have them", "e.csv", leaks.cut_csv(reef["csv"].file, sort=True), "inconclusive"
        ),
        Leak(
            "one record, re-ordered; three banks have it",
            "f.json",
            leaks.bare_json(shared.pulled["json"].file, sort=True),
            "inconclusive",
        ),
        Leak("PDF stripped and saved anew", "g.pdf", leaks.stripped_pdf(tide["pdf"].file), "identified", "bank-tide"),
        Leak(
            "sorted rows with another bank's copy id pasted in",
            "h.csv",
            leaks.pasted_label(reef["csv"].file, tide["csv"].file),
            "inconclusive",
        ),
        *leaks.unrelated(),
    ]
    return len(demo.leaked), f"{len(demo.leaked) - leaks.UNRELATED} of ours, {leaks.UNRELATED} of strangers"


def _trace(demo: Demo) -> tuple[int, str]:
    regulator = demo.town.regulator()
    wrong: list[str] = []
    tally: dict[str, int] = {}
    ids = {party_id(story.entity): story.entity.code for story in demo.stories}

    def judge(leak: Leak, answer: dict[str, Any]) -> None:
        named = {ids[item["entity"]] for item in answer["report"]["accused"]}
        found = (answer["outcome"], named)
        if found != (leak.outcome, {leak.entity} if leak.entity else set()):
            wrong.append(f"{leak.name}: {found[0]} {sorted(named)}, expected {leak.outcome} {leak.entity}")
        tally[answer["outcome"]] = tally.get(answer["outcome"], 0) + 1

    with progress(demo, "溯源 / trace", len(demo.leaked)) as advance:
        ours, strangers = demo.leaked[: -leaks.UNRELATED], demo.leaked[-leaks.UNRELATED :]
        # Strangers' files are a job, as hundreds would be; ours are shown to the regulator one by one.
        job = flow_traces.begin_job(regulator, [(leak.file_name, leak.data) for leak in strangers])["id"]
        for leak in ours:
            judge(leak, flow_traces.examine(regulator, leak.file_name, leak.data))
            advance(1)
        ended = flow_traces.wait_for_job(regulator, job)
        expect(ended["counts"]["done"] == len(strangers), f"traced in one run: {ended['counts']}")
        for leak, line in zip(strangers, flow_traces.job_files(regulator, job), strict=True):
            judge(leak, regulator.get(f"/v1/traces/{line['trace']}"))
            advance(1)
    expect(not wrong, "; ".join(wrong))
    return len(demo.leaked), ", ".join(f"{count} {outcome}" for outcome, count in sorted(tally.items()))


def _verify(demo: Demo) -> tuple[int, str]:
    """Verify every delivery with the chain and the trust file; JSON copies with their values disclosed."""
    trust = parse_trust_file((demo.folder / TRUST_FILE).read_bytes())
    deliveries = [(story, envelope) for story in demo.stories for envelope in story.pulled.values()]

    def act(item: tuple[Story, Envelope]) -> str | None:
        story, envelope = item
        return _verified(demo, trust, story, envelope)

    failed = [text for text in each(demo, "核验 / verify", deliveries, act) if text is not None]
    expect(not failed, "; ".join(failed[:5]))
    return len(deliveries), "with the chain and the trust file only; the service was not asked"


def _verified(demo: Demo, trust: TrustFile, story: Story, envelope: Envelope) -> str | None:
    deadline = time.monotonic() + ANCHOR_WAIT_S
    while True:
        document = flow.bundle_of(demo.town, story.entity, envelope)
        if envelope.media_type == "application/json":
            document = flow.disclose(document, envelope)
        verdict = verify_with_node(parse_bundle(canonical(document)), trust, demo.rpc_url, envelope.file)
        if verdict.state is State.VALID:
            return None
        # A receipt waits for its checkpoint, a grant for its block: pending is honest, and passes.
        if verdict.state is not State.PENDING or time.monotonic() > deadline:
            return f"{envelope.copy}: {[f.code for f in verdict.findings if f.state is not State.VALID]}"
        time.sleep(flow.POLL_S)


def _revoke(demo: Demo) -> tuple[int, str]:
    def act(story: Story) -> None:
        demo.town.citizen(story.person.number, story.person.name).post(f"/v1/grants/{story.grant}/revoke")

    ended = demo.stories[6:]
    each(demo, "收回 / revoke", ended, act)
    return len(ended), "effective at once; the chain follows"


def _refuse(demo: Demo) -> tuple[int, str]:
    """The next pull of every revoked grant is refused with its reason, and the holder sees the refusal."""
    ended = demo.stories[6:]

    def act(story: Story) -> str:
        try:
            flow.pull_envelope(demo.town, story.entity, story.grant, "json")
        except ApiError as error:
            return error.code
        return "served"

    answers = set(each(demo, "拒绝 / refuse", ended, act))
    expect(answers == {"pull.grant_revoked"}, f"answers were {sorted(answers)}")
    person = ended[0].person
    seen = demo.town.citizen(person.number, person.name).get("/v1/footprints")["items"]
    expect(any(line["kind"] == "refusal" for line in seen), "the holder does not see the refusal")
    return len(ended), "every pull after its revocation"


def _tamper(demo: Demo) -> tuple[int, str]:
    """The store is clean; one row is changed behind the service's back; the check names that row and no other."""
    deadline = time.monotonic() + ANCHOR_WAIT_S
    settings = demo.town.settings
    report = check(settings)
    while not report.ok and time.monotonic() < deadline and _still_moving(report.findings):
        time.sleep(1.0)
        report = check(settings)
    expect(report.ok, f"the untouched store has findings: {[f.code for f in report.findings[:5]]}")
    row_id = alter_a_record(settings.store_url)
    report = check(settings)
    named = {finding.id for finding in report.findings}
    expect(named == {row_id}, f"the check named {sorted(named)}, expected {row_id}")
    return sum(report.checked.values()), f"clean before; then named {row_id}: {report.findings[0].code}"


def _still_moving(findings: Sequence[Any]) -> bool:
    return all("pending" in finding.code for finding in findings)


def _print(result: dict[str, Any], console: Console) -> None:
    for step in result["steps"]:
        mark = "[green]✓[/]" if step["ok"] else "[bold red]✗[/]"
        line = f"{mark} {step['name']:<8} {step['count']:>7}  {step['seconds']:>8.2f} s  {step['detail']}"
        console.print(line, highlight=False)
    console.print("[bold green]成立 / holds[/]" if result["ok"] else "[bold red]不成立 / does not hold[/]")


ACTIONS: dict[str, Callable[[Demo], tuple[int, str]]] = {
    "return": _return,
    "anchor": _anchor,
    "request": _request,
    "grant": _grant,
    "pull": _pull,
    "bulk": _bulk,
    "leak": _leak,
    "trace": _trace,
    "verify": _verify,
    "revoke": _revoke,
    "refuse": _refuse,
    "seal": seal,
    **people_side.STEPS,
    **source_side.STEPS,
    **intake_side.STEPS,
    **overseers_side.STEPS,
    **offers_side.STEPS,
    **operators_side.STEPS,
    # Last: what it does to the store is not undone.
    "tamper": _tamper,
}


STEPS = tuple(ACTIONS)
# What these find wrong does not keep the others from finding more.
GO_ON = frozenset(
    {
        "trace",
        "verify",
        "seal",
        *people_side.STEPS,
        *source_side.STEPS,
        *intake_side.STEPS,
        *overseers_side.STEPS,
        *offers_side.STEPS,
        *operators_side.STEPS,
    }
)


def result_json(result: dict[str, Any]) -> str:
    """The result as it is written to a file."""
    return json.dumps(result, ensure_ascii=False, indent=2) + "\n"
