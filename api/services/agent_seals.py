"""Returns that a department computes and signs by itself (custody *agent*, docs/threat-model.md).

The department's agent reads the same file with the same code, gets the seeds of the salts that this service drew, and
computes every leaf and root anew. What it signs is what it computed; this service holds no key that could.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.services.context import Actor, Also, Context, Role
from api.services.days import city_day
from api.services.returns import seal_checked
from api.store import Session
from api.store.database import read_only
from api.store.queries import holders, parties, records, returns
from api.store.queries.returns import ReturnState
from api.store.tables import Return

AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Commitments:
    """What one batch commits to: its root and size, and the 32-byte seed of each certificate in leaf order.

    `rules`, `day` (on which claims are derived, ISO), `batches` (how many the return has), `sheet` and `columns` (how
    the file was read; null: as the catalogue says) are the same for all.
    """

    rules: str
    day: str
    batches: int
    root: bytes
    size: int
    seeds: Sequence[bytes]
    sheet: int | None = None
    columns: Mapping[str, str | None] | None = None


def commitments(ctx: Context, actor: Actor, return_id: str, seq: int) -> Commitments:
    """Batch `seq` of one's own checked return, for the agent to compute again.

    Seeds are shown to the department alone that sent the values, before the seal alone.

    Raises `returns.not_found`, `returns.not_by_agent`, `returns.not_checked`, `returns.no_such_batch`.
    """
    with read_only(ctx.db) as session:
        row = _own(session, actor, return_id)
        if row.state != ReturnState.CHECKED:
            raise ApiError("returns.not_checked", Kind.CONFLICT)
        found = records.of_batch(session, return_id, seq)
        if not found:
            raise ApiError("returns.no_such_batch", Kind.NOT_FOUND)
        keys = {holder: holders.holder_key(session, ctx.vault, holder) for holder in {one.holder_id for one in found}}
        heads = returns.heads_of(session, return_id)
        return Commitments(
            rules=found[0].rules,
            day=city_day(row.created_at_ms).isoformat(),
            batches=len(heads),
            root=heads[seq].root,
            size=heads[seq].size,
            seeds=[records.open_body(keys[one.holder_id], one).seed for one in found],
            sheet=row.sheet,
            columns=row.columns,
        )


def seal(
    ctx: Context, actor: Actor, return_id: str, signatures: Sequence[bytes], *, also: Also[Return] | None = None
) -> Return:
    """Seal one's own checked return by the agent's signatures over its roots, one for each call of at most 50 roots.

    Raises `returns.not_found`, `returns.not_by_agent`, `returns.not_checked`, `returns.nothing_good`,
    `returns.bad_signature`. Sealing twice is no error.
    """
    with read_only(ctx.db) as session:
        _own(session, actor, return_id)
    return seal_checked(ctx, return_id, signatures=list(signatures), also=also)


def _own(session: Session, actor: Actor, return_id: str) -> Return:
    party_id = actor.party(Role.DEPARTMENT)
    row = returns.get_return(session, party_id, return_id)
    if row is None:
        raise ApiError("returns.not_found", Kind.NOT_FOUND)
    party = parties.get_party(session, party_id)
    if party is None or party.custody != AGENT:
        raise ApiError("returns.not_by_agent", Kind.CONFLICT)
    return row
