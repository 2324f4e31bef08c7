"""The relay's persisted transaction states: prepared rows, several rows under one nonce, their history, fenced signers.

Revision ID: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("chain_txs") as txs:
        txs.alter_column("tx_hash", existing_type=sa.LargeBinary(32), nullable=True)
        txs.add_column(sa.Column("bump", sa.Integer(), nullable=False, server_default="0"))
        txs.add_column(sa.Column("replaced_by", sa.String(128), nullable=True))
        txs.drop_constraint(op.f("uq_chain_txs_sender_nonce"), type_="unique")
        txs.create_unique_constraint(op.f("uq_chain_txs_sender_nonce_bump"), ["sender", "nonce", "bump"])
    op.create_table(
        "chain_tx_history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.String(64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_tx_history")),
    )
    op.create_index(op.f("ix_chain_tx_history_key_id"), "chain_tx_history", ["key", "id"], unique=False)
    op.create_table(
        "chain_signers",
        sa.Column("address", sa.LargeBinary(20), nullable=False),
        sa.Column("next_nonce", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_chain_signers")),
    )
    op.execute(
        "INSERT INTO chain_signers (address, next_nonce, fence)"
        " SELECT sender, MAX(nonce) + 1, 0 FROM chain_txs GROUP BY sender"
    )
    # What happened to older rows is not known beyond the state in which they stand.
    op.execute(
        "INSERT INTO chain_tx_history (key, state, at_ms, block_number, error)"
        " SELECT key, state, created_at_ms, block_number, error FROM chain_txs ORDER BY sender, nonce"
    )


def downgrade() -> None:
    op.drop_table("chain_signers")
    op.drop_table("chain_tx_history")
    op.execute("DELETE FROM chain_txs WHERE bump > 0 OR tx_hash IS NULL")
    with op.batch_alter_table("chain_txs") as txs:
        txs.drop_constraint(op.f("uq_chain_txs_sender_nonce_bump"), type_="unique")
        txs.create_unique_constraint(op.f("uq_chain_txs_sender_nonce"), ["sender", "nonce"])
        txs.drop_column("replaced_by")
        txs.drop_column("bump")
        txs.alter_column("tx_hash", existing_type=sa.LargeBinary(32), nullable=False)
