"""The indicators of supervision: what each is called, what it means, and what counts it. Figures alone, no person.

The definitions here are what pages, exports and the interface show beside each figure; there are no others. A figure
without a denominator is a count. What cannot be divided (nothing happened) has no share, and is not called 0 or 100 %.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from api.documents.figures import figures_xlsx
from api.errors import ApiError
from api.locale import CHINA_STANDARD_TIME
from api.services.context import Actor, Context, Role
from api.services.days import city_day
from api.store import Session, clock, read_only
from api.store.queries import indicators as counts
from api.store.queries.indicators import Counted, Period

DAYS_SHOWN = 30
DAYS_MAX = 3660
SCHEMA = "mydata/indicators/1"


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator: its names and definition in both languages, and what counts numerator and denominator."""

    code: str
    zh: str
    en: str
    definition_zh: str
    definition_en: str
    count: Callable[[Session, Period], Counted]


INDICATORS: Sequence[Indicator] = (
    Indicator(
        "quality",
        "数据质检合格率",
        "Data quality pass rate",
        "分子：期内提交、已检查完的返还文件中合格（含提醒）的行数。分母：合格与不合格的行数之和；已存在而重复的行不计，未能读取的文件不计。",
        "Numerator: rows taken (with or without a remark) of files returned in the period and checked. Denominator: "
        "rows taken and rows left out; rows that were there already, and files that could not be read, do not count.",
        counts.rows_that_passed,
    ),
    Indicator(
        "issuance",
        "电子证照规范制发率",
        "Certificates issued in order",
        "分子：期内开始制发、至期末已盖齐所需电子印章且其存证已上链的证照数。分母：期内开始制发的证照数；持有人首次取用盖章文件即开始制发，"
        "等待或未完成联合签章的计入，已由后一次制发更替的不计。",
        "Numerator: certificates whose issue as a sealed file began in the period, that bore every seal they need by "
        "its end, and whose record stands on the chain. Denominator: all whose issue began in the period, which it "
        "does when their holder saves the sealed file for the first time; those that wait for a joint seal, or were "
        "refused one, count, those that a later issue took the place of do not.",
        counts.certificates_in_order,
    ),
    Indicator(
        "form_fields",
        "表单字段共享率",
        "Form fields shared",
        "分子：期内办结的授权申请中持有人同意提供的字段数。分母：这些申请所需的字段数（已按用途删减）。办结指同意、拒绝或过期；依法查询不计。",
        "Numerator: fields that holders agreed to give in requests that ended in the period. Denominator: fields that "
        "these requests asked for, after they were cut to their purpose. Ended: agreed, declined or lapsed; queries by "
        "duty do not count.",
        counts.fields_shared,
    ),
    Indicator(
        "replacement",
        "电子证照替代率",
        "Paper replaced by e-certificates",
        "分子：期内办结的授权申请中，已实际取到数据的证照种类数。分母：这些申请所需的证照种类数。同一申请中同一种类只计一次。",
        "Numerator: kinds of certificate of which data were in fact delivered, in requests that ended in the period. "
        "Denominator: kinds of certificate that these requests asked for; each kind once a request.",
        counts.papers_replaced,
    ),
    Indicator(
        "refusals",
        "取用拒绝率",
        "Pulls refused",
        "分子：期内被拒绝的取用次数，重复的拒绝逐次计算。分母：期内被拒绝与已交付的次数之和。",
        "Numerator: pulls refused in the period, repeats counted each. Denominator: pulls refused and deliveries.",
        counts.refusals,
    ),
    Indicator(
        "overdue_deletions",
        "逾期未销毁副本",
        "Deletions overdue",
        "分子：期末处于逾期或已上报状态的副本数。分母：截至期末曾被要求销毁的副本数。",
        "Numerator: copies that stood overdue or reported at the period's end. Denominator: copies that were ordered "
        "to be deleted at any time up to then.",
        counts.deletions_overdue,
    ),
    Indicator(
        "asks_in_time",
        "供需对接按时答复率",
        "Asks for data answered in time",
        "分子：按期得到答复的需求数（目录即时对接、即时答复不予共享的也计入）。分母：期内得到答复或期限届满的需求数；每件只计一次，以首次未守的期限"
        "为准，此后的答复不再改变；到期前撤回的不计。期限为一个工作日，首次转办重新起算一次。",
        "Numerator: asks answered by their date, those that the catalogue answered at once among them. Denominator: "
        "asks that were answered, or whose date passed, within the period; each once, by the first date that nobody "
        "kept, whatever is answered later; those taken back before their date do not count. The term is one working "
        "day and begins anew once, when an ask is first handed on.",
        counts.asks_in_time,
    ),
    Indicator(
        "open_disputes",
        "未结异议",
        "Open disputes",
        "期末尚未办结的异议数；期内及此前提出的都计算。",
        "Disputes that had not ended at the period's end, whenever they were opened.",
        counts.disputes_open,
    ),
)
"""In the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Figure:
    """An indicator with what it came to."""

    indicator: Indicator
    numerator: int
    denominator: int | None

    @property
    def share(self) -> float | None:
        """Numerator over denominator; None for a count, and where the denominator is nothing."""
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a period, both days inclusive, and when they were counted."""

    first: date
    last: date
    at_ms: int
    figures: Sequence[Figure]


def read(ctx: Context, actor: Actor, first: date | None = None, last: date | None = None) -> Figures:
    """The figures from one day to another, both inclusive, in the city's time; by default the last thirty days.

    For regulators and auditors. Raises `indicators.period`.
    """
    actor.party(Role.REGULATOR, Role.AUDITOR)
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
        last = last or city_day(now)
        first = first or last - timedelta(days=DAYS_SHOWN - 1)
        period = period_of(first, last, DAYS_MAX)
        counted = [(one, one.count(session, period)) for one in INDICATORS]
    return Figures(first, last, now, [Figure(one, got.numerator, got.denominator) for one, got in counted])


def as_json(found: Figures) -> dict[str, Any]:
    """The figures with their definitions, as JSON."""
    return {
        "schema": SCHEMA,
        "from": found.first.isoformat(),
        "until": found.last.isoformat(),
        "items": [
            {
                "code": one.indicator.code,
                "zh": one.indicator.zh,
                "en": one.indicator.en,
                "definition": {"zh": one.indicator.definition_zh, "en": one.indicator.definition_en},
                "numerator": one.numerator,
                "denominator": one.denominator,
                "share": None if one.share is None else round(one.share, 6),
            }
            for one in found.figures
        ],
    }


COLUMNS = ("code", "zh", "en", "from", "until", "numerator", "denominator", "share", "definition_zh", "definition_en")


def rows(found: Figures) -> list[list[str]]:
    """One line an indicator, in the order of `COLUMNS`."""
    return [
        [
            one.indicator.code,
            one.indicator.zh,
            one.indicator.en,
            found.first.isoformat(),
            found.last.isoformat(),
            str(one.numerator),
            "" if one.denominator is None else str(one.denominator),
            "" if one.share is None else f"{one.share:.6f}",
            one.indicator.definition_zh,
            one.indicator.definition_en,
        ]
        for one in found.figures
    ]


def as_csv(found: Figures) -> bytes:
    """CSV with the mark that makes spreadsheet programs read UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows(found))
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def as_xlsx(found: Figures) -> bytes:
    """A workbook of one sheet."""
    return figures_xlsx(COLUMNS, rows(found))


def period_of(first: date, last: date, days: int) -> Period:
    """From the first midnight to the one after the last day, in the city. Raises `indicators.period`."""
    if not 0 <= (last - first).days < days:
        raise ApiError("indicators.period", days=days)
    try:
        return Period(_midnight(first), _midnight(last + timedelta(days=1)))
    except (OverflowError, ValueError):
        raise ApiError("indicators.period", days=days) from None


def _midnight(day: date) -> int:
    return round(datetime.combine(day, time(), CHINA_STANDARD_TIME).timestamp() * 1000)
