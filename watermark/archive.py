"""What is said of an archive, from what is said of its files."""

from collections.abc import Sequence
from dataclasses import dataclass

from watermark.verdict import Outcome, Scored, bound_of_all

GRAVITY = (Outcome.IDENTIFIED, Outcome.SUSPECT, Outcome.INCONCLUSIVE, Outcome.NONE)
NAMING = frozenset({Outcome.IDENTIFIED, Outcome.SUSPECT})


@dataclass(frozen=True)
class Said:
    """Of one file: the outcome, who is accused, and in which words."""

    outcome: Outcome
    accused: tuple[Scored, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """Of all files: `leading` is the one whose numbers the whole shows."""

    leading: int
    outcome: Outcome
    accused: tuple[Scored, ...]
    codes: tuple[str, ...]


def summary_of(files: Sequence[Said]) -> Summary:
    """The gravest outcome, and whoever any file accuses as gravely, each by the file that tells most against it."""

    def gravity(number: int) -> tuple[int, float]:
        bound = bound_of_all(files[number].accused)
        return GRAVITY.index(files[number].outcome), 1.0 if bound is None else bound

    leading = min(range(len(files)), key=gravity)
    outcome = files[leading].outcome
    alike = [one for one in files if one.outcome is outcome] if outcome in NAMING else [files[leading]]
    strongest: dict[str, Scored] = {}
    for scored in (scored for one in alike for scored in one.accused):
        known = strongest.get(scored.entity_id)
        if known is None or _strength(scored) > _strength(known):
            strongest[scored.entity_id] = scored
    accused = tuple(sorted(strongest.values(), key=lambda scored: -scored.log10_e))
    codes = dict.fromkeys([*files[leading].codes, *(code for one in alike for code in one.codes)])
    if sum(scored.bound is not None for scored in accused) > 1:
        codes["watermark.trace.several"] = None
    return Summary(leading, outcome, accused, tuple(codes))


def _strength(scored: Scored) -> tuple[bool, float]:
    """Evidence with a bound before provenance, which has none."""
    return scored.bound is not None, scored.log10_e
