"""The documents that everything here works on: certificates of one type, whose values nobody real has."""

import os
from collections.abc import Mapping, Sequence

from chain.canonical import LeafForm, quoted
from chain.merkle import leaf_hash

TYPE, RULES, SEED_BYTES = "person.driving_licence", "1", 32
FIELDS = (
    "id_number",
    "name",
    "sex",
    "nation",
    "birth_date",
    "address",
    "licence_no",
    "licence_class",
    "issued_on",
    "valid_from",
    "valid_until",
    "authority",
)


def documents(count: int) -> list[dict[str, str]]:
    """So many, each value another."""
    return [{name: f"{name} of document {at}" for name in FIELDS} for at in range(count)]


def leaf_hashes(found: Sequence[Mapping[str, str]], first: int = 0) -> list[bytes]:
    """Leaves as a return makes them: a fresh seed each, a salt and a commitment for each field, the leaf's hash."""
    form = LeafForm(TYPE, RULES, FIELDS)
    return [
        leaf_hash(form.leaf([quoted(document[name]) for name in form.names], os.urandom(SEED_BYTES), first + at))
        for at, document in enumerate(found)
    ]
