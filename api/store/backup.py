"""Backups: a snapshot of the database, encrypted under the month's backup key.

    file    = "mydata-backup/1" LF || JSON header LF || chunks
    header  = {"created_ms", "expires_ms", "month", "salt": 32 random bytes in hexadecimal, "store": its kind}
    chunk   = length of what follows (4 bytes, big-endian) || AES-256-GCM(file key, nonce, plain, associated data)
    file key = HMAC-SHA256(backup key, "mydata/backup-file/1" || salt)
    nonce   = number of the chunk (12 bytes)
    associated data = SHA-256(header with LF) || 01 on the last chunk, else 00

A chunk that was changed, moved, left out or cut off does not open. Of SQLite the snapshot is one by its own backup
interface, in a file that is unlinked before the first page is written, so that it never has a name on disk and a killed
backup leaves nothing behind; of PostgreSQL it is what `pg_dump` gives, which is piped (`backup_postgresql`).
"""

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import make_url

from api.errors import ApiError, Kind
from api.store import backup_keys, backup_postgresql
from api.store.database import Database

MAGIC = b"mydata-backup/1\n"
CHUNK = 1 << 20
TAG_BYTES = 16
SQLITE, POSTGRESQL = "sqlite", "postgresql"
_PAGES = 256


@dataclass(frozen=True, slots=True)
class BackupInfo:
    """What a backup's header says; `store` is sqlite or postgresql."""

    month: str
    created_ms: int
    expires_ms: int
    store: str = SQLITE


def write_backup(db: Database, data_dir: Path, target: Path, *, now_ms: int, key_days: int) -> BackupInfo:
    """Back the database up into a new file of mode 0600.

    Raises ApiError `backup.exists` (nothing is written over), `backup.write`; of PostgreSQL `backup.no_tools`,
    `backup.tool_failed`.
    """
    key = backup_keys.current(data_dir, now_ms, key_days)
    info = BackupInfo(key.month, now_ms, key.expires_ms, db.url.get_backend_name())
    salt = secrets.token_bytes(32)
    header = _header(info, salt)
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    except FileExistsError:
        raise ApiError("backup.exists", Kind.CONFLICT) from None
    except OSError:
        raise ApiError("backup.write", Kind.UNAVAILABLE) from None
    try:
        snapshot = backup_postgresql.dumped(db.url) if db.path is None else _snapshot(db.path)
        with os.fdopen(descriptor, "wb") as out, snapshot as plain:
            out.write(MAGIC + header)
            _encrypt(plain, out, _gcm(key.key, salt), hashlib.sha256(header).digest())
            out.flush()
            os.fsync(out.fileno())
    except (OSError, sqlite3.Error):
        target.unlink(missing_ok=True)
        raise ApiError("backup.write", Kind.UNAVAILABLE) from None
    except ApiError:
        target.unlink(missing_ok=True)
        raise
    return info


def read_info(source: Path) -> BackupInfo:
    """The header of a backup. Raises ApiError `backup.malformed`."""
    with _reading(source) as file:
        return _read_header(file)[0]


def restore_backup(source: Path, data_dir: Path, path: Path) -> BackupInfo:
    """Decrypt a backup into the place of an SQLite database that is not there.

    Raises ApiError `backup.malformed`, `backup.key_gone`, `backup.other_store`, `backup.exists` (a database stands
    there: move it away first). Whoever calls this must carry out the erasures since the backup before anything is
    served.
    """
    if path.exists():
        raise ApiError("backup.exists", Kind.CONFLICT)
    fresh = path.with_name(path.name + ".restoring")
    try:
        with _reading(source) as file:
            info, salt, line = _read_header(file, SQLITE)
            key = backup_keys.read(data_dir, info.month)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, stat.S_IRUSR | stat.S_IWUSR)
            with os.fdopen(descriptor, "wb") as out:
                _decrypt(file, out, _gcm(key.key, salt), hashlib.sha256(line).digest())
                out.flush()
                os.fsync(out.fileno())
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        fresh.replace(path)
    except OSError:
        raise ApiError("backup.write", Kind.UNAVAILABLE) from None
    finally:
        fresh.unlink(missing_ok=True)
    return info


def restore_database(source: Path, data_dir: Path, url: str) -> BackupInfo:
    """Decrypt a backup to where a URL of the settings points: into a file that is not there, or an empty database.

    Raises what `restore_backup` does; of PostgreSQL `backup.no_tools`, `backup.tool_failed`, `store.unavailable`, and
    then nothing of it stands. Whoever calls this must carry out the erasures since, as there.
    """
    known = make_url(url)
    if known.get_backend_name() == SQLITE:
        return restore_backup(source, data_dir, Path(known.database or ""))
    if not backup_postgresql.is_empty(known):
        raise ApiError("backup.exists", Kind.CONFLICT)
    with _reading(source) as file:
        info, salt, line = _read_header(file, POSTGRESQL)
        key = backup_keys.read(data_dir, info.month)
        with backup_postgresql.loading(known) as out:
            _decrypt(file, out, _gcm(key.key, salt), hashlib.sha256(line).digest())
    return info


@contextlib.contextmanager
def _snapshot(path: Path) -> Iterator[IO[bytes]]:
    """The database as of one moment, readable once, in a file without a name."""
    descriptor, name = tempfile.mkstemp(prefix=".backup-", dir=path.parent)
    # Opened here already: SQLite gives a copy of this file to the connection below, and then the name goes.
    with os.fdopen(descriptor, "rb") as plain:
        target = sqlite3.connect(name, isolation_level=None)
        try:
            target.execute("PRAGMA journal_mode=OFF").close()
            target.execute("PRAGMA locking_mode=EXCLUSIVE").close()
            os.unlink(name)  # noqa: PTH108 - a bare name, as mkstemp gives it
            source = sqlite3.connect(path, isolation_level=None, timeout=10.0)
            try:
                source.backup(target, pages=_PAGES)
            finally:
                source.close()
        finally:
            target.close()
        plain.seek(0)
        yield plain


def _encrypt(plain: IO[bytes], out: IO[bytes], gcm: AESGCM, bound: bytes) -> None:
    number, chunk = 0, plain.read(CHUNK)
    while True:
        following = plain.read(CHUNK)
        last = b"" if following else b"\x01"
        sealed = gcm.encrypt(number.to_bytes(12, "big"), chunk, bound + (last or b"\x00"))
        out.write(len(sealed).to_bytes(4, "big") + sealed)
        if last:
            return
        number, chunk = number + 1, following


def _decrypt(file: IO[bytes], out: IO[bytes], gcm: AESGCM, bound: bytes) -> None:
    number = 0
    sealed = _chunk(file)
    while True:
        following = _chunk(file)
        last = b"\x00" if following else b"\x01"
        try:
            out.write(gcm.decrypt(number.to_bytes(12, "big"), sealed, bound + last))
        except InvalidTag:
            raise ApiError("backup.malformed", Kind.INTEGRITY) from None
        if not following:
            return
        number, sealed = number + 1, following


def _chunk(file: IO[bytes]) -> bytes:
    """The next chunk; empty at the end of the file."""
    length = int.from_bytes(file.read(4), "big")
    if length > CHUNK + TAG_BYTES:
        raise ApiError("backup.malformed", Kind.INTEGRITY)
    return file.read(length)


def _gcm(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(hmac.digest(key, b"mydata/backup-file/1" + salt, "sha256"))


def _header(info: BackupInfo, salt: bytes) -> bytes:
    stated = {
        "created_ms": info.created_ms,
        "expires_ms": info.expires_ms,
        "month": info.month,
        "salt": salt.hex(),
        "store": info.store,
    }
    return json.dumps(stated, sort_keys=True).encode() + b"\n"


@contextlib.contextmanager
def _reading(source: Path) -> Iterator[IO[bytes]]:
    try:
        file = source.open("rb")
    except OSError:
        raise ApiError("backup.malformed", Kind.INTEGRITY) from None
    with file:
        yield file


def _read_header(file: IO[bytes], store: str | None = None) -> tuple[BackupInfo, bytes, bytes]:
    """What the header says, the salt, and the line itself; `backup.other_store` where it is not of `store`."""
    magic, line = file.readline(64), file.readline(1024)
    try:
        stated = json.loads(line)
        made_of = str(stated.get("store", SQLITE))
        info = BackupInfo(str(stated["month"]), int(stated["created_ms"]), int(stated["expires_ms"]), made_of)
        salt = bytes.fromhex(stated["salt"])
    except (ValueError, KeyError, TypeError):
        raise ApiError("backup.malformed", Kind.INTEGRITY) from None
    if magic != MAGIC or len(salt) != 32:
        raise ApiError("backup.malformed", Kind.INTEGRITY)
    if store not in {None, info.store}:
        raise ApiError("backup.other_store", Kind.CONFLICT)
    return info, salt, line
