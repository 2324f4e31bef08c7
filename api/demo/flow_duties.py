"""The operator's side as its three offices use it: parties proposed and admitted, offices given, parties stopped."""

import time
from typing import Any

from api.demo.client import Person
from api.demo.flow import POLL_S, Town
from api.demo.parties import OPERATOR
from api.demo.provision import party_id
from api.errors import ApiError, Kind


def officer(town: Town, role: str, staff: str = "") -> Person:
    """Somebody of the operator's: system administrator (`operator`), security officer (`security`) or `auditor`."""
    known = f"{role}/{staff}"
    if known not in town.signed_in:
        claims = {"role": role, "party": party_id(OPERATOR), "name": "演示人员"} | ({"staff": staff} if staff else {})
        town.signed_in[known] = Person(town.url).sign_in(**claims)
    return town.signed_in[known]


def propose_party(administrator: Person, **described: Any) -> str:  # noqa: ANN401 - JSON
    """Propose a party, as `POST /v1/party-acts` describes it; the act's id."""
    return str(administrator.post("/v1/party-acts", described)["id"])


def decide_act(security: Person, act_id: str, *, confirm: bool = True) -> dict[str, Any]:
    """Be the second person of an act, or decline it."""
    answer: dict[str, Any] = security.post(f"/v1/party-acts/{act_id}/{'confirm' if confirm else 'decline'}")
    return answer


def wait_for_act(reader: Person, act_id: str, timeout_s: float = 120.0) -> dict[str, Any]:
    """Follow an act until the chain has it; `demo.too_slow` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        act: dict[str, Any] = reader.get(f"/v1/party-acts/{act_id}")
        if act["state"] == "done":
            return act
        time.sleep(POLL_S)
    raise ApiError("demo.too_slow", Kind.UNAVAILABLE)


def give_office(first: Person, second: Person, staff: str, office: str) -> str:
    """Two security officers give somebody an office; its id."""
    made = str(first.post("/v1/offices", {"staff": staff, "office": office})["id"])
    second.post(f"/v1/offices/{made}/confirm", {"staff": staff})
    return made


def suspend(who: Person, party: str, reason: str) -> None:
    """Suspend a party at once."""
    who.post(f"/v1/parties/{party}/suspend", {"reason": reason})


def let_back(first: Person, second: Person, party: str, reason: str) -> str:
    """Two persons let a suspended party back; the act's id."""
    act = str(first.post(f"/v1/parties/{party}/return", {"reason": reason})["id"])
    decide_act(second, act)
    return act
