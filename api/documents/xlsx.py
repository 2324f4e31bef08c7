"""The original of a workbook copy: what `original_csv` holds, as one sheet of texts.

Two lines of names stand over the records: the catalogue's Chinese labels for people, and the names that JSON and CSV
copies have, for programs. Every cell is a text, so that no leading zero of a number is lost and nothing is a formula.
"""

from collections.abc import Sequence

from api.catalogue.model import Catalogue
from api.documents.copies import CopyRecord, copy_rows
from watermark.carriers.xlsx_writing import Grid, write_workbook

_OWN = {"type": "证照类型", "record": "序号"}


def original_xlsx(records: Sequence[CopyRecord], catalogue: Catalogue) -> bytes:
    """The unmarked workbook (XLSX), the same bytes for the same records. Raises ApiError as `original_csv`."""
    columns, rows = copy_rows(records, catalogue)
    labels = dict(_OWN)
    for record in records:
        schema = catalogue.ready_type(record.type_code)
        for name in record.values:
            labels.setdefault(name, schema.field(name).zh)
    heads = [[labels[name] for name in columns], columns]
    return write_workbook(Grid(heads, [[row.get(name, "") for name in columns] for row in rows]))
