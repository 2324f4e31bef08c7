"""The pages, as people click through them: object, correct, see who has confirmed; answer, ask, decide."""

import re

from api.demo import flow, flow_disputes, flow_looks
from api.demo.provision import party_id
from tests.disputes.acts import SAID, follow, licence_of, other_class, police, taken, wind
from tests.town import HARBOUR, Service

LINK = re.compile(r'href="([^"]+)"')


def clerk_of(service: Service) -> flow.Person:
    """Staff of the insurer."""
    return flow.Person(service.url).sign_in(role="entity", party=party_id(HARBOUR), name="演示专员")


def page(who: flow.Person, path: str) -> str:
    found = who.http.get(path)
    assert found.status_code == 200, found.text[:400]
    return str(found.text)


def press(who: flow.Person, path: str, status: int = 303, **form: str) -> str:
    found = who.http.post(path, data={"csrf": who.csrf, **form}, follow_redirects=False)
    assert found.status_code == status, found.text[:400]
    return str(found.headers.get("location", found.text))


def test_from_a_field_to_who_has_confirmed(service: Service) -> None:
    holder, officer = service.citizen(service.driver(0)), police(service)
    taken(service, 0)
    one = licence_of(service, 0)
    links = LINK.findall(page(holder, f"/citizen/certificates/{one['id']}"))
    (form,) = [link for link in links if "disputes/new" in link and "field=licence_class" in link]
    assert "10" in page(holder, form.replace("&amp;", "&"))
    wrong = press(holder, "/citizen/disputes", 422, certificate=one["id"], field="licence_class", text=" ")
    assert "disputes.bad_text" in wrong
    mine = press(holder, "/citizen/disputes", certificate=one["id"], field="licence_class", text=SAID)
    assert SAID in page(holder, mine)
    dispute = mine.rsplit("/", 1)[1]
    assert dispute in page(officer, "/department/disputes") and dispute in page(holder, "/citizen/disputes")
    seen = page(officer, f"/department/disputes/{dispute}")
    assert SAID in seen and 'name="value.licence_class"' in seen and "value.id_number" not in seen
    press(officer, f"/department/disputes/{dispute}/correction", 422, text="x")
    wanted = other_class(one["values"]["licence_class"])
    press(officer, f"/department/disputes/{dispute}/correction", **{"value.licence_class": wanted, "text": "已更正。"})
    follow(service)
    clerk = clerk_of(service)
    (correction,) = flow_disputes.dispute_of(holder, dispute)["corrections"]
    listed = page(clerk, "/entity/corrections")
    assert correction["id"] in listed and SAID not in listed
    for who, path in ((holder, mine), (officer, f"/department/corrections/{correction['id']}")):
        assert "1 家中已有 0 家确认" in page(who, path)
    press(clerk, f"/entity/corrections/{correction['id']}/confirmation")
    press(clerk, f"/entity/corrections/{correction['id']}/confirmation", 409)
    for who, path in (
        (holder, f"/citizen/corrections/{correction['id']}"),
        (officer, f"/department/disputes/{dispute}"),
    ):
        assert "1 家中已有 1 家确认" in page(who, path)
    assert "人工确认" in page(holder, mine)


def test_a_look_is_explained_and_contested_before_the_regulator(service: Service) -> None:
    holder, clerk, regulator = service.citizen(service.driver(1)), clerk_of(service), service.town.regulator()
    taken(service, 1)
    receipt = flow_looks.footprints_of(holder, kind="delivered")[0]["receipt"]
    assert f"/citizen/disputes/new?receipt={receipt}" in page(holder, "/citizen/footprints")
    page(holder, f"/citizen/disputes/new?receipt={receipt}")
    mine = press(holder, "/citizen/disputes", receipt=receipt, text="为何查看？")
    dispute = mine.rsplit("/", 1)[1]
    assert "为何查看？" in page(clerk, f"/entity/disputes/{dispute}")
    press(clerk, f"/entity/disputes/{dispute}/answer", outcome="refused", text="理赔所需。")
    press(holder, f"{mine}/contest", text="没有出险。")
    assert dispute in page(regulator, "/regulator/disputes")
    assert "没有出险。" in page(regulator, f"/regulator/disputes/{dispute}")
    press(regulator, f"/regulator/disputes/{dispute}/decision", outcome="dismissed", text="查明已报案。")
    assert "查明已报案。" in page(holder, mine)
    assert page(holder, "/citizen/notifications").count("YY-") >= 3


def test_what_is_late_stands_with_the_regulator(service: Service) -> None:
    holder = service.citizen(service.driver(2))
    taken(service, 2)
    one = licence_of(service, 2)
    opened = flow_disputes.object_to(holder, SAID, certificate=one["id"])["id"]
    wanted = other_class(one["values"]["licence_class"])
    flow_disputes.correct(police(service), opened, {"licence_class": wanted}, "已更正。")
    unanswered = flow_disputes.object_to(
        service.citizen(service.driver(3)), SAID, certificate=licence_of(service, 3)["id"]
    )["id"]
    follow(service)
    wind(service, 30)
    follow(service)
    regulator = service.town.regulator()
    correction = flow_disputes.dispute_of(regulator, opened)["corrections"][0]["id"]
    found = page(regulator, "/regulator/disputes")
    assert unanswered in found and f"/regulator/corrections/{correction}" in found and opened not in found
    assert opened in page(regulator, "/regulator/disputes?all=true")
    page(regulator, f"/regulator/corrections/{correction}")
    page(regulator, "/regulator/notifications")
    page(clerk_of(service), "/entity/notifications")
