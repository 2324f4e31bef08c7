"""Keyed tags: how a leak finds the contents it may come from, without an index that anybody could read values from.

Rarity: identifiers (8 or more characters with 6 or more digits, addresses) are telling alone; dates, amounts and long
texts only in pairs of one row; short codes, names of bodies and single words never. The caller should drop tags that
lead to very many contents, such as an office's telephone number on all its certificates.
"""

from collections.abc import Sequence

from watermark.carriers import carrier_for
from watermark.carriers.pdf_reading import read_pdf
from watermark.carriers.prose_evidence import prose_rows
from watermark.carriers.reading import sniff
from watermark.carriers.table_evidence import original_rows
from watermark.carriers.table_reading import TEXT_SPLIT
from watermark.cells import normalise, row_tags
from watermark.examine import Examined, examine
from watermark.keys import EpochKey
from watermark.provenance import NormalRow

MAX_PAIRED_ROWS = 300
MAX_TAGGED_ROWS = 20_000
"""Of larger leaks, rows at even distances are looked up."""


def provenance_tags(data: bytes, media_type: str, key: EpochKey) -> list[bytes]:
    """Tags (16 bytes each, sorted) to index when a content is made from the original `data`. Usually 1 to 10 a row."""
    kind = "pdf" if sniff(data) == "pdf" else carrier_for(media_type).name
    if kind == "image":  # nothing in it can be looked up by a value
        return []
    if kind == "pdf":
        rows = list(read_pdf(data).sheets[0])
    else:
        rows = prose_rows(data) if kind in {"text", "docx"} else original_rows(data)[1]
    return _tags([NormalRow.of(row) for row in rows], key, looked_up=False, pairs=kind != "pdf")


def candidate_tags(suspect: bytes | Examined, name: str, key: EpochKey) -> list[bytes]:
    """Tags of a suspect's cells, to be looked up in the index that `provenance_tags` filled; once per epoch's key.

    Errors: those of `examine`.
    """
    examined = suspect if isinstance(suspect, Examined) else examine(suspect, name)
    tags: set[bytes] = set()
    for part in examined.parts:
        tags.update(candidate_tags(part, part.name, key))
    for sheet in examined.leak.sheets:
        tags.update(_tags(sheet.rows, key, looked_up=True, pairs=examined.kind != "pdf"))
    return sorted(tags)


def clue_tags(typed: str, key: EpochKey) -> list[bytes]:
    """Tags of what somebody read off a picture and typed: numbers telling alone, dates and amounts in pairs."""
    words = [normalise(word) for word in TEXT_SPLIT.split(typed) if word]
    whole = [normalise(typed)] if len(words) > 1 else []  # an address, or a number printed in groups
    return sorted(row_tags({*words, *whole, normalise("".join(words))} - {""}, key, looked_up=True))


def _tags(rows: Sequence[NormalRow], key: EpochKey, *, looked_up: bool, pairs: bool) -> list[bytes]:
    step = max(1, -(-len(rows) // MAX_TAGGED_ROWS)) if looked_up else 1
    taken = rows[::step]
    pair_step = max(1, -(-len(taken) // MAX_PAIRED_ROWS))
    tags: set[bytes] = set()
    for i, row in enumerate(taken):
        paired = pairs and i % pair_step == 0
        tags |= row_tags(row.distinct, key, looked_up=looked_up, pairs=paired)
    return sorted(tags)
