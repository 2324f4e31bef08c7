"""Keys of backups: one a month, with an end after which it is destroyed and every backup of that month with it.

A file each under `DATA/keys/backup/`, one line, `mydata-backup-key/1 <month> <end in ms> <base64url of 32 bytes>`, mode
0600. Unlike other keys they are made in production, too: a new one opens nothing old. They must never be kept together
with the backups, nor be backed up themselves.
"""

import base64
import contextlib
import os
import re
import secrets
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from api.errors import ApiError, Kind

KEY_BYTES = 32
DAY_MS = 86_400_000
_SCHEMA = "mydata-backup-key/1"
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class BackupKey:
    """A month's key and when it is to be destroyed."""

    month: str
    expires_ms: int
    key: bytes


def folder(data_dir: Path) -> Path:
    """Where the keys stand."""
    return data_dir / "keys" / "backup"


def month_of(now_ms: int) -> str:
    """The month (UTC) of a time, as `2026-11`."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m")


def expiry_ms(now_ms: int, days: int) -> int:
    """When the key of this month is destroyed: so many days after the month's end."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    after = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
    return int(after.timestamp() * 1000) + days * DAY_MS


def current(data_dir: Path, now_ms: int, days: int) -> BackupKey:
    """The key of this month, made on first use. Raises ApiError `keys.mode`, `keys.malformed`."""
    month, place = month_of(now_ms), folder(data_dir)
    path = place / f"{month}.key"
    if not path.exists():
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()
        draft = place / f".{month}.{secrets.token_hex(8)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(f"{_SCHEMA} {month} {expiry_ms(now_ms, days)} {key}\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(draft)
        finally:
            draft.unlink()
        _sync(place)
    return read(data_dir, month)


def read(data_dir: Path, month: str) -> BackupKey:
    """A month's key. Raises ApiError `backup.key_gone` (destroyed, or never here), `keys.mode`, `keys.malformed`."""
    path = folder(data_dir) / f"{month}.key"
    if not _MONTH.fullmatch(month) or not path.is_file():
        raise ApiError("backup.key_gone", Kind.NOT_FOUND)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ApiError("keys.mode", Kind.INTERNAL, name=f"backup/{month}")
    try:
        schema, named, expires, encoded = path.read_text(encoding="ascii").split()
        key = base64.b64decode(encoded, altchars=b"-_", validate=True)
        found = BackupKey(named, int(expires), key)
    except (OSError, ValueError):
        raise ApiError("keys.malformed", Kind.INTERNAL, name=f"backup/{month}") from None
    if schema != _SCHEMA or named != month or len(key) != KEY_BYTES:
        raise ApiError("keys.malformed", Kind.INTERNAL, name=f"backup/{month}")
    return found


def destroy_expired(data_dir: Path, now_ms: int) -> list[str]:
    """Overwrite and remove the keys whose end has come; their months."""
    place, gone = folder(data_dir), []
    for path in sorted(place.glob("*.key")):
        if read(data_dir, path.stem).expires_ms > now_ms:
            continue
        with path.open("r+b") as file:
            file.write(b"\0" * path.stat().st_size)
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        _sync(place)
        gone.append(path.stem)
    return gone


def _sync(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
