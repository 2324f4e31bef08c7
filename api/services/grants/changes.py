"""Changes of a grant: by its holder, its recipient, a regulator or the platform. Effective here at once."""

from collections.abc import Callable

from api.errors import ApiError, Kind
from api.policy.mandates import Action
from api.policy.states import GrantState, InvalidReason
from api.services.authority import authority
from api.services.context import Actor, Also, Context, Role
from api.services.grants.events import (
    PLATFORM,
    Add,
    Author,
    T,
    announce_change,
    announce_end,
    announce_suspension,
    author_of,
    change_digest_of,
    changed,
    check_move,
    custody_signature,
)
from api.services.grants.reading import shown_state
from api.store import Session
from api.store.numbering import NumberedReceipt, Numberer
from api.store.queries import grants
from api.store.queries.registrations import LegalBasis
from api.store.tables import Grant
from chain.errors import SignatureError
from chain.grantmsg import check_signer
from chain.points import reached

CASE_MAX = 64
LAST_PAUSE = 254
"""The contract counts a grant's changes in one byte and keeps 255 for a revocation: whoever pauses must be able to
resume."""

After = Also[NumberedReceipt] | None


def pause(
    ctx: Context, actor: Actor, grant_id: str, *, signature: bytes | None = None, also: After = None
) -> NumberedReceipt:
    """Hold a grant up until its holder resumes it.

    Raises `grants.not_found`, `grant.transition`, `grants.own_key` (the holder keeps the key and sent no signature),
    `grants.bad_signature`, `grants.too_many_changes`.
    """
    return _by_holder(ctx, actor, grant_id, GrantState.PAUSED, signature, also)


def resume(
    ctx: Context, actor: Actor, grant_id: str, *, signature: bytes | None = None, also: After = None
) -> NumberedReceipt:
    """Let a paused grant serve again; its end does not move. Raises as `pause` does."""
    return _by_holder(ctx, actor, grant_id, GrantState.ACTIVE, signature, also)


def revoke(
    ctx: Context, actor: Actor, grant_id: str, *, signature: bytes | None = None, also: After = None
) -> NumberedReceipt:
    """End a grant. Raises `grants.not_found`, `grant.transition`, `grants.bad_signature`.

    A grant under the holder's own key ends without a signature, too: taking back must not be harder than giving. On
    the chain it is then the platform that ends it.
    """
    return _by_holder(ctx, actor, grant_id, GrantState.REVOKED, signature, also)


def terminate(ctx: Context, actor: Actor, grant_id: str, *, also: After = None) -> NumberedReceipt:
    """The recipient gives a grant back for good. Raises `grants.not_found`, `grant.transition`."""
    entity_id = actor.party(Role.ENTITY)

    def work(session: Session, numberer: Numberer) -> NumberedReceipt:
        grant = _locked(session, grant_id)
        if grant.entity_id != entity_id:
            raise ApiError("grants.not_found", Kind.NOT_FOUND)
        receipt = end_within(session, grant, GrantState.TERMINATED, author_of(actor), numberer.now_ms, numberer.add)
        if also is not None:
            also(session, receipt)
        return receipt

    return ctx.log.submit(work, first=True)


def invalidate(
    ctx: Context,
    actor: Actor,
    grant_id: str,
    reason: InvalidReason,
    *,
    reference: str | None = None,
    also: After = None,
) -> NumberedReceipt:
    """A regulator declares a grant void; `reference` is the number of the order or file.

    Raises `auth.forbidden`, `grants.not_found`, `grant.transition`, `grants.bad_case`.
    """
    actor.party(Role.REGULATOR)
    _check_case(reference)

    def work(session: Session, numberer: Numberer) -> NumberedReceipt:
        receipt = invalidate_within(
            session,
            _locked(session, grant_id),
            reason,
            author_of(actor),
            numberer.now_ms,
            numberer.add,
            reference=reference,
        )
        if also is not None:
            also(session, receipt)
        return receipt

    return ctx.log.submit(work, first=True)


def invalidate_within(
    session: Session,
    grant: Grant,
    reason: InvalidReason,
    author: Author,
    now_ms: int,
    add: Add[T],
    *,
    reference: str | None = None,
) -> T:
    """Declare a locked grant void inside a transaction of the caller's, such as the end of a mandate.

    `add` is `Numberer.add` inside the log writer, or prepares the receipt in any other process. Raises
    `grant.transition`.
    """
    return end_within(
        session, grant, GrantState.INVALIDATED, author, now_ms, add, reason=reason.value, case_ref=reference
    )


def end_within(
    session: Session,
    grant: Grant,
    state: GrantState,
    author: Author,
    now_ms: int,
    add: Add[T],
    *,
    reason: str | None = None,
    case_ref: str | None = None,
) -> T:
    """An end that the grant's key does not sign: noted here, and sent to the chain as the platform's end."""
    check_move(grant, state, now_ms)
    receipt = changed(session, grant, state, author, now_ms, add, reason=reason, case_ref=case_ref)
    announce_end(session, grant)
    return receipt


def freeze(ctx: Context, grant_id: str, case_id: str, actor: Actor, *, also: After = None) -> NumberedReceipt:
    """Hold a grant up while a dispute is settled, whatever its state; a final one is left alone.

    Its holder and regulators may do so. A regulator's hold stands on the chain as well, also where the holder's own
    came before it. Raises `grants.not_found`, `grants.bad_case`, `grants.frozen_already`, `grant.transition`.
    """
    return ctx.log.submit(_hold(ctx, actor, grant_id, case_id, True, also), first=True)


def unfreeze(ctx: Context, grant_id: str, case_id: str, actor: Actor, *, also: After = None) -> NumberedReceipt:
    """Lift the hold of a case. Only a regulator may lift a regulator's.

    Raises `grants.not_found`, `grants.not_frozen` (it is not, or for another case), `grants.frozen_by_regulator`.
    """
    return ctx.log.submit(_hold(ctx, actor, grant_id, case_id, False, also))


def _hold(
    ctx: Context, actor: Actor, grant_id: str, case_id: str, frozen: bool, also: After
) -> Callable[[Session, Numberer], NumberedReceipt]:
    _check_case(case_id)

    def work(session: Session, numberer: Numberer) -> NumberedReceipt:
        grant = _locked(session, grant_id)
        if actor.role is Role.CITIZEN:
            may = authority(ctx, session, actor, Action.END, lock=True)
            if grant.holder_id != may.holder_id:
                raise ApiError("grants.not_found", Kind.NOT_FOUND)
            if not may.covers(Action.END, grants.types_of(grant), grants.purpose_of(grant)):
                raise ApiError("mandate.out_of_scope", Kind.FORBIDDEN)
        receipt = (freeze_within if frozen else unfreeze_within)(
            session, grant, case_id, actor, numberer.now_ms, numberer.add
        )
        if also is not None:
            also(session, receipt)
        return receipt

    if actor.role is not Role.CITIZEN:
        actor.party(Role.REGULATOR)
    return work


def freeze_within(session: Session, grant: Grant, case_id: str, actor: Actor, now_ms: int, add: Add[T]) -> T:
    """`freeze` of a locked grant inside a transaction of the caller's, who has checked whose it is."""
    # Also an end that has come by time or use and that nobody has noted yet.
    shown = shown_state(grant, now_ms)
    if shown.final:
        raise ApiError("grant.transition", Kind.CONFLICT, before=shown.value, after="frozen")
    state = GrantState(grant.state)
    regulator = actor.role is Role.REGULATOR
    if grant.frozen and (grant.suspended or not regulator):
        raise ApiError("grants.frozen_already", Kind.CONFLICT)
    receipt = changed(session, grant, state, author_of(actor), now_ms, add, frozen=True, case_ref=case_id)
    grant.case_id = case_id
    if regulator:
        grant.suspended = True
        announce_suspension(session, grant, actor.party(Role.REGULATOR), suspended=True)
    return receipt


def unfreeze_within(session: Session, grant: Grant, case_id: str, actor: Actor, now_ms: int, add: Add[T]) -> T:
    """`unfreeze` of a locked grant inside a transaction of the caller's, who has checked whose it is."""
    if not grant.frozen or grant.case_id != case_id:
        raise ApiError("grants.not_frozen", Kind.CONFLICT)
    regulator = actor.role is Role.REGULATOR
    if grant.suspended and not regulator:
        raise ApiError("grants.frozen_by_regulator", Kind.FORBIDDEN)
    receipt = changed(
        session, grant, GrantState(grant.state), author_of(actor), now_ms, add, frozen=False, case_ref=case_id
    )
    grant.case_id = None
    if grant.suspended:
        grant.suspended = False
        announce_suspension(session, grant, actor.party(Role.REGULATOR), suspended=False)
    return receipt


def _by_holder(
    ctx: Context, actor: Actor, grant_id: str, state: GrantState, signature: bytes | None, also: After
) -> NumberedReceipt:
    # To let a grant serve again is a decision like the first one; to hold it up or end it is not.
    action = Action.DECIDE if state is GrantState.ACTIVE else Action.END

    def work(session: Session, numberer: Numberer) -> NumberedReceipt:
        holder_id = authority(ctx, session, actor, action, lock=True).holder_id
        found = grants.grant_of_holder(session, holder_id, grant_id)
        # What was never agreed to is not the holder's to take back: an access by statutory duty ends by itself.
        if found is None or found.legal_basis != LegalBasis.CONSENT:
            raise ApiError("grants.not_found", Kind.NOT_FOUND)
        grant = _locked(session, grant_id)
        authority(ctx, session, actor, action, types=grants.types_of(grant), purpose=grants.purpose_of(grant))
        check_move(grant, state, numberer.now_ms)
        if state is GrantState.PAUSED and grant.seq >= LAST_PAUSE:
            raise ApiError("grants.too_many_changes", Kind.CONFLICT)
        signed = _signature(ctx, session, grant, state, signature)
        receipt = changed(session, grant, state, author_of(actor), numberer.now_ms, numberer.add, signature=signed)
        if signed is None:
            announce_end(session, grant)
        else:
            announce_change(session, grant, state, signed)
        if also is not None:
            also(session, receipt)
        return receipt

    reached("change/asked")
    receipt = ctx.log.submit(work, first=state is not GrantState.ACTIVE)
    reached("change/made")
    return receipt


def _signature(ctx: Context, session: Session, grant: Grant, state: GrantState, given: bytes | None) -> bytes | None:
    """The change's signature: by the key in custody, or the holder's own; None for a revocation without one."""
    if given is None:
        made = custody_signature(ctx, session, grant, state)
        if made is None and state is not GrantState.REVOKED:
            raise ApiError("grants.own_key", Kind.CONFLICT)
        return made
    try:
        check_signer(change_digest_of(ctx, grant, state), given, grant.key_address)
    except SignatureError:
        raise ApiError("grants.bad_signature") from None
    return given


def _locked(session: Session, grant_id: str) -> Grant:
    grant = grants.lock_grant(session, grant_id)
    if grant is None:
        raise ApiError("grants.not_found", Kind.NOT_FOUND)
    return grant


def _check_case(case_id: str | None) -> None:
    if case_id is not None and not (0 < len(case_id) <= CASE_MAX and case_id.isprintable()):
        raise ApiError("grants.bad_case", limit=CASE_MAX)


__all__ = [
    "PLATFORM",
    "end_within",
    "freeze",
    "freeze_within",
    "invalidate",
    "invalidate_within",
    "pause",
    "resume",
    "revoke",
    "terminate",
    "unfreeze",
    "unfreeze_within",
]
