"""Pages of a regulator."""

from dataclasses import dataclass

from api.portals.views.common import FormError, Pager, Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceLine:
    """A past trace. `outcome` as in `wording.OUTCOMES`."""

    id: str
    outcome: str
    entity: str | None
    at_ms: int
    files: int


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
    """What one layer of the mark said. `name` is a code of `wording.LAYERS`; `finding` is words."""

    name: str
    finding: str
    weight: float | None
    state: str  # good (speaks), wait (weak), plain (silent)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceFact:
    """A named fact about the examined file; already in words."""

    label: str
    value: str
    mono: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A verdict. `bound_log10` is the power of ten that the false-accusation probability stays under."""

    id: str
    outcome: str
    level: str
    entity: str | None
    copy_id: str | None
    bound_log10: float
    at_ms: int
    facts: tuple[TraceFact, ...]
    candidates: tuple[Candidate, ...]
    layers: tuple[Layer, ...]
    copy_proof: Proof | None
    trace_proof: Proof | None
    report_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHealth:
    """Health of the log. `gaps` counts missing numbers; `chain_state` is ok, delayed or halted."""

    log_id: str
    size: int
    checkpoint_size: int | None
    checkpoint_at_ms: int | None
    anchored_size: int | None
    gaps: int
    chain_state: str
    chain_reason: str | None
    chain_head: int
    chain_since_ms: int
    engine: str
    note: str
