"""Reads the data files beside this module into one `Catalogue`; a bad file is refused with name, place and problem."""

import csv
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic import Field as Bound

from api.catalogue.canonical import Limits
from api.catalogue.model import (
    Allowance,
    Catalogue,
    Choice,
    Department,
    Field,
    FieldKind,
    HolderKind,
    Purpose,
    Rule,
    RuleKind,
    Scenario,
    ScenarioPack,
    ServiceItem,
    TypeSchema,
)
from api.errors import ApiError, Kind

_HERE = Path(__file__).parent
_SNAKE = r"^[a-z][a-z0-9_]*$"
_CODE = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$"


class _Table(BaseModel):
    """Strict: an unknown or misspelt key is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_min_length=1)


class _DepartmentTable(_Table):
    code: str = Bound(pattern=_SNAKE)
    zh: str
    en: str
    demo_zh: str
    demo_en: str


class _DepartmentsFile(_Table):
    department: list[_DepartmentTable]


class _IndexTable(_Table):
    no: int
    code: str = Bound(pattern=_CODE)
    en: str
    department: str = Bound(pattern=_SNAKE)
    ready: bool


class _IndexFile(_Table):
    type: list[_IndexTable]


class _ChoiceTable(_Table):
    code: str
    zh: str
    en: str
    aliases: list[str] = []


class _FieldTable(_Table):
    name: str = Bound(pattern=_SNAKE, max_length=40)
    zh: str
    en: str
    kind: FieldKind
    required: bool = True
    sensitive: bool = False
    normative: bool = True
    identifying: bool = False
    natural_key: bool = False
    choices: list[_ChoiceTable] = []
    synonyms: list[str] = []
    pattern: str | None = None
    min_length: int = Bound(default=1, ge=1)
    max_length: int = Bound(default=200, ge=1, le=2000)
    minimum: int | float | None = None
    maximum: int | float | None = None
    decimals: int = Bound(default=2, ge=0, le=6)
    open_ended: bool = False
    unit_zh: str | None = None
    unit_en: str | None = None


class _RuleTable(_Table):
    kind: RuleKind
    fields: tuple[str, str]


class _TypeFile(_Table):
    version: int = Bound(ge=1)
    many: bool = False
    holder_field: str
    holder_name_field: str
    serial_field: str
    issued_on: str | None = None
    valid_until: str | None = None
    field: list[_FieldTable] = Bound(min_length=2)
    rule: list[_RuleTable] = []


class _ItemsTable(_Table):
    type: str
    necessary: list[str] = []
    optional: list[str] = []


class _PurposeTable(_Table):
    code: str = Bound(pattern=_CODE)
    version: int = Bound(ge=1)
    zh: str
    en: str
    text_zh: str
    text_en: str
    holder_kinds: list[HolderKind] = Bound(min_length=1)
    case_required: bool
    max_days: int = Bound(ge=1, le=3660)
    max_uses: int = Bound(ge=1, le=1000)
    data_life_days: int = Bound(ge=1, le=3660)
    allow: list[_ItemsTable] = Bound(min_length=1)


class _PurposesFile(_Table):
    purpose: list[_PurposeTable]


class _PackTable(_Table):
    code: str = Bound(pattern=_CODE)
    zh: str
    en: str
    purpose: str
    place: tuple[str, str]
    days: int = Bound(ge=1)
    uses: int = Bound(ge=1)
    item: list[_ItemsTable] = Bound(min_length=1)


class _PacksFile(_Table):
    pack: list[_PackTable]


class _VersionTable(_Table):
    name: str = Bound(max_length=16)
    sha256: str = Bound(pattern=r"^[0-9a-f]{64}$")


class _VersionsFile(_Table):
    version: list[_VersionTable] = Bound(min_length=1)


@cache
def load_catalogue(folder: Path = _HERE) -> Catalogue:
    """The catalogue in `folder`, by default the product's own; read once per process.

    Raises ApiError `catalogue.bad_file` (facts `file`, `where`, `problem`) where a file is missing, malformed,
    contradicts another, or differs from the version that it claims to be.
    """
    departments = {
        table.code: Department(**table.model_dump())
        for table in _read(folder, "departments.toml", _DepartmentsFile).department
    }
    types, digest = _types(folder, departments)
    scenarios = tuple(_scenarios(folder))
    purposes = _purposes(folder, types)
    return Catalogue(
        version=_version(folder, digest),
        types=types,
        departments=departments,
        purposes=purposes,
        packs=_packs(folder, types, purposes, scenarios),
        items=tuple(_service_items(folder)),
        scenarios=scenarios,
    )


def _bad(file: str, where: str, problem: str) -> ApiError:
    return ApiError("catalogue.bad_file", Kind.INTERNAL, file=file, where=where, problem=problem)


def _parse(folder: Path, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads((folder / file).read_text(encoding="utf-8"))
    except OSError as error:
        raise _bad(file, "file", "missing or unreadable") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _bad(file, "file", str(error)) from error


_Model = TypeVar("_Model", bound=_Table)


def _checked(file: str, model: type[_Model], content: dict[str, Any]) -> _Model:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _bad(file, ".".join(str(part) for part in first["loc"]), first["msg"]) from error


def _read(folder: Path, file: str, model: type[_Model]) -> _Model:
    return _checked(file, model, _parse(folder, file))


def _rows(folder: Path, file: str, columns: list[str]) -> Iterator[dict[str, str]]:
    try:
        with (folder / file).open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            if reader.fieldnames != columns:
                raise _bad(file, "line 1", f"columns must be {', '.join(columns)}")
            for row in reader:
                if any(not isinstance(row.get(column), str) for column in columns) or len(row) != len(columns):
                    raise _bad(file, f"line {reader.line_num}", "wrong number of cells")
                yield row
    except OSError as error:
        raise _bad(file, "file", "missing or unreadable") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise _bad(file, "file", str(error)) from error


def _types(folder: Path, departments: dict[str, Department]) -> tuple[dict[str, TypeSchema], str]:
    """The types in the plan's order, and the digest of all field schemas."""
    file = "types.toml"
    index = {table.no: table for table in _read(folder, file, _IndexFile).type}
    columns = ["type_no", "certificate_name", "issuing_department", "data_level", "holder_kind"]
    types: dict[str, TypeSchema] = {}
    contents: dict[str, Any] = {}
    for row in _rows(folder, "certificate_types.csv", columns):
        number = int(row["type_no"])
        table = index.pop(number, None)
        if table is None:
            raise _bad(file, f"no {number}", "in certificate_types.csv but not here")
        if table.code in types:
            raise _bad(file, f"no {number}", f"code {table.code} is used twice")
        if table.department not in departments:
            raise _bad(file, f"no {number}", f"unknown department {table.department}")
        if table.code.partition(".")[0] != row["holder_kind"]:
            raise _bad(file, f"no {number}", f"code {table.code} does not begin with {row['holder_kind']}")
        schema_file = f"types/{table.code}.toml"
        if table.ready != (folder / schema_file).exists():
            raise _bad(file, f"no {number}", f"ready = {str(table.ready).lower()} contradicts {schema_file}")
        details: dict[str, Any] = {}
        if table.ready:
            contents[table.code] = _parse(folder, schema_file)
            details = _details(schema_file, _checked(schema_file, _TypeFile, contents[table.code]))
        types[table.code] = TypeSchema(
            code=table.code,
            number=number,
            zh=row["certificate_name"],
            en=table.en,
            holder_kind=HolderKind(row["holder_kind"]),
            department=table.department,
            data_level=row["data_level"],
            ready=table.ready,
            **details,
        )
    if index:
        raise _bad(file, f"no {min(index)}", "not in certificate_types.csv")
    packed = json.dumps(contents, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return types, hashlib.sha256(packed.encode()).hexdigest()


def _details(file: str, table: _TypeFile) -> dict[str, Any]:
    fields = tuple(_field(file, entry) for entry in table.field)
    kinds = {entry.name: entry.kind for entry in fields}
    if len(kinds) != len(fields):
        raise _bad(file, "field", "a name is used twice")
    spellings = [spelling for entry in fields for spelling in entry.headers]
    repeated = {spelling for spelling in spellings if spellings.count(spelling) > 1}
    if repeated:
        raise _bad(file, "field", f"two fields answer to the header {min(repeated)}")
    if not any(entry.natural_key for entry in fields):
        raise _bad(file, "field", "no field is a natural key")
    by_name = {entry.name: entry for entry in fields}
    if any(entry.natural_key and not entry.required for entry in fields):
        raise _bad(file, "field", "a natural key must be required")
    wanted = {
        "holder_field": (FieldKind.ID_NUMBER, FieldKind.USCC),
        "holder_name_field": (FieldKind.NAME, FieldKind.ORGANISATION),
        "serial_field": (FieldKind.SERIAL, FieldKind.ID_NUMBER, FieldKind.USCC),
        "issued_on": (FieldKind.DATE,),
        "valid_until": (FieldKind.DATE,),
    }
    for key, allowed in wanted.items():
        name = getattr(table, key)
        if name is not None and kinds.get(name) not in allowed:
            raise _bad(file, key, f"{name} is no field of kind {' or '.join(allowed)}")
    if not by_name[table.holder_field].required:
        raise _bad(file, "holder_field", "must be required")
    for rule in table.rule:
        if any(name not in kinds for name in rule.fields):
            raise _bad(file, "rule", f"{rule.kind} names an unknown field")
    return {
        "version": table.version,
        "many": table.many,
        "fields": fields,
        "holder_field": table.holder_field,
        "holder_name_field": table.holder_name_field,
        "serial_field": table.serial_field,
        "issued_on": table.issued_on,
        "valid_until": table.valid_until,
        "rules": tuple(Rule(rule.kind, rule.fields) for rule in table.rule),
    }


def _field(file: str, table: _FieldTable) -> Field:
    where = f"field {table.name}"
    if (table.kind is FieldKind.ENUM) != bool(table.choices):
        raise _bad(file, where, "choices belong to kind enum and to no other")
    spellings = [s for c in table.choices for s in {s.casefold() for s in (c.code, c.zh, c.en, *c.aliases)}]
    if len(set(spellings)) != len(spellings):
        raise _bad(file, where, "two choices share a spelling")
    if bool(table.unit_zh) != bool(table.unit_en):
        raise _bad(file, where, "a unit needs both languages")
    if table.pattern is not None:
        if table.kind not in (FieldKind.TEXT, FieldKind.SERIAL):
            raise _bad(file, where, "a pattern belongs to kind text or serial")
        try:
            re.compile(table.pattern)
        except re.error as error:
            raise _bad(file, where, f"pattern: {error}") from error
    limits = Limits(
        min_length=table.min_length,
        max_length=table.max_length,
        pattern=table.pattern,
        minimum=None if table.minimum is None else Decimal(str(table.minimum)),
        maximum=None if table.maximum is None else Decimal(str(table.maximum)),
        decimals=table.decimals,
        open_ended=table.open_ended,
    )
    return Field(
        name=table.name,
        zh=table.zh,
        en=table.en,
        kind=table.kind,
        required=table.required,
        sensitive=table.sensitive,
        normative=table.normative,
        identifying=table.identifying,
        natural_key=table.natural_key,
        choices=tuple(Choice(c.code, c.zh, c.en, tuple(c.aliases)) for c in table.choices),
        limits=limits,
        unit_zh=table.unit_zh or "",
        unit_en=table.unit_en or "",
        synonyms=tuple(table.synonyms),
    )


def _allowances(
    file: str, where: str, tables: Iterable[_ItemsTable], types: dict[str, TypeSchema]
) -> tuple[Allowance, ...]:
    found: dict[tuple[str, str], Allowance] = {}
    for table in tables:
        schema = types.get(table.type)
        if schema is None or not schema.ready:
            raise _bad(file, where, f"type {table.type} is unknown or has no fields")
        for name in (*table.necessary, *table.optional):
            if not schema.has_field(name):
                raise _bad(file, where, f"{table.type} has no field {name}")
            if (table.type, name) in found:
                raise _bad(file, where, f"{table.type}.{name} stands there twice")
            found[table.type, name] = Allowance(table.type, name, name in table.necessary)
    return tuple(found.values())


def _purposes(folder: Path, types: dict[str, TypeSchema]) -> dict[str, Purpose]:
    file = "purposes.toml"
    purposes: dict[str, Purpose] = {}
    for table in _read(folder, file, _PurposesFile).purpose:
        if table.code in purposes:
            raise _bad(file, table.code, "code is used twice")
        allowances = _allowances(file, table.code, table.allow, types)
        kinds = frozenset(table.holder_kinds)
        if {types[a.type_code].holder_kind for a in allowances} != kinds:
            raise _bad(file, table.code, "holder_kinds and the types' holder kinds differ")
        purposes[table.code] = Purpose(
            **table.model_dump(exclude={"allow", "holder_kinds"}), holder_kinds=kinds, allowances=allowances
        )
    return purposes


def _packs(
    folder: Path, types: dict[str, TypeSchema], purposes: dict[str, Purpose], scenarios: tuple[Scenario, ...]
) -> dict[str, ScenarioPack]:
    file = "packs.toml"
    places = {(scenario.domain, scenario.field) for scenario in scenarios}
    packs: dict[str, ScenarioPack] = {}
    for table in _read(folder, file, _PacksFile).pack:
        purpose = purposes.get(table.purpose)
        if table.code in packs:
            raise _bad(file, table.code, "code is used twice")
        if purpose is None:
            raise _bad(file, table.code, f"unknown purpose {table.purpose}")
        if table.place not in places:
            raise _bad(file, table.code, "place is not in scenarios.csv")
        if table.days > purpose.max_days or table.uses > purpose.max_uses:
            raise _bad(file, table.code, "days or uses exceed the purpose's")
        items = _allowances(file, table.code, table.item, types)
        for item in items:
            allowed = purpose.allowance(item.type_code, item.field)
            if allowed is None or (item.necessary and not allowed.necessary):
                raise _bad(file, table.code, f"{item.type_code}.{item.field} exceeds the purpose")
        packs[table.code] = ScenarioPack(**table.model_dump(exclude={"item"}), items=items)
    return packs


def _scenarios(folder: Path) -> Iterator[Scenario]:
    for row in _rows(folder, "scenarios.csv", ["domain", "field", "scenarios", "responsible_parties"]):
        yield Scenario(row["domain"], row["field"], row["scenarios"], tuple(row["responsible_parties"].split(";")))


def _service_items(folder: Path) -> Iterator[ServiceItem]:
    with (folder / "service_items.csv").open(encoding="utf-8") as stream:
        columns = stream.readline().strip().split(",")
    for row in _rows(folder, "service_items.csv", columns):
        number, province, name, city = row.values()
        yield ServiceItem(int(number), province, name, tuple(city.split(";")))


def _version(folder: Path, digest: str) -> str:
    """The newest version's name. Refuses field schemas that changed without a new version: leaves name it."""
    file = "versions.toml"
    newest = _read(folder, file, _VersionsFile).version[-1]
    if newest.sha256 != digest:
        raise _bad(file, newest.name, f"the field schemas are not this version's; their digest is {digest}")
    return newest.name
