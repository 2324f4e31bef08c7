"""What a check of a sealed file says: an outcome, the numbered steps that failed, and each seal that was found."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, Self


class Outcome(StrEnum):
    """The answer in one word; of several seals and reasons the worst counts, in this order from the end."""

    VALID = "valid"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    INVALID = "invalid"


_ORDER = tuple(Outcome)


class Step(IntEnum):
    """The steps of a check, in their order; docs/formats.md has the same list."""

    READ = 1  # the file can be read as a PDF, within limits
    SEALED = 2  # it has at least one seal, each of PAdES form
    COVERED = 3  # the last seal covers the whole file, and between seals nothing but seals was added
    INTACT = 4  # each signature is that of its certificate's key over these very bytes
    CLEAN = 5  # nothing stands in the gap that a signature leaves but the signature itself
    KNOWN = 6  # each certificate, the timestamps' too, hangs on one of the given roots and may do what it does
    TIMED = 7  # each timestamp is intact, of this very signature, and not of the future
    IN_TIME = 8  # the certificate was good when it sealed
    CURRENT = 9  # a revocation list of today was given for each authority
    NOT_REVOKED = 10  # no such list names the certificate before it sealed
    SAME_FILE = 11  # the file's SHA-256 is the one in its receipt


_OUTCOMES = {
    Step.KNOWN: Outcome.UNKNOWN,
    Step.IN_TIME: Outcome.EXPIRED,
    Step.CURRENT: Outcome.UNKNOWN,
    Step.NOT_REVOKED: Outcome.REVOKED,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A step that failed, and at which seal (from 1); None where it is about the file."""

    step: Step
    seal: int | None = None

    @property
    def outcome(self) -> Outcome:
        """What it makes of the file."""
        return _OUTCOMES.get(self.step, Outcome.INVALID)

    @property
    def code(self) -> str:
        """The reason's name, for texts in every language."""
        return f"seal_check.{self.step.name.lower()}"

    def to_json(self) -> dict[str, str | int | None]:
        """As plain data."""
        return {"step": int(self.step), "code": self.code, "seal": self.seal}


@dataclass(frozen=True, slots=True)
class SealSeen:
    """One seal: who sealed by its certificate, when by its timestamp (`timed`) or its own word, in seconds.

    `serial` is the certificate's, in hexadecimal.
    """

    position: int
    name: str
    organ: str
    issuer: str
    serial: str
    sealed_at_s: int | None
    timed: bool
    outcome: Outcome

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "position": self.position,
            "name": self.name,
            "organ": self.organ,
            "issuer": self.issuer,
            "serial": self.serial,
            "sealed_at_s": self.sealed_at_s,
            "timed": self.timed,
            "outcome": self.outcome.value,
        }


@dataclass(frozen=True, slots=True)
class SealVerdict:
    """The whole answer. `number` is the document's, as its seals' fields name it; "" where there is none."""

    sha256: str
    number: str
    findings: tuple[Finding, ...]
    seals: tuple[SealSeen, ...]
    compared: bool

    @property
    def outcome(self) -> Outcome:
        """The worst that was found."""
        found = [one.outcome for one in self.findings] + [one.outcome for one in self.seals]
        return max(found, key=_ORDER.index, default=Outcome.VALID if self.seals else Outcome.INVALID)

    def with_finding(self, finding: Finding) -> "SealVerdict":
        """The same with one more reason."""
        return SealVerdict(self.sha256, self.number, (*self.findings, finding), self.seals, self.compared)

    def compare(self, expected_sha256: bytes) -> "SealVerdict":
        """The same after step 11."""
        same = self.sha256 == expected_sha256.hex()
        findings = self.findings if same else (*self.findings, Finding(Step.SAME_FILE))
        return SealVerdict(self.sha256, self.number, findings, self.seals, compared=True)

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "schema": "mydata/seal-verdict/1",
            "outcome": self.outcome.value,
            "sha256": "0x" + self.sha256,
            "number": self.number,
            "compared": self.compared,
            "findings": [one.to_json() for one in self.findings],
            "seals": [one.to_json() for one in self.seals],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """From plain data that a child process sent. Raises KeyError, TypeError or ValueError."""
        findings = tuple(
            Finding(Step(int(one["step"])), None if one["seal"] is None else int(one["seal"]))
            for one in document["findings"]
        )
        seals = tuple(
            SealSeen(
                int(one["position"]),
                str(one["name"]),
                str(one["organ"]),
                str(one["issuer"]),
                str(one["serial"]),
                None if one["sealed_at_s"] is None else int(one["sealed_at_s"]),
                bool(one["timed"]),
                Outcome(one["outcome"]),
            )
            for one in document["seals"]
        )
        sha256 = str(document["sha256"]).removeprefix("0x")
        return cls(sha256, str(document["number"]), findings, seals, bool(document["compared"]))
