"""Reads a file of case numbers: CSV in UTF-8 or GB18030, its columns named in the first line."""

import csv
import io
from datetime import date

from api.errors import ApiError
from api.policy.case_register import Case

HEADERS = {
    "case_no": frozenset({"案号", "案件编号", "case_no"}),
    "opened_on": frozenset({"立案日期", "立案日", "opened_on"}),
    "closed_on": frozenset({"结案日期", "结案日", "closed_on"}),
}
_ENCODINGS = ("utf-8-sig", "gb18030")


def read_cases(data: bytes, limit: int) -> list[Case]:
    """The file's cases; blank lines are passed over. Days are `2026-11-24`, `2026/11/24` or `2026年11月24日`.

    Raises ApiError `case_register.bad_file` for what is no such table, `case_register.bad_days` with the case's place,
    `case_register.too_many` for more than `limit`. What a cell holds stands in no error.
    """
    rows = _rows(data)
    names = [cell.strip() for cell in rows[0]] if rows else []
    places = {key: next((at for at, name in enumerate(names) if name in known), -1) for key, known in HEADERS.items()}
    if places["case_no"] < 0 or places["opened_on"] < 0:
        raise ApiError("case_register.bad_file")
    filled = [row for row in rows[1:] if any(cell.strip() for cell in row)]
    if len(filled) > limit:
        raise ApiError("case_register.too_many", limit=limit)
    return [_case(row, places, line) for line, row in enumerate(filled, start=1)]


def _rows(data: bytes) -> list[list[str]]:
    for encoding in _ENCODINGS:
        try:
            text = data.decode(encoding)
            return list(csv.reader(io.StringIO(text, newline=""), strict=True))
        except (UnicodeDecodeError, csv.Error):
            continue
    raise ApiError("case_register.bad_file")


def _case(row: list[str], places: dict[str, int], line: int) -> Case:
    number, opened, closed = (
        row[places[key]].strip() if 0 <= places[key] < len(row) else "" for key in ("case_no", "opened_on", "closed_on")
    )
    return Case(number, _day(opened, line), _day(closed, line) if closed else None)


def _day(text: str, line: int) -> date:
    plain = text.removesuffix("日").translate(str.maketrans("年月/.", "----"))
    parts = plain.split("-")
    try:
        if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
            raise ValueError
        return date(*map(int, parts))
    except (ValueError, OverflowError):
        raise ApiError("case_register.bad_days", line=line) from None
