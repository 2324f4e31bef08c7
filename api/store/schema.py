"""The schema's version, and moving to the newest one. Migrations are packaged beside this file.

On PostgreSQL every text column compares and sorts by bytes (collation "C"), as on SQLite, whatever the database's own
collation is: the order of a page is the same on both, and an operating system that sorts otherwise after an upgrade
cannot damage the indexes that uniqueness rests on.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from api.errors import ApiError, Kind
from api.store.database import Database, no_time_limit, read_only, unit_of_work

_MIGRATIONS = Path(__file__).parent / "migrations"
# Any number that no other user of the same database takes.
_MIGRATING = 0x6D79646174610001
_OTHER_COLLATION = text(
    "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a"
    " JOIN pg_class c ON c.oid = a.attrelid JOIN pg_collation o ON o.oid = a.attcollation"
    " WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace"
    " AND a.attnum > 0 AND NOT a.attisdropped AND o.collname <> 'C' ORDER BY c.relname, a.attnum"
)


def migrate(db: Database) -> str:
    """Bring the database to the newest schema, creating everything in an empty one; the version it has then.

    One transaction: it happens whole or not at all, and two processes that start together do not collide. Raises
    ApiError `store.newer_schema` where the database was written by a newer release, which this one must not touch.
    """
    with unit_of_work(db) as session:
        connection = session.connection()
        postgresql = connection.dialect.name == "postgresql"
        if postgresql:
            no_time_limit(session)
            session.execute(text("SET LOCAL lock_timeout = '120s'"))
            # SQLite lets one writer in at a time; here the second one waits, then finds everything done.
            session.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATING})"))
        _refuse_newer(connection)
        command.upgrade(_config(connection), "head")
        if postgresql:
            _collate_by_bytes(connection)
        version = _version(connection)
    assert version is not None
    return version


def schema_version(db: Database) -> str | None:
    """The schema's version, None for an empty database. Raises ApiError `store.newer_schema`."""
    with read_only(db) as session:
        return _refuse_newer(session.connection())


def newest_version() -> str:
    """The version that this release's code is written for."""
    head = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    assert head is not None
    return head


def require_current(db: Database) -> None:
    """Raise ApiError `store.schema_old` unless the schema is the newest; for processes that do not migrate."""
    if schema_version(db) != newest_version():
        raise ApiError("store.schema_old", Kind.UNAVAILABLE)


def _version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(connection: Connection) -> str | None:
    version = _version(connection)
    known = {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
    if version is not None and version not in known:
        raise ApiError("store.newer_schema", Kind.CONFLICT, version=version)
    return version


def _collate_by_bytes(connection: Connection) -> None:
    quote = connection.dialect.identifier_preparer.quote
    changes: dict[str, list[str]] = {}
    for table, column, kind in connection.execute(_OTHER_COLLATION):
        changes.setdefault(table, []).append(f'ALTER COLUMN {quote(column)} TYPE {kind} COLLATE "C"')
    for table, columns in changes.items():
        connection.execute(text(f"ALTER TABLE {quote(table)} {', '.join(columns)}"))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
