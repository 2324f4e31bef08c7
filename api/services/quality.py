"""Data quality (数据质检): what the checks of returned rows found, by rule and field, by department, type and day.

Counted when rows are checked, in the same transaction, and never again: a report says what was found when the file
came. Nothing here is about a person; a finding is a rule, a field and a number of rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from api.catalogue.quality import ANY, Rule, Severity, quality
from api.errors import ApiError
from api.services.context import Actor, Context, Role
from api.services.days import city_day
from api.services.returns import get as get_return
from api.store import clock
from api.store.database import read_only
from api.store.queries import intake, parties
from api.store.queries.intake import CITY_MS, DAY_MS, Checked, Found

_YEARS = (2000, 2199)
DAYS_MAX = 400
DAYS_SHOWN = 30
WORST = 10
EPOCH = date(1970, 1, 1).toordinal()

DEFINITIONS: Mapping[str, tuple[str, str]] = {
    "passed": (
        "合格率：合格（含提醒）的行数 ÷ 合格与不合格的行数之和。已存在而重复的行不计，未能读取的文件不计。",
        (
            "Pass rate: rows taken (with or without a remark) ÷ rows taken and rows left out. Rows that were there "
            "already, and files that could not be read, do not count."
        ),
    ),
    "rule": (
        "每条规则：发现问题的行数 ÷ 读到的全部行数（含重复的行）。一行可能违反几条规则。",
        (
            "Each rule: rows in which it found something ÷ all rows that were read, repeats among them. A row may "
            "break several rules."
        ),
    ),
    "worst": (
        "问题最多的字段：因该字段不合格的行数，从多到少；一行同时违反该字段的几条规则时按规则各计一次。",
        (
            "Worst fields: rows left out because of the field, most first; a row that breaks several rules in one "
            "field counts once for each."
        ),
    ),
    "trend": (
        "趋势：按返还文件到达的日期（北京时间）逐日计算合格率。",
        "Trend: the pass rate by the day (China Standard Time) on which the files came.",
    ),
}
"""What the figures are, in Chinese and English; shown wherever they are."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`part` of `whole`."""

    part: int
    whole: int

    @property
    def per_mille(self) -> int | None:
        """Thousandths, rounded down; None of nothing."""
        return self.part * 1000 // self.whole if self.whole else None


@dataclass(frozen=True, slots=True)
class RuleFound:
    """A rule with the rows in which it found something, of all that were read."""

    rule: Rule
    found: Rate


@dataclass(frozen=True, slots=True)
class FieldFound:
    """A field of a type with the rows that were left out because of it."""

    type_code: str
    field: str
    rows: int


@dataclass(frozen=True, slots=True)
class Day:
    """What passed of a day's rows."""

    day: date
    passed: Rate


@dataclass(frozen=True, slots=True)
class Line:
    """A department's returns of one type."""

    party_id: str
    party_zh: str
    party_en: str
    type_code: str
    returns: int
    passed: Rate
    warned: int
    duplicate: int


@dataclass(frozen=True, slots=True)
class Report:
    """The quality of a period's returns, or of one: per department and type, per rule, by day, and the worst fields."""

    first: date | None
    last: date | None
    passed: Rate
    lines: Sequence[Line]
    rules: Sequence[RuleFound]
    worst: Sequence[FieldFound]
    trend: Sequence[Day]


def of_return(ctx: Context, actor: Actor, return_id: str) -> Report:
    """The report of one's own return. Raises `returns.not_found`."""
    item = get_return(ctx, actor, return_id)
    with read_only(ctx.db) as session:
        checked = intake.checked_rows(session, 0, item.created_at_ms + 1, item.party_id, return_id)
        found = intake.found_by_rule(session, 0, item.created_at_ms + 1, item.party_id, return_id)
    return _report(None, None, checked, found, {item.party_id: ("", "")})


def overview(ctx: Context, actor: Actor, first: date | None = None, last: date | None = None) -> Report:
    """A period's quality, by default of the last 30 days: a department's own, for a regulator everybody's.

    Both days belong to it, in the city's time. Raises `quality.period`.
    """
    own = None if actor.role is Role.REGULATOR else actor.party(Role.DEPARTMENT)
    with read_only(ctx.db) as session:
        last = last or city_day(clock.now_ms(session))
        if not _YEARS[0] <= last.year <= _YEARS[1]:  # before anything is taken off it, which the first year cannot bear
            raise ApiError("quality.period", days=DAYS_MAX)
        first = first or last - timedelta(days=DAYS_SHOWN - 1)
        if first.year < _YEARS[0] or not 0 <= (last - first).days < DAYS_MAX:
            raise ApiError("quality.period", days=DAYS_MAX)
        begins, ends = _starts_at(first), _starts_at(last + timedelta(days=1))
        checked = intake.checked_rows(session, begins, ends, own)
        found = intake.found_by_rule(session, begins, ends, own)
        names = {party.id: (party.name_zh, party.name_en) for party in parties.list_parties(session)}
    return _report(first, last, checked, found, names)


def _report(
    first: date | None,
    last: date | None,
    checked: Sequence[Checked],
    found: Sequence[Found],
    names: Mapping[str, tuple[str, str]],
) -> Report:
    rules = quality().rules
    whole = sum(one.rows for one in checked)
    by_rule: dict[str, int] = defaultdict(int)
    by_field: dict[tuple[str, str], int] = defaultdict(int)
    for one in found:
        if one.field == ANY:
            by_rule[one.rule] += one.rows
        elif one.field and one.rule in rules and rules[one.rule].severity is Severity.BAD:
            by_field[one.type_code, one.field] += one.rows
    worst = sorted(by_field.items(), key=lambda item: (-item[1], item[0]))[:WORST]
    return Report(
        first,
        last,
        _passed(checked),
        tuple(_lines(checked, names)),
        tuple(RuleFound(rule, Rate(by_rule[code], whole)) for code, rule in rules.items()),
        tuple(FieldFound(type_code, name, rows) for (type_code, name), rows in worst),
        tuple(_days(checked)),
    )


def _passed(checked: Iterable[Checked]) -> Rate:
    counted = [(one.rows - one.duplicate, one.bad) for one in checked]
    return Rate(sum(rows - bad for rows, bad in counted), sum(rows for rows, _ in counted))


def _lines(checked: Sequence[Checked], names: Mapping[str, tuple[str, str]]) -> Iterable[Line]:
    kept: dict[tuple[str, str], list[Checked]] = defaultdict(list)
    for one in checked:
        kept[one.party_id, one.type_code].append(one)
    for (party_id, type_code), parts in sorted(kept.items()):
        yield Line(
            party_id,
            *names[party_id],
            type_code,
            sum(one.returns for one in parts),
            _passed(parts),
            sum(one.warned for one in parts),
            sum(one.duplicate for one in parts),
        )


def _days(checked: Sequence[Checked]) -> Iterable[Day]:
    kept: dict[int, list[Checked]] = defaultdict(list)
    for one in checked:
        kept[one.day].append(one)
    for day, parts in sorted(kept.items()):
        yield Day(date.fromordinal(EPOCH + day), _passed(parts))


def _starts_at(day: date) -> int:
    return (day.toordinal() - EPOCH) * DAY_MS - CITY_MS
