"""What anybody may read: parties, the catalogue, purposes; and the operations endpoints."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.http.auth import ContextDep, public
from api.http.strict_json import StrictJsonRoute
from api.services import parties, status

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


@operations.get("/livez", include_in_schema=False)
def livez(_: Anybody) -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@operations.get("/readyz")
def readyz(ctx: ContextDep, response: Response, _: Anybody) -> dict[str, Any]:
    """Each dependency's state; 503 while one without which nothing can be promised is missing."""
    parts = status.readiness(ctx)
    ready = all(part.ok for part in parts)
    response.status_code = 200 if ready else 503
    return {"ready": ready, "parts": {part.name: part.state for part in parts}}
