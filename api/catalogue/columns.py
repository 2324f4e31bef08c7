"""Names that files give to columns, and what the values of some kinds look like. Data: column_synonyms.toml."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import Field as Member

from api.catalogue.canonical import header_key
from api.catalogue.fields import Field, FieldKind
from api.catalogue.model import TypeSchema
from api.catalogue.rules import Versioned, read_rules

FILE = Path(__file__).with_name("column_synonyms.toml")


class ColumnNames(Versioned):
    """The file: names by field, shapes (regular expressions for whole values) by kind."""

    names: dict[str, list[str]] = Member(min_length=1)
    shapes: dict[str, str]


@cache
def column_names() -> ColumnNames:
    """The names and shapes. Raises ApiError `catalogue.bad_file`."""
    return read_rules(FILE, ColumnNames)


@cache
def shapes() -> Mapping[FieldKind, re.Pattern[str]]:
    """The shapes, compiled."""
    return {FieldKind(kind): re.compile(pattern) for kind, pattern in column_names().shapes.items()}


@cache
def known_headers(schema: TypeSchema) -> Mapping[str, Field]:
    """Each field by every header (as `header_key` gives it) that files call it by.

    The type's own names come first; a name that all types share counts where one field of the type alone has it.
    """
    own = {key: f for f in schema.fields for key in f.headers}
    shared: dict[str, list[Field]] = {}
    for f in schema.fields:
        for text in column_names().names.get(f.name, ()):
            shared.setdefault(header_key(text), []).append(f)
    return {**{key: found[0] for key, found in shared.items() if len(found) == 1}, **own}
