"""The chain is away: consent, delivery and revocation go on; when it is back, nothing is lost and nothing doubled."""

import pytest

from api.demo import flow
from api.errors import ApiError
from chain.errors import NodeError
from tests.town import HARBOUR, Service


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


def test_numbers_of_the_log_have_no_gaps(service: Service) -> None:
    numbers = [row[0] for row in service.rows("SELECT number FROM receipts ORDER BY number")]
    assert numbers == list(range(len(numbers)))
