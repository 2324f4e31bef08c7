"""The verifier's words, Chinese and English, from `texts.toml`."""

import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Literal

Lang = Literal["zh", "en"]
LANGUAGES: tuple[Lang, ...] = ("zh", "en")
TEXTS_FILE = Path(__file__).with_name("texts.toml")

# Beijing time, which has had no other offset since 1992; the reader is told which clock is meant.
_CHINA = timezone(timedelta(hours=8))


@cache
def load_texts() -> Mapping[str, Mapping[str, Mapping[Lang, str]]]:
    """All texts by section (`steps`, `findings`, `notes`, `errors`, `aspects`, `states`, `whole`, `labels`) and key."""
    sections: Mapping[str, Mapping[str, Mapping[Lang, str]]] = tomllib.loads(TEXTS_FILE.read_text("utf-8"))
    return sections


def time_text(time_s: int) -> str:
    """A time in seconds since 1970 as people read it, in China's time zone."""
    return datetime.fromtimestamp(time_s, _CHINA).strftime("%Y-%m-%d %H:%M:%S UTC+8")


def text(section: str, key: str, lang: Lang, facts: Mapping[str, str | int] | None = None) -> str:
    """The text of `key` with its facts filled in; a fact called `time` is written as a time.

    A key without a text is shown itself, so that a verdict is never lost for want of words; a test finds such keys.
    """
    entry = load_texts()[section].get(key)
    if entry is None:
        return key
    shown = {
        name: time_text(fact) if name == "time" and isinstance(fact, int) else str(fact)
        for name, fact in (facts or {}).items()
    }
    return entry[lang].format_map(_Facts(shown))


class _Facts(dict[str, str]):
    """A fact that is not there (a block that could not be had) is shown as a question mark."""

    def __missing__(self, key: str) -> str:
        return "?"
