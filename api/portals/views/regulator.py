"""Pages of a regulator."""

from dataclasses import dataclass

from api.portals.views.common import CopyLine, FormError, Pager, Proof


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
    """The drop zone and what was examined before."""

    traces: tuple[TraceLine, ...]
    max_bytes: int
    max_files: int
    error: FormError | None
    pager: Pager


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
class Trace:
    """A verdict. `bound_log10` is the power of ten that the false-accusation probability stays under.

    It is None where none can be stated. `accused` are the names, `remarks` the tracer's own words.
    """

    id: str
    outcome: str
    level: str | None
    accused: tuple[str, ...]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHealth:
    """Health of the log. `waiting` receipts have no number yet; `chain_state` is ok, delayed, halted or unknown."""

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
