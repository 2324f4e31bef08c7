"""What departments offer: every type has one offer, no field's is wider than it may be, and bad files do not load."""

from pathlib import Path

import pytest

from api.catalogue import load_catalogue, offers
from api.catalogue.offers import Attribute, load_offers
from api.errors import ApiError

FILE = Path(offers.__file__).parent / "offers.toml"


def test_every_type_is_offered_once_with_its_terms() -> None:
    found = load_offers().by_type
    assert list(found) == list(load_catalogue().types)
    assert {one.attribute for one in found.values()} == set(Attribute)
    assert all(one.basis.zh and one.contact.en for one in found.values())


def test_what_is_agreed_to_apart_is_never_offered_without_condition() -> None:
    apart = 0
    for one in load_offers().by_type.values():
        for field in one.schema.all_fields:
            shared = one.of(field)
            assert not (field.apart and shared is Attribute.UNCONDITIONAL), field.name
            assert shared is one.attribute or (field.apart and shared is Attribute.CONDITIONAL)
            apart += field.apart
        if one.schema.holder_kind == "person":
            assert one.attribute is not Attribute.UNCONDITIONAL, "of a person nothing is free for all"
    assert apart > 50


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('type = "person.blood_donation"', 'type = "person.blood_group"'),  # no such type
        ('type = "person.blood_donation"', 'type = "person.death_certificate"'),  # twice
        ('attribute = "withheld"', 'attribute = "free"'),
        ('frequency = "monthly"', 'frequency = "now and then"'),
        ('basis = "medical_privacy"', 'basis = "some_law"'),  # no such basis
        ('department = "education"', 'department = "weather"'),  # no such department, and education has no desk
        ("version = 1", 'version = "1"'),
        ('zh = "医疗保障数据共享岗"', 'zh = "医疗保障数据共享岗"\nphone = "110"'),
    ],
)
def test_a_bad_file_does_not_load(tmp_path: Path, old: str, new: str) -> None:
    text = FILE.read_text("utf-8")
    assert old in text
    spoilt = tmp_path / "offers.toml"
    spoilt.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ApiError) as caught:
        load_offers(spoilt)
    assert caught.value.code == "catalogue.bad_file"
