"""How an organisation stands with its queries by statutory duty: what is left of its quotas, and what stops it."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.catalogue.model import StatutoryBasis
from api.services.context import Actor, Context, Role
from api.services.statutory import bases_of
from api.store import clock, read_only
from api.store.queries import statutory
from api.store.tables import StatutoryAlarm


@dataclass(frozen=True, slots=True)
class BasisUse:
    """A basis that the organisation is registered for; `used`: its queries under it that counted in 24 hours."""

    basis: StatutoryBasis
    used: int

    @property
    def left(self) -> int:
        """How many more are served today."""
        return max(0, self.basis.quota_per_day - self.used)


@dataclass(frozen=True, slots=True)
class Standing:
    """An organisation's own bases and open alarms. `blocked`: nothing is served until a regulator has closed one."""

    bases: Sequence[BasisUse]
    alarms: Sequence[StatutoryAlarm]

    @property
    def blocked(self) -> bool:
        """Whether queries are stopped."""
        return any(alarm.blocks for alarm in self.alarms)


def standing(ctx: Context, actor: Actor) -> Standing:
    """How the actor's own organisation stands. Counts alone: whom a query was about is not told again."""
    party_id = actor.party(Role.DEPARTMENT, Role.ENTITY)
    bases = bases_of(ctx, actor)
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
        uses = [BasisUse(one, statutory.used_today(session, party_id, one.code, now)) for one in bases]
        return Standing(uses, statutory.open_alarms_of(session, party_id))
