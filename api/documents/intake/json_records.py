"""Files of records as JSON, in the child: a list, an object with a list `records`, or one object a line."""

import json
from collections.abc import Iterator
from typing import Any

from api.documents.intake.answers import EXACT_DIGITS, MAX_CELL, MAX_COLUMNS, TOP_ROWS, Refused, line


class _Long(str):
    """A whole number with more digits than programs keep exactly."""

    __slots__ = ()


class _Twice(dict[str, Any]):
    """An object in which a name stands twice."""


def read_json(data: bytes, max_rows: int) -> Iterator[bytes]:
    """The answer's lines; without `max_rows` the first records alone. Raises `Refused`."""
    text, encoding = _decoded(data)
    records = _records(text)
    names: dict[str, int] = {}
    lines: list[bytes] = []
    for number, record in records:
        if max_rows and len(lines) >= max_rows:
            raise Refused("returns.too_many_rows", limit=max_rows, found=len(lines) + 1)
        if not max_rows and len(lines) >= TOP_ROWS:
            break
        if not isinstance(record, dict) or isinstance(record, _Twice):
            reason = "returns.name_twice" if isinstance(record, _Twice) else "returns.not_a_record"
            lines.append(line([number, [], {-1: reason}]))
            continue
        for name in record:
            if name not in names:
                names[name] = len(names)
        if len(names) > MAX_COLUMNS:
            raise Refused("returns.too_many_columns", limit=MAX_COLUMNS)
        cells = [""] * len(names)
        faults: dict[int, str] = {}
        for name, value in record.items():
            said, fault = _value(value)
            cells[names[name]] = said[:MAX_CELL]
            if fault is not None:
                faults[names[name]] = fault
        lines.append(line([number, cells, faults] if faults else [number, cells]))
    if not lines:
        raise Refused("returns.no_rows")
    yield line({"encoding": encoding, "sheets": [], "sheet": None, "top": [[0, [name[:200] for name in names]]]})
    yield from lines


def _records(text: str) -> Iterator[tuple[int, object]]:
    """Records with their numbers: in a list counted from 1, in JSON lines the line."""
    try:
        document = _loads(text)
    except ValueError:
        if not text.lstrip().startswith("{") or "\n" not in text.strip():
            raise Refused("returns.bad_json") from None
        yield from _json_lines(text)
        return
    if isinstance(document, dict):
        document = document.get("records", [document])
    if not isinstance(document, list):
        raise Refused("returns.bad_json")
    yield from enumerate(document, 1)


def _json_lines(text: str) -> Iterator[tuple[int, object]]:
    good = 0
    for number, said in enumerate(text.split("\n"), 1):
        if not said.strip():
            continue
        try:
            record = _loads(said)
            good += 1
        except ValueError:
            record = None
            if not good:
                # Not even its first line is a record: it is no file of records, not one with a bad line.
                raise Refused("returns.bad_json") from None
        yield number, record


def _loads(text: str) -> object:
    return json.loads(
        text, parse_int=_integer, parse_float=_decimal, parse_constant=_constant, object_pairs_hook=_object
    )


def _integer(text: str) -> str:
    return _Long(text) if len(text.lstrip("-")) > EXACT_DIGITS else text


def _decimal(text: str) -> str:
    return _Long(text) if len(text) > EXACT_DIGITS + 2 or "e" in text.lower() else text


def _constant(text: str) -> str:
    raise ValueError(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Twice(found)


def _value(value: object) -> tuple[str, str | None]:
    if isinstance(value, _Long):
        return "", "returns.number_cell"
    if isinstance(value, str):
        return value, None
    if value is None:
        return "", None
    if isinstance(value, bool):
        return ("true" if value else "false"), None
    return "", "returns.nested_value"


def _decoded(data: bytes) -> tuple[str, str]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding), encoding.removesuffix("-sig")
        except UnicodeDecodeError:
            continue
    raise Refused("returns.encoding")
