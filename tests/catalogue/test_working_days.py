"""Terms in working days: the announced year, years beyond it, and files that must not load."""

from datetime import date, datetime
from pathlib import Path

import pytest

from api.catalogue import working_days
from api.catalogue.working_days import load_working_days
from api.errors import ApiError
from api.locale import CHINA_STANDARD_TIME

FILE = Path(working_days.__file__).parent / "working_days.toml"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=CHINA_STANDARD_TIME).timestamp() * 1000)


def test_the_announced_year_counts_as_announced() -> None:
    days = load_working_days()
    free = [date(2026, 1, 1) + (date(2026, 1, 2) - date(2026, 1, 1)) * at for at in range(365)]
    # 104 weekend days, of which 6 are worked; 19 weekdays are free: 1, 2 January; 16 to 20, 23 February; 6 April;
    # 1, 4, 5 May; 19 June; 25 September; 1, 2, 5, 6, 7 October.
    assert sum(map(days.is_working, free)) == 365 - 104 - 19 + 6
    for day, works in {
        date(2026, 2, 14): True,
        date(2026, 2, 16): False,
        date(2026, 2, 28): True,
        date(2026, 4, 6): False,
        date(2026, 9, 20): True,
        date(2026, 10, 8): True,
        date(2026, 10, 10): True,
        date(2026, 10, 11): False,
    }.items():
        assert days.is_working(day) is works, day


@pytest.mark.parametrize(
    ("begun", "count", "over", "plain"),
    [
        # Monday to Friday of the same week, whatever the hour; the day of the cause does not count.
        ("2026-11-23T00:00:00", 1, "2026-11-25T00:00:00", False),
        ("2026-11-23T23:59:59", 1, "2026-11-25T00:00:00", False),
        ("2026-11-20T10:00:00", 1, "2026-11-24T00:00:00", False),
        # The week of the Spring Festival, with the worked Saturdays before and after it.
        ("2026-02-13T10:00:00", 1, "2026-02-15T00:00:00", False),
        ("2026-02-14T10:00:00", 1, "2026-02-25T00:00:00", False),
        ("2026-02-24T10:00:00", 4, "2026-03-01T00:00:00", False),
        # Across the National Day: 30 September, then 8, 9 and Saturday the 10th are worked.
        ("2026-09-29T10:00:00", 4, "2026-10-11T00:00:00", False),
        # Into a year that nobody has announced: New Year's Day counts as the Friday that it is.
        ("2026-12-31T10:00:00", 1, "2027-01-02T00:00:00", True),
        ("2026-12-30T10:00:00", 1, "2027-01-01T00:00:00", False),
    ],
)
def test_a_term_ends_with_its_last_working_day(begun: str, count: int, over: str, plain: bool) -> None:
    term = load_working_days().term(at(begun), count)
    assert (term.due_at_ms, term.plain) == (at(over), plain)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("worked = [2026-01-04]", "worked = [2026-01-05]"),  # a Monday is worked anyway
        ("worked = [2026-01-04]", "worked = [2026-01-03]"),  # free and worked
        ("worked = [2026-01-04]", "worked = [2027-01-03]"),  # another year
        ("last = 2026-01-03", "last = 2025-12-31"),  # ends before it begins
        ("last = 2026-01-03", "last = 2026-02-15"),  # no holiday is that long
        ("first = 2026-04-04", "first = 2026-02-23"),  # a day that stands twice
        ("last = 2026-01-03", 'last = "2026-01-03"'),  # a text is no date
        ("version = 1", "version = 1\nnote = 1"),  # what nobody knows
        ('source = "https', 'source = "ftp'),
        ('zh = "元旦"', 'zh = "元旦"\n  en = "New Year"'),
    ],
)
def test_a_bad_file_does_not_load(tmp_path: Path, old: str, new: str) -> None:
    text = FILE.read_text("utf-8")
    assert old in text
    spoilt = tmp_path / "working_days.toml"
    spoilt.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ApiError) as caught:
        load_working_days(spoilt)
    assert caught.value.code == "catalogue.bad_file"


def test_a_year_that_stands_twice_does_not_load(tmp_path: Path) -> None:
    text = FILE.read_text("utf-8")
    spoilt = tmp_path / "working_days.toml"
    spoilt.write_text(text + text[text.index("[[year]]") :], "utf-8")
    with pytest.raises(ApiError) as caught:
        load_working_days(spoilt)
    assert caught.value.code == "catalogue.bad_file"
