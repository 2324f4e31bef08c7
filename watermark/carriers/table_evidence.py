"""What a leaked table shows when held against an original: rows, order of rows and names, spelling."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watermark.carriers.seen_evidence import made_out
from watermark.carriers.table_reading import FIRST, decode, read_csv
from watermark.carriers.xlsx_reading import first_sheet
from watermark.evidence import ChipLayer, Evidence, Level, OrderGroup, OrderLayer, VariantLayer
from watermark.provenance import Leak, Matching, NormalRow, Sheet, best_match
from watermark.reading import Row
from watermark.variants import Spelling, base, kinds, places
from watermark.zero_width import CHIPS, ZERO_WIDTH, plain
from watermark.zero_width import shown as hidden_chips

_ZIP = b"PK\x03\x04"
ROWS, NAMES, SPELLING = "rows", "names", "spelling"
"""Names of the layers; they separate the codes' derivations."""

HEADS = 2
"""Lines of names in a workbook of ours: labels for people, then the names that the other formats have."""

MAX_ORDERED = 4096
"""Rows beyond this many add nothing to order evidence that is already past any threshold."""


class Number(str):
    """A number of a JSON original as it is spelt there: 1.50 stays 1.50, and no digit is rounded away."""

    __slots__ = ()


def json_document(text: str) -> dict[str, Any]:
    """A JSON original: an object with `records`, or a list of records, which becomes such an object.

    Numbers are `Number`. Errors: ValueError for anything else.
    """
    document: Any = json.loads(text, parse_int=Number, parse_float=Number)
    if isinstance(document, list):
        document = {"records": document}
    if isinstance(document, dict) and isinstance(document.get("records"), list):
        return document
    raise ValueError("records")


def is_json(text: str) -> bool:
    """Whether an original is JSON; a table's first name may begin with a bracket too."""
    first = text.lstrip("\ufeff \t\r\n")[:1]
    if first != "[":
        return first == "{"
    try:
        json.loads(text)
    except ValueError:
        return False
    except RecursionError:
        return True
    return True


def record_cells(record: Mapping[str, object]) -> dict[str, str]:
    """The values of one record of a JSON original: the members of `values`, or its own texts and numbers."""
    values = record.get("values", record)
    members = values.items() if isinstance(values, Mapping) else ()
    return {name: value for name, value in members if isinstance(value, str)}


def _aliases(original: bytes) -> dict[str, str]:
    """A workbook's labels with the names that stand under them: a leak may have kept either line."""
    if not original.startswith(_ZIP):
        return {}
    labels, names = first_sheet(original)[:HEADS]
    return {label.strip().lower(): name for label, name in zip(labels, names, strict=True) if labels.count(label) == 1}


def original_rows(original: bytes) -> tuple[str, list[Row]]:
    """(kind, rows in original order) of an original that the carriers of tables mark."""
    if original.startswith(_ZIP):
        lines = first_sheet(original)
        names = tuple(lines[HEADS - 1])
        return "xlsx", [Row(names, tuple(line)) for line in lines[HEADS:]]
    text = decode(original)
    if is_json(text):
        cells = [record_cells(record) for record in json_document(text)["records"]]
        return "json", [Row(tuple(c), tuple(c.values())) for c in cells]
    return "csv", list(read_csv(text).sheets[0][1:])


def table_evidence(
    leak: Leak, original: bytes, content_id: str, spellings: Mapping[str, Spelling] | None = None
) -> Evidence:
    """Everything that `leak` shows of the original table; see `Evidence`."""
    reading = leak.reading
    kind, rows = original_rows(original)
    if reading.seen:
        leak = made_out(leak, rows, spellings or {})
    matching = best_match(leak, Sheet(rows))
    if not matching.pairs:
        return Evidence(content_id, claims=reading.claims, coverage=matching.coverage)
    aliases = _aliases(original)
    maps = [_names_of(matching.sheet.rows[r], rows[i], aliases) for r, i in matching.pairs]
    orders = [_row_order(matching, len(rows))]
    orders.append(_name_order(matching, rows, maps, kind, reading.kind))
    chips: tuple[ChipLayer, ...] = ()
    if reading.kind == kind and kind != "xlsx":
        chips = (ChipLayer(SPELLING, _spelling(matching, rows, maps, kind)),)
    hidden = _hidden(matching, rows, maps)
    if hidden is not None:
        chips += (ChipLayer(ZERO_WIDTH, hidden),)
    layers = tuple(layer for layer in orders if layer.groups)
    shown = _variants(matching, rows, maps, spellings) if spellings else None
    return Evidence(content_id, chips, layers, reading.claims, matching.coverage, variants=shown)


def _variants(
    matching: Matching, rows: list[Row], maps: list[dict[int, int]], spellings: Mapping[str, Spelling]
) -> VariantLayer:
    """Which spelling each place of the original shows in the leak.

    Where all places of a kind look alike, a program has made them so: they say nothing.
    """
    counts = [
        [len(places(value, spellings.get(name))) for name, value in zip(row.names, row.values, strict=True)]
        for row in rows
    ]
    starts = np.concatenate([[0], np.cumsum([count for row in counts for count in row])]).astype(np.int64)
    firsts = np.concatenate([[0], np.cumsum([len(row.names) for row in rows])]).astype(np.int64)
    shown = np.zeros(int(starts[-1]), dtype=np.int8)
    seen: dict[tuple[str, bool], list[int]] = {}
    for (r, i), found in zip(matching.pairs, maps, strict=True):
        for k, j in found.items():
            spelling = spellings.get(rows[i].names[j])
            value = plain(matching.sheet.rows[r].row.values[k]).strip()
            if spelling is None or base(value, spelling) != base(rows[i].values[j], spelling):
                continue
            at = int(starts[firsts[i] + j])
            for kind, second in zip(kinds(value, spelling), places(value, spelling), strict=True):
                shown[at] = 1 if second else -1
                seen.setdefault((kind, second), []).append(at)
                at += 1
    for (kind, second), positions in seen.items():
        if (kind, not second) not in seen:
            shown[positions] = 0
    return VariantLayer(shown)


def _hidden(matching: Matching, rows: list[Row], maps: list[dict[int, int]]) -> NDArray[np.float64] | None:
    """Scores of the zero-width chips, `CHIPS` for every cell of the original; None where the leak shows none."""
    starts = np.concatenate([[0], np.cumsum([len(row.names) for row in rows])])
    scores: NDArray[np.float64] | None = None
    for (r, i), found in zip(matching.pairs, maps, strict=True):
        for k, j in found.items():
            seen = hidden_chips(matching.sheet.rows[r].row.values[k])
            if not seen:
                continue
            if scores is None:
                scores = np.zeros((int(starts[-1]), CHIPS))
            scores[starts[i] + j] = seen
    return None if scores is None else scores.reshape(-1)


def _row_order(matching: Matching, size: int) -> OrderLayer:
    observed = tuple(i for _, i in matching.pairs)[:MAX_ORDERED]
    groups = (OrderGroup(0, size, observed),) if len(observed) > 1 else ()
    return OrderLayer(ROWS, Level.COPY, groups)


def _names_of(leak: NormalRow, original: Row, aliases: Mapping[str, str]) -> dict[int, int]:
    """Leak's cell number -> the original's, by name; by value where names were changed and the value stands once."""
    by_name = {name.strip().lower(): j for j, name in enumerate(original.names)}
    found: dict[int, int] = {}
    for k, label in enumerate(leak.row.names):
        name = label.strip().lower()
        j = by_name.get(aliases.get(name, name).strip().lower())
        if j is not None and j not in found.values():
            found[k] = j
    if len(found) >= min(len(leak.values), len(original.names)):
        return found
    values = Counter(leak.values)
    others = Counter(NormalRow.of(original).values)
    by_value = {v: j for j, v in enumerate(NormalRow.of(original).values) if others[v] == 1}
    taken = set(found.values())
    for k, value in enumerate(leak.values):
        j = by_value.get(value)
        if k not in found and value and values[value] == 1 and j is not None and j not in taken:
            found[k] = j
            taken.add(j)
    return found


def _name_order(
    matching: Matching, rows: list[Row], maps: list[dict[int, int]], kind: str, leak_kind: str
) -> OrderLayer:
    """Order of names within records.

    A CSV or XLSX original has one order of columns. In a JSON original each record has its own; a leak in which all
    records show the same order (a spreadsheet, or sorted names) took it from one of them at most, so evidence is
    pooled.
    """
    shown = {matching.sheet.rows[r].row.names for r, _ in matching.pairs}
    uniform = len(shown) == 1 and (len(matching.pairs) > 1 or leak_kind != "json")
    if kind == "json" and not uniform:
        groups = [
            OrderGroup(i, len(rows[i].names), tuple(found[k] for k in sorted(found)))
            for (_, i), found in zip(matching.pairs, maps, strict=True)
        ]
        return OrderLayer(NAMES, Level.ENTITY, tuple(g for g in groups if len(g.observed) > 1))
    names = _common_order(matching, rows, maps)
    if kind != "json":
        groups = [_group(0, rows[0], names)]
    else:
        groups = [_group(i, row, names) for i, row in enumerate(rows[:MAX_ORDERED])]
    return OrderLayer(NAMES, Level.ENTITY, tuple(g for g in groups if len(g.observed) > 1), pooled=True)


def _common_order(matching: Matching, rows: list[Row], maps: list[dict[int, int]]) -> list[str]:
    """The original's names in the order of the leak's columns, where most rows agree on which column is which."""
    votes: dict[int, Counter[str]] = {}
    for (_, i), found in zip(matching.pairs, maps, strict=True):
        for k, j in found.items():
            votes.setdefault(k, Counter())[rows[i].names[j]] += 1
    order: list[str] = []
    for k in sorted(votes):
        name, count = votes[k].most_common(1)[0]
        if 2 * count > len(maps) and name not in order:
            order.append(name)
    return order


def _group(index: int, row: Row, names: list[str]) -> OrderGroup:
    numbers: Mapping[str, int] = {name: j for j, name in enumerate(row.names)}
    return OrderGroup(index, len(row.names), tuple(numbers[n] for n in names if n in numbers))


def _spelling(matching: Matching, rows: list[Row], maps: list[dict[int, int]], kind: str) -> NDArray[np.float64]:
    """Scores of the spelling chips: +1 blank or quoted, -1 not, 0 unknown. JSON has two chips a value, CSV one."""
    bits = 2 if kind == "json" else 1
    starts = np.concatenate([[0], np.cumsum([len(row.names) for row in rows])])
    scores = np.zeros((int(starts[-1]), bits))
    habits: list[set[bool]] = [set() for _ in range(bits)]
    for (r, i), found in zip(matching.pairs, maps, strict=True):
        marks = matching.sheet.rows[r].row.marks
        if not marks:
            continue
        for k, j in found.items():
            for bit in range(bits if marks[k] >= 0 else 0):
                is_set = bool(marks[k] >> bit & 1)
                scores[starts[i] + j, bit] = 1.0 if is_set else -1.0
                if bit or not marks[k] & FIRST:
                    habits[bit].add(is_set)
    for bit, habit in enumerate(habits):
        # A writer's fixed habit says nothing: every value spelt alike is not a trace of ours.
        if len(habit) < 2:
            scores[:, bit] = 0
    return scores.reshape(-1)
