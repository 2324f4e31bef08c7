"""Grants as a regulator supervises them: found by any number that stands in evidence, with their trail; and those held.

Whoever the grant is of is not named; opening one leaves a line among those who looked, before anything is shown.
"""

from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.services import looks
from api.services.context import Actor, Context, Role
from api.services.grants.reading import GrantPage, page_of
from api.store import Session, read_only
from api.store.queries import cases, copies, grants, parties, receipts
from api.store.queries.paging import Page
from api.store.tables import Case, Grant, Party

NUMBER_MAX = 128


@dataclass(frozen=True, slots=True)
class Supervised:
    """A grant with its trail; `case` is the holder's case that holds it up, None where none of theirs does."""

    page: GrantPage
    case: Case | None


@dataclass(frozen=True, slots=True)
class Held:
    """A grant that is held up, or was declared void by a regulator, in a list."""

    grant: Grant
    entity: Party


def find(ctx: Context, actor: Actor, number: str) -> str:
    """The id of the grant that a number names: its own, its number on the chain, or that of a copy or receipt of it.

    Raises `grants.not_found`.
    """
    actor.party(Role.REGULATOR)
    with read_only(ctx.db) as session:
        grant = _named(session, number.strip()[:NUMBER_MAX])
        if grant is None:
            raise ApiError("grants.not_found", Kind.NOT_FOUND)
        return grant.id


def open_one(ctx: Context, actor: Actor, grant_id: str) -> Supervised:
    """One grant with its copies and its whole trail. Raises `grants.not_found`."""
    actor.party(Role.REGULATOR)
    with read_only(ctx.db) as session:
        grant = grants.find_grant(session, grant_id)
        if grant is None:
            raise ApiError("grants.not_found", Kind.NOT_FOUND)
        found = Supervised(page_of(session, grant), _holding(session, grant))
    looks.by_regulator(ctx, actor, "grant", [(grant.holder_id, grant.id)], {"grant": "0x" + grant.digest.hex()})
    return found


def list_held(ctx: Context, actor: Actor, cursor: str | None = None) -> Page[Held]:
    """What is held up at present, or was declared void, newest first; without anything of its holder's."""
    actor.party(Role.REGULATOR)
    with read_only(ctx.db) as session:
        page = grants.grants_stopped(session, cursor=cursor)
        return Page([_line(session, grant) for grant in page.items], page.next_cursor)


def _line(session: Session, grant: Grant) -> Held:
    entity = parties.get_party(session, grant.entity_id)
    assert entity is not None
    return Held(grant, entity)


def _named(session: Session, number: str) -> Grant | None:
    if number.startswith("0x") and len(number) == 2 + 2 * 32 and set(number[2:].lower()) <= set("0123456789abcdef"):
        return grants.grant_by_digest(session, bytes.fromhex(number[2:]))
    copy, receipt = copies.get_copy(session, number), receipts.get_receipt(session, number)
    named = copy.grant_id if copy is not None else receipt.grant_id if receipt is not None else number
    return None if named is None else grants.find_grant(session, named)


def _holding(session: Session, grant: Grant) -> Case | None:
    """The holder's own case that froze it: it is decided there, and not lifted here."""
    if not grant.frozen or grant.case_id is None:
        return None
    return cases.get_case(session, grant.case_id)
