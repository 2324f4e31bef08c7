"""Returning files as departments do it: columns confirmed, old records reviewed; over HTTP."""

from collections.abc import Mapping
from typing import Any

from api.catalogue import load_catalogue
from api.demo.client import Person
from api.demo.flow import Town
from api.demo.parties import demo_parties
from api.demo.provision import party_id


def drop(officer: Person, name: str, data: bytes, type_code: str, **said: str) -> dict[str, Any]:
    """Hand a file in, whatever it is; what is said of it beside its type: seal, look, sheet, columns, origin."""
    item: dict[str, Any] = officer.upload("/v1/returns", name, data, type=type_code, **said)
    return item


def columns_of(officer: Person, return_id: str) -> dict[str, Any]:
    """What the columns of a waiting file are taken for."""
    found: dict[str, Any] = officer.get(f"/v1/returns/{return_id}/columns")
    return found


def confirm_columns(officer: Person, return_id: str, columns: Mapping[str, str | None]) -> dict[str, Any]:
    """Say which columns are which fields."""
    item: dict[str, Any] = officer.post(f"/v1/returns/{return_id}/columns", {"columns": dict(columns)})
    return item


def officer_with_number(town: Town, department_code: str, staff: str) -> Person:
    """An officer who signs in with a number of their own."""
    party = next(one for one in demo_parties(load_catalogue()) if one.department_code == department_code)
    key = f"{party.code}/officer/{staff}"
    if key not in town.signed_in:
        claims = {"role": "department", "party": party_id(party), "name": "演示经办人"}
        town.signed_in[key] = Person(town.url).sign_in(**claims, staff=staff)
    return town.signed_in[key]


def review(officer: Person, return_id: str, rows: int) -> dict[str, Any]:
    """Review a return of old records."""
    item: dict[str, Any] = officer.post(f"/v1/returns/{return_id}/review", {"rows": rows})
    return item
