"""What a verification says, and what it asks the chain; the steps themselves are in `chain.verify`.

A verdict has five aspects. Each holds the worst that any step found for it, with the number of that step and a stable
code (`chain.verify.<reason>`), whose texts stand in `texts.toml`. Facts of a finding are counts, times, positions and
addresses, never values, names or identifiers of people.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Protocol

from chain.grantmsg import GrantStatus

Facts = Mapping[str, str | int]


class State(StrEnum):
    """The five answers. `UNKNOWN` = could not be asked; `PENDING` = not on chain yet; neither says "wrong".

    `REVOKED` = it stood once and does not stand now (revoked, paused, suspended or ended).
    """

    VALID = "VALID"
    PENDING = "PENDING"
    UNKNOWN = "UNKNOWN"
    REVOKED = "REVOKED"
    INVALID = "INVALID"


SEVERITY = tuple(State)
"""From best to worst: an aspect, and the whole, is as good as its worst finding."""

EXIT_CODES = {State.VALID: 0, State.INVALID: 1, State.REVOKED: 3, State.PENDING: 4, State.UNKNOWN: 5}
EXIT_FORMAT = 2


class Aspect(StrEnum):
    """What is judged separately."""

    INTEGRITY = "integrity"
    ISSUER = "issuer"
    GRANT = "grant"
    STATUS = "status"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step found for one aspect."""

    step: int
    aspect: Aspect
    state: State
    code: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Note:
    """What the reader must know and is neither right nor wrong, such as who holds a key; `chain.note.<reason>`."""

    code: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings in the order of the steps, the notes, and the block as of which the chain answered.

    `block` is None where the node did not answer.
    """

    findings: tuple[Finding, ...]
    notes: tuple[Note, ...]
    block: "BlockTime | None"

    def aspect(self, aspect: Aspect) -> Finding:
        """The finding that settled `aspect`: the first of the worst ones."""
        found = [finding for finding in self.findings if finding.aspect is aspect]
        return max(found, key=lambda finding: (SEVERITY.index(finding.state), -finding.step))

    @property
    def state(self) -> State:
        """The whole: the worst of the aspects."""
        return max((finding.state for finding in self.findings), key=SEVERITY.index)

    @property
    def exit_code(self) -> int:
        """0 valid, 1 invalid, 3 revoked, 4 pending, 5 unknown."""
        return EXIT_CODES[self.state]

    def to_json(self) -> dict[str, object]:
        """For machines: the whole, the aspects, every finding, the notes."""
        return {
            "schema": "mydata/verdict/1",
            "state": self.state.value,
            "block": None if self.block is None else {"number": self.block.number, "time": self.block.time_s},
            "aspects": {
                aspect.value: {"state": found.state.value, "code": found.code, "step": found.step}
                for aspect in Aspect
                for found in (self.aspect(aspect),)
            },
            "findings": [
                {
                    "step": finding.step,
                    "aspect": finding.aspect.value,
                    "state": finding.state.value,
                    "code": finding.code,
                    "facts": dict(finding.facts),
                }
                for finding in self.findings
            ],
            "notes": [{"code": note.code, "facts": dict(note.facts)} for note in self.notes],
        }


@dataclass(frozen=True, slots=True)
class BlockTime:
    """A block's number and its time in seconds since 1970."""

    number: int
    time_s: int


class Role(IntEnum):
    """Roles of PartyRegistry."""

    NONE = 0
    DEPARTMENT = 1
    ENTITY = 2
    REGULATOR = 3
    OPERATOR = 4


@dataclass(frozen=True, slots=True)
class PartyRecord:
    """A party of PartyRegistry as it stands; `admitted_at` in seconds."""

    role: Role
    suspended: bool
    admitted_at: int


@dataclass(frozen=True, slots=True)
class Tenure:
    """Whose an account or key is or was: from `since` (s) until before `until` (s), or still if that is None."""

    party_id: bytes
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Admission:
    """Which two administrators admitted a party."""

    proposer: bytes
    admitter: bytes


@dataclass(frozen=True, slots=True)
class AnchorRecord:
    """An anchored batch: its size, and the block time (s) of its anchoring."""

    size: int
    time_s: int


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """A grant as the contract holds it; times in seconds; `seq` is the number that the next change must carry."""

    key: bytes
    not_before: int
    not_after: int
    status: GrantStatus
    suspended: bool
    seq: int


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A checkpoint of the receipt log on chain: its size, its epoch, the block time (s) of its appending."""

    size: int
    epoch: int
    time_s: int


class ChainView(Protocol):
    """The chain as the verifier asks it: the trust file's contracts, all answers as of one block.

    Every method raises `NodeError` when the node does not answer, and answers None for what the contract does not know.
    """

    def block(self) -> BlockTime:
        """The block as of which everything is answered."""
        ...

    def chain_id(self) -> int:
        """The node's chain id."""
        ...

    def genesis_hash(self) -> bytes:
        """Hash of the node's block 0."""
        ...

    def code_hash(self, address: bytes) -> bytes:
        """SHA-256 of the runtime code at `address`."""
        ...

    def account(self, address: bytes) -> Tenure | None:
        """Whose account this is or was."""
        ...

    def key(self, thumbprint: bytes) -> Tenure | None:
        """Whose HTTP signing key this is or was, by RFC 7638 thumbprint."""
        ...

    def party(self, party_id: bytes) -> PartyRecord | None:
        """The party with this id: SHA-256 of its identifier with the service."""
        ...

    def admission(self, party_id: bytes) -> Admission | None:
        """Who admitted the party, from the registry's events."""
        ...

    def anchor(self, issuer: bytes, root: bytes) -> AnchorRecord | None:
        """The batch that `issuer` anchored under `root`."""
        ...

    def is_revoked(self, issuer: bytes, root: bytes, index: int) -> bool:
        """Whether the certificate at `index` of an anchored batch is revoked."""
        ...

    def grant(self, digest: bytes) -> GrantRecord | None:
        """The grant whose id is `digest`."""
        ...

    def checkpoint(self, size: int, root: bytes) -> CheckpointRecord | None:
        """The checkpoint (size, root), if it ever was the log's head."""
        ...

    def log_head(self) -> CheckpointRecord:
        """The log's newest checkpoint; size 0 before the first."""
        ...
