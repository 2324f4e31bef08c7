"""Laws by which a copy may be kept, and ways of destroying one: `retention.toml`, read strictly, once a process."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.errors import ApiError, Kind
from api.locale import Lang

_FILE = Path(__file__).parent / "retention.toml"
_CODE = r"^[a-z][a-z0-9_]{2,63}$"


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
class Retention:
    """Days to delete in, days until the regulator is told, and all bases and methods by code, in the file's order."""

    deletion_days: int
    escalation_days: int
    bases: Mapping[str, RetentionBasis]
    methods: Mapping[str, DeletionMethod]

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


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Basis(_Strict):
    code: str = Field(pattern=_CODE)
    zh: str = Field(min_length=4)
    en: str = Field(min_length=4)
    max_years: int = Field(ge=1, le=30)
    purposes: list[str]


class _Method(_Strict):
    code: str = Field(pattern=_CODE)
    zh: str = Field(min_length=2)
    en: str = Field(min_length=2)


class _File(_Strict):
    version: int = Field(ge=1)
    deletion_days: int = Field(ge=1, le=90)
    escalation_days: int = Field(ge=0, le=90)
    basis: list[_Basis] = Field(min_length=1)
    method: list[_Method] = Field(min_length=1)


@cache
def load_retention(path: Path = _FILE) -> Retention:
    """The file's content. Raises ApiError `catalogue.bad_file` where it is malformed or names a code twice."""
    try:
        file = _File.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise _bad(path, type(error).__name__) from None
    bases = {
        one.code: RetentionBasis(one.code, one.zh, one.en, one.max_years, tuple(one.purposes)) for one in file.basis
    }
    methods = {one.code: DeletionMethod(one.code, one.zh, one.en) for one in file.method}
    if len(bases) != len(file.basis) or len(methods) != len(file.method):
        raise _bad(path, "a code stands twice")
    return Retention(file.deletion_days, file.escalation_days, bases, methods)


def _bad(path: Path, problem: str) -> ApiError:
    return ApiError("catalogue.bad_file", Kind.INTERNAL, file=path.name, where="", problem=problem)
