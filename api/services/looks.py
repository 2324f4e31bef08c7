"""Whoever reads data of somebody else leaves a receipt that the holder sees: representatives, regulators, officers.

What is delivered has its delivery receipt, and what a counter or a query by statutory duty looks up has its own. This
is for the rest. The receipt stands before anything is shown; the same look again within a quarter of an hour is counted
on it, so that turning pages does not flood a person's footprints.
"""

import hashlib
from collections.abc import Mapping, Sequence

from api.services.authority import by
from api.services.context import Actor, Context, Relation, Role
from api.store import Session, clock, unit_of_work
from api.store.queries import looks
from api.store.receipts import ReceiptDraft, prepare_receipt
from chain.canonical import Json, canonical
from chain.receipt import ReceiptKind

WINDOW_MS = 15 * 60_000
AT_ONCE = 20
"""Looks in one transaction, so that whoever pulls meanwhile does not wait for hundreds of them."""


def note(
    ctx: Context,
    session: Session,
    holder_id: str,
    details: Mapping[str, Json],
    now_ms: int,
    *,
    party_id: str | None = None,
    grant_id: str | None = None,
    copy_id: str | None = None,
) -> None:
    """Write that somebody looked, in a transaction of the caller's, or count it where the same was written just now."""
    described = canonical({"holder": holder_id, "party": party_id, "grant": grant_id, "details": dict(details)})
    key = hashlib.sha256(b"mydata/look/1\0" + described).digest()
    if looks.repeat(session, key, now_ms - WINDOW_MS):
        return
    draft = ReceiptDraft(
        ReceiptKind.LOOK, dict(details), holder_id=holder_id, party_id=party_id, grant_id=grant_id, copy_id=copy_id
    )
    looks.began(session, prepare_receipt(session, ctx.vault, draft), key, now_ms)


def by_representative(ctx: Context, actor: Actor, holder_id: str, act: str, types: Sequence[str]) -> None:
    """A representative is about to be shown certificates of these types; nothing for the holder itself.

    At a counter the look-up that began the visit stands for it: an officer is shown no value.
    """
    if actor.relation in {Relation.SELF, Relation.COUNTER} or not types:
        return
    details: dict[str, Json] = {"act": act, "types": sorted(set(types)), **by(ctx, actor)}
    with unit_of_work(ctx.db) as session:
        note(ctx, session, holder_id, details, clock.advance(session))
    ctx.log.wake()


def by_answerer(ctx: Context, actor: Actor, holder_id: str, act: str, facts: Mapping[str, Json]) -> None:
    """Staff of an organisation is about to read what a person has written to it; nothing for other roles."""
    if actor.role not in {Role.DEPARTMENT, Role.ENTITY}:
        return
    details: dict[str, Json] = {"act": act, "party": actor.party_id, **facts}
    with unit_of_work(ctx.db) as session:
        note(ctx, session, holder_id, details, clock.advance(session), party_id=actor.party_id)
    ctx.log.wake()


def by_regulator(
    ctx: Context,
    actor: Actor,
    act: str,
    about: Sequence[tuple[str, str | None]],
    facts: Mapping[str, Json],
    *,
    session: Session | None = None,
) -> None:
    """A regulator is about to be shown what belongs to these holders (each with the grant, where there is one).

    In the caller's transaction if one is given, else in several short ones, all of them over before this returns: where
    one fails nothing is shown, and those before it stand. Nothing for other roles.
    """
    if actor.role is not Role.REGULATOR or not about:
        return
    party_id = actor.party(Role.REGULATOR)
    details: dict[str, Json] = {"act": act, "regulator": party_id, **facts}

    each = list(dict.fromkeys(about))

    def write(within: Session, some: Sequence[tuple[str, str | None]]) -> None:
        now = clock.advance(within)
        for holder_id, grant_id in some:
            note(ctx, within, holder_id, details, now, party_id=party_id, grant_id=grant_id)

    if session is not None:
        write(session, each)
        return
    for first in range(0, len(each), AT_ONCE):
        with unit_of_work(ctx.db) as own:
            write(own, each[first : first + AT_ONCE])
    ctx.log.wake()
