"""Disputes as those concerned see them: the holder, whoever must answer, a regulator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from api.errors import ApiError, Kind
from api.policy.disputes import OPEN, AmendmentState, DisputeState, Subject, shown_to_holder
from api.policy.mandates import Action
from api.services import looks
from api.services.authority import authority
from api.services.context import Actor, Context, Role
from api.services.disputes.acts import ANSWERERS
from api.store import Session, clock, read_only
from api.store.queries import amendments, disputes, holders, parties, receipts, records
from api.store.queries.disputes import Words
from api.store.queries.paging import Page
from api.store.tables import Amendment, Dispute, DisputeEvent, Party, Receipt


@dataclass(frozen=True, slots=True)
class DisputeView:
    """A dispute as whoever asks may see it; texts that are not theirs to read, or not there, are None.

    `values` are the certificate's present ones by field, for the department that may correct them alone. `states` are
    those of its corrections, by id, as far as the reader may know.
    """

    dispute: Dispute
    party: Party | None
    receipt: Receipt | None
    events: Sequence[DisputeEvent]
    amendments: Sequence[Amendment]
    words: Mapping[Words, str | None] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, AmendmentState] = field(default_factory=dict)


def get(ctx: Context, actor: Actor, dispute_id: str) -> DisputeView:
    """One dispute with its texts. Raises `disputes.not_found`.

    Whoever is not its holder leaves a line among those who looked: what a person wrote is shown to them.
    """
    with read_only(ctx.db) as session:
        row = disputes.get_dispute(session, dispute_id)
        if row is None or not _visible(ctx, session, actor, row):
            raise ApiError("disputes.not_found", Kind.NOT_FOUND)
        key = holders.holder_key(session, ctx.vault, row.holder_id)
        # Why the regulator is asked is between the holder and the regulator.
        shown = [one for one in Words if one is not Words.CONTEST or actor.role not in ANSWERERS]
        words = {one: disputes.open_words(key, row, one) for one in shown}
        values: Mapping[str, str] = {}
        if actor.role is Role.DEPARTMENT and row.record_id is not None and row.party_id == actor.party_id:
            view = records.get_record(session, row.holder_id, row.record_id)
            values = {} if view is None else records.open_body(key, view.record).fields
            if row.subject == Subject.FIELD:
                values = {name: value for name, value in values.items() if name == row.field}
        found = _view(session, actor, row, words, values)
    facts = {"dispute": dispute_id}
    looks.by_regulator(ctx, actor, "dispute", [(row.holder_id, None)], facts)
    looks.by_answerer(ctx, actor, row.holder_id, "dispute", facts)
    return found


def list_visible(
    ctx: Context,
    actor: Actor,
    cursor: str | None = None,
    *,
    open_only: bool = False,
    escalated: bool = False,
) -> Page[DisputeView]:
    """One's own disputes, those that one's organisation must answer, or all for a regulator; without texts.

    `escalated`: those alone that the regulator was told of or asked to decide.
    """
    states = OPEN if open_only else None
    with read_only(ctx.db) as session:
        if actor.role is Role.CITIZEN:
            holder_id = authority(ctx, session, actor, Action.LOOK).holder_id
            page = disputes.list_disputes(session, holder_id=holder_id, states=states, cursor=cursor)
        elif actor.role is Role.REGULATOR:
            page = disputes.list_disputes(session, states=states, escalated=escalated, cursor=cursor)
        else:
            party_id = actor.party(*ANSWERERS)
            page = disputes.list_disputes(session, party_id=party_id, states=states, cursor=cursor)
        kept = [row for row in page.items if _visible(ctx, session, actor, row)]
        return Page([_view(session, actor, row, {}, {}) for row in kept], page.next_cursor)


def waiting(ctx: Context, actor: Actor) -> int:
    """How many disputes one's organisation has to act on."""
    with read_only(ctx.db) as session:
        return disputes.count_open(session, party_id=actor.party(*ANSWERERS))


def shown_number(row: Dispute) -> str:
    """A dispute's number as people write it."""
    return shown_number_of(row.number)


def shown_number_of(number: int) -> str:
    """The same for a number by itself."""
    return f"YY-{number:06d}"


def state_of(row: Dispute) -> DisputeState:
    """Where a dispute stands."""
    return DisputeState(row.state)


def _visible(ctx: Context, session: Session, actor: Actor, row: Dispute) -> bool:
    if actor.role is Role.CITIZEN:
        may = authority(ctx, session, actor, Action.LOOK)
        within = may.whole if row.type_code is None else may.covers(Action.LOOK, [row.type_code])
        return row.holder_id == may.holder_id and within
    return actor.role is Role.REGULATOR or row.party_id == actor.party(*ANSWERERS)


def _view(
    session: Session, actor: Actor, row: Dispute, words: Mapping[Words, str | None], values: Mapping[str, str]
) -> DisputeView:
    following = amendments.of_dispute(session, row.id)
    return DisputeView(
        row,
        parties.get_party(session, row.party_id),
        None if row.receipt_id is None else receipts.get_receipt(session, row.receipt_id),
        disputes.events_of(session, row.id),
        following,
        words,
        values,
        {one.id: _state_of(session, actor, one) for one in following},
    )


def _state_of(session: Session, actor: Actor, row: Amendment) -> AmendmentState:
    state = AmendmentState(row.state)
    if actor.role is not Role.CITIZEN:
        return state
    masked = amendments.masked_grants(session, row.holder_id, clock.now_ms(session))
    return shown_to_holder(state, amendments.counts(session, row.id, amendments.hidden_parties(session, row, masked)))
