"""What schemas of answers are made of: words for texts, times, lists and pages."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
FREE: Schema = {"type": "object"}
TIME: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
HASH: Schema = {"type": "string", "pattern": "^0x[0-9a-f]{64}$"}
HEX: Schema = {"type": "string", "pattern": "^0x([0-9a-f]{2})*$"}
TOPICS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
COUNTS: Schema = {"type": "object", "additionalProperties": NUMBER}


def of(**members: Schema) -> Schema:
    """An object that always has these members."""
    return {"type": "object", "properties": members, "required": sorted(members)}


def many(item: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": item}


def maybe(value: Schema) -> Schema:
    """A value, or null where there is none."""
    return {"anyOf": [value, {"type": "null"}]}


def ref(name: str) -> Schema:
    """One of `SHAPES`."""
    return {"$ref": f"#/components/schemas/{name}"}


def page(name: str, **more: Schema) -> Schema:
    """A page of a list; `next_cursor` is null on the last."""
    return of(items=many(ref(name)), next_cursor=maybe(TEXT), **more)


def listed(name: str) -> Schema:
    """A whole list."""
    return of(items=many(ref(name)))


def word(*kinds: type[StrEnum], more: tuple[str, ...] = ()) -> Schema:
    """One of the words of these enumerations."""
    return {"type": "string", "enum": [*(member.value for kind in kinds for member in kind), *more]}


NAMED: Schema = of(id=TEXT, zh=TEXT, en=TEXT)
BOTH: Schema = of(zh=TEXT, en=TEXT)
RECEIPTED: Mapping[str, Schema] = {"receipt": TEXT, "number": NUMBER}
