"""RFC 6962 / RFC 9162 Merkle trees: heads, inclusion and consistency proofs; pure.

A tree is read through `node(level, index)`, the hash of the perfect subtree over leaves [index << level,
(index + 1) << level): that is what `LogStore` keeps for the receipt log. `BatchTree` holds a small tree whole. Hashes
are 32 bytes each. A consistency proof does not bind the new size (a wrong size may pass), so sizes are always taken
from something signed, and every leaf of ours holds its own index.
"""

import hashlib
from collections.abc import Callable, Sequence

from chain.errors import ProofError

NodeAt = Callable[[int, int], bytes]
"""Level (0 = leaves) and index to the hash of that perfect subtree."""

EMPTY_ROOT = hashlib.sha256(b"").digest()
NODE_BYTES = 32
SIZE_LIMIT = 2**63
PROOF_LIMIT = 64
"""No tree of fewer than `SIZE_LIMIT` leaves has longer proofs; a consistency proof may exceed the height by one."""


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(00 || data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two below `size` (size >= 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def _range_hash(node: NodeAt, first: int, end: int) -> bytes:
    """Tree hash of leaves [first, end); `first` is a multiple of the range's height, as in the RFC's recursion."""
    size = end - first
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, first >> level)
    middle = first + _split(size)
    return node_hash(_range_hash(node, first, middle), _range_hash(node, middle, end))


def tree_head(node: NodeAt, size: int) -> bytes:
    """The tree head over the first `size` leaves, at most one node read a level."""
    _check_size(size)
    return _range_hash(node, 0, size) if size else EMPTY_ROOT


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """The tree head over leaf hashes in memory."""
    return BatchTree(leaf_hashes).root if leaf_hashes else EMPTY_ROOT


def grow(node: NodeAt, size: int, leaf_hashes: Sequence[bytes]) -> list[tuple[int, int, bytes]]:
    """The nodes (level, index, hash) that come to exist when `leaf_hashes` are appended to a log of `size` leaves.

    Leaves included, each perfect subtree once, children before parents; `node` need only answer for the old log.
    """
    _check_size(size + len(leaf_hashes))
    fresh: dict[tuple[int, int], bytes] = {}
    for offset, new in enumerate(leaf_hashes):
        level, index, value = 0, size + offset, new
        fresh[level, index] = value
        while index & 1:
            left = fresh.get((level, index - 1))
            value = node_hash(node(level, index - 1) if left is None else left, value)
            level, index = level + 1, index >> 1
            fresh[level, index] = value
    return [(level, index, value) for (level, index), value in fresh.items()]


def inclusion_proof(node: NodeAt, index: int, size: int) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` leaves, lowest first (RFC 9162 section 2.1.3.1)."""
    _check_size(size)
    if not 0 <= index < size:
        raise ProofError("index outside the tree")
    first, end = 0, size
    path: list[bytes] = []
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            path.append(_range_hash(node, middle, end))
            end = middle
        else:
            path.append(_range_hash(node, first, middle))
            first = middle
    path.reverse()
    return path


def consistency_proof(node: NodeAt, old_size: int, new_size: int) -> list[bytes]:
    """The proof that the tree of `old_size` leaves is a prefix of that of `new_size` (RFC 9162 section 2.1.4.1).

    Empty for old_size 0 or equal sizes, as there is nothing to prove.
    """
    _check_size(new_size)
    if not 0 <= old_size <= new_size:
        raise ProofError("sizes out of order")
    if old_size in {0, new_size}:
        return []
    first, end, left_edge = 0, new_size, True
    path: list[bytes] = []
    while old_size != end:
        middle = first + _split(end - first)
        if old_size <= middle:
            path.append(_range_hash(node, middle, end))
            end = middle
        else:
            path.append(_range_hash(node, first, middle))
            first, left_edge = middle, False
    if not left_edge:
        path.append(_range_hash(node, first, end))
    path.reverse()
    return path


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise `ProofError` unless `proof` leads from leaf hash `leaf` at `index` to `root` (RFC 9162 section 2.1.3.2)."""
    _check_size(size)
    if not 0 <= index < size:
        raise ProofError("index outside the tree")
    _check_hashes([leaf, root, *proof])
    position, last, value = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("proof too long")
        if position & 1 or position == last:
            value = node_hash(sibling, value)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofError("proof too short")
    if value != root:
        raise ProofError("proof does not lead to the root")


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise `ProofError` unless `proof` shows the old tree to be a prefix of the new one (RFC 9162 2.1.4.2)."""
    _check_size(new_size)
    if not 0 <= old_size <= new_size:
        raise ProofError("sizes out of order")
    _check_hashes([old_root, new_root, *proof])
    if old_size == 0 and old_root != EMPTY_ROOT:
        raise ProofError("the empty tree has one root")
    if old_size in {0, new_size}:
        if proof:
            raise ProofError("proof too long")
        if old_size == new_size and old_root != new_root:
            raise ProofError("roots differ")
        return
    # A complete old tree is itself a node of the new one, and the proof leaves it out.
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    if not path:
        raise ProofError("proof too short")
    old_value, new_value = _fold_consistency(old_size, new_size, path)
    if old_value != old_root or new_value != new_root:
        raise ProofError("proof does not lead to the roots")


def _fold_consistency(old_size: int, new_size: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The two roots to which a consistency proof leads, for 0 < old_size < new_size."""
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_value = new_value = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("proof too long")
        if position & 1 or position == last:
            old_value = node_hash(sibling, old_value)
            new_value = node_hash(sibling, new_value)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new_value = node_hash(new_value, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofError("proof too short")
    return old_value, new_value


def _check_size(size: int) -> None:
    if not 0 <= size < SIZE_LIMIT:
        raise ProofError("size out of range")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if len(hashes) > PROOF_LIMIT + 2 or any(len(value) != NODE_BYTES for value in hashes):
        raise ProofError("a node has 32 bytes and a proof at most 64 nodes")


class BatchTree:
    """A tree held whole, such as a batch of certificates.

    Level 0 holds the leaf hashes; each next one holds the parents, ceil(n / 2) of n, where a last node without a
    sibling moves up unchanged (which is RFC 6962's tree). The last level is the root alone.
    """

    __slots__ = ("_levels",)

    def __init__(self, leaf_hashes: Sequence[bytes], upper: Sequence[list[bytes]] | None = None) -> None:
        """Build from at least one 32-byte leaf hash; `upper` gives the other levels where they are known already.

        Raises `ProofError`.
        """
        if not leaf_hashes or any(len(value) != NODE_BYTES for value in leaf_hashes):
            raise ProofError("a batch has leaves of 32 bytes")
        level = list(leaf_hashes)
        levels = [level, *upper] if upper is not None else [level]
        if upper is not None:
            level = levels[-1]
        while len(level) > 1:
            parents = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
            if len(level) & 1:
                parents.append(level[-1])
            levels.append(parents)
            level = parents
        self._levels = levels

    @property
    def size(self) -> int:
        """Count of leaves."""
        return len(self._levels[0])

    @property
    def root(self) -> bytes:
        """The tree head."""
        return self._levels[-1][0]

    def leaf(self, index: int) -> bytes:
        """Leaf hash at `index`."""
        if not 0 <= index < self.size:
            raise ProofError("index outside the tree")
        return self._levels[0][index]

    def inclusion(self, index: int) -> list[bytes]:
        """The audit path of leaf `index`, lowest first."""
        if not 0 <= index < self.size:
            raise ProofError("index outside the tree")
        path = []
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                path.append(level[sibling])
            index >>= 1
        return path

    def to_bytes(self) -> bytes:
        """All levels, leaves first, 32 bytes a node."""
        return b"".join(b"".join(level) for level in self._levels)

    @classmethod
    def from_bytes(cls, data: bytes, size: int) -> "BatchTree":
        """Read back what `to_bytes` wrote for `size` leaves.

        Nodes are taken as stored: a damaged one makes proofs that lead to another root, which any verifier refuses;
        to check storage, build the tree anew from its leaves. Raises `ProofError` where `data` is not of that size.
        """
        if size < 1:
            raise ProofError("a batch has leaves of 32 bytes")
        levels: list[list[bytes]] = []
        offset, count = 0, size
        while True:
            end = offset + count * NODE_BYTES
            if end > len(data):
                raise ProofError("a stored tree of another size")
            levels.append([data[at : at + NODE_BYTES] for at in range(offset, end, NODE_BYTES)])
            offset = end
            if count == 1:
                break
            count = (count + 1) // 2
        if offset != len(data):
            raise ProofError("a stored tree of another size")
        return cls(levels[0], levels[1:])
