"""Check rules of the numbers that certificates carry: identity numbers, social credit codes, e-certificate identifiers.

Sources: GB 11643 (resident identity number), GB 32100 (unified social credit code), ISO/IEC 7064 (check characters).
The checks equal python-stdnum's answers (a test holds them against each other) at a fraction of the cost, because a
department file runs them once per row.
"""

from functools import lru_cache

from stdnum.cn import ric
from stdnum.exceptions import ValidationError

DEMO_REGION = "371099"
"""Assigned to no place, so no real person's number can begin with it; accepted in demo data alone."""

_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_VALUE = {character: value for value, character in enumerate(_USCC_ALPHABET)}
_USCC_SET = frozenset(_USCC_ALPHABET)
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_ALNUM = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ALNUM_VALUE = {character: value for value, character in enumerate(_ALNUM)}
_ELC_PREFIX = "1.2.156.3005.2."
_ELC_PARTS = 5


def id_check_character(first17: str) -> str:
    """The 18th character for 17 digits: ISO 7064 MOD 11-2, worked as one base-13 number (2 is 13 modulo 11)."""
    return "10X98765432"[(2 * int(first17, 13)) % 11]


@lru_cache(maxsize=65_536)
def known_region(region: str, year: int) -> bool:
    """Whether a six-digit region code was in use for people born in `year`, by python-stdnum's table."""
    try:
        ric.get_birth_place(f"{region}{year:04d}01010000")
    except (ValidationError, KeyError):
        return False  # stdnum raises KeyError for a code inside a known province that names no county
    return True


def uscc_check_character(first17: str) -> str:
    """The 18th character of a unified social credit code (GB 32100, MOD 31). Raises KeyError on a foreign character."""
    values = _USCC_VALUE
    total = sum([values[character] * weight for character, weight in zip(first17, _USCC_WEIGHTS, strict=True)])
    return _USCC_ALPHABET[-total % 31]


def is_uscc_shape(code: str) -> bool:
    """18 characters, the first eight digits, the rest of GB 32100's alphabet (no I, O, S, V, Z)."""
    head = code[:8]
    return len(code) == 18 and head.isascii() and head.isdigit() and _USCC_SET.issuperset(code[8:])


def is_uscc(code: str) -> bool:
    """Whether a unified social credit code has the right shape and check character."""
    return is_uscc_shape(code) and uscc_check_character(code[:17]) == code[17]


def mod37_36(text: str) -> str:
    """The check character of ISO 7064 MOD 37,36 over `text` in 0-9A-Z. Raises KeyError on any other character."""
    product = 36
    for character in text:
        total = (product + _ALNUM_VALUE[character]) % 36 or 36
        product = total * 2 % 37
    return _ALNUM[(37 - product) % 36]


def elc_check_character(identifier: str) -> str | None:
    """The right check character of an e-certificate identifier, or None where its shape is wrong.

    `identifier` is `[1.2.156.3005.2.]type.issuer.serial.version.check`; the character covers the first four parts
    without the OID prefix and the dots.
    """
    parts = identifier.removeprefix(_ELC_PREFIX).split(".")
    if len(parts) != _ELC_PARTS or not all(parts) or len(parts[-1]) != 1:
        return None
    body = "".join(parts[:-1])
    if any(character not in _ALNUM_VALUE for character in body):
        return None
    return mod37_36(body)


def is_elc(identifier: str) -> bool:
    """Whether an e-certificate identifier has the right shape and check character."""
    expected = elc_check_character(identifier)
    return expected is not None and identifier.endswith(expected)


def elc_identifier(type_code: str, issuer: str, serial: str, version: str) -> str:
    """An e-certificate identifier with its OID prefix and check character, from its four parts (0-9, A-Z)."""
    return f"{_ELC_PREFIX}{type_code}.{issuer}.{serial}.{version}." + mod37_36(type_code + issuer + serial + version)
