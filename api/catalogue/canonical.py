"""Canonical forms of field values. Commitments are made over these, so two spellings of one value must meet here.

Every function takes the field's name for the error's facts and never puts the value into an error. All start from
`_clean`: NFC, no blanks at the ends, no control, private-use or invisible characters.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from api.catalogue.identifiers import (
    DEMO_REGION,
    id_check_character,
    is_uscc_shape,
    known_region,
    uscc_check_character,
)
from api.errors import ApiError

OPEN_END = "9999-12-31"
"""Canonical form of 长期 in a date field that allows it: still a date, so validity needs no special case."""

EARLIEST_DATE = "1900-01-01"
LATEST_DATE = "2199-12-31"

Canonicaliser = Callable[[str, bool], str]
"""(raw text, whether demo numbers are accepted) -> canonical text; raises ApiError `catalogue.…`."""

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20, 0xA0: 0x20}
_BLANKS = {0x3000: 0x20, 0xA0: 0x20}
_BRACKETS = str.maketrans("()", "（）")
_DASH_BETWEEN_DIGITS = re.compile(r"(?<=\d)\s*[‐‑‒–—―－−]\s*(?=\d)")
_DIGIT_SEPARATORS = str.maketrans("", "", " -")
_DATE = re.compile(
    r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2})|年(\d{1,2})月(\d{1,2})日)", re.ASCII
)
# A day as spreadsheets keep it inside, counted from 1900 or 1904: 1927 to 2100.
_SERIAL = re.compile(r"(?:[1-6]\d{4}|7[0-3]\d{3})(?:\.0+)?", re.ASCII)
_SCIENTIFIC = re.compile(r"\d(\.\d+)?E\+\d+|\d{15,18}\.0+", re.ASCII)
_NAME = re.compile(r"[^\W\d_]+(?:(?:\. ?|[·\-' （])[^\W\d_]+）?)*\.?")
_INTEGER = re.compile(r"-?\d+", re.ASCII)
_DECIMAL = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_MAX_DIGITS = 20
_OPEN_ENDED = frozenset({"长期", "长期有效", "long-term", OPEN_END})


@dataclass(frozen=True, slots=True)
class Limits:
    """What a field allows beyond its kind. Lengths are in characters; `minimum` and `maximum` are for numbers."""

    min_length: int = 1
    max_length: int = 200
    pattern: str | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    decimals: int = 2
    open_ended: bool = False


def _clean(name: str, raw: str) -> str:
    text = raw.strip()
    if text.isascii():
        if text.isprintable():
            return text
        raise ApiError("catalogue.bad_characters", field=name)
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    if not text.isprintable():
        text = text.translate(_BLANKS)
        if not text.isprintable():
            raise ApiError("catalogue.bad_characters", field=name)
    return text


def header_key(text: str) -> str:
    """A column header as it is compared: NFC, half-width, lower case, no blanks."""
    return "".join(unicodedata.normalize("NFC", text).translate(_FULL_WIDTH).casefold().split())


def _narrow(name: str, raw: str) -> str:
    text = _clean(name, raw)
    return text if text.isascii() else text.translate(_FULL_WIDTH).strip()


def _length(name: str, text: str, limits: Limits) -> str:
    if len(text) > limits.max_length:
        raise ApiError("catalogue.too_long", field=name, limit=limits.max_length)
    if len(text) < limits.min_length:
        raise ApiError("catalogue.too_short", field=name, limit=limits.min_length)
    return text


def text_form(name: str, limits: Limits) -> Canonicaliser:
    """Free text, organisations, addresses: full-width brackets, one ASCII hyphen for any dash between digits."""
    pattern = re.compile(limits.pattern) if limits.pattern else None

    def canonical(raw: str, _demo: bool) -> str:
        text = _clean(name, raw)
        if not text.isascii():
            text = _DASH_BETWEEN_DIGITS.sub("-", text.translate(_BRACKETS))
        if pattern is not None and pattern.fullmatch(text) is None:
            raise ApiError("catalogue.bad_pattern", field=name)
        return _length(name, text, limits)

    return canonical


def name_form(name: str, limits: Limits) -> Canonicaliser:
    """A person's name: letters of any script, with middle dot, hyphen, full stop, apostrophe or blank between parts."""

    def canonical(raw: str, _demo: bool) -> str:
        text = _length(name, _clean(name, raw), limits)
        if text.isalpha():
            return text
        text = text.translate({0x2022: 0xB7, 0x30FB: 0xB7, 0x2027: 0xB7})  # the dots that keyboards offer for ·
        if _NAME.fullmatch(text) is None:
            raise ApiError("catalogue.bad_name", field=name)
        return text

    return canonical


def serial_form(name: str, limits: Limits) -> Canonicaliser:
    """Numbers and codes: half-width, upper case, no blanks."""
    pattern = re.compile(limits.pattern) if limits.pattern else None

    def canonical(raw: str, _demo: bool) -> str:
        text = _narrow(name, raw).upper().replace(" ", "")
        if _SCIENTIFIC.fullmatch(text):
            raise ApiError("catalogue.rewritten_number", field=name)
        _length(name, text, limits)
        if pattern is not None and pattern.fullmatch(text) is None:
            raise ApiError("catalogue.bad_pattern", field=name)
        return text

    return canonical


def date_form(name: str, limits: Limits) -> Canonicaliser:
    """A day as 2026-11-22, 2026/11/22, 2026.11.22, 2026年11月22日 or 20261122, to ISO 8601; 长期 where allowed."""

    def canonical(raw: str, _demo: bool) -> str:
        text = _narrow(name, raw)
        if limits.open_ended and text in _OPEN_ENDED:
            return OPEN_END
        iso = _iso_date(text)
        if iso is None:
            spreadsheets = _SERIAL.fullmatch(text) is not None
            raise ApiError("catalogue.date_serial" if spreadsheets else "catalogue.bad_date", field=name)
        if not EARLIEST_DATE <= iso <= LATEST_DATE:
            raise ApiError("catalogue.date_out_of_range", field=name, limit=EARLIEST_DATE)
        return iso

    return canonical


def _iso_date(text: str) -> str | None:
    if len(text) == 10 and text[4] == "-" == text[7]:
        iso = text
    elif len(text) == 8 and text.isascii() and text.isdigit():
        iso = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    else:
        match = _DATE.fullmatch(text)
        if match is None:
            return None
        year, month, day = (part for part in match.groups() if part is not None)
        iso = f"{year}-{month:0>2}-{day:0>2}"
    try:
        return date.fromisoformat(iso).isoformat()
    except ValueError:
        return None


def id_number_form(name: str, _limits: Limits) -> Canonicaliser:
    """An 18-character resident identity number (GB 11643) with its check character, birth date and region."""

    def canonical(raw: str, demo: bool) -> str:
        text = _narrow(name, raw).replace(" ", "").upper()
        first17 = text[:17]
        if len(text) != 18:
            rewritten = _SCIENTIFIC.fullmatch(text) is not None
            raise ApiError("catalogue.rewritten_number" if rewritten else "catalogue.id_length", field=name, limit=18)
        if not (first17.isascii() and first17.isdigit()) or text[17] not in "0123456789X":
            raise ApiError("catalogue.id_characters", field=name)
        if id_check_character(first17) != text[17]:
            raise ApiError("catalogue.id_check_digit", field=name)
        _check_birth(name, text)
        region = text[:6]
        if region == DEMO_REGION:
            if not demo:
                raise ApiError("catalogue.demo_number", field=name)
        elif not known_region(region, int(text[6:10])):
            raise ApiError("catalogue.id_region", field=name)
        return text

    return canonical


def _check_birth(name: str, number: str) -> None:
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise ApiError("catalogue.id_birth_date", field=name) from None


def uscc_form(name: str, _limits: Limits) -> Canonicaliser:
    """A unified social credit code (GB 32100) with its check character."""

    def canonical(raw: str, demo: bool) -> str:
        text = _narrow(name, raw).upper().translate(_DIGIT_SEPARATORS)
        if len(text) != 18:
            rewritten = _SCIENTIFIC.fullmatch(text) is not None
            raise ApiError("catalogue.rewritten_number" if rewritten else "catalogue.uscc_length", field=name, limit=18)
        if not is_uscc_shape(text):
            raise ApiError("catalogue.uscc_characters", field=name)
        if uscc_check_character(text[:17]) != text[17]:
            raise ApiError("catalogue.uscc_check_digit", field=name)
        if text[2:8] == DEMO_REGION and not demo:
            raise ApiError("catalogue.demo_number", field=name)
        return text

    return canonical


def enum_form(name: str, choices: dict[str, str]) -> Canonicaliser:
    """One of a closed list; `choices` maps every accepted spelling (code, labels, other names) to the code."""

    def canonical(raw: str, _demo: bool) -> str:
        found = choices.get(raw)
        if found is None:
            text = _narrow(name, raw)
            found = choices.get(text) or choices.get(text.casefold())
        if found is None:
            raise ApiError("catalogue.not_a_choice", field=name)
        return found

    return canonical


def amount_form(name: str, limits: Limits) -> Canonicaliser:
    """A decimal number with a fixed count of decimals, without thousands separators or currency sign."""
    quantum = Decimal(1).scaleb(-limits.decimals)

    def canonical(raw: str, _demo: bool) -> str:
        text = _narrow(name, raw).replace(",", "").lstrip("¥").strip()
        if len(text) > _MAX_DIGITS or _DECIMAL.fullmatch(text) is None:
            raise ApiError("catalogue.bad_amount", field=name)
        value = Decimal(text)
        rounded = value.quantize(quantum)
        if rounded != value:
            raise ApiError("catalogue.too_many_decimals", field=name, limit=limits.decimals)
        _range(name, rounded, limits)
        return f"{abs(rounded) if rounded == 0 else rounded:f}"

    return canonical


def integer_form(name: str, limits: Limits) -> Canonicaliser:
    """A whole number, without leading zeros."""

    def canonical(raw: str, _demo: bool) -> str:
        text = _narrow(name, raw).replace(",", "")
        if len(text) > _MAX_DIGITS or _INTEGER.fullmatch(text) is None:
            raise ApiError("catalogue.bad_integer", field=name)
        value = int(text)
        _range(name, Decimal(value), limits)
        return str(value)

    return canonical


def _range(name: str, value: Decimal, limits: Limits) -> None:
    if limits.minimum is not None and value < limits.minimum:
        raise ApiError("catalogue.too_small", field=name, limit=str(limits.minimum))
    if limits.maximum is not None and value > limits.maximum:
        raise ApiError("catalogue.too_large", field=name, limit=str(limits.maximum))
