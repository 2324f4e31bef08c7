"""How far a fact is on its way to the public record, in words for pages: recorded, being recorded, or delayed.

What is delayed says why and since when; nobody needs to know more of the chain than this.
"""

from dataclasses import dataclass

from api.locale import Lang, error_text, translator
from api.portals.views.common import Delay, WitnessLine
from api.portals.wording import DELAYS
from api.services import anchoring
from api.services.anchoring import Anchoring, AnchorWord, Outlook
from api.services.context import Context
from api.services.grants.events import announced_as
from api.services.log import Health
from api.store import read_only
from api.store.queries import receipts
from api.store.tables import Checkpoint, Grant, GrantEvent, Receipt

PENDING = AnchorWord.PENDING.value
ANCHORED = AnchorWord.ANCHORED.value


@dataclass(frozen=True, slots=True)
class Seen:
    """One fact: `state` is pending, anchored or delayed; `delay` is there for the last alone."""

    state: str
    delay: Delay | None = None

    @property
    def anchored(self) -> bool:
        """Whether it is recorded."""
        return self.state == ANCHORED


@dataclass(frozen=True, slots=True)
class Record:
    """The public record as it is now, read once for a page; `size` is how much of the log stands in it."""

    size: int
    outlook: Outlook
    lang: Lang

    def of(self, anchor_state: str, made_ms: int, key: str = "") -> Seen:
        """A fact that was made at `made_ms` and announced under `key`."""
        return self._said(self.outlook.of(anchor_state, made_ms, key))

    def of_number(self, number: int | None, made_ms: int) -> Seen:
        """An entry of the log."""
        return self.of(ANCHORED if number is not None and number < self.size else PENDING, made_ms)

    def of_receipt(self, receipt: Receipt) -> Seen:
        """An entry of the log, by its receipt."""
        return self.of_number(receipt.number, receipt.at_ms)

    def of_head(self, head: Checkpoint | None) -> Seen:
        """A checkpoint of the log; before the first one there is nothing to record."""
        return Seen(PENDING) if head is None else self.of(head.anchor_state, head.created_at_ms)

    def of_grant(self, grant: Grant) -> Seen:
        """A consent."""
        return self.of(grant.anchor_state, grant.created_at_ms, f"grant:{grant.id}")

    def of_change(self, grant: Grant, event: GrantEvent) -> Seen | None:
        """A change of a consent; None for one that the log alone holds."""
        block = event.anchored_block if event.seq else grant.anchored_block
        key = announced_as(event)
        if block is None and key is None:
            return None
        return self.of(PENDING if block is None else ANCHORED, event.at_ms, key or "")

    def _said(self, found: Anchoring) -> Seen:
        if found.word is not AnchorWord.DELAYED or found.reason is None or found.since_ms is None:
            return Seen(found.word.value)
        why = translator(self.lang).gettext(DELAYS[found.reason])
        return Seen(found.word.value, Delay(found.since_ms, why, error_text(found.reason, self.lang)))


def witness_lines(health: Health) -> tuple[WitnessLine, ...]:
    """The witnesses whom the settings name, for a page."""
    return tuple(
        WitnessLine(name=one.name, size=one.size, at_ms=None if one.signed_at_s is None else one.signed_at_s * 1000)
        for one in health.witnesses
    )


def record(ctx: Context, lang: Lang) -> Record:
    """The record as it is now."""
    with read_only(ctx.db) as session:
        return Record(receipts.log_size(session).anchored, anchoring.seen(session), lang)
