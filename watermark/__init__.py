"""Marks copies of certificates, and finds out from a leaked file whose copy it was, with a stated bound on being wrong.

The package knows bytes and arrays: no people, no network, no chain. It works alone:

    from watermark import EpochKey, Mark, ContentCandidates, IssuedCopy, carrier_for, mark_document
    from watermark.trace import trace

    key = EpochKey("2026Q4", secret)                                  # 32 random bytes; anchor key.key_hash
    mark = Mark("copy_1", "party_a", "content_1", "仅限甲公司用于理赔 编号A-1")
    copy = carrier_for("application/json").embed(original, mark, key)   # JSON, XLSX, PDF, PNG ...; deterministic
    document = mark_document(mark, key, original, copy)                # goes, salted, into the copy's receipt

    issued = IssuedCopy("copy_1", "party_a", "2026Q4", sha256(copy))
    content = ContentCandidates("content_1", original, "application/json", (issued,))
    verdict = trace(leak, "leak.csv", [content], {"2026Q4": key})

The service keeps every original and the list of every copy, so tracing is informed: the leak is held against the
original, and only then the codes of the copies that were really issued are scored. Since an innocent's code is
independent of the leak, P(an innocent is named) is bounded whatever was done to the file (`watermark.detect`).

Two levels: every copy carries a code of its entity (the same in all its copies) and a code of its own.

| carrier | entity's code in | copy's code in | explicit |
|---|---|---|---|
| JSON, CSV | order of names, half of the spelling | order of rows, the other half | header or column `_mydata` |
| PDF | half of the glyph moves (0.2 pt) | the other half | visible line, XMP, page data |
| PNG, JPEG, WebP, TIFF | half of the chips in the pixels | the other half | XMP |
| DOCX | half of the letter spacings (0.1 pt) | the other half | last small line, a custom property |
| text | half of the blanks at line ends | the other half | last line |

Explicit ids stand beside a keyed tag and count only with it. No value is ever altered.

How to find the contents a leak may come from: index `provenance_tags(original, ...)` when a content is made; later
look up `candidate_tags(suspect, ...)` and `Examined.copy_ids`, and hand all contents found, each with all its copies,
to `trace`.

`python -m watermark` does the same from files (`watermark.command.line`). `watermark.report` writes a verdict down with
all that is needed to compute its scores again (`watermark.rescore`), and as a page (`watermark.report_page`).

Suspects are opened in a child process with limits (`watermark.sandbox`). What cannot be traced is said in
docs/watermark.md.
"""

from watermark.carriers import Carrier, carrier_for
from watermark.carriers.reading import sniff
from watermark.carriers.table import Record, Table, write_original
from watermark.errors import WatermarkError
from watermark.examine import Examined
from watermark.forgetting import forget
from watermark.keys import EpochKey
from watermark.lookup import candidate_tags, provenance_tags
from watermark.payload import MARKER, Mark, mark_document, notice_en, notice_zh
from watermark.trace import ContentCandidates, IssuedCopy, Outcome, Scored, Verdict

__all__ = [
    "MARKER",
    "Carrier",
    "ContentCandidates",
    "EpochKey",
    "Examined",
    "IssuedCopy",
    "Mark",
    "Outcome",
    "Record",
    "Scored",
    "Table",
    "Verdict",
    "WatermarkError",
    "candidate_tags",
    "carrier_for",
    "forget",
    "mark_document",
    "notice_en",
    "notice_zh",
    "provenance_tags",
    "sniff",
    "write_original",
]
