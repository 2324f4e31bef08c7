"""Cell values as the tracer compares them: one normal form whatever tool wrote them, and how telling a value is."""

import re
import unicodedata
from collections.abc import Iterable
from enum import IntEnum
from itertools import combinations

from watermark.keys import EpochKey

MAX_INDEXED_PAIR_VALUES = 4
"""Of a row's medium values, those with the smallest tags are indexed in pairs: at most 6 tags a row."""
MAX_LOOKED_UP_PAIR_VALUES = 12

_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[t ]?00:00(?::00(?:\.0+)?)?(?:z|\+00:00)?)?")
_MONTH = re.compile(r"(?:19|20)\d{2}[-/.年]?(?:0?[1-9]|1[0-2])月?")
_COMPACT_DATE = re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_DATETIME = re.compile(r"\d{4}-\d{1,2}-\d{1,2}t?\d{1,2}:\d{2}.*")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_CODE = re.compile(r"[0-9a-z\-_/.()#:]+")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff\u00ad]")
_CJK = re.compile("[\u3400-\u9fff]")
_DIGIT = re.compile(r"\d")
_SPACE = re.compile(r"\s+")
# Names of bodies stand in thousands of records: they say nothing about which one a leak holds.
_BODY = re.compile("(?:局|厅|委|委员会|中心|部|院|校|大学|公司|政府|所|处|站|银行|分行|支行|厂|社|协会|大队|支队)$")


class Weight(IntEnum):
    """How telling a value is on its own."""

    COMMON = 0
    MEDIUM = 1
    IDENTIFIER = 2


def normalise(value: str) -> str:
    """The form in which values are compared: NFKC, lower case, no white space, plain dates and numbers."""
    text = value if value.isascii() else _INVISIBLE.sub("", unicodedata.normalize("NFKC", value))
    text = text.strip().lstrip("'").lower()
    if not text or (text[0] not in "0123456789-+" and not any(c.isspace() for c in text)):
        return text
    found = _DATE.fullmatch(text)
    if found:
        return f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}"
    text = _SPACE.sub("", text)
    plain = text.replace(",", "") if re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", text) else text
    if _NUMBER.fullmatch(plain):
        sign = "-" if plain[0] == "-" else ""
        whole, dot, part = plain.lstrip("-+").partition(".")
        part = part.rstrip("0")
        # A leading zero belongs to a code, not to a number.
        return sign + whole + (dot + part if part else "")
    return text


def weigh(value: str) -> Weight:
    """How telling a normalised value is: an identifier, a medium one (date, amount, long text), or common to many."""
    if len(value) < 4 or _BODY.search(value):
        return Weight.COMMON
    if _DATE.fullmatch(value) or _COMPACT_DATE.fullmatch(value):
        return Weight.MEDIUM
    if _MONTH.fullmatch(value):
        return Weight.MEDIUM
    if _NUMBER.fullmatch(value):
        return _weigh_number(value)
    digits = len(_DIGIT.findall(value))
    if _DATETIME.fullmatch(value):
        return Weight.MEDIUM
    if _CODE.fullmatch(value):
        return Weight.IDENTIFIER if digits >= 6 and len(value) >= 8 else Weight.COMMON
    rest = _MONTH.sub("", _DATE.sub("", value))
    if 10 <= len(value) <= 60 and len(_CJK.findall(rest)) >= 6 and len(_DIGIT.findall(rest)) >= 3:
        return Weight.IDENTIFIER  # an address, or a certificate number with words
    return Weight.MEDIUM if len(value) >= 6 else Weight.COMMON


def _weigh_number(value: str) -> Weight:
    whole, dot, part = value.lstrip("-+").partition(".")
    telling = len((whole + part).strip("0"))
    if not dot and len(whole) >= 8 and telling >= 6:
        return Weight.IDENTIFIER
    return Weight.MEDIUM if telling >= 4 else Weight.COMMON


def _pair(one: str, other: str) -> str:
    return "\x1f".join(sorted((one, other)))


def _pair_tags(values: Iterable[str], key: EpochKey, limit: int) -> list[bytes]:
    # The choice must not depend on which columns a leaker kept, so it goes by a keyed order of the values themselves.
    chosen = sorted(((key.provenance_tag(v), v) for v in values), key=lambda pair: pair[0])[:limit]
    return [key.provenance_tag(_pair(a, b)) for (_, a), (_, b) in combinations(chosen, 2)]


def row_tags(values: Iterable[str], key: EpochKey, *, looked_up: bool, pairs: bool = True) -> set[bytes]:
    """Tags of one row's normalised values: each identifier, and pairs of medium values for rows without identifiers.

    An index stores few pairs (`looked_up` false), a look-up asks for many, so that a leak that kept some of the
    columns still meets them.
    """
    weights = {value: weigh(value) for value in values}
    tags = {key.provenance_tag(v) for v, w in weights.items() if w is Weight.IDENTIFIER}
    if pairs:
        medium = [v for v, w in weights.items() if w is Weight.MEDIUM]
        limit = MAX_LOOKED_UP_PAIR_VALUES if looked_up else MAX_INDEXED_PAIR_VALUES
        tags.update(_pair_tags(medium, key, limit))
    return tags
