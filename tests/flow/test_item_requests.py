"""A request by a service item alone: purpose and fields are those that the catalogue has for it."""

from dataclasses import replace

import pytest

from api.catalogue import load_catalogue
from api.demo.parties import ENTITIES
from api.errors import ApiError
from api.services.requests import NewRequest, _resolved
from api.store.queries.holders import HolderKind
from tests.town import Service

ASK = NewRequest(HolderKind.PERSON, "110101199001010015", "", [], "S-1", 5, 1, None, 163)


def test_an_item_says_purpose_and_the_fewest_fields(service: Service) -> None:
    made, pack = _resolved(service.ctx, ASK), load_catalogue().pack("social_security")
    assert (made.purpose, made.scenario, made.number) == (pack.purpose, pack.code, ASK.number)
    assert [(one.type_code, one.field) for one in made.items] == [
        (one.type_code, one.field) for one in pack.items if one.necessary
    ]
    assert made.items
    assert _resolved(service.ctx, replace(ASK, purpose="bank.personal_credit")).items == []


@pytest.mark.parametrize(("item", "code"), [(1, "requests.item_without_pack"), (9999, "requests.unknown_item")])
def test_other_items_cannot_stand_alone(service: Service, item: int, code: str) -> None:
    with pytest.raises(ApiError) as refused:
        _resolved(service.ctx, replace(ASK, item_no=item))
    assert refused.value.code == code


def test_every_named_item_is_one_of_the_catalogue_and_its_pack_fits() -> None:
    catalogue = load_catalogue()
    named = {item.pack for item in catalogue.items if item.pack}
    assert named == {"social_security", "medical_insurance"}
    assert all(code in catalogue.packs for code in named)


def test_the_interface_takes_an_item_without_purpose_and_fields(service: Service) -> None:
    office = next(one for one in ENTITIES if "government.social_security" in one.purposes)
    body = {
        "holder": {"kind": "person", "number": service.driver(0).number},
        "item": 163,
        "case_no": "S-2026-1",
        "days": 5,
        "uses": 1,
    }
    made = service.town.machine(office).post("/v1/requests", body)
    assert (made["purpose"], made["item"]) == ("government.social_security", 163)
    assert made["items"]
