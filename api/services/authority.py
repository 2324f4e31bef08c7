"""Whether whoever acts may: the one place that asks, for every service, every time, under the time of the transaction.

A holder may do everything with what is theirs. A representative (legal representative, agent, guardian) may do what the
mandate covers while it is in force; an officer at a counter may look, decide and end during the visit of the person who
stands there. Nothing is remembered between calls: what ended a moment ago allows nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from api.errors import ApiError, Kind
from api.policy.mandates import Action, MandateState, Scope, own_consent_ms, refusal
from api.services.context import Actor, Context, Relation, Role
from api.store import Session, clock
from api.store.queries import counter, holders, mandates
from api.store.queries.holders import HolderKind
from api.store.queries.mandates import MandateBody
from api.store.tables import CounterVisit, GrantAuthority, Mandate
from chain.canonical import Json

COUNTER_SCOPE = Scope(frozenset({Action.LOOK, Action.DECIDE, Action.END}))
"""What an officer may do for the person at the window. Proof files and originals are not handed to officers."""


@dataclass(frozen=True, slots=True)
class Authority:
    """For whom, and within which limits.

    `scope` is None for the holder itself, and so is `evidence`, the commitment to what it rests on (32 bytes).
    """

    holder_id: str
    scope: Scope | None = None
    evidence: bytes | None = None

    def covers(self, action: Action, types: Collection[str] = (), purpose: str | None = None) -> bool:
        """Whether data of these types, for this purpose, lie within; for lists, which leave out what does not."""
        return self.scope is None or self.scope.covers(action, types, purpose)

    @property
    def whole(self) -> bool:
        """Whether no certificate type and no purpose is left out."""
        return self.scope is None or (self.scope.types is None and self.scope.purposes is None)


def authority(
    ctx: Context,
    session: Session,
    actor: Actor,
    action: Action,
    *,
    types: Collection[str] = (),
    purpose: str | None = None,
    lock: bool = False,
) -> Authority:
    """The authority by which `actor` may do `action` now; ask it in the transaction of what is done.

    `types`, `purpose`: what it touches, where that is known. `lock` holds a mandate still until the transaction ends,
    which changes need. Raises `auth.forbidden`, `mandate.not_accepted`, `mandate.ended`, `mandate.expired`,
    `mandate.out_of_scope`, `mandate.guardian_decides`, `counter.visit_over`.
    """
    alone = action is Action.DECIDE and actor.relation is not Relation.GUARDIAN
    if alone and actor.holder_id is not None:
        refuse_child(ctx, session, actor.holder_id)
    if actor.relation is Relation.SELF:
        return Authority(actor.holder)
    if actor.role is not Role.CITIZEN or actor.holder_id is None or actor.mandate_id is None:
        raise ApiError("auth.forbidden", Kind.FORBIDDEN)
    if actor.relation is Relation.COUNTER:
        visit = live_visit(session, actor, actor.mandate_id, clock.now_ms(session), lock=lock)
        found = Authority(actor.holder_id, COUNTER_SCOPE, visit.commitment)
        if visit.holder_id != actor.holder_id or not found.covers(action, types, purpose):
            raise ApiError("mandate.out_of_scope", Kind.FORBIDDEN)
        counter.open_body(holders.holder_key(session, ctx.vault, actor.holder_id), visit)
        return found
    row = _own(session, actor.self_id, actor.mandate_id, share=lock)
    if row.principal_id != actor.holder_id:
        raise ApiError("mandate.not_found", Kind.NOT_FOUND)
    open_mandate(ctx, session, row)
    refuse_unless(row, clock.now_ms(session), action, types, purpose)
    return Authority(actor.holder_id, mandates.scope_of(row), row.commitment)


def guardian_decides(ctx: Context, session: Session, holder_id: str) -> bool:
    """Whether a holder is a child for whom its guardian alone decides: a person younger than 14 (PIPL article 31).

    By the identity number in the holder's sealed profile. It is there once the child has signed in or stood at a
    counter, and without either nobody could decide but a guardian.
    """
    holder = holders.get_holder(session, holder_id)
    if holder is None or holder.kind != HolderKind.PERSON.value:
        return False
    number = holders.profile(session, holders.holder_key(session, ctx.vault, holder_id)).get("number", "")
    return bool(number) and own_consent_ms(number) > clock.now_ms(session)


def refuse_child(ctx: Context, session: Session, holder_id: str) -> None:
    """Raise `mandate.guardian_decides` where `guardian_decides`."""
    if guardian_decides(ctx, session, holder_id):
        raise ApiError("mandate.guardian_decides", Kind.FORBIDDEN)


def representative(ctx: Context, session: Session, actor: Actor, mandate_id: str) -> tuple[Actor, str]:
    """The person of a session as a representative, and for whom they act. Says nothing about whether they may."""
    row = _own(session, actor.self_id, mandate_id)
    try:
        name = open_mandate(ctx, session, row).principal_name
    except ApiError as error:
        if error.code != "store.erased":
            raise
        name = ""
    acting = replace(
        actor,
        holder_id=row.principal_id,
        relation=Relation(row.kind),
        mandate_id=row.id,
        person_id=row.person_id,
    )
    return acting, name


def may_begin(ctx: Context, session: Session, person_id: str, mandate_id: str) -> Mandate:
    """The person's own mandate if it lets them do anything now. Raises `mandate.…`."""
    row = _own(session, person_id, mandate_id)
    open_mandate(ctx, session, row)
    refuse_unless(row, clock.now_ms(session), next(iter(mandates.scope_of(row).actions)))
    return row


def open_mandate(ctx: Context, session: Session, row: Mandate) -> MandateBody:
    """What is encrypted of a mandate; raises ApiError `store.…` where its row was altered or its holder erased."""
    return mandates.open_body(holders.holder_key(session, ctx.vault, row.principal_id), row)


def refuse_unless(
    row: Mandate, now_ms: int, action: Action, types: Collection[str] = (), purpose: str | None = None
) -> None:
    """Raise why a mandate does not allow an action now, if it does not."""
    code = refusal(MandateState(row.state), row.ends_ms, mandates.scope_of(row), now_ms, action, types, purpose)
    if code is not None:
        raise ApiError(code, Kind.FORBIDDEN)


def live_visit(session: Session, actor: Actor, visit_id: str, now_ms: int, *, lock: bool = False) -> CounterVisit:
    """The officer's own visit while it lasts. Raises `counter.not_found`, `counter.visit_over`."""
    visit = counter.get_visit(session, visit_id, lock=lock)
    if visit is None or visit.officer != actor.subject or visit.holder_id is None:
        raise ApiError("counter.not_found", Kind.NOT_FOUND)
    if visit.closed_at_ms is not None or now_ms >= visit.closes_at_ms:
        raise ApiError("counter.visit_over", Kind.CONFLICT)
    return visit


def in_terms(ctx: Context, actor: Actor, found: Authority, audience: str) -> dict[str, Json] | None:
    """The member `authority` of a grant's terms: None for the holder itself; docs/formats.md.

    The mandate's pseudonym is this recipient's own, so that two recipients cannot join what they hold by it.
    """
    if found.evidence is None or actor.mandate_id is None:
        return None
    return {
        "kind": actor.relation.value,
        "mandate": ctx.pairwise(actor.mandate_id, audience),
        "evidence": "0x" + found.evidence.hex(),
    }


def note_grant(session: Session, actor: Actor, grant_id: str) -> None:
    """Note under which authority a grant was made, in its transaction; nothing for the holder's own."""
    if actor.relation is Relation.SELF:
        return
    at_counter = actor.relation is Relation.COUNTER
    session.add(
        GrantAuthority(
            grant_id=grant_id,
            relation=actor.relation.value,
            mandate_id=None if at_counter else actor.mandate_id,
            visit_id=actor.mandate_id if at_counter else None,
        )
    )


def by(ctx: Context, actor: Actor, audience: str | None = None) -> Mapping[str, Json]:
    """Who acted, for a receipt's details: empty for the holder itself. `audience`: the recipient that may see them."""
    if actor.relation is Relation.SELF or actor.mandate_id is None:
        return {}
    mandate = actor.mandate_id if audience is None else ctx.pairwise(actor.mandate_id, audience)
    details: dict[str, Json] = {"relation": actor.relation.value, "mandate": mandate}
    if actor.party_id is not None:
        details["office"] = actor.party_id
    return details


def _own(session: Session, person_id: str, mandate_id: str, *, share: bool = False) -> Mandate:
    row = mandates.get_mandate(session, mandate_id, share=share)
    if row is None or row.person_id != person_id:
        raise ApiError("mandate.not_found", Kind.NOT_FOUND)
    return row
