"""What the readers in the child share: limits, the answer's lines, and how a file is refused."""

import json

MAX_COLUMNS = 256
TOP_ROWS = 20
MAX_CELL = 4001
"""One character more than a cell may have: what is longer is refused further on, wherever it was cut."""
EXACT_DIGITS = 15
"""Spreadsheets keep so many digits of a number; the last ones of an identity number are noughts by then."""

FAULTS = frozenset(
    {
        "returns.error_cell",
        "returns.formula",
        "returns.merged_cell",
        "returns.name_twice",
        "returns.nested_value",
        "returns.not_a_record",
        "returns.number_cell",
        "returns.time_cell",
    }
)
"""What may be said of a cell or a record."""
REFUSALS = frozenset(
    {
        "returns.bad_json",
        "returns.bad_workbook",
        "returns.empty_file",
        "returns.encoding",
        "returns.hostile_file",
        "returns.locked_workbook",
        "returns.no_rows",
        "returns.no_such_sheet",
        "returns.too_complex",
        "returns.too_many_columns",
        "returns.too_many_rows",
        "returns.too_many_sheets",
        "returns.unpacked_too_large",
        "returns.unreadable",
    }
)
"""What may be said of a file. Nothing else of an answer goes further: a child may have been taken over by a file."""


class Refused(Exception):  # noqa: N818 -- it is an answer, not a failure of this process
    """The file cannot be read: the error's code and facts."""

    def __init__(self, code: str, **facts: str | int) -> None:
        super().__init__(code)
        self.code, self.facts = code, facts


def line(value: object) -> bytes:
    """A line of the answer."""
    return json.dumps(value).encode() + b"\n"
