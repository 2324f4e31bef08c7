"""Grants: message, terms and signature against one another; events in order; uses and changes against receipts."""

import hashlib
import itertools

from sqlalchemy import select

from api.errors import ApiError
from api.policy.states import GRANT_TRANSITIONS, GrantState
from api.store.bodies import GrantSecret
from api.store.fsck.report import Check, GrantReceipts
from api.store.queries import grants
from api.store.tables import Grant, GrantEvent
from chain.canonical import Json, canonical
from chain.errors import ChainError
from chain.grantmsg import (
    GrantMessage,
    GrantStatus,
    binding_commitment,
    change_digest,
    check_signer,
    grant_digest,
    terms_hash,
)

_STATE_OF_STATUS = {
    GrantStatus.ACTIVE: GrantState.ACTIVE,
    GrantStatus.PAUSED: GrantState.PAUSED,
    GrantStatus.REVOKED: GrantState.REVOKED,
}
_STATUS_OF_STATE = {state: status for status, state in _STATE_OF_STATUS.items()}


def check_grants(check: Check) -> None:
    """Every grant, with its events."""
    for grant in check.each("grants", select(Grant).order_by(Grant.id)):
        if grant.holder_id not in check.erased:
            _check_grant(check, grant)
        _check_events(check, grant, grants.events_of(check.session, grant.id))


def _check_grant(check: Check, grant: Grant) -> None:
    said = check.grants.get(grant.id, GrantReceipts())
    if check.locked(grant.holder_id):
        check.leave("grants")
        return
    key = check.key(grant.holder_id)
    try:
        secret = None if key is None else grants.open_secret(key, grant)
        if secret is None or not _holds(check, grant, secret):
            check.find("grants", grant.id, "fsck.grant_edited")
            return
    except (ApiError, ChainError, KeyError, ValueError, TypeError):
        check.find("grants", grant.id, "fsck.grant_edited")
        return
    if "0x" + grant.digest.hex() not in said.begun:
        check.unreceipted("grants", grant.id, "fsck.grant_unreceipted")
    if 0 < grant.use_count - said.uses <= check.lost:
        check.leave("grants")  # the deliveries that are not told may be among the receipts that are lost
    elif grant.use_count != said.uses:
        check.find("grants", grant.id, "fsck.grant_uses")


def _holds(check: Check, grant: Grant, secret: GrantSecret) -> bool:
    """Whether message, terms, binding, digest and signature belong together."""
    terms: dict[str, Json] = dict(grant.terms)  # type: ignore[arg-type]  # canonical() refuses what is no JSON
    stated = grant.message
    if grant.notice is not None and not _notice_holds(grant):
        return False
    if terms_hash(secret.terms_salt, terms) != _hash(stated["terms"]):
        return False
    binding = _hash(stated["binding"])
    if secret.binding_token is not None and binding_commitment(secret.binding_salt, secret.binding_token) != binding:
        return False
    message = GrantMessage(
        grant.key_address,
        _hash(stated["terms"]),
        binding,
        int(str(stated["notBefore"])),
        int(str(stated["notAfter"])),
    )
    if str(stated["key"]) != "0x" + grant.key_address.hex():
        return False
    if (message.not_before * 1000, message.not_after * 1000) != (grant.not_before_ms, grant.not_after_ms):
        return False
    if check.identity is None:
        return True
    digest = grant_digest(message, check.identity.chain_id, check.identity.address("Grants"))
    check_signer(digest, grant.signature, grant.key_address)
    return digest == grant.digest


def _notice_holds(grant: Grant) -> bool:
    """Whether the notice kept is the one whose hash stands in the signed terms."""
    stated = grant.terms["notice"]
    kept: dict[str, Json] = dict(grant.notice or {})  # type: ignore[arg-type]  # canonical() refuses what is no JSON
    return isinstance(stated, dict) and stated.get("sha256") == "0x" + hashlib.sha256(canonical(kept)).hexdigest()


def _check_events(check: Check, grant: Grant, events: list[GrantEvent]) -> None:
    """The chain of events, each against the hash in its receipt, and what the grant's row says against the last."""
    said = check.grants.get(grant.id, GrantReceipts())
    before: GrantEvent | None = None
    for place, event in enumerate(events):
        code = _fault(check, grant, before, event, place, said.events.get(event.seq))
        if code == "fsck.grant_event_unreceipted":
            check.unreceipted("grant_events", f"{grant.id}/{event.seq}", code)
        elif code is not None:
            check.find("grant_events", f"{grant.id}/{event.seq}", code)
        before = event
    for seq in sorted(said.events):
        if seq >= len(events):
            check.find("grant_events", f"{grant.id}/{seq}", "fsck.grant_event_missing")
    if before is None or not _row_holds(grant, events):
        check.find("grants", grant.id, "fsck.grant_state")


def _fault(
    check: Check, grant: Grant, before: GrantEvent | None, event: GrantEvent, place: int, stated: str | None
) -> str | None:
    """What is wrong with one event, None where nothing is."""
    if event.seq != place or not _follows(grant, before, event):
        return "fsck.grant_event_edited"
    if event.signature is not None and not _signed(check, grant, event):
        return "fsck.grant_event_edited"
    if stated is None and grant.holder_id in check.erased:
        return None  # its receipt stands as a leaf alone; the row is tied to the events before and after it
    if stated is None:
        # What came by way of the chain has its receipt a moment later, by the worker.
        waiting = event.actor == grants.CHAIN and event.receipt_id is None
        return None if waiting else "fsck.grant_event_unreceipted"
    return None if stated == "0x" + grants.event_hash(event).hex() else "fsck.grant_event_edited"


def _row_holds(grant: Grant, events: list[GrantEvent]) -> bool:
    """Whether the grant's row is what its events lead to."""
    case: str | None = None
    for event in events:
        if not event.frozen:
            case = None
        elif event.case_ref is not None and not GrantState(event.state).final:
            case = event.case_ref
    last = events[-1]
    # An end may be followed by a withdrawal, which is another end; a change that leaves the state is none.
    ends = [
        event.at_ms
        for before, event in itertools.pairwise(events)
        if GrantState(event.state).final and event.state != before.state
    ]
    ended = ends[-1] if ends else None
    numbers = [event.number for event in events if event.number is not None]
    # Changes that came by way of the chain may not have been takeable here; then the numbers do not count up alone.
    taken_over = any(event.actor == grants.CHAIN for event in events)
    return (
        (grant.state, grant.frozen, grant.case_id) == (last.state, last.frozen, case)
        and grant.events == len(events)
        and grant.ended_at_ms == ended
        and (taken_over or numbers == list(range(grant.seq)))
    )


def _follows(grant: Grant, before: GrantEvent | None, event: GrantEvent) -> bool:
    try:
        state = GrantState(event.state)
        if before is None:
            return event.prev_hash == grant.digest and state is GrantState.ACTIVE and not event.frozen
        # A grant that ended under a hold keeps it until the case is settled: lifted it may be then, laid on anew never.
        held = state == before.state and (not state.final or not event.frozen) and event.case_ref is not None
        moved = state in GRANT_TRANSITIONS[GrantState(before.state)] and event.frozen == before.frozen
        return event.prev_hash == grants.event_hash(before) and (held or moved)
    except ValueError:
        return False


def _signed(check: Check, grant: Grant, event: GrantEvent) -> bool:
    """Whether the grant's key signed this change under its number."""
    status = _STATUS_OF_STATE.get(GrantState(event.state))
    if status is None or event.signature is None or event.number is None:
        return False
    if check.identity is None:
        return True
    address = check.identity.address("Grants")
    try:
        digest = change_digest(grant.digest, status, event.number, check.identity.chain_id, address)
        check_signer(digest, event.signature, grant.key_address)
    except ChainError:
        return False
    return True


def _hash(value: object) -> bytes:
    return bytes.fromhex(str(value).removeprefix("0x"))
