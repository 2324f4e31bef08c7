"""The XLSX carrier: a workbook whose values are never touched.

What the copy differs in is what a CSV copy differs in, so that a workbook saved as CSV still tells whose it was: the
order of the rows (keyed per copy), the order of the columns (keyed per entity), and a last column with notice, id and
keyed tag, which stands in the document's properties and at the foot of printed pages as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from watermark.carriers.table import hidden_rows, spelt_rows
from watermark.carriers.table_evidence import HEADS, NAMES, ROWS, table_evidence
from watermark.carriers.table_reading import MARK_COLUMN
from watermark.carriers.xlsx_reading import first_sheet
from watermark.carriers.xlsx_writing import XLSX_TYPE, Grid, write_workbook
from watermark.errors import WatermarkError
from watermark.evidence import Evidence
from watermark.keys import EpochKey
from watermark.payload import Mark, copy_order, entity_order
from watermark.provenance import Leak
from watermark.variants import Spelling


@dataclass(frozen=True)
class XlsxCarrier:
    """Workbooks with one sheet: a line of labels, a line of names, then records. `spellings` as of `TableCarrier`."""

    spellings: Mapping[str, Spelling] = field(default_factory=dict)
    zero_width: frozenset[str] = frozenset()
    name = "xlsx"
    media_types = frozenset({XLSX_TYPE})

    def embed(self, original: bytes, mark: Mark, key: EpochKey) -> bytes:
        """The marked copy. Errors: `watermark.bad_original`."""
        try:
            lines = first_sheet(original)
        except WatermarkError as error:
            raise WatermarkError("watermark.bad_original") from error
        heads, records = lines[:HEADS], lines[HEADS:]
        if len(heads) < HEADS or any(MARK_COLUMN in line for line in heads):
            raise WatermarkError("watermark.bad_original")
        names = heads[-1]
        if (self.spellings or self.zero_width) and len(set(names)) == len(names):
            plain = [dict(zip(names, record, strict=True)) for record in records]
            spelt = spelt_rows(plain, mark, key, self.spellings)
            records = [list(row.values()) for row in hidden_rows(spelt, mark, key, self.zero_width)]
        columns = entity_order(key, mark.content_id, mark.entity_id, NAMES, 0, len(heads[0]))
        order = copy_order(key, mark.content_id, mark.copy_id, ROWS, 0, len(records))
        label = f"{mark.notice_zh}|{mark.copy_id}|{key.copy_tag(mark.content_id, mark.entity_id, mark.copy_id)}"
        grid = Grid(
            heads=[[*(line[j] for j in columns), MARK_COLUMN] for line in heads],
            rows=[[*(records[i][j] for j in columns), label] for i in order],
        )
        notice = " ".join(filter(None, (mark.notice_zh, mark.notice_en)))
        return write_workbook(grid, label=label, notice=notice)

    def evidence(self, suspect: bytes, original: bytes, content_id: str) -> Evidence:
        """See `Carrier.evidence`."""
        from watermark.carriers.reading import read

        return table_evidence(Leak.of(read(suspect)), original, content_id, self.spellings)
