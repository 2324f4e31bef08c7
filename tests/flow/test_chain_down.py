"""The chain is away: consent, delivery and revocation go on; when it is back, nothing is lost and nothing doubled."""

import time

import pytest

from api.demo import flow
from api.errors import ApiError
from api.wiring import TRUST_FILE
from chain.__main__ import verify_with_node
from chain.bundle import parse_bundle
from chain.canonical import canonical
from chain.errors import NodeError
from chain.trustfile import parse_trust_file
from chain.verdict import State
from tests.town import HARBOUR, Service, chain_loop


@pytest.mark.slow
def test_revocation_works_at_once_while_the_chain_is_down_and_lands_later(service: Service) -> None:
    person = service.driver(0)
    service.settle()
    service.chain.kill()
    grant = service.grant(person)
    envelope = flow.pull_envelope(service.town, HARBOUR, grant, "json")
    with pytest.raises(NodeError):
        service.turn()
    service.citizen(person).post(f"/v1/grants/{grant}/revoke")
    with pytest.raises(ApiError) as refused:
        flow.pull_envelope(service.town, HARBOUR, grant, "json")
    assert refused.value.code == "pull.grant_revoked"
    assert flow.bundle_of(service.town, HARBOUR, envelope)["log"] is None
    service.settle()
    ((state,),) = service.rows("SELECT anchor_state FROM grants WHERE id = :id", id=grant)
    assert state == "anchored"
    assert flow.bundle_of(service.town, HARBOUR, envelope)["log"] is not None
    doubled = service.rows("SELECT key, count(*) FROM chain_txs GROUP BY key HAVING count(*) > 1")
    assert doubled == []
    states = {row[0] for row in service.rows("SELECT DISTINCT state FROM chain_txs")}
    assert states <= {"mined", "confirmed"}


@pytest.mark.slow
def test_a_stream_of_receipts_meets_a_chain_that_is_away(service: Service) -> None:
    """More than five receipts a second, most of them while there is no node: every call is answered, none is lost."""
    service.settle()
    kept, taken_back, pulled = [], [], []
    with chain_loop(service):
        for at in range(24):
            if at == 4:
                service.chain.kill()
            if at == 20:
                service.chain.start()
            began = time.monotonic()
            person = service.driver(at % 8)
            grant = service.grant(person, case_no=f"CL-stream-{at}")
            pulled.append(flow.pull_envelope(service.town, HARBOUR, grant, "json"))
            assert service.citizen(person).get(f"/v1/grants/{grant}")["state"] == "active"
            if at % 2:
                assert service.citizen(person).post(f"/v1/grants/{grant}/revoke")["state"] == "revoked"
                with pytest.raises(ApiError, match=r"pull\.grant_revoked"):
                    flow.pull_envelope(service.town, HARBOUR, grant, "json")
            (taken_back if at % 2 else kept).append(grant)
            time.sleep(max(0.0, 0.5 - (time.monotonic() - began)))
    service.settle()
    trust = parse_trust_file((service.settings.data_dir / TRUST_FILE).read_bytes())
    for at, envelope in enumerate(pulled):
        document = flow.disclose(flow.bundle_of(service.town, HARBOUR, envelope), envelope)
        verdict = verify_with_node(parse_bundle(canonical(document)), trust, service.chain.url, envelope.file)
        assert verdict.state is (State.REVOKED if at % 2 else State.VALID), [one.code for one in verdict.findings]
    assert service.rows("SELECT key FROM chain_txs WHERE state NOT IN ('mined', 'confirmed')") == []
    known = service.rows("SELECT key FROM chain_txs WHERE key LIKE 'grant%'")
    assert len(known) == len(set(known))
    assert {f"grant:{grant}" for grant in kept} | {f"grant:{grant}:0" for grant in taken_back} <= {k for (k,) in known}


def test_numbers_of_the_log_have_no_gaps(service: Service) -> None:
    numbers = [row[0] for row in service.rows("SELECT number FROM receipts ORDER BY number")]
    assert numbers == list(range(len(numbers)))
