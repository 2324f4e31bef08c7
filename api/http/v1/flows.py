"""Where data went, for regulators: pseudonyms for holders; one certificate's life; the proofs of its entries."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.http.auth import ContextDep, allow
from api.http.forms import download, moment
from api.http.strict_json import StrictJsonRoute
from api.http.v1.receipts import BUNDLE
from api.services import flows
from api.services.context import Actor, Role
from api.services.flows import Filter

router = APIRouter(prefix="/supervision", tags=["supervision"], route_class=StrictJsonRoute)
Regulator = Annotated[Actor, allow(Role.REGULATOR)]
Word = Annotated[str | None, Query(max_length=64)]


@router.get("/flow")
def read_flow(
    ctx: ContextDep,
    actor: Regulator,
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="until")] = None,
    department: Word = None,
    entity: Word = None,
    purpose: Word = None,
    type_code: Annotated[str | None, Query(alias="type", max_length=64)] = None,
    holder: Annotated[str | None, Query(max_length=16)] = None,
) -> dict[str, Any]:
    """Deliveries from department by way of holder to recipient. `holder` is a pseudonym of today's and of the reader's.

    All that the filters leave is counted; `steps` lists the newest (`more`: not all). Whoever is shown singly sees that
    a regulator looked.
    """
    found = flows.read(ctx, actor, Filter(first, last, department, entity, purpose, type_code, holder))
    return {
        "from": found.first.isoformat(),
        "until": found.last.isoformat(),
        "times": found.times,
        "more": found.more,
        "holders": list(found.holders),
        "other_holders": found.others,
        "from_departments": [
            {"department": department, "holder": holder, "times": times}
            for (department, holder), times in sorted(found.in_links.items())
        ],
        "to_entities": [
            {"holder": holder, "entity": entity, "times": times}
            for (holder, entity), times in sorted(found.out_links.items())
        ],
        "paths": [
            {"department": department, "holder": holder, "purpose": why, "entity": entity, "times": times}
            for (department, holder, why, entity), times in sorted(found.paths.items())
        ],
        "by_day": [
            {"day": day.isoformat(), "purpose": purpose, "times": times}
            for (day, purpose), times in sorted(found.by_day.items())
        ],
        "steps": [{**asdict(step), "at": moment(step.at_ms)} for step in found.steps],
    }


@router.get("/certificates/{record_id}")
def read_life(ctx: ContextDep, actor: Regulator, record_id: str) -> dict[str, Any]:
    """One certificate's life without its values: returned, recorded, granted, pulled, traced, ended."""
    found = flows.life(ctx, actor, record_id)
    return {
        "id": found.record.id,
        "type": found.record.type_code,
        "version": found.record.version,
        "status": found.record.status,
        "department": None if found.department is None else found.department.id,
        "root": "0x" + found.root.hex(),
        "recorded": found.anchored,
        "moments": [
            {
                "kind": one.kind,
                "at": moment(one.at_ms),
                "party": None if one.party is None else one.party.id,
                "detail": one.detail,
                "receipt": None if one.receipt is None else one.receipt.id,
                "number": None if one.receipt is None else one.receipt.number,
            }
            for one in found.moments
        ],
    }


@router.get("/certificates/{record_id}/evidence/{receipt_id}")
def read_proof(ctx: ContextDep, actor: Regulator, record_id: str, receipt_id: str) -> Response:
    """The evidence bundle, without values, of an entry in a certificate's life."""
    data = flows.proof(ctx, actor, record_id, receipt_id).to_bytes()
    return download(data, BUNDLE, f"{receipt_id}.bundle.json")
