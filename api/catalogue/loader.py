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

from pydantic import ValidationError

from api.catalogue.canonical import Limits
from api.catalogue.claims import AGES, Claim, ClaimKind, age_claim, district_claim
from api.catalogue.file_models import (
    BasesFile,
    ClaimTable,
    DepartmentsFile,
    DistrictsFile,
    FieldTable,
    IndexFile,
    ItemPacksFile,
    ItemsTable,
    PacksFile,
    PurposesFile,
    PurposeTable,
    Table,
    TypeFile,
    VersionsFile,
)
from api.catalogue.identifiers import is_uscc
from api.catalogue.model import (
    Allowance,
    Catalogue,
    Choice,
    Department,
    FairUse,
    Field,
    FieldKind,
    HolderKind,
    Purpose,
    Rule,
    RuleKind,
    Scenario,
    ScenarioPack,
    ServiceItem,
    StatutoryBasis,
    TypeSchema,
)
from api.errors import ApiError, Kind

_HERE = Path(__file__).parent
_RULE_KINDS = {
    RuleKind.NOT_AFTER: (FieldKind.DATE, FieldKind.DATE),
    RuleKind.BIRTH_MATCHES_ID: (FieldKind.DATE, FieldKind.ID_NUMBER),
    RuleKind.SEX_MATCHES_ID: (FieldKind.ENUM, FieldKind.ID_NUMBER),
}


@cache
def load_catalogue(folder: Path = _HERE) -> Catalogue:
    """The catalogue in `folder`, by default the product's own; read once per process.

    Raises ApiError `catalogue.bad_file` (facts `file`, `where`, `problem`) where a file is missing, malformed,
    contradicts another, or differs from the version that it claims to be.
    """
    departments = {
        table.code: Department(**table.model_dump())
        for table in _read(folder, "departments.toml", DepartmentsFile).department
    }
    types, digest = _types(folder, departments)
    scenarios = tuple(_scenarios(folder))
    purposes = _purposes(folder, types)
    packs = _packs(folder, types, purposes, scenarios)
    return Catalogue(
        version=_version(folder, digest),
        types=types,
        departments=departments,
        purposes=purposes,
        packs=packs,
        statutory_bases=_statutory_bases(folder, types),
        items=tuple(_service_items(folder, packs)),
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


_Model = TypeVar("_Model", bound=Table)


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
    """The types in the plan's order, and the digest of all field schemas and the districts of their claims."""
    file = "types.toml"
    districts = _districts(folder)
    listed = _read(folder, file, IndexFile)
    if not is_uscc(listed.elc_definer):
        raise _bad(file, "elc_definer", "is no credit code with a right check character")
    index = {table.no: table for table in listed.type}
    if len(index) != len(listed.type):
        raise _bad(file, "no", "a number is used twice")
    columns = ["type_no", "certificate_name", "issuing_department", "data_level", "holder_kind"]
    types: dict[str, TypeSchema] = {}
    contents: dict[str, Any] = {"districts": _parse(folder, "districts.toml")}
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
        holder = HolderKind(row["holder_kind"])
        if table.ready:
            contents[table.code] = _parse(folder, schema_file)
            details = _details(schema_file, _checked(schema_file, TypeFile, contents[table.code]), districts, holder)
        types[table.code] = TypeSchema(
            code=table.code,
            number=number,
            zh=row["certificate_name"],
            en=table.en,
            holder_kind=holder,
            department=table.department,
            data_level=row["data_level"],
            ready=table.ready,
            elc_type=f"{listed.elc_definer}{number:03d}",
            **details,
        )
    if index:
        raise _bad(file, f"no {min(index)}", "not in certificate_types.csv")
    packed = json.dumps(contents, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return types, hashlib.sha256(packed.encode()).hexdigest()


def _districts(folder: Path) -> tuple[Choice, ...]:
    file = "districts.toml"
    found = tuple(Choice(t.code, t.zh, t.en, tuple(t.aliases)) for t in _read(folder, file, DistrictsFile).district)
    names = [name for d in found for name in (d.code, d.zh, *d.aliases)]
    if len(set(names)) != len(names):
        raise _bad(file, "district", "two districts share a code or a name")
    return found


def _claims(
    file: str, tables: list[ClaimTable], fields: dict[str, Field], districts: tuple[Choice, ...]
) -> list[Claim]:
    """The claims of one type, ages in rising order."""
    claims: list[Claim] = []
    for table in tables:
        where = f"claim {table.kind} of {table.source}"
        source = fields.get(table.source)
        wanted = FieldKind.DATE if table.kind is ClaimKind.AGE_OVER else FieldKind.ADDRESS
        if source is None or source.kind is not wanted:
            raise _bad(file, where, f"{table.source} is no field of kind {wanted}")
        if table.kind is ClaimKind.DISTRICT:
            if table.years:
                raise _bad(file, where, "years belong to kind age_over alone")
            claims.append(district_claim(table.source, districts))
            continue
        if not table.years or not set(table.years) <= set(AGES):
            raise _bad(file, where, f"years must be some of {', '.join(map(str, AGES))}")
        claims += [age_claim(table.source, years) for years in table.years]
    names = [claim.name for claim in claims]
    if len(set(names)) != len(names):
        raise _bad(file, "claim", "a claim stands there twice")
    if not fields.keys().isdisjoint(names):
        raise _bad(file, "claim", "a field has a claim's name")
    return claims


def _details(file: str, table: TypeFile, districts: tuple[Choice, ...], holder: HolderKind) -> dict[str, Any]:
    fields = tuple(_field(file, entry) for entry in table.field)
    kinds = {entry.name: entry.kind for entry in fields}
    if len(kinds) != len(fields):
        raise _bad(file, "field", "a name is used twice")
    spellings = [spelling for entry in fields for spelling in entry.headers]
    repeated = {spelling for spelling in spellings if spellings.count(spelling) > 1}
    if repeated:
        raise _bad(file, "field", f"two fields answer to the header {min(repeated)}")
    if holder is not HolderKind.ENTERPRISE and any(entry.trade_secret for entry in fields):
        raise _bad(file, "field", "trade_secret belongs to enterprises' certificates alone")
    if not any(entry.natural_key for entry in fields):
        raise _bad(file, "field", "no field is a natural key")
    by_name = {entry.name: entry for entry in fields}
    if any(entry.natural_key and not entry.required for entry in fields):
        raise _bad(file, "field", "a natural key must be required")
    wanted = {
        "holder_field": (FieldKind.USCC if holder is HolderKind.ENTERPRISE else FieldKind.ID_NUMBER,),
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
        left, right = _RULE_KINDS.get(rule.kind, (None, None))
        if left is not None and (kinds[rule.fields[0]], kinds[rule.fields[1]]) != (left, right):
            raise _bad(file, "rule", f"{rule.kind} is about {left} and {right}, not {' and '.join(rule.fields)}")
    return {
        "version": table.version,
        "many": table.many,
        "fields": fields,
        "claims": tuple(_claims(file, table.claim, by_name, districts)),
        "holder_field": table.holder_field,
        "holder_name_field": table.holder_name_field,
        "serial_field": table.serial_field,
        "issued_on": table.issued_on,
        "valid_until": table.valid_until,
        "rules": tuple(Rule(rule.kind, rule.fields) for rule in table.rule),
    }


def _field(file: str, table: FieldTable) -> Field:
    where = f"field {table.name}"
    if table.kind is FieldKind.CLAIM:
        raise _bad(file, where, "a claim is derived and never a column")
    if (table.kind is FieldKind.ENUM) != bool(table.choices):
        raise _bad(file, where, "choices belong to kind enum and to no other")
    spellings = [s for c in table.choices for s in {s.casefold() for s in (c.code, c.zh, c.en, *c.aliases)}]
    if len(set(spellings)) != len(spellings):
        raise _bad(file, where, "two choices share a spelling")
    if table.minimum is not None and table.maximum is not None and table.minimum > table.maximum:
        raise _bad(file, where, "minimum exceeds maximum")
    if table.min_length > table.max_length:
        raise _bad(file, where, "min_length exceeds max_length")
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
    made = Field(
        name=table.name,
        zh=table.zh,
        en=table.en,
        kind=table.kind,
        required=table.required,
        sensitive=table.sensitive,
        trade_secret=table.trade_secret,
        normative=table.normative,
        spelling=table.spelling,
        identifying=table.identifying,
        natural_key=table.natural_key,
        choices=tuple(Choice(c.code, c.zh, c.en, tuple(c.aliases)) for c in table.choices),
        limits=limits,
        unit_zh=table.unit_zh or "",
        unit_en=table.unit_en or "",
        synonyms=tuple(table.synonyms),
    )
    if not made.bears_spelling:
        raise _bad(file, where, f"spelling {table.spelling} does not belong to a {table.kind} like this one")
    return made


def _allowances(
    file: str, where: str, tables: Iterable[ItemsTable], types: dict[str, TypeSchema]
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
    for table in _read(folder, file, PurposesFile).purpose:
        if table.code in purposes:
            raise _bad(file, table.code, "code is used twice")
        allowances = _allowances(file, table.code, table.allow, types)
        kinds = frozenset(table.holder_kinds)
        if {types[a.type_code].holder_kind for a in allowances} != kinds:
            raise _bad(file, table.code, "holder_kinds and the types' holder kinds differ")
        purposes[table.code] = Purpose(
            **table.model_dump(exclude={"allow", "holder_kinds", "pulls_per_day", "pulls_per_month"}),
            holder_kinds=kinds,
            allowances=allowances,
            fair_use=_fair_use(file, table),
        )
    return purposes


def _fair_use(file: str, table: PurposeTable) -> dict[str, FairUse]:
    """Caps by type: the purpose's own where the type has none; none may exceed the purpose's."""
    caps = ("pulls_per_day", "pulls_per_month", "max_days", "data_life_days")
    found: dict[str, FairUse] = {}
    for allow in table.allow:
        own = {cap: getattr(allow, cap) for cap in caps}
        if any(value is not None and value > getattr(table, cap) for cap, value in own.items()):
            raise _bad(file, table.code, f"a cap of {allow.type} exceeds the purpose's")
        use = FairUse(
            **{cap: getattr(table, cap) if value is None else value for cap, value in own.items()},
            range_days=allow.range_days,
        )
        if use.pulls_per_day > use.pulls_per_month:
            raise _bad(file, table.code, f"{allow.type}: more pulls a day than a month")
        found[allow.type] = use
    return found


def _statutory_bases(folder: Path, types: dict[str, TypeSchema]) -> dict[str, StatutoryBasis]:
    file = "statutory_bases.toml"
    bases: dict[str, StatutoryBasis] = {}
    for table in _read(folder, file, BasesFile).basis:
        if table.code in bases:
            raise _bad(file, table.code, "code is used twice")
        try:
            fits = re.fullmatch(table.case_pattern, table.case_example)
        except re.error as error:
            raise _bad(file, table.code, f"case_pattern: {error}") from error
        if fits is None:
            raise _bad(file, table.code, "case_example does not match case_pattern")
        allowances = _allowances(file, table.code, table.allow, types)
        kinds = frozenset(table.holder_kinds)
        if {types[a.type_code].holder_kind for a in allowances} != kinds:
            raise _bad(file, table.code, "holder_kinds and the types' holder kinds differ")
        bases[table.code] = StatutoryBasis(
            **table.model_dump(exclude={"allow", "holder_kinds"}), holder_kinds=kinds, allowances=allowances
        )
    return bases


def _packs(
    folder: Path, types: dict[str, TypeSchema], purposes: dict[str, Purpose], scenarios: tuple[Scenario, ...]
) -> dict[str, ScenarioPack]:
    file = "packs.toml"
    places = {(scenario.domain, scenario.field) for scenario in scenarios}
    packs: dict[str, ScenarioPack] = {}
    for table in _read(folder, file, PacksFile).pack:
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


def _service_items(folder: Path, packs: dict[str, ScenarioPack]) -> Iterator[ServiceItem]:
    file, pack_of = "item_packs.toml", dict[int, str]()
    for group in _read(folder, file, ItemPacksFile).group:
        for listed in group.items:
            if group.pack not in packs or listed in pack_of:
                raise _bad(file, str(listed), "no such pack, or the item is named twice")
            pack_of[listed] = group.pack
    with (folder / "service_items.csv").open(encoding="utf-8") as stream:
        columns = stream.readline().strip().split(",")
    for row in _rows(folder, "service_items.csv", columns):
        number, province, name, city = row.values()
        yield ServiceItem(int(number), province, name, tuple(city.split(";")), pack_of.get(int(number)))


def _version(folder: Path, digest: str) -> str:
    """The newest version's name. Refuses field schemas that changed without a new version: leaves name it."""
    file = "versions.toml"
    versions = _read(folder, file, VersionsFile).version
    if len({version.name for version in versions}) != len(versions):
        raise _bad(file, versions[-1].name, "a version is named twice")
    newest = versions[-1]
    if newest.sha256 != digest:
        raise _bad(file, newest.name, f"the field schemas are not this version's; their digest is {digest}")
    return newest.name
