"""Keys of notes as text, and what witnesses sign (c2sp.org/signed-note, c2sp.org/tlog-cosignature); pure, Ed25519 only.

A verifier key is `<name>+<key id in 8 hexadecimal digits>+<base64(algorithm || public key)>`. A witness's cosignature
(cosignature/v1, algorithm 04) holds a time, and signs `cosignature/v1`, that time and the whole text of the checkpoint:
as of then this was the largest tree of this log that it saw, and all before was a prefix of it. The secret key of a
witness is stored as Go's note package writes it (`PRIVATE+KEY+…`, algorithm 01), so that others' tools read it.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from chain.errors import FormatError, SignatureError
from chain.note import (
    ED25519_ALGORITHM,
    SignatureLine,
    base64_bytes,
    base64_text,
    check_name,
    key_id,
    split_note,
)

COSIGNATURE_ALGORITHM = 4
PUBLIC_KEY_BYTES = 32
SEED_BYTES = 32
NAME_LIMIT = 160
TIME_LIMIT = 2**63
_SECRET = "PRIVATE+KEY+"  # noqa: S105 - the prefix of such a text, no secret
_TIME_BYTES = 8


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key of notes: its name, what it makes (`ED25519_ALGORITHM` or `COSIGNATURE_ALGORITHM`), 32 bytes."""

    name: str
    algorithm: int
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes by which signature lines name it."""
        return key_id(self.name, self.public_key, self.algorithm)

    @property
    def handle(self) -> str:
        """Name and key id: the beginning of its text, by which it is told from others."""
        return f"{self.name}+{self.key_id.hex()}"

    def __str__(self) -> str:
        """The verifier key as text (vkey)."""
        return f"{self.handle}+{base64_text(bytes([self.algorithm]) + self.public_key)}"


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness's signature under a checkpoint that was found right; `time_s` in seconds since 1970."""

    witness: NoteKey
    time_s: int
    line: SignatureLine


def parse_key(text: str) -> NoteKey:
    """Read a verifier key of one of the two algorithms. Raises `FormatError` (`chain.format.note_key`)."""
    name, _, rest = text.partition("+")
    hexadecimal, _, blob_text = rest.partition("+")
    try:
        check_name(name)
        blob = base64_bytes(blob_text)
    except FormatError:
        raise _malformed() from None
    if len(name) > NAME_LIMIT or len(blob) != 1 + PUBLIC_KEY_BYTES:
        raise _malformed()
    found = NoteKey(name, blob[0], blob[1:])
    if found.algorithm not in {ED25519_ALGORITHM, COSIGNATURE_ALGORITHM} or found.key_id.hex() != hexadecimal:
        raise _malformed()
    return found


def parse_witness_key(text: str) -> NoteKey:
    """Read the verifier key of a witness. Raises `FormatError` (`chain.format.note_key`)."""
    found = parse_key(text)
    if found.algorithm != COSIGNATURE_ALGORITHM:
        raise _malformed()
    return found


def log_key(origin: str, public_key: bytes) -> NoteKey:
    """The key under which a log of ours signs its checkpoints."""
    return NoteKey(origin, ED25519_ALGORITHM, public_key)


def witness_key(name: str, key: Ed25519PrivateKey) -> NoteKey:
    """The public side of a witness's key."""
    check_name(name)
    if len(name) > NAME_LIMIT:
        raise _malformed()
    return NoteKey(name, COSIGNATURE_ALGORITHM, key.public_key().public_bytes_raw())


def secret_text(name: str, key: Ed25519PrivateKey) -> str:
    """A witness's secret key as text."""
    public = NoteKey(name, ED25519_ALGORITHM, key.public_key().public_bytes_raw())
    return f"{_SECRET}{name}+{public.key_id.hex()}+{base64_text(bytes([ED25519_ALGORITHM]) + key.private_bytes_raw())}"


def parse_secret(text: str) -> tuple[str, Ed25519PrivateKey]:
    """Name and key of a witness's secret text. Raises `FormatError` (`chain.format.note_key`), which holds no part."""
    name, _, rest = text.removeprefix(_SECRET).partition("+")
    hexadecimal, _, blob_text = rest.partition("+")
    try:
        check_name(name)
        blob = base64_bytes(blob_text)
    except FormatError:
        raise _malformed() from None
    if not text.startswith(_SECRET) or len(blob) != 1 + SEED_BYTES or blob[0] != ED25519_ALGORITHM:
        raise _malformed()
    key = Ed25519PrivateKey.from_private_bytes(blob[1:])
    if key_id(name, key.public_key().public_bytes_raw()).hex() != hexadecimal:
        raise _malformed()
    return name, key


def cosign(text: str, name: str, key: Ed25519PrivateKey, time_s: int) -> SignatureLine:
    """A witness's line under a checkpoint's text; `time_s` in seconds since 1970."""
    if not 0 <= time_s < TIME_LIMIT:
        raise FormatError("time", code="chain.format.note")
    public = witness_key(name, key)
    return SignatureLine(name, public.key_id, struct.pack(">Q", time_s) + key.sign(_message(text, time_s)))


def read_cosignatures(note: str, witnesses: Sequence[NoteKey]) -> tuple[Cosignature, ...]:
    """The cosignatures of `witnesses` under `note`, one each, in the order of the lines; lines of others are passed by.

    Raises `FormatError` (`chain.format.note`) for what is no note, and `SignatureError` (`chain.signature.cosignature`)
    where a line of one of these keys does not hold: then no part of the note is to be believed (c2sp.org/signed-note).
    """
    text, lines = split_note(note)
    known = {(key.name, key.key_id): key for key in witnesses if key.algorithm == COSIGNATURE_ALGORITHM}
    found: dict[NoteKey, Cosignature] = {}
    for line in lines:
        key = known.get((line.name, line.key_id))
        if key is not None:
            found.setdefault(key, Cosignature(key, _verified(text, key, line), line))
    return tuple(found.values())


def add_lines(note: str, lines: Sequence[SignatureLine]) -> str:
    """`note` with further lines under it."""
    return note + "".join(f"{line}\n" for line in lines)


def _verified(text: str, key: NoteKey, line: SignatureLine) -> int:
    """The time that the line says, if its signature holds."""
    signed = line.signature
    time_s = int.from_bytes(signed[:_TIME_BYTES], "big")
    try:
        if time_s >= TIME_LIMIT:
            raise ValueError
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(signed[_TIME_BYTES:], _message(text, time_s))
    except (InvalidSignature, ValueError):
        raise SignatureError(key.name, code="chain.signature.cosignature") from None
    return time_s


def _message(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def _malformed() -> FormatError:
    return FormatError("key", code="chain.format.note_key")
