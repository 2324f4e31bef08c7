"""Pulls that must not be served: each is refused with its reason, releases nothing, and stands in the holder's log."""

import pytest

from api.demo import flow
from api.errors import ApiError, Kind
from tests.town import HARBOUR, LICENCE, PINE, Service

DAY_MS = 86_400_000


def _pull(service: Service, grant: str, who=HARBOUR, fields: list[str] | None = None) -> ApiError | None:
    machine = service.town.machine(who)
    response = machine.send("POST", f"/v1/grants/{grant}/pulls", {} if fields is None else {"fields": fields})
    if response.is_success:
        return None
    assert "Receipt-Id" not in response.headers
    document = response.json()
    assert document["title"]
    assert document.get("title_en") or document.get("title_zh")
    kind = {403: Kind.FORBIDDEN, 404: Kind.NOT_FOUND}[response.status_code]
    return ApiError(document["code"], kind)


def test_without_a_grant_and_with_somebody_elses_it_is_the_same_404(service: Service) -> None:
    grant = service.grant(service.driver(0))
    for who, wanted in ((HARBOUR, "grant_" + "a" * 26), (PINE, grant)):
        refused = _pull(service, wanted, who)
        assert refused is not None
        assert (refused.code, refused.kind) == ("pull.not_found", Kind.NOT_FOUND)


def test_a_field_outside_the_grant_is_refused_and_seen_by_the_holder(service: Service) -> None:
    person = service.driver(1)
    grant = service.grant(person)
    refused = _pull(service, grant, fields=[f"{LICENCE}/licence_class", f"{LICENCE}/address"])
    assert refused is not None
    assert (refused.code, refused.kind) == ("pull.field_outside_grant", Kind.FORBIDDEN)
    lines = service.citizen(person).get("/v1/footprints")["items"]
    assert [line["reason"] for line in lines if line["kind"] == "refusal"] == ["pull.field_outside_grant"]
    assert _pull(service, grant, fields=[f"{LICENCE}/licence_class"]) is None


def test_uses_run_out(service: Service) -> None:
    grant = service.grant(service.driver(2), uses=1)
    assert _pull(service, grant) is None
    refused = _pull(service, grant)
    assert refused is not None
    assert refused.code == "pull.uses_exhausted"


def test_a_revoked_grant_serves_nothing_not_even_the_copy_made_before(service: Service) -> None:
    person = service.driver(3)
    grant = service.grant(person)
    assert _pull(service, grant) is None
    service.citizen(person).post(f"/v1/grants/{grant}/revoke")
    refused = _pull(service, grant)
    assert refused is not None
    assert refused.code == "pull.grant_revoked"
    with pytest.raises(ApiError) as again:
        service.citizen(person).post(f"/v1/grants/{grant}/revoke")
    assert again.value.code == "grant.transition"


def test_a_repeated_refusal_is_counted_not_piled_up(service: Service) -> None:
    person = service.driver(4)
    grant = service.grant(person)
    service.citizen(person).post(f"/v1/grants/{grant}/revoke")
    for _ in range(5):
        assert _pull(service, grant) is not None
    lines = service.citizen(person).get("/v1/footprints")["items"]
    assert len([line for line in lines if line["kind"] == "refusal"]) == 1


def test_an_unticked_sensitive_field_is_not_granted(service: Service) -> None:
    person = service.driver(5)
    items = ((LICENCE, "licence_class", True), (LICENCE, "address", False))
    asked = service.ask(person, items=items)
    answer = flow.approve(service.citizen(person), asked, days=30, uses=3, leave_out=("address",))
    refused = _pull(service, answer["grant"], fields=[f"{LICENCE}/address"])
    assert refused is not None
    assert refused.code == "pull.field_outside_grant"


def test_after_its_end_a_grant_serves_nothing_and_nothing_un_expires(service: Service) -> None:
    """Last in this file: the clock of this service goes forward and, by design, never back."""
    person = service.driver(0)
    grant = service.grant(person, days=1)
    assert _pull(service, grant) is None
    service.wind_clock(DAY_MS + 60_000)
    refused = _pull(service, grant)
    assert refused is not None
    assert (refused.code, refused.kind) == ("pull.grant_ended", Kind.FORBIDDEN)
