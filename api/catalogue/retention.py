"""Laws by which a copy may be kept, and ways of destroying one: `retention.toml`, read strictly, once a process."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import Field

from api.catalogue.rules import Code, Strict, Text, Versioned, check_once, read_rules
from api.errors import ApiError
from api.locale import Lang

_FILE = Path(__file__).parent / "retention.toml"


@dataclass(frozen=True, slots=True)
class RetentionBasis:
    """A law that makes a recipient keep what it should delete, for at most `max_years`."""

    code: str
    zh: str
    en: str
    max_years: int
    purposes: tuple[str, ...]

    def label(self, lang: Lang) -> str:
        """Law and article in the reader's language."""
        return self.en if lang == "en" else self.zh

    def covers(self, purpose: str) -> bool:
        """Whether the law can apply to what was taken for this purpose."""
        return not self.purposes or purpose.startswith(self.purposes)


@dataclass(frozen=True, slots=True)
class DeletionMethod:
    """A way in which data are destroyed."""

    code: str
    zh: str
    en: str

    def label(self, lang: Lang) -> str:
        """The method in the reader's language."""
        return self.en if lang == "en" else self.zh


@dataclass(frozen=True, slots=True)
class Register:
    """A register of the service's own and for how many days its entries are kept, with the law that says so."""

    code: str
    zh: str
    en: str
    days: int


@dataclass(frozen=True, slots=True)
class Retention:
    """Days to delete in, days until the regulator is told; bases, methods, registers by code, in the file's order."""

    deletion_days: int
    escalation_days: int
    bases: Mapping[str, RetentionBasis]
    methods: Mapping[str, DeletionMethod]
    registers: Mapping[str, Register]

    def basis(self, code: str) -> RetentionBasis:
        """A basis by code. Raises `catalogue.unknown_retention_basis`."""
        if code not in self.bases:
            raise ApiError("catalogue.unknown_retention_basis", basis=code[:64])
        return self.bases[code]

    def method(self, code: str) -> DeletionMethod:
        """A method by code. Raises `catalogue.unknown_method`."""
        if code not in self.methods:
            raise ApiError("catalogue.unknown_method", method=code[:64])
        return self.methods[code]


class _Basis(Strict):
    code: Code
    zh: Text
    en: Text
    max_years: int = Field(ge=1, le=30)
    purposes: list[str]


class _Method(Strict):
    code: Code
    zh: Text
    en: Text


class _Register(Strict):
    code: Code
    zh: Text
    en: Text
    days: int = Field(ge=183, le=3650)


class _File(Versioned):
    deletion_days: int = Field(ge=1, le=90)
    escalation_days: int = Field(ge=0, le=90)
    basis: list[_Basis] = Field(min_length=1)
    method: list[_Method] = Field(min_length=1)
    registers: list[_Register] = Field(min_length=1, alias="register")


@cache
def load_retention(path: Path = _FILE) -> Retention:
    """The file's content. Raises ApiError `catalogue.bad_file` where it is malformed or names a code twice."""
    file = read_rules(path, _File)
    for listed in (file.basis, file.method, file.registers):
        check_once(path, (one.code for one in listed))
    bases = {
        one.code: RetentionBasis(one.code, one.zh, one.en, one.max_years, tuple(one.purposes)) for one in file.basis
    }
    methods = {one.code: DeletionMethod(one.code, one.zh, one.en) for one in file.method}
    registers = {one.code: Register(one.code, one.zh, one.en, one.days) for one in file.registers}
    return Retention(file.deletion_days, file.escalation_days, bases, methods, registers)
