"""C2SP signed notes and tlog-checkpoints (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), Ed25519 only.

A note is text ending in a newline, an empty line, and signature lines `— <name> <base64(key id || signature)>`. The
key id is the first four bytes of SHA-256(name || 0A || 01 || public key). A checkpoint's text is origin, size and
base64 root on a line each; our log's key has the origin, that is the log id, as its name. Further lines and further
signatures (by witnesses: `chain.cosign`) are allowed and are not judged here.
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


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """A line under a note: who is said to have signed, the key's id (4 bytes), what that key's algorithm made."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        """The line without its end."""
        return f"{_DASH}{self.name} {base64_text(self.key_id + self.signature)}"


def key_id(name: str, public_key: bytes, algorithm: int = ED25519_ALGORITHM) -> bytes:
    """The four bytes by which a signature line names its key."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + public_key).digest()[:KEY_ID_BYTES]


def sign_note(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """The note over `text`, which ends in a newline, with one signature by `key` under `name`."""
    check_name(name)
    if not text.endswith("\n") or any(ord(character) < 0x20 and character != "\n" for character in text):
        raise FormatError("text", code="chain.format.note")
    line = SignatureLine(name, key_id(name, key.public_key().public_bytes_raw()), key.sign(text.encode()))
    return f"{text}\n{line}\n"


def split_note(note: str) -> tuple[str, tuple[SignatureLine, ...]]:
    """Text and signature lines, nothing of which is judged. Raises `FormatError` (`chain.format.note`)."""
    if len(note) > NOTE_LIMIT or not note.endswith("\n") or "\n\n" not in note:
        raise FormatError("note", code="chain.format.note")
    head, tail = note.rsplit("\n\n", 1)
    if any(ord(character) < 0x20 and character != "\n" for character in note):
        raise FormatError("note", code="chain.format.note")
    lines = tail.removesuffix("\n").split("\n")
    if len(lines) > SIGNATURE_LIMIT:
        raise FormatError("note", code="chain.format.note")
    return head + "\n", tuple(_signature_line(line) for line in lines)


def open_note(note: str, name: str, public_key: bytes) -> str:
    """The text of `note`, if the key `public_key` (32 bytes) signed it under `name`.

    Raises `FormatError` (`chain.format.note`) for what is no note; `SignatureError`: `chain.signature.note_unsigned`
    where this key's line is missing, `chain.signature.note` where its signature is wrong.
    """
    text, lines = split_note(note)
    wanted, signed = key_id(name, public_key), False
    for line in lines:
        if line.name != name or line.key_id != wanted:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(line.signature, text.encode())
        except (InvalidSignature, ValueError):
            raise SignatureError("note", code="chain.signature.note") from None
        signed = True
    if not signed:
        raise SignatureError("note", code="chain.signature.note_unsigned")
    return text


def _signature_line(line: str) -> SignatureLine:
    name, separator, blob_text = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not separator:
        raise FormatError("note", code="chain.format.note")
    check_name(name)
    blob = base64_bytes(blob_text)
    if len(blob) <= KEY_ID_BYTES:
        raise FormatError("note", code="chain.format.note")
    return SignatureLine(name, blob[:KEY_ID_BYTES], blob[KEY_ID_BYTES:])


def check_name(name: str) -> None:
    """Raise `FormatError` (`chain.format.note`) for what can be no key's name."""
    if not name or "+" in name or any(character.isspace() for character in name):
        raise FormatError("name", code="chain.format.note")


def base64_text(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode()


def base64_bytes(text: str) -> bytes:
    """Standard base64 with padding, in its one canonical spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise FormatError("note", code="chain.format.note") from None
    if base64_text(data) != text:
        raise FormatError("note", code="chain.format.note")
    return data


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """The three lines of a tlog-checkpoint."""
    check_name(checkpoint.origin)
    if not 0 <= checkpoint.size < SIZE_LIMIT or len(checkpoint.root) != NODE_BYTES:
        raise FormatError("checkpoint", code="chain.format.checkpoint")
    return f"{checkpoint.origin}\n{checkpoint.size}\n{base64_text(checkpoint.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the lines of a checkpoint. Raises `FormatError` (`chain.format.checkpoint`)."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise FormatError("checkpoint", code="chain.format.checkpoint")
    origin, size_text, root_text = lines[:3]
    if not (size_text.isascii() and size_text.isdigit()) or (size_text.startswith("0") and size_text != "0"):
        raise FormatError("checkpoint", code="chain.format.checkpoint")
    root = base64_bytes(root_text)
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
