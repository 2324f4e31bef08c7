"""What looked like enumeration, for regulators: they look, and close it with a remark; then the party may go on."""

from dataclasses import dataclass

from api.catalogue.model import StatutoryBasis
from api.errors import ApiError, Kind
from api.services.context import Actor, Also, Context, Role
from api.store import clock, read_only, unit_of_work
from api.store.queries import alarms, parties, statutory
from api.store.queries.paging import Page
from api.store.queries.statutory import AlarmState
from api.store.tables import Party, StatutoryAlarm

MAX_REMARK = 200


@dataclass(frozen=True, slots=True)
class AlarmView:
    """An alarm with whom and what it is about."""

    alarm: StatutoryAlarm
    party: Party | None
    basis: StatutoryBasis | None


def list_all(ctx: Context, actor: Actor, cursor: str | None = None, *, open_only: bool = False) -> Page[AlarmView]:
    """All alarms, newest first."""
    actor.party(Role.REGULATOR)
    with read_only(ctx.db) as session:
        page = statutory.alarms(session, open_only=open_only, cursor=cursor)
        views = [
            AlarmView(row, parties.get_party(session, row.party_id), ctx.catalogue.statutory_bases.get(row.basis_code))
            for row in page.items
        ]
    return Page(views, page.next_cursor)


def close(ctx: Context, actor: Actor, alarm_id: str, remark: str, *, also: Also[StatutoryAlarm] | None = None) -> None:
    """Close an alarm: what was counted before counts no more, and if no other is open the party may query again.

    Raises `statutory.no_alarm`, `statutory.alarm_closed`, `statutory.remark_missing`.
    """
    party_id = actor.party(Role.REGULATOR)
    remark = remark.strip()
    if not remark or len(remark) > MAX_REMARK or not remark.isprintable():
        raise ApiError("statutory.remark_missing", limit=MAX_REMARK)
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        row = statutory.lock_alarm(session, alarm_id)
        if row is None:
            raise ApiError("statutory.no_alarm", Kind.NOT_FOUND)
        if row.state != AlarmState.OPEN:
            raise ApiError("statutory.alarm_closed", Kind.CONFLICT)
        alarms.close(session, ctx.vault, row, party_id, remark, now)
        if also is not None:
            also(session, row)
