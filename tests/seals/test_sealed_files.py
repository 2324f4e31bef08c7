"""What leaves as PDF is sealed: certificates by their departments, copies by the platform, joint ones in turn."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pikepdf
import pypdfium2
import pytest
from pyhanko.pdf_utils.reader import PdfFileReader

from api.demo import flow, flow_seals
from api.errors import ApiError
from api.store import read_only
from api.store.fsck import fsck
from api.store.receipts import open_details
from api.store.tables import Receipt
from api.wiring import log_key
from tests.town import HARBOUR, LICENCE, Service, until

POLICE, CIVIL, HOUSING = "public_security", "civil_affairs", "natural_resources"


def licence(service: Service, at: int = 0) -> str:
    held = service.citizen(service.driver(at)).get("/v1/certificates")["items"]
    return str(next(item["id"] for item in held if item["type"] == LICENCE))


def saved(service: Service, at: int = 0) -> bytes:
    return flow_seals.sealed_certificate(service.citizen(service.driver(at)), licence(service, at))


def details(service: Service, kind: str) -> list[dict[str, Any]]:
    ctx = service.ctx
    found = [row[0] for row in service.rows("SELECT id FROM receipts WHERE kind = :kind ORDER BY at_ms, id", kind=kind)]
    with read_only(ctx.db) as session:
        return [open_details(session, ctx.vault, session.get_one(Receipt, one)).details for one in found]


def findings(service: Service) -> set[tuple[str, str]]:
    ctx = service.ctx
    until(lambda: service.rows("SELECT count(*) FROM prepared_receipts")[0][0] == 0, "receipts get their numbers")
    key = log_key(ctx.keys).public_key().public_bytes_raw()
    return {(one.table, one.code) for one in fsck(ctx.db, ctx.vault, key, identity=ctx.chain).findings}


def party(service: Service, code: str) -> str:
    found = service.rows("SELECT id FROM parties WHERE department_code = :code", code=code)
    return str(found[0][0])


def words(pdf: bytes) -> str:
    return "".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf))


def test_a_certificate_is_sealed_once_and_anybody_may_check_it(service: Service) -> None:
    file = saved(service)
    assert saved(service) == file
    answer = flow_seals.check_sealed(service.url, file)
    assert (answer["outcome"], answer["origin"], answer["record"], answer["compared"]) == (
        "valid",
        "certificate",
        "current",
        True,
    )
    assert "演示" in answer["seals"][0]["name"]
    assert "电子证照样章" not in words(file)
    sha256 = "0x" + hashlib.sha256(file).hexdigest()
    assert [one["file_sha256"] for one in details(service, "original")] == [sha256, sha256]
    assert [(one["act"], one["file_sha256"]) for one in details(service, "seal")] == [("sealed", sha256)]
    assert findings(service) == set()


def test_a_flipped_byte_anywhere_is_refused(service: Service) -> None:
    file = saved(service)
    for at in (200, len(file) // 2, file.index(b"/Contents <") + 20_000, len(file) - 40):
        flipped = bytearray(file)
        flipped[at] ^= 1
        assert flow_seals.check_sealed(service.url, bytes(flipped))["outcome"] == "invalid"


def test_what_anybody_hands_in_is_answered(service: Service) -> None:
    for junk in (b"", b"%PDF-1.7 nothing", b"\0" * 5000):
        answer = flow_seals.check_sealed(service.url, junk)
        assert (answer["outcome"], answer["findings"][0]["step"]) == ("invalid", 1)
        assert answer["findings"][0]["reason"]["zh-Hans"]


def test_a_copy_bears_the_platforms_seal_and_stays_traceable(service: Service) -> None:
    grant = service.grant(service.driver(1), HARBOUR)
    first = flow.pull_envelope(service.town, HARBOUR, grant, "pdf")
    again = flow.pull_envelope(service.town, HARBOUR, grant, "pdf")
    assert (again.file, again.copy) == (first.file, first.copy)
    answer = flow_seals.check_sealed(service.url, first.file)
    assert (answer["outcome"], answer["origin"], answer["number"]) == ("valid", "copy", first.copy)
    assert answer["seals"][0]["timed"] is False
    leaked = service.town.regulator().upload("/v1/traces", "leak.pdf", first.file)["items"][0]
    assert leaked["outcome"] == "identified"
    # Saved anew without its seals it is another file, and still names its copy.
    saved_anew = unsealed(first.file)
    assert service.town.regulator().upload("/v1/traces", "leak.pdf", saved_anew)["items"][0]["outcome"] == "identified"
    assert findings(service) == set()


def unsealed(pdf: bytes) -> bytes:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        del document.Root.AcroForm
        for page in document.pages:
            if "/Annots" in page:
                del page.Annots
        out = io.BytesIO()
        document.save(out)
    return out.getvalue()


def test_equal_pulls_at_once_bring_the_same_bytes(service: Service) -> None:
    grant = service.grant(service.driver(2), HARBOUR, uses=8)
    machine = service.town.machine(HARBOUR)
    with ThreadPoolExecutor(4) as several:
        pulls = [several.submit(machine.pull, grant, "application/pdf") for _ in range(4)]
        files = [one.result(60).content for one in pulls]
    assert len(set(files)) == 1
    assert findings(service) == set()


@pytest.fixture
def agreed(service: Service) -> Any:
    """Civil affairs, then natural resources seal licences beside the police; two of two."""
    office = service.town.department(POLICE)
    cosigners = [party(service, CIVIL), party(service, HOUSING)]
    plan = flow_seals.agree_on_seals(office, LICENCE, cosigners, 2)
    assert [one["id"] for one in plan["cosigners"]] == cosigners
    yield cosigners
    flow_seals.end_agreement(office, LICENCE)


def refusal(act: Any) -> str:
    with pytest.raises(ApiError) as caught:
        act()
    return caught.value.code


def test_no_joint_certificate_is_issued_before_all_have_sealed_in_their_order(service: Service, agreed: Any) -> None:
    civil, housing = service.town.department(CIVIL), service.town.department(HOUSING)
    assert refusal(lambda: saved(service, 3)) == "seals.waiting"
    (task,) = [one for one in flow_seals.seal_tasks(housing) if one["state"] == "waiting"]
    number = task["document"]
    assert [step["state"] for step in task["steps"]] == ["sealed", "waiting", "waiting"]
    assert refusal(lambda: flow_seals.set_seal(housing, number)) == "seals.not_your_turn"
    assert refusal(lambda: flow_seals.set_seal(service.town.department(POLICE), number)) == "seals.step_done"
    assert (
        refusal(lambda: flow_seals.set_seal(service.town.department("market_regulation"), number))
        == "seals.task_not_found"
    )
    assert flow_seals.set_seal(civil, number)["state"] == "waiting"
    assert refusal(lambda: saved(service, 3)) == "seals.waiting"
    assert refusal(lambda: flow_seals.set_seal(civil, number)) == "seals.step_done"
    assert flow_seals.set_seal(housing, number)["state"] == "sealed"
    file = saved(service, 3)
    answer = flow_seals.check_sealed(service.url, file)
    assert answer["outcome"] == "valid"
    assert [seal["outcome"] for seal in answer["seals"]] == ["valid"] * 3
    assert len(PdfFileReader(io.BytesIO(file)).embedded_regular_signatures) == 3
    assert findings(service) == set()


@pytest.mark.slow
def test_m_of_n_goes_on_without_whoever_declines_until_too_few_are_left(service: Service) -> None:
    office, civil, housing = (service.town.department(code) for code in (POLICE, CIVIL, HOUSING))
    flow_seals.agree_on_seals(office, LICENCE, [party(service, CIVIL), party(service, HOUSING)], 1)
    assert refusal(lambda: saved(service, 4)) == "seals.waiting"
    number = flow_seals.seal_tasks(civil)[0]["document"]
    assert refusal(lambda: flow_seals.decline_seal(housing, number)) == "seals.not_your_turn"
    assert flow_seals.decline_seal(civil, number)["state"] == "waiting"
    assert flow_seals.set_seal(housing, number)["state"] == "sealed"
    assert flow_seals.check_sealed(service.url, saved(service, 4))["outcome"] == "valid"
    assert refusal(lambda: saved(service, 5)) == "seals.waiting"
    number = flow_seals.seal_tasks(civil)[0]["document"]
    flow_seals.decline_seal(civil, number)
    assert flow_seals.decline_seal(housing, number)["state"] == "refused"
    assert refusal(lambda: saved(service, 5)) == "seals.refused"
    flow_seals.end_agreement(office, LICENCE)
    assert findings(service) == set()


def test_a_renewed_seal_revokes_the_old_one_and_spares_what_it_sealed(service: Service) -> None:
    office = service.town.department(POLICE)
    file = saved(service)
    service.wind_clock(2_000)  # lists count in seconds: what was sealed in the one of the revocation is refused
    before = office.get("/v1/seals/own")["serial"]
    after = office.post("/v1/seals/own/renewal", {})["serial"]
    assert before != after
    answer = flow_seals.check_sealed(service.url, file)
    assert (answer["outcome"], answer["seals"][0]["serial"]) == ("valid", before)
    assert flow_seals.check_sealed(service.url, saved(service, 6))["seals"][0]["serial"] == after
    assert findings(service) == set()


def test_an_altered_row_is_found(service: Service) -> None:
    saved(service)
    before = service.rows("SELECT document_id, serial FROM seal_steps WHERE position = 1")
    service.execute("UPDATE seal_steps SET serial = 'ff' WHERE position = 1")
    assert ("seal_steps", "fsck.seal_edited") in findings(service)
    for document, serial in before:
        put = "UPDATE seal_steps SET serial = :serial WHERE position = 1 AND document_id = :id"
        service.execute(put, id=document, serial=serial)
    assert findings(service) == set()


def test_only_what_is_current_is_freshly_sealed(service: Service) -> None:
    """What was sealed in time still goes out; nothing anew of a revoked version, or of a suspended department."""
    before = saved(service)

    def now(table: str, status: str, row: str) -> None:
        service.execute(f"UPDATE {table} SET status = :s WHERE id = :id", s=status, id=row)

    police, old, fresh = party(service, POLICE), licence(service, 0), licence(service, 7)
    try:
        now("parties", "suspended", police)
        assert saved(service) == before
        assert refusal(lambda: saved(service, 7)) == "seals.no_seal"
    finally:
        now("parties", "active", police)
    now("records", "revoked", old)
    now("records", "revoked", fresh)
    try:
        assert saved(service) == before
        assert refusal(lambda: saved(service, 7)) == "seals.not_current"
        assert flow_seals.check_sealed(service.url, before)["record"] == "revoked"
        other = flow_seals.check_sealed(service.url, before + b"\n")
        assert (other["outcome"], other["record"]) == ("invalid", None)
    finally:
        now("records", "current", old)
        now("records", "current", fresh)
    assert saved(service, 7)


def test_a_sealing_that_waits_for_a_department_that_is_gone_is_replaced(service: Service, agreed: Any) -> None:
    """The newest agreement counts for what waits, too: with others, and, once ended, with nobody."""
    office, housing = (service.town.department(code) for code in (POLICE, HOUSING))
    assert refusal(lambda: saved(service, 8)) == "seals.waiting"
    # Time may stand still here: of equal age, that of this certificate is meant.
    (found,) = service.rows("SELECT id FROM sealed_documents WHERE record_id = :id", id=licence(service, 8))
    number = str(found[0])
    service.execute("UPDATE parties SET status = 'suspended' WHERE id = :id", id=agreed[0])
    try:
        (plan,) = office.get("/v1/seals/plans")["items"]
        assert [one["active"] for one in plan["cosigners"]] == [False, True]
        assert "已暂停" in office.http.get("/department/seals").text
        flow_seals.agree_on_seals(office, LICENCE, [agreed[1]], 1)
        assert task(housing, number)["state"] == "replaced"
        assert refusal(lambda: flow_seals.set_seal(housing, number)) == "seals.task_closed"
        assert "联合签章" not in paper(service, 8)
        assert refusal(lambda: saved(service, 8)) == "seals.waiting"
        (newest,) = service.rows(
            "SELECT id FROM sealed_documents WHERE record_id = :id AND version = 2", id=licence(service, 8)
        )
        second = task(housing, str(newest[0]))
        assert (second["document"] != number, second["state"], second["my_turn"]) == (True, "waiting", True)
        flow_seals.end_agreement(office, LICENCE)
        assert (task(housing, second["document"])["state"], task(housing, second["document"])["my_turn"]) == (
            "replaced",
            False,
        )
        answer = flow_seals.check_sealed(service.url, saved(service, 8))
        assert (answer["outcome"], len(answer["seals"])) == ("valid", 1)
        flow_seals.agree_on_seals(office, LICENCE, [agreed[1]], 1)
    finally:
        service.execute("UPDATE parties SET status = 'active' WHERE id = :id", id=agreed[0])
    states = service.rows(
        "SELECT state FROM sealed_documents WHERE record_id = :id ORDER BY version", id=licence(service, 8)
    )
    assert [row[0] for row in states] == ["replaced", "replaced", "sealed"]
    assert findings(service) == set()


def task(department: Any, number: str) -> dict[str, Any]:
    return next(one for one in flow_seals.seal_tasks(department) if one["document"] == number)


def paper(service: Service, at: int) -> str:
    return service.citizen(service.driver(at)).http.get(f"/citizen/certificates/{licence(service, at)}").text
