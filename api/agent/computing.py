"""The agent's half of a return: every leaf and root computed anew from the department's own file."""

import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from api.catalogue import Catalogue
from api.documents.tables import RowBad, read_department_file
from api.errors import ApiError, Kind
from api.locale import CHINA_STANDARD_TIME
from api.store.bodies import BodyForm
from chain.merkle import BatchTree

CLOCKS_APART = timedelta(days=1)
"""How far the service's day may be from this machine's."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the service says of a batch: the root that it computed, and the seed of each certificate in leaf order."""

    root: bytes
    size: int
    seeds: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Told:
    """What the service says of a return: rules, the day on which claims are derived, lines that it left out.

    `sheet` and `columns`: how it read the file, header to field (null: left out).
    """

    rules: str
    day: date
    left_out: frozenset[int]
    sheet: int | None = None
    columns: Mapping[str, str | None] = field(default_factory=dict)


def rows_of(
    data: bytes,
    catalogue: Catalogue,
    type_code: str,
    *,
    demo: bool,
    sheet: int | None = None,
    mapping: Mapping[str, str | None] | None = None,
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Line and values of each good row of the file, as this machine reads it; `mapping` as `read_department_file`."""
    schema = catalogue.ready_type(type_code)
    table = read_department_file(lambda: io.BytesIO(data), schema, demo=demo, sheet=sheet, mapping=mapping)
    for row in table.rows():
        if not isinstance(row, RowBad):
            yield row.line, row.values


def check_day(day: date, written_s: float, now_s: float) -> None:
    """Hold the day on which claims are derived against this machine's clock: no age is signed that is not of today.

    `written_s`: when the file was last written to, which is before it was handed in. Raises ApiError `agent.other_day`.
    """
    first, last = (datetime.fromtimestamp(at, CHINA_STANDARD_TIME).date() for at in (min(written_s, now_s), now_s))
    if not first - CLOCKS_APART <= day <= last + CLOCKS_APART:
        raise ApiError("agent.other_day", Kind.INTEGRITY, day=day.isoformat(), first=first.isoformat())


def check(
    rows: Iterator[tuple[int, Mapping[str, str]]],
    batches: Iterator[Batch],
    catalogue: Catalogue,
    type_code: str,
    told: Told,
) -> list[tuple[bytes, int]]:
    """Root and size of every batch, computed from the rows in file order.

    Raises ApiError `agent.other_rules` (the catalogue here is another one), `agent.root_differs` (the service commits
    to something else than the file says: nothing may be signed).
    """
    if told.rules != catalogue.version:
        raise ApiError("agent.other_rules", Kind.CONFLICT)
    schema = catalogue.ready_type(type_code)
    names = tuple(column.name for column in schema.all_fields)
    claims, form = schema.derivation(told.day), BodyForm(schema.code, told.rules, names)
    kept = (values for line, values in rows if line not in told.left_out)
    found: list[tuple[bytes, int]] = []
    for batch in batches:
        mine = list(itertools.islice(kept, batch.size))
        if len(mine) != batch.size or len(batch.seeds) != batch.size:
            raise ApiError("agent.root_differs", Kind.INTEGRITY)
        leaves = [
            form.make({**values, **claims.of(values)}, seed, index)[1]
            for index, (values, seed) in enumerate(zip(mine, batch.seeds, strict=True))
        ]
        root = BatchTree(leaves).root
        if root != batch.root:
            raise ApiError("agent.root_differs", Kind.INTEGRITY)
        found.append((root, batch.size))
    if next(kept, None) is not None:
        # A good row that the service neither stored nor named as left out.
        raise ApiError("agent.root_differs", Kind.INTEGRITY)
    return found
