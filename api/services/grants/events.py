"""What every change of a grant leaves behind, in one transaction: an event, a receipt, an effect on the chain."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from api.policy.states import GrantState, check_transition
from api.services import chain_outbox, copies_life
from api.services.context import Actor, Context, Relation, Role
from api.services.grants.reading import shown_state
from api.store import Session, outbox
from api.store.queries import grants, holders, parties
from api.store.receipts import ReceiptDraft
from api.store.tables import Grant, GrantEvent
from chain.canonical import Json
from chain.grantmsg import GrantStatus, change_digest
from chain.receipt import ReceiptKind

T = TypeVar("T")
Add = Callable[[ReceiptDraft], T]
"""How a receipt is written: numbered at once by the log writer (`Numberer.add`), or prepared by any other process."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes a grant: as what, and under which party or mandate; never a person.

    `office` is the party whose officer did it for the holder at a counter.
    """

    word: str
    by_id: str | None = None
    office: str | None = None


PLATFORM = Author("platform")
DEMO_CUSTODY = "demo"
REGULATOR = "regulator"

_WORDS = {
    Role.DEPARTMENT: "department",
    Role.ENTITY: "recipient",
    Role.REGULATOR: REGULATOR,
    Role.OPERATOR: "operator",
    Role.SECURITY: "operator",
    Role.AUDITOR: "operator",
}


def author_of(actor: Actor) -> Author:
    """How an actor stands in a grant's history."""
    if actor.role is not Role.CITIZEN:
        return Author(_WORDS[actor.role], actor.party_id)
    word = "holder" if actor.relation is Relation.SELF else actor.relation.value
    return Author(word, actor.mandate_id, actor.party_id)


def check_move(grant: Grant, after: GrantState, now_ms: int) -> None:
    """`grant.transition` unless the grant, as it stands at this time, may become `after`."""
    check_transition(shown_state(grant, now_ms), after)


def begun(session: Session, grant: Grant, author: Author, now_ms: int, add: Add[T], terms: str) -> T:
    """The first event of a new grant, with its receipt; `terms` is the commitment to them as 0x-hexadecimal."""
    event = grants.append_event(session, grant, GrantState.ACTIVE, actor=author.word, by_id=author.by_id, at_ms=now_ms)
    copies_life.grant_began(session, grant, now_ms)
    details = {**_details(grant, event), **_office(author), "terms": terms, "entity": grant.entity_id}
    return _receipted(event, add, _draft(ReceiptKind.GRANT, grant, details))


def changed(
    session: Session,
    grant: Grant,
    state: GrantState,
    author: Author,
    now_ms: int,
    add: Add[T],
    *,
    reason: str | None = None,
    frozen: bool | None = None,
    case_ref: str | None = None,
    signature: bytes | None = None,
) -> T:
    """One change of a locked grant; with a `signature` it is the grant's next signed change on chain as well."""
    number = None if signature is None else grant.seq
    before = GrantState(grant.state)
    event = grants.append_event(
        session,
        grant,
        state,
        actor=author.word,
        by_id=author.by_id,
        at_ms=now_ms,
        reason=reason,
        frozen=frozen,
        case_ref=case_ref,
        signature=signature,
        number=number,
    )
    copies_life.grant_moved(session, grant, before, now_ms)
    details = {**_details(grant, event), **_office(author)}
    if number is not None:
        details |= {"status": int(STATUS_OF[state]), "seq": number}
    return _receipted(event, add, _draft(ReceiptKind.CHANGE, grant, details))


def receipted(grant: Grant, event: GrantEvent, add: Add[T]) -> T:
    """The receipt of an event that came by way of the chain."""
    return _receipted(event, add, _draft(ReceiptKind.CHANGE, grant, _details(grant, event)))


STATUS_OF = {
    GrantState.ACTIVE: GrantStatus.ACTIVE,
    GrantState.PAUSED: GrantStatus.PAUSED,
    GrantState.REVOKED: GrantStatus.REVOKED,
}


def change_digest_of(ctx: Context, grant: Grant, state: GrantState) -> bytes:
    """What the grant's key signs for its next change to `state`."""
    return change_digest(grant.digest, STATUS_OF[state], grant.seq, ctx.chain.chain_id, ctx.chain.address("Grants"))


def custody_signature(ctx: Context, session: Session, grant: Grant, state: GrantState) -> bytes | None:
    """The signature of a change by the grant's key in custody; None where the holder keeps the key."""
    secret = grants.open_secret(holders.holder_key(session, ctx.vault, grant.holder_id), grant)
    if secret.key is None:
        return None
    return ctx.signer(secret.key).sign_digest(change_digest_of(ctx, grant, state))


# Effects on the chain

_ENDED_WITHOUT_NUMBER = frozenset(
    # REVOKED without a number: a grant under its holder's own key, taken back without it.
    {GrantState.TERMINATED, GrantState.INVALIDATED, GrantState.SUPERSEDED, GrantState.REVOKED}
)


def announce_grant(session: Session, grant: Grant, payload: dict[str, object]) -> None:
    """The registration."""
    outbox.put(session, chain_outbox.REGISTER_GRANT, _key(grant.id, -1), payload)


def announce_change(session: Session, grant: Grant, state: GrantState, signature: bytes) -> None:
    """The change that was just signed; moves the grant's number. It follows the change before it."""
    seq, grant.seq = grant.seq, grant.seq + 1
    payload = chain_outbox.change_payload(grant.digest, STATUS_OF[state], seq, signature, after=_key(grant.id, seq - 1))
    outbox.put(session, chain_outbox.CHANGE_GRANT, _key(grant.id, seq), payload)


def announce_end(session: Session, grant: Grant) -> None:
    """The platform's end, after all changes that were signed before."""
    payload = chain_outbox.end_payload(grant.digest, after=_key(grant.id, grant.seq - 1))
    outbox.put(session, chain_outbox.END_GRANT, _end_key(grant.id), payload)


def announce_suspension(session: Session, grant: Grant, regulator_id: str, *, suspended: bool) -> None:
    """A regulator's hold, or its lifting, sent from the regulator's own account.

    A regulator that keeps its key sends it by itself, and the indexer sees it.
    """
    regulator = parties.get_party(session, regulator_id)
    if regulator is None or regulator.custody != DEMO_CUSTODY:
        return
    holds = [event.seq for event in grants.events_of(session, grant.id) if event.actor == REGULATOR and _is_hold(event)]
    # One hold after another, as each lifts or repeats the one before; the first comes after the registration.
    follows = _hold_key(grant.id, holds[-2]) if len(holds) > 1 else _key(grant.id, -1)
    payload = chain_outbox.suspend_payload(grant.digest, suspended, regulator_id, follows=follows)
    outbox.put(session, chain_outbox.SUSPEND_GRANT, _hold_key(grant.id, holds[-1]), payload)


def _is_hold(event: GrantEvent) -> bool:
    return event.case_ref is not None and not GrantState(event.state).final


def _hold_key(grant_id: str, event: int) -> str:
    return f"grant:{grant_id}:hold:{event}"


def _end_key(grant_id: str) -> str:
    return f"grant:{grant_id}:end"


def _key(grant_id: str, seq: int) -> str:
    """Key of a grant's transaction: registration is -1, changes count from 0; each follows the one before."""
    return f"grant:{grant_id}" if seq < 0 else f"grant:{grant_id}:{seq}"


def announced_as(event: GrantEvent) -> str | None:
    """The key under which an event was announced to the chain; None for one that only the log holds."""
    if event.seq == 0:
        return _key(event.grant_id, -1)
    if event.number is not None:
        return _key(event.grant_id, event.number)
    return _end_key(event.grant_id) if event.state in _ENDED_WITHOUT_NUMBER else None


def _details(grant: Grant, event: GrantEvent) -> dict[str, Json]:
    """What a receipt says of an event: the event's hash binds all of it, and through it everything before."""
    return {
        "grant": "0x" + grant.digest.hex(),
        "event": event.seq,
        "event_hash": "0x" + grants.event_hash(event).hex(),
        "state": event.state,
        "frozen": event.frozen,
        "actor": event.actor,
        "reason": event.reason,
    }


def _office(author: Author) -> dict[str, Json]:
    return {} if author.office is None else {"office": author.office}


def _draft(kind: ReceiptKind, grant: Grant, details: dict[str, Json]) -> ReceiptDraft:
    return ReceiptDraft(kind, details, holder_id=grant.holder_id, party_id=grant.entity_id, grant_id=grant.id)


def _receipted(event: GrantEvent, add: Add[T], draft: ReceiptDraft) -> T:
    event.receipt_id = draft.id
    return add(draft)
