"""Stopped and started again on the same directory: everything is there, nothing is there twice."""

import shutil
import threading
from pathlib import Path

import httpx
import pytest

from api.demo import flow
from api.services import refusals
from chain.__main__ import verify_with_node
from chain.bundle import parse_bundle
from chain.canonical import canonical
from chain.trustfile import parse_trust_file
from chain.verdict import State
from tests import town
from tests.town import HARBOUR, Service, until


@pytest.mark.slow
def test_a_stop_keeps_everything(prepared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(prepared, folder)
    with town.running(folder) as service:
        person = service.driver()
        grant = service.grant(person, uses=3)
        first = flow.pull_envelope(service.town, HARBOUR, grant, "json")
        open_request = service.ask(person, case_no="CL-open").id
        # Refused five times: one receipt now, the count of the others when the service stops.
        revoked = service.grant(service.driver(1))
        service.citizen(service.driver(1)).post(f"/v1/grants/{revoked}/revoke")
        for _ in range(5):
            answer = service.town.machine(HARBOUR).send("POST", f"/v1/grants/{revoked}/pulls", {})
            assert answer.json()["code"] == "pull.grant_revoked"
        seen = service.citizen(person).get("/v1/certificates")
        cookie = dict(service.citizen(person).http.cookies)
        size = httpx.get(f"{service.url}/v1/log", trust_env=False).json()["size"]
    with town.running(folder) as service:
        assert service.citizen(person).get("/v1/certificates") == seen
        with httpx.Client(base_url=service.url, cookies=cookie, trust_env=False) as browser:
            assert browser.get("/v1/sessions/current").status_code == 200, "nobody has to sign in again"
        again = flow.pull_envelope(service.town, HARBOUR, grant, "json")
        assert (again.copy, again.file) == (first.copy, first.file)
        assert service.rows("SELECT use_count FROM grants WHERE id = :id", id=grant) == [(2,)]
        requests = service.citizen(person).get("/v1/requests")["items"]
        assert open_request in {item["id"] for item in requests}
        lines = service.citizen(service.driver(1)).get("/v1/footprints")["items"]
        counts = sorted(line["repeats"] for line in lines if line["kind"] == "refusal")
        assert counts == [1, 4], "one at once, the other four with their count"
        now = httpx.get(f"{service.url}/v1/log", trust_env=False).json()
        assert now["size"] > size
        service.settle()
        trust = parse_trust_file((folder / "trust.json").read_bytes())
        document = flow.disclose(flow.bundle_of(service.town, HARBOUR, first), first)
        verdict = verify_with_node(parse_bundle(canonical(document)), trust, service.chain.url, first.file)
        assert verdict.state is State.VALID
        numbers = [row[0] for row in service.rows("SELECT number FROM receipts ORDER BY number")]
        assert numbers == list(range(len(numbers)))


@pytest.mark.slow
def test_a_log_writer_that_dies_is_started_anew(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    grant = service.grant(service.driver(2))

    def dies(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    with pytest.raises((SystemExit, Exception)):
        service.ctx.log.submit(dies)
    until(lambda: service.ctx.log.ready, "a new thread writes")
    assert flow.pull_envelope(service.town, HARBOUR, grant, "json").certificates


def test_counts_that_cannot_be_written_are_not_lost(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from api.errors import ApiError, Kind

    revoked = service.grant(service.driver(3))
    service.citizen(service.driver(3)).post(f"/v1/grants/{revoked}/revoke")
    machine = service.town.machine(HARBOUR)

    def away(*_: object) -> None:
        raise ApiError("store.unavailable", Kind.UNAVAILABLE, reason="SQLITE_FULL")

    with monkeypatch.context() as patch:
        patch.setattr(refusals, "write", away)
        # The first refusal must stand before it is told: without the store there is no answer but "later".
        assert machine.send("POST", f"/v1/grants/{revoked}/pulls", {}).status_code == 503
    for _ in range(3):
        assert machine.send("POST", f"/v1/grants/{revoked}/pulls", {}).status_code == 403
    with monkeypatch.context() as patch:
        patch.setattr(refusals, "write", away)
        with pytest.raises(ApiError):
            refusals.write_ended(service.ctx, everything=True)
    assert refusals.write_ended(service.ctx, everything=True) == 1
    lines = service.citizen(service.driver(3)).get("/v1/footprints")["items"]
    assert sorted(line["repeats"] for line in lines if line["kind"] == "refusal") == [1, 2]
