"""What the catalogue consists of. Frozen values, built by `api.catalogue.loader` from the data files beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from api.catalogue import canonical as forms
from api.catalogue.canonical import OPEN_END, Canonicaliser, Limits
from api.errors import ApiError, Kind
from api.locale import Lang


class HolderKind(StrEnum):
    """Whom a certificate describes."""

    PERSON = "person"
    ENTERPRISE = "enterprise"


class FieldKind(StrEnum):
    """What a field's values are; decides their canonical form."""

    TEXT = "text"
    NAME = "name"
    ORGANISATION = "organisation"
    ADDRESS = "address"
    SERIAL = "serial"
    DATE = "date"
    ID_NUMBER = "id_number"
    USCC = "uscc"
    ENUM = "enum"
    AMOUNT = "amount"
    INTEGER = "integer"


_FORMS = {
    FieldKind.TEXT: forms.text_form,
    FieldKind.NAME: forms.name_form,
    FieldKind.ORGANISATION: forms.text_form,
    FieldKind.ADDRESS: forms.text_form,
    FieldKind.SERIAL: forms.serial_form,
    FieldKind.DATE: forms.date_form,
    FieldKind.ID_NUMBER: forms.id_number_form,
    FieldKind.USCC: forms.uscc_form,
    FieldKind.AMOUNT: forms.amount_form,
    FieldKind.INTEGER: forms.integer_form,
}


_NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an enum field: the code is canonical, the labels are shown, the aliases are read."""

    code: str
    zh: str
    en: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a certificate type.

    `sensitive`: needs separate consent (PIPL article 29). `normative`: no variant of its spelling may be used as a
    mark. `identifying`: tells who the holder is. `natural_key`: together with the others so flagged it tells one
    certificate of this type from another. `synonyms`: further column headers by which department files call it.
    """

    name: str
    zh: str
    en: str
    kind: FieldKind
    required: bool = True
    sensitive: bool = False
    normative: bool = True
    identifying: bool = False
    natural_key: bool = False
    choices: tuple[Choice, ...] = ()
    limits: Limits = _NO_LIMITS
    unit_zh: str = ""
    unit_en: str = ""
    synonyms: tuple[str, ...] = ()
    _form: Canonicaliser = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind is FieldKind.ENUM:
            spellings = {spelling: c.code for c in self.choices for spelling in (c.code, c.zh, c.en, *c.aliases)}
            spellings |= {spelling.casefold(): code for spelling, code in spellings.items()}
            form = forms.enum_form(self.name, spellings)
        else:
            form = _FORMS[self.kind](self.name, self.limits)
        object.__setattr__(self, "_form", form)

    def canonical(self, raw: str, *, demo: bool = False) -> str:
        """The canonical form of `raw`; an optional field's blank gives "".

        `demo` accepts identity numbers and credit codes of the demo region 371099. Raises ApiError
        `catalogue.<reason>` with the facts `field` and, where there is one, `limit`; never the value.
        """
        if not raw or raw.isspace():
            if self.required:
                raise ApiError("catalogue.required", field=self.name)
            return ""
        return self._form(raw, demo)

    @property
    def headers(self) -> frozenset[str]:
        """Every column header by which a file may call the field, each as `header_key` gives it."""
        return frozenset(forms.header_key(text) for text in (self.name, self.zh, self.en, *self.synonyms))

    def label(self, lang: Lang = "zh-Hans") -> str:
        """The field's name for people."""
        return self.zh if lang != "en" else self.en

    def display(self, value: str, lang: Lang = "zh-Hans") -> str:
        """A canonical value for people: a choice's label, a written-out date, a unit; other values as they are."""
        zh = lang != "en"
        if not value:
            return "—"
        if self.kind is FieldKind.DATE:
            return display_date(value, lang)
        if self.kind is FieldKind.ENUM:
            return next((c.zh if zh else c.en for c in self.choices if c.code == value), value)
        unit = self.unit_zh if zh else self.unit_en
        if self.kind is FieldKind.AMOUNT:
            whole, _, decimals = value.partition(".")
            value = f"{int(whole):,}" + ("." + decimals if decimals else "")
        return f"{value} {unit}" if unit else value


def display_date(iso: str, lang: Lang = "zh-Hans") -> str:
    """2026-11-22 as 2026年11月22日 or 22 November 2026; an open end as 长期 or Long-term."""
    zh = lang != "en"
    if iso == OPEN_END:
        return "长期" if zh else "Long-term"
    day = date.fromisoformat(iso)
    return f"{day.year}年{day.month}月{day.day}日" if zh else f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


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

    `ready` tells whether its fields are known; a type that is not ready has none and can't be returned yet.
    `holder_field` and `holder_name_field` name the fields with the holder's number and name; `valid_until` the field
    with its last day of validity, if it has one; `issued_on` the field with its day of issue; `serial_field` the
    certificate's own number. `many`: a holder may have several at once.
    """

    code: str
    number: int
    zh: str
    en: str
    holder_kind: HolderKind
    department: str
    data_level: str
    ready: bool
    version: int = 0
    many: bool = False
    fields: tuple[Field, ...] = ()
    holder_field: str = ""
    holder_name_field: str = ""
    serial_field: str = ""
    issued_on: str | None = None
    valid_until: str | None = None
    rules: tuple[Rule, ...] = ()
    _by_name: Mapping[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {f.name: f for f in self.fields})

    def field(self, name: str) -> Field:
        """The field of that name. Raises ApiError `catalogue.unknown_field`."""
        found = self._by_name.get(name)
        if found is None:
            raise ApiError("catalogue.unknown_field", Kind.NOT_FOUND, field=name, type=self.code)
        return found

    def has_field(self, name: str) -> bool:
        """Whether the type has a field of that name."""
        return name in self._by_name

    @property
    def natural_key(self) -> tuple[str, ...]:
        """Names of the fields that together tell one certificate of this type from another."""
        return tuple(f.name for f in self.fields if f.natural_key)

    def label(self, lang: Lang = "zh-Hans") -> str:
        """The type's name for people."""
        return self.zh if lang != "en" else self.en

    def canonical(self, raw: Mapping[str, str], *, demo: bool = False) -> dict[str, str]:
        """All fields of a record in canonical form, in schema order; missing optional fields are "".

        Raises ApiError `catalogue.<reason>` for the first field or rule that fails.
        """
        unknown = raw.keys() - self._by_name.keys()
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
class Allowance:
    """A field that a purpose may ask for. `necessary`: without it the service can't be given."""

    type_code: str
    field: str
    necessary: bool


@dataclass(frozen=True, slots=True)
class Purpose:
    """A registered purpose: what may be asked for, how long, how often, how long copies may be kept.

    `text_zh`/`text_en` say it to the citizen in plain words.
    """

    code: str
    version: int
    zh: str
    en: str
    text_zh: str
    text_en: str
    holder_kinds: frozenset[HolderKind]
    case_required: bool
    max_days: int
    max_uses: int
    data_life_days: int
    allowances: tuple[Allowance, ...]
    _by_item: Mapping[tuple[str, str], Allowance] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_item", {(a.type_code, a.field): a for a in self.allowances})

    def allowance(self, type_code: str, field_name: str) -> Allowance | None:
        """What the purpose allows of that field, or None where it may not be asked for."""
        return self._by_item.get((type_code, field_name))

    @property
    def types(self) -> tuple[str, ...]:
        """Codes of the types from which it may ask, in order of first mention."""
        return tuple(dict.fromkeys(a.type_code for a in self.allowances))

    def fields_of(self, type_code: str) -> tuple[Allowance, ...]:
        """What it may ask from one type; empty where nothing."""
        return tuple(a for a in self.allowances if a.type_code == type_code)

    def label(self, lang: Lang = "zh-Hans") -> str:
        """The purpose's name for people."""
        return self.zh if lang != "en" else self.en

    def text(self, lang: Lang = "zh-Hans") -> str:
        """The purpose in plain words, for the consent screen."""
        return self.text_zh if lang != "en" else self.text_en


@dataclass(frozen=True, slots=True)
class ScenarioPack:
    """A ready-made ask under one purpose: items with necessary/optional, days and uses. A subset of what that allows.

    `place` = (domain, field) of the plan's scenario that it serves.
    """

    code: str
    zh: str
    en: str
    purpose: str
    place: tuple[str, str]
    days: int
    uses: int
    items: tuple[Allowance, ...]

    def label(self, lang: Lang = "zh-Hans") -> str:
        """The pack's name for people."""
        return self.zh if lang != "en" else self.en


@dataclass(frozen=True, slots=True)
class ServiceItem:
    """A service item that uses certificates (the plan's annex 2)."""

    number: int
    province_department: str
    name: str
    city_departments: tuple[str, ...]


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
