"""Representation: mandates, the counter, and for whom a session acts.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mandates",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("principal_id", sa.String(length=48), nullable=False),
        sa.Column("person_id", sa.String(length=48), nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("types", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("purposes", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("registrar_id", sa.String(length=48), nullable=True),
        sa.Column("appointed_under", sa.String(length=48), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body_enc", sa.LargeBinary(), nullable=False),
        sa.Column("majority", sa.Boolean(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("begun_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('legal_representative', 'agent', 'guardian')", name=op.f("ck_mandates_kind")),
        sa.CheckConstraint("state IN ('proposed', 'active', 'ended', 'expired')", name=op.f("ck_mandates_state")),
        sa.ForeignKeyConstraint(["principal_id"], ["holders.id"], name=op.f("fk_mandates_principal_id")),
        sa.ForeignKeyConstraint(["person_id"], ["holders.id"], name=op.f("fk_mandates_person_id")),
        sa.ForeignKeyConstraint(["registrar_id"], ["parties.id"], name=op.f("fk_mandates_registrar_id")),
        sa.ForeignKeyConstraint(["appointed_under"], ["mandates.id"], name=op.f("fk_mandates_appointed_under")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mandates")),
    )
    for columns in (["principal_id"], ["person_id"], ["registrar_id"], ["state", "ends_ms"]):
        op.create_index(op.f(f"ix_mandates_{'_'.join(columns)}"), "mandates", columns, unique=False)
    op.create_table(
        "counter_visits",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("party_id", sa.String(length=48), nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("holder_id", sa.String(length=48), nullable=True),
        sa.Column("document", sa.String(length=24), nullable=False),
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=True),
        sa.Column("body_enc", sa.LargeBinary(), nullable=True),
        sa.Column("opened_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("closes_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_counter_visits_party_id")),
        sa.ForeignKeyConstraint(["holder_id"], ["holders.id"], name=op.f("fk_counter_visits_holder_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counter_visits")),
    )
    op.create_index(op.f("ix_counter_visits_officer_opened_at_ms"), "counter_visits", ["officer", "opened_at_ms"])
    op.create_table(
        "counter_acts",
        sa.Column("visit_id", sa.String(length=48), nullable=False),
        sa.Column("seq", sa.SmallInteger(), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("request_id", sa.String(length=48), nullable=True),
        sa.Column("grant_id", sa.String(length=48), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["counter_visits.id"], name=op.f("fk_counter_acts_visit_id")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_counter_acts_request_id")),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_counter_acts_grant_id")),
        sa.PrimaryKeyConstraint("visit_id", "seq", name=op.f("pk_counter_acts")),
    )
    op.create_table(
        "counter_tallies",
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("officer", "day", name=op.f("pk_counter_tallies")),
    )
    op.create_table(
        "grant_authorities",
        sa.Column("grant_id", sa.String(length=48), nullable=False),
        sa.Column("relation", sa.String(length=24), nullable=False),
        sa.Column("mandate_id", sa.String(length=48), nullable=True),
        sa.Column("visit_id", sa.String(length=48), nullable=True),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_grant_authorities_grant_id")),
        sa.ForeignKeyConstraint(["mandate_id"], ["mandates.id"], name=op.f("fk_grant_authorities_mandate_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["counter_visits.id"], name=op.f("fk_grant_authorities_visit_id")),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("pk_grant_authorities")),
    )
    for column in ("mandate_id", "visit_id"):
        op.create_index(op.f(f"ix_grant_authorities_{column}"), "grant_authorities", [column], unique=False)
    with op.batch_alter_table("user_sessions") as sessions:
        sessions.add_column(sa.Column("mandate_id", sa.String(length=48), nullable=True))
        sessions.add_column(sa.Column("duty", sa.String(length=16), nullable=True))
        sessions.create_foreign_key(op.f("fk_user_sessions_mandate_id"), "mandates", ["mandate_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("user_sessions") as sessions:
        sessions.drop_constraint(op.f("fk_user_sessions_mandate_id"), type_="foreignkey")
        sessions.drop_column("duty")
        sessions.drop_column("mandate_id")
    for name in ("grant_authorities", "counter_tallies", "counter_acts", "counter_visits", "mandates"):
        op.drop_table(name)
