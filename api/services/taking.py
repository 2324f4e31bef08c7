"""What may be taken of a holder's records today: fair use, and claims that still say the truth.

The parts of a pull between the decision over the grant and the making of the copy.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from api.catalogue.model import FairUse
from api.errors import ApiError, Kind
from api.policy import claims, fair_use
from api.policy.decide import Deny, PullAsk
from api.services.context import Context
from api.store import Session
from api.store.bodies import RecordBody
from api.store.crypto import DataKey
from api.store.queries import records, uses
from api.store.queries.deliveries import PulledGrant
from api.store.queries.records import RecordView


@dataclass(frozen=True, slots=True)
class Taken:
    """A record with the names of the fields to be taken from it."""

    view: RecordView
    body: RecordBody
    names: Sequence[str]

    @property
    def values(self) -> dict[str, str]:
        """The fields, as far as the record has them."""
        return {name: self.body.fields[name] for name in self.names if name in self.body.fields}


def unfair(ctx: Context, session: Session, grant: PulledGrant, ask: PullAsk, now_ms: int) -> Deny | None:
    """Why fair use forbids one more use of this grant now, else None.

    Access by statutory duty has quotas of its own and no purpose of the catalogue, so nothing binds it here.
    """
    caps = _caps(ctx, grant, {type_code for type_code, _ in ask.items})
    # Only a grant that was used as often as its caps allow needs its receipts counted, and few are.
    if not fair_use.may_bind(caps, grant.use_count):
        return None
    return fair_use.too_frequent(caps, uses.recent_uses(session, grant.id, now_ms))


def frequency(ctx: Context, grant: PulledGrant, ask: PullAsk) -> tuple[int, int] | None:
    """The most uses in 24 hours and in 30 days that `unfair` goes by; None where nothing binds."""
    rule = fair_use.overall(_caps(ctx, grant, {type_code for type_code, _ in ask.items}))
    return None if rule is None else (rule.pulls_per_day, rule.pulls_per_month)


def take(
    ctx: Context, session: Session, key: DataKey, grant: PulledGrant, ask: PullAsk, today: date
) -> tuple[list[Taken], list[str]]:
    """What is there to be taken, and the claims (`type/field`) that are left out because they are unknown today.

    Raises `pull.not_reviewed` where of a type there are but back-filled records that nobody reviewed, and
    `pull.claim_outdated`, `pull.out_of_range` where there are records but nothing of them may be released.
    """
    wanted: dict[str, list[str]] = {}
    for type_code, name in sorted(ask.items):
        wanted.setdefault(type_code, []).append(name)
    caps = _caps(ctx, grant, wanted.keys())
    taken: list[Taken] = []
    unknown: set[str] = set()
    views = records.current_records(session, grant.holder_id, wanted)
    reviewed = {view.record.type_code for view in views if view.shareable}
    if any(view.record.type_code not in reviewed for view in views):
        raise ApiError("pull.not_reviewed", Kind.CONFLICT)
    views = [view for view in views if view.shareable]
    for view in views:
        body, code = records.open_body(key, view.record), view.record.type_code
        schema = ctx.catalogue.type(code)
        if code in caps and not fair_use.in_range(caps[code], schema, body.fields, today):
            continue
        left_out = claims.unknown(schema, body.fields, wanted[code], today)
        unknown |= {f"{code}/{name}" for name in left_out}
        names = [name for name in wanted[code] if name not in left_out]
        if names:
            taken.append(Taken(view, body, names))
    if views and not taken:
        raise ApiError("pull.claim_outdated" if unknown else fair_use.OUT_OF_RANGE.reason, Kind.CONFLICT)
    return taken, sorted(unknown)


def _caps(ctx: Context, grant: PulledGrant, type_codes: Collection[str]) -> Mapping[str, FairUse]:
    stated = grant.terms["purpose"]
    assert isinstance(stated, Mapping)
    purpose = ctx.catalogue.purposes.get(str(stated["code"]))
    return {} if purpose is None else fair_use.binding(purpose, grant.fair_use, type_codes)
