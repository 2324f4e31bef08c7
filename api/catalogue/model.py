"""What the catalogue consists of. Frozen values, built by `api.catalogue.loader` from the data files beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from api.catalogue.claims import Claim, Derivation, claim_field, derive
from api.catalogue.fields import Choice, Field, FieldKind, HolderKind, display_date
from api.catalogue.identifiers import elc_identifier
from api.catalogue.purposes import Allowance, FairUse, Purpose, ScenarioPack, StatutoryBasis
from api.errors import ApiError, Kind
from api.locale import Lang

__all__ = [
    "Allowance",
    "Catalogue",
    "Choice",
    "Claim",
    "Department",
    "Derivation",
    "FairUse",
    "Field",
    "FieldKind",
    "HolderKind",
    "Purpose",
    "Rule",
    "RuleKind",
    "Scenario",
    "ScenarioPack",
    "ServiceItem",
    "StatutoryBasis",
    "TypeSchema",
    "display_date",
]


class RuleKind(StrEnum):
    """Rules between the fields of one row."""

    NOT_AFTER = "not_after"  # fields[0] <= fields[1], both dates
    BIRTH_MATCHES_ID = "birth_matches_id"  # fields = (birth date, identity number)
    SEX_MATCHES_ID = "sex_matches_id"  # fields = (sex, identity number)
    DIFFERENT = "different"  # fields[0] != fields[1]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule between two fields of a row; it holds where either is blank."""

    kind: RuleKind
    fields: tuple[str, str]

    def broken(self, values: Mapping[str, str]) -> str | None:
        """The error code where canonical `values` break the rule, else None. The first field is the one to name."""
        left, right = values.get(self.fields[0], ""), values.get(self.fields[1], "")
        if not left or not right:
            return None
        if self.kind is RuleKind.NOT_AFTER:
            return "catalogue.dates_reversed" if left > right else None
        if self.kind is RuleKind.BIRTH_MATCHES_ID:
            return "catalogue.birth_differs_from_id" if left.replace("-", "") != right[6:14] else None
        if self.kind is RuleKind.SEX_MATCHES_ID:
            return "catalogue.sex_differs_from_id" if left != ("female", "male")[int(right[16]) % 2] else None
        return "catalogue.fields_equal" if left == right else None


@dataclass(frozen=True, slots=True)
class Department:
    """A kind of issuing department. `demo_zh`/`demo_en` name the fictitious office that acts in demo data."""

    code: str
    zh: str
    en: str
    demo_zh: str
    demo_en: str


@dataclass(frozen=True, slots=True)
class TypeSchema:
    """One of the 50 certificate types.

    `fields` are the columns that a department sends; `claims` are derived from them at return (`derive`) and then
    shared like fields, so `field` and `has_field` know both, while `has_column` knows the columns alone.
    `ready` tells whether its fields are known; a type that is not ready has none and can't be returned yet.
    `elc_type` is the type's part of e-certificate identifiers. `holder_field` and `holder_name_field` name the fields
    with the holder's number and name; `valid_until` the field with its last day of validity, if it has one;
    `issued_on` the field with its day of issue; `serial_field` the certificate's own number. `many`: a holder may have
    several at once.
    """

    code: str
    number: int
    zh: str
    en: str
    holder_kind: HolderKind
    department: str
    data_level: str
    ready: bool
    elc_type: str = ""
    version: int = 0
    many: bool = False
    fields: tuple[Field, ...] = ()
    claims: tuple[Claim, ...] = ()
    holder_field: str = ""
    holder_name_field: str = ""
    serial_field: str = ""
    issued_on: str | None = None
    valid_until: str | None = None
    rules: tuple[Rule, ...] = ()
    all_fields: tuple[Field, ...] = field(init=False, repr=False, compare=False)
    _by_name: Mapping[str, Field] = field(init=False, repr=False, compare=False)
    _columns: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # `all_fields`: the columns and then the claims, as whatever is shared or shown lists them.
        object.__setattr__(self, "all_fields", (*self.fields, *(claim_field(claim) for claim in self.claims)))
        object.__setattr__(self, "_by_name", {f.name: f for f in self.all_fields})
        object.__setattr__(self, "_columns", frozenset(f.name for f in self.fields))

    def field(self, name: str) -> Field:
        """The field of that name, a claim's (kind `claim`) too. Raises ApiError `catalogue.unknown_field`."""
        found = self._by_name.get(name)
        if found is None:
            raise ApiError("catalogue.unknown_field", Kind.NOT_FOUND, field=name, type=self.code)
        return found

    def has_field(self, name: str) -> bool:
        """Whether the type has a field or a claim of that name."""
        return name in self._by_name

    def has_column(self, name: str) -> bool:
        """Whether a department sends a field of that name; False for claims."""
        return name in self._columns

    def claim(self, name: str) -> Claim | None:
        """The claim of that name, or None where the name is a column's or nobody's."""
        return next((claim for claim in self.claims if claim.name == name), None)

    def claims_from(self, source: str) -> tuple[Claim, ...]:
        """The claims that say less than the field `source` and are derived from it."""
        return tuple(claim for claim in self.claims if claim.source == source)

    def elc(self, issuer: str, record_id: str, version: int) -> str:
        """The e-certificate identifier (ELC) of one certificate of this type.

        `issuer` is the department's credit code. The serial is our own record's number, not the certificate's, which
        may be an identity number: the identifier says nothing about the holder.
        """
        return elc_identifier(self.elc_type, issuer, record_id.rpartition("_")[2].upper(), f"{version:03d}")

    def derive(self, values: Mapping[str, str], on_date: date) -> dict[str, str]:
        """Every claim's value by name, from canonical `values` as of `on_date`; "" where the source is blank."""
        return derive(self.claims, values, on_date)

    def derivation(self, on_date: date) -> Derivation:
        """`derive` for many records as of one day."""
        return Derivation(self.claims, on_date)

    @property
    def natural_key(self) -> tuple[str, ...]:
        """Names of the fields that together tell one certificate of this type from another."""
        return tuple(f.name for f in self.fields if f.natural_key)

    def label(self, lang: Lang = "zh-Hans") -> str:
        """The type's name for people."""
        return self.zh if lang != "en" else self.en

    def canonical(self, raw: Mapping[str, str], *, demo: bool = False) -> dict[str, str]:
        """All columns of a record in canonical form, in schema order; missing optional fields are "".

        Raises ApiError `catalogue.<reason>` for the first field or rule that fails.
        """
        unknown = raw.keys() - self._columns
        if unknown:
            raise ApiError("catalogue.unknown_field", field=min(unknown), type=self.code)
        values = {f.name: f.canonical(raw.get(f.name, ""), demo=demo) for f in self.fields}
        for name, code in self.broken_rules(values):
            raise ApiError(code, field=name)
        return values

    def broken_rules(self, values: Mapping[str, str]) -> list[tuple[str, str]]:
        """(field, error code) of every rule between fields that canonical `values` break."""
        found = []
        for rule in self.rules:
            code = rule.broken(values)
            if code is not None:
                found.append((rule.fields[0], code))
        return found

    def ended(self, values: Mapping[str, str], today: str) -> bool:
        """Whether a record's validity ended before `today` (ISO date). Without an end date it never does."""
        end = values.get(self.valid_until, "") if self.valid_until else ""
        return bool(end) and end < today


@dataclass(frozen=True, slots=True)
class ServiceItem:
    """A service item that uses certificates (the plan's annex 2)."""

    number: int
    province_department: str
    name: str
    city_departments: tuple[str, ...]
    pack: str | None = None
    """Code of the pack with what the item needs, where the catalogue has one."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Where certificates are used (the plan's annex 4)."""

    domain: str
    field: str
    scenarios: str
    parties: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All of it. `version` names the rules by which certificates are checked and committed."""

    version: str
    types: Mapping[str, TypeSchema]
    departments: Mapping[str, Department]
    purposes: Mapping[str, Purpose]
    packs: Mapping[str, ScenarioPack]
    statutory_bases: Mapping[str, StatutoryBasis]
    items: tuple[ServiceItem, ...]
    scenarios: tuple[Scenario, ...]

    def type(self, code: str) -> TypeSchema:
        """The type of that code. Raises ApiError `catalogue.unknown_type`."""
        found = self.types.get(code)
        if found is None:
            raise ApiError("catalogue.unknown_type", Kind.NOT_FOUND)
        return found

    def ready_type(self, code: str) -> TypeSchema:
        """The type of that code, with fields. Raises ApiError `catalogue.unknown_type`, `catalogue.type_not_ready`."""
        found = self.type(code)
        if not found.ready:
            raise ApiError("catalogue.type_not_ready", Kind.CONFLICT, type=code)
        return found

    def ready_types(self) -> tuple[TypeSchema, ...]:
        """Every type whose fields are known, in the plan's order."""
        return tuple(schema for schema in self.types.values() if schema.ready)

    def type_named(self, name: str) -> TypeSchema:
        """A type by code, Chinese or English name (letter case ignored). Raises ApiError `catalogue.unknown_type`."""
        wanted = name.strip().casefold()
        for schema in self.types.values():
            if wanted in (schema.code, schema.zh, schema.en.casefold()):
                return schema
        raise ApiError("catalogue.unknown_type", Kind.NOT_FOUND)

    def purpose(self, code: str) -> Purpose:
        """The registered purpose of that code. Raises ApiError `catalogue.unknown_purpose`."""
        found = self.purposes.get(code)
        if found is None:
            raise ApiError("catalogue.unknown_purpose", Kind.NOT_FOUND)
        return found

    def pack(self, code: str) -> ScenarioPack:
        """The scenario pack of that code. Raises ApiError `catalogue.unknown_pack`."""
        found = self.packs.get(code)
        if found is None:
            raise ApiError("catalogue.unknown_pack", Kind.NOT_FOUND)
        return found

    def statutory_basis(self, code: str) -> StatutoryBasis:
        """The basis of statutory duty of that code. Raises ApiError `catalogue.unknown_basis`."""
        found = self.statutory_bases.get(code)
        if found is None:
            raise ApiError("catalogue.unknown_basis", Kind.NOT_FOUND)
        return found
