"""Who looked at one's data: a list with filters, and the whole as a file."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from api.http.auth import ContextDep, allow
from api.http.forms import INT_MAX, download, moment
from api.http.strict_json import StrictJsonRoute
from api.services import footprints
from api.services.context import Actor, Role
from api.services.footprints import Filter, Footprint, Group
from api.store.tables import Party

router = APIRouter(tags=["footprints"], route_class=StrictJsonRoute)
Citizen = Annotated[Actor, allow(Role.CITIZEN)]
Which = Annotated[Literal["all", "delivered", "refused", "official", "own", "changes"], Query()]
Who = Annotated[str | None, Query(max_length=64)]
Seconds = Annotated[int | None, Query(ge=0, le=INT_MAX // 1000)]
COLUMNS = (
    "at",
    "kind",
    "party",
    "party_name",
    "basis",
    "purpose",
    "case_no",
    "fields",
    "reason",
    "repeats",
    "receipt",
    "number",
    "masked_until",
    "mask_law",
)


def shown(line: Footprint) -> dict[str, Any]:
    """A line as JSON. Of a masked one only its time, the law and the day of its release are in it."""
    if line.mask is not None:
        return {
            "receipt": None,
            "number": None,
            "kind": line.receipt.kind,
            "party": None,
            "grant": None,
            "copy": None,
            "purpose": None,
            "basis": line.basis,
            "case_no": None,
            "fields": [],
            "through": None,
            "reason": None,
            "repeats": 1,
            "at": moment(line.receipt.at_ms),
            "mask": {"access": line.mask.access_id, "law": line.mask.law, "until": moment(line.mask.until_ms)},
        }
    through = line.details.get("relation")
    return {
        "receipt": line.receipt.id,
        "number": line.receipt.number,
        "kind": line.receipt.kind,
        "party": None if line.party is None else party_shown(line.party),
        "grant": line.receipt.grant_id,
        "copy": line.receipt.copy_id,
        "purpose": None if line.grant is None else line.grant.terms["purpose"],
        "basis": line.basis,
        "case_no": line.case_no,
        "fields": list(line.fields),
        "through": None if through is None else str(through),
        "reason": line.receipt.reason,
        "repeats": line.repeats,
        "at": moment(line.receipt.at_ms),
        "mask": None,
    }


def party_shown(party: Party) -> dict[str, Any]:
    """A party's id and names."""
    return {"id": party.id, "zh": party.name_zh, "en": party.name_en}


def wanted(kind: str, party: str | None, since: int | None, until: int | None) -> Filter:
    """A filter from query parameters; times in seconds since 1970."""
    return Filter(Group(kind), party, None if since is None else since * 1000, None if until is None else until * 1000)


@router.get("/footprints")
def list_footprints(
    ctx: ContextDep,
    actor: Citizen,
    kind: Which = "all",
    party: Who = None,
    since: Seconds = None,
    until: Seconds = None,
    cursor: Annotated[str | None, Query(max_length=128)] = None,
) -> dict[str, Any]:
    """Who looked or was refused, on what basis and with which proof; `total` counts masked lines as well."""
    page = footprints.list_own(ctx, actor, cursor, wanted(kind, party, since, until))
    found = footprints.totals(ctx, actor)
    return {
        "items": [shown(line) for line in page.items],
        "next_cursor": page.next_cursor,
        "total": found.looks,
        "masked": found.masked,
    }


@router.get("/footprints/export")
def export_footprints(
    ctx: ContextDep,
    actor: Citizen,
    form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
    kind: Which = "all",
    party: Who = None,
    since: Seconds = None,
    until: Seconds = None,
) -> Response:
    """All lines as one file, JSON or CSV."""
    return exported(footprints.export(ctx, actor, wanted(kind, party, since, until)), form)


def exported(lines: list[Footprint], form: str) -> Response:
    """The lines as a file to be saved."""
    items = [shown(line) for line in lines]
    name = f"footprints-{datetime.now(UTC):%Y%m%d}"
    if form == "json":
        data = json.dumps({"schema": "mydata/footprints/1", "items": items}, ensure_ascii=False, indent=2).encode()
        return download(data, "application/json", f"{name}.json")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(item) for item in items)
    # The mark in front makes spreadsheet programs read UTF-8.
    return download(b"\xef\xbb\xbf" + text.getvalue().encode(), "text/csv; charset=utf-8", f"{name}.csv")


def _row(item: dict[str, Any]) -> list[str]:
    party, mask, purpose = item["party"] or {}, item["mask"] or {}, item["purpose"] or {}
    values = {
        **item,
        "party": party.get("id"),
        "party_name": party.get("zh"),
        "purpose": purpose.get("code"),
        "fields": " ".join(item["fields"]),
        "masked_until": mask.get("until"),
        "mask_law": mask.get("law"),
    }
    return [_cell(values[name]) for name in COLUMNS]


def _cell(value: object) -> str:
    """A cell that no spreadsheet program takes for a formula."""
    text = "" if value is None else str(value)
    return "'" + text if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
