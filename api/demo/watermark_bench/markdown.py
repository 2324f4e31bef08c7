"""What the bench's reports are written with."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    parts = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    parts += ["| " + " | ".join("" if cell is None else str(cell) for cell in line) + " |" for line in lines]
    return "\n".join(parts)
