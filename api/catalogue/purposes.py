"""Why data may be asked for: purposes with their fair use, scenario packs under them, and bases of statutory duty."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from api.catalogue.fields import HolderKind
from api.locale import Lang


@dataclass(frozen=True, slots=True)
class Allowance:
    """A field that a purpose may ask for. `necessary`: without it the service can't be given."""

    type_code: str
    field: str
    necessary: bool


@dataclass(frozen=True, slots=True)
class FairUse:
    """The most that one purpose may do with one data type under one grant.

    `pulls_per_day` and `pulls_per_month` (any 30 days) bound the frequency; `max_days` the grant's expiry and
    `data_life_days` the life of copies, both in days; `range_days` the data's range: only certificates whose day of
    issue lies at most so many days back, None for any.
    """

    pulls_per_day: int
    pulls_per_month: int
    max_days: int
    data_life_days: int
    range_days: int | None = None

    def strictest(self, other: "FairUse") -> "FairUse":
        """The tighter of both in each respect: what holds where one pull spans several types."""
        ranges = [days for days in (self.range_days, other.range_days) if days is not None]
        return FairUse(
            pulls_per_day=min(self.pulls_per_day, other.pulls_per_day),
            pulls_per_month=min(self.pulls_per_month, other.pulls_per_month),
            max_days=min(self.max_days, other.max_days),
            data_life_days=min(self.data_life_days, other.data_life_days),
            range_days=min(ranges) if ranges else None,
        )


@dataclass(frozen=True, slots=True)
class Purpose:
    """A registered purpose: what may be asked for, how long, how often, how long copies may be kept.

    `text_zh`/`text_en` say it to the citizen in plain words. `fair_use` holds the caps of each type from which the
    purpose may ask; `max_days`, `max_uses` and `data_life_days` are the purpose's own, none of which they exceed.
    """

    code: str
    version: int
    zh: str
    en: str
    text_zh: str
    text_en: str
    holder_kinds: frozenset[HolderKind]
    case_required: bool
    max_days: int
    max_uses: int
    data_life_days: int
    allowances: tuple[Allowance, ...]
    fair_use: Mapping[str, FairUse] = field(default_factory=dict)
    _by_item: Mapping[tuple[str, str], Allowance] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_item", {(a.type_code, a.field): a for a in self.allowances})

    def allowance(self, type_code: str, field_name: str) -> Allowance | None:
        """What the purpose allows of that field, or None where it may not be asked for."""
        return self._by_item.get((type_code, field_name))

    def fair_use_of(self, type_codes: Iterable[str] = ()) -> FairUse:
        """The strictest caps over `type_codes`; over every type of the purpose where none is named.

        A type without caps of its own is bound by the purpose's alone, with one pull a day for each use.
        """
        own = FairUse(self.max_uses, self.max_uses, self.max_days, self.data_life_days)
        for code in tuple(type_codes) or self.types:
            own = own.strictest(self.fair_use.get(code, own))
        return own

    @property
    def types(self) -> tuple[str, ...]:
        """Codes of the types from which it may ask, in order of first mention."""
        return tuple(dict.fromkeys(a.type_code for a in self.allowances))

    def fields_of(self, type_code: str) -> tuple[Allowance, ...]:
        """What it may ask from one type; empty where nothing."""
        return tuple(a for a in self.allowances if a.type_code == type_code)

    def label(self, lang: Lang = "zh-Hans") -> str:
        """The purpose's name for people."""
        return self.zh if lang != "en" else self.en

    def text(self, lang: Lang = "zh-Hans") -> str:
        """The purpose in plain words, for the consent screen."""
        return self.text_zh if lang != "en" else self.text_en


@dataclass(frozen=True, slots=True)
class ScenarioPack:
    """A ready-made ask under one purpose: items with necessary/optional, days and uses. A subset of what that allows.

    `place` = (domain, field) of the plan's scenario that it serves.
    """

    code: str
    zh: str
    en: str
    purpose: str
    place: tuple[str, str]
    days: int
    uses: int
    items: tuple[Allowance, ...]

    def label(self, lang: Lang = "zh-Hans") -> str:
        """The pack's name for people."""
        return self.zh if lang != "en" else self.en


@dataclass(frozen=True, slots=True)
class StatutoryBasis:
    """A duty by law under which a department or court reads data without consent.

    `law_zh`/`law_en` cite the law; `text_zh`/`text_en` tell the person concerned in plain words who reads what and why.
    `case_pattern` is a regular expression that the whole case number matches; `case_example` one that does.
    `quota_per_day` bounds an organisation's reads in a day, `quota_per_case` the different holders read under one case
    number; `alarm_misses` is how many look-ups of numbers that nobody holds raise the alarm of enumeration in a day.
    A log line of such a read may stay hidden from the person for at most `max_delay_days` (0: never hidden).
    """

    code: str
    version: int
    zh: str
    en: str
    text_zh: str
    text_en: str
    law_zh: str
    law_en: str
    holder_kinds: frozenset[HolderKind]
    case_pattern: str
    case_example: str
    quota_per_day: int
    quota_per_case: int
    alarm_misses: int
    max_delay_days: int
    data_life_days: int
    allowances: tuple[Allowance, ...]

    def case_fits(self, case_no: str) -> bool:
        """Whether a case number has the form that the basis demands.

        Digits are those of ASCII: in another script's the same case would count as another one against its quota.
        """
        return re.fullmatch(self.case_pattern, case_no, re.ASCII) is not None

    def allowance(self, type_code: str, field_name: str) -> Allowance | None:
        """What the basis allows of that field, or None where it may not be read."""
        return next((a for a in self.allowances if (a.type_code, a.field) == (type_code, field_name)), None)

    @property
    def types(self) -> tuple[str, ...]:
        """Codes of the types that it may read, in order of first mention."""
        return tuple(dict.fromkeys(a.type_code for a in self.allowances))

    def fields_of(self, type_code: str) -> tuple[Allowance, ...]:
        """What it may read of one type; empty where nothing."""
        return tuple(a for a in self.allowances if a.type_code == type_code)

    def label(self, lang: Lang = "zh-Hans") -> str:
        """The basis's name for people."""
        return self.zh if lang != "en" else self.en

    def text(self, lang: Lang = "zh-Hans") -> str:
        """The basis in plain words, for the person concerned."""
        return self.text_zh if lang != "en" else self.text_en

    def law(self, lang: Lang = "zh-Hans") -> str:
        """The law it rests on, as it is cited."""
        return self.law_zh if lang != "en" else self.law_en
