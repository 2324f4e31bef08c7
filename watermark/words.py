"""Words of the command and of reports, Chinese and English, from `texts.toml` (errors, verdicts) and `words.toml`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal, TextIO

Lang = Literal["zh", "en"]
LANGUAGES: tuple[Lang, ...] = ("zh", "en")
TEXTS_FILE = Path(__file__).with_name("texts.toml")
WORDS_FILE = Path(__file__).with_name("words.toml")


@cache
def load_texts() -> Mapping[str, Mapping[Lang, str]]:
    """All texts by code: errors, verdicts, words of the command and of reports."""
    texts: dict[str, Mapping[Lang, str]] = tomllib.loads(TEXTS_FILE.read_text("utf-8"))
    return texts | tomllib.loads(WORDS_FILE.read_text("utf-8"))


def text(code: str, lang: Lang, facts: Mapping[str, str | int | float] | None = None) -> str:
    """The text of `code`, its facts filled in. A code without a text is shown itself, so that nothing goes unsaid."""
    entry = load_texts().get(code)
    return entry[lang].format_map(_Facts(facts or {})) if entry else code


def say(code: str, lang: Lang | None, facts: Mapping[str, str | int | float] | None = None, *, to: TextIO) -> None:
    """Print a text, in both languages if none was chosen."""
    for one in (lang,) if lang else LANGUAGES:
        tell(text(code, one, facts), to=to)


def tell(line: str, *, to: TextIO) -> None:
    """Print a line at once: whoever waits for hundreds of files wants to see them pass."""
    to.write(line + "\n")
    to.flush()


class _Facts(dict[str, str | int | float]):
    """A fact that is not there is shown as a question mark."""

    def __missing__(self, key: str) -> str:
        return "?"
