"""Replaying a decision: every delivery and refusal under a grant, decided again from history as of its time.

What a decision saw stands in its receipt (`api.policy.replay.Seen`). History is the grant's chain of events, each bound
by a receipt; the recipient's changes of status; and the deliveries that the log had numbered by then. Nothing of the
grant's present state is used but its terms, which were signed and never change.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.policy.decide import Deny, GrantView
from api.policy.replay import AsOf, Seen, decide_again, items_of
from api.policy.states import GrantState
from api.services import looks, receipting
from api.services.context import Actor, Context, Role
from api.services.grants.reading import visible
from api.store import Session, read_only
from api.store.queries import grants, parties, receipts, uses
from api.store.queries.parties import PartyStatus
from api.store.receipts import open_details
from api.store.tables import Grant, GrantEvent, PartyEvent, Receipt
from chain.receipt import ReceiptKind

PERMIT = "permit"
DECISIONS = frozenset({ReceiptKind.DELIVERY.value, ReceiptKind.REFUSAL.value})


@dataclass(frozen=True, slots=True)
class Replayed:
    """A decision made again. `recorded` and `replayed` are "permit" or the reason's code.

    `replayed` is None where this release does not know the rules of that time. `history_holds`: each event is what its
    receipt says and follows from the one before. `agrees` where both are as they should be.
    """

    receipt: Receipt | None
    grant: Grant
    seen: Seen
    then: AsOf
    recorded: str | None
    replayed: str | None
    history_holds: bool

    @property
    def agrees(self) -> bool:
        """Whether the decision would be the same again, on a history that holds."""
        return self.history_holds and self.replayed is not None and self.recorded in {None, self.replayed}


def replay(ctx: Context, actor: Actor, receipt_id: str) -> Replayed:
    """The decision behind a receipt, made again; for the holder, the recipient and regulators.

    Raises `receipts.not_found`, `receipts.no_decision` (another kind of receipt, or one without what was seen),
    `mandate.…`, `store.…` where history does not open.
    """
    if actor.role is not Role.REGULATOR:
        receipting.get(ctx, actor, receipt_id)
    with read_only(ctx.db) as session:
        receipt = receipts.get_receipt(session, receipt_id)
        if receipt is None:
            raise ApiError("receipts.not_found", Kind.NOT_FOUND)
        grant = None if receipt.grant_id is None else grants.find_grant(session, receipt.grant_id)
        if grant is None or receipt.kind not in DECISIONS:
            raise ApiError("receipts.no_decision", Kind.NOT_FOUND)
        seen = Seen.from_json(open_details(session, ctx.vault, receipt).details.get("decision"))
        if seen is None:
            raise ApiError("receipts.no_decision", Kind.NOT_FOUND)
        recorded = PERMIT if receipt.kind == ReceiptKind.DELIVERY else receipt.reason
        found = _replayed(ctx, session, grant, seen, receipt, recorded)
    looks.by_regulator(ctx, actor, "replay", [(grant.holder_id, grant.id)], {"receipt": receipt_id})
    return found


def replay_at(ctx: Context, actor: Actor, grant_id: str, at_ms: int, asked: Sequence[str] | None = None) -> Replayed:
    """What would have been decided at a time, had these fields (or all that are granted) been asked for then.

    Raises `grants.not_found`, `mandate.…`.
    """
    with read_only(ctx.db) as session:
        if actor.role is Role.REGULATOR:
            grant = grants.find_grant(session, grant_id)
        else:
            grant = visible(ctx, session, actor, grant_id)
        if grant is None:
            raise ApiError("grants.not_found", Kind.NOT_FOUND)
        events = [event.seq for event in grants.events_of(session, grant.id) if event.at_ms <= at_ms]
        if not events:
            raise ApiError("grants.not_found", Kind.NOT_FOUND)
        party_events = [event.seq for event in parties.events_of(session, grant.entity_id) if event.at_ms <= at_ms]
        seen = Seen(
            at_ms,
            events[-1],
            party_events[-1] if party_events else 0,
            receipts.position_at(session, at_ms),
            tuple(sorted(asked if asked is not None else _granted(grant))),
            repeat=False,
            caps=None,
        )
        found = _replayed(ctx, session, grant, seen, None, None)
    looks.by_regulator(ctx, actor, "replay", [(grant.holder_id, grant.id)], {"receipt": None})
    return found


def _replayed(
    ctx: Context, session: Session, grant: Grant, seen: Seen, receipt: Receipt | None, recorded: str | None
) -> Replayed:
    history = grants.events_of(session, grant.id)[: seen.event + 1]
    party = parties.events_of(session, grant.entity_id)[: seen.party_event]
    then = AsOf(
        _view(session, grant, history, party, seen),
        uses.uses_before(session, grant.id, seen.position, seen.at_ms),
    )
    verdict = decide_again(then, seen)
    replayed = None if verdict is None else verdict.reason if isinstance(verdict, Deny) else PERMIT
    return Replayed(
        receipt,
        grant,
        seen,
        then,
        recorded,
        replayed,
        _holds(ctx, session, grant, history, seen) and _party_holds(party, seen),
    )


def _view(
    session: Session, grant: Grant, history: Sequence[GrantEvent], party: Sequence[PartyEvent], seen: Seen
) -> GrantView:
    """The grant as history leaves it at that point; the same reading of a repeat as when it was decided."""
    state, frozen = (history[-1].state, history[-1].frozen) if history else ("", False)
    if seen.repeat and state == GrantState.EXHAUSTED:
        state = GrantState.ACTIVE.value
    used = uses.total_before(session, grant.id, seen.position)
    return GrantView(
        entity_id=grant.entity_id,
        entity_active=not party or party[-1].status == PartyStatus.ACTIVE,
        state=state,
        frozen=frozen,
        not_before_ms=_seconds(grant, "not_before") * 1000,
        not_after_ms=_seconds(grant, "not_after") * 1000,
        max_uses=_seconds(grant, "max_uses"),
        use_count=used - 1 if seen.repeat else used,
        items=items_of(_granted(grant)),
    )


def _holds(ctx: Context, session: Session, grant: Grant, history: Sequence[GrantEvent], seen: Seen) -> bool:
    """Whether each event names the one before it and is what its receipt committed to."""
    before = grant.digest
    for place, event in enumerate(history):
        if event.seq != place or event.prev_hash != before or event.at_ms > seen.at_ms:
            return False
        before = grants.event_hash(event)
        receipt = None if event.receipt_id is None else receipts.get_receipt(session, event.receipt_id)
        if receipt is None:
            # Only what came by way of the chain waits for its receipt, for a moment.
            if event.actor != grants.CHAIN or event.receipt_id is not None:
                return False
            continue
        details = open_details(session, ctx.vault, receipt).details
        if (details.get("event"), details.get("event_hash")) != (event.seq, "0x" + before.hex()):
            return False
    return len(history) == seen.event + 1


def _party_holds(events: Sequence[PartyEvent], seen: Seen) -> bool:
    before = bytes(32)
    for place, event in enumerate(events, 1):
        if event.seq != place or event.prev_hash != before:
            return False
        before = parties.event_hash(event)
    return len(events) == seen.party_event


def _granted(grant: Grant) -> list[str]:
    items = grant.terms["items"]
    assert isinstance(items, list)
    return [f"{item['type']}/{item['field']}" for item in items]


def _seconds(grant: Grant, name: str) -> int:
    """A whole number of the signed terms."""
    value = grant.terms[name]
    assert isinstance(value, int)
    return value
