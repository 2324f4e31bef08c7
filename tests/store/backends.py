"""Where the databases of the store's tests come from; how an administrator without keys reaches into them."""

import itertools
import os
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

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
            shutil.copy(file_of(like), path)
        elif not empty:
            path.write_bytes(self._migrated)
        return f"sqlite:///{path}"

    def drop(self, url: str) -> None:
        shutil.rmtree(file_of(url).parent)


class PostgreSQL:
    """Databases of the run's server."""

    name = "postgresql"

    def __init__(self, server: Server, template: str) -> None:
        self.server = server
        self._template = template

    def create(self, like: str | None = None, *, empty: bool = False) -> str:
        template = "template1" if empty else self._template
        return self.server.create_database(
            f"test_{os.urandom(8).hex()}", template if like is None else database_of(like)
        )

    def drop(self, url: str) -> None:
        self.server.drop_database(database_of(url))


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
        parts = urlsplit(url)
        self._connection = psycopg.connect(
            host=parse_qs(parts.query)["host"][0], user=parts.username, dbname=database_of(url)
        )
        self._connection.execute("SET session_replication_role = replica")
        self._connection.execute(
            "CREATE FUNCTION zeroblob(integer) RETURNS bytea RETURN decode(repeat('00', $1), 'hex');"
            "CREATE FUNCTION replace(json, text, text) RETURNS json RETURN replace($1::text, $2, $3)::json"
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
