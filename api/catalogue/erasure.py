"""What erasure destroys and what the law makes one keep: `erasure.toml`, read strictly, once a process."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from api.catalogue.rules import Code, Strict, Text, Versioned, check_once, read_rules
from api.locale import Lang

_FILE = Path(__file__).parent / "erasure.toml"
Until = Literal["copies", "recipients", "days", "backups", "always"]


@dataclass(frozen=True, slots=True)
class Erased:
    """Something that is destroyed; `counted` names the number that the page shows beside it."""

    code: str
    counted: str
    zh: str
    en: str

    def label(self, lang: Lang) -> str:
        """In the reader's language."""
        return self.en if lang == "en" else self.zh


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that stays for a while, by which law; `until` says how its end is found."""

    code: str
    until: Until
    days: int
    zh: str
    en: str
    basis_zh: str
    basis_en: str

    def label(self, lang: Lang) -> str:
        """What it is, in the reader's language."""
        return self.en if lang == "en" else self.zh

    def basis(self, lang: Lang) -> str:
        """Law and article, in the reader's language."""
        return self.basis_en if lang == "en" else self.basis_zh


@dataclass(frozen=True, slots=True)
class ErasureRules:
    """Both lists in the file's order, and how long copies stay traceable after they had to be gone."""

    trace_days: int
    erased: tuple[Erased, ...]
    kept: tuple[Kept, ...]


class _Erased(Strict):
    code: Code
    counted: Code
    zh: Text
    en: Text


class _Kept(Strict):
    code: Code
    until: Until
    days: int = Field(default=0, ge=0, le=10_000)
    zh: Text
    en: Text
    basis_zh: Text
    basis_en: Text


class _File(Versioned):
    trace_days: int = Field(ge=0, le=3650)
    erased: list[_Erased] = Field(min_length=1)
    kept: list[_Kept] = Field(min_length=1)


@cache
def load_erasure(path: Path = _FILE) -> ErasureRules:
    """The file's content. Raises ApiError `catalogue.bad_file` where it is malformed or names a code twice."""
    file = read_rules(path, _File)
    check_once(path, [*(one.code for one in file.erased), *(one.code for one in file.kept)])
    erased = tuple(Erased(one.code, one.counted, one.zh, one.en) for one in file.erased)
    kept = tuple(Kept(one.code, one.until, one.days, one.zh, one.en, one.basis_zh, one.basis_en) for one in file.kept)
    return ErasureRules(file.trace_days, erased, kept)
