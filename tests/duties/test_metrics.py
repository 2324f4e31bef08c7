"""`/metrics`: each label's value is of a closed list, nothing is personal, this machine or the token alone reads."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from api.demo import flow
from api.http import metrics
from api.services import operations
from api.services.context import Context
from tests.api.calls import FromElsewhere, caller, problem
from tests.api.test_log_scan import secrets
from tests.town import HARBOUR, Service


def strays(text: str) -> set[tuple[str, str]]:
    """Labels with a value that is in no closed list."""
    return {
        (name, value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        for name, value in sample.labels.items()
        if value not in metrics.LABELS.get(name, frozenset())
    }


def test_labels_are_of_closed_lists_and_nothing_is_personal(service: Service) -> None:
    grant = service.grant(service.driver(), uses=1)
    flow.pull_envelope(service.town, HARBOUR, grant, "json")
    stranger = caller(service, "stranger")
    for path in (f"/v1/grants/{grant}", "/citizen", "/nowhere/at/all", "/static/base.css", "/%E5%BC%A0", "/v1/x%0Ay"):
        stranger.call("GET", path)
    stranger.http.request("MADE-UP", "/v1/log")
    text = stranger.call("GET", "/metrics").text
    assert strays(text) == set()
    assert not [secret for secret in secrets() if secret in text]
    assert grant not in text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert {"mydata_answers", "mydata_answer_seconds", "mydata_part_up", "mydata_waiting"} <= set(families)
    assert {one.labels["part"] for one in families["mydata_part_up"].samples} == set(operations.PARTS)
    assert {one.labels["queue"] for one in families["mydata_waiting"].samples} == set(operations.QUEUES)
    counted = {(one.labels["area"], one.labels["status"]) for one in families["mydata_answers"].samples}
    assert ("v1", "2xx") in counted
    assert ("other", "4xx") in counted


def test_a_label_outside_the_lists_is_found(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "area_of", lambda path: path)
    stranger = caller(service, "stranger")
    stranger.call("GET", "/v1/grants/grant_of_somebody")
    assert ("area", "/v1/grants/grant_of_somebody") in strays(stranger.call("GET", "/metrics").text)


def test_this_machine_alone_or_the_token(service: Service) -> None:
    stranger = caller(service, "stranger")
    assert stranger.call("GET", "/metrics").status_code == 200
    for header in metrics.FORWARDED:
        problem(stranger.call("GET", "/metrics", headers={header: "127.0.0.1"}), 403, "metrics.refused")
    elsewhere = FromElsewhere(service.app, service.url, "192.0.2.7")
    assert elsewhere.call("GET", "/metrics").status_code == 403
    before: Context = service.app.state.ctx
    told = before.settings.model_copy(update={"metrics_token": SecretStr("s3cret")})
    service.app.state.ctx = replace(before, settings=told)
    try:
        problem(stranger.call("GET", "/metrics"), 403, "metrics.refused")
        problem(stranger.call("GET", "/metrics", headers={"Authorization": "Bearer wrong"}), 403, "metrics.refused")
        assert elsewhere.call("GET", "/metrics", headers={"Authorization": "Bearer s3cret"}).status_code == 200
    finally:
        service.app.state.ctx = before


def test_every_part_and_queue_has_its_words_and_its_figure(service: Service) -> None:
    told = caller(service, "operator").call("GET", "/v1/operations").json()
    parts = {part["name"]: part for part in told["parts"]}
    assert set(parts) == set(operations.PARTS)
    assert parts["database"]["ok"]
    assert parts["signer"]["ok"]
    assert parts["clock"]["ok"]
    assert [queue["name"] for queue in told["queues"]] == list(operations.QUEUES)
    before = {queue["name"]: queue["waiting"] for queue in told["queues"]}
    service.grant(service.driver(2), uses=1)
    after = {
        q["name"]: q["waiting"] for q in caller(service, "operator").call("GET", "/v1/operations").json()["queues"]
    }
    assert after["outbox.register_grant"] == before["outbox.register_grant"] + 1
    for role, path in (("operator", "/operator"), ("security", "/security/health"), ("auditor", "/auditor/health")):
        page = caller(service, role).call("GET", path, headers={"Accept": "text/html"})
        assert page.status_code == 200
        assert "待办积压" in page.text
