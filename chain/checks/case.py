"""What the steps share: the bundle with what it is judged by, and how a step says what it found."""

import hashlib
from collections.abc import Mapping
from functools import cached_property

from chain.bundle import Bundle, CertificateEvidence, Delivery, parse_delivery
from chain.errors import FormatError, SignatureError
from chain.grantmsg import HASH_BYTES, grant_digest
from chain.note import Checkpoint, open_checkpoint
from chain.receipt import ReceiptKind
from chain.strict import hex_bytes
from chain.trustfile import TrustFile
from chain.verdict import BlockTime, ChainView, Note, Role, State

CLOCK_TOLERANCE_S = 300
"""By how much two clocks (the service's, the chain's, the recipient's, the verifier's) may differ."""

NO_FACTS: Mapping[str, str | int] = {}


def party_id(identifier: str) -> bytes:
    """The id under which PartyRegistry knows the party that the service calls `identifier`; 32 bytes."""
    return hashlib.sha256(identifier.encode()).digest()


class StepOutcome(Exception):  # noqa: N818 - how a step ends early, not an error; chain.verify catches every one
    """Ends a step: with `state`, code `chain.verify.<reason>` and facts."""

    def __init__(self, reason: str, state: State, facts: Mapping[str, str | int] = NO_FACTS) -> None:
        super().__init__(reason)
        self.code = f"chain.verify.{reason}"
        self.state = state
        self.facts = facts


def invalid(reason: str, /, **facts: str | int) -> StepOutcome:
    """The step found the bundle wrong."""
    return StepOutcome(reason, State.INVALID, facts)


def pending(reason: str, /, **facts: str | int) -> StepOutcome:
    """The step found something that is not on chain yet."""
    return StepOutcome(reason, State.PENDING, facts)


def unknown(reason: str, /, **facts: str | int) -> StepOutcome:
    """The step cannot tell."""
    return StepOutcome(reason, State.UNKNOWN, facts)


def not_claimed() -> StepOutcome:
    """The bundle says nothing about what the step looks at."""
    return StepOutcome("not_claimed", State.VALID)


class Case:
    """One verification. What several steps need is worked out once."""

    def __init__(self, bundle: Bundle, trust: TrustFile, view: ChainView, now_s: int, file: bytes | None) -> None:
        self.bundle = bundle
        self.trust = trust
        self.view = view
        self.now_s = now_s
        self.file = file
        self.notes: list[Note] = []
        self.block: BlockTime | None = None

    def note(self, reason: str, /, **facts: str | int) -> None:
        """Add a note `chain.note.<reason>`."""
        self.notes.append(Note(f"chain.note.{reason}", facts))

    def revoked(self, reason: str, /, **facts: str | int) -> StepOutcome:
        """What stood once does not stand as of the block asked."""
        as_of = {} if self.block is None else {"block": self.block.number, "time": self.block.time_s}
        return StepOutcome(reason, State.REVOKED, {**facts, **as_of})

    @property
    def certificates(self) -> list[tuple[int, CertificateEvidence]]:
        """The certificates with their positions from 1; ends the step where there are none."""
        if not self.bundle.certificates:
            raise not_claimed()
        return list(enumerate(self.bundle.certificates, 1))

    @cached_property
    def grant_id(self) -> bytes:
        """The digest of the grant's message under the trusted contract; ends the step where there is no grant."""
        if self.bundle.grant is None:
            raise not_claimed()
        return grant_digest(self.bundle.grant.message, self.trust.chain_id, self.trust.contracts["Grants"].address)

    @cached_property
    def delivery(self) -> Delivery | None:
        """The details of the receipt if it is one of a delivery."""
        receipt = self.bundle.receipt
        if receipt is None or receipt.kind is not ReceiptKind.DELIVERY:
            return None
        return parse_delivery(receipt.details, "/receipt/details")

    @property
    def named_entity(self) -> str | None:
        """The party that the receipt's details name as the one who received, asked or was granted."""
        entity = None if self.bundle.receipt is None else self.bundle.receipt.details.get("entity")
        return entity if isinstance(entity, str) else None

    def named_hash(self, name: str) -> bytes | None:
        """The hash that stands in the receipt's details under `name`; None for null or where there is none."""
        value = None if self.bundle.receipt is None else self.bundle.receipt.details.get(name)
        if value is None:
            return None
        try:
            return hex_bytes(value, HASH_BYTES, f"/receipt/details/{name}")
        except FormatError:
            raise invalid("details_malformed") from None

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint, signed by the trusted log; ends the step where it is not, or where there is none."""
        if self.bundle.log is None:
            raise pending("receipt_not_logged")
        try:
            return open_checkpoint(self.bundle.log.checkpoint, self.trust.log_id, self.trust.log_public_key)
        except FormatError:
            raise invalid("checkpoint_malformed") from None
        except SignatureError:
            raise invalid("checkpoint_not_signed") from None

    def require_admitted(self, party: bytes, role: Role, who: str, /, **facts: int) -> None:
        """End the step unless `party` has `role` and two of the trust file's administrators admitted it."""
        record = self.view.party(party)
        if record is None or record.role is not role:
            raise invalid(f"{who}_other_role", **facts)
        admission = self.view.admission(party)
        if admission is None:
            raise invalid(f"{who}_not_admitted", **facts)
        pair = {admission.proposer, admission.admitter}
        if len(pair) != 2 or not pair <= self.trust.registry_admins:
            raise invalid(f"{who}_admitted_by_others", **facts)
