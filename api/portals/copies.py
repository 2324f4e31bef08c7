"""Copies as several portals show them: state in words, the date that counts, and what was stated."""

from api.catalogue.retention import load_retention
from api.locale import Lang
from api.policy.copy_states import CopyState
from api.portals import frame as at
from api.portals.views.common import CopyLine, CopyMove
from api.services.context import Context
from api.services.copies import CopyView


def copy_line(ctx: Context, view: CopyView, lang: Lang) -> CopyLine:
    """One copy in a list."""
    copy, stated = view.copy, view.deleted
    state = CopyState(copy.state)
    retention = load_retention()
    basis = retention.bases.get(copy.retained_basis or "")
    method = None if stated is None else retention.methods.get(stated.reason)
    case_no = view.grant.terms["case_no"]
    return CopyLine(
        id=copy.id,
        entity=at.named(view.entity, lang),
        purpose=at.purpose_of(ctx, view.grant.terms, lang),
        case_no=None if case_no is None else str(case_no),
        media_type=copy.media_type,
        state=state.value,
        due_at_ms=None if state is CopyState.DELETED else copy.due_at_ms,
        basis=None if basis is None else basis.label(lang),
        deleted_at_ms=stated.stated_at_ms if stated is not None and state is CopyState.DELETED else None,
        method=None if method is None else method.label(lang),
        signed=stated is not None and stated.actor == "machine",
    )


def copy_moves(view: CopyView, lang: Lang) -> tuple[CopyMove, ...]:
    """A copy's moves, the newest first."""
    retention = load_retention()
    found = []
    for event in reversed(view.events):
        named = retention.methods.get(event.reason) or retention.bases.get(event.reason)
        found.append(
            CopyMove(
                at_ms=event.at_ms,
                state=event.state,
                actor=event.actor,
                reason=None if named is None else named.label(lang),
                receipt_id=event.receipt_id,
            )
        )
    return tuple(found)
