"""Registers of case numbers.

Revision ID: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("statutory_accesses", sa.Column("case_standing", sa.String(16), nullable=True))
    op.create_table(
        "case_registers",
        sa.Column("party_id", sa.String(48), nullable=False),
        sa.Column("first_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_case_registers_party_id"),
        sa.PrimaryKeyConstraint("party_id", name="pk_case_registers"),
    )
    op.create_table(
        "case_numbers",
        sa.Column("party_id", sa.String(48), nullable=False),
        sa.Column("number_bidx", sa.LargeBinary(32), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("registered_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_case_numbers_party_id"),
        sa.PrimaryKeyConstraint("party_id", "number_bidx", name="pk_case_numbers"),
    )
    op.create_index("ix_case_numbers_closed_on", "case_numbers", ["closed_on"])
    op.create_table(
        "case_accounts",
        sa.Column("party_id", sa.String(48), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("asked_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("brought_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_case_accounts_party_id"),
        sa.PrimaryKeyConstraint("party_id", "subject", name="pk_case_accounts"),
    )
    op.create_table(
        "case_findings",
        sa.Column("alarm_id", sa.String(48), nullable=False),
        sa.Column("party_id", sa.String(48), nullable=False),
        sa.Column("number_bidx", sa.LargeBinary(32), nullable=False),
        sa.Column("access_id", sa.String(48), nullable=True),
        sa.Column("request_id", sa.String(48), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("came_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["alarm_id"], ["watch_alarms.id"], name="fk_case_findings_alarm_id"),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name="fk_case_findings_party_id"),
        sa.PrimaryKeyConstraint("alarm_id", name="pk_case_findings"),
    )
    op.create_index("ix_case_findings_party_id_number_bidx", "case_findings", ["party_id", "number_bidx"])


def downgrade() -> None:
    for table in ("case_findings", "case_accounts", "case_numbers", "case_registers"):
        op.drop_table(table)
    op.drop_column("statutory_accesses", "case_standing")
