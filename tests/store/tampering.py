"""Changing the database behind the service's back, and what the check is to say of it.

The database administrator of these tests has the file and SQL, and no keys.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from api.store.database import Database
from api.store.fsck import Finding, fsck
from chain.merkle import node_hash
from tests.store.backends import Backend, Dba
from tests.store.world import IDENTITY, World

Tamper = Callable[[Dba, World], set[tuple[str, str]]]
"""Does something to the database; gives (table or table/id, code) pairs of which each must be among the findings."""

Row = tuple[str, str]
"""`table/id` and code of a finding."""


@contextmanager
def copied(world: World, backend: Backend) -> Iterator[str]:
    """A copy of the world's database."""
    url = backend.create(str(world.db.url))
    yield url
    backend.drop(url)


def check(world: World, url: str, **options: object) -> set[Finding]:
    db = Database(url)
    try:
        return set(
            fsck(db, world.vault, world.log_public_key, identity=IDENTITY, **options).findings  # type: ignore[arg-type]
        )
    finally:
        db.close()


def one(db: Dba, sql: str, *values: object) -> str:
    row = db.execute(sql, values).fetchone()
    assert row is not None
    return str(row[0])


def copy_row(db: Dba, table: str, row: str, other: dict[str, object]) -> None:
    columns = [f'"{column}"' for column in db.columns(table)]
    values = ["?" if column.strip('"') in other else column for column in columns]
    db.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table} WHERE id = ?",
        [*(other[c.strip('"')] for c in columns if c.strip('"') in other), row],
    )


def rebuild(db: Dba) -> None:
    db.execute("DELETE FROM log_nodes")
    level, nodes = 0, [row[0] for row in db.execute("SELECT leaf_hash FROM receipts ORDER BY number")]
    while nodes:
        db.executemany("INSERT INTO log_nodes VALUES (?, ?, ?)", [(level, i, node) for i, node in enumerate(nodes)])
        nodes = [node_hash(nodes[i], nodes[i + 1]) for i in range(0, len(nodes) - 1, 2)]
        level += 1


def found_after(tamper: Tamper, world: World, backend: Backend) -> tuple[set[Row], set[Row]]:
    """What must be found in a copy of the world's database after this was done to it, and what is."""
    with copied(world, backend) as url:
        with Dba(url) as dba:
            wanted = tamper(dba, world)
        return wanted, {(f"{finding.table}/{finding.id}", finding.code) for finding in check(world, url)}
