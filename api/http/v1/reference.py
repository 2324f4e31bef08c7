"""What anybody may read: parties, the catalogue, purposes; and the operations endpoints."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.http import metrics
from api.http.auth import ContextDep, public
from api.http.forms import moment
from api.http.strict_json import StrictJsonRoute
from api.locale import error_text
from api.services import parties, service_items, status

router = APIRouter(tags=["reference"], route_class=StrictJsonRoute)
operations = APIRouter(tags=["operations"], route_class=StrictJsonRoute)
Anybody = Annotated[None, public()]


@router.get("/parties")
def list_parties(
    ctx: ContextDep, _: Anybody, role: Annotated[str | None, Query(max_length=16)] = None
) -> dict[str, Any]:
    """Departments, entities, regulators, operators; organisations all."""
    return {
        "items": [
            {
                "id": party.id,
                "role": party.role,
                "zh": party.name_zh,
                "en": party.name_en,
                "uscc": party.uscc,
                "department": party.department_code,
                "address": None if party.address is None else "0x" + party.address.hex(),
                "key_thumbprint": party.http_key_thumbprint,
                "custody": party.custody,
                "status": party.status,
                "anchor_state": party.anchor_state,
            }
            for party in parties.list_public(ctx, role)
        ]
    }


@router.get("/catalogue/types")
def list_types(ctx: ContextDep, _: Anybody) -> dict[str, Any]:
    """The certificate types with their fields."""
    return {
        "version": ctx.catalogue.version,
        "items": [
            {
                "code": schema.code,
                "zh": schema.zh,
                "en": schema.en,
                "holder_kind": schema.holder_kind.value,
                "elc_type": schema.elc_type,
                "department": schema.department,
                "ready": schema.ready,
                "fields": [
                    {
                        "name": field.name,
                        "zh": field.zh,
                        "en": field.en,
                        "kind": field.kind.value,
                        "required": field.required,
                        "sensitive": field.sensitive,
                        "trade_secret": field.trade_secret,
                        "normative": field.normative,
                    }
                    for field in schema.fields
                ],
                "claims": [
                    {
                        "name": claim.name,
                        "zh": claim.zh,
                        "en": claim.en,
                        "kind": claim.kind.value,
                        "source": claim.source,
                        "years": claim.years or None,
                    }
                    for claim in schema.claims
                ],
            }
            for schema in ctx.catalogue.types.values()
        ],
    }


@router.get("/catalogue/purposes")
def list_purposes(ctx: ContextDep, _: Anybody) -> dict[str, Any]:
    """Registered purposes with what they allow, and the scenario packs under them."""
    return {
        "items": [
            {
                "code": purpose.code,
                "version": purpose.version,
                "zh": purpose.zh,
                "en": purpose.en,
                "case_required": purpose.case_required,
                "max_days": purpose.max_days,
                "max_uses": purpose.max_uses,
                "data_life_days": purpose.data_life_days,
                "holder_kinds": sorted(kind.value for kind in purpose.holder_kinds),
                "fair_use": {code: asdict(use) for code, use in purpose.fair_use.items()},
                "allowed": [
                    {"type": allowed.type_code, "field": allowed.field, "necessary": allowed.necessary}
                    for allowed in purpose.allowances
                ],
                "packs": [pack.code for pack in ctx.catalogue.packs.values() if pack.purpose == purpose.code],
            }
            for purpose in ctx.catalogue.purposes.values()
        ]
    }


@router.get("/catalogue/items")
def list_items(
    ctx: ContextDep,
    _: Anybody,
    q: Annotated[str, Query(max_length=service_items.QUERY_MAX)] = "",
    after: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> dict[str, Any]:
    """Service items that use certificates, found by words, number or office, and what the catalogue fills in for each.

    Their names are Chinese, as the plan's annex has them. `next_after` goes on.
    """
    page = service_items.search(ctx, q, after=after)
    return {
        "total": page.total,
        "next_after": page.after,
        "items": [
            {
                "number": one.item.number,
                "name": one.item.name,
                "departments": [one.item.province_department, *one.item.city_departments],
                "scenario": one.item.pack,
                "purpose": None if one.pack is None else one.pack.purpose,
                "needed": [{"type": needed.type_code, "field": needed.field} for needed in one.needed],
            }
            for one in page.items
        ],
    }


@operations.get("/livez", include_in_schema=False)
def livez(_: Anybody) -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@operations.get("/metrics", include_in_schema=False)
def read_metrics(ctx: ContextDep, request: Request, _: Anybody) -> Response:
    """Counts, durations, states and queues for Prometheus; from this machine or with the token alone."""
    metrics.allowed(ctx, request)
    found: metrics.Metrics = request.app.state.metrics
    return Response(found.text(), media_type=metrics.CONTENT_TYPE)


@operations.get("/readyz")
def readyz(ctx: ContextDep, response: Response, _: Anybody) -> dict[str, Any]:
    """Each dependency's state; 503 while one without which nothing can be promised is missing."""
    parts = status.readiness(ctx)
    ready = all(part.ok for part in parts)
    response.status_code = 200 if ready else 503
    reasons = {
        part.name: {
            "code": part.reason,
            "since": moment(part.since_ms),
            "zh": error_text(part.reason, "zh-Hans", {}),
            "en": error_text(part.reason, "en", {}),
        }
        for part in parts
        if part.reason is not None
    }
    return {"ready": ready, "parts": {part.name: part.state for part in parts}, "reasons": reasons}
