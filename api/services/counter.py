"""The service window: an officer acts for a person who stands there, with their document and without a phone.

Each look-up is counted against the officer's quota of the day and, where it finds somebody, receipted, so that the
person sees it later. What is decided bears the relation *counter* and the visit; the visit ends by itself.
"""

import logging
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from api.errors import ApiError, Kind
from api.locale import CHINA_STANDARD_TIME
from api.policy.mandates import Action
from api.services import grants, requests
from api.services.authority import authority, live_visit
from api.services.certificates import Certificate
from api.services.certificates import list_own as list_certificates
from api.services.context import Actor, Also, Context, Relation, Role
from api.services.grants import Approval, GrantPage
from api.services.identity import COUNTER_DUTY, canonical_number
from api.services.requests import RequestView
from api.store import Session, clock, ids, read_only, unit_of_work
from api.store.numbering import NumberedReceipt
from api.store.queries import counter, holders, parties
from api.store.queries.counter import VisitBody
from api.store.queries.holders import HolderKind
from api.store.queries.paging import Page
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import CounterAct, CounterVisit, Grant, Party, Request
from chain.canonical import SALT_BYTES, Json, canonical, tagged_hash
from chain.receipt import ReceiptKind

R = TypeVar("R")
log = logging.getLogger("mydata.counter")
NAME_MAX = 64
PAGES_MAX = 10


class Shown(StrEnum):
    """Which identity document the officer checked."""

    ID_CARD = "id_card"
    TEMPORARY_ID = "temporary_id"
    HOUSEHOLD_REGISTER = "household_register"
    SOCIAL_SECURITY_CARD = "social_security_card"
    PASSPORT = "passport"


class Act(StrEnum):
    """What an officer does for the person."""

    APPROVED = "approved"
    DENIED = "denied"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Visit:
    """An open visit: whose window it is, the name on the document, and until when it lasts."""

    id: str
    name: str
    document: Shown
    opened_at_ms: int
    closes_at_ms: int
    office: Party


@dataclass(frozen=True, slots=True)
class Desk:
    """What the officer sees of the person in a visit: names of certificates, requests that wait, grants in force."""

    visit: Visit
    certificates: Sequence[Certificate]
    waiting: Sequence[RequestView]
    grants: Sequence[GrantPage]
    acts: Sequence[CounterAct]


@dataclass(frozen=True, slots=True)
class Day:
    """An officer's day: look-ups used of how many, and the visits that are still open."""

    used: int
    limit: int
    visits: Sequence[Visit]


def today(ctx: Context, actor: Actor) -> Day:
    """The officer's own day. Raises `counter.not_on_duty`."""
    _office(actor)
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
        since = now - ctx.settings.counter_visit_minutes * 60_000
        visits = counter.visits_of_officer(session, actor.subject, since)
        used = counter.lookups(session, actor.subject, _day(now))
        still = [row for row in visits if row.closed_at_ms is None and now < row.closes_at_ms]
        return Day(used, ctx.settings.counter_lookups_per_day, [_visit(ctx, session, row) for row in still])


def open_visit(
    ctx: Context, actor: Actor, number: str, name: str, document: str, *, also: Also[str] | None = None
) -> str:
    """Find the person by the number on the document that was checked; gives the visit's id.

    Counted in any case. Raises `counter.not_on_duty`, `counter.wrong_document`, `counter.quota`, `counter.not_found`,
    `mandate.bad_name`, `catalogue.…` for a malformed number.
    """
    party_id = _office(actor)
    if document not in set(Shown):
        raise ApiError("counter.wrong_document")
    kept = unicodedata.normalize("NFC", name).strip()
    if not (0 < len(kept) <= NAME_MAX and kept.isprintable()):
        raise ApiError("mandate.bad_name", limit=NAME_MAX)
    number = canonical_number(ctx.settings, HolderKind.PERSON, number)
    limit = ctx.settings.counter_lookups_per_day
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        counted = counter.spend_lookup(session, actor.subject, _day(now), limit)
        holder_id = None if counted is None else holders.find_holder(session, ctx.vault, HolderKind.PERSON, number)
        row = CounterVisit(
            id=ids.new_visit_id(),
            party_id=party_id,
            officer=actor.subject,
            holder_id=holder_id,
            document=document,
            opened_at_ms=now,
            closes_at_ms=now + ctx.settings.counter_visit_minutes * 60_000,
        )
        if holder_id is not None:
            _begin(ctx, session, row, kept, number)
            if also is not None:
                also(session, row.id)
        elif counted is not None:
            session.add(row)
    if counted is None:
        log.warning("look-ups of %s have reached the day's %d", actor.subject, limit)
        raise ApiError("counter.quota", Kind.LIMITED, limit=limit)
    if holder_id is None:
        raise ApiError("counter.not_found", Kind.NOT_FOUND)
    ctx.log.wake()
    return row.id


def desk(ctx: Context, actor: Actor, visit_id: str) -> Desk:
    """What the officer sees. Raises `counter.not_on_duty`, `counter.not_found`, `counter.visit_over`."""
    acting = acting_for(ctx, actor, visit_id)
    waiting = _all(lambda cursor: requests.list_own(ctx, acting, cursor, open_only=True))
    found = _all(lambda cursor: grants.list_of_holder(ctx, acting, cursor))
    certificates = _all(lambda cursor: list_certificates(ctx, acting, cursor))
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
        visit = visit_of(ctx, session, acting, visit_id)
        acts = counter.acts_of(session, visit_id)
    active = [one for one in found if not grants.shown_state(one.grant, now).final]
    return Desk(visit, [one for one in certificates if one.status == "current"], waiting, active, acts)


def request(ctx: Context, actor: Actor, visit_id: str, request_id: str) -> RequestView:
    """One request to the person, to be read out. Raises as `desk`, and `requests.not_found`."""
    return requests.get(ctx, acting_for(ctx, actor, visit_id), request_id)


def approve(
    ctx: Context,
    actor: Actor,
    visit_id: str,
    request_id: str,
    approval: Approval,
    *,
    also: Also[tuple[Grant, NumberedReceipt]] | None = None,
) -> Grant:
    """The person's yes, said at the window. Raises as `grants.approve`, and `counter.…`."""

    def note(session: Session, made: tuple[Grant, NumberedReceipt]) -> None:
        _note(session, acting, visit_id, Act.APPROVED, request_id=request_id, grant_id=made[0].id)
        if also is not None:
            also(session, made)

    acting = acting_for(ctx, actor, visit_id)
    return grants.approve(ctx, acting, request_id, approval, also=note)[0]


def deny(ctx: Context, actor: Actor, visit_id: str, request_id: str, *, also: Also[Request] | None = None) -> None:
    """The person's no. Raises as `requests.deny`, and `counter.…`."""

    def note(session: Session, row: Request) -> None:
        _note(session, acting, visit_id, Act.DENIED, request_id=request_id)
        if also is not None:
            also(session, row)

    acting = acting_for(ctx, actor, visit_id)
    requests.deny(ctx, acting, request_id, also=note)
    ctx.log.wake()


def revoke(
    ctx: Context, actor: Actor, visit_id: str, grant_id: str, *, also: Also[NumberedReceipt] | None = None
) -> None:
    """Take a consent back for the person, at once. Raises as `grants.revoke`, and `counter.…`."""

    def note(session: Session, receipt: NumberedReceipt) -> None:
        _note(session, acting, visit_id, Act.REVOKED, grant_id=grant_id)
        if also is not None:
            also(session, receipt)

    acting = acting_for(ctx, actor, visit_id)
    grants.revoke(ctx, acting, grant_id, also=note)


def close(ctx: Context, actor: Actor, visit_id: str, *, also: Also[str] | None = None) -> None:
    """End the visit; from here on nothing can be seen or done in it. Raises as `desk`."""
    _office(actor)
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        row = live_visit(session, actor, visit_id, now, lock=True)
        assert row.holder_id is not None
        key = holders.holder_key(session, ctx.vault, row.holder_id)
        body = counter.open_body(key, row)
        row.closed_at_ms = now
        counter.seal_body(key, row, body)
        if also is not None:
            also(session, visit_id)


def acting_for(ctx: Context, actor: Actor, visit_id: str) -> Actor:
    """The officer as acting for the person of an open visit; what that allows, `authority` says each time.

    Raises `counter.not_on_duty`, `counter.not_found`, `counter.visit_over`.
    """
    party_id = _office(actor)
    with read_only(ctx.db) as session:
        row = live_visit(session, actor, visit_id, clock.now_ms(session))
        acting = Actor(
            Role.CITIZEN,
            actor.subject,
            holder_id=row.holder_id,
            party_id=party_id,
            relation=Relation.COUNTER,
            mandate_id=row.id,
        )
        authority(ctx, session, acting, Action.LOOK)
    return acting


def name_of(ctx: Context, actor: Actor, visit_id: str) -> str:
    """The name of the person at the window, as the officer read it from the document. Raises as `desk`."""
    with read_only(ctx.db) as session:
        return visit_of(ctx, session, actor, visit_id).name


def visit_of(ctx: Context, session: Session, actor: Actor, visit_id: str) -> Visit:
    """The officer's own open visit, to be shown. Raises `counter.not_found`, `counter.visit_over`."""
    return _visit(ctx, session, live_visit(session, actor, visit_id, clock.now_ms(session)))


def _office(actor: Actor) -> str:
    """The officer's department. Raises `counter.not_on_duty` for whoever is not at a window now."""
    party_id = actor.party(Role.DEPARTMENT)
    if actor.duty != COUNTER_DUTY:
        raise ApiError("counter.not_on_duty", Kind.FORBIDDEN)
    return party_id


def _begin(ctx: Context, session: Session, row: CounterVisit, name: str, number: str) -> None:
    """The visit, and the receipt of the look-up that began it, in one transaction.

    The number goes into the profile of somebody who never signed in: what a child may do depends on it.
    """
    assert row.holder_id is not None
    key = holders.holder_key(session, ctx.vault, row.holder_id)
    if "number" not in holders.profile(session, key):
        holders.set_profile(session, key, {"name": name, "number": number})
    salt = secrets.token_bytes(SALT_BYTES)
    statement: dict[str, Json] = {
        "schema": "mydata/visit/1",
        "visit": row.id,
        "office": row.party_id,
        "officer": row.officer,
        "document": row.document,
        "opened_at": row.opened_at_ms // 1000,
    }
    row.commitment = tagged_hash("mydata/visit/1", salt, canonical(statement))
    counter.seal_body(key, row, VisitBody(name, salt.hex()))
    session.add(row)
    session.flush()
    details: dict[str, Json] = {
        "visit": row.id,
        "office": row.party_id,
        "officer": row.officer,
        "document": row.document,
        "evidence": "0x" + row.commitment.hex(),
    }
    draft = ReceiptDraft(ReceiptKind.LOOK, details, holder_id=row.holder_id, party_id=row.party_id)
    prepare_receipt(session, ctx.vault, draft)


def _note(
    session: Session,
    actor: Actor,
    visit_id: str,
    act: Act,
    *,
    request_id: str | None = None,
    grant_id: str | None = None,
) -> None:
    now = clock.now_ms(session)
    live_visit(session, actor, visit_id, now, lock=True)
    counter.add_act(session, visit_id, act.value, now, request_id=request_id, grant_id=grant_id)


def _visit(ctx: Context, session: Session, row: CounterVisit) -> Visit:
    assert row.holder_id is not None
    body = counter.open_body(holders.holder_key(session, ctx.vault, row.holder_id), row)
    office = parties.get_party(session, row.party_id)
    assert office is not None
    return Visit(row.id, body.name, Shown(row.document), row.opened_at_ms, row.closes_at_ms, office)


def _all(page_of: Callable[[str | None], Page[R]]) -> list[R]:
    """All items of a list, within reason."""
    found: list[R] = []
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        page = page_of(cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


def _day(now_ms: int) -> int:
    """The day in China Standard Time as YYYYMMDD."""
    return int(datetime.fromtimestamp(now_ms / 1000, CHINA_STANDARD_TIME).strftime("%Y%m%d"))
