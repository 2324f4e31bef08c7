"""Grants as regulators supervise them: what is held up or void, and one with its trail."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.http.auth import ContextDep, allow
from api.http.forms import moment
from api.http.strict_json import StrictJsonRoute
from api.http.v1.grants import event_shown
from api.services import grants
from api.services.context import Actor, Role
from api.services.grants import supervision
from api.store import clock, read_only
from api.store.tables import Grant, Party

router = APIRouter(prefix="/supervision", tags=["supervision"], route_class=StrictJsonRoute)
Regulator = Annotated[Actor, allow(Role.REGULATOR)]


@router.get("/grants")
def list_stopped(
    ctx: ContextDep, actor: Regulator, cursor: Annotated[str | None, Query(max_length=128)] = None
) -> dict[str, Any]:
    """Grants that are held up at present or were declared void, newest first."""
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
    page = supervision.list_held(ctx, actor, cursor)
    return {"items": [held_shown(one.grant, one.entity, now) for one in page.items], "next_cursor": page.next_cursor}


@router.get("/grants/{grant_id}")
def supervise(ctx: ContextDep, actor: Regulator, grant_id: str) -> dict[str, Any]:
    """One grant with its trail, by its id, its number on the chain, or a copy's or receipt's. Its holder sees that."""
    found = supervision.open_one(ctx, actor, supervision.find(ctx, actor, grant_id))
    grant, entity = found.page.grant, found.page.entity
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
    return {
        **held_shown(grant, entity, now),
        "terms": grant.terms,
        "custody": grant.custody,
        "uses": grant.use_count,
        "max_uses": grant.max_uses,
        "not_before": moment(grant.not_before_ms),
        "not_after": moment(grant.not_after_ms),
        "anchor_state": grant.anchor_state,
        "extends": grant.supersedes_id,
        "extended_by": found.page.successor,
        "copies": [{"id": copy.id, "media_type": copy.media_type, "state": copy.state} for copy in found.page.copies],
        "events": [event_shown(event) | {"reference": event.case_ref} for event in found.page.events],
    }


def held_shown(grant: Grant, entity: Party, now_ms: int) -> dict[str, Any]:
    """How a grant stands, as JSON for a regulator."""
    return {
        "id": grant.id,
        "digest": "0x" + grant.digest.hex(),
        "entity": {"id": entity.id, "zh": entity.name_zh, "en": entity.name_en},
        "legal_basis": grant.legal_basis,
        "purpose": grant.terms["purpose"],
        "case_no": grant.terms["case_no"],
        "state": grants.shown_state(grant, now_ms).value,
        "frozen": grant.frozen,
        "held_by_regulator": grant.suspended,
        "held_for": grant.case_id,
        "created_at": moment(grant.created_at_ms),
        "ended_at": moment(grant.ended_at_ms),
    }
