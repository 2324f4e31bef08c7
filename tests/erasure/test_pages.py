"""The page of erasure as people use it: lists, two confirmations, taking it back, and the state by number."""

import re

import httpx

from api.demo import flow
from api.demo.client import Person as Browser
from tests.copies.acts import refused
from tests.town import Service, small_city


def browser(citizen: Browser) -> httpx.Client:
    return citizen.http


def test_two_confirmations_and_back(service: Service) -> None:
    citizen = service.citizen(service.driver(4))
    http = browser(citizen)
    page = http.get("/citizen/erasure")
    assert page.status_code == 200
    assert "个人信息保护法" in page.text and "将删除的内容" in page.text
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    plan = re.search(r'name="plan" value="([0-9a-f]{64})"', page.text)
    assert csrf and plan
    sent = {"csrf": csrf[1], "plan": plan[1]}
    assert http.post("/citizen/erasure", data=sent).status_code == 422
    stale = http.post("/citizen/erasure", data={**sent, "plan": "0" * 64, "read": "1"})
    assert stale.status_code in {400, 409, 422} and "未执行任何操作" in stale.text
    assert http.post("/citizen/erasure", data={**sent, "read": "1"}).status_code == 303
    page = http.get("/citizen/erasure")
    assert "请再次确认" in page.text
    wish = re.search(r"/citizen/erasure/(eras_[^/]+)/confirm", page.text)
    assert wish
    assert http.post(f"/citizen/erasure/{wish[1]}/confirm", data=sent).status_code == 303
    page = http.get("/citizen/erasure", headers={"Accept-Language": "en"})
    assert "you can take this back" in page.text
    status = httpx.get(f"{service.url}/erasures/{wish[1]}")
    assert status.status_code == 200 and service.driver(4).name not in status.text
    assert http.post(f"/citizen/erasure/{wish[1]}/cancel", data=sent).status_code == 303
    assert flow.erasure_plan(citizen)["current"]["state"] == "cancelled"
    assert "已撤回" in httpx.get(f"{service.url}/erasures/{wish[1]}").text
    assert httpx.get(f"{service.url}/erasures/eras_nobody").status_code == 404


def test_only_the_holder_itself_or_its_legal_representative(service: Service) -> None:
    someone, agent = service.driver(1), service.driver(2)
    holder, helper = service.citizen(someone), service.citizen(agent)
    mandate = flow.appoint_agent(holder, (agent.number, agent.name), actions=("look", "decide", "end", "export"))
    flow.accept_mandate(helper, mandate)
    flow.act_for(helper, mandate)
    refused("erasure.not_yours", helper.get, "/v1/erasures")
    flow.act_for(helper, None)
    firm = small_city().enterprises[0]
    office = service.town.department("market_regulation")
    mandate = flow.register_mandate(
        office,
        "legal_representative",
        (firm.uscc, firm.name),
        (agent.number, agent.name),
        "enterprise_register",
        "DJ-1",
    )
    flow.act_for(helper, mandate)
    wish = flow.ask_erasure(helper)
    assert wish["state"] == "cooling"
    assert flow.cancel_erasure(helper, wish["id"])["state"] == "cancelled"
    refused("auth.forbidden", office.get, "/v1/erasures")
