"""What departments offer (数据目录): `offers.toml` beside the certificate types, read strictly, once a process.

Each type has one offer: its sharing attribute, how often it is brought up to date, on what that rests, and which desk
is asked. An offer of fields is never wider than that of their type, and what its holder agrees to apart is never
offered without condition.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from pydantic import Field as Limit

from api.catalogue.fields import Field
from api.catalogue.loader import load_catalogue
from api.catalogue.model import TypeSchema
from api.catalogue.rules import Code, Strict, Text, Versioned, check_once, read_rules
from api.errors import ApiError, Kind
from api.locale import Lang

_FILE = Path(__file__).parent / "offers.toml"


class Attribute(StrEnum):
    """How something is shared (国发〔2016〕51号, article 9)."""

    UNCONDITIONAL = "unconditional"  # 无条件共享
    CONDITIONAL = "conditional"  # 有条件共享
    WITHHELD = "withheld"  # 不予共享


class Frequency(StrEnum):
    """How often what stands behind an offer is brought up to date."""

    ON_CHANGE = "on_change"
    DAILY = "daily"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True)
class Said:
    """A text in both languages."""

    zh: str
    en: str

    def label(self, lang: Lang) -> str:
        """In the reader's language."""
        return self.en if lang == "en" else self.zh


@dataclass(frozen=True, slots=True)
class Offer:
    """What is offered of one type."""

    schema: TypeSchema
    attribute: Attribute
    frequency: Frequency
    basis: Said
    contact: Said

    def of(self, field: Field) -> Attribute:
        """How one of its fields is shared."""
        if self.attribute is Attribute.UNCONDITIONAL and field.apart:
            return Attribute.CONDITIONAL
        return self.attribute


@dataclass(frozen=True, slots=True)
class Offers:
    """All offers, by type code, in the plan's order."""

    version: int
    by_type: Mapping[str, Offer]


class _Terms(Strict):
    attribute: str = Limit(pattern="^(unconditional|conditional|withheld)$")
    frequency: str = Limit(pattern="^(on_change|daily|monthly)$")
    basis: Code


class _Default(Strict):
    person: _Terms
    enterprise: _Terms


class _Offer(_Terms):
    type: str = Limit(pattern=r"^(person|enterprise)\.[a-z_]{2,60}$")


class _Basis(Strict):
    code: Code
    zh: Text
    en: Text


class _Contact(Strict):
    department: Code
    zh: Text
    en: Text


class _File(Versioned):
    bases: list[_Basis] = Limit(min_length=1, alias="basis")
    default: _Default
    offers: list[_Offer] = Limit(alias="offer")
    contacts: list[_Contact] = Limit(min_length=1, alias="contact")


@cache
def load_offers(path: Path = _FILE) -> Offers:
    """The offers of every type of the catalogue.

    Raises ApiError `catalogue.bad_file` where the file is malformed, names something twice, or names a type, basis or
    department that there is none of; and where a department that issues a type has no desk.
    """
    file = read_rules(path, _File)
    for listed in ((one.code for one in file.bases), (one.type for one in file.offers)):
        check_once(path, listed)
    check_once(path, (one.department for one in file.contacts))
    catalogue = load_catalogue()
    bases = {one.code: Said(one.zh, one.en) for one in file.bases}
    desks = {one.department: Said(one.zh, one.en) for one in file.contacts}
    named = {one.type: one for one in file.offers}
    terms: list[_Terms] = [file.default.person, file.default.enterprise, *file.offers]
    for code, there in (
        *((code, catalogue.types) for code in named),
        *((one.basis, bases) for one in terms),
        *((code, catalogue.departments) for code in desks),
        *((schema.department, desks) for schema in catalogue.types.values()),
    ):
        if code not in there:
            raise ApiError(
                "catalogue.bad_file", Kind.INTERNAL, file=path.name, where="", problem=f"{code} is not there"
            )
    found = {}
    for code, schema in catalogue.types.items():
        usual = file.default.person if schema.holder_kind == "person" else file.default.enterprise
        chosen: _Terms = named.get(code, usual)
        found[code] = Offer(
            schema,
            Attribute(chosen.attribute),
            Frequency(chosen.frequency),
            bases[chosen.basis],
            desks[schema.department],
        )
    return Offers(file.version, found)
