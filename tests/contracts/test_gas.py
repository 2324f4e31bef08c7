"""No operation takes more gas than its figure, and the table in the docs says what it takes."""

from tests.contracts.gas import DOCUMENT, Row, document, measure


def test_the_table_is_true_and_nothing_is_worse_than_its_figure() -> None:
    sections = measure()
    assert [row for _, rows in sections for row in rows if row.worse] == []
    assert sum(row.figure is not None for _, rows in sections for row in rows) >= 20
    assert document(sections) == DOCUMENT.read_text("utf-8"), "run python -m tests.contracts.gas"


def test_a_worse_row_is_seen() -> None:
    assert Row("x", 101, 100).worse
    assert not Row("x", 100, 100).worse
    assert not Row("x", 100).worse
