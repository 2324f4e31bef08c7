"""SQL behind the service's back, as a database administrator has it: no keys, every right in the database."""

import sqlite3
from typing import Any, cast

import psycopg


def ask(store_url: str, statement: str) -> tuple[Any, ...]:
    """Run one statement that both systems know, commit, and give its first row. `store_url` is an SQLAlchemy URL."""
    if store_url.startswith("sqlite"):
        with sqlite3.connect(store_url.removeprefix("sqlite:///"), timeout=30) as file:
            row = file.execute(statement).fetchone()
        file.close()
    else:
        with psycopg.connect(libpq(store_url), connect_timeout=30) as server:
            row = server.execute(statement.encode()).fetchone()
    return cast("tuple[Any, ...]", row)


def rows(store_url: str, statement: str) -> list[tuple[Any, ...]]:
    """All rows of a question."""
    if store_url.startswith("sqlite"):
        file = sqlite3.connect(store_url.removeprefix("sqlite:///"), timeout=30)
        try:
            return file.execute(statement).fetchall()
        finally:
            file.close()
    with psycopg.connect(libpq(store_url), connect_timeout=30) as server:
        return server.execute(statement.encode()).fetchall()


def change(store_url: str, *statements: str) -> None:
    """Run statements in one transaction."""
    if store_url.startswith("sqlite"):
        file = sqlite3.connect(store_url.removeprefix("sqlite:///"), timeout=30)
        try:
            with file:
                for statement in statements:
                    file.execute(statement)
        finally:
            file.close()
        return
    with psycopg.connect(libpq(store_url), connect_timeout=30) as server:
        for statement in statements:
            server.execute(statement.encode())


def libpq(store_url: str) -> str:
    """The same URL as PostgreSQL's own library takes it."""
    return store_url.replace("postgresql+psycopg://", "postgresql://", 1)


def alter_a_record(store_url: str) -> str:
    """Raise one record's version without its issuer; the record's id."""
    (record,) = ask(
        store_url,
        "UPDATE records SET version = version + 1"
        " WHERE id = (SELECT id FROM records ORDER BY id LIMIT 1 OFFSET 7) RETURNING id",
    )
    return str(record)


def mean_body_bytes(store_url: str) -> int:
    """How long a stored record's sealed body is on average."""
    return int(ask(store_url, "SELECT AVG(LENGTH(body_enc)) FROM records")[0])
