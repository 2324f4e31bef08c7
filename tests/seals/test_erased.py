"""An erased person's sealed files are gone from here; what waits for seals is never issued."""

from collections.abc import Iterator

import pytest

from api.demo import flow_seals
from tests import town
from tests.conftest import Places
from tests.erasure.test_erasure import COOLING_S, erase
from tests.seals.test_sealed_files import CIVIL, POLICE, findings, licence, party, refusal, saved
from tests.town import LICENCE, Service


@pytest.fixture
def service(store: str, places: Places) -> Iterator[Service]:
    folder, url = places.prepared(store)
    with town.running(folder, database_url=url, erasure_cooling_s=COOLING_S) as running:
        yield running


@pytest.mark.slow
def test_sealed_files_go_with_their_holder(service: Service) -> None:
    file, other = saved(service, 0), saved(service, 2)
    police, civil = service.town.department(POLICE), service.town.department(CIVIL)
    flow_seals.agree_on_seals(police, LICENCE, [party(service, CIVIL)], 1)
    who = service.citizen(service.driver(1))
    assert refusal(lambda: flow_seals.sealed_certificate(who, licence(service, 1))) == "seals.waiting"
    number = flow_seals.seal_tasks(civil)[0]["document"]
    for at in (0, 1):
        erase(service, service.driver(at))
        service.town.signed_in.clear()
    kept = service.rows("SELECT length(file_enc), state FROM sealed_documents ORDER BY created_at_ms, id")
    assert [tuple(row) for row in kept if row[0] == 0] == [(0, "sealed"), (0, "refused")]
    civil = service.town.department(CIVIL)
    assert refusal(lambda: flow_seals.set_seal(civil, number)) == "seals.task_closed"
    # Whoever kept the file can still have it checked: its hash says nothing of anybody.
    assert flow_seals.check_sealed(service.url, file)["outcome"] == "valid"
    assert flow_seals.check_sealed(service.url, other)["outcome"] == "valid"
    assert findings(service) == set()
