"""A correction reaches all who hold the wrong value, some of whom are down for a while; the page shows who confirmed.

With `--soak` they are a thousand, else forty. Each is an organisation of its own with its own key, consent,
copy and address; its messages come over HTTP, and its system confirms over HTTP under its own signature.
"""

import pytest

from api.demo import flow_disputes
from api.demo.client import Person
from api.services import webhooks
from api.services.amendments import following
from api.services.context import Actor, Role
from api.store.tables import AmendmentRecipient
from tests.disputes.acts import CORRECTED, SAID, follow, licence_of, other_class, page_of, police, wind
from tests.disputes.recipients import CLOSE, Receivers, admit, listen, take_copies
from tests.town import Service, until

UNAVAILABLE = 503
ATTEMPTS = 3
"""After so many the service leaves a message (settings of this folder's services) until the next day's."""


def spread(service: Service, at: int, count: int, down: int, away: int, silent: int) -> tuple[Receivers, str]:
    """Correct a value that `count` organisations hold.

    `down` of them answer 503 or close the line at first and are there soon; `away` answer nothing for the whole day;
    `silent` take the message in and never confirm.
    """
    person = service.driver(at)
    holder, one = service.citizen(person), licence_of(service, at)
    (row,) = service.rows("SELECT holder_id FROM records WHERE id = :id", id=one["id"])
    organisations = admit(service, count)
    take_copies(service, person, Actor(Role.CITIZEN, "test", holder_id=str(row[0])), organisations)
    receivers = Receivers(service.url)
    with receivers.serving():
        listen(service, receivers, organisations)
        names = [who.party_id for who in organisations]
        for place, party in enumerate(names[:down]):
            receivers.manners[party] = [CLOSE if place % 4 == 3 else UNAVAILABLE] * (1 + place % (ATTEMPTS - 1))
        for party in names[down : down + away]:
            receivers.manners[party] = [UNAVAILABLE] * ATTEMPTS
        receivers.silent = set(names[down + away : down + away + silent])
        opened = flow_disputes.object_to(holder, SAID, certificate=one["id"], field="licence_class")["id"]
        wanted = other_class(one["values"]["licence_class"])
        flow_disputes.correct(police(service), opened, {"licence_class": wanted}, CORRECTED)
        follow(service)
        correction = str(flow_disputes.dispute_of(holder, opened)["corrections"][0]["id"])
        send(service)
        confirm_all(holder, correction, count - away - silent)
        # The next day those that were away are there again.
        wind(service, 1)
        follow(service)
        send(service)
        assert len(receivers.told) == count, "every one of them was told"
        confirm_all(service.citizen(person), correction, count - silent)
        assert not receivers.failures, receivers.failures[0]
        assert sum(receivers.refused.values()) > down
    return receivers, correction


def confirm_all(holder: Person, correction: str, count: int) -> None:
    """Systems take a message in first and confirm then: wait for so many, as long as ever more do."""
    confirmed = -1
    while confirmed < count:
        before = confirmed

        def more(before: int = before) -> bool:
            return bool(flow_disputes.correction_of(holder, correction)["confirmed"] > before)

        until(more, f"more than {before} of {count} have confirmed")
        confirmed = flow_disputes.correction_of(holder, correction)["confirmed"]
    assert confirmed == count


def send(service: Service) -> None:
    """The worker's turns until nothing waits to be sent, whatever pauses lie between."""
    waiting = "SELECT count(*) FROM notice_deliveries WHERE state = 'waiting'"
    while service.rows(waiting)[0][0]:
        webhooks.turn(service.ctx)


def reaches_all(service: Service, at: int, count: int, down: int, away: int, silent: int) -> None:
    receivers, correction = spread(service, at, count, down, away, silent)
    confirmed = count - silent
    holder, officer = service.citizen(service.driver(at)), police(service)
    stands = flow_disputes.correction_of(holder, correction)
    assert (stands["total"], stands["confirmed"]) == (count, confirmed), stands["counts"]
    for who, path in ((holder, "citizen"), (officer, "department")):
        shown = page_of(who, f"/{path}/corrections/{correction}")
        assert f"{count:,} 家中已有 {confirmed:,} 家确认" in shown
    states = {row["party"]["id"]: row["state"] for row in everybody(holder, correction)}
    assert len(states) == count
    assert {party for party, state in states.items() if state != "confirmed"} == receivers.silent
    # Days later whoever is still silent stands on the regulator's list, and nobody else does.
    wind(service, 14)
    follow(service)
    late = flow_disputes.corrections_to_confirm(service.town.regulator())
    assert {one["party"]["id"] for one in late if one["correction"] == correction} == receivers.silent
    kept = service.rows(
        "SELECT count(*) FROM request_evidence WHERE receipt_id IN"
        " (SELECT receipt_id FROM amendment_recipients WHERE amendment_id = :id)",
        id=correction,
    )
    assert kept[0][0] == confirmed, "each confirmation stands with the request that its system signed"


def everybody(who: Person, correction: str) -> list[dict[str, object]]:
    """All recipients, page by page."""
    found: list[dict[str, object]] = []
    after = ""
    while True:
        page = who.get(f"/v1/corrections/{correction}", after=after)
        found += page["recipients"]
        if page["next_after"] is None:
            return found
        after = page["next_after"]


@pytest.mark.slow
def test_a_correction_reaches_forty_some_of_whom_are_down(service: Service) -> None:
    reaches_all(service, 0, count=40, down=8, away=3, silent=2)


@pytest.mark.soak
@pytest.mark.usefixtures("one_store")
def test_a_correction_reaches_a_thousand_some_of_whom_are_down(service: Service) -> None:
    reaches_all(service, 1, count=1_000, down=150, away=50, silent=3)


@pytest.mark.slow
def test_who_is_told_but_once_is_not_reached_and_that_shows(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: nobody is told a second time. Whoever was away all day never learns of it."""
    real = following._tell_systems

    def once(session: object, row: object, recipient: AmendmentRecipient, now_ms: int) -> None:
        if recipient.told == 1:
            real(session, row, recipient, now_ms)  # type: ignore[arg-type]

    monkeypatch.setattr(following, "_tell_systems", once)
    with pytest.raises(AssertionError, match="every one of them was told"):
        reaches_all(service, 2, count=12, down=2, away=2, silent=1)
