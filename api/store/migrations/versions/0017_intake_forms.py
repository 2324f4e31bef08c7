"""How files are read: form, sheet, columns, remembered columns; data quality; old records that a second person reviews.

Revision ID: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("returns", sa.Column("form", sa.String(length=8), nullable=False, server_default="csv"))
    op.add_column("returns", sa.Column("sheet", sa.Integer(), nullable=True))
    op.add_column("returns", sa.Column("columns", sa.JSON(), nullable=True))
    op.add_column("returns", sa.Column("reading", sa.LargeBinary(length=32), nullable=True))
    op.add_column("returns", sa.Column("origin", sa.String(length=16), nullable=False, server_default="current"))
    op.add_column("returns", sa.Column("handed_in_by", sa.String(length=64), nullable=True))
    op.add_column("returns", sa.Column("reviewed_by", sa.String(length=64), nullable=True))
    op.add_column("returns", sa.Column("reviewed_at_ms", sa.BigInteger(), nullable=True))
    op.create_index("ix_returns_created_at_ms", "returns", ["created_at_ms"])
    op.create_table(
        "column_mappings",
        sa.Column("party_id", sa.String(length=48), nullable=False),
        sa.Column("type_code", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=32), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("made_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_column_mappings_party_id"),
        sa.PrimaryKeyConstraint("party_id", "type_code", "signature", name="pk_column_mappings"),
    )
    op.create_table(
        "quality_counts",
        sa.Column("return_id", sa.String(length=48), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], name="fk_quality_counts_return_id"),
        sa.PrimaryKeyConstraint("return_id", "rule", "field", name="pk_quality_counts"),
    )


def downgrade() -> None:
    op.drop_table("quality_counts")
    op.drop_table("column_mappings")
    op.drop_index("ix_returns_created_at_ms", table_name="returns")
    for name in ("reviewed_at_ms", "reviewed_by", "handed_in_by", "origin", "reading", "columns", "sheet", "form"):
        op.drop_column("returns", name)
