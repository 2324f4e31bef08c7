"""Thresholds of the watch over the use of data by consent, from `watch.toml`."""

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("watch.toml")


@dataclass(frozen=True, slots=True)
class Burst:
    """So many pulls within so many minutes."""

    pulls: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Hours:
    """So many pulls in one night, between these hours of the city's day."""

    from_hour: int
    until_hour: int
    pulls: int


@dataclass(frozen=True, slots=True)
class Drift:
    """So many requests of a day under a new purpose, of somebody who made `known_requests` in `known_days` before."""

    requests: int
    known_days: int
    known_requests: int


@dataclass(frozen=True, slots=True)
class Enumeration:
    """So many requests of a day to numbers that nobody has, and at least such a share of all."""

    unknown: int
    percent: int


@dataclass(frozen=True, slots=True)
class SameCase:
    """So many holders who were asked under one case number within so many days."""

    holders: int
    days: int


@dataclass(frozen=True, slots=True)
class WatchRules:
    """All thresholds."""

    burst: Burst
    hours: Hours
    drift: Drift
    enumeration: Enumeration
    case: SameCase


@functools.cache
def watch_rules() -> WatchRules:
    """The thresholds of the file; a missing or unknown name in it raises TypeError when the process starts."""
    told = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return WatchRules(
        burst=Burst(**told.pop("burst")),
        hours=Hours(**told.pop("hours")),
        drift=Drift(**told.pop("drift")),
        enumeration=Enumeration(**told.pop("enumeration")),
        case=SameCase(**told.pop("case")),
        **told,
    )
