"""One round of a witness: fetch, judge, make durable, sign, hand in.

Order of effects, and what a crash after each means:

1. checkpoint and tiles are read and judged (`chain.fork.consider`), the chain is asked: nothing happened.
2. the cosignature is made and kept with its checkpoint (`WitnessFolder.keep_cosigned`): nobody has seen it; the next
   round hands this very one in.
3. it is handed in to the log's service: whether that worked does not matter here; it is offered again until it did.
4. what other witnesses publish is held against it: a fork halts this witness as well, with its proof.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chain.cosign import add_lines, cosign
from chain.errors import ChainError
from chain.fork import Reason, RefusedCheckpointError, compare, consider, opened
from chain.merkle import NodeAt
from chain.note import Checkpoint, split_note
from chain.witness.folder import WitnessFolder
from chain.witness.source import LogSource

OnChain = Callable[[Checkpoint], bool]
"""Whether the chain has this head; raises NodeError where it does not answer, WrongChainError for another chain."""

Peer = Callable[[], str]
"""The newest checkpoint that another witness publishes, as a note; raises SourceError where it does not answer."""


class Outcome(StrEnum):
    """What a round came to; texts stand in `texts.toml`."""

    COSIGNED = "cosigned"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    SILENT = "silent"
    HALTED = "halted"


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to: the size looked at (0: none), the code of a refusal or a silence, and its detail."""

    outcome: Outcome
    size: int = 0
    code: str = ""
    detail: str = ""


class Witness:
    """Follows one log. One thread.

    Args:
        folder: where everything is kept; open.
        source: the log.
        now_s: the clock, seconds since 1970.
        on_chain: the chain, if the witness looks there as well.
        peers: other witnesses of the same log.

    """

    def __init__(
        self,
        folder: WitnessFolder,
        source: LogSource,
        now_s: Callable[[], int],
        on_chain: OnChain | None = None,
        peers: Sequence[Peer] = (),
    ) -> None:
        self._folder = folder
        self._source = source
        self._now_s = now_s
        self._on_chain = on_chain
        self._peers = peers
        self._delivered = ""

    def round(self) -> Round:
        """Look at the log once. What the log or a node may answer raises nothing."""
        halted = self._folder.state.halted
        if halted is not None:
            return Round(Outcome.HALTED, code=halted.code, detail=halted.proof)
        try:
            note = self._source.checkpoint()
        except ChainError as error:
            return Round(Outcome.SILENT, code=error.code, detail=error.detail)
        try:
            new = self._judge(note)
        except RefusedCheckpointError as refused:
            return self._refuse(refused, note)
        except ChainError as error:
            return Round(Outcome.SILENT, code=error.code, detail=error.detail)
        outcome = Outcome.UNCHANGED
        if self._last_size() != new.size:
            self._cosign(note, new)
            outcome = Outcome.COSIGNED
        found = self._deliver(outcome, new.size)
        for peer in self._peers:
            other = self._held_against(peer)
            if other is not None and other.outcome is Outcome.REFUSED:
                return other
            found = other or found
        return found

    def _held_against(self, peer: Peer) -> Round | None:
        """Compare with what another witness published; None where both agree, or cannot be compared yet."""
        state = self._folder.state
        if state.note is None:
            return None
        size = opened(state.log, state.note).size
        try:
            note = peer()
            opened(state.log, note)
        except ChainError as error:
            return Round(Outcome.UNCHANGED, size, "chain.witness.peer_silent", error.code)
        try:
            fork = compare(state.log, state.note, note, self._tree)
        except RefusedCheckpointError as refused:
            return self._refuse(refused, note)
        except ChainError:
            # The other one is ahead, and the log does not show that much here yet.
            return None
        return None if fork is None else self._refuse(RefusedCheckpointError(Reason.FORK, fork=fork), note)

    def _refuse(self, refused: RefusedCheckpointError, note: str) -> Round:
        self._folder.keep_refused(refused.code, note, self._now_s(), refused.fork)
        kept = self._folder.state.halted
        return Round(Outcome.REFUSED, code=refused.code, detail=refused.detail if kept is None else kept.proof)

    def _tree(self, size: int) -> NodeAt:
        return self._source.tree(size).node

    def _judge(self, note: str) -> Checkpoint:
        state = self._folder.state
        new = consider(state.log, state.note, note, self._tree, self._folder.cosigned_at)
        if self._last_size() != new.size and self._on_chain is not None and not self._on_chain(new):
            raise RefusedCheckpointError(Reason.NOT_ON_CHAIN, str(new.size))
        return new

    def _last_size(self) -> int | None:
        state = self._folder.state
        return None if state.note is None else opened(state.log, state.note).size

    def _cosign(self, note: str, new: Checkpoint) -> None:
        """Sign what the log signed, without what others may have written under it."""
        text, lines = split_note(note)
        log, time_s = self._folder.state.log, self._now_s()
        own = [line for line in lines if (line.name, line.key_id) == (log.name, log.key_id)][:1]
        signed = add_lines(text + "\n", [*own, cosign(text, self._folder.name, self._folder.key, time_s)])
        self._folder.keep_cosigned(signed, new.size, time_s)

    def _deliver(self, outcome: Outcome, size: int) -> Round:
        note = self._folder.state.note
        if note is None or note == self._delivered:
            return Round(outcome, size)
        try:
            self._source.deliver(note)
        except ChainError as error:
            return Round(outcome, size, error.code, error.detail)
        self._delivered = note
        return Round(outcome, size)
