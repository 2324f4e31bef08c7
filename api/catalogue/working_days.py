"""Working days in China: `working_days.toml`, read strictly, once a process; and terms that are counted in them.

A term begins on the day after the one on which its cause happened and ends with its last working day (Civil Code,
articles 201 and 203), by the city's clock. A year without an announcement is reckoned with plain weekdays; a term that
rests on one says so, since the announcement may move it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

from pydantic import Field

from api.catalogue.rules import Strict, Text, Versioned, read_rules
from api.errors import ApiError, Kind
from api.locale import CHINA_STANDARD_TIME

_FILE = Path(__file__).parent / "working_days.toml"
_DAY = timedelta(days=1)
_SATURDAY = 5
TERM_MAX = 250


@dataclass(frozen=True, slots=True)
class Term:
    """By when something is due: UTC milliseconds at which its last day is over.

    `plain`: some day of it lies in a year without an announcement, so that it was reckoned with plain weekdays.
    """

    due_at_ms: int
    plain: bool


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """Free weekdays and worked weekends of the years that were announced."""

    version: int
    years: frozenset[int]
    free: frozenset[date]
    worked: frozenset[date]
    sources: Mapping[int, str]

    def is_working(self, day: date) -> bool:
        """Whether offices work on a day."""
        if day in self.worked:
            return True
        return day not in self.free and day.weekday() < _SATURDAY

    def term(self, from_ms: int, days: int) -> Term:
        """The end of a term of so many working days (1 to 250) whose cause happened at `from_ms`."""
        if not 1 <= days <= TERM_MAX:
            raise ValueError(f"a term has 1 to {TERM_MAX} working days")
        day = datetime.fromtimestamp(from_ms / 1000, CHINA_STANDARD_TIME).date()
        plain = False
        while days:
            day += _DAY
            plain = plain or day.year not in self.years
            days -= self.is_working(day)
        over = datetime.combine(day + _DAY, datetime.min.time(), CHINA_STANDARD_TIME)
        return Term(int(over.timestamp()) * 1000, plain)


class _Holiday(Strict):
    zh: Text
    first: date
    last: date
    worked: list[date]


class _Year(Strict):
    year: int = Field(ge=2020, le=2100)
    zh: Text
    en: Text
    source: str = Field(pattern=r"^https://[^\s]{4,200}$")
    holidays: list[_Holiday] = Field(min_length=5, max_length=12, alias="holiday")


class _File(Versioned):
    years: list[_Year] = Field(min_length=1, alias="year")


@cache
def load_working_days(path: Path = _FILE) -> WorkingDays:
    """The file's content.

    Raises ApiError `catalogue.bad_file` where it is malformed, a year or day stands twice, a day lies in another year,
    a holiday ends before it begins or is longer than two weeks, a worked day is no weekend day or is free as well.
    """
    file = read_rules(path, _File)
    free: set[date] = set()
    worked: set[date] = set()
    for year in file.years:
        if sum(one.year == year.year for one in file.years) > 1:
            raise _bad(path, f"{year.year} stands twice")
        for one in year.holidays:
            days = [one.first + at * _DAY for at in range((one.last - one.first).days + 1)]
            if not 1 <= len(days) <= 14:
                raise _bad(path, f"{one.first} to {one.last} is no holiday")
            for day in (*days, *one.worked):
                if day.year != year.year:
                    raise _bad(path, f"{day} is not in {year.year}")
            if free.intersection(days) or worked.intersection(one.worked):
                raise _bad(path, f"a day near {one.first} stands twice")
            free.update(days)
            worked.update(one.worked)
    wrong = next((day for day in sorted(worked) if day in free or day.weekday() < _SATURDAY), None)
    if wrong is not None:
        raise _bad(path, f"{wrong} is worked anyway, or free")
    years = {one.year: one.source for one in file.years}
    return WorkingDays(file.version, frozenset(years), frozenset(free), frozenset(worked), years)


def _bad(path: Path, problem: str) -> ApiError:
    return ApiError("catalogue.bad_file", Kind.INTERNAL, file=path.name, where="", problem=problem)
