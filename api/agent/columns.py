"""What this department said, on this machine, of its files' columns: header to field, or null for one left out.

Officers name columns on the service's page, which remembers them. But whoever may say which column is which field says
what a certificate states; so what the service remembers is used here only where somebody accepted it here, once, and
what it says otherwise afterwards is refused.

    FOLDER/columns.json   {certificate type: {header: field or null}}
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from api.catalogue.canonical import header_key
from api.catalogue.columns import known_headers
from api.catalogue.model import TypeSchema
from api.errors import ApiError, Kind

FILE = "columns.json"
UNACCEPTED = "agent.columns"


def unaccepted(folder: Path, schema: TypeSchema, told: Mapping[str, str | None]) -> dict[str, str | None]:
    """What the service says of columns that neither the catalogue nor anybody here has said.

    Raises ApiError `agent.columns_file`: what was accepted cannot be read.
    """
    said = _read(folder).get(schema.code, {})
    known = {key: field.name for key, field in known_headers(schema).items()}
    missing = object()
    return {
        header: name
        for header, name in told.items()
        if said.get(header, missing) != name and not (name is not None and known.get(header_key(header)) == name)
    }


def accept(folder: Path, report: Path) -> dict[str, str | None]:
    """Accept what a report of a failed file lists, and put that file in again; what was accepted.

    Raises ApiError `agent.no_columns`: it is no such report, or its file is gone; `agent.columns_file`.
    """
    try:
        told: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        columns, type_code, name = told["columns"], str(told["type"]), Path(str(told["file"])).name
        if told["error"] != UNACCEPTED or not _is_mapping(columns):
            raise ValueError
        file = report.with_name(report.name.removesuffix(".report.json"))
        back = folder / "in" / Path(type_code).name / name
        if not file.is_file() or back.exists():
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        raise ApiError("agent.no_columns") from None
    said = _read(folder)
    said[type_code] = said.get(type_code, {}) | columns
    fresh = folder / f".{FILE}.new"
    with fresh.open("w", encoding="utf-8") as out:
        json.dump(said, out, ensure_ascii=False, indent=2, sort_keys=True)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(folder / FILE)
    back.parent.mkdir(parents=True, exist_ok=True)
    file.replace(back)
    found: dict[str, str | None] = columns
    return found


def _read(folder: Path) -> dict[str, dict[str, str | None]]:
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ApiError("agent.columns_file", Kind.INTERNAL) from None
    if not isinstance(said, dict) or not all(_is_mapping(one) for one in said.values()):
        raise ApiError("agent.columns_file", Kind.INTERNAL)
    return said


def _is_mapping(value: object) -> bool:
    return isinstance(value, dict) and all(name is None or isinstance(name, str) for name in value.values())
