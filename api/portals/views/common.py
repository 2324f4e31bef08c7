"""Parts that several pages show."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofFact:
    """One technical fact of a proof: `name` is a code of `wording.PROOF_FACTS`, `value` is shown in a mono face."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Delay:
    """Since when something waits to be recorded, why in a few words, and the sentence that says it whole."""

    since_ms: int
    why: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessLine:
    """One who follows the log from outside: the size of the newest checkpoint that they signed, and when."""

    name: str
    size: int | None
    at_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The panel "存证凭证": what it proves in words, its facts one tap further.

    `state` is pending, anchored or delayed, the last with its `delay`.
    """

    state: str
    delay: Delay | None = None
    subject: str  # certificate, grant, delivery, return, trace
    at_ms: int | None
    receipt_number: int | None
    facts: tuple[ProofFact, ...]
    bundle_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pager:
    """Where a list stands: `newer_url` and `older_url` are None at its ends."""

    newer_url: str | None = None
    older_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One field of one certificate type, as asked for or granted. `key` goes into forms.

    `claim`: a derived fact, which says less than the field behind it. `secret`: an enterprise's trade secret.
    """

    key: str
    label: str
    type_name: str
    sensitive: bool = False
    necessary: bool = False
    claim: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One entry of a choice."""

    value: str
    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormError:
    """Why a form was not taken: `code` for support, `text` for the person, `field` where it is known."""

    code: str
    text: str
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One handing-over of a copy. `receipt_number` is None while the receipt is being numbered."""

    at_ms: int
    media_type: str
    copy_id: str
    receipt_number: int | None
    anchored: bool
    evidence_url: str | None = None
    why_url: str | None = None
    delay: Delay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyLine:
    """A delivered copy. `due_at_ms`: by when it must be gone; of one that is kept by law, until when it is.

    `basis` and `method` are in words; `signed` tells a machine's signed statement from one that staff confirmed.
    """

    id: str
    entity: str
    purpose: str
    case_no: str | None
    media_type: str
    state: str
    due_at_ms: int | None
    basis: str | None
    deleted_at_ms: int | None
    method: str | None
    signed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyMove:
    """One move of a copy. `actor` is worker, machine, staff or delivery; `reason` is words where there are some."""

    at_ms: int
    state: str
    actor: str
    reason: str | None
    receipt_id: str | None
