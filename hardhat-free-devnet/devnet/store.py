"""The embedded chain on disk: one SQLite database, and one transaction for each block.

py-evm writes through `Store.pending` into an overlay in memory. `Store.commit` flushes the overlay together with the
rows that the queries need (blocks, transactions with their receipts, logs) in ONE durable transaction, or not at all. A
crash before it leaves the chain as it was; a crash after it leaves the whole block. Readers use `Store.committed` and
never see the overlay.

WAL with synchronous=FULL: a commit is on the disk before any reader, and so any client, can see it.
"""

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any, NoReturn

from eth.db.backends.base import BaseDB

from devnet.rows import BlockRow, LogFilter, LogRow, TransactionRow, log_row, log_values, transaction_row

SCHEMA_VERSION = 1
CACHE_BYTES = 24 * 1024 * 1024
_ENTRY_OVERHEAD_BYTES = 160
_HASH_BYTES = 32
_PAGE_CACHE_KIB = 8 * 1024

_SCHEMA = """
create table kv(k blob primary key, v blob not null) without rowid;
create table blocks(number integer primary key, hash blob not null, size integer not null);
create table transactions(
    hash blob primary key, block integer not null, position integer not null, sender blob not null, recipient blob,
    contract blob, type integer not null, gas_price integer not null, gas_used integer not null,
    cumulative_gas integer not null, succeeded integer not null,
    first_log integer not null, log_count integer not null) without rowid;
create unique index transactions_by_block on transactions(block, position);
create table logs(
    block integer not null, log_index integer not null, position integer not null, tx_hash blob not null,
    address blob not null, topics integer not null, topic0 blob, topic1 blob, topic2 blob, topic3 blob,
    data blob not null,
    primary key (block, log_index)) without rowid;
create index logs_by_address on logs(address, block);
create index logs_by_topic on logs(topic0, block);
create table meta(name text primary key, value text not null) without rowid;
"""


class StoreError(Exception):
    """The database is not one that this version can go on with."""


class _View(BaseDB):
    """py-evm's key/value interface over what is committed; writing is a fault of the caller."""

    def __init__(self, store: "Store") -> None:
        self._store = store

    def __getitem__(self, key: bytes) -> bytes:
        return self._store.read(key)

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._refuse()

    def __delitem__(self, key: bytes) -> None:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise StoreError("the committed view is read-only")

    def _exists(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True


class _Overlay(_View):
    """The same, with the writes of the block under construction on top; used by the miner's thread alone."""

    def __init__(self, store: "Store") -> None:
        super().__init__(store)
        self.changes: dict[bytes, bytes | None] = {}

    def __getitem__(self, key: bytes) -> bytes:
        if key in self.changes:
            value = self.changes[key]
            if value is None:
                raise KeyError(key)
            return value
        return super().__getitem__(key)

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.changes[key] = value

    def __delitem__(self, key: bytes) -> None:
        if not self._exists(key):
            raise KeyError(key)
        self.changes[key] = None


class Store:
    """Opens or creates the database at `path`. Raises `StoreError` for one of another version."""

    def __init__(self, path: Path) -> None:
        self._writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._writer.executescript(
            f"pragma journal_mode=wal; pragma synchronous=full; pragma trusted_schema=off;"
            f"pragma cache_size=-{_PAGE_CACHE_KIB}"
        )
        (version,) = self._writer.execute("pragma user_version").fetchone()
        if version not in (0, SCHEMA_VERSION):
            self._writer.close()
            raise StoreError(f"{path} has schema version {version}, this engine writes {SCHEMA_VERSION}")
        if version == 0:
            self._writer.executescript(f"begin immediate; {_SCHEMA} pragma user_version={SCHEMA_VERSION}; commit")
        self._reader = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        self._reader.execute(f"pragma cache_size=-{_PAGE_CACHE_KIB}")
        self._reading = threading.Lock()
        self._cache: OrderedDict[bytes, bytes] = OrderedDict()
        self._cached_bytes = 0
        self.committed = _View(self)
        self.pending = _Overlay(self)

    def close(self) -> None:
        """Close both connections; the last one folds the write-ahead log into the database."""
        with self._reading:
            self._reader.close()
        self._writer.close()

    # -- key/value side, for py-evm

    def read(self, key: bytes) -> bytes:
        """The committed value of `key`; `KeyError` where there is none.

        Only keys that are hashes of their values are cached: those cannot change, so the cache is never stale.
        """
        with self._reading:
            value = self._cache.get(key)
            if value is not None:
                self._cache.move_to_end(key)
                return value
            row = self._reader.execute("select v from kv where k = ?", (key,)).fetchone()
            if row is None:
                raise KeyError(key)
            found: bytes = row[0]
            self._remember(key, found)
            return found

    def _remember(self, key: bytes, value: bytes) -> None:
        if len(key) != _HASH_BYTES or key in self._cache:
            return
        self._cache[key] = value
        self._cached_bytes += len(key) + len(value) + _ENTRY_OVERHEAD_BYTES
        while self._cached_bytes > CACHE_BYTES:
            old_key, old_value = self._cache.popitem(last=False)
            self._cached_bytes -= len(old_key) + len(old_value) + _ENTRY_OVERHEAD_BYTES

    # -- writing

    def rollback(self) -> None:
        """Forget what was written since the last commit."""
        self.pending.changes.clear()

    def commit(
        self,
        block: BlockRow,
        transactions: Iterable[TransactionRow] = (),
        logs: Iterable[LogRow] = (),
        meta: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Make the overlay and the rows durable in one transaction. On an error nothing changes."""
        changes = self.pending.changes
        with self._transaction() as db:
            db.executemany("delete from kv where k = ?", [(key,) for key, value in changes.items() if value is None])
            db.executemany(
                "insert or replace into kv values (?, ?)", [item for item in changes.items() if item[1] is not None]
            )
            db.execute("insert into blocks values (?, ?, ?)", astuple(block))
            db.executemany(
                "insert into transactions values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [astuple(row) for row in transactions],
            )
            db.executemany("insert into logs values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(log_values, logs))
            db.executemany("insert into meta values (?, ?)", meta)
        with self._reading:
            for key, value in changes.items():
                if value is not None:
                    self._remember(key, value)
        changes.clear()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._writer.execute("begin immediate")
        try:
            yield self._writer
            self._writer.execute("commit")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("rollback")
            raise

    # -- queries; each sees whole blocks only

    def meta(self, name: str) -> str | None:
        """A fact about this chain that was written with its genesis."""
        rows = self._query("select value from meta where name = ?", (name,))
        return str(rows[0][0]) if rows else None

    def block(self, number: int) -> BlockRow | None:
        """The row of a block by its number."""
        rows = self._query("select number, hash, size from blocks where number = ?", (number,))
        return BlockRow(*rows[0]) if rows else None

    def transaction(self, tx_hash: bytes) -> TransactionRow | None:
        """A mined transaction by its hash."""
        rows = self._query("select * from transactions where hash = ?", (tx_hash,))
        return transaction_row(rows[0]) if rows else None

    def block_transactions(self, number: int) -> list[TransactionRow]:
        """A block's transactions in their order."""
        return [
            transaction_row(row)
            for row in self._query("select * from transactions where block = ? order by position", (number,))
        ]

    def transaction_logs(self, row: TransactionRow) -> list[LogRow]:
        """One transaction's events in their order."""
        if not row.log_count:
            return []
        sql = "select * from logs where block = ? and log_index >= ? and log_index < ? order by log_index"
        return [
            log_row(columns) for columns in self._query(sql, (row.block, row.first_log, row.first_log + row.log_count))
        ]

    def logs(self, wanted: LogFilter, limit: int) -> list[LogRow]:
        """Events that match, by block and index, at most `limit` of them.

        As geth reads the topics: a log must have at least as many as the filter has places, empty places included.
        """
        where = ["block between ? and ?"]
        arguments: list[int | bytes] = [wanted.first, wanted.last]
        columns = [("address", wanted.addresses), *((f"topic{i}", choices) for i, choices in enumerate(wanted.topics))]
        for column, choices in columns:
            if choices:
                where.append(f"{column} in ({','.join('?' * len(choices))})")
                arguments.extend(choices)
        where.append("topics >= ?")
        arguments.append(len(wanted.topics))
        # The text holds column names of this function and question marks, nothing that a client wrote.
        sql = f"select * from logs where {' and '.join(where)} order by block, log_index limit {limit:d}"  # noqa: S608
        return [log_row(row) for row in self._query(sql, tuple(arguments))]

    def _query(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._reading, closing(self._reader.execute(sql, values)) as cursor:
            return cursor.fetchall()
