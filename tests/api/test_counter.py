"""The service window: counted look-ups that the person sees later, decisions that say who made them, a receipt."""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from api.catalogue import load_catalogue
from api.demo import flow
from api.demo.client import Person as Caller
from api.demo.parties import demo_parties
from api.demo.people import Person
from api.demo.provision import party_id
from api.errors import ApiError
from tests import town
from tests.api.calls import caller
from tests.town import CLAIM, HARBOUR, Service

MINUTE_MS = 60_000
QUOTA = 3
_staff = itertools.count(1)


@pytest.fixture(scope="module")
def few(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of its own whose officers may look up few people a day."""
    folder = tmp_path_factory.mktemp("counter") / "data"
    shutil.copytree(prepared, folder)
    with town.running(folder, counter_lookups_per_day=QUOTA) as running:
        yield running


def pair(person: Person) -> tuple[str, str]:
    return person.number, person.name


def officer(service: Service, code: str = "civil_affairs") -> Caller:
    """An officer on duty under a number of their own."""
    return flow.at_counter(service.town, code, f"{next(_staff):04d}")


def office(code: str) -> str:
    return party_id(next(one for one in demo_parties(load_catalogue()) if one.department_code == code))


def code_of(act: Any, *args: Any, **more: Any) -> str:
    with pytest.raises(ApiError) as caught:
        act(*args, **more)
    return caught.value.code


def ask(service: Service, number: str) -> flow.Asked:
    return flow.ask(
        service.town, HARBOUR, number, "insurance.motor.claims", CLAIM, case_no="CL-2026-9", days=30, uses=5
    )


def read_out(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    try:
        assert len(document) == 1
        return "".join(document[0].get_textpage().get_text_range().split())
    finally:
        document.close()


def test_somebody_without_a_phone_agrees_takes_back_and_declines(service: Service) -> None:
    person, desk = service.driver(0), officer(service)
    first, second = ask(service, person.number), ask(service, person.number)
    visit = flow.open_visit(desk, pair(person))
    grant = str(flow.decide_at_counter(desk, visit, first, days=9, uses=2)["grant"])
    assert flow.decide_at_counter(desk, visit, second, agree=False)["state"] == "denied"
    shown = desk.get(f"/v1/counter/visits/{visit}")
    assert shown["name"] == person.name
    assert grant in {one["id"] for one in shown["grants"]}
    assert {first.id, second.id}.isdisjoint(one["id"] for one in shown["requests"])
    assert "values" not in str(shown), "an officer needs no value of anybody's certificates"
    paper = read_out(flow.print_slip(desk, visit))
    for words in ("窗口代办回执", "您同意了：演示海港财产保险公司", "您没有同意：演示海港财产保险公司", "准驾车型"):
        assert words in paper, words
    for words in ("想收回怎么办？", "不需要手机", "核验证件：居民身份证", "2次", person.name[0] + "*"):
        assert words in paper, words
    assert person.name not in paper
    assert person.number not in paper
    # What the person, the recipient and everybody with the bundle are told.
    mine = service.citizen(person)
    terms = mine.get(f"/v1/grants/{grant}")["terms"]
    assert (terms["relation"], terms["authority"]["kind"]) == ("counter", "counter")
    assert visit not in str(terms)
    envelope = flow.pull_envelope(service.town, HARBOUR, grant, "json")
    bundle = flow.bundle_of(service.town, HARBOUR, envelope)
    assert bundle["grant"]["terms"]["relation"] == "counter"
    bound = bundle["grant"]["binding"]
    assert (bound["kind"], bound["office"], bound["custody"]) == ("counter", office("civil_affairs"), "demo")
    kinds = [one["kind"] for one in mine.get("/v1/footprints")["items"]]
    assert kinds.count("look") == 1
    # At another window, on another day, with another officer.
    other = officer(service, "public_security")
    later = flow.open_visit(other, pair(person), "social_security_card")
    other.post(f"/v1/counter/visits/{later}/grants/{grant}/revoke")
    assert mine.get(f"/v1/grants/{grant}")["state"] == "revoked"
    assert "您收回了给演示海港财产保险公司的授权" in read_out(flow.print_slip(other, later))
    lines = mine.get("/v1/footprints")["items"]
    looked = [one for one in lines if one["kind"] == "look"]
    assert len({one["party"]["id"] for one in looked}) == 2, "each look-up, with the department that made it"


def test_only_officers_on_duty_under_their_own_number(service: Service) -> None:
    person = service.driver(0)
    assert code_of(flow.open_visit, service.town.department("civil_affairs"), pair(person)) == "counter.not_on_duty"
    claims = {"role": "department", "party": caller(service, "department").claims["party"], "duty": "counter"}
    assert code_of(Caller(service.url).sign_in, **claims) == "auth.claims"
    entity = {"role": "entity", "party": caller(service, "entity").claims["party"], "duty": "counter", "staff": "1"}
    clerk = Caller(service.url).sign_in(**entity)
    assert code_of(flow.open_visit, clerk, pair(person)) == "auth.forbidden"
    clerk.close()
    assert code_of(flow.open_visit, officer(service), pair(person), "driving_licence") == "counter.wrong_document"


def test_a_visit_is_its_officer_s_alone_and_ends(service: Service) -> None:
    person, desk, other = service.driver(0), officer(service), officer(service)
    asked = ask(service, person.number)
    visit = flow.open_visit(desk, pair(person))
    path = f"/v1/counter/visits/{visit}"
    assert code_of(other.get, path) == "counter.not_found"
    assert code_of(flow.print_slip, desk, visit) == "counter.nothing_done"
    somebody_else = ask(service, service.driver(1).number)
    wrong = f"{path}/requests/{somebody_else.id}/decision"
    assert code_of(desk.post, wrong, {"decision": "deny"}) == "requests.not_found"
    desk.post(f"{path}/close")
    decision = f"{path}/requests/{asked.id}/decision"
    assert code_of(desk.post, decision, {"decision": "deny"}) == "counter.visit_over"
    assert code_of(desk.get, path) == "counter.visit_over"
    # By itself, too.
    second = flow.open_visit(desk, pair(person))
    service.wind_clock((service.settings.counter_visit_minutes + 1) * MINUTE_MS)
    assert code_of(desk.post, decision.replace(visit, second), {"decision": "deny"}) == "counter.visit_over"
    assert service.citizen(person).get(f"/v1/requests/{asked.id}")["state"] == "requested"


def test_a_visit_that_was_altered_in_the_database_shows_nothing(service: Service) -> None:
    person, other, desk = service.driver(0), service.driver(1), officer(service)
    visit = flow.open_visit(desk, pair(person))
    theirs = flow.open_visit(desk, pair(other))
    service.execute(
        "UPDATE counter_visits SET holder_id = (SELECT holder_id FROM counter_visits WHERE id = :b) WHERE id = :a",
        a=visit,
        b=theirs,
    )
    assert code_of(desk.get, f"/v1/counter/visits/{visit}") == "store.ciphertext"
    asked = ask(service, other.number)
    decision = f"/v1/counter/visits/{visit}/requests/{asked.id}/decision"
    assert code_of(desk.post, decision, {"decision": "deny"}) == "store.ciphertext"


def test_look_ups_are_counted_found_or_not_and_then_refused(few: Service) -> None:
    person, desk, other = few.driver(0), officer(few), officer(few)
    unknown = ("371099196001010018", "无此人")
    from api.catalogue.identifiers import id_check_character

    nobody = unknown[0][:17] + id_check_character(unknown[0][:17])
    for _ in range(QUOTA - 1):
        assert code_of(flow.open_visit, desk, (nobody, "无此人")) == "counter.not_found"
    flow.open_visit(desk, pair(person))
    before = len(few.rows("SELECT id FROM counter_visits"))
    for who in (pair(person), (nobody, "无此人")):
        assert code_of(flow.open_visit, desk, who) == "counter.quota", "known or not, it is the same answer"
    assert len(few.rows("SELECT id FROM counter_visits")) == before, "a refused look-up finds nobody"
    # A colleague's day is another's; the next day begins anew.
    flow.open_visit(other, pair(person))
    looked = [one for one in few.citizen(person).get("/v1/footprints")["items"] if one["kind"] == "look"]
    assert len(looked) == 2
    few.wind_clock(24 * 60 * MINUTE_MS)
    few.town.signed_in.clear()
    again = flow.at_counter(few.town, "civil_affairs", f"{next(_staff) - 2:04d}")
    flow.open_visit(again, pair(person))


def test_what_the_printed_code_leads_to_tells_of_nobody(service: Service) -> None:
    person, desk = service.driver(0), officer(service)
    asked = ask(service, person.number)
    visit = flow.open_visit(desk, pair(person))
    grant = str(flow.decide_at_counter(desk, visit, asked)["grant"])
    stranger = caller(service, "stranger")
    page = stranger.http.get(f"/v/{visit}", headers={"Accept-Language": "en"})
    assert page.status_code == 200
    assert "1 consent given here is in force" in page.text
    for secret in (person.name, person.number, "Demo Harbour", grant):
        assert secret not in page.text
    desk.post(f"/v1/counter/visits/{visit}/grants/{grant}/revoke")
    again = stranger.http.get(f"/v/{visit}", headers={"Accept-Language": "en"}).text
    assert "No consent given here is in force any more" in again
    absent = stranger.http.get("/v/visit_aaaaaaaaaaaaaaaaaaaaaaaaaa")
    assert absent.status_code == 200
    assert "visit_aaaaaaaaaaaaaaaaaaaaaaaaaa" not in again
