"""Certificates of the signed-in holder."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.http.auth import ContextDep, allow
from api.http.forms import anchoring, download, moment
from api.http.strict_json import StrictJsonRoute
from api.services import certificates
from api.services.anchoring import Outlook, outlook
from api.services.certificates import Certificate
from api.services.context import Actor, Role

router = APIRouter(tags=["certificates"], route_class=StrictJsonRoute)
Citizen = Annotated[Actor, allow(Role.CITIZEN)]
BUNDLE = "application/vnd.mydata.bundle+json"


def shown(item: Certificate, outlook: Outlook) -> dict[str, Any]:
    """A certificate as JSON, values included: it goes to its holder alone."""
    return {
        "id": item.id,
        "type": item.schema.code,
        "name": {"zh": item.schema.zh, "en": item.schema.en},
        "issuer": None
        if item.issuer is None
        else {"id": item.issuer.id, "zh": item.issuer.name_zh, "en": item.issuer.name_en},
        "elc": item.elc,
        "version": item.version,
        "origin": item.origin,
        "shareable": item.shareable,
        "status": item.status,
        "anchor_state": item.anchor_state,
        "anchoring": anchoring(outlook.of(item.anchor_state, item.sealed_at_ms, f"anchor:{item.return_id}:0")),
        "values": item.values,
        "claims": {
            claim.name: {"value": claim.value, "state": "unknown" if claim.value is None else "attested"}
            for claim in item.claims
        },
        "received_at": moment(item.created_at_ms),
    }


@router.get("/certificates")
def list_certificates(
    ctx: ContextDep, actor: Citizen, cursor: Annotated[str | None, Query(max_length=128)] = None
) -> dict[str, Any]:
    """One's certificates, newest first."""
    page, now = certificates.list_own(ctx, actor, cursor), outlook(ctx)
    return {"items": [shown(item, now) for item in page.items], "next_cursor": page.next_cursor}


@router.get("/certificates/{record_id}")
def get_certificate(ctx: ContextDep, actor: Citizen, record_id: str) -> dict[str, Any]:
    """One certificate."""
    return shown(certificates.get_own(ctx, actor, record_id).certificate, outlook(ctx))


@router.get("/certificates/{record_id}/history")
def get_history(ctx: ContextDep, actor: Citizen, record_id: str) -> dict[str, Any]:
    """Its versions, and who took fields of it."""
    page = certificates.get_own(ctx, actor, record_id)
    return {
        "versions": [
            {
                "id": v.record.id,
                "version": v.record.version,
                "status": v.status,
                "at": moment(v.record.created_at_ms),
            }
            for v in page.versions
        ],
        "uses": [
            {"receipt": use.receipt.id, "entity": use.receipt.party_id, "at": moment(use.receipt.at_ms)}
            for use in page.uses
        ],
    }


@router.get("/certificates/{record_id}/proof")
def get_proof(ctx: ContextDep, actor: Citizen, record_id: str) -> Response:
    """The holder's own evidence bundle, every field disclosed."""
    return download(certificates.bundle(ctx, actor, record_id).to_bytes(), BUNDLE, f"{record_id}.bundle.json")


@router.get("/certificates/{record_id}/original")
def get_original(ctx: ContextDep, actor: Citizen, record_id: str) -> Response:
    """The certificate as a PDF, unmarked, for its holder; the download is receipted."""
    return download(certificates.original_pdf(ctx, actor, record_id), "application/pdf", f"{record_id}.pdf")
