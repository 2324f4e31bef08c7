"""A witness's folder: its key, what it co-signed last, everything that it ever saw, and proofs of forks.

    witness.key     the secret key, readable by its owner alone
    state.json      what was co-signed last; replaced whole, flushed before a cosignature is shown to anybody
    record.jsonl    a line for each checkpoint that was co-signed or refused, with its note; only ever appended to
    checkpoint      the newest co-signed checkpoint as a note: to be put on any web server, for others to compare
    forks/          proofs (`mydata/fork/1`)

One process works on a folder at a time. A witness whose state is gone would take the next history for the first one;
so a folder that holds a record without a state is not opened.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain.canonical import Json
from chain.cosign import NoteKey, parse_key, parse_secret, secret_text, witness_key
from chain.errors import ChainError, FormatError, Kind
from chain.fork import Fork, opened
from chain.note import NOTE_LIMIT
from chain.strict import Fields, parse_json

STATE_SCHEMA = "mydata/witness/1"
STATE_LIMIT = 4 * NOTE_LIMIT
KEY_FILE, STATE_FILE, RECORD_FILE, NOTE_FILE, FORKS = "witness.key", "state.json", "record.jsonl", "checkpoint", "forks"
COSIGNED, REFUSED = "cosigned", "refused"
_OTHERS = 0o077
_BLOCK = 64 * 1024


class FolderError(ChainError):
    """A witness's folder cannot be used.

    `chain.witness.locked` (another process works on it), `.no_key`, `.key_exists`, `.key_mode` (others may read the
    key), `.state_lost` (a record without a state), `.state_malformed`, `.other_log` (it follows another log).
    """

    kind = Kind.CONFLICT


@dataclass(frozen=True, slots=True)
class Halt:
    """Why a witness signs no more: the code, when, and the name of the proof's file."""

    code: str
    time_s: int
    proof: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The newest checkpoint that was refused: the code, and when it was first seen."""

    code: str
    time_s: int


@dataclass(frozen=True, slots=True)
class State:
    """What a witness goes on from.

    Attributes:
        log: the log's key.
        url: where the log was last followed.
        note: the newest checkpoint that was co-signed, with the cosignature; None before the first.
        time_s: when, in seconds since 1970.
        refused: the newest refusal, also where the log was right again afterwards; the record holds them all.
        halted: set once the log was seen to fork.

    """

    log: NoteKey
    url: str
    note: str | None = None
    time_s: int = 0
    refused: Refusal | None = None
    halted: Halt | None = None

    def to_json(self) -> dict[str, Json]:
        """The document."""
        halted, refused = self.halted, self.refused
        return {
            "schema": STATE_SCHEMA,
            "log": str(self.log),
            "url": self.url,
            "note": self.note,
            "time": self.time_s,
            "refused": None if refused is None else {"code": refused.code, "time": refused.time_s},
            "halted": None if halted is None else {"code": halted.code, "time": halted.time_s, "proof": halted.proof},
        }


def parse_state(data: bytes) -> State:
    """Read a state. Raises FormatError."""
    top = Fields(parse_json(data, STATE_LIMIT), "")
    top.schema(STATE_SCHEMA)
    log = parse_key(top.text("log", limit=512))
    url = top.text("url")
    note = top.text_or_none("note", limit=NOTE_LIMIT)
    time_s = top.integer("time")
    fields = top.fields_or_none("refused")
    refused = None
    if fields is not None:
        refused = Refusal(fields.text("code", limit=64), fields.integer("time"))
        fields.done()
    fields = top.fields_or_none("halted")
    halted = None
    if fields is not None:
        halted = Halt(fields.text("code", limit=64), fields.integer("time"), fields.text("proof", limit=128))
        fields.done()
    top.done()
    return State(log, url, note, time_s, refused, halted)


def create(folder: Path, name: str) -> NoteKey:
    """Make a folder with a new key; its public side. Raises FolderError (`key_exists`), FormatError for the name."""
    key = Ed25519PrivateKey.generate()
    public = witness_key(name, key)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(folder / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise FolderError(str(folder), code="chain.witness.key_exists") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(secret_text(name, key) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    _flush_names(folder)
    return public


def read_state(folder: Path) -> State | None:
    """What stands in a folder, without working on it. Raises FolderError (`state_malformed`)."""
    try:
        return parse_state((folder / STATE_FILE).read_bytes())
    except FileNotFoundError:
        return None
    except FormatError:
        raise FolderError(str(folder), code="chain.witness.state_malformed") from None


class WitnessFolder:
    """A folder at work; to be used in a `with` statement, which holds its lock.

    Args:
        folder: made by `create`.
        log: the key of the log that is followed here; never another one.
        url: where the log is followed now.

    """

    def __init__(self, folder: Path, log: NoteKey, url: str) -> None:
        self.name, self.key = _read_key(folder / KEY_FILE)
        self._folder = folder
        self._lock = _locked(folder)
        try:
            self.state = self._open(log, url)
            if self.state.note is not None:
                self._catch_up(self.state.note)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """The folder is locked since it was opened."""
        return self

    def __exit__(self, *_: object) -> None:
        """Unlock."""
        self.close()

    def close(self) -> None:
        """Let another process work on it."""
        os.close(self._lock)

    def keep_cosigned(self, note: str, size: int, time_s: int) -> None:
        """Make a co-signed checkpoint durable. Only afterwards may the cosignature be shown to anybody."""
        self._write_state(replace(self.state, note=note, time_s=time_s))
        self._append({"event": COSIGNED, "time": time_s, "size": size, "note": note})
        _replace(self._folder / NOTE_FILE, note.encode(), 0o644)

    def keep_refused(self, code: str, note: str, time_s: int, fork: Fork | None = None) -> None:
        """Record a refusal; the same one in a row is recorded once. A proof halts this witness for good."""
        name = "" if fork is None else self._keep_fork(fork)
        last = next(iter(self._newest_first()), {})
        if (last.get("event"), last.get("code"), last.get("note")) != (REFUSED, code, note):
            self._append({"event": REFUSED, "time": time_s, "code": code, "note": note, "proof": name or None})
            self._write_state(replace(self.state, refused=Refusal(code, time_s)))
        if fork is not None:
            self._write_state(replace(self.state, halted=Halt(code, time_s, name)))

    def cosigned_at(self, size: int) -> str | None:
        """The note over `size` leaves that was co-signed at any time."""
        for line in self._newest_first():
            if line.get("event") == COSIGNED and line.get("size") == size:
                return str(line["note"])
        return None

    def _open(self, log: NoteKey, url: str) -> State:
        found = read_state(self._folder)
        if found is None:
            if (self._folder / RECORD_FILE).exists():
                raise FolderError(str(self._folder), code="chain.witness.state_lost")
            found = State(log, url)
            self._write_state(found)
        if found.log != log:
            raise FolderError(str(self._folder), code="chain.witness.other_log")
        if found.url != url:
            found = replace(found, url=url)
            self._write_state(found)
        return found

    def _catch_up(self, note: str) -> None:
        """Set down what a crash left out after the state was written."""
        newest = next((line for line in self._newest_first() if line.get("event") == COSIGNED), {})
        if newest.get("note") != note:
            size = opened(self.state.log, note).size
            self._append({"event": COSIGNED, "time": self.state.time_s, "size": size, "note": note})
        public = self._folder / NOTE_FILE
        if not public.is_file() or public.read_bytes() != note.encode():
            _replace(public, note.encode(), 0o644)

    def _write_state(self, state: State) -> None:
        _replace(self._folder / STATE_FILE, json.dumps(state.to_json(), ensure_ascii=False, indent=1).encode(), 0o644)
        self.state = state

    def _keep_fork(self, fork: Fork) -> str:
        data = fork.to_bytes()
        folder = self._folder / FORKS
        folder.mkdir(exist_ok=True)
        name = f"{FORKS}/{hashlib.sha256(data).hexdigest()[:16]}.json"
        _replace(self._folder / name, data, 0o644)
        return name

    def _append(self, line: dict[str, Json]) -> None:
        path = self._folder / RECORD_FILE
        fresh = not path.exists()
        with path.open("ab") as stream:
            # A line that a crash cut off ends here, and is nobody's.
            lead = b"\n" if stream.tell() and not _ends_whole(path) else b""
            stream.write(lead + json.dumps(line, ensure_ascii=False).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        if fresh:
            _flush_names(self._folder)

    def _newest_first(self) -> Iterator[dict[str, Any]]:
        """Lines of the record."""
        for line in _backwards(self._folder / RECORD_FILE):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict):
                yield found


def _read_key(path: Path) -> tuple[str, Ed25519PrivateKey]:
    try:
        if path.stat().st_mode & _OTHERS:
            raise FolderError(str(path), code="chain.witness.key_mode")
        return parse_secret(path.read_text("utf-8").strip())
    except FileNotFoundError:
        raise FolderError(str(path), code="chain.witness.no_key") from None


def _locked(folder: Path) -> int:
    descriptor = os.open(folder / KEY_FILE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise FolderError(str(folder), code="chain.witness.locked") from None
    return descriptor


def _backwards(path: Path) -> Iterator[bytes]:
    """The lines of a file from its end, however long it is."""
    if not path.exists():
        return
    with path.open("rb") as stream:
        left, rest = stream.seek(0, os.SEEK_END), b""
        while left:
            step = min(_BLOCK, left)
            left -= step
            stream.seek(left)
            rest, *lines = (stream.read(step) + rest).split(b"\n")
            yield from reversed(lines)
        yield rest


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


def _replace(path: Path, data: bytes, mode: int) -> None:
    """The whole file or the old one, whatever happens; durable on return."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)
    _flush_names(path.parent)


def _flush_names(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
