"""Alembic's entry point, run by `api.store.schema` on a connection that is in a transaction already."""

from alembic import context

from api.store.tables import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    # The caller's unit of work is the transaction: a migration that fails half-way leaves the old schema.
    transactional_ddl=True,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
context.run_migrations()
