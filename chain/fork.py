"""Following a log, and proving that it forked; pure.

A fork is two checkpoints that one log signed and that no one tree can have: two roots at one size, or a smaller one
whose root is not that of the larger tree's first leaves. The proof (schema `mydata/fork/1`, docs/formats.md) holds both
notes and, for the second case, the root that the larger tree has at the smaller size with the consistency proof that
shows it. Whoever has the log's public key checks it alone, without service, witness or chain.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from chain.canonical import Json, canonical
from chain.cosign import NoteKey, parse_key
from chain.errors import ChainError, FormatError, Kind, ProofError, SignatureError
from chain.merkle import NODE_BYTES, PROOF_LIMIT, NodeAt, consistency_proof, tree_head, verify_consistency
from chain.note import ED25519_ALGORITHM, NOTE_LIMIT, Checkpoint, open_checkpoint, parse_checkpoint, split_note
from chain.strict import Fields, hex0x, parse_json, refuse

FORK_SCHEMA = "mydata/fork/1"
FORK_LIMIT = 4 * NOTE_LIMIT


class Reason(StrEnum):
    """Why a checkpoint is not co-signed; each is the code `chain.witness.<reason>`."""

    MALFORMED = "malformed"  # no note, or no checkpoint in it
    ORIGIN = "origin"  # another log's
    KEY = "key"  # no line by the log's key
    SIGNATURE = "signature"  # the line by the log's key does not hold
    ROLLBACK = "rollback"  # fewer leaves than were seen before
    FORK = "fork"  # proven: the log signed two histories
    UNPROVEN = "unproven"  # the log does not show that what was seen before is a prefix
    NOT_ON_CHAIN = "not_on_chain"  # the chain has no such head


@dataclass(frozen=True, slots=True)
class Fork:
    """Two checkpoints of one log that contradict one another.

    Attributes:
        log: the log's key.
        first: the note over fewer leaves, or over as many.
        second: the other note.
        root: what the tree under `second` has as its root at the size of `first`; 32 bytes.
        proof: the consistency proof from there to `second`; empty for equal sizes.

    """

    log: NoteKey
    first: str
    second: str
    root: bytes
    proof: tuple[bytes, ...]

    def check(self) -> tuple[Checkpoint, Checkpoint]:
        """The two checkpoints, if this proves that they contradict one another.

        Raises FormatError or SignatureError where a note is not the log's, ProofError where nothing is proven.
        """
        first, second = opened(self.log, self.first), opened(self.log, self.second)
        if self.root == first.root:
            raise ProofError("the checkpoints agree")
        verify_consistency(first.size, self.root, second.size, second.root, self.proof)
        return first, second

    def to_json(self) -> dict[str, Json]:
        """The document."""
        return {
            "schema": FORK_SCHEMA,
            "log": str(self.log),
            "first": self.first,
            "second": self.second,
            "root": hex0x(self.root),
            "proof": [hex0x(node) for node in self.proof],
        }

    def to_bytes(self) -> bytes:
        """The canonical bytes."""
        return canonical(self.to_json())


def parse_fork(data: bytes) -> Fork:
    """Read a proof of a fork; whether it proves anything is for `Fork.check`. Raises FormatError."""
    top = Fields(parse_json(data, FORK_LIMIT), "")
    top.schema(FORK_SCHEMA)
    key = parse_key(top.text("log", limit=512))
    if key.algorithm != ED25519_ALGORITHM:
        refuse("note_key", "/log")
    first, second = top.text("first", limit=NOTE_LIMIT), top.text("second", limit=NOTE_LIMIT)
    root = top.hex("root", NODE_BYTES)
    proof = top.hex_array("proof", NODE_BYTES, PROOF_LIMIT)
    top.done()
    return Fork(key, first, second, root, tuple(proof))


class RefusedCheckpointError(ChainError):
    """A checkpoint is not to be co-signed (`chain.witness.<reason>`); `fork` proves it where it can be proven."""

    kind = Kind.INTEGRITY

    def __init__(self, reason: Reason, detail: str = "", fork: Fork | None = None) -> None:
        super().__init__(detail, code=f"chain.witness.{reason}")
        self.reason = reason
        self.fork = fork


def opened(log: NoteKey, note: str) -> Checkpoint:
    """The checkpoint in `note`, signed by `log`; raises what `chain.note.open_checkpoint` raises."""
    return open_checkpoint(note, log.name, log.public_key)


def examined(log: NoteKey, note: str) -> Checkpoint:
    """As `opened`, with the reasons of a witness. Raises RefusedCheckpointError."""
    try:
        text, _ = split_note(note)
        origin = parse_checkpoint(text).origin
    except FormatError:
        raise RefusedCheckpointError(Reason.MALFORMED) from None
    if origin != log.name:
        raise RefusedCheckpointError(Reason.ORIGIN)
    try:
        return opened(log, note)
    except SignatureError as error:
        unsigned = error.code == "chain.signature.note_unsigned"
        raise RefusedCheckpointError(Reason.KEY if unsigned else Reason.SIGNATURE) from None


def consider(
    log: NoteKey, before: str | None, note: str, tree: Callable[[int], NodeAt], seen: Callable[[int], str | None]
) -> Checkpoint:
    """The checkpoint in `note`, if a witness that last co-signed the note `before` may co-sign it.

    `tree` gives the log's own tree of a size, as it shows it now; `seen` the note over a size that the witness
    co-signed at any time. Raises RefusedCheckpointError, and whatever `tree` raises where the log does not answer.
    """
    new = examined(log, note)
    if before is None:
        _shown(tree(new.size), new)
        return new
    old = opened(log, before)
    if new.size < old.size:
        known = seen(new.size)
        if known is not None and opened(log, known).root != new.root:
            raise RefusedCheckpointError(Reason.FORK, fork=_same_size(log, known, note))
        found = _contradiction(log, before, note, tree)
        if found is None:
            raise RefusedCheckpointError(Reason.ROLLBACK, f"{new.size} < {old.size}")
    else:
        found = compare(log, before, note, tree)
    if found is not None:
        raise RefusedCheckpointError(Reason.FORK, fork=found)
    return new


def compare(log: NoteKey, one: str, other: str, tree: Callable[[int], NodeAt]) -> Fork | None:
    """The proof that two checkpoints which `log` signed contradict one another; None where they agree.

    `tree` gives the tree of the larger size, from whoever showed that checkpoint; it is not asked for equal sizes. What
    it says is checked against the checkpoint: raises RefusedCheckpointError (UNPROVEN) where it is another tree.
    """
    first, second = sorted((one, other), key=lambda note: opened(log, note).size)
    small, large = opened(log, first), opened(log, second)
    if small.size == large.size:
        return None if small.root == large.root else _same_size(log, first, second)
    node = tree(large.size)
    try:
        root = tree_head(node, small.size)
        proof = tuple(consistency_proof(node, small.size, large.size))
        verify_consistency(small.size, root, large.size, large.root, proof)
    except ProofError:
        raise RefusedCheckpointError(Reason.UNPROVEN) from None
    return None if root == small.root else Fork(log, first, second, root, proof)


def _contradiction(log: NoteKey, before: str, note: str, tree: Callable[[int], NodeAt]) -> Fork | None:
    """As `compare`; None also where the log does not show the larger tree any more."""
    try:
        return compare(log, before, note, tree)
    except ChainError:
        return None


def _shown(node: NodeAt, checkpoint: Checkpoint) -> None:
    """The log shows the tree that it signed: a first checkpoint is taken on trust, but not its tree."""
    try:
        root = tree_head(node, checkpoint.size)
    except ProofError:
        raise RefusedCheckpointError(Reason.UNPROVEN) from None
    if root != checkpoint.root:
        raise RefusedCheckpointError(Reason.UNPROVEN)


def _same_size(log: NoteKey, one: str, other: str) -> Fork:
    return Fork(log, one, other, opened(log, other).root, ())
