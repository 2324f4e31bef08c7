"""Pulls that meet a correction half-way: what leaves after the seal is right, what left before it is followed."""

import contextlib
import threading
import time
from typing import Any

import pytest

from api.demo import flow_disputes
from api.errors import ApiError
from api.services import pulls
from api.store import log_writer
from api.store.queries import deliveries
from chain import points
from tests.disputes.acts import CORRECTED, JSON, SAID, corrected, follow, licence_of, other_class, police
from tests.town import HARBOUR, Service, until


def holding(service: Service, record: str) -> int:
    """How many copies were made of a version."""
    found = service.rows(
        "SELECT count(*) FROM copies JOIN contents ON contents.id = copies.content_id"
        " WHERE CAST(contents.records AS TEXT) LIKE :seek",
        seek=f"%{record}%",
    )
    return int(found[0][0])


def test_what_was_prepared_before_the_seal_leaves_as_what_is_right(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, old = 9, licence_of(service, 9)
    grant = service.grant(service.driver(at), HARBOUR)
    done: list[tuple[str, str, str]] = []

    def meanwhile(point: str) -> None:
        if point == "pull/prepared" and not done:
            done.append(("", "", ""))
            done[0] = corrected(service, at)
        points.reached(point)

    monkeypatch.setattr(pulls, "reached", meanwhile)
    answer = service.town.machine(HARBOUR).pull(grant, JSON)
    ((_, correction, wanted),) = done
    assert wanted.encode() in answer.content
    assert holding(service, old["id"]) == 0
    assert holding(service, licence_of(service, at)["id"]) == 1
    assert flow_disputes.correction_of(police(service), correction)["total"] == 0
    assert service.rows("SELECT use_count FROM grants WHERE id = :id", id=grant) == [(1,)]


def test_what_leaves_while_the_correction_is_sealed_is_followed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite the seal waits for the delivery; on PostgreSQL it does not, and its recipients are looked for later."""
    at, old = 10, licence_of(service, 10)
    grant, holder = service.grant(service.driver(at), HARBOUR), service.citizen(service.driver(at))
    opened = flow_disputes.object_to(holder, SAID, certificate=old["id"], field="licence_class")["id"]
    wanted = other_class(old["values"]["licence_class"])
    flow_disputes.correct(police(service), opened, {"licence_class": wanted}, CORRECTED)

    def work() -> None:
        with contextlib.suppress(ApiError):  # whoever waits too long for the round tries again
            follow(service)

    worker, patience_s = threading.Thread(target=work), 1 if service.ctx.db.is_sqlite else 6
    add = deliveries.add_copy

    def meanwhile(session: Any, copy: Any) -> None:
        add(session, copy)
        worker.start()
        ends = time.monotonic() + patience_s
        while worker.is_alive() and time.monotonic() < ends:
            time.sleep(0.02)

    monkeypatch.setattr(deliveries, "add_copy", meanwhile)
    copy = service.town.machine(HARBOUR).pull(grant, JSON).headers["copy-id"]
    worker.join(120)
    assert not worker.is_alive()
    follow(service)
    correction = flow_disputes.dispute_of(holder, opened)["corrections"][0]["id"]
    (mine,) = [
        one
        for one in flow_disputes.corrections_to_confirm(service.town.machine(HARBOUR))
        if one["correction"] == correction
    ]
    assert mine["copies"] == [copy]


def test_a_round_of_the_log_writer_is_waited_for(service: Service) -> None:
    begun, go_on, waited = threading.Event(), threading.Event(), threading.Event()

    def slow(*_: object) -> None:
        begun.set()
        go_on.wait(60)

    def wait() -> None:
        log_writer.wait_for_round(service.ctx.db)
        waited.set()

    threads = [threading.Thread(target=service.ctx.log.submit, args=(slow,)), threading.Thread(target=wait)]
    threads[0].start()
    assert begun.wait(60)
    threads[1].start()
    try:
        assert not waited.wait(0.3)
    finally:
        go_on.set()
    until(waited.is_set, "the round has ended")
    for one in threads:
        one.join(60)
