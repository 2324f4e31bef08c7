"""Leaked files brought to the regulator: who is named, who is not, and what each verdict proves."""

import json
from dataclasses import dataclass

import pytest

from api.demo import flow, flow_traces, leaks
from api.demo.provision import party_id
from chain.__main__ import verify_with_node
from chain.bundle import parse_bundle
from chain.trustfile import parse_trust_file
from chain.verdict import State
from tests.api.calls import caller, problem
from tests.town import BANKS, CLAIM, HARBOUR, IDENTITY, LICENCE, TITLES, Service, small_city
from watermark import WatermarkError
from watermark.report import read_report
from watermark.rescore import control_for, rescore


@dataclass
class Copies:
    """What was delivered: one driver's licence to one insurer; titles and an ID card to three banks each."""

    claim: dict[str, flow.Envelope]
    titles: list[dict[str, flow.Envelope]]
    cards: list[flow.Envelope]
    grants: list[str]


@pytest.fixture(scope="module")
def copies(service: Service) -> Copies:
    driver, landlord = service.driver(), small_city().landlords[0]
    claim = service.grant(driver, items=CLAIM)
    pull = flow.pull_envelope
    titles, grants = [], [claim]
    for bank in BANKS:
        loan = {"purpose": "bank.personal_credit", "case_no": "L-1", "days": 5, "uses": 5}
        grant = service.grant(landlord, bank, TITLES, **loan)
        titles.append({extension: pull(service.town, bank, grant, extension) for extension in ("csv", "pdf")})
        grants.append(grant)
    cards = []
    for bank in BANKS:
        loan = {"purpose": "bank.personal_credit", "case_no": "L-2", "days": 5, "uses": 5}
        cards.append(pull(service.town, bank, service.grant(service.driver(2), bank, IDENTITY, **loan), "json"))
    return Copies({e: pull(service.town, HARBOUR, claim, e) for e in ("json", "csv", "pdf")}, titles, cards, grants)


def traced(service: Service, data: bytes, name: str) -> dict[str, object]:
    answer = service.town.regulator().upload("/v1/traces", name, data)
    (item,) = answer["items"]
    report = item["report"]
    return {**item, "entities": {accused["entity"] for accused in report["accused"]}, "report": report}


def test_a_report_is_computed_again_and_shown_as_a_page(service: Service, copies: Copies) -> None:
    found = traced(service, copies.claim["pdf"].file + b"\n", "leak.pdf")
    assert "grounds" not in found["report"]
    regulator = service.town.regulator()
    data = flow_traces.report(regulator, found["id"], "json")
    assert data == regulator.get_bytes(f"/regulator/traces/{found['id']}/report.json")
    assert not rescore(read_report(data)).differences
    with pytest.raises(WatermarkError):
        read_report(data.replace(b"identified", b"suspect"))
    page = flow_traces.report(regulator, found["id"], "html").decode()
    assert flow_traces.report(regulator, found["id"], "pdf").startswith(b"%PDF-")
    assert "<svg" in page and "Of 1000000 codes never issued" in page
    (accused,) = found["report"]["accused"]
    assert f"/regulator/traces/{found['id']}/evidence/{accused['copy']}" in page


def test_a_control_of_orders_has_fewer_codes(service: Service, copies: Copies) -> None:
    found = traced(service, copies.claim["csv"].file + b"\n", "leak.csv")
    report = read_report(flow_traces.report(service.town.regulator(), found["id"], "json"))
    assert report.grounds is not None
    counts = {bool(content.evidence.order_layers) for content in report.grounds.contents}
    control = control_for(report, 2_000, 1_000)
    assert control is not None and counts == {True} and control.decoys == 1_000


ONLY_HARBOUR = {party_id(HARBOUR)}


@pytest.mark.parametrize("extension", ["json", "csv", "pdf"])
def test_a_copy_as_delivered_names_its_copy(extension: str, service: Service, copies: Copies) -> None:
    envelope = copies.claim[extension]
    found = traced(service, envelope.file, f"leak.{extension}")
    assert (found["outcome"], found["entities"]) == ("identified", ONLY_HARBOUR)
    assert found["report"]["level"] == "copy"
    assert found["report"]["bound"] is not None and found["report"]["bound"] < 1e-6
    (named,) = found["report"]["named"]
    assert (named["copy"], named["entity"], named["case_no"]) == (envelope.copy, party_id(HARBOUR), "CL-2026-1")
    assert named["deliveries"][0]["receipt"] == envelope.receipt
    assert named["grant"] == copies.grants[0]


def test_a_rewritten_copy_names_its_entity(service: Service, copies: Copies) -> None:
    rewritten = leaks.reindented_json(copies.claim["json"].file)
    found = traced(service, rewritten, "x.json")
    assert (found["outcome"], found["entities"]) == ("identified", ONLY_HARBOUR)


def test_columns_dropped_and_encoding_changed(service: Service, copies: Copies) -> None:
    for at, bank in enumerate(BANKS):
        cut = leaks.cut_csv(copies.titles[at]["csv"].file, ("usage", "record"), encoding="gb18030")
        found = traced(service, cut, "cut.csv")
        assert (found["outcome"], found["entities"]) == ("identified", {party_id(bank)}), bank.code


def test_a_pdf_stripped_of_what_names_it(service: Service, copies: Copies) -> None:
    found = traced(service, leaks.stripped_pdf(copies.titles[1]["pdf"].file), "clean.pdf")
    assert (found["outcome"], found["entities"]) == ("identified", {party_id(BANKS[1])})


def test_values_that_one_entity_alone_was_given_make_a_suspect(service: Service, copies: Copies) -> None:
    found = traced(service, leaks.bare_json(copies.claim["json"].file, sort=True), "bare.json")
    assert (found["outcome"], found["entities"]) == ("suspect", ONLY_HARBOUR)
    assert found["report"]["level"] == "entity"


@pytest.mark.parametrize("which", ["one record", "sorted rows"])
def test_values_that_three_entities_hold_accuse_nobody(which: str, service: Service, copies: Copies) -> None:
    if which == "one record":
        data, name = leaks.bare_json(copies.cards[0].file, sort=True), "card.json"
    else:
        data, name = leaks.cut_csv(copies.titles[2]["csv"].file, sort=True), "sorted.csv"
    found = traced(service, data, name)
    assert (found["outcome"], found["entities"]) == ("inconclusive", set())
    assert set(found["report"]["fits"]) == {party_id(bank) for bank in BANKS}
    assert found["report"]["named"] == []


def test_a_pasted_label_frames_nobody(service: Service, copies: Copies) -> None:
    framed = leaks.pasted_label(copies.titles[2]["csv"].file, copies.titles[1]["csv"].file)
    found = traced(service, framed, "framed.csv")
    assert (found["outcome"], found["entities"]) == ("inconclusive", set())


def test_strangers_files_are_none_of_ours(service: Service, copies: Copies) -> None:
    for leak in leaks.unrelated(8):
        found = traced(service, leak.data, leak.file_name)
        assert (found["outcome"], found["report"]["named"]) == ("none", []), leak.name


UNREADABLE = {
    "nothing.csv": b"",
    "binary.bin": b"\x00\x01\x02" * 50,
    "broken.pdf": b"%PDF-1.7 broken",
    "text.docx": b"PK\x03\x04" + bytes(99),
    "deep.json": b"[" * 100_000,
    "cut.json": b'{"a": NaN',
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_accuses_nobody(name: str, service: Service) -> None:
    who = caller(service, "regulator")
    before = service.rows("SELECT count(*) FROM traces")[0][0]
    answer = who.call("POST", "/v1/traces", files={"file": (name, UNREADABLE[name], "application/octet-stream")})
    if answer.status_code == 201:
        # Some of them are text of a kind, in which nothing of ours is found.
        assert answer.json()["items"][0]["outcome"] == "none"
    else:
        document = problem(answer, 422, answer.json()["code"])
        assert document["code"].startswith("watermark.")
        assert service.rows("SELECT count(*) FROM traces")[0][0] == before


def test_several_files_at_once_and_all_or_none(service: Service, copies: Copies) -> None:
    who = caller(service, "regulator")
    parts = [
        ("file", ("a.json", copies.claim["json"].file, "application/json")),
        ("file", ("b.csv", copies.titles[0]["csv"].file, "text/csv")),
    ]
    items = who.call("POST", "/v1/traces", files=parts).json()["items"]
    assert [item["outcome"] for item in items] == ["identified", "identified"]
    assert len({item["id"] for item in items}) == len({item["receipt"] for item in items}) == 2
    before = service.rows("SELECT count(*) FROM traces")[0][0]
    broken = who.call("POST", "/v1/traces", files=[*parts, ("file", ("c.pdf", b"%PDF-1.7 broken", "application/pdf"))])
    assert broken.status_code == 422
    assert service.rows("SELECT count(*) FROM traces")[0][0] == before
    many = [("file", (f"{at}.txt", b"x", "text/plain")) for at in range(51)]
    problem(who.call("POST", "/v1/traces", files=many), 422, "traces.too_many_files")


def test_a_trace_is_receipted_and_another_regulator_s_business_is_its_own(service: Service, copies: Copies) -> None:
    found = traced(service, copies.claim["csv"].file, "leak.csv")
    who = caller(service, "regulator")
    service.settle()
    receipt = who.http.get(f"/v1/receipts/{found['receipt']}").json()
    assert receipt["kind"] == "trace"
    assert receipt["number"] is not None
    kept = service.rows("SELECT report FROM traces WHERE id = :id", id=found["id"])[0][0]
    assert service.driver().number not in kept


def test_the_verdict_s_proof_verifies_without_the_service(service: Service, copies: Copies) -> None:
    found = traced(service, copies.claim["json"].file, "leak.json")
    service.settle()
    who = caller(service, "regulator")
    copy = found["report"]["named"][0]["copy"]
    answer = who.http.get(f"/v1/traces/{found['id']}/evidence/{copy}")
    trust = parse_trust_file((service.settings.data_dir / "trust.json").read_bytes())
    verdict = verify_with_node(parse_bundle(answer.content), trust, service.chain.url, copies.claim["json"].file)
    assert verdict.state is State.VALID, [f.code for f in verdict.findings if f.state is not State.VALID]
    assert json.loads(answer.content)["certificates"][0]["disclosed"] == {}
    assert json.loads(answer.content)["certificates"][0]["leaf"]["type"] == LICENCE


def test_a_copy_that_was_revoked_is_still_traced(service: Service, copies: Copies) -> None:
    service.citizen(service.driver()).post(f"/v1/grants/{copies.grants[0]}/revoke")
    found = traced(service, copies.claim["pdf"].file, "late.pdf")
    assert (found["outcome"], found["entities"]) == ("identified", ONLY_HARBOUR)
