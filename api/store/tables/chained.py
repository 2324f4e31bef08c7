"""What goes to the chain and comes from it."""

from sqlalchemy import JSON, BigInteger, Index, Integer, LargeBinary, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.store.tables.base import CODE, HASH, Base


class Outbox(Base):
    """Facts that others must act on, written in the fact's own transaction; workers lease rows."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    topic: Mapped[str] = mapped_column(CODE)
    key: Mapped[str] = mapped_column(String(128), unique=True)
    payload: Mapped[dict[str, object]] = mapped_column(JSON)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    leased_until_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    last_error: Mapped[str | None] = mapped_column(CODE)
    done_at_ms: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (Index("ix_outbox_open", "done_at_ms", "id"),)


class ChainTx(Base):
    """The relay's journal (chain.ports.TxJournal)."""

    __tablename__ = "chain_txs"
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    sender: Mapped[bytes] = mapped_column(LargeBinary(20))
    nonce: Mapped[int] = mapped_column(BigInteger)
    to: Mapped[bytes | None] = mapped_column(LargeBinary(20))
    bump: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    raw: Mapped[bytes] = mapped_column(LargeBinary)  # not signed as long as there is no hash
    tx_hash: Mapped[bytes | None] = mapped_column(HASH, unique=True)
    state: Mapped[str] = mapped_column(String(16))
    block_number: Mapped[int | None] = mapped_column(BigInteger)
    block_hash: Mapped[bytes | None] = mapped_column(HASH)
    error: Mapped[str | None] = mapped_column(CODE)
    replaced_by: Mapped[str | None] = mapped_column(String(128))
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (UniqueConstraint("sender", "nonce", "bump"), Index(None, "sender", "state", "nonce"))


class ChainTxHistory(Base):
    """Every state that a transaction of the journal came into."""

    __tablename__ = "chain_tx_history"
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    key: Mapped[str] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(16))
    at_ms: Mapped[int] = mapped_column(BigInteger)
    block_number: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[str | None] = mapped_column(CODE)
    __table_args__ = (Index(None, "key", "id"),)


class ChainSigner(Base):
    """A sender's next nonce, and the token of whoever leads it: a write under an older token is refused."""

    __tablename__ = "chain_signers"
    address: Mapped[bytes] = mapped_column(LargeBinary(20), primary_key=True)
    next_nonce: Mapped[int] = mapped_column(BigInteger)
    fence: Mapped[int] = mapped_column(BigInteger)


class ChainBlock(Base):
    """Blocks that the indexer has applied, newest last; the newest is the cursor."""

    __tablename__ = "chain_blocks"
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(HASH)
    time_s: Mapped[int] = mapped_column(BigInteger)


class ChainStatus(Base):
    """What people and operators are told of the chain; one row."""

    __tablename__ = "chain_status"
    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    state: Mapped[str] = mapped_column(String(16))  # ok, delayed, halted
    reason: Mapped[str | None] = mapped_column(CODE)
    since_ms: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[int] = mapped_column(BigInteger)
    last_ok_ms: Mapped[int] = mapped_column(BigInteger)
