"""The schema's version, and moving to the newest one. Migrations are packaged beside this file."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from api.errors import ApiError, Kind
from api.store.database import Database, read_only, unit_of_work

_MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(db: Database) -> str:
    """Bring the database to the newest schema, creating everything in an empty one; the version it has then.

    One transaction: it happens whole or not at all, and two processes that start together do not collide. Raises
    ApiError `store.newer_schema` where the database was written by a newer release, which this one must not touch.
    """
    with unit_of_work(db) as session:
        connection = session.connection()
        _refuse_newer(connection)
        command.upgrade(_config(connection), "head")
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


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
