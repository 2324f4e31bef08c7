"""Epochs of the keys that copies are marked with."""

from sqlalchemy import BigInteger, ForeignKey, Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, HASH, Base


class Epoch(Base):
    """An epoch: `seq` from 1, its key sealed by the platform, the key's hash as its receipt in the log says it.

    The newest whose receipt has its number marks new copies; older keys stay, to trace what they marked. `closed_at_ms`
    is when its successor was opened.
    """

    __tablename__ = "epochs"
    id: Mapped[str] = mapped_column(CODE, primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, unique=True)
    key_enc: Mapped[bytes] = mapped_column(LargeBinary)
    key_sha256: Mapped[bytes] = mapped_column(HASH)
    receipt_id: Mapped[str] = mapped_column(ForeignKey("receipts.id"))
    opened_at_ms: Mapped[int] = mapped_column(BigInteger)
    closed_at_ms: Mapped[int | None] = mapped_column(BigInteger)
