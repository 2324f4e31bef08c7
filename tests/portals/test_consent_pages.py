"""A consent's life on the pages of both sides, without any script: pause, go on, extend, give back, and why."""

import re
from datetime import datetime, timedelta

import httpx
import pytest

from api.demo import flow
from api.errors import ApiError
from api.locale import CHINA_STANDARD_TIME
from tests.api.calls import Caller, caller
from tests.town import HARBOUR, Service

TOMORROW = (datetime.now(CHINA_STANDARD_TIME).date() + timedelta(days=2)).isoformat()


@pytest.fixture
def holder(service: Service) -> Caller:
    return caller(service, "citizen")


@pytest.fixture
def clerk(service: Service) -> Caller:
    return caller(service, "entity")


def send(who: Caller, path: str, **fields: str) -> httpx.Response:
    return who.http.post(path, data={"csrf": who.csrf, **fields}, follow_redirects=True)


def page(who: Caller, path: str, lang: str = "zh-Hans") -> str:
    answer = who.http.get(path, headers={"Accept-Language": "zh" if lang == "zh-Hans" else "en"})
    assert answer.status_code == 200, answer.text
    return answer.text


def test_pause_and_go_on(service: Service, holder: Caller, clerk: Caller) -> None:
    grant_id = service.grant(service.driver())
    mine, theirs = f"/citizen/grants/{grant_id}", f"/entity/grants/{grant_id}"
    assert "已暂停" in send(holder, f"{mine}/pause").text
    assert f"{mine}/resume" in page(holder, mine)
    assert "当事人已暂停此授权" in page(clerk, theirs)
    assert "取得带标记的副本" not in page(clerk, theirs)
    assert "已恢复" in send(holder, f"{mine}/resume").text
    assert "Resumed" in page(holder, mine, "en")


def test_extending(service: Service, holder: Caller, clerk: Caller) -> None:
    grant_id = service.grant(service.driver(), uses=2)
    answer = send(holder, f"/citizen/grants/{grant_id}/extension", until=TOMORROW, uses="3")
    newer = str(answer.url).rsplit("/", 1)[1]
    assert newer != grant_id
    assert f'href="/citizen/grants/{grant_id}"' in answer.text
    older = page(holder, f"/citizen/grants/{grant_id}")
    assert "已被更新的版本取代" in older or "已被新的授权取代" in older
    assert f'href="/citizen/grants/{newer}"' in older
    assert f"/citizen/grants/{grant_id}/extension" not in older, "what was replaced is not extended again"
    assert f'href="/entity/grants/{newer}"' in page(clerk, f"/entity/grants/{grant_id}")


def test_an_extension_is_asked_for_and_answered(service: Service, holder: Caller, clerk: Caller) -> None:
    grant_id = service.grant(service.driver(), uses=2)
    path = f"/entity/grants/{grant_id}"
    assert send(clerk, f"{path}/extension", until=TOMORROW, uses="2").status_code == 200
    assert "延期申请正等待当事人答复" in page(clerk, path)
    again = send(clerk, f"{path}/extension", until=TOMORROW, uses="2")
    assert "grants.extension_waits" in again.text
    asked = holder.http.get("/v1/requests").json()["items"][0]
    assert asked["extends"] == grant_id
    made = flow.approve(service.citizen(service.driver()), _asked(asked), days=2, uses=2)["grant"]
    shown = holder.http.get(f"/v1/grants/{grant_id}").json()
    assert (shown["state"], shown["extended_by"]) == ("superseded", made)
    assert flow.pull_envelope(service.town, HARBOUR, made, "json").file


def _asked(row: dict[str, object]) -> flow.Asked:
    return flow.Asked(str(row["id"]), HARBOUR, "", ())


@pytest.mark.parametrize(("until", "uses"), [("", "1"), ("1999-01-01", "1"), ("9999-01-01", "1"), (TOMORROW, "0")])
def test_an_extension_that_is_not_right_is_refused(service: Service, holder: Caller, until: str, uses: str) -> None:
    grant_id = service.grant(service.driver())
    answer = send(holder, f"/citizen/grants/{grant_id}/extension", until=until, uses=uses)
    assert answer.status_code == 422
    assert "portal.bad_form" in answer.text
    assert holder.http.get(f"/v1/grants/{grant_id}").json()["state"] == "active"


def test_giving_back(service: Service, holder: Caller, clerk: Caller) -> None:
    grant_id = service.grant(service.driver())
    path = f"/entity/grants/{grant_id}"
    assert f"{path}/terminate" in page(clerk, path)
    ended = send(clerk, f"{path}/terminate")
    assert f"{path}/terminate" not in ended.text
    assert "对方已放弃" in page(holder, f"/citizen/grants/{grant_id}")
    with pytest.raises(ApiError, match=r"pull\.grant_terminated"):
        flow.pull_envelope(service.town, HARBOUR, grant_id, "json")


def test_why_it_was_allowed_or_refused(service: Service, holder: Caller, clerk: Caller) -> None:
    grant_id = service.grant(service.driver(), uses=1)
    delivered = flow.pull_envelope(service.town, HARBOUR, grant_id, "json").receipt
    with pytest.raises(ApiError, match=r"pull\.uses_exhausted"):
        flow.pull_envelope(service.town, HARBOUR, grant_id, "json")
    assert f"/citizen/receipts/{delivered}/decision" in page(holder, f"/citizen/grants/{grant_id}")
    told = page(holder, f"/citizen/receipts/{delivered}/decision")
    assert "当时允许了" in told
    assert "结论相同" in told
    links = re.findall(r"/citizen/receipts/(rcpt_\w+)/decision", page(holder, "/citizen/footprints"))
    refused = next(one for one in links if "当时拒绝了" in page(holder, f"/citizen/receipts/{one}/decision"))
    for who, lang, words in ((clerk, "zh-Hans", "授权的使用次数已用完"), (clerk, "en", "uses are used up")):
        text = page(who, f"/entity/receipts/{refused}/decision", lang)
        assert words in text
    inspector = caller(service, "regulator")
    assert "当时拒绝了" in page(inspector, f"/regulator/receipts/{refused}/decision")
