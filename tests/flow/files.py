"""Department files made by hand, about people whom the prepared service does not know."""

import csv
import functools
import io
from collections.abc import Sequence

from api.catalogue import load_catalogue
from api.demo.city import generate_city
from tests.town import LICENCE, small_city

SCHEMA = load_catalogue().ready_type(LICENCE)
HEADER = [field.zh for field in SCHEMA.fields]
Row = dict[str, str]


@functools.cache
def _licences() -> tuple[Row, ...]:
    known = {person.number for person in small_city().persons}
    city = generate_city(260, 1400, seed=5)
    return tuple(c.values for c in city.certificates if c.type_code == LICENCE and c.holder not in known)


def licences(first: int, count: int) -> list[Row]:
    """So many driving licences of newcomers, from the `first` on; tests of one module take different ones."""
    found = [dict(values) for values in _licences()[first : first + count]]
    assert len(found) == count, f"the city has {len(_licences())}"
    return found


def table(rows: Sequence[Row], *, encoding: str = "utf-8", header: Sequence[str] = HEADER) -> bytes:
    """The rows as an office writes them."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    for row in rows:
        writer.writerow([row.get(field.name, "") for field in SCHEMA.fields])
    return out.getvalue().encode(encoding)


def wrong_digit(number: str) -> str:
    """The number with another check character."""
    return number[:17] + ("0" if number[17] != "0" else "1")
