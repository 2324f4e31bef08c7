"""Queries by statutory duty: what they bring, what they leave, and what stops whoever walks through numbers."""

import json
import secrets

import pytest

from api.demo import flow, flow_duty
from api.demo.provision import party_id
from api.errors import ApiError
from api.store.fsck import fsck
from api.wiring import TRUST_FILE, log_key
from chain.__main__ import verify_with_node
from chain.bundle import parse_bundle
from chain.canonical import canonical
from chain.trustfile import parse_trust_file
from chain.verdict import State
from tests.town import HARBOUR, LICENCE, TITLES, Service, small_city

POLICE, COURT = "police.investigation", "court.enforcement"
CASE, FILE_NO = "A3710024500002026110001", "(2026)鲁1002执1234号"
OTHER_CASE = "A3710024500002026119999"
FSCK_CASE = "A3710024500002026117777"
FIELDS = (f"{LICENCE}/name", f"{LICENCE}/licence_class")
COURT_HARBOUR = flow.entity("court-harbour")


def police(service: Service) -> flow.Person:
    return service.town.department("public_security")


def refused(code: str, who: object, *arguments: object, **options: object) -> None:
    with pytest.raises(ApiError) as error:
        flow_duty.query(who, *arguments, **options)  # type: ignore[arg-type]
    assert error.value.code == code


def numbers(stem: str, count: int) -> list[str]:
    """Numbers with the right check digit that count up."""
    found = []
    for at in range(count):
        digits = f"{stem}{at:03d}"
        total = sum(int(d) * (2 ** (17 - i) % 11) for i, d in enumerate(digits))
        found.append(digits + "10X98765432"[total % 11])
    return found


@pytest.fixture
def calm(service: Service) -> Service:
    """A service on which nobody has queried anything lately and no alarm is open."""
    service.execute("DELETE FROM statutory_alarms")
    service.execute("UPDATE statutory_accesses SET at_ms = at_ms - 200000000")
    return service


def test_a_department_gets_a_marked_copy_and_the_person_sees_by_which_law(calm: Service) -> None:
    person = calm.driver(0)
    envelope = flow_duty.query(police(calm), POLICE, CASE, person.number, FIELDS)
    (record,) = json.loads(envelope.file)["records"]
    assert (record["name"], {*record} - {"type", "record"}) == (person.name, {"name", "licence_class"})
    (latest, *_) = flow_duty.queries(police(calm))
    assert (latest["basis"], latest["case_no"], latest["outcome"]) == (POLICE, CASE, "delivered")
    assert person.number not in json.dumps(latest)
    citizen = calm.citizen(person)
    kinds = [line["kind"] for line in citizen.get("/v1/footprints")["items"]]
    assert kinds[:2] == ["delivery", "grant"]
    (copy,) = calm.rows("SELECT grant_id FROM copies WHERE id = :id", id=envelope.copy)
    assert citizen.get("/v1/requests")["items"] == [], "nobody was asked"
    assert copy[0] not in [item["id"] for item in citizen.get("/v1/grants")["items"]], "nothing that was agreed to"
    with pytest.raises(ApiError) as error:
        flow.change_grant(citizen, copy[0], "revoke")
    assert error.value.code == "grants.not_found"


def test_its_evidence_holds_by_the_departments_own_signature(calm: Service) -> None:
    officer = police(calm)
    envelope = flow_duty.query(officer, POLICE, CASE, calm.driver(1).number, FIELDS)
    calm.settle()
    bundle = flow.disclose(officer.get(f"/v1/receipts/{envelope.receipt}/evidence"), envelope)
    trust = parse_trust_file((calm.settings.data_dir / TRUST_FILE).read_bytes())
    verdict = verify_with_node(parse_bundle(canonical(bundle)), trust, calm.chain.url, envelope.file)
    assert verdict.state is State.VALID, [f.code for f in verdict.findings]
    assert "chain.note.grant_authority" in {note.code for note in verdict.notes}
    bundle["grant"]["binding"] = None
    verdict = verify_with_node(parse_bundle(canonical(bundle)), trust, calm.chain.url, envelope.file)
    assert verdict.state is State.INVALID, "without it nobody answers for the query"


def test_the_stores_own_check_finds_nothing_amiss(calm: Service) -> None:
    flow_duty.query(police(calm), POLICE, CASE, calm.driver(3).number, FIELDS)
    calm.settle()
    trust = parse_trust_file((calm.settings.data_dir / TRUST_FILE).read_bytes())
    found = fsck(calm.ctx.db, calm.ctx.vault, trust.log_public_key, identity=calm.ctx.chain).findings
    assert [(one.table, one.code) for one in found if one.table in {"grants", "grant_events", "copies"}] == []


def test_a_court_signs_its_request_instead(calm: Service) -> None:
    landlord = small_city().landlords[0]
    machine = calm.town.machine(COURT_HARBOUR)
    fields = [f"{TITLES[0][0]}/{name}" for name in ("certificate_number", "location")]
    envelope = flow_duty.query(machine, COURT, FILE_NO, landlord.number, fields)
    calm.settle()
    bundle = flow.disclose(flow.bundle_of(calm.town, COURT_HARBOUR, envelope), envelope)
    assert bundle["grant"]["binding"] is None and bundle["request"] is not None
    trust = parse_trust_file((calm.settings.data_dir / TRUST_FILE).read_bytes())
    verdict = verify_with_node(parse_bundle(canonical(bundle)), trust, calm.chain.url, envelope.file)
    assert verdict.state is State.VALID, [f.code for f in verdict.findings]


def test_a_court_whose_staff_ask_signs_with_its_account(calm: Service) -> None:
    landlord = small_city().landlords[0]
    clerk = flow.Person(calm.url).sign_in(role="entity", party=party_id(COURT_HARBOUR))
    calm.at_end.callback(clerk.close)
    fields = [f"{TITLES[0][0]}/{name}" for name in ("certificate_number", "area")]
    envelope = flow_duty.query(clerk, COURT, FILE_NO, landlord.number, fields)
    calm.settle()
    bundle = flow.disclose(clerk.get(f"/v1/receipts/{envelope.receipt}/evidence"), envelope)
    assert bundle["grant"]["binding"]["kind"] == "authority" and bundle["request"] is None
    trust = parse_trust_file((calm.settings.data_dir / TRUST_FILE).read_bytes())
    verdict = verify_with_node(parse_bundle(canonical(bundle)), trust, calm.chain.url, envelope.file)
    assert verdict.state is State.VALID, [f.code for f in verdict.findings]


def test_a_lost_answer_is_fetched_again_and_another_query_under_its_key_is_not(calm: Service) -> None:
    key, person = secrets.token_urlsafe(18), calm.driver(2)
    first = flow_duty.query(police(calm), POLICE, CASE, person.number, FIELDS, idempotency_key=key)
    again = flow_duty.query(police(calm), POLICE, CASE, person.number, FIELDS, idempotency_key=key)
    assert (again.copy, again.file) == (first.copy, first.file)
    assert again.receipt != first.receipt
    other = (police(calm), POLICE, CASE, calm.driver(3).number, FIELDS)
    refused("idempotency.other_request", *other, idempotency_key=key)


def test_what_lies_outside_the_duty_is_refused_and_stays_on_record(calm: Service) -> None:
    officer, number = police(calm), calm.driver(4).number
    refused("statutory.field_outside_basis", officer, POLICE, CASE, number, [f"{LICENCE}/address"])
    refused("statutory.bad_case_no", officer, POLICE, "CL-2026-1", number, FIELDS)
    refused("statutory.not_registered", officer, COURT, FILE_NO, number, FIELDS)
    refused("statutory.not_registered", calm.town.machine(HARBOUR), POLICE, CASE, number, FIELDS)
    refused("catalogue.unknown_basis", officer, "police.curiosity", CASE, number, FIELDS)
    reasons = [item["reason"] for item in flow_duty.queries(officer)][:3]
    assert reasons == ["statutory.not_registered", "statutory.bad_case_no", "statutory.field_outside_basis"]


def test_nobody_can_tell_an_unknown_number_from_a_person_without_such_a_certificate(calm: Service) -> None:
    """The same answer, and one more row of the same outcome, whoever or nobody it is."""
    titles = ["person.vehicle_licence/plate_number"]
    known, unknown = calm.driver(5).number, numbers("37109919550501", 1)[0]
    officer = police(calm)
    answers = []
    for number in (known, unknown):
        body = {"basis": POLICE, "case_no": CASE, "holder": {"kind": "person", "number": number}, "fields": titles}
        headers = {"X-CSRF-Token": officer.csrf, "Idempotency-Key": secrets.token_urlsafe(18)}
        answers.append(officer.http.post(flow_duty.QUERIES, json=body, headers=headers))
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["code"] == "statutory.nothing_found"
    rows = flow_duty.queries(officer)[:2]
    assert next({k: v for k, v in row.items() if k not in {"id", "at", "receipt"}} for row in rows) == {
        k: v for k, v in rows[1].items() if k not in {"id", "at", "receipt"}
    }
    seen = calm.citizen(calm.driver(5)).get("/v1/footprints")["items"]
    assert seen[0]["kind"] == "look", "whom it was about sees that somebody asked"


def test_who_counts_numbers_up_is_stopped_until_a_regulator_has_looked(calm: Service) -> None:
    officer, regulator = police(calm), calm.town.regulator()
    walk = numbers("37109919600101", 5)
    for number in walk[:3]:
        refused("statutory.nothing_found", officer, POLICE, CASE, number, FIELDS)
    refused("statutory.blocked", officer, POLICE, CASE, walk[3], FIELDS)
    refused("statutory.blocked", officer, POLICE, CASE, calm.driver(0).number, FIELDS)
    (alarm,) = [item for item in flow_duty.open_alarms(regulator) if item["blocks"]]
    assert (alarm["kind"], alarm["seen"], alarm["limit"]) == ("neighbouring", 4, 4)
    with pytest.raises(ApiError) as error:
        flow_duty.close_alarm(regulator, alarm["id"], " ")
    assert error.value.code == "statutory.remark_missing"
    flow_duty.close_alarm(regulator, alarm["id"], "核实为同一户籍的家庭成员，准予继续。")
    flow_duty.query(officer, POLICE, CASE, calm.driver(0).number, FIELDS)
    with pytest.raises(ApiError) as error:
        flow_duty.close_alarm(regulator, alarm["id"], "再次关闭")
    assert error.value.code == "statutory.alarm_closed"


def test_too_many_numbers_that_nobody_has_stop_it_as_well(calm: Service) -> None:
    officer = police(calm)
    strangers = [numbers(f"371099197{year}0303", 1)[0] for year in range(6)]
    for number in strangers[:5]:
        refused("statutory.nothing_found", officer, POLICE, CASE, number, FIELDS)
    refused("statutory.blocked", officer, POLICE, CASE, strangers[5], FIELDS)
    kinds = {item["kind"] for item in flow_duty.open_alarms(calm.town.regulator()) if item["blocks"]}
    assert kinds == {"absent"}


def test_quotas_by_day_and_by_case(calm: Service) -> None:
    officer, person = police(calm), calm.driver(0)
    flow_duty.query(officer, POLICE, CASE, person.number, FIELDS)
    basis = calm.ctx.catalogue.statutory_basis(POLICE)
    (row,) = calm.rows("SELECT id FROM statutory_accesses ORDER BY at_ms DESC LIMIT 1")
    columns = "party_id, basis_code, basis_version, case_no, items, near_bidx, request_bidx, outcome"
    for at in range(basis.quota_per_case):
        calm.execute(
            f"INSERT INTO statutory_accesses (id, subject_bidx, at_ms, {columns}) "
            f"SELECT :id, :subject, at_ms - 3600000, {columns} FROM statutory_accesses WHERE id = :row",
            id=f"stat_quota_{at}",
            subject=at.to_bytes(32, "big"),
            row=row[0],
        )
    refused("statutory.quota_case", officer, POLICE, CASE, calm.driver(1).number, FIELDS)
    flow_duty.query(officer, POLICE, CASE[:-1] + "2", calm.driver(1).number, FIELDS)
    for at in range(basis.quota_per_day):
        calm.execute(
            f"INSERT INTO statutory_accesses (id, subject_bidx, at_ms, {columns}) "
            f"SELECT :id, subject_bidx, at_ms - 7200000, {columns} FROM statutory_accesses WHERE id = :row",
            id=f"stat_day_{at}",
            row=row[0],
        )
    refused("statutory.quota_day", officer, POLICE, CASE, person.number, FIELDS)
    kinds = {item["kind"] for item in flow_duty.open_alarms(calm.town.regulator())}
    assert "quota" in kinds and not kinds & {"neighbouring", "absent"}


def test_pages_of_officer_person_and_regulator(calm: Service) -> None:
    officer, person = police(calm), calm.driver(0)
    page = officer.http.get("/department/queries")
    assert page.status_code == 200
    assert "公安机关办案调取" in page.text and "法院执行查控" not in page.text
    form = {
        "csrf": officer.csrf,
        "basis": POLICE,
        "case_no": OTHER_CASE,
        "number": person.number,
        "items": list(FIELDS),
    }
    file = officer.http.post("/department/queries", data={**form, "format": "application/pdf", "once": "once-only-1"})
    assert file.status_code == 200 and file.content.startswith(b"%PDF-")
    wrong = officer.http.post("/department/queries", data={**form, "case_no": "1"})
    assert wrong.status_code == 403
    assert "statutory.bad_case_no" in wrong.text and f'value="{FIELDS[0]}" checked' in wrong.text
    citizen = calm.citizen(person)
    seen = citizen.http.get("/citizen/footprints").text
    assert OTHER_CASE in seen and "《中华人民共和国刑事诉讼法》第五十四条" in seen and "依法无需本人同意" in seen
    (licence,) = [one for one in citizen.get("/v1/certificates")["items"] if one["type"] == LICENCE]
    assert citizen.http.get(f"/citizen/certificates/{licence['id']}").status_code == 200
    (grant,) = calm.rows(
        "SELECT grant_id FROM statutory_accesses WHERE outcome = 'delivered' ORDER BY at_ms DESC LIMIT 1"
    )
    own = citizen.http.get(f"/citizen/grants/{grant[0]}")
    assert own.status_code == 200 and "依法查询，无需同意" in own.text
    assert f"/citizen/grants/{grant[0]}/revoke" not in own.text and "/pause" not in own.text, "no false way back"
    for number in numbers("37109919610101", 4):
        with pytest.raises(ApiError):
            flow_duty.query(officer, POLICE, OTHER_CASE, number, FIELDS)
    regulator = calm.town.regulator()
    (alarm,) = [one for one in flow_duty.open_alarms(regulator) if one["blocks"]]
    assert "已暂停其查询" in regulator.http.get("/regulator/alarms").text
    path = f"/regulator/alarms/{alarm['id']}/close"
    assert regulator.http.post(path, data={"csrf": regulator.csrf, "remark": " "}).status_code == 422
    closed = regulator.http.post(path, data={"csrf": regulator.csrf, "remark": "已核实"}, follow_redirects=True)
    assert "已核实" in closed.text and "已暂停其查询" not in closed.text
    operator = calm.town.machine(COURT_HARBOUR).get(flow_duty.QUERIES)["items"]
    assert all(OTHER_CASE not in item["case_no"] for item in operator), "a court sees its own queries alone"


def test_fsck_names_an_access_that_was_edited_or_is_gone(calm: Service) -> None:
    # The quotas' tests made theirs up.
    calm.execute("DELETE FROM statutory_accesses WHERE id LIKE 'stat_day_%' OR id LIKE 'stat_quota_%'")
    person, key = calm.driver(3), log_key(calm.ctx.keys).public_key().public_bytes_raw()

    def found() -> set[tuple[str, str]]:
        report = fsck(calm.ctx.db, calm.ctx.vault, key)
        return {(one.id, one.code) for one in report.findings if one.table == "statutory_accesses"}

    flow_duty.query(police(calm), POLICE, FSCK_CASE, person.number, FIELDS)
    refused("statutory.bad_case_no", police(calm), POLICE, "CL-2026-1", person.number, FIELDS)
    given, turned = (
        str(calm.rows("SELECT id FROM statutory_accesses WHERE outcome = :o ORDER BY at_ms DESC LIMIT 1", o=o)[0][0])
        for o in ("delivered", "refused")
    )
    assert found() == set()
    for one, column, value in ((given, "case_no", OTHER_CASE), (given, "outcome", "nothing"), (turned, "reason", "x")):
        (before,) = calm.rows(f"SELECT {column} FROM statutory_accesses WHERE id = :id", id=one)[0]
        change = f"UPDATE statutory_accesses SET {column} = :value WHERE id = :id"
        calm.execute(change, value=value, id=one)
        assert found() == {(one, "fsck.access_edited")}, column
        calm.execute(change, value=before, id=one)
    assert found() == set()
    calm.execute("DELETE FROM statutory_accesses WHERE id = :id", id=turned)
    assert found() == {(turned, "fsck.row_missing")}
