"""Thresholds of the registers of case numbers, from `case_register.toml`."""

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("case_register.toml")


@dataclass(frozen=True, slots=True)
class CaseRules:
    """`unknown`, `unknown_late`: so many strange numbers in a day stop the queries, the second if the register is late.

    `late_days`: so long after the last delivery it is late. `separation_days`: so long an account that queried brings
    no numbers, and one that brought them does not query. `max_entries`: numbers in one delivery.
    """

    late_days: int
    unknown: int
    unknown_late: int
    separation_days: int
    max_entries: int


@functools.cache
def case_rules() -> CaseRules:
    """The thresholds of the file; a missing or unknown name in it raises TypeError when the process starts."""
    return CaseRules(**tomllib.loads(FILE.read_text(encoding="utf-8")))
