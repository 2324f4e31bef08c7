"""The rule under which a value may be shown otherwise than it was committed: `mydata/spelling/1`, docs/formats.md.

Copies may bear a mark in how some values are spelt, never in what they say. Commitments are over the canonical form, so
a verifier that is shown a spelling tries the canonical form of it, by kind of value, and no other.
"""

import re

SPELLING_RULE = "mydata/spelling/1"

_WIDE_LETTER = re.compile("[\u3400-\u9fff]")
_BRACKETS = str.maketrans("()", "\uff08\uff09")
_HYPHEN = re.compile("(?<=[0-9])\uff0d(?=[0-9])")
_DATE = re.compile(r"([0-9]{4})/([0-9]{2})/([0-9]{2})")
_AMOUNT = re.compile(r"(-?[0-9]+)(?:\.([0-9]))?")


def spelling_forms(value: str) -> tuple[str, ...]:
    """The canonical forms that a value may be a spelling of, without itself: of a text, of a date, of an amount."""
    forms = []
    if _WIDE_LETTER.search(value):
        wide = value.translate(_BRACKETS)
        forms += [wide, _HYPHEN.sub("-", value), _HYPHEN.sub("-", wide)]
    if date := _DATE.fullmatch(value):
        forms.append("-".join(date.groups()))
    if amount := _AMOUNT.fullmatch(value):
        forms.append(f"{amount[1]}.{amount[2] or '':0<2}")
    return tuple(dict.fromkeys(form for form in forms if form != value))
