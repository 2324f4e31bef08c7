"""A log's tree and entries as tiles (c2sp.org/tlog-tiles): how they are named, and a tree read through them; pure.

A tile at level L holds up to 256 hashes, each of a perfect subtree over 256^L leaves; it is full, or it is the last of
its level and partial. Whoever has a signed checkpoint works out any proof from tiles, and proofs show whether the tiles
were right: nothing in a tile is believed by itself.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from chain.errors import FormatError, ProofError
from chain.merkle import NODE_BYTES, SIZE_LIMIT, node_hash

HEIGHT = 8
WIDTH = 1 << HEIGHT
LEVELS = 8  # 256^8 is more than any log holds
ENTRY_LIMIT = 0xFFFF
ENTRIES: Literal["entries"] = "entries"

_PATH = re.compile(r"(entries|0|[1-9][0-9]?)((?:/x[0-9]{3})*/[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True)
class Tile:
    """The place of a tile: level (None for a bundle of entries), index in it, and how many hashes or entries it has."""

    level: int | None
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """What follows `<prefix>/tile/`."""
        groups = [f"{self.index % 1000:03}"]
        rest = self.index // 1000
        while rest:
            groups.append(f"x{rest % 1000:03}")
            rest //= 1000
        level = ENTRIES if self.level is None else self.level
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"{level}/{'/'.join(reversed(groups))}{partial}"

    @property
    def length(self) -> int:
        """How many bytes a tile of hashes has."""
        return self.width * NODE_BYTES


FetchTile = Callable[[Tile], bytes]
"""Gets a tile's bytes."""


def parse_path(path: str) -> Tile:
    """Read what follows `<prefix>/tile/`, in its one spelling. Raises `FormatError` (`chain.format.tile`)."""
    found = _PATH.fullmatch(path) if path.isascii() else None
    if found is None:
        raise FormatError("tile", code="chain.format.tile")
    level, groups, width = found.groups()
    digits = groups.replace("/x", "").replace("/", "")
    # As long as the largest index there may be: the number is not read before.
    if len(digits) > len(str(SIZE_LIMIT)) + 2:
        raise FormatError("tile", code="chain.format.tile")
    tile = Tile(None if level == ENTRIES else int(level), int(digits), WIDTH if width is None else int(width))
    if tile.path != path or tile.width > WIDTH or tile.index >= SIZE_LIMIT >> HEIGHT or (tile.level or 0) >= LEVELS:
        raise FormatError("tile", code="chain.format.tile")
    return tile


def write_entries(entries: Sequence[bytes]) -> bytes:
    """A bundle: each entry behind its length in two bytes, the higher first. Raises `FormatError`."""
    if any(len(entry) > ENTRY_LIMIT for entry in entries):
        raise FormatError("entry", code="chain.format.tile")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def read_entries(bundle: bytes) -> list[bytes]:
    """The entries of a bundle. Raises `FormatError` (`chain.format.tile`)."""
    entries, at = [], 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if end > len(bundle) or at + 2 > len(bundle):
            raise FormatError("entry", code="chain.format.tile")
        entries.append(bundle[at + 2 : end])
        at = end
    return entries


class TileTree:
    """The tree over a log's first `size` leaves, read through tiles that `fetch` gets, each at most once.

    `node` is what `chain.merkle` works on. Raises whatever `fetch` raises, and `ProofError` for a tile of another
    length and for a node outside the tree.
    """

    def __init__(self, size: int, fetch: FetchTile) -> None:
        if not 0 <= size < SIZE_LIMIT:
            raise ProofError("size out of range")
        self.size = size
        self._fetch = fetch
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def node(self, level: int, index: int) -> bytes:
        """Hash of the perfect subtree over leaves [index << level, (index + 1) << level)."""
        if level < 0 or index < 0 or (index + 1) << level > self.size:
            raise ProofError("node outside the tree")
        tile_level, height = divmod(level, HEIGHT)
        first = index << height
        hashes = self._tile(tile_level, first // WIDTH)[first % WIDTH : first % WIDTH + (1 << height)]
        while len(hashes) > 1:
            hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
        return hashes[0]

    def _tile(self, level: int, index: int) -> list[bytes]:
        known = self._tiles.get((level, index))
        if known is not None:
            return known
        count = self.size >> (HEIGHT * level)
        tile = Tile(level, index, min(WIDTH, count - index * WIDTH))
        data = self._fetch(tile)
        if len(data) != tile.length:
            raise ProofError("a tile of another length")
        hashes = [data[at : at + NODE_BYTES] for at in range(0, len(data), NODE_BYTES)]
        self._tiles[level, index] = hashes
        return hashes
