"""Headers of two lines in CSV files, as a workbook with merged cells is saved; ordinary files keep their one line."""

import csv
import io
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.catalogue import load_catalogue
from api.catalogue.columns import known_headers
from api.documents.heads import csv_header
from api.documents.tables import DepartmentTable, RowOk, RowWarned, read_department_csv
from tests.flow.files import licences
from tests.intake import books

SCHEMA = load_catalogue().type("person.driving_licence")
KNOWN = known_headers(SCHEMA).keys()
FROM, UNTIL = (books.FIELDS.index(name) for name in ("valid_from", "valid_until"))
ROWS = [books.cells(row) for row in licences(0, 3)]
TITLE = ["演示市机动车驾驶证名册"]


def written(*lines: Sequence[object], sep: str = ",") -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=sep).writerows(lines)
    return out.getvalue().encode()


def grouped(above_says: bool) -> tuple[list[str], list[str]]:
    """The header with both days under a group; every other name stands in the upper line, or in the lower one."""
    upper, lower = list(books.HEADS), [""] * len(books.HEADS)
    upper[FROM], upper[UNTIL], lower[FROM], lower[UNTIL] = "有效期限", "", "起", "止"
    if not above_says:
        lower = [below or above for above, below in zip(upper, lower, strict=True)]
        upper = [text if place == FROM else "" for place, text in enumerate(upper)]
    return upper, lower


def read(data: bytes) -> DepartmentTable:
    by_hand = {"有效期限 起": "valid_from", "有效期限 止": "valid_until"}
    return read_department_csv(data, SCHEMA, demo=True, mapping=by_hand)


@pytest.mark.parametrize("sep", [",", "\t", ";"])
@pytest.mark.parametrize("titled", [False, True])
def test_a_group_over_two_columns(titled: bool, sep: str) -> None:
    assert FROM + 1 == UNTIL
    title = [TITLE + [""] * (len(books.HEADS) - 1)] if titled else []
    table = read(written(*title, *grouped(above_says=True), *ROWS, sep=sep))
    assert table.header_line == 2 + len(title)
    assert table.header[FROM : UNTIL + 1] == ("有效期限 起", "有效期限 止")
    assert [name for place, name in enumerate(table.header) if place not in {FROM, UNTIL}] == [
        name for place, name in enumerate(books.HEADS) if place not in {FROM, UNTIL}
    ]
    rows = list(table.rows())
    assert [row.line for row in rows] == [3 + len(title) + at for at in range(3)]
    assert all(isinstance(row, RowOk | RowWarned) for row in rows)


def test_groups_alone_in_the_upper_line() -> None:
    """Two groups, so that it is no title; what stands under a name that is known keeps it."""
    upper, lower = grouped(above_says=False)
    upper, lower = [*upper, "附注", ""], [*lower, "一", "二"]
    by_hand = {"有效期限 起": "valid_from", "有效期限 止": "valid_until", "附注 一": None, "附注 二": None}
    table = read_department_csv(
        written(upper, lower, *([*row, "x", "y"] for row in ROWS)), SCHEMA, demo=True, mapping=by_hand
    )
    assert table.header_line == 2
    assert table.header[-2:] == ("附注 一", "附注 二")
    assert sum(isinstance(row, RowOk | RowWarned) for row in table.rows()) == 3


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\"',;|\t\0"), max_size=6).map(str.strip)
CELL = st.one_of(TEXT, st.just(""), st.sampled_from(["起", "止", "x", "备注"]))


@given(
    st.lists(st.lists(CELL, min_size=len(books.HEADS), max_size=len(books.HEADS)), min_size=1, max_size=4),
    st.integers(0, 4),
    st.sampled_from([[], TITLE, ["填表单位：甲", "", "日期：2026-11-24"]]),
)
@settings(max_examples=300, deadline=None)
def test_ordinary_files_keep_their_header(rows: list[list[str]], blanks: int, above: list[str]) -> None:
    """Whatever people's rows say, a header of names is one line, also with empty cells at its end and a title above."""
    head = [*books.HEADS, *[""] * blanks]
    data = written(*([above] if above else []), head, *rows)
    delimiter, line, header, _ = csv_header(lambda: io.BytesIO(data), "utf-8", KNOWN)
    assert (delimiter, line) == (",", 2 if above else 1)
    assert header == tuple(books.HEADS)
