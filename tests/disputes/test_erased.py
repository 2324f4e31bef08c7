"""What erasure does to disputes: an open one stops it, afterwards nothing that was written opens, all still checks."""

from collections.abc import Iterator

import pytest

from api.demo import flow, flow_disputes
from api.services import erasure_run
from api.store import fsck as store_check
from api.wiring import log_key
from tests import town
from tests.conftest import Places
from tests.disputes.acts import CORRECTED, SAID, follow, licence_of, other_class, police, refused, taken
from tests.town import HARBOUR, Service


@pytest.fixture
def service(store: str, places: Places) -> Iterator[Service]:
    folder, url = places.prepared(store)
    with town.running(folder, database_url=url, erasure_cooling_s=0) as running:
        yield running


def test_an_open_dispute_stops_an_erasure_and_then_its_words_are_gone(service: Service) -> None:
    holder, one = service.citizen(service.driver(0)), licence_of(service, 0)
    taken(service, 0)
    opened = flow_disputes.object_to(holder, SAID, certificate=one["id"], field="licence_class")["id"]
    refused("erasure.held_up", flow.ask_erasure, holder)
    wanted = other_class(one["values"]["licence_class"])
    flow_disputes.correct(police(service), opened, {"licence_class": wanted}, CORRECTED)
    follow(service)
    correction = flow_disputes.dispute_of(holder, opened)["corrections"][0]["id"]
    flow.ask_erasure(holder)
    for _ in range(8):
        erasure_run.turn(service.ctx)
    (row,) = service.rows("SELECT statement_enc, answer_enc, state FROM disputes WHERE id = :id", id=opened)
    assert (bytes(row[0]), row[1], row[2]) == (b"", None, "corrected")
    refused("store.erased", flow_disputes.dispute_of, police(service), opened)
    # Whoever holds the wrong value of somebody erased still has to put it right, and can say so.
    follow(service)
    assert flow_disputes.confirm(service.town.machine(HARBOUR), correction)["state"] == "confirmed"
    follow(service)
    ctx = service.ctx
    key = log_key(ctx.keys).public_key().public_bytes_raw()
    assert not store_check.fsck(ctx.db, ctx.vault, key, identity=ctx.chain).findings
