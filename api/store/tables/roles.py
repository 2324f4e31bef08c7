"""The clock and the leases of processes."""

from sqlalchemy import BigInteger, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, Base


class ClockMark(Base):
    """The latest database time that a writer acted on. Time never goes below it, so nothing un-expires.

    Two rows: the log writer's own (2) and that of all other writers (1).
    """

    __tablename__ = "clock_mark"
    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    high_ms: Mapped[int] = mapped_column(BigInteger)


class Lease(Base):
    """Who holds which role; the token grows with each new holder and fences the old one off."""

    __tablename__ = "leases"
    name: Mapped[str] = mapped_column(CODE, primary_key=True)
    holder: Mapped[str] = mapped_column(CODE)
    token: Mapped[int] = mapped_column(BigInteger)
    expires_at_ms: Mapped[int] = mapped_column(BigInteger)
