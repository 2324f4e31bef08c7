"""Languages of the product: Chinese first, English complete.

Message ids are the English sentences. `zh_Hans` and `en` catalogues are read from their .po files when first
used; there is no compile step, so what stands in the file is what people see. Times are shown in China Standard
Time, exact to the minute. Texts of errors come from `errors/*.toml` by code.
"""

import functools
import io
import string
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Literal

from babel import Locale
from babel.dates import format_date as babel_date
from babel.dates import format_datetime as babel_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations

Lang = Literal["zh-Hans", "en"]
LANGUAGES: tuple[Lang, ...] = ("zh-Hans", "en")

_HERE = Path(__file__).parent
_FOLDER: Mapping[Lang, str] = {"zh-Hans": "zh_Hans", "en": "en"}
_KEY: Mapping[Lang, str] = {"zh-Hans": "zh", "en": "en"}
_LOCALE: Mapping[Lang, Locale] = {"zh-Hans": Locale("zh", script="Hans", territory="CN"), "en": Locale("en", "GB")}
_DATE: Mapping[Lang, str] = {"zh-Hans": "y年M月d日", "en": "d MMM y"}
_DATETIME: Mapping[Lang, str] = {"zh-Hans": "y年M月d日 HH:mm", "en": "d MMM y, HH:mm"}

# China has kept one zone without summer time since 1991; a fixed offset needs no tz database on the machine.
CHINA_STANDARD_TIME = timezone(timedelta(hours=8), "CST")


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for a marked, not yet translated message
    """Mark a message id for the catalogue without translating it here."""
    return message


def catalogue_path(lang: Lang) -> Path:
    """Where the .po file of a language stands."""
    return _HERE / _FOLDER[lang] / "LC_MESSAGES" / "messages.po"


@functools.cache
def translator(lang: Lang) -> Translations:
    """The catalogue of a language with `gettext`, `ngettext` and `pgettext`; fuzzy entries are refused."""
    with catalogue_path(lang).open("rb") as file:
        catalogue = read_po(file, locale=_FOLDER[lang], abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def format_date(value: date | int | str, lang: Lang) -> str:
    """A day: 2026年11月22日 or 22 Nov 2026. Takes a date, UTC milliseconds, or the canonical text `2026-11-22`.

    Text that is not a date (such as a certificate's "long-term") is shown as it stands.
    """
    if isinstance(value, str):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            return value
    elif isinstance(value, int):
        day = datetime.fromtimestamp(value / 1000, CHINA_STANDARD_TIME).date()
    else:
        day = value
    return babel_date(day, _DATE[lang], locale=_LOCALE[lang])


def format_datetime(at_ms: int, lang: Lang) -> str:
    """A moment in China Standard Time: 2026年11月22日 14:05 or 22 Nov 2026, 14:05. `at_ms` is UTC milliseconds."""
    moment = datetime.fromtimestamp(at_ms / 1000, CHINA_STANDARD_TIME)
    return babel_datetime(moment.replace(tzinfo=None), _DATETIME[lang], locale=_LOCALE[lang])


def format_time(at_ms: int, lang: Lang) -> str:
    """The time of day alone, 14:05, for lists that already stand under their date."""
    moment = datetime.fromtimestamp(at_ms / 1000, CHINA_STANDARD_TIME)
    return babel_datetime(moment.replace(tzinfo=None), "HH:mm", locale=_LOCALE[lang])


def format_number(value: float, lang: Lang, digits: int = 0) -> str:
    """A figure with thousands grouped and exactly `digits` decimals."""
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return format_decimal(value, format=pattern, locale=_LOCALE[lang])


def format_bytes(size: int, lang: Lang) -> str:
    """A file's size in binary steps, one decimal from KB on."""
    value, unit = float(size), "B"
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1024 or unit == "GB":
            break
        value /= 1024
    return f"{format_number(value, lang, 0 if unit == 'B' else 1)} {unit}"


class _Facts(dict[str, str]):
    """A placeholder whose fact is absent shows an ellipsis: a text with a gap serves a person better than a 500."""

    def __missing__(self, key: str) -> str:
        return "…"


@functools.cache
def error_texts() -> Mapping[str, Mapping[Lang, str]]:
    """All error texts by code. ValueError where a code stands twice, lacks a language or has an odd placeholder."""
    texts: dict[str, Mapping[Lang, str]] = {}
    for path in sorted((_HERE / "errors").glob("*.toml")):
        for code, entry in tomllib.loads(path.read_text("utf-8")).items():
            if code in texts:
                raise ValueError(f"{path.name}: {code} stands twice")
            if set(entry) != set(_KEY.values()) or not all(isinstance(text, str) for text in entry.values()):
                raise ValueError(f"{path.name}: {code} needs exactly the texts zh and en")
            for text in entry.values():
                _check_placeholders(path.name, code, text)
            texts[code] = {lang: entry[_KEY[lang]] for lang in LANGUAGES}
    return texts


def _check_placeholders(file: str, code: str, text: str) -> None:
    for _, field, spec, conversion in string.Formatter().parse(text):
        if field is not None and (not field.isidentifier() or spec or conversion):
            raise ValueError(f"{file}: {code} has a placeholder that is not a plain name")


def error_text(code: str, lang: Lang, facts: Mapping[str, str | int] | None = None) -> str:
    """What an error code says to a person, with its facts filled in.

    A code without a text still gets an answer that names the code; a test fails on any such code.
    """
    entry = error_texts().get(code)
    if entry is None:
        return translator(lang).gettext(N_("Something went wrong. Nothing was lost. Please quote the code below."))
    shown = {
        name: format_number(fact, lang) if isinstance(fact, int) and abs(fact) >= 10_000 else str(fact)
        for name, fact in (facts or {}).items()
    }
    return entry[lang].format_map(_Facts(shown))
