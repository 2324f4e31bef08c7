"""Pages of a regulator."""

from dataclasses import dataclass

from api.portals.views.common import Choice, CopyLine, Delay, FormError, Item, Pager, Proof, WitnessLine
from api.portals.views.consents import Change
from api.portals.views.trace_jobs import JobLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """Copies of which nothing was stated in time; `reported` counts those that were escalated."""

    copies: tuple[CopyLine, ...]
    reported: int
    pager: Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceLine:
    """A past trace. `outcome` as in `wording.OUTCOMES`."""

    id: str
    outcome: str
    accused: tuple[str, ...]
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """The drop zone and what was examined before.

    `max_bytes`: of one file, `max_together`: of all files of a run. `max_clue`: characters of a number read off a
    picture; `max_looked_at`: originals compared with a picture without; `jobs`: runs of many files, newest first.
    """

    traces: tuple[TraceLine, ...]
    max_bytes: int
    max_together: int
    max_files: int
    max_clue: int
    max_looked_at: int
    error: FormError | None
    pager: Pager
    jobs: tuple[JobLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One candidate, best first. `log10_e` is the evidence for it as a power of ten; `named` if it passes the bound."""

    entity: str
    copy_id: str | None
    purpose: str | None
    delivered_at_ms: int | None
    log10_e: float
    named: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one layer of the mark says of the strongest candidate: `name` is words, `weight` is log10 e."""

    name: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceFact:
    """A named fact about the examined file; already in words."""

    label: str
    value: str
    mono: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One who is named, and under what power of ten each naming's probability of being wrong stays.

    `entity_log10`: that any innocent organisation reaches this evidence. `copy_log10`: that a copy of this one that
    did not leak does. None where none can be stated.
    """

    entity: str
    copy_id: str | None
    log10_e: float
    entity_log10: float | None
    copy_log10: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A verdict. `bound_log10` is the power of ten that the false-accusation probability stays under.

    It is None where none can be stated. `accused` are the names, `named` each with its own bounds, `remarks` the
    tracer's own words. `pictures_url`: where the file is given again for a report with pictures; None where no copy
    is named.
    """

    id: str
    outcome: str
    level: str | None
    accused: tuple[str, ...]
    named: tuple[Named, ...]
    bound_log10: float | None
    examined: int
    remarks: tuple[str, ...]
    at_ms: int
    facts: tuple[TraceFact, ...]
    candidates: tuple[Candidate, ...]
    layers: tuple[Layer, ...]
    copy_proof: Proof | None
    trace_proof: Proof | None
    report_url: str
    page_url: str
    pdf_url: str
    pictures_url: str | None
    max_bytes: int
    error: FormError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHealth:
    """Health of the log. `waiting` receipts have no number yet; `chain_state` is ok, delayed, halted or unknown.

    `delay` is the newest checkpoint's, where it is late.
    """

    log_id: str
    size: int
    waiting: int
    checkpoint_size: int | None
    checkpoint_at_ms: int | None
    anchored_size: int
    chain_state: str
    chain_reason: str | None
    chain_head: int
    chain_since_ms: int | None
    engine: str
    note: str
    witnesses: tuple[WitnessLine, ...]
    delay: Delay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldGrant:
    """A consent that is held up or void, in the list. `state` is a grant's, `held` whether it is held up."""

    id: str
    entity: str
    purpose: str
    case_no: str | None
    state: str
    held: bool
    reference: str | None
    created_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """授权监管: the search, and what is held up or was declared void."""

    number: str
    held: tuple[HeldGrant, ...]
    error: FormError | None
    pager: Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A measure as it was filled in. `act` is freeze, lift or invalidate; `reason` a code of the reasons."""

    act: str = ""
    reason: str = "regulator"
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisedCopy:
    """A copy taken under a consent."""

    id: str
    media_type: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisedGrant:
    """One consent with its trail and the measures that are open.

    `by_duty`: nobody consented, a law allows it. `case_url`: a case of the person's holds it up and is decided there;
    `held_for` is the number for which it is held up. With `confirm` the page asks once more.
    """

    id: str
    digest: str
    entity: str
    entity_uscc: str
    purpose: str
    case_no: str | None
    by_duty: bool
    state: str
    frozen: bool
    held_for: str | None
    case_url: str | None
    case_number: str | None
    from_ms: int
    until_ms: int
    ended_at_ms: int | None
    uses: int
    max_uses: int
    custody: str
    items: tuple[Item, ...]
    copies: tuple[SupervisedCopy, ...]
    changes: tuple[Change, ...]
    reasons: tuple[Choice, ...]
    can_freeze: bool
    can_lift: bool
    can_invalidate: bool
    filled: Measure
    error: FormError | None
    confirm: bool = False
