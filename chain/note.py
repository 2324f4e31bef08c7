"""C2SP signed notes and tlog-checkpoints (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), Ed25519 only.

A note is text ending in a newline, an empty line, and signature lines `— <name> <base64(key id || signature)>`. The
key id is the first four bytes of SHA-256(name || 0A || 01 || public key). A checkpoint's text is origin, size and
base64 root on a line each; our log's key has the origin, that is the log id, as its name. Further lines and further
signatures (by witnesses) are allowed and are not judged.
"""

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from chain.errors import FormatError, SignatureError
from chain.merkle import NODE_BYTES, SIZE_LIMIT

ED25519_ALGORITHM = 1
KEY_ID_BYTES = 4
NOTE_LIMIT = 64 * 1024
SIGNATURE_LIMIT = 100
_DASH = "\N{EM DASH} "


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's state: `root` is the RFC 6962 tree head (32 bytes) over its first `size` leaves."""

    origin: str
    size: int
    root: bytes


def key_id(name: str, public_key: bytes) -> bytes:
    """The four bytes by which a signature line names its key."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([ED25519_ALGORITHM]) + public_key).digest()[:KEY_ID_BYTES]


def sign_note(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """The note over `text`, which ends in a newline, with one signature by `key` under `name`."""
    _check_name(name)
    if not text.endswith("\n") or any(ord(character) < 0x20 and character != "\n" for character in text):
        raise FormatError("text", code="chain.format.note")
    blob = key_id(name, key.public_key().public_bytes_raw()) + key.sign(text.encode())
    return f"{text}\n{_DASH}{name} {base64.b64encode(blob).decode()}\n"


def open_note(note: str, name: str, public_key: bytes) -> str:
    """The text of `note`, if the key `public_key` (32 bytes) signed it under `name`.

    Raises `FormatError` (`chain.format.note`) for what is no note; `SignatureError`: `chain.signature.note_unsigned`
    where this key's line is missing, `chain.signature.note` where its signature is wrong.
    """
    if len(note) > NOTE_LIMIT or not note.endswith("\n") or "\n\n" not in note:
        raise FormatError("note", code="chain.format.note")
    head, tail = note.rsplit("\n\n", 1)
    text = head + "\n"
    if any(ord(character) < 0x20 and character != "\n" for character in note):
        raise FormatError("note", code="chain.format.note")
    lines = tail.removesuffix("\n").split("\n")
    if len(lines) > SIGNATURE_LIMIT:
        raise FormatError("note", code="chain.format.note")
    wanted, signed = key_id(name, public_key), False
    for line in lines:
        signer, blob = _signature_line(line)
        if signer != name or blob[:KEY_ID_BYTES] != wanted:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(blob[KEY_ID_BYTES:], text.encode())
        except (InvalidSignature, ValueError):
            raise SignatureError("note", code="chain.signature.note") from None
        signed = True
    if not signed:
        raise SignatureError("note", code="chain.signature.note_unsigned")
    return text


def _signature_line(line: str) -> tuple[str, bytes]:
    name, separator, blob_text = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not separator:
        raise FormatError("note", code="chain.format.note")
    _check_name(name)
    blob = _base64(blob_text)
    if len(blob) <= KEY_ID_BYTES:
        raise FormatError("note", code="chain.format.note")
    return name, blob


def _check_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() for character in name):
        raise FormatError("name", code="chain.format.note")


def _base64(text: str) -> bytes:
    """Standard base64 with padding, in its one canonical spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise FormatError("note", code="chain.format.note") from None
    if base64.b64encode(data).decode() != text:
        raise FormatError("note", code="chain.format.note")
    return data


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """The three lines of a tlog-checkpoint."""
    _check_name(checkpoint.origin)
    if not 0 <= checkpoint.size < SIZE_LIMIT or len(checkpoint.root) != NODE_BYTES:
        raise FormatError("checkpoint", code="chain.format.checkpoint")
    return f"{checkpoint.origin}\n{checkpoint.size}\n{base64.b64encode(checkpoint.root).decode()}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the lines of a checkpoint. Raises `FormatError` (`chain.format.checkpoint`)."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise FormatError("checkpoint", code="chain.format.checkpoint")
    origin, size_text, root_text = lines[:3]
    if not (size_text.isascii() and size_text.isdigit()) or (size_text.startswith("0") and size_text != "0"):
        raise FormatError("checkpoint", code="chain.format.checkpoint")
    root = _base64(root_text)
    if len(size_text) > 19 or int(size_text) >= SIZE_LIMIT or len(root) != NODE_BYTES:
        raise FormatError("checkpoint", code="chain.format.checkpoint")
    return Checkpoint(origin, int(size_text), root)


def sign_checkpoint(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """The signed note over a checkpoint, by the log's key under the checkpoint's origin."""
    return sign_note(checkpoint_text(checkpoint), checkpoint.origin, key)


def open_checkpoint(note: str, log: str, public_key: bytes) -> Checkpoint:
    """The checkpoint in `note`, signed by the log `log` with `public_key` and naming it as its origin.

    Raises what `open_note` raises, and `FormatError` (`chain.format.checkpoint`).
    """
    checkpoint = parse_checkpoint(open_note(note, log, public_key))
    if checkpoint.origin != log:
        raise FormatError("checkpoint", code="chain.format.checkpoint")
    return checkpoint
