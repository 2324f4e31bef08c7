"""Where the databases of the store's tests come from; how an administrator without keys reaches into them."""

import itertools
import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from api.demo.behind import libpq
from api.demo.postgres import Server

only_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


class Backend(Protocol):
    """Makes databases; a URL is all that the tests see."""

    name: str

    def create(self, like: str | None = None, *, empty: bool = False) -> str:
        """A migrated, empty database, a copy of `like`, to which nobody may be connected, or one without any table."""
        ...

    def drop(self, url: str) -> None:
        """Delete it."""
        ...


class SQLite:
    """Files in a folder."""

    name = "sqlite"

    def __init__(self, folder: Path, migrated: bytes) -> None:
        self._folder = folder
        self._migrated = migrated
        self._numbers = itertools.count()

    def create(self, like: str | None = None, *, empty: bool = False) -> str:
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        path = folder / "store.sqlite3"
        if like is not None:
            # Not the file alone: what a connection that is still open has written may stand beside it yet.
            with closing(sqlite3.connect(file_of(like))) as whole, closing(sqlite3.connect(path)) as copy:
                whole.backup(copy)
        elif not empty:
            path.write_bytes(self._migrated)
        return f"sqlite:///{path}"

    def drop(self, url: str) -> None:
        shutil.rmtree(file_of(url).parent)


class PostgreSQL:
    """Databases of the run's server, emptied and used again: dropping one costs a checkpoint."""

    name = "postgresql"

    def __init__(self, server: Server, template: str) -> None:
        self.server = server
        self._template = server.url(template)
        self._shape = self._look(self._template)
        self._spare: list[str] = []

    def create(self, like: str | None = None, *, empty: bool = False) -> str:
        if empty:
            return self.server.create_database(f"test_{os.urandom(8).hex()}")
        url = self._spare.pop() if self._spare else None
        if url is None:
            url = self.server.create_database(f"test_{os.urandom(8).hex()}", database_of(self._template))
        self._fill(url, like or self._template)
        return url

    def drop(self, url: str) -> None:
        if self._look(url) == self._shape:
            self._spare.append(url)
        else:  # a test changed its tables
            self.server.drop_database(database_of(url))

    def _look(self, url: str) -> str:
        """The tables, columns and indexes of a database, and its version."""
        with psycopg.connect(libpq(url)) as connection:
            row = connection.execute(SHAPE).fetchone()
            version = connection.execute(VERSION).fetchone() if row is not None and row[1] else None
        return repr((row, version))

    def _fill(self, url: str, like: str) -> None:
        """Give a database the rows of another, and no others."""
        with psycopg.connect(libpq(like)) as source, psycopg.connect(libpq(url)) as target:
            target.execute("SET session_replication_role = replica")
            tables = [sql.Identifier(row[0]) for row in source.execute(TABLES)]
            target.execute(sql.SQL("; ").join(sql.SQL("DELETE FROM {}").format(table) for table in tables))
            for table in tables:
                with source.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(table)) as out:
                    rows = b"".join(bytes(part) for part in out)
                if rows:
                    with target.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(table)) as into:
                        into.write(rows)
            for name, last in source.execute(SEQUENCES):
                target.execute("SELECT setval(%s::regclass, %s, %s)", (name, last or 1, last is not None))


TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
VERSION = "SELECT version_num FROM alembic_version"
SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
SHAPE = """
SELECT md5(string_agg(c.relname || '.' || a.attname, ',' ORDER BY c.relname, a.attname)),
       bool_or(c.relname = 'alembic_version')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND NOT a.attisdropped
"""


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def database_of(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


class Dba:
    """SQL past the store: an administrator who has every right in the database, and no keys.

    References are not enforced, as such a one can have it. Statements are written for SQLite; what PostgreSQL lacks of
    that is made there first.
    """

    def __init__(self, url: str) -> None:
        self._sqlite = url.startswith("sqlite")
        if self._sqlite:
            self._connection: Any = sqlite3.connect(file_of(url))
            return
        self._connection = psycopg.connect(libpq(url))
        self._connection.execute("SET session_replication_role = replica")
        self._connection.execute(
            "CREATE OR REPLACE FUNCTION zeroblob(integer) RETURNS bytea RETURN decode(repeat('00', $1), 'hex');"
            "CREATE OR REPLACE FUNCTION replace(json, text, text) RETURNS json RETURN replace($1::text, $2, $3)::json"
        )

    def execute(self, statement: str, values: Sequence[object] = ()) -> Any:
        """Run a statement with `?` in place of values."""
        if self._sqlite:
            return self._connection.execute(statement, values)
        return self._connection.execute(statement.replace("?", "%s").encode(), values)

    def executemany(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        for row in rows:
            self.execute(statement, row)

    def columns(self, table: str) -> list[str]:
        return [column[0] for column in self.execute(f"SELECT * FROM {table} LIMIT 0").description]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        """Commit; a test that failed inside looks at nothing any more."""
        self._connection.commit()
        self._connection.close()
