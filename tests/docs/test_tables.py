"""Tables of the documents that come from the code are as the code is."""

import pytest

from tests.docs.tables import made, standing


@pytest.mark.parametrize("name", ["routes", "pages", "reactions"])
def test_tables_are_as_the_code_is(name: str) -> None:
    assert standing(name) == made()[name], "write them anew: python -m tests.docs.tables"


def test_every_route_says_what_it_does() -> None:
    for name in ("routes", "pages"):
        rows = [[cell.strip() for cell in row.split(" | ")] for row in made()[name].splitlines()[2:]]
        assert len(rows) > 30
        assert [row for row in rows if len(row) != 4 or len(row[3]) < 10] == []
