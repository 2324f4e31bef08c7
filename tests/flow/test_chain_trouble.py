"""A chain that is late, gone too long, or another one; and rows of the outbox that a contract refuses."""

import json
import shutil
import threading
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from api import worker
from api.demo import flow
from api.errors import ApiError
from api.store import clock, unit_of_work
from api.store.queries import chain_status
from api.store.tables import Outbox
from chain.errors import WrongChainError
from chain.node import Web3Node
from chain.signer import LocalSigner
from tests import town
from tests.api.calls import caller, problem
from tests.flow.files import licences, table
from tests.town import HARBOUR, LICENCE, Service, chain_loop, until


def chain_state(service: Service) -> tuple[str, str | None]:
    seen = httpx.get(f"{service.url}/v1/log", trust_env=False).json()["chain"]
    return seen["state"], seen["reason"]


def ready(service: Service) -> tuple[int, dict[str, str]]:
    answer = httpx.get(f"{service.url}/readyz", trust_env=False)
    return answer.status_code, answer.json()["parts"]


def grant_state(service: Service, grant: str) -> str:
    return str(service.rows("SELECT anchor_state FROM grants WHERE id = :id", id=grant)[0][0])


def turn_until_anchored(service: Service, grant: str) -> None:
    def anchored() -> bool:
        service.turn()
        return grant_state(service, grant) == "anchored"

    until(anchored, "the grant lands")


@pytest.mark.slow
def test_everything_goes_on_while_the_chain_is_away_and_lands_when_it_is_back(service: Service) -> None:
    service.settle()
    with chain_loop(service):
        until(lambda: chain_state(service)[0] == "ok", "the chain is seen")
        service.chain.kill()
        until(lambda: chain_state(service)[0] == "delayed", "people are told that it is late")
        assert chain_state(service)[1].startswith("chain.node.")
        assert ready(service)[0] == 200, "the service is ready without it"
        # A return, a consent, a delivery and a revocation, all without the chain.
        officer = service.town.department(service.ctx.catalogue.ready_type(LICENCE).department)
        returned = officer.upload("/v1/returns", "a.csv", table(licences(100, 3)), type=LICENCE, seal="true")["id"]
        service.work()
        grants = [service.grant(service.driver(at)) for at in range(3)]
        pulled = [flow.pull_envelope(service.town, HARBOUR, grant, "json") for grant in grants]
        service.citizen(service.driver(0)).post(f"/v1/grants/{grants[0]}/revoke")
        with pytest.raises(ApiError, match=r"pull\.grant_revoked"):
            flow.pull_envelope(service.town, HARBOUR, grants[0], "json")
        assert officer.get(f"/v1/returns/{returned}")["state"] == "sealed"
        assert {grant_state(service, grant) for grant in grants} == {"pending"}
        assert flow.bundle_of(service.town, HARBOUR, pulled[0])["log"] is None
        service.chain.start()
        until(lambda: chain_state(service)[0] == "ok", "it is back")
        until(lambda: officer.get(f"/v1/returns/{returned}")["state"] == "anchored", "the return lands")
        until(lambda: {grant_state(service, grant) for grant in grants} == {"anchored"}, "the grants land")
    service.settle()
    events = service.rows("SELECT anchored_block FROM grant_events WHERE grant_id = :g AND seq = 1", g=grants[0])
    assert events[0][0] is not None, "the revocation stands on the chain"
    assert service.rows("SELECT count(*) FROM outbox WHERE done_at_ms IS NULL") == [(0,)]
    failed = service.rows("SELECT key, error FROM chain_txs WHERE state = 'failed'")
    assert failed == []


def announce(service: Service, grant: str, payload: dict[str, object]) -> None:
    with unit_of_work(service.ctx.db) as session:
        session.execute(update(Outbox).where(Outbox.key == f"grant:{grant}").values(payload=payload, leased_until_ms=0))


def test_a_refused_row_waits_alone_and_so_does_what_builds_on_it(service: Service) -> None:
    """A signature that was changed in the database: the contract refuses it, everything else goes on."""
    service.settle()
    forged, sound = service.grant(service.driver(1)), service.grant(service.driver(2))
    ((payload,),) = service.rows("SELECT CAST(payload AS TEXT) FROM outbox WHERE key = :k", k=f"grant:{forged}")
    document = json.loads(payload)
    other = LocalSigner(bytes(31) + b"\x07").sign_digest(bytes(32))
    announce(service, forged, document | {"signature": other.hex()})
    service.citizen(service.driver(1)).post(f"/v1/grants/{forged}/revoke")
    turn_until_anchored(service, sound)
    until(lambda: not service.turn(), "nothing moves any more")
    assert grant_state(service, forged) == "pending"
    waiting = service.rows("SELECT key, last_error FROM outbox WHERE done_at_ms IS NULL ORDER BY id")
    # What builds on a refused row is not even sent.
    assert waiting == [(f"grant:{forged}", "chain.refused"), (f"grant:{forged}:0", None)]
    assert service.rows("SELECT count(*) FROM chain_txs WHERE key LIKE :k", k=f"grant:{forged}%") == [(0,)]
    # Locally the revocation holds in any case.
    with pytest.raises(ApiError, match=r"pull\.grant_revoked"):
        flow.pull_envelope(service.town, HARBOUR, forged, "json")
    # The right signature again, and both land in order.
    announce(service, forged, document)
    turn_until_anchored(service, forged)
    service.execute("UPDATE outbox SET leased_until_ms = 0")
    service.settle()


def test_past_the_grace_pulls_close_and_revocation_does_not(service: Service) -> None:
    service.settle()
    grant = service.grant(service.driver(3))
    machine = service.town.machine(HARBOUR)
    machine.pull(grant, "application/json")
    ((last_ok,),) = service.rows("SELECT last_ok_ms FROM chain_status")
    grace = service.settings.chain_grace_s * 1000
    service.execute("UPDATE chain_status SET state = 'delayed', last_ok_ms = last_ok_ms - :ms", ms=grace + 60_000)
    answer = machine.send("POST", f"/v1/grants/{grant}/pulls", {}, accept="application/json")
    document = problem(answer, 503, "pull.chain_grace_over")
    assert document["facts"] == {"hours": 4}
    assert answer.headers["retry-after"]
    assert service.rows("SELECT use_count FROM grants WHERE id = :id", id=grant) == [(1,)]
    # A minute inside the grace it is open.
    service.execute("UPDATE chain_status SET last_ok_ms = :ms", ms=last_ok - grace + 120_000)
    assert machine.pull(grant, "application/json").status_code == 200
    service.execute("UPDATE chain_status SET last_ok_ms = :ms", ms=last_ok - grace - 60_000)
    assert service.citizen(service.driver(3)).post(f"/v1/grants/{grant}/revoke")["state"] == "revoked"
    with unit_of_work(service.ctx.db) as session:
        chain_status.set_chain_status(session, chain_status.ChainState.OK, now_ms=last_ok, head=1)


def said_of(service: Service, grant: str) -> tuple[str, str | None, bool]:
    """The word for a grant, the reason, and whether it says since when; with a sentence in both languages."""
    found = service.citizen(service.driver(5)).get(f"/v1/grants/{grant}")["anchoring"]
    assert found["zh"]
    assert found["en"]
    assert found["zh"] != found["en"]
    return found["state"], found["reason"], found["since"] is not None


def test_people_are_told_pending_anchored_or_delayed_why_and_since_when(service: Service) -> None:
    service.settle()
    grant = service.grant(service.driver(5))
    assert said_of(service, grant) == ("pending", None, False)
    (licence,) = [
        item for item in service.citizen(service.driver(5)).get("/v1/certificates")["items"] if item["type"] == LICENCE
    ]
    assert licence["anchoring"]["state"] == "anchored"

    def tell(state: chain_status.ChainState, reason: str | None) -> None:
        with unit_of_work(service.ctx.db) as session:
            now = clock.now_ms(session)
            chain_status.set_chain_status(session, state, now_ms=now, head=1, reason=reason)

    try:
        tell(chain_status.ChainState.DELAYED, "chain.node.unreachable")
        assert said_of(service, grant) == ("delayed", "anchoring.unreachable", True)
        tell(chain_status.ChainState.HALTED, "chain.reset")
        assert said_of(service, grant) == ("delayed", "anchoring.halted", True)
        answer = httpx.get(f"{service.url}/readyz", trust_env=False)
        why = answer.json()["reasons"]["chain"]
        assert (answer.status_code, why["code"]) == (503, "chain.reset")
        assert why["since"]
        assert "重置" in why["zh"]
        assert "reset" in why["en"]
        tell(chain_status.ChainState.OK, None)
        assert said_of(service, grant) == ("pending", None, False)
        assert httpx.get(f"{service.url}/readyz", trust_env=False).json()["reasons"] == {}
        service.execute("UPDATE outbox SET last_error = 'chain.refused' WHERE key = :k", k=f"grant:{grant}")
        assert said_of(service, grant) == ("delayed", "anchoring.refused", True)
        service.execute("UPDATE outbox SET last_error = NULL WHERE key = :k", k=f"grant:{grant}")
        service.execute("UPDATE grants SET created_at_ms = created_at_ms - 400000 WHERE id = :id", id=grant)
        assert said_of(service, grant) == ("delayed", "anchoring.slow", True)
    finally:
        tell(chain_status.ChainState.OK, None)
        service.execute("UPDATE grants SET created_at_ms = created_at_ms + 400000 WHERE id = :id", id=grant)
    turn_until_anchored(service, grant)
    assert said_of(service, grant) == ("anchored", None, False)


def _halts(service: Service) -> bool:
    try:
        service._worker()[1].relays.step()
    except WrongChainError:
        return True
    return False


@pytest.mark.slow
def test_another_chain_on_the_same_port_halts_the_worker_and_gets_nothing(prepared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(prepared, folder)
    with town.running(folder) as service:
        service.chain.start()
        service.settle()
        service.chain.kill()
        shutil.rmtree(folder / "devnet")
        service.chain.start()  # same port, same chain id, fresh
        grant = service.grant(service.driver())
        with pytest.raises(WrongChainError):
            service.turn()
        # The relay looks for itself as well, at the latest when what it saw before is no longer believed.
        until(lambda: _halts(service), "the relay halts", 10)
        with chain_loop(service):
            until(lambda: chain_state(service)[0] == "halted", "the worker halts")
        status, parts = ready(service)
        assert (status, parts["chain"]) == (503, "halted")
        assert chain_state(service)[1] == "chain.wrong_chain"
        node = Web3Node(service.chain.url)
        try:
            assert node.nonce(LocalSigner(service.ctx.keys.relay).address) == 0, "nothing was sent to it"
        finally:
            node.close()
        # People still revoke; what they did waits for the right chain.
        assert service.citizen(service.driver()).post(f"/v1/grants/{grant}/revoke")["state"] == "revoked"
        assert service.rows("SELECT count(*) FROM outbox WHERE done_at_ms IS NULL") == [(2,)]
        problem(caller(service, "stranger").call("GET", "/v1/grants"), 401, "auth.required")


def test_a_worker_whose_thread_ends_by_itself_ends(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """A supervisor starts it anew: better than a process that lives and does nothing."""
    ctx, loop = service._worker()

    class Dies:
        def run(self, _stop: threading.Event) -> None:
            raise RuntimeError("secret 371099199001010011")

    hook, threading.excepthook = threading.excepthook, worker._quietly
    try:
        assert worker.run(ctx, Dies(), threading.Event(), "test/1") is False
    finally:
        threading.excepthook = hook
    assert "RuntimeError at test_chain_trouble.py" in caplog.text
    assert "371099" not in caplog.text
    assert loop is not None


def test_a_second_worker_waits_for_the_lease(service: Service) -> None:
    ctx, _ = service._worker()
    stop = threading.Event()
    service.execute("UPDATE leases SET expires_at_ms = 0 WHERE name = 'worker'")
    assert worker.hold_lease(ctx, stop, "first")
    waiting = threading.Thread(target=worker.hold_lease, args=(ctx, stop, "second"))
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    stop.set()
    waiting.join(10)
    assert service.rows("SELECT holder FROM leases WHERE name = 'worker'") == [("first",)]


def test_a_chain_stands_only_where_something_waits_and_no_block_comes(service: Service) -> None:
    loop = worker.build(service.settings)[1]
    loop.stands_after_s = 0.0
    assert loop.stands(7, open_transactions=1), "at once, with no patience"
    loop.stands_after_s = 3600.0
    assert not loop.stands(7, open_transactions=1)
    assert loop.moved_at is not None
    loop.moved_at -= 4000.0
    assert loop.stands(7, open_transactions=1), "the head is the same since long and something waits"
    assert not loop.stands(8, open_transactions=1), "a block came"
    loop.moved_at -= 4000.0
    assert not loop.stands(8, open_transactions=0), "nothing waits, so nothing needs a block"
    assert not loop.stands(8, open_transactions=3), "it waits since now"
    loop.moved_at -= 4000.0
    assert loop.stands(8, open_transactions=3)
    loop.ctx.db.close()


def test_housekeeping_forgets_what_has_run_out(service: Service) -> None:
    """Last in this file: the clock goes on by eight days."""
    asked = service.ask(service.driver(4), case_no="CL-house")
    caller(service, "entity")
    count = "SELECT (SELECT count(*) FROM user_sessions), (SELECT count(*) FROM signature_nonces), count(*) FROM {}"
    before = service.rows(count.format("idempotency_keys"))[0]
    assert all(before)
    worker.keep_house(service.ctx)
    assert service.rows(count.format("idempotency_keys"))[0] == before, "what is still good is kept"
    service.wind_clock(6 * 86_400_000)
    worker.keep_house(service.ctx)
    sessions, nonces, keys = service.rows(count.format("idempotency_keys"))[0]
    assert (sessions, nonces) == (0, 0)
    assert keys == before[2], "answers are kept for seven days"
    service.wind_clock(2 * 86_400_000)
    worker.keep_house(service.ctx)
    assert service.rows(count.format("idempotency_keys"))[0] == (0, 0, 0)
    assert service.rows("SELECT state FROM requests WHERE id = :id", id=asked.id) == [("lapsed",)]
