"""Figures as a workbook: one sheet of texts, which no program takes for formulas."""

from collections.abc import Sequence

from watermark.carriers.xlsx_writing import Grid, write_workbook


def figures_xlsx(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """The workbook of these rows under these heads."""
    return write_workbook(Grid([list(heads)], [list(row) for row in rows]))
