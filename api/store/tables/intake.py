"""What is remembered of how departments' files are read, and what their checks found."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, HASH, Base


class ColumnMapping(Base):
    """Which columns of a file are which fields, as an officer said for files with these headers.

    `signature`: SHA-256 over the headers, in whatever order they stand. `columns`: field by header, null for a column
    that is left out; headers alone, never a value.
    """

    __tablename__ = "column_mappings"
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"), primary_key=True)
    type_code: Mapped[str] = mapped_column(CODE, primary_key=True)
    signature: Mapped[bytes] = mapped_column(HASH, primary_key=True)
    columns: Mapped[dict[str, str | None]] = mapped_column(JSON)
    made_at_ms: Mapped[int] = mapped_column(BigInteger)


class QualityCount(Base):
    """In how many rows of a return a quality rule found something, by field ("" where the row as a whole is meant).

    `field` "*": the rows in which the rule found anything at all.
    """

    __tablename__ = "quality_counts"
    return_id: Mapped[str] = mapped_column(ForeignKey("returns.id"), primary_key=True)
    rule: Mapped[str] = mapped_column(CODE, primary_key=True)
    field: Mapped[str] = mapped_column(CODE, primary_key=True)
    rows: Mapped[int] = mapped_column(Integer)
