"""The flow map: what went where, under the reader's own names of the day, each look told; and a certificate's life."""

import re

import pytest
from sqlalchemy import event

from api.demo import flow
from api.locale import translator
from api.portals.through import SUPERVISION
from api.services import flows, looks
from api.services.context import Role
from chain.bundle import parse_bundle
from tests.api.calls import Caller, caller, problem
from tests.api.test_log_scan import secrets
from tests.town import HARBOUR, LICENCE, PINE, Service

PATH = "/v1/supervision/flow"


def footprints(service: Service, at: int) -> list[str]:
    """What regulators' looks at a holder's data were, newest first."""
    page = service.citizen(service.driver(at)).get_bytes("/citizen/footprints").decode()
    words = {"flow": SUPERVISION["flow"], "life": SUPERVISION["life"]}
    return [act for act, text in words.items() for _ in range(page.count(translator("zh-Hans").gettext(text)))]


def delivered(service: Service) -> None:
    for person, who, times in ((0, HARBOUR, 2), (1, HARBOUR, 1), (1, PINE, 1)):
        grant = service.grant(service.driver(person), who, uses=times)
        for _ in range(times):
            flow.pull_envelope(service.town, who, grant, "json")


def test_the_map_says_what_went_where_and_not_whose(service: Service) -> None:
    regulator = caller(service, "regulator")
    assert regulator.call("GET", PATH).json()["steps"] == []
    delivered(service)
    answer = regulator.call("GET", PATH)
    found = answer.json()
    assert [step["type_code"] for step in found["steps"]] == [LICENCE] * 4
    busiest, other = found["holders"]
    entities = {row["entity"]: row["times"] for row in found["to_entities"] if row["holder"] == other}
    alone = [row["times"] for row in found["to_entities"] if row["holder"] == busiest]
    # Two deliveries each: one holder's to one insurer, the other's to two.
    assert sorted([sorted(entities.values()), sorted(alone)]) == [[1, 1], [2]]
    assert sum(row["times"] for row in found["from_departments"]) == 4
    assert sum(row["times"] for row in found["by_day"]) == 4
    page = regulator.call("GET", "/regulator/flow", headers={"Accept": "text/html"}).text
    # Department to two holders, each of them to one purpose, that one to two insurers; and the line under the days.
    assert page.count("<path") == 2 + 2 + 2 + 1
    assert page.count('class="flow-bar"') == flows.DAYS_SHOWN
    assert 'class="flow-name"' in page
    assert busiest in page
    for text in (answer.text, page):
        assert not [secret for secret in secrets() if secret in text and not re.fullmatch("[一-鿿]{2,3}", secret)]
        holder = service.rows("SELECT holder_id FROM grants")[0][0]
        assert str(holder) not in text
    for at in (0, 1):
        assert footprints(service, at) == ["flow"]  # the same look again within a quarter of an hour is counted on it


def test_filters_narrow(service: Service) -> None:
    regulator = caller(service, "regulator")
    whole = regulator.call("GET", PATH).json()
    one = whole["to_entities"][0]
    for name, value in (
        ("entity", one["entity"]),
        ("holder", one["holder"]),
        ("department", whole["from_departments"][0]["department"]),
        ("purpose", "insurance.motor.claims"),
        ("type", LICENCE),
    ):
        part = regulator.call("GET", f"{PATH}?{name}={value}").json()["steps"]
        key = {"type": "type_code"}.get(name, name)
        assert part == [step for step in whole["steps"] if step[key] == value] != []
    assert regulator.call("GET", f"{PATH}?entity=nobody").json()["steps"] == []
    assert regulator.call("GET", f"{PATH}?from=2020-01-01&until=2020-01-31").json()["steps"] == []
    problem(regulator.call("GET", f"{PATH}?from=2020-01-01&until=2021-01-31"), 422, "indicators.period")


def test_what_is_listed_is_cut_and_what_is_counted_is_not(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest delivery is found by a filter and counted, however many newer ones there are."""
    regulator = caller(service, "regulator")
    whole = regulator.call("GET", PATH).json()
    monkeypatch.setattr(flows, "STEPS_SHOWN", 1)
    monkeypatch.setattr(flows, "HOLDERS_SHOWN", 1)
    cut = regulator.call("GET", PATH).json()
    assert (len(cut["steps"]), cut["more"], cut["times"], cut["other_holders"]) == (1, True, 4, 1)
    assert (len(cut["holders"]), sum(row["times"] for row in cut["paths"])) == (1, 4)
    assert cut["by_day"] == whole["by_day"]
    oldest = whole["steps"][-1]
    found = regulator.call("GET", f"{PATH}?holder={oldest['holder']}&entity={oldest['entity']}").json()
    assert [step["holder"] for step in found["steps"]] == [oldest["holder"]]
    kept = [step for step in whole["steps"] if (step["holder"], step["entity"]) == (oldest["holder"], oldest["entity"])]
    assert found["times"] == len(kept) and found["steps"][0] == kept[0]
    assert found["more"] == (len(kept) > 1)
    day = whole["by_day"][0]["day"]
    assert regulator.call("GET", f"{PATH}?from={day}&until={day}").json()["times"] == whole["by_day"][0]["times"]
    page = regulator.call("GET", "/regulator/flow", headers={"Accept": "text/html"}).text
    assert translator("zh-Hans").gettext("Only the newest are listed; the picture and the counts have all.") in page


def test_names_are_the_readers_own_and_of_the_day(service: Service) -> None:
    regulator = caller(service, "regulator")
    claims = regulator.claims | {"staff": "R-02"}
    first = regulator.call("GET", PATH).json()["holders"]
    assert regulator.call("GET", PATH).json()["holders"] == first
    assert not set(Caller("regulator", service, claims).call("GET", PATH).json()["holders"]) & set(first)
    service.wind_clock(86_400_000)
    service.town.close()
    service.town.signed_in.clear()
    service.town.machines.clear()
    assert not set(caller(service, "regulator").call("GET", PATH).json()["holders"]) & set(first)


def test_a_certificates_life_with_its_proofs(service: Service) -> None:
    regulator = caller(service, "regulator")
    record = str(regulator.call("GET", PATH).json()["steps"][0]["record_id"])
    life = regulator.call("GET", f"/v1/supervision/certificates/{record}")
    kinds = [one["kind"] for one in life.json()["moments"]]
    assert kinds[:2] == ["returned", "anchored"]
    assert {"granted", "pulled"} <= set(kinds)
    assert not [secret for secret in secrets() if secret in life.text and not re.fullmatch("[一-鿿]{2,3}", secret)]
    for one in life.json()["moments"]:
        if one["receipt"] is not None:
            proof = regulator.call("GET", f"/v1/supervision/certificates/{record}/evidence/{one['receipt']}")
            bundle = parse_bundle(proof.content)
            assert bundle.receipt is not None
            assert bundle.receipt.number == one["number"]
            assert all(not certificate.disclosed for certificate in bundle.certificates)
    other = service.rows("SELECT id FROM receipts WHERE kind = 'admission'")[0][0]
    problem(regulator.call("GET", f"/v1/supervision/certificates/{record}/evidence/{other}"), 404, "flows.not_found")
    problem(regulator.call("GET", "/v1/supervision/certificates/absent"), 404, "flows.not_found")
    told = footprints(service, 0) + footprints(service, 1)
    assert "life" in told
    page = regulator.call("GET", f"/regulator/flow/certificates/{record}", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "证照全程" in page.text


def test_many_looks_do_not_hold_the_store(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = looks.Actor(Role.REGULATOR, "staff:y", party_id=caller(service, "regulator").claims["party"])
    holders = [str(row[0]) for row in service.rows("SELECT id FROM holders ORDER BY id LIMIT 5")]
    about = [(holder, None) for holder in [*holders, holders[0]]]
    monkeypatch.setattr(looks, "AT_ONCE", 2)
    commits: list[int] = []
    hook = lambda _: commits.append(1)  # noqa: E731 - to be taken off again it needs a name
    event.listen(service.ctx.db.writer, "commit", hook)
    before = service.rows("SELECT count(*) FROM look_counts")[0][0]
    looks.by_regulator(service.ctx, actor, "flow", about, {"from": "a", "until": "b"})
    event.remove(service.ctx.db.writer, "commit", hook)
    assert service.rows("SELECT count(*) FROM look_counts")[0][0] == before + len(holders)
    assert len(commits) >= 3


def test_a_reading_that_is_not_told_is_found(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> int:
        query = "SELECT count(*) FROM receipts r JOIN look_counts c ON c.receipt_id = r.id"
        repeats = service.rows("SELECT coalesce(sum(repeats), 0) FROM look_counts")[0][0]
        return int(service.rows(query)[0][0]) + int(repeats)

    actor = looks.Actor(Role.REGULATOR, "staff:x", party_id=caller(service, "regulator").claims["party"])
    before = told()
    flows.read(service.ctx, actor, flows.Filter())
    assert told() > before
    monkeypatch.setattr(looks, "by_regulator", lambda *_, **__: None)
    before = told()
    flows.read(service.ctx, actor, flows.Filter())
    assert told() == before
