"""The list of erasures that stands outside the database, so that a restored backup does not bring anybody back.

One line of JSON an erasure, appended and flushed to disk before the key is shredded: `{"erasure", "holder", "at_ms"}`.
Both identifiers are random; the list says nothing about anybody.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from api.errors import ApiError, Kind

FILE = "erasures.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """An erasure that was carried out, or was about to be."""

    erasure: str
    holder: str
    at_ms: int


def append(data_dir: Path, entry: Entry) -> None:
    """Add a line unless it is there, and wait until it is on disk. Raises ApiError `erasure.list`."""
    if entry.erasure in {one.erasure for one in entries(data_dir)}:
        return
    line = json.dumps({"erasure": entry.erasure, "holder": entry.holder, "at_ms": entry.at_ms}) + "\n"
    try:
        descriptor = os.open(data_dir / FILE, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+", encoding="ascii") as file:
            # What a crash cut off was never acted on; a new line must not become part of it.
            whole = file.read().rpartition("\n")
            file.seek(len(whole[0]) + len(whole[1]))
            file.truncate()
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        raise ApiError("erasure.list", Kind.UNAVAILABLE) from None


def entries(data_dir: Path) -> list[Entry]:
    """All lines. A line that a crash cut off at the end was never acted on; one elsewhere raises `erasure.list`."""
    try:
        text = (data_dir / FILE).read_text(encoding="ascii")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError):
        raise ApiError("erasure.list", Kind.UNAVAILABLE) from None
    lines = text.split("\n")
    found = []
    for line in lines[:-1]:
        try:
            item = json.loads(line)
            found.append(Entry(str(item["erasure"]), str(item["holder"]), int(item["at_ms"])))
        except (ValueError, KeyError, TypeError):
            raise ApiError("erasure.list", Kind.INTEGRITY) from None
    return found
