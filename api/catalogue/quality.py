"""Rules of data quality: what the check of a row may find, gathered under names with a definition and a severity."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path

from pydantic import Field as Member

from api.catalogue.model import TypeSchema
from api.catalogue.rules import Code, Strict, Text, Versioned, check_once, read_rules

FILE = Path(__file__).with_name("quality.toml")
BLANK = "quality.blank"
OTHERWISE = "structure"
"""The rule of what no rule names."""
ANY = "*"
"""Stands for the rows in which a rule found anything, whatever the field."""


class Severity(StrEnum):
    """What becomes of a row: left out, taken with a remark, taken."""

    BAD = "bad"
    WARN = "warn"
    GOOD = "good"


class _Rule(Strict):
    code: Code
    severity: str = Member(pattern="^(bad|warn|good)$")
    zh: Text
    en: Text
    reasons: list[str] = Member(min_length=1)


class _Type(Strict):
    code: str
    stale_field: str | None = None
    stale_years: int = Member(default=10, ge=1, le=100)
    recommended: list[str] = Member(default_factory=list)


class _File(Versioned):
    rule: list[_Rule] = Member(min_length=1)
    type: list[_Type] = Member(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its name, its severity, its definition in both languages, and the codes that it gathers."""

    code: str
    severity: Severity
    zh: str
    en: str
    reasons: frozenset[str]


@dataclass(frozen=True, slots=True)
class TypeRules:
    """What a type asks beyond the rules of all: a field whose date may not be older than so many years, and wishes."""

    stale_field: str | None = None
    stale_years: int = 0
    recommended: tuple[str, ...] = ()

    def stale_before(self, today: date) -> str | None:
        """The day (ISO) before which an issue is stale; None where the type has no such rule."""
        if self.stale_field is None:
            return None
        year = today.year - self.stale_years
        # On 29 February: the day before, in years that have none.
        return (date(year, 2, 28) if (today.month, today.day) == (2, 29) else today.replace(year=year)).isoformat()


@dataclass(frozen=True, slots=True)
class Quality:
    """All rules. `version` names the file's."""

    version: int
    rules: Mapping[str, Rule]
    types: Mapping[str, TypeRules]
    by_reason: Mapping[str, str]

    def of(self, schema: TypeSchema) -> TypeRules:
        """What a type asks beyond the rules of all."""
        return self.types.get(schema.code, NOTHING_MORE)


NOTHING_MORE = TypeRules()


@cache
def quality() -> Quality:
    """The rules. Raises ApiError `catalogue.bad_file`."""
    found = read_rules(FILE, _File)
    check_once(FILE, [rule.code for rule in found.rule])
    check_once(FILE, [reason for rule in found.rule for reason in rule.reasons])
    check_once(FILE, [one.code for one in found.type])
    rules = {
        rule.code: Rule(rule.code, Severity(rule.severity), rule.zh, rule.en, frozenset(rule.reasons))
        for rule in found.rule
    }
    types = {one.code: TypeRules(one.stale_field, one.stale_years, tuple(one.recommended)) for one in found.type}
    return Quality(found.version, rules, types, {reason: rule.code for rule in found.rule for reason in rule.reasons})
