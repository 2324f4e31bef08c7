"""Asks for data as organisations, departments and regulators use them over HTTP."""

from typing import Any
from urllib.parse import urlencode

from api.demo.client import Machine, Person

Someone = Person | Machine
JSON = dict[str, Any]


def file_ask(who: Someone, **asked: Any) -> JSON:  # noqa: ANN401 - JSON
    """File an ask, as `POST /v1/data-asks` describes it; how it stands afterwards."""
    given = {"purpose": "核对业务办理所需的事实", "basis": "依法定职责或合同约定", "frequency": "once"}
    answer: JSON = who.post("/v1/data-asks", given | asked)
    return answer


def ask_of(who: Someone, ask_id: str) -> JSON:
    """One ask as somebody concerned sees it."""
    found: JSON = who.get(f"/v1/data-asks/{ask_id}")
    return found


def asks_of(who: Someone, **query: str) -> JSON:
    """The first page of asks that somebody sees, with their counts."""
    path = "/v1/data-asks"
    found: JSON = (
        who.get(path, **query) if isinstance(who, Person) else who.get(path + (f"?{urlencode(query)}" if query else ""))
    )
    return found


def answer_ask(who: Person, ask_id: str, outcome: str, text: str) -> JSON:
    """Answer one: `agreed` or `refused`."""
    answer: JSON = who.post(f"/v1/data-asks/{ask_id}/answer", {"outcome": outcome, "text": text})
    return answer


def hand_over(who: Person, ask_id: str, department: str, text: str) -> JSON:
    """Give one to the department that has the data, by its id."""
    answer: JSON = who.post(f"/v1/data-asks/{ask_id}/department", {"department": department, "text": text})
    return answer


def order(regulator: Person, ask_id: str, text: str, department: str | None = None) -> JSON:
    """Order that it is provided."""
    body = {"text": text} | ({} if department is None else {"department": department})
    answer: JSON = regulator.post(f"/v1/data-asks/{ask_id}/order", body)
    return answer


def take_back(who: Someone, ask_id: str) -> JSON:
    """Take an ask of one's own back."""
    answer: JSON = who.post(f"/v1/data-asks/{ask_id}/withdraw", {})
    return answer
