"""Somebody with every key and every file: what can still be read of a person?

It does not go through the service's own code, which could refuse for a reason that an attacker does not have: database
files are opened as they are, rows are walked without their meaning, tags and associated data are ignored (AES-GCM
without its tag is counter mode, so any key can be tried on any blob), and raw bytes are searched, free pages included.
"""

import base64
import hashlib
import hmac
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from api.store.crypto import Purpose

NONCE, TAG = 12, 16


@dataclass
class Scan:
    """What was tried and what was found: (place, value)."""

    found: list[tuple[str, str]] = field(default_factory=list)
    keys: int = 0
    opened: int = 0
    blobs: int = 0


def every_key(data: Path) -> dict[str, bytes]:
    """All 32-byte keys in the key directory, backup keys included."""
    found = {}
    for path in sorted((data / "keys").rglob("*.key")):
        text = path.read_text().split()[-1]
        found[str(path.relative_to(data))] = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return found


def decrypted_backups(files: Iterable[Path], keys: Iterable[bytes]) -> Iterator[bytes]:
    """The plain database of each backup that any key opens, chunk by chunk as docs/operations.md has it."""
    candidates = list(keys)
    for file in files:
        with file.open("rb") as handle:
            handle.readline()
            line = handle.readline()
            salt = bytes.fromhex(json.loads(line)["salt"])
            body = handle.read()
        for key in candidates:
            gcm = AESGCM(hmac.digest(key, b"mydata/backup-file/1" + salt, "sha256"))
            plain = _chunks(gcm, body, line)
            if plain is not None:
                yield plain


def _chunks(gcm: AESGCM, body: bytes, line: bytes) -> bytes | None:
    bound, at, number, plain = hashlib.sha256(line).digest(), 0, 0, b""
    while at < len(body):
        end = at + 4 + int.from_bytes(body[at : at + 4], "big")
        last = b"\x01" if end == len(body) else b"\x00"
        try:
            plain += gcm.decrypt(number.to_bytes(12, "big"), body[at + 4 : end], bound + last)
        except InvalidTag:
            return None
        at, number = end, number + 1
    return plain


def examine(
    databases: Sequence[Path],
    files: Sequence[Path],
    keys: dict[str, bytes],
    values: Sequence[str],
    raw: Sequence[bytes],
) -> Scan:
    """Look for the values in everything that any key opens, and for raw bytes in every file as it is."""
    scan, needles = Scan(), [value.encode() for value in values]
    # JSON may have written the same characters as escapes.
    needles += [json.dumps(value)[1:-1].encode() for value in values]
    for path in [*databases, *files]:
        data = path.read_bytes()
        for needle in [*needles, *raw]:
            if needle in data:
                scan.found.append((f"{path.name} (raw)", needle.hex()[:24]))
    tables = [(path, table, names, rows) for path in databases for table, names, rows in _tables(path)]
    data_keys = list(_data_keys(tables, keys))
    scan.keys = len(data_keys)
    for path, table, names, rows in tables:
        for row in rows:
            for name, value in zip(names, row, strict=True):
                if isinstance(value, bytes) and value:
                    for plain in _plains(row, value, data_keys, keys, scan):
                        for needle in needles:
                            if needle in plain:
                                scan.found.append((f"{path.name}:{table}.{name}", needle.decode()[:3]))
                elif value is not None:
                    text = str(value).encode()
                    for needle in needles:
                        if needle in text:
                            scan.found.append((f"{path.name}:{table}.{name}", "clear"))
    return scan


def _tables(path: Path) -> Iterator[tuple[str, list[str], list[tuple[object, ...]]]]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            cursor = connection.execute(f'SELECT * FROM "{table}"')
            yield table, [column[0] for column in cursor.description], cursor.fetchall()
    finally:
        connection.close()


def _data_keys(
    tables: Sequence[tuple[Path, str, list[str], list[tuple[object, ...]]]], keys: dict[str, bytes]
) -> Iterator[bytes]:
    """Every wrapped key that any key unwraps, in whichever row it stands."""
    for _, _, names, rows in tables:
        if "wrapped_key" not in names:
            continue
        for row in rows:
            item = dict(zip(names, row, strict=True))
            wrapped = item["wrapped_key"]
            assert isinstance(wrapped, bytes)
            if wrapped:
                for key in keys.values():
                    # The tag is ignored here, too: a wrong key gives a wrong data key, which finds nothing.
                    yield _ctr(key, wrapped)


def _plains(
    row: tuple[object, ...], blob: bytes, data_keys: Sequence[bytes], keys: dict[str, bytes], scan: Scan
) -> Iterator[bytes]:
    scan.blobs += 1
    if blob[:1] == b"\x01" and len(blob) > 1 + NONCE + TAG:
        for key in data_keys:
            scan.opened += 1
            yield _ctr(key, blob[1:])
    elif blob[:1] == b"\x02" and len(blob) > 33 + NONCE + TAG:
        names = [str(one) for one in row if isinstance(one, str)]
        names += [one.hex() for one in row if isinstance(one, bytes) and len(one) == 32]
        names += [f"{row[0]}\x00{row[1]}"]
        for key in keys.values():
            root = hmac.digest(key, b"mydata/platform-key/1", "sha256")
            if hmac.digest(root, b"mydata/key-commitment/1", "sha256") != blob[1:33]:
                continue
            for purpose in Purpose:
                for name in names:
                    message = b"mydata/platform-record/1\x00" + f"{purpose}\x00{name}".encode()
                    scan.opened += 1
                    yield _ctr(hmac.digest(root, message, "sha256"), blob[33:])


def _ctr(key: bytes, sealed: bytes) -> bytes:
    """AES-GCM's plaintext without asking its tag: counter mode from nonce and 2."""
    decryptor = Cipher(AES(key), CTR(sealed[:NONCE] + b"\x00\x00\x00\x02")).decryptor()
    return decryptor.update(sealed[NONCE:-TAG])


__all__ = ["Scan", "decrypted_backups", "every_key", "examine"]
