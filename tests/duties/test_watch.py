"""The watch: seeded events raise exactly the alarms that they must, once; the queue, the second look, suspension."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from sqlalchemy import event

from api.catalogue.watch import Burst, Drift, Enumeration, Hours, SameCase, WatchRules, watch_rules
from api.demo import flow, flow_duties
from api.demo.provision import party_id
from api.errors import ApiError
from api.locale import CHINA_STANDARD_TIME
from api.policy.watch import DAY_MS, MINUTE_MS, Seen, Use, WatchKind, judge, night_since
from api.services import watch
from api.store import Database, Session, unit_of_work
from api.store.fsck import fsck
from api.store.tables import Receipt, Request
from api.wiring import log_key
from tests.api.calls import Caller, caller, problem
from tests.town import BANKS, HARBOUR, PINE, Service, until

RULES = WatchRules(
    burst=Burst(pulls=6, minutes=10),
    hours=Hours(from_hour=0, until_hour=6, pulls=4),
    drift=Drift(requests=3, known_days=30, known_requests=5),
    enumeration=Enumeration(unknown=3, percent=50),
    case=SameCase(holders=3, days=30),
)
CLAIMS = {"purpose": "insurance.motor.claims"}
_numbers = itertools.count(10_000_000)


def noon(days: int) -> int:
    """Noon in the city, some days from the first of March 2026."""
    begun = datetime(2026, 3, 1, 12, tzinfo=CHINA_STANDARD_TIME)
    return round(begun.timestamp() * 1000) + days * DAY_MS


def settled(service: Service) -> None:
    until(lambda: service.rows("SELECT count(*) FROM prepared_receipts")[0][0] == 0, "receipts are numbered")


def seeded(service: Service, events: list[tuple[str, str, int, dict[str, object]]]) -> None:
    """Receipts of a party as the log would have them: (kind, party, at, about). Numbers go on from far away."""
    with unit_of_work(service.ctx.db) as session:
        for kind, party, at, about in events:
            number = next(_numbers)
            receipt = Receipt(
                id=f"rcpt_seeded{number}",
                number=number,
                kind=kind,
                party_id=party,
                repeats=about.get("repeats", 1),
                commitment=bytes(32),
                details_enc=b"",
                at_ms=at,
            )
            session.add(receipt)
            if kind == "request":
                session.add(
                    Request(
                        id=f"req_seeded{number}",
                        entity_id=party,
                        holder_id=about.get("holder"),
                        purpose_code=about.get("purpose", "p"),
                        case_no=about.get("case"),
                        items=[],
                        cut=[],
                        wanted_days=1,
                        wanted_uses=1,
                        state="requested",
                        created_at_ms=at,
                        lapses_at_ms=at + DAY_MS,
                        receipt_id=receipt.id,
                    )
                )
        session.flush()


def counted(service: Service) -> list[tuple[str, str, int, int]]:
    """Let the worker count to the end; all alarms as (kind, subject, seen, limit)."""
    while watch.turn(service.ctx, RULES):
        pass
    rows = service.rows('SELECT kind, subject, seen, "limit" FROM watch_alarms ORDER BY raised_at_ms, kind')
    return [(str(a), str(b), int(c), int(d)) for a, b, c, d in rows]


@pytest.fixture
def fresh(service: Service) -> Service:
    """The service before anything was watched: what others did is counted away with nothing to be raised by it."""
    settled(service)
    while watch.turn(service.ctx):
        pass
    for table in ("watch_alarms", "watch_tallies"):
        service.execute(f"DELETE FROM {table}")
    service.execute("DELETE FROM requests WHERE id LIKE 'req_seeded%'")
    service.execute("DELETE FROM receipts WHERE id LIKE 'rcpt_seeded%'")
    service.execute("UPDATE watch_marks SET number = (SELECT max(number) FROM receipts)")
    return service


def holders(service: Service) -> list[str]:
    return [str(row[0]) for row in service.rows("SELECT id FROM holders ORDER BY id LIMIT 6")]


def test_a_burst_is_one_alarm_that_grows(fresh: Service) -> None:
    at, who = noon(0), party_id(HARBOUR)
    # Five pulls in ten minutes and one an hour later: nothing. Then six within ten minutes, refusals counted each.
    quiet = [("delivery", who, at + minute * MINUTE_MS, {}) for minute in (0, 1, 2, 3, 4, 64)]
    seeded(fresh, quiet)
    assert counted(fresh) == []
    seeded(fresh, [("delivery", who, at + 65 * MINUTE_MS, {}), ("refusal", who, at + 66 * MINUTE_MS, {"repeats": 4})])
    assert counted(fresh) == [("burst", "", 6, 6)]
    seeded(fresh, [("delivery", who, at + 67 * MINUTE_MS, {}), ("delivery", party_id(PINE), at + 67 * MINUTE_MS, {})])
    assert counted(fresh) == [("burst", "", 7, 6)]
    told = fresh.town.regulator().get("/v1/notifications")["items"]
    assert sum(1 for one in told if one["topic"] == "alarm") >= 1


def test_work_at_night(fresh: Service) -> None:
    night, who = noon(2) - 10 * 3_600_000, party_id(HARBOUR)  # two in the morning
    by_day = [("delivery", who, noon(1) + place * 20 * MINUTE_MS, {}) for place in range(5)]
    seeded(fresh, [*by_day, *(("delivery", who, night + place * 20 * MINUTE_MS, {}) for place in range(3))])
    assert counted(fresh) == []
    seeded(fresh, [("delivery", who, night + 80 * MINUTE_MS, {})])
    assert counted(fresh) == [("hours", "", 4, 4)]


def test_a_new_purpose_unknown_numbers_and_one_case_for_many(fresh: Service) -> None:
    who, other, people = party_id(HARBOUR), party_id(BANKS[0]), holders(fresh)
    usual = [
        ("request", who, noon(10 + day), {"purpose": "insurance.motor.claims", "holder": people[0], "case": f"A{day}"})
        for day in range(6)
    ]
    # One who has hardly asked before may begin with any purpose.
    beginner = [("request", other, noon(17) + place, {"purpose": "bank.x", "holder": people[0]}) for place in range(4)]
    seeded(fresh, [*usual, *beginner])
    assert counted(fresh) == []
    drift = [
        ("request", who, noon(17) + place, {"purpose": "insurance.life.underwriting", "holder": people[0]})
        for place in range(3)
    ]
    seeded(fresh, drift[:2])
    assert counted(fresh) == []
    seeded(fresh, drift[2:])
    expected = [("drift", "insurance.life.underwriting", 3, 3)]
    assert counted(fresh) == expected
    # Two of four unknown are half, and not three; three of six are.
    guesses = [("request", other, noon(20) + place, {"holder": None if place % 2 else people[0]}) for place in range(4)]
    seeded(fresh, guesses)
    assert counted(fresh) == expected
    seeded(fresh, [("request", other, noon(20) + 5, {"holder": people[0]}), ("request", other, noon(20) + 6, {})])
    expected = [*expected, ("enumeration", "", 3, 3)]
    assert counted(fresh) == expected
    # The same holder twice under one case is no walk; three holders are.
    for holder in (people[0], people[0], people[1]):
        seeded(fresh, [("request", who, noon(30) + next(_numbers), {"case": "B1", "holder": holder, **CLAIMS})])
    assert counted(fresh) == expected
    seeded(fresh, [("request", who, noon(40), {"case": "B1", "holder": people[2], **CLAIMS})])
    assert counted(fresh) == [*expected, ("case", "", 3, 3)]


@contextmanager
def statements(db: Database) -> Iterator[tuple[list[str], list[str]]]:
    """This thread's statements: those of readers, and those that ran while a writer held the lock."""
    read: list[str] = []
    written: list[str] = []
    here = threading.get_ident()

    def into(kept: list[str]) -> Callable[..., None]:
        def hook(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if threading.get_ident() == here:
                kept.append(statement)

        return hook

    hooks = [(db.reader, into(read)), (db.writer, into(written))]
    for engine, hook in hooks:
        event.listen(engine, "before_cursor_execute", hook)
    try:
        yield read, written
    finally:
        for engine, hook in hooks:
            event.remove(engine, "before_cursor_execute", hook)


def test_requests_are_judged_while_nobody_waits(fresh: Service) -> None:
    seeded(fresh, [("request", party_id(BANKS[1]), noon(80) + place, {"case": "C"}) for place in range(6)])
    with statements(fresh.ctx.db) as (read, written):
        assert watch.turn(fresh.ctx, RULES) > 0
    assert sum("count(" in one and "FROM requests" in one for one in read) >= 6 * 4
    assert any("watch_marks" in one for one in written)
    assert not [one for one in written if "requests" in one]
    # It was raised at three and grew to six: two receipts, none of the steps between.
    assert sum("INSERT INTO receipts" in one for one in written) == 2
    assert counted(fresh) == [("enumeration", "", 6, 3)]


def test_what_another_worker_counted_meanwhile_is_not_counted_again(
    fresh: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [("request", party_id(BANKS[1]), noon(90) + place, {}) for place in range(3)]
    seeded(fresh, [*asked, ("refusal", party_id(PINE), noon(90), {"repeats": 5})])
    others: list[int] = []

    @contextmanager
    def late(db: Database) -> Iterator[Session]:
        monkeypatch.undo()
        others.append(watch.turn(fresh.ctx, RULES))
        with unit_of_work(db) as session:
            yield session

    monkeypatch.setattr(watch, "unit_of_work", late)
    assert watch.turn(fresh.ctx, RULES) == 0
    assert others[0] > 0
    assert fresh.rows("SELECT sum(pulls) FROM watch_tallies") == [(5,)]
    assert counted(fresh) == [("enumeration", "", 3, 3)]


def test_what_a_regulator_closed_after_it_was_judged_is_not_raised_again(
    fresh: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = party_id(BANKS[1])
    seeded(fresh, [("request", who, noon(95) + place, {}) for place in range(3)])
    assert len(counted(fresh)) == 1
    seeded(fresh, [("request", who, noon(95) + 3, {})])

    @contextmanager
    def closed_first(db: Database) -> Iterator[Session]:
        fresh.execute("UPDATE watch_alarms SET state = 'closed', live = NULL, closed_at_ms = :at", at=noon(95) + 4)
        with unit_of_work(db) as session:
            yield session

    monkeypatch.setattr(watch, "unit_of_work", closed_first)
    assert watch.turn(fresh.ctx, RULES) > 0
    assert len(counted(fresh)) == 1


def test_a_usual_day_raises_nothing(fresh: Service) -> None:
    for at in range(3):
        grant = fresh.grant(fresh.driver(at), uses=2)
        for _ in range(2):
            flow.pull_envelope(fresh.town, HARBOUR, grant, "json")
    settled(fresh)
    while watch.turn(fresh.ctx):
        pass
    assert fresh.rows("SELECT count(*) FROM watch_alarms")[0][0] == 0
    assert fresh.rows("SELECT sum(pulls) FROM watch_tallies")[0][0] == 6


def test_the_queue_with_its_second_look(fresh: Service) -> None:
    who = party_id(PINE)
    seeded(fresh, [("refusal", who, noon(50), {"repeats": 6})])
    assert counted(fresh) == [("burst", "", 6, 6)]
    first = caller(fresh, "regulator")
    second = Caller("regulator", fresh, first.claims | {"staff": "R-02"})
    (alarm,) = first.call("GET", "/v1/watch-alarms").json()["items"]
    path = f"/v1/watch-alarms/{alarm['id']}"
    closing = {"reason": "explained", "remark": "单位已书面说明。"}
    problem(first.call("POST", f"{path}/close", closing), 409, "watch.moved")
    assert first.call("POST", f"{path}/take").json()["state"] == "taken"
    problem(second.call("POST", f"{path}/take"), 409, "watch.moved")
    problem(first.call("POST", f"{path}/close", {**closing, "remark": " "}), 422, "watch.remark_missing")
    assert first.call("POST", f"{path}/close", closing).json()["state"] == "closed"
    problem(first.call("POST", f"{path}/second-look", {"agrees": True}), 403, "watch.same_officer")
    assert second.call("POST", f"{path}/second-look", {"agrees": False}).json()["state"] == "open"
    first.call("POST", f"{path}/take")
    first.call("POST", f"{path}/close", closing)
    assert second.call("POST", f"{path}/second-look", {"agrees": True}).json()["state"] == "checked"
    assert (
        caller(fresh, "auditor").call("GET", "/v1/watch-alarms?state=checked").json()["items"][0]["id"] == alarm["id"]
    )
    # What was looked at raises no further alarm; what comes after does.
    fresh.execute("UPDATE watch_alarms SET closed_at_ms = :at", at=noon(50) + 5 * MINUTE_MS)
    seeded(fresh, [("refusal", who, noon(50) + 6 * MINUTE_MS, {"repeats": 5})])
    assert len(counted(fresh)) == 1
    seeded(fresh, [("delivery", who, noon(50) + 7 * MINUTE_MS, {})])
    assert [kind for kind, *_ in counted(fresh)] == ["burst", "burst"]


def test_an_alarm_is_not_opened_again_beside_a_newer_one(fresh: Service) -> None:
    who = party_id(PINE)
    seeded(fresh, [("refusal", who, noon(55), {"repeats": 6})])
    counted(fresh)
    first = caller(fresh, "regulator")
    second = Caller("regulator", fresh, first.claims | {"staff": "R-02"})
    (alarm,) = first.call("GET", "/v1/watch-alarms").json()["items"]
    path = f"/v1/watch-alarms/{alarm['id']}"
    first.call("POST", f"{path}/take")
    first.call("POST", f"{path}/close", {"reason": "explained", "remark": "已说明。"})
    fresh.execute("UPDATE watch_alarms SET closed_at_ms = :at", at=noon(55) + 5 * MINUTE_MS)
    seeded(fresh, [("refusal", who, noon(56), {"repeats": 6})])
    assert len(counted(fresh)) == 2
    problem(second.call("POST", f"{path}/second-look", {"agrees": False}), 409, "watch.newer_open")
    assert second.call("POST", f"{path}/second-look", {"agrees": True}).json()["state"] == "checked"


def test_an_organisation_is_suspended_from_the_queue_page(fresh: Service) -> None:
    who = party_id(BANKS[2])
    seeded(fresh, [("refusal", who, noon(60), {"repeats": 9})])
    counted(fresh)
    officer = caller(fresh, "regulator")
    (alarm,) = officer.call("GET", "/v1/watch-alarms").json()["items"]
    officer.call("POST", f"/v1/watch-alarms/{alarm['id']}/take")
    page = officer.call("GET", "/regulator/watch", headers={"Accept": "text/html"}).text
    assert f"/regulator/parties/{who}/suspend" in page
    form = {"csrf": officer.csrf, "reason": f"警报 {alarm['id']}"}
    assert officer.call("POST", f"/regulator/parties/{who}/suspend", data=form).status_code == 303
    with pytest.raises(ApiError, match=r"auth\.suspended"):
        fresh.town.machine(BANKS[2]).get("/v1/requests")
    security = flow_duties.officer(fresh.town, "security", "S-01")
    assert security.get("/v1/party-acts")["items"][0]["reason"] == form["reason"]


def test_fsck_holds_alarms_against_their_receipts(fresh: Service) -> None:
    service = fresh
    seeded(service, [("refusal", party_id(HARBOUR), noon(70), {"repeats": 8})])
    counted(service)
    service.execute("DELETE FROM receipts WHERE id LIKE 'rcpt_seeded%'")
    settled(service)
    public = log_key(service.ctx.keys).public_key().public_bytes_raw()

    def found() -> set[tuple[str, str]]:
        report = fsck(service.ctx.db, service.ctx.vault, public, identity=service.ctx.chain)
        return {(one.table, one.code) for one in report.findings if one.table == "watch_alarms"}

    before = found()  # alarms that other tests deleted are missing
    assert before <= {("watch_alarms", "fsck.row_missing")}
    service.execute("UPDATE watch_alarms SET seen = 1")
    assert found() - before == {("watch_alarms", "fsck.alarm_edited")}


def test_the_rules_say_where_each_begins() -> None:
    rules = watch_rules()
    for use, kind in (
        ({"burst": rules.burst.pulls}, WatchKind.BURST),
        ({"night": rules.hours.pulls}, WatchKind.HOURS),
        ({"purpose_today": rules.drift.requests, "before": rules.drift.known_requests}, WatchKind.DRIFT),
        ({"unknown": rules.enumeration.unknown, "asked": rules.enumeration.unknown}, WatchKind.ENUMERATION),
        ({"of_case": rules.case.holders}, WatchKind.CASE),
    ):
        first = next(iter(use))
        assert judge(rules, Use(**use)) == [Seen(kind, use[first], use[first])]
        assert judge(rules, Use(**{**use, first: use[first] - 1})) == []
    assert judge(rules, Use(purpose_today=50, purpose_before=1, before=50)) == []
    assert judge(rules, Use(unknown=10, asked=100)) == []
    assert night_since(rules, noon(0)) is None
    assert night_since(rules, noon(1) - 7 * 3_600_000) == noon(1) - 12 * 3_600_000
