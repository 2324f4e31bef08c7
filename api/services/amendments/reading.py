"""How a correction stands: who was told, who has confirmed, who is late; for its holder, its department, a regulator.

Whoever was told of it sees its own part alone. The holder is not shown recipients whose access a law keeps back.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.policy.disputes import SETTLED, AmendmentState, RecipientState, shown_to_holder
from api.policy.mandates import Action
from api.services import looks
from api.services.amendments.confirming import RECIPIENTS
from api.services.authority import authority
from api.services.context import Actor, Context, Role
from api.store import Session, clock, read_only
from api.store.queries import amendments, parties
from api.store.queries.paging import LIMIT
from api.store.tables import Amendment, AmendmentRecipient, Party


@dataclass(frozen=True, slots=True)
class AmendmentView:
    """A correction with a page of its recipients; `next_after` leads to the next page, None on the last.

    `own` is set for whoever sees its own part alone, `by_holder` for its holder, who learns nothing of the copies under
    the grants in `masked`: neither that there are any, nor when they were settled.
    """

    amendment: Amendment
    issuer: Party | None
    counts: Counter[RecipientState]
    recipients: Sequence[tuple[AmendmentRecipient, Party]]
    next_after: str | None
    own: bool = False
    by_holder: bool = False
    masked: frozenset[str] = frozenset()

    @property
    def total(self) -> int:
        """How many have to put the value right."""
        return self.counts.total()

    @property
    def confirmed(self) -> int:
        """How many have confirmed, or have nothing left to be put right."""
        return sum(self.counts[state] for state in SETTLED)

    @property
    def state(self) -> AmendmentState:
        """How it stands; for its holder as far as the counts that are shown tell."""
        state = AmendmentState(self.amendment.state)
        return shown_to_holder(state, self.counts) if self.by_holder else state

    @property
    def done_at_ms(self) -> int | None:
        """When it was closed; its holder is not told, since the last to settle may be one that is not shown."""
        return None if self.by_holder and self.amendment.sealed_at_ms is not None else self.amendment.done_at_ms

    def copies_of(self, recipient: AmendmentRecipient) -> list[str]:
        """A recipient's copies that the reader may know of."""
        return [one["copy"] for one in recipient.copies if one["grant"] not in self.masked]


@dataclass(frozen=True, slots=True)
class Part:
    """A party's part in a correction, and who corrected."""

    recipient: AmendmentRecipient
    amendment: Amendment
    issuer: Party | None
    party: Party | None = None


def get(ctx: Context, actor: Actor, amendment_id: str, *, after: str = "") -> AmendmentView:
    """One correction. Raises `corrections.not_found`."""
    with read_only(ctx.db) as session:
        row = amendments.get_amendment(session, amendment_id)
        if row is None:
            raise ApiError("corrections.not_found", Kind.NOT_FOUND)
        found = _whole(ctx, session, actor, row, after)
        if found is None:
            found = _own(session, actor, row)
    looks.by_regulator(ctx, actor, "correction", [(found.amendment.holder_id, None)], {"correction": amendment_id})
    return found


def list_to_confirm(ctx: Context, actor: Actor) -> list[Part]:
    """What one's organisation was told of, what it has not confirmed first."""
    with read_only(ctx.db) as session:
        rows = amendments.to_confirm(session, actor.party(*RECIPIENTS))
        return [Part(part, row, parties.get_party(session, row.party_id)) for part, row in rows]


def list_escalated(ctx: Context, actor: Actor) -> list[Part]:
    """For a regulator: who did not confirm in time, the longest overdue first."""
    actor.party(Role.REGULATOR)
    with read_only(ctx.db) as session:
        return [
            Part(one.recipient, one.amendment, parties.get_party(session, one.amendment.party_id), one.party)
            for one in amendments.escalated(session)
        ]


def owing(ctx: Context, actor: Actor) -> int:
    """How many corrections one's organisation has to confirm."""
    with read_only(ctx.db) as session:
        return amendments.count_owing(session, actor.party(*RECIPIENTS))


def _whole(ctx: Context, session: Session, actor: Actor, row: Amendment, after: str) -> AmendmentView | None:
    """With everybody in it, for those to whom that belongs; None for others."""
    hidden: list[str] = []
    masked: frozenset[str] = frozenset()
    if actor.role is Role.CITIZEN:
        may = authority(ctx, session, actor, Action.LOOK)
        if row.holder_id != may.holder_id or not may.covers(Action.LOOK, [row.type_code]):
            raise ApiError("corrections.not_found", Kind.NOT_FOUND)
        masked = amendments.masked_grants(session, row.holder_id, clock.now_ms(session))
        hidden = amendments.hidden_parties(session, row, masked)
    elif actor.role is not Role.REGULATOR and not (
        actor.role is Role.DEPARTMENT and actor.party(Role.DEPARTMENT) == row.party_id
    ):
        return None
    rows = amendments.recipients(session, row.id, after=after, hidden=hidden)
    return AmendmentView(
        row,
        parties.get_party(session, row.party_id),
        amendments.counts(session, row.id, hidden),
        rows[:LIMIT],
        rows[LIMIT - 1][1].id if len(rows) > LIMIT else None,
        by_holder=actor.role is Role.CITIZEN,
        masked=masked,
    )


def _own(session: Session, actor: Actor, row: Amendment) -> AmendmentView:
    party_id = actor.party(*RECIPIENTS)
    recipient = amendments.recipient_of(session, row.id, party_id)
    party = parties.get_party(session, party_id)
    if recipient is None or party is None or not recipient.told:
        raise ApiError("corrections.not_found", Kind.NOT_FOUND)
    issuer = parties.get_party(session, row.party_id)
    return AmendmentView(
        row, issuer, Counter({RecipientState(recipient.state): 1}), [(recipient, party)], None, own=True
    )
