"""The report's part on innocents: codes that were never issued, and issued copies that had no part in a leak."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from api.demo.watermark_bench import decoys
from api.demo.watermark_bench.markdown import table

Row = dict[str, Any]
KINDS = {"pdf": "PDF", "tables": "Tables", "table_pictures": "Pictures of tables"}
PICTURES = "Pictures"
WHOLE = 1_000_000
"""Decoys that a case is to meet."""

TRACED = frozenset({"note", "more", "chains", "resolutions", "pdf", "tables", "table_pictures"})
"""Parts whose cases decoys are to meet."""

ENOUGH = 10
"""From so many decoys that the bound expects, one more or less is no matter of luck."""

ABOUT = (
    "For every case a million codes of copies that were never issued are scored against the leaked file, by the "
    "evidence and the fusion with which the tracer scores issued copies. The codes are the same for all cases of one "
    "picture, PDF or table, so where two leaks show the same, the same decoys count twice. *Accused*: E of at least "
    "N / 1e-6, N being the candidates that the tracer counted in that case (of a picture: E of at least 10^8, which "
    "is less). The bound allows a share of 1/E to reach E."
)


def by_kind(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The decoys' rows by what was leaked."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if "reached" in row:
            found[KINDS[row["of"]] if row["part"] == "file_decoys" else PICTURES].append(row)
    return {kind: found[kind] for kind in (PICTURES, *KINDS.values()) if kind in found}


def accused_decoys(rows: Sequence[Row]) -> int:
    """How many decoys would have been accused, over all cases."""
    return sum(row.get("accused", row["reached"][-1]) for row in rows if "reached" in row)


def accused_issued(rows: Sequence[Row]) -> int:
    """How many issued copies were accused that had no part in the leak, over all cases."""
    return sum(row["innocents"] for row in rows if "innocents" in row)


def _shares(rows: Sequence[Row]) -> list[tuple[int, float, int, int]]:
    """By level: what the bound allows, how many decoys reach it, and the most in one case."""
    total = sum(row["decoys"] for row in rows)
    return [
        (
            level,
            total * 10.0**-level,
            sum(row["reached"][level - 1] for row in rows),
            max(row["reached"][level - 1] for row in rows),
        )
        for level in decoys.LEVELS
    ]


def under(rows: Sequence[Row], expected: float = 0.0) -> bool:
    """Whether the tail of one kind lies under its bound at every level at which the bound expects so many."""
    return all(reached <= allowed for _, allowed, reached, _ in _shares(rows) if allowed >= expected)


def faults(rows: Sequence[Row]) -> list[str]:
    """Why a run fails: an innocent that would be accused, or a tail that does not lie under its bound."""
    found = []
    for name, count in (("decoys", accused_decoys(rows)), ("issued copies", accused_issued(rows))):
        if count:
            found.append(f"{count} innocent {name} accused")
    over = [kind for kind, those in by_kind(rows).items() if not under(those, ENOUGH)]
    return found + [f"{kind}: the decoys' tail is over its bound" for kind in over]


def target(rows: Sequence[Row]) -> tuple[str, bool] | None:
    """The target's line: what was measured, and whether it was reached; None without decoys."""
    kinds = by_kind(rows)
    if not kinds:
        return None
    every = [row for those in kinds.values() for row in those]
    least = min(row["decoys"] for row in every)
    wrong = accused_decoys(rows) + accused_issued(rows)
    low = all(under(those) for those in kinds.values())
    cases = ", ".join(f"{kind} {len(those)}" for kind, those in kinds.items())
    traced = sum(row["part"] in TRACED and "named" in row and "control" not in row for row in rows)
    told = (
        f"{wrong} innocents; {least:,} decoys in each of {len(every)} of {traced} cases ({cases}), tail "
        f"{'under the bound at every level' if low else 'over the bound somewhere'}"
    )
    return told, low and wrong == 0 and least >= WHOLE and len(every) == traced


def tails(rows: Sequence[Row]) -> str:
    """The tails of decoys, by what was leaked."""
    kinds = by_kind(rows)
    if not kinds:
        return "No decoys in this run."
    parts = [ABOUT]
    for kind, those in kinds.items():
        lines = [
            (f"10^{level}", f"{allowed:,.1f}", f"{reached:,}", f"{reached / allowed:.3f}", most)
            for level, allowed, reached, most in _shares(those)
        ]
        head = ("E at least", "bound allows", "measured", "measured / bound", "most in one case")
        summed = (
            f"{len(those)} cases, {sum(row['decoys'] for row in those):,} decoys in all; log10 E of the strongest of "
            f"them: {max(row['highest'] for row in those):.2f}. Accused: **{accused_decoys(those)}**."
        )
        parts += [f"### {kind}", table(head, lines), summed]
    return "\n\n".join(parts)


def issued(rows: Sequence[Row]) -> str:
    """Issued copies that had no part in the leak."""
    scored = [row for row in rows if row.get("innocents_scored")]
    total = sum(row["innocents_scored"] for row in scored)
    told = []
    for level in (1, 2, 3, 4):
        reached = sum(row["innocents_at"][level - 1] for row in scored)
        told.append(f"E >= 10^{level}: {reached:,} (the bound allows {total * 10.0**-level:,.0f})")
    return (
        f"Issued copies that had no part in the leak were scored {total:,} times over all parts; {'; '.join(told)}. "
        f"Accused of them: **{accused_issued(rows)}**."
    )
