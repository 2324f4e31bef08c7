"""Words of a trace's report: its own from `trace_report.toml`, and those of the tracer (`watermark.words`)."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from watermark.words import Lang
from watermark.words import text as tracers_text

_FILE = Path(__file__).with_name("trace_report.toml")


@cache
def own_words() -> Mapping[str, Mapping[Lang, str]]:
    """The words that stand in the PDF alone, by code."""
    found: dict[str, Mapping[Lang, str]] = tomllib.loads(_FILE.read_text("utf-8"))
    return found


def report_text(code: str, lang: Lang, facts: Mapping[str, str | int | float] | None = None) -> str:
    """The words of `code`, its facts filled in."""
    own = own_words().get(code)
    return tracers_text(code, lang, facts) if own is None else own[lang].format_map(dict(facts or {}))
