"""Pages of departments, courts and entities without any script: query by duty, pick a service item, follow a case."""

import re
import secrets

import httpx
import pytest

from api.demo import flow, flow_duty
from api.demo.provision import party_id
from tests.api.calls import Caller, caller, department_id, other_entity
from tests.flow.test_statutory import numbers
from tests.town import LICENCE, TITLES, Service, small_city

POLICE, COURT = "police.investigation", "court.enforcement"
CASE, FILE_NO = "A3710024500002026110001", "(2026)鲁1002执1234号"
TITLE = TITLES[0][0]


def entity(service: Service, code: str) -> Caller:
    return Caller("entity", service, {"role": "entity", "party": party_id(flow.entity(code))})


@pytest.fixture
def court(service: Service) -> Caller:
    service.execute("DELETE FROM statutory_alarms")
    service.execute("UPDATE statutory_accesses SET at_ms = at_ms - 200000000")
    return entity(service, "court-harbour")


def without_a_house() -> str:
    """The number of somebody who owns no house."""
    city = small_city()
    owners = {one.holder for one in city.certificates if one.type_code == TITLE}
    return next(person.number for person in city.persons if person.number not in owners)


def send(who: Caller, path: str, **fields: object) -> httpx.Response:
    return who.http.post(path, data={"csrf": who.csrf, **fields}, follow_redirects=True)


def page(who: Caller, path: str, lang: str = "zh-Hans") -> str:
    answer = who.http.get(path, headers={"Accept-Language": "zh" if lang == "zh-Hans" else "en"})
    assert answer.status_code == 200, answer.text
    return answer.text


def query(who: Caller, number: str, *, hidden_days: int = 0, case_no: str = FILE_NO, **more: object) -> httpx.Response:
    fields = {
        "basis": COURT,
        "case_no": case_no,
        "kind": "person",
        "number": number,
        "items": [f"{TITLE}/certificate_number", f"{TITLE}/location"],
        "hidden_days": str(hidden_days),
        "once": secrets.token_urlsafe(18),
        **more,
    }
    return send(who, "/entity/queries", **fields)


def test_a_court_queries_on_its_page(service: Service, court: Caller) -> None:
    landlord = small_city().landlords[0]
    before = page(court, "/entity/queries")
    assert "法院执行查控" in before
    assert "200 次（每日共 200 次）" in before
    assert "《中华人民共和国民事诉讼法》第二百五十三条" in before
    copy = query(court, landlord.number)
    assert (copy.status_code, copy.headers["content-type"]) == (200, "application/pdf"), copy.text[:300]
    after = page(court, "/entity/queries")
    assert "199 次（每日共 200 次）" in after
    assert "已取走副本" in after
    assert landlord.number not in after
    assert court.http.get("/v1/statutory-bases").json()["items"][0]["used_today"] == 1
    lines = service.citizen(landlord).get("/v1/footprints")["items"]
    assert (lines[0]["kind"], lines[0]["basis"]) == ("delivery", "statutory")
    # A row whose hiding the law allows, and one that it does not.
    assert query(court, landlord.number, hidden_days=20, case_no="(2026)鲁1002执1235号").status_code == 200
    assert "起向本人公开" in page(court, "/entity/queries")
    assert "statutory.mask_too_long" in query(court, landlord.number, hidden_days=31).text


def test_what_is_refused_comes_back_as_it_was_filled_in(service: Service, court: Caller) -> None:
    refused = query(court, small_city().landlords[0].number, case_no="没有案号")
    assert refused.status_code == 403
    assert "statutory.bad_case_no" in refused.text
    assert 'value="没有案号"' in refused.text
    assert re.search(rf'value="{TITLE}/location" checked', refused.text)
    assert "已拒绝" in page(court, "/entity/queries")
    # Nothing found, for somebody without a house and for a number that nobody has, in the same words.
    absent = [query(court, number).text for number in (without_a_house(), "110101199001010015")]
    codes = [re.findall(r"<code>(statutory\.\w+|[a-z]+\.\w+)<", text) for text in absent]
    assert codes == [["statutory.nothing_found"]] * 2


def test_an_alarm_stops_the_form_and_says_why(service: Service, court: Caller) -> None:
    for number in numbers("11010119900101", 4):
        query(court, number)
    told = page(court, "/entity/queries")
    assert "查询已暂停，待监管部门核查后恢复" in told
    assert "4 个相邻号码" in told
    assert "disabled" in told
    standing = court.http.get("/v1/statutory-bases").json()
    # At night there is one about the hour as well.
    assert standing["blocked"] and "neighbouring" in {alarm["kind"] for alarm in standing["alarms"]}
    assert "statutory.blocked" in query(court, small_city().landlords[0].number).text
    regulator = service.town.regulator()
    for alarm in flow_duty.open_alarms(regulator):
        flow_duty.close_alarm(regulator, alarm["id"], "已核实")
    assert "待监管部门核查后恢复" not in page(court, "/entity/queries")


def test_who_has_no_duty_is_offered_no_query(service: Service) -> None:
    insurer = caller(service, "entity")
    assert "/entity/queries" not in page(insurer, "/entity")
    assert "尚未为您登记" in page(insurer, "/entity/queries") or "没有登记" in page(insurer, "/entity/queries")
    assert 'href="/entity/queries"' in page(entity(service, "court-harbour"), "/entity")


def test_a_service_item_fills_in_what_it_needs(service: Service) -> None:
    office = entity(service, "service-social-security")
    found = page(office, "/entity/items?q=163")
    assert "免填写，已带出" in found
    start = re.search(r'href="(/entity/requests/new\?scenario=social_security&amp;item=163)"', found)
    assert start, found
    first = page(office, start[1].replace("&amp;", "&"))
    assert 'name="item" value="163"' in first
    person, fields = service.driver(3), {"scenario": "social_security", "item": "163"}
    second = send(office, "/entity/requests/fields", number=person.number, **fields).text
    pack = service.ctx.catalogue.pack("social_security")
    ticked = re.findall(r'name="items" value="([^"]+)" checked', second)
    assert sorted(ticked) == sorted(f"{one.type_code}/{one.field}" for one in pack.items if one.necessary)
    terms = send(office, "/entity/requests/terms", number=person.number, items=ticked, **fields)
    assert 'name="item" value="163"' in terms.text
    sent = send(
        office,
        "/entity/requests/send",
        number=person.number,
        items=ticked,
        case_no="SB-1",
        days="5",
        uses="1",
        **fields,
    )
    assert str(sent.url).endswith("/entity/requests?sent=1"), sent.text
    asked = service.citizen(person).get("/v1/requests")["items"][0]
    assert (asked["item"], asked["purpose"]) == (163, pack.purpose)
    name = next(one.name for one in service.ctx.catalogue.items if one.number == 163)
    holder = Caller(
        "citizen", service, {"role": "citizen", "kind": "person", "number": person.number, "name": person.name}
    )
    assert name in page(holder, f"/citizen/requests/{asked['id']}")


def test_items_of_others_and_items_without_a_pack(service: Service) -> None:
    insurer = caller(service, "entity")
    assert "贵机构未登记此项业务" in page(insurer, "/entity/items?q=163")
    by_hand = page(insurer, "/entity/items?q=5")
    assert 'href="/entity?item=5"' in by_hand
    assert "item=5" in page(insurer, "/entity?item=5")
    assert "没有找到办事事项" in page(insurer, "/entity/items?q=nosuchthing")
    # The list goes on, and its interface says the same.
    listed = service.town.machine(flow.entity("insurer-harbour")).send("GET", "/v1/catalogue/items").json()
    assert (listed["total"], len(listed["items"])) == (500, 20)
    rest = insurer.http.get(f"/v1/catalogue/items?after={listed['next_after']}").json()
    assert rest["items"][0]["number"] == listed["next_after"] + 1
    assert "更多" in page(insurer, "/entity/items")


def test_the_organisation_follows_a_case_and_reads_no_more_than_its_own(service: Service) -> None:
    person, words = service.driver(5), "这段话只给监管看"
    grant = service.grant(person, case_no="CL-2026-5512")
    citizen, inspector = service.citizen(person), service.town.regulator()
    case = citizen.post("/v1/cases", {"reason": words, "grant": grant})["id"]
    insurer, other = caller(service, "entity"), other_entity(service)
    listed = page(insurer, "/entity/cases")
    assert f'href="/entity/cases/{case}"' in listed
    opened = page(insurer, f"/entity/cases/{case}")
    assert "CL-2026-5512" in opened
    assert "裁定之前，所涉授权不再提供任何数据" in opened
    assert words not in opened and person.name not in opened and person.number not in opened
    assert f'href="/entity/grants/{grant}"' in opened
    notice = page(insurer, "/entity/notifications")
    assert f'href="/entity/cases/{case}"' in notice
    assert other.http.get(f"/entity/cases/{case}").status_code == 404
    assert case not in page(other, "/entity/cases")
    inspector.post(f"/v1/cases/{case}/review")
    inspector.post(f"/v1/cases/{case}/decision", {"outcome": "upheld", "text": "查明非本人办理。"})
    decided = page(insurer, f"/entity/cases/{case}", "en")
    assert "The regulator upheld it" in decided
    assert "查明非本人办理。" in decided


def test_a_department_follows_the_case_about_its_query(service: Service) -> None:
    service.execute("DELETE FROM statutory_alarms")
    person, officer = (
        service.driver(6),
        Caller("department", service, {"role": "department", "party": department_id(service, LICENCE)}),
    )
    envelope = flow_duty.query(
        service.town.department("public_security"), POLICE, CASE, person.number, [f"{LICENCE}/name"]
    )
    case = service.citizen(person).post("/v1/cases", {"reason": "没有案子", "receipt": envelope.receipt})["id"]
    opened = page(officer, f"/department/cases/{case}")
    assert "本机构对此人的查询一律拒绝" in opened
    assert "没有案子" not in opened
    assert CASE in opened
    assert 'href="/department/cases"' in page(officer, "/department")
