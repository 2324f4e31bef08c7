"""Where data went: department -> holder -> recipient, by purpose and day; and one certificate's life, with its proofs.

For regulators. Holders stand under pseudonyms that are the reader's own and change with the day: two readers, or two
days, cannot join theirs. Whoever is shown singly, and whoever's certificate is followed, sees that in its footprints.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from api.errors import ApiError, Kind
from api.locale import CHINA_STANDARD_TIME
from api.services import evidence, looks
from api.services.context import Actor, Context, Role
from api.services.days import city_day
from api.services.indicators import period_of
from api.store import Session, clock, read_only
from api.store.queries import flows, parties, receipts
from api.store.queries.flows import Kept, Wanted
from api.store.tables import Copy, Grant, Party, Receipt, Record
from chain.bundle import Bundle

DAYS_SHOWN = 7
DAYS_MAX = 92
HOLDERS_SHOWN = 20
STEPS_SHOWN = 200
PSEUDONYM_DIGITS = 8
_OFFSET_MS = round(CHINA_STANDARD_TIME.utcoffset(None).total_seconds() * 1000)
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the flow is wanted; None is everything. `holder` is a pseudonym of the same reader and day."""

    first: date | None = None
    last: date | None = None
    department: str | None = None
    entity: str | None = None
    purpose: str | None = None
    type_code: str | None = None
    holder: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One certificate's data in one delivery. `holder` is a pseudonym."""

    at_ms: int
    department: str
    holder: str
    entity: str
    purpose: str
    type_code: str
    record_id: str
    receipt_id: str

    @property
    def day(self) -> date:
        """The day in the city."""
        return city_day(self.at_ms)


@dataclass(frozen=True, slots=True)
class Flow:
    """The flow of a period, wholly counted: only `steps`, newest first, and `holders`, by how much went, are cut.

    `times`: how many steps there are, shown or not. `others` counts holders that are not shown singly. `paths`: how
    often from a department by way of a holder, for a purpose, to an entity; "" for all holders that are not shown.
    """

    first: date
    last: date
    times: int
    steps: Sequence[Step]
    holders: Sequence[str]
    others: int
    paths: Mapping[tuple[str, str, str, str], int]
    by_day: Mapping[tuple[date, str], int]
    names: Mapping[str, Party]

    @property
    def more(self) -> bool:
        """Whether only the newest steps are listed."""
        return self.times > len(self.steps)

    @property
    def in_links(self) -> Counter[tuple[str, str]]:
        """How often data went from a department by way of a holder."""
        return self._links(0, 1)

    @property
    def out_links(self) -> Counter[tuple[str, str]]:
        """How often data of a holder went to an entity."""
        return self._links(1, 3)

    @property
    def why_links(self) -> Counter[tuple[str, str]]:
        """How often data of a holder went for a purpose."""
        return self._links(1, 2)

    @property
    def whom_links(self) -> Counter[tuple[str, str]]:
        """How often data went for a purpose to an entity."""
        return self._links(2, 3)

    def _links(self, left: int, right: int) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for path, times in self.paths.items():
            found[path[left], path[right]] += times
        return found


@dataclass(frozen=True, slots=True)
class Moment:
    """Something in a certificate's life.

    `kind`: returned, anchored, granted, pulled, ended, deleted, traced, replaced or revoked. `detail` is a code or
    number of the platform's own, never a value; `receipt` its entry in the log.
    """

    kind: str
    at_ms: int | None
    party: Party | None = None
    receipt: Receipt | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Life:
    """One certificate, by its opaque number, and what happened to it, in order."""

    record: Record
    department: Party | None
    root: bytes
    anchored: bool
    moments: Sequence[Moment] = field(default_factory=tuple)


def read(ctx: Context, actor: Actor, wanted: Filter) -> Flow:
    """The flow of a period of at most 92 days; by default the last seven. Raises `indicators.period`."""
    actor.party(Role.REGULATOR)
    with read_only(ctx.db) as session:
        today = city_day(clock.now_ms(session))
        last = wanted.last or today
        first = wanted.first or last - timedelta(days=DAYS_SHOWN - 1)
        period = period_of(first, last, DAYS_MAX)
        filtered = Wanted(period, wanted.department, wanted.entity, wanted.purpose, wanted.type_code)
        if wanted.holder is not None:
            # A pseudonym cannot be turned back: everybody's is made anew, and whose it is stays here.
            everybody = flows.holders(session, filtered)
            mine = {one for one in everybody if pseudonym(ctx, actor, one, today) == wanted.holder}
            filtered = replace(filtered, holder_ids=mine)
        shown = flows.busiest(session, filtered, HOLDERS_SHOWN)
        newest = flows.newest(session, filtered, STEPS_SHOWN)
        paths = flows.counted(session, filtered, shown)
        days = flows.counted_by_day(session, filtered, _OFFSET_MS)
        others = flows.how_many_holders(session, filtered) - len(shown)
        names = {party.id: party for party in parties.list_parties(session)}
    seen = {*shown, *(one.holder_id for one in newest)}
    called = {holder: pseudonym(ctx, actor, holder, today) for holder in sorted(seen)} | {"": ""}
    about = [(holder, None) for holder in sorted(seen)]
    looks.by_regulator(ctx, actor, "flow", about, {"from": first.isoformat(), "until": last.isoformat()})
    return Flow(
        first=first,
        last=last,
        times=sum(paths.values()),
        steps=[
            Step(
                at_ms=one.at_ms,
                department=one.department_id,
                holder=called[one.holder_id],
                entity=one.entity_id,
                purpose=one.purpose,
                type_code=one.type_code,
                record_id=one.record_id,
                receipt_id=one.receipt_id,
            )
            for one in newest
        ],
        holders=[called[holder] for holder in shown],
        others=others,
        paths={(left, called[holder], why, right): times for (left, holder, why, right), times in paths.items()},
        by_day={(_EPOCH + timedelta(days=day), why): times for (day, why), times in days.items()},
        names=names,
    )


def pseudonym(ctx: Context, actor: Actor, holder_id: str, today: date) -> str:
    """What a holder is called towards this reader on this day."""
    return ctx.pairwise(holder_id, f"flow:{actor.subject}:{today.isoformat()}")[:PSEUDONYM_DIGITS]


def life(ctx: Context, actor: Actor, record_id: str) -> Life:
    """One certificate's life; its holder sees that it was followed. Raises `flows.not_found`."""
    actor.party(Role.REGULATOR)
    with read_only(ctx.db) as session:
        kept = flows.find_record(session, record_id)
        if kept is None:
            raise ApiError("flows.not_found", Kind.NOT_FOUND)
        found = _life(session, kept)
    looks.by_regulator(ctx, actor, "life", [(found.record.holder_id, None)], {"record": found.record.id})
    return found


def proof(ctx: Context, actor: Actor, record_id: str, receipt_id: str) -> Bundle:
    """The evidence bundle, without values, of an entry in a certificate's life. Raises `flows.not_found`."""
    found = life(ctx, actor, record_id)
    mine = {moment.receipt.id for moment in found.moments if moment.receipt is not None}
    with read_only(ctx.db) as session:
        receipt = receipts.get_receipt(session, receipt_id) if receipt_id in mine else None
        if receipt is None:
            raise ApiError("flows.not_found", Kind.NOT_FOUND)
        return evidence.receipt_bundle(ctx, session, receipt)


def _life(session: Session, kept: Kept) -> Life:
    record, returned = kept.record, kept.returned
    copies = flows.copies_with(session, record)
    grants = {grant.id: grant for grant in flows.grants_of(session, (copy.grant_id for copy in copies))}
    names = {party.id: party for party in parties.list_parties(session)}
    department = names.get(returned.party_id)
    moments = [Moment("returned", returned.sealed_at_ms, department, receipts.receipt_of_return(session, returned.id))]
    if kept.batch.anchor_state == "anchored":
        block = "" if kept.batch.anchored_block is None else str(kept.batch.anchored_block)
        moments.append(Moment("anchored", returned.anchored_at_ms, detail=block))
    moments += _shared(session, copies, grants, names, record)
    moments += _versions(session, record)
    return Life(
        record,
        department,
        kept.batch.root,
        kept.batch.anchor_state == "anchored",
        sorted(moments, key=lambda one: (one.at_ms is None, one.at_ms or 0)),
    )


def _shared(
    session: Session, copies: Sequence[Copy], grants: Mapping[str, Grant], names: Mapping[str, Party], record: Record
) -> list[Moment]:
    copy_ids = [copy.id for copy in copies]
    found = []
    for receipt in flows.receipts_about(session, grants, copy_ids):
        kind, grant = "granted" if receipt.kind == "grant" else "pulled", grants[receipt.grant_id or ""]
        purpose = grant.terms["purpose"]
        assert isinstance(purpose, Mapping)
        found.append(Moment(kind, receipt.at_ms, names.get(grant.entity_id), receipt, str(purpose["code"])))
    for event in flows.ends_of(session, grants):
        receipt_row = None if event.receipt_id is None else receipts.get_receipt(session, event.receipt_id)
        found.append(
            Moment("ended", event.at_ms, names.get(grants[event.grant_id].entity_id), receipt_row, event.state)
        )
    owners = {copy.id: copy.entity_id for copy in copies}
    for gone in flows.deletions_of(session, copy_ids):
        receipt_row = None if gone.receipt_id is None else receipts.get_receipt(session, gone.receipt_id)
        found.append(Moment("deleted", gone.at_ms, names.get(owners[gone.copy_id]), receipt_row))
    for trace in flows.traces_naming(session, copy_ids, record.created_at_ms):
        receipt_row = None if trace.receipt_id is None else receipts.get_receipt(session, trace.receipt_id)
        found.append(Moment("traced", trace.created_at_ms, names.get(trace.party_id), receipt_row, trace.outcome))
    return found


def _versions(session: Session, record: Record) -> list[Moment]:
    later = [one for one in flows.versions(session, record) if one.version > record.version]
    found = [Moment("replaced", later[0].created_at_ms, detail=str(later[0].version))] if later else []
    if record.status == "revoked":
        found.append(Moment("revoked", None))
    return found
