"""The people of the sweep: each works through the main job over HTTP and repeats whatever got no answer.

A job is one of return, grant, pull, anchor, revoke. It is acknowledged once the service has answered it, and from then
on the service is held to it. A repeat carries the idempotency key of the first try, as every careful client's does.
"""

import csv
import io
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from api.catalogue import load_catalogue
from api.demo import flow
from api.demo.city import generate_city
from api.demo.client import Machine, Person
from api.demo.parties import demo_parties
from api.demo.people import DemoCertificate
from api.demo.provision import entity_key, party_id
from api.errors import ApiError, Kind
from api.settings import Settings
from api.wiring import key_ring

LICENCE = "person.driving_licence"
ITEMS = ((LICENCE, "licence_class", True), (LICENCE, "valid_until", True))
HARBOUR = flow.entity("insurer-harbour")
KINDS = ("return", "grant", "pull", "anchor", "revoke")
PAUSE_S = 0.05
AGAIN = frozenset({"idempotency.running", "store.conflict", "http.internal"})


@dataclass(slots=True)
class Case:
    """One person's way through the main job, and what was acknowledged of it."""

    number: int
    certificate: DemoCertificate
    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)


class GaveUpError(Exception):
    """A job got no answer for longer than the sweep's patience."""


class Caller:
    """One thread's connections, and its way of repeating."""

    def __init__(self, settings: Settings, patience_s: float, stop: threading.Event) -> None:
        self._settings = settings
        self._patience_s = patience_s
        self._stop = stop
        department = load_catalogue().ready_type(LICENCE).department
        office = next(party for party in demo_parties(load_catalogue()) if party.department_code == department)
        self._officer = Person(settings.base_url)
        self._officer_claims = {"role": "department", "party": party_id(office), "name": "演示人员"}
        self._machine = Machine(settings.base_url, entity_key(key_ring(settings), HARBOUR))

    def close(self) -> None:
        """Close the connections."""
        self._officer.close()
        self._machine.close()

    def work(self, case: Case) -> None:
        """All five jobs of a case; what was acknowledged is noted at once."""
        holder = Person(self._settings.base_url)
        values = case.certificate.values
        claims = {"role": "citizen", "kind": "person", "number": case.certificate.holder, "name": values["name"]}
        try:
            self._return(case)
            self._again(lambda: holder.sign_in(**claims))
            self._grant(case, holder)
            self._pull(case)
            self._anchor(case, holder)
            self._revoke(case, holder)
        finally:
            holder.close()

    def _return(self, case: Case) -> None:
        if not self._officer.csrf:
            self._again(lambda: self._officer.sign_in(**self._officer_claims))
        files = {"file": (f"{case.number}.csv", _table([case.certificate]), "application/octet-stream")}
        headers = self._headers(self._officer, f"sweep-return-{case.number}")
        answer = self._again(
            lambda: self._officer.http.post(
                "/v1/returns", data={"type": LICENCE, "seal": "true"}, files=files, headers=headers
            )
        ).json()
        case.acknowledged["return"] = {"id": str(answer["id"])}
        self._until(lambda: self._get(self._officer, f"/v1/returns/{answer['id']}")["state"] in {"sealed", "anchored"})

    def _grant(self, case: Case, holder: Person) -> None:
        items = [{"type": kind, "field": name, "necessary": needed} for kind, name, needed in ITEMS]
        wanted = {
            "holder": {"kind": "person", "number": case.certificate.holder},
            "purpose": "insurance.motor.claims",
            "items": items,
            "days": 30,
            "uses": 5,
            "case_no": f"CL-{case.number}",
        }
        asked = self._again(
            lambda: self._machine.send("POST", "/v1/requests", wanted, idempotency_key=f"sweep-request-{case.number}")
        ).json()["id"]
        shown = self._get(holder, f"/v1/requests/{asked}")
        ticked = [f"{item['type']}/{item['field']}" for item in shown["items"]]
        body = {"decision": "approve", "ticked": ticked, "days": 30, "uses": 5}
        answer = self._post(holder, f"/v1/requests/{asked}/decision", body, f"sweep-grant-{case.number}")
        case.acknowledged["grant"] = {"id": str(answer["grant"]), "request": str(asked)}

    def _pull(self, case: Case) -> None:
        path = f"/v1/grants/{case.acknowledged['grant']['id']}/pulls"
        answer = self._again(
            lambda: self._machine.send(
                "POST", path, {}, accept="application/json", idempotency_key=f"sweep-pull-{case.number}"
            )
        )
        case.acknowledged["pull"] = {
            "receipt": answer.headers["receipt-id"],
            "number": int(answer.headers["receipt-number"]),
        }

    def _anchor(self, case: Case, holder: Person) -> None:
        path = f"/v1/grants/{case.acknowledged['grant']['id']}"
        self._until(lambda: self._get(holder, path)["anchor_state"] == "anchored")
        case.acknowledged["anchor"] = {}

    def _revoke(self, case: Case, holder: Person) -> None:
        path = f"/v1/grants/{case.acknowledged['grant']['id']}/revoke"
        self._post(holder, path, {}, f"sweep-revoke-{case.number}")
        case.acknowledged["revoke"] = {}

    def _post(self, who: Person, path: str, body: Mapping[str, object], key: str) -> Any:  # noqa: ANN401 - JSON
        return self._again(lambda: who.http.post(path, json=body, headers=self._headers(who, key))).json()

    def _get(self, who: Person, path: str) -> Any:  # noqa: ANN401 - JSON
        return self._again(lambda: who.http.get(path)).json()

    def _headers(self, who: Person, key: str) -> dict[str, str]:
        return {"X-CSRF-Token": who.csrf, "Idempotency-Key": key}

    def _again(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the call gives
        """Call until there is an answer: a lost connection and a service that is away are no answers."""
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                answer = call()
                if not isinstance(answer, httpx.Response) or answer.is_success:
                    return answer
                code = str(answer.json().get("code"))
                if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR and code not in AGAIN:
                    raise ApiError(code, Kind.CONFLICT)
            except httpx.TransportError:
                pass
            except ApiError as error:
                if error.kind is not Kind.UNAVAILABLE and error.code not in AGAIN:
                    raise
            if self._stop.is_set() or time.monotonic() > deadline:
                raise GaveUpError
            time.sleep(PAUSE_S)

    def _until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self._patience_s
        while not holds():
            if self._stop.is_set() or time.monotonic() > deadline:
                raise GaveUpError
            time.sleep(PAUSE_S)


def cases() -> Iterator[Case]:
    """People with a licence, no two the same, without an end."""
    known: set[str] = set()
    for seed in itertools.count(1_000):
        for certificate in generate_city(260, 1_400, seed=seed).certificates:
            if certificate.type_code == LICENCE and certificate.holder not in known:
                known.add(certificate.holder)
                yield Case(len(known), certificate)


def _table(certificates: list[DemoCertificate]) -> bytes:
    fields = load_catalogue().ready_type(LICENCE).fields
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([one.zh for one in fields])
    for certificate in certificates:
        writer.writerow([certificate.values.get(one.name, "") for one in fields])
    return out.getvalue().encode()
