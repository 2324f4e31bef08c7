"""A log in memory with its tiles, as its operator could show it: to everybody the same, or not."""

import hashlib
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain.cosign import NoteKey, log_key
from chain.errors import ProofError
from chain.merkle import BatchTree, leaf_hash, root_of
from chain.note import Checkpoint, sign_checkpoint
from chain.tiles import HEIGHT, WIDTH, Tile, write_entries

KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
ORIGIN = "log.example/one"


def entry(number: int, branch: str = "") -> bytes:
    """An entry; those of another branch differ."""
    return f"{number}{branch}".encode()


class TileLog:
    """A log over `entries`; `fork` gives one that is the same up to a number and then another."""

    def __init__(self, entries: Iterable[bytes], key: Ed25519PrivateKey = KEY, origin: str = ORIGIN) -> None:
        self.entries = list(entries)
        self.key = key
        self.origin = origin
        self.hashes = [leaf_hash(one) for one in self.entries]
        self.asked: list[Tile] = []

    @classmethod
    def of(cls, size: int) -> "TileLog":
        return cls(entry(number) for number in range(size))

    def fork(self, at: int, size: int) -> "TileLog":
        """The same operator's other history."""
        return TileLog(
            [*self.entries[:at], *(entry(number, "'") for number in range(at, size))], key=self.key, origin=self.origin
        )

    @property
    def public(self) -> NoteKey:
        return log_key(self.origin, self.key.public_key().public_bytes_raw())

    def root(self, size: int) -> bytes:
        return root_of(self.hashes[:size])

    def note(self, size: int | None = None, root: bytes | None = None) -> str:
        """The signed checkpoint over the first `size` leaves, or over what the operator likes."""
        size = len(self.entries) if size is None else size
        return sign_checkpoint(Checkpoint(self.origin, size, self.root(size) if root is None else root), self.key)

    def tile(self, tile: Tile) -> bytes:
        """A tile's bytes; ProofError where there is none."""
        self.asked.append(tile)
        first = tile.index * WIDTH
        if tile.level is None:
            found = self.entries[first : first + tile.width]
            data = write_entries(found)
        else:
            span = 1 << (HEIGHT * tile.level)
            found = [
                self.hashes[at * span] if span == 1 else BatchTree(self.hashes[at * span : (at + 1) * span]).root
                for at in range(first, first + tile.width)
                if (at + 1) * span <= len(self.hashes)
            ]
            data = b"".join(found)
        if len(found) != tile.width:
            raise ProofError("no such tile")
        return data


def noise(size: int) -> bytes:
    """Bytes that mean nothing, the same each time."""
    return hashlib.shake_256(b"noise").digest(size)
