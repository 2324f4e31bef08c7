"""How far a fact is on its way to the chain, in people's words: pending, anchored, delayed (why, since when).

Nobody who uses the service needs to know more of the chain than this. Delayed is what still waits while the chain does
not answer, stands or is halted, what the chain refused, and what simply takes longer than it should.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from api.services.context import Context
from api.store import Session, clock, outbox, read_only
from api.store.queries import chain_status
from api.store.queries.chain_status import ChainState

SILENT_AFTER_MS = 30_000
CHAIN_STANDS = "chain.standing"
"""The chain's own code for it, which the worker writes and operators read."""
SLOW_AFTER_MS = 5 * 60_000

UNREACHABLE = "anchoring.unreachable"
HALTED = "anchoring.halted"
STANDING = "anchoring.standing"
REFUSED = "anchoring.refused"
SLOW = "anchoring.slow"


class AnchorWord(StrEnum):
    """What people are told."""

    PENDING = "pending"
    ANCHORED = "anchored"
    DELAYED = "delayed"


@dataclass(frozen=True, slots=True)
class Anchoring:
    """The word for one fact; where it is delayed, since when (UTC milliseconds) and the code of the reason.

    `text` is the code of the sentence that says it, in the catalogue of texts.
    """

    word: AnchorWord
    since_ms: int | None = None
    reason: str | None = None

    @property
    def text(self) -> str:
        """The code of the sentence: the reason where there is one."""
        return self.reason or f"anchoring.{self.word}"


@dataclass(frozen=True, slots=True)
class Outlook:
    """How the chain is now, read once for all facts of an answer."""

    now_ms: int
    trouble: str | None
    since_ms: int
    refused: Mapping[str, int]

    def of(self, anchor_state: str, made_ms: int, key: str = "") -> Anchoring:
        """The word for a fact that was made at `made_ms` and announced under `key`."""
        if anchor_state == AnchorWord.ANCHORED:
            return Anchoring(AnchorWord.ANCHORED)
        if self.trouble is not None:
            return Anchoring(AnchorWord.DELAYED, max(made_ms, self.since_ms), self.trouble)
        if key in self.refused:
            return Anchoring(AnchorWord.DELAYED, self.refused[key], REFUSED)
        if self.now_ms - made_ms > SLOW_AFTER_MS:
            return Anchoring(AnchorWord.DELAYED, made_ms, SLOW)
        return Anchoring(AnchorWord.PENDING)


def outlook(ctx: Context) -> Outlook:
    """How the chain is now."""
    with read_only(ctx.db) as session:
        return seen(session)


def seen(session: Session) -> Outlook:
    """The same inside a transaction."""
    now, status = clock.now_ms(session), chain_status.get_chain_status(session)
    trouble, since = None, now
    if status is not None and status.state == ChainState.HALTED:
        trouble, since = HALTED, status.since_ms
    elif status is not None and (
        status.state == ChainState.DELAYED or (status.last_ok_ms and now - status.last_ok_ms > SILENT_AFTER_MS)
    ):
        # Where the worker itself is away, nobody says "delayed"; the silence does.
        trouble = STANDING if status.reason == CHAIN_STANDS else UNREACHABLE
        since = status.since_ms if status.state == ChainState.DELAYED else status.last_ok_ms
    return Outlook(now, trouble, since, outbox.refused(session))
