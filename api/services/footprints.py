"""Who looked at my data: every delivery, refusal and look, one's own downloads, newest first, each with its proof.

A line says who, when, which fields, on what basis, for what, and where its proof is. A line of an access by statutory
duty that a law keeps back for a while is there and counts, and says by which law and until when it is masked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from api.policy.mandates import Action
from api.services.authority import Authority, authority
from api.services.context import Actor, Context
from api.store import Session, clock, read_only
from api.store.queries import grants, looks, parties
from api.store.queries.looks import LOOKS, Wanted
from api.store.queries.paging import LIMIT_MAX, Page
from api.store.queries.registrations import LegalBasis
from api.store.receipts import open_details
from api.store.tables import Grant, Party, Receipt, StatutoryAccess
from chain.canonical import Json
from chain.receipt import ReceiptKind

EXPORT_MAX = 10_000


class Group(StrEnum):
    """By which lines are picked."""

    ALL = "all"
    DELIVERED = "delivered"
    REFUSED = "refused"
    OFFICIAL = "official"
    OWN = "own"
    CHANGES = "changes"


class Basis(StrEnum):
    """On what a look rested."""

    CONSENT = "consent"
    STATUTORY = "statutory"
    MANDATE = "mandate"
    COUNTER = "counter"
    SUPERVISION = "supervision"
    DISPUTE = "dispute"
    OWN = "own"


_CHANGES = (
    ReceiptKind.GRANT,
    ReceiptKind.CHANGE,
    ReceiptKind.MANDATE,
    ReceiptKind.CREDENTIAL,
    ReceiptKind.CASE,
    ReceiptKind.DELETION,
)
GROUPS: Mapping[Group, tuple[ReceiptKind, ...]] = {
    Group.ALL: (ReceiptKind.DELIVERY, ReceiptKind.REFUSAL, ReceiptKind.LOOK, ReceiptKind.ORIGINAL, *_CHANGES),
    Group.DELIVERED: (ReceiptKind.DELIVERY,),
    Group.REFUSED: (ReceiptKind.REFUSAL,),
    Group.OFFICIAL: (ReceiptKind.LOOK,),
    Group.OWN: (ReceiptKind.ORIGINAL,),
    Group.CHANGES: _CHANGES,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines are wanted; `until_ms` is exclusive."""

    group: Group = Group.ALL
    party_id: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Mask:
    """Why a line does not say more yet: the law, and when all of it is shown."""

    access_id: str
    basis_code: str
    law: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class Footprint:
    """One line: the receipt, what it says, who it was and under which grant.

    `basis` is None for what is no look, such as a change. `fields` are `type/field`; `mask` is set while the line is
    masked, and then nothing but the time and the receipt's kind *look* is in it.
    """

    receipt: Receipt
    details: Mapping[str, Json]
    party: Party | None
    grant: Grant | None
    basis: Basis | None = None
    fields: Sequence[str] = ()
    case_no: str | None = None
    repeats: int = 1
    mask: Mask | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """How many times somebody looked or tried to, masked lines included, and how many of these are masked now."""

    looks: int
    masked: int


def list_own(
    ctx: Context, actor: Actor, cursor: str | None = None, wanted: Filter | None = None, *, limit: int = 50
) -> Page[Footprint]:
    """A holder's footprints, newest first; to a representative those of grants that the mandate covers."""
    with read_only(ctx.db) as session:
        may = authority(ctx, session, actor, Action.LOOK)
        return _page(ctx, session, may, wanted or Filter(), cursor, limit)


def totals(ctx: Context, actor: Actor) -> Totals:
    """Over all time. To a representative with a narrower mandate this counts what the list does not show."""
    with read_only(ctx.db) as session:
        may, now = authority(ctx, session, actor, Action.LOOK), clock.now_ms(session)
        everything = looks.total(session, may.holder_id, Wanted(LOOKS), now)
        return Totals(everything, everything - looks.total(session, may.holder_id, Wanted(LOOKS, masked=False), now))


def who_looked(ctx: Context, actor: Actor) -> list[Party]:
    """The parties by which lines can be picked, by Chinese name; who stands behind masked lines is not among them."""
    with read_only(ctx.db) as session:
        may, now = authority(ctx, session, actor, Action.LOOK), clock.now_ms(session)
        found = [parties.get_party(session, one) for one in looks.parties_of(session, may.holder_id, now)]
        return sorted((one for one in found if one is not None), key=lambda one: one.name_zh)


def export(ctx: Context, actor: Actor, wanted: Filter | None = None) -> list[Footprint]:
    """All lines, newest first, up to `EXPORT_MAX`; a representative needs the right to take things along."""
    with read_only(ctx.db) as session:
        may = authority(ctx, session, actor, Action.EXPORT)
        found: list[Footprint] = []
        cursor: str | None = None
        while len(found) < EXPORT_MAX:
            page = _page(ctx, session, may, wanted or Filter(), cursor, LIMIT_MAX)
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        return found


def _page(
    ctx: Context, session: Session, may: Authority, wanted: Filter, cursor: str | None, limit: int
) -> Page[Footprint]:
    now = clock.now_ms(session)
    asked = Wanted(
        GROUPS[wanted.group],
        # A masked line is an official's look and is found there; under any other name it would tell what it hides.
        masked=wanted.group in {Group.ALL, Group.OFFICIAL},
        party_id=wanted.party_id,
        since_ms=wanted.since_ms,
        until_ms=wanted.until_ms,
    )
    page = looks.lines(session, may.holder_id, asked, now, cursor=cursor, limit=limit)
    ids = [row.id for row in page.items]
    hidden, repeats = looks.hidden_among(session, ids, now), looks.repeats(session, ids)
    lines = [
        _masked(ctx, row, hidden[row.id])
        if row.id in hidden
        else _line(ctx, session, may, row, repeats.get(row.id, row.repeats))
        for row in page.items
    ]
    return Page([line for line in lines if _covered(may, line)], page.next_cursor)


def _line(ctx: Context, session: Session, may: Authority, row: Receipt, repeats: int) -> Footprint:
    details = open_details(session, ctx.vault, row).details
    grant = grants.grant_of_holder(session, may.holder_id, row.grant_id) if row.grant_id else None
    party = parties.get_party(session, row.party_id) if row.party_id else None
    case_no = None if grant is None else grant.terms.get("case_no")
    return Footprint(
        row,
        details,
        party,
        grant,
        basis=_basis(row, details, grant),
        fields=_fields(row, details, grant),
        case_no=str(case_no or details.get("case_no") or "") or None,
        repeats=repeats,
    )


def _masked(ctx: Context, row: Receipt, access: StatutoryAccess) -> Footprint:
    assert access.masked_until_ms is not None
    shown = Receipt(id=access.id, kind=ReceiptKind.LOOK.value, repeats=1, at_ms=row.at_ms)
    basis = ctx.catalogue.statutory_bases.get(access.basis_code)
    law = access.mask_basis or ("" if basis is None else basis.law_zh)
    return Footprint(
        shown,
        {},
        None,
        None,
        basis=Basis.STATUTORY,
        mask=Mask(access.id, access.basis_code, law, access.masked_until_ms),
    )


def _basis(row: Receipt, details: Mapping[str, Json], grant: Grant | None) -> Basis | None:
    if row.kind == ReceiptKind.ORIGINAL:
        return Basis.MANDATE if "mandate" in details else Basis.OWN
    if "basis" in details or (grant is not None and grant.legal_basis == LegalBasis.STATUTORY_DUTY):
        return Basis.STATUTORY
    if row.kind == ReceiptKind.LOOK:
        if "regulator" in details:
            return Basis.SUPERVISION
        if "dispute" in details:
            return Basis.DISPUTE
        return Basis.COUNTER if "visit" in details else Basis.MANDATE
    return Basis.CONSENT if row.kind in {ReceiptKind.DELIVERY, ReceiptKind.REFUSAL} else None


def _fields(row: Receipt, details: Mapping[str, Json], grant: Grant | None) -> list[str]:
    """What was seen or asked for: of a decision the fields that were asked, else all that were granted."""
    decision = details.get("decision")
    asked = decision.get("asked") if isinstance(decision, dict) else None
    if isinstance(asked, list):
        return [str(one) for one in asked]
    items = None if grant is None else grant.terms.get("items")
    if row.kind in LOOKS | {ReceiptKind.GRANT} and isinstance(items, list):
        return [f"{item['type']}/{item['field']}" for item in items]
    return []


def _covered(may: Authority, line: Footprint) -> bool:
    """Whether a line lies within; one that belongs to no grant may concern any type."""
    if line.grant is None:
        return may.whole
    return may.covers(Action.LOOK, grants.types_of(line.grant), grants.purpose_of(line.grant))
