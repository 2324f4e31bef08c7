"""Whoever holds a copy of values that a newer version of the record has changed is told: which copies, of what type.

What changed beside the granted fields is nobody's business, so it is told to nobody. Sealing a return writes the
announcement in its own transaction; the worker looks through the replaced records some at a time, and each step is one
transaction that remembers how far it came.
"""

from api.errors import ApiError, Kind
from api.policy.copy_states import GONE, CopyState
from api.policy.disputes import AmendmentState
from api.services.context import Context
from api.services.notices import NoticeKind, tell
from api.services.notifications import Topic, tell_holder, tell_party
from api.store import Session, clock, read_only, unit_of_work
from api.store.log_writer import wait_for_round
from api.store.queries import amendments, corrections, grants, holders, records
from api.store.queries.corrections import CHUNK, Replaced
from api.store.tables import Grant


def turn(ctx: Context) -> int:
    """One step for a sealed return that waits; how many grants' recipients were told, 0 also where nothing waits."""
    with read_only(ctx.db) as session:
        if not corrections.has_open(session):
            return 0
    # A pull that was decided before the seal may not have been committed yet, and its copy is to be found.
    wait_for_round(ctx.db)
    with unit_of_work(ctx.db) as session:
        return _step(ctx, session, clock.advance(session))


def waits(ctx: Context) -> bool:
    """Whether a sealed return still has to be looked through."""
    with read_only(ctx.db) as session:
        return corrections.has_open(session)


def _step(ctx: Context, session: Session, now_ms: int) -> int:
    row = corrections.next_open(session)
    if row is None:
        return 0
    amendment = amendments.of_return(session, row.return_id)
    if amendment is not None and amendment.state != AmendmentState.FAILED:
        # A correction's recipients are told and followed in a way of their own: `api.services.amendments`. Where it has
        # failed and an officer sealed its return afterwards, that is a return like any other.
        corrections.moved_to(session, row.return_id, row.after, now_ms)
        return 0
    replaced = corrections.replaced_by(session, row.return_id, row.after)
    told = 0
    for one in replaced:
        newer: dict[str, object] = {"type": one.type_code}
        tell_holder(session, one.holder_id, Topic.CORRECTED, one.record_id, newer, now_ms)
    for grant_id, held in corrections.copies_holding(session, replaced).items():
        grant = grants.lock_grant(session, grant_id)
        assert grant is not None, "a copy's grant is never deleted"
        listed = [
            {"copy": copy.id, "type": one.type_code, "state": copy.state}
            for copy, one in held
            if CopyState(copy.state) not in GONE and _changed(ctx, session, grant, one)
        ]
        if listed:
            key = f"grant:{grant_id}:corrected:{row.return_id}:{row.after}"
            told += tell(session, grant, NoticeKind.CORRECTED, key, {"copies": listed}, now_ms)
            facts: dict[str, object] = {"grant": grant_id, "party": grant.entity_id}
            tell_party(session, grant.entity_id, Topic.CORRECTED, key, facts, now_ms)
    last = replaced[-1].record_id if replaced else row.after
    corrections.moved_to(session, row.return_id, last, None if len(replaced) == CHUNK else now_ms)
    return told


def _changed(ctx: Context, session: Session, grant: Grant, one: Replaced) -> bool:
    """Whether any field that the grant names reads otherwise in the newer version; of somebody erased nothing does."""
    items = grant.terms["items"]
    assert isinstance(items, list)
    fields = [str(item["field"]) for item in items if item["type"] == one.type_code]
    try:
        key = holders.holder_key(session, ctx.vault, one.holder_id)
        older, newer = (records.open_body(key, row).fields for row in corrections.both_versions(session, one))
    except ApiError as error:
        if error.kind is Kind.UNAVAILABLE:
            raise
        # A row that was altered behind the service's back must not hold up what all others are to be told.
        return error.code != "store.erased"
    return any(older.get(name) != newer.get(name) for name in fields)
