"""Canonical bytes against the RFC 8785 library, and the commitments of docs/formats.md by hand."""

import hashlib
import hmac
import json
from enum import StrEnum

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.canonical import (
    DEPTH_LIMIT,
    INT_LIMIT,
    LeafForm,
    canonical,
    certificate_leaf,
    field_commitment,
    field_salt,
    leaf_bytes,
    quoted,
    tagged_hash,
)
from chain.errors import CanonicalError

# Any code points, the awkward ones often: controls, quotes, line ends, around the surrogates, beyond U+FFFF.
AWKWARD = '\x00\x01\x08\x0b\x1f\x7f\x80"\\/\u2028\u2029\ud7ff\ue000\ufeff\uffff\U00010000\U0010ffff中e\u0301'
texts = st.text(st.one_of(st.sampled_from(AWKWARD), st.characters(exclude_categories=["Cs"])), max_size=12)
documents = st.recursive(
    st.none() | st.booleans() | st.integers(-INT_LIMIT, INT_LIMIT) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
SALT = bytes(range(32))


@given(documents)
@settings(max_examples=400, deadline=None)
def test_canonical_equals_the_rfc_8785_library(document):
    assert canonical(document) == rfc8785.dumps(document)
    assert json.loads(canonical(document)) == document


@given(texts, texts)
@settings(max_examples=400, deadline=None)
def test_commitment_is_over_the_canonical_pair(name, value):
    expected = hashlib.sha256(b"mydata/field/1\x00" + SALT + rfc8785.dumps([name, value])).digest()
    assert field_commitment(SALT, name, value) == expected


def test_keys_are_ordered_by_utf_16_units():
    # U+10000 is D800 DC00 in UTF-16 and so comes before U+E000; by code points it would come after.
    assert canonical({"\ue000": 1, "\U00010000": 2}) == '{"\U00010000":2,"\ue000":1}'.encode()


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    "value",
    [1.0, float("nan"), INT_LIMIT + 1, -INT_LIMIT - 1, (1,), {1: 2}, b"x", Colour.RED, {"a": {Colour.RED: 1}}, {1}],
    ids=repr,
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(CanonicalError):
        canonical(value)


@pytest.mark.parametrize("text", ["\ud800", "a\udfff", "\udc00\ud800"])
def test_unpaired_surrogates_are_refused_everywhere(text):
    for value in (text, {text: 1}, {"k": [text]}, {"é": text}):
        with pytest.raises(CanonicalError) as caught:
            canonical(value)
        assert text not in str(caught.value)
        assert caught.value.__cause__ is None
    with pytest.raises(CanonicalError):
        field_commitment(SALT, "name", text)
    with pytest.raises(CanonicalError):
        field_commitment(SALT, text, "value")


def test_nesting_is_limited():
    value: object = 1
    for _ in range(DEPTH_LIMIT):
        value = [value]
    canonical(value)
    with pytest.raises(CanonicalError):
        canonical([value])


def test_unicode_normal_forms_stay_apart():
    assert field_commitment(SALT, "name", "\u00e9") != field_commitment(SALT, "name", "e\u0301")


def test_salt_and_hash_are_those_of_the_format():
    assert field_salt(SALT, "name") == hmac.new(SALT, b"mydata/salt/1\x00name", hashlib.sha256).digest()
    assert tagged_hash("tag", b"a", b"b") == hashlib.sha256(b"tag\x00ab").digest()
    assert field_commitment(SALT, "a", "b") == tagged_hash("mydata/field/1", SALT, b'["a","b"]')


@pytest.mark.parametrize("salt", [b"", bytes(31), bytes(33)])
def test_short_salts_are_refused(salt):
    with pytest.raises(CanonicalError):
        field_commitment(salt, "a", "b")
    with pytest.raises(CanonicalError):
        field_salt(salt, "a")


def test_leaf_is_the_document_of_the_format():
    leaf = certificate_leaf("t", "2025.1", 3, {"b": bytes(32), "a": b"\x01" * 32})
    assert leaf_bytes(leaf) == (
        b'{"fields":{"a":"0x' + b"01" * 32 + b'","b":"0x' + b"00" * 32 + b'"},'
        b'"index":3,"rules":"2025.1","schema":"mydata/certificate/1","type":"t"}'
    )
    for wrong in ({}, {"a": bytes(31)}):
        with pytest.raises(CanonicalError):
            certificate_leaf("t", "2025.1", 3, wrong)
    with pytest.raises(CanonicalError):
        certificate_leaf("t", "2025.1", -1, {"a": bytes(32)})


_NAMES = st.lists(texts, min_size=1, max_size=6, unique=True)


@settings(deadline=None)
@given(names=_NAMES, values=st.data(), seed=st.binary(min_size=32, max_size=32), index=st.integers(0, 2**53 - 1))
def test_leaves_made_in_bulk_are_those_made_one_by_one(
    names: list[str], values: st.DataObject, seed: bytes, index: int
) -> None:
    fields = {name: values.draw(texts) for name in names}
    form = LeafForm("type.100%s", "1%d", names)
    made = form.leaf([quoted(fields[name]) for name in form.names], seed, index)
    commitments = {name: field_commitment(field_salt(seed, name), name, value) for name, value in fields.items()}
    assert made == leaf_bytes(certificate_leaf("type.100%s", "1%d", index, commitments))


def test_bulk_leaves_refuse_what_single_ones_refuse() -> None:
    form = LeafForm("type", "1", ["a", "b"])
    for values, seed, index in (
        (['"x"', '"\ud800"'], bytes(32), 0),
        (['"x"', '"y"'], bytes(31), 0),
        (['"x"', '"y"'], bytes(32), -1),
    ):
        with pytest.raises(CanonicalError):
            form.leaf(values, seed, index)
    for names in ([], ["a", "a"]):
        with pytest.raises(CanonicalError):
            LeafForm("type", "1", names)
    with pytest.raises(CanonicalError):
        quoted(7)  # type: ignore[arg-type]  # what is refused is not a string
    with pytest.raises(ValueError, match="shorter"):
        form.leaf(['"x"'], bytes(32), 0)
