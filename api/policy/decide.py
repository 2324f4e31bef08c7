"""Whether a pull may be served: a pure function of the grant, the ask and the time, which answers with a reason.

It is asked twice for each pull: before the copy is prepared, and again inside the transaction that writes its
receipt, under the grant's lock. Nothing is cached between the two, nor beyond.
"""

from dataclasses import dataclass

from api.policy.states import GrantState

Field = tuple[str, str]
"""A certificate type's code and the name of one of its fields."""


@dataclass(frozen=True, slots=True)
class GrantView:
    """What a decision needs to know of a grant. Times are UTC milliseconds; `items` are the fields that it names.

    `entity_id` is the recipient and `entity_active` whether it may act now; `frozen` a dispute's hold, independent of
    the state; `state` one of `GrantState`'s values.
    """

    entity_id: str
    entity_active: bool
    state: str
    frozen: bool
    not_before_ms: int
    not_after_ms: int
    max_uses: int
    use_count: int
    items: frozenset[Field]


@dataclass(frozen=True, slots=True)
class PullAsk:
    """Who asks, and for which fields; at least one."""

    entity_id: str
    items: frozenset[Field]


@dataclass(frozen=True, slots=True)
class Permit:
    """Yes, for these fields and no others."""

    items: frozenset[Field]


@dataclass(frozen=True, slots=True)
class Deny:
    """No.

    `reason` is an error code, `pull.…`; only the grant's recipient is ever told one other than `pull.not_found`.
    """

    reason: str


NOT_FOUND = Deny("pull.not_found")
ENTITY_SUSPENDED = Deny("pull.entity_suspended")
GRANT_REVOKED = Deny("pull.grant_revoked")
GRANT_TERMINATED = Deny("pull.grant_terminated")
GRANT_INVALIDATED = Deny("pull.grant_invalidated")
GRANT_SUPERSEDED = Deny("pull.grant_superseded")
GRANT_ENDED = Deny("pull.grant_ended")
USES_EXHAUSTED = Deny("pull.uses_exhausted")
GRANT_PAUSED = Deny("pull.grant_paused")
GRANT_FROZEN = Deny("pull.grant_frozen")
GRANT_NOT_STARTED = Deny("pull.grant_not_started")
NOTHING_ASKED = Deny("pull.nothing_asked")
FIELD_OUTSIDE_GRANT = Deny("pull.field_outside_grant")
UNKNOWN_STATE = Deny("pull.unknown_state")

REASONS = (
    NOT_FOUND,
    ENTITY_SUSPENDED,
    GRANT_REVOKED,
    GRANT_TERMINATED,
    GRANT_INVALIDATED,
    GRANT_SUPERSEDED,
    GRANT_ENDED,
    USES_EXHAUSTED,
    GRANT_PAUSED,
    GRANT_FROZEN,
    GRANT_NOT_STARTED,
    NOTHING_ASKED,
    FIELD_OUTSIDE_GRANT,
    UNKNOWN_STATE,
)
"""Every answer that `decide` gives besides a permit."""

_BY_STATE = {
    GrantState.REVOKED.value: GRANT_REVOKED,
    GrantState.TERMINATED.value: GRANT_TERMINATED,
    GrantState.INVALIDATED.value: GRANT_INVALIDATED,
    GrantState.SUPERSEDED.value: GRANT_SUPERSEDED,
    GrantState.EXPIRED.value: GRANT_ENDED,
    GrantState.EXHAUSTED.value: USES_EXHAUSTED,
    GrantState.PAUSED.value: GRANT_PAUSED,
}


def decide(grant: GrantView | None, ask: PullAsk, now_ms: int) -> Permit | Deny:
    """Permit the ask, or deny it with the first reason that applies.

    Order: whose grant it is comes first, so that a stranger learns nothing, not even that it exists; then whether the
    recipient may act; then the holder's and others' decisions; then time and use; then what was asked. A grant serves
    from `not_before_ms` on and up to but not including `not_after_ms`. A state that this code does not know never
    serves.
    """
    if grant is None or grant.entity_id != ask.entity_id:
        return NOT_FOUND
    standing = _standing(grant, now_ms)
    if standing is not None:
        return standing
    if not ask.items:
        return NOTHING_ASKED
    if not ask.items <= grant.items:
        return FIELD_OUTSIDE_GRANT
    return Permit(ask.items)


def _standing(grant: GrantView, now_ms: int) -> Deny | None:
    """Why a grant serves nothing now, whatever is asked; None where it serves."""
    if not grant.entity_active:
        return ENTITY_SUSPENDED
    if grant.state != GrantState.ACTIVE.value:
        return _BY_STATE.get(grant.state, UNKNOWN_STATE)
    if grant.frozen:
        return GRANT_FROZEN
    if now_ms < grant.not_before_ms:
        return GRANT_NOT_STARTED
    if now_ms >= grant.not_after_ms:
        return GRANT_ENDED
    if grant.use_count >= grant.max_uses:
        return USES_EXHAUSTED
    return None
