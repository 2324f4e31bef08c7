"""The log's tree, built anew from true leaf hashes and held against the stored nodes, some hundred leaves at a time.

Where no receipt tells a leaf hash any more, the stored leaf stands in, and all nodes above it are in doubt until the
end: then the root that the chain holds (or a signed checkpoint) says whether the stand-in was right, and if it was not,
the way down from that root leads to it. So one edited node is named, and not its ancestors.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import groupby, product

from sqlalchemy import select

from api.store.fsck.places import NAMED_MISSING
from api.store.fsck.report import CHUNK, Check
from api.store.queries.receipts import log_node
from api.store.tables import LogNode
from chain.merkle import grow, node_hash, tree_head
from chain.ports import Head

Position = tuple[int, int]
# Of so many peaks in doubt each may be right as stored or as computed; beyond that nothing is tried.
TRIED_PEAKS = 10


@dataclass(slots=True)
class _Doubtful:
    """A node over a leaf that nothing tells: as computed with the stand-in, and as stored."""

    computed: bytes
    stored: bytes | None


class Tree:
    """Takes true leaf hashes in order, None where nothing tells one."""

    def __init__(self, check: Check) -> None:
        self.size = 0
        self._check = check
        self._waiting: list[bytes | None] = []
        self._right: dict[Position, bytes] = {}
        self._wrong: dict[Position, bytes] = {}
        self._doubtful: dict[Position, _Doubtful] = {}
        self._untold: set[int] = set()
        self._told: set[Position] = set()

    def add(self, leaf_hash: bytes | None) -> None:
        """The next leaf."""
        self._waiting.append(leaf_hash)
        if len(self._waiting) == CHUNK:
            self._compare()

    def finish(self, homes: Mapping[int, bytes], trusted: Head | None) -> None:
        """Compare what is left, settle what is in doubt, look for nodes that no leaf leads to.

        `homes` are true leaf hashes that receipts elsewhere tell; `trusted` is a head that this log had, on the chain
        or signed, of at most the size given here.
        """
        self._compare()
        self._put_right(homes)
        self._settle(trusted)
        self._doubtful.clear()
        levels = self._check.session.execute(select(LogNode.level).distinct().order_by(LogNode.level)).scalars().all()
        for level in levels:
            surplus = select(LogNode.index).where(LogNode.level == level, LogNode.index >= self.size >> level)
            for index in self._check.session.execute(surplus.limit(NAMED_MISSING)).scalars():
                self._check.find("log_nodes", f"{level}/{index}", "fsck.log_node_extra")

    @property
    def taken(self) -> int:
        """How many leaves were given so far."""
        return self.size + len(self._waiting)

    def told(self, size: int) -> bool:
        """Whether receipts, or a trusted root, tell each of the first `size` leaves. Ask after `finish`."""
        return all(number >= size for number in self._untold)

    def head(self, size: int) -> bytes:
        """The root over the first `size` leaves, by corrected nodes; b"" where a node is missing."""
        try:
            return tree_head(self._node, size)
        except KeyError:
            return b""

    def _node(self, level: int, index: int) -> bytes:
        corrected = self._wrong.get((level, index))
        return log_node(self._check.session, level, index) if corrected is None else corrected

    def _compare(self) -> None:
        if not self._waiting:
            return
        first = self.size
        stored_leaves = self._stored(0, first, first + len(self._waiting) - 1)
        leaves = [
            stored_leaves.get(first + offset, bytes(32)) if leaf is None else leaf
            for offset, leaf in enumerate(self._waiting)
        ]
        self._untold |= {first + offset for offset, leaf in enumerate(self._waiting) if leaf is None}
        in_doubt = {(0, first + offset) for offset, leaf in enumerate(self._waiting) if leaf is None}
        fresh = grow(lambda level, index: self._right[level, index], first, leaves)
        self.size += len(leaves)
        for level, group in groupby(sorted(fresh), key=lambda node: node[0]):
            nodes = list(group)
            stored = self._stored(level, nodes[0][1], nodes[-1][1])
            for _, index, value in nodes:
                below = [(level - 1, 2 * index), (level - 1, 2 * index + 1)]
                if (level, index) in in_doubt or any(one in self._doubtful for one in below):
                    self._doubtful[level, index] = _Doubtful(value, stored.get(index))
                else:
                    self._judge(level, index, value, stored.get(index))
        known = self._right | {(level, index): value for level, index, value in fresh}
        self._right = {position: known[position] for position in _peaks(self.size)}
        self._waiting.clear()

    def _judge(self, level: int, index: int, value: bytes, stored: bytes | None) -> None:
        if stored == value:
            return
        self._wrong[level, index] = value
        self._name(level, index, stored)

    def _name(self, level: int, index: int, stored: bytes | None) -> None:
        code = "fsck.log_node_missing" if stored is None else "fsck.log_node_edited"
        self._check.find("log_nodes", f"{level}/{index}", code)

    def _stored(self, level: int, first: int, last: int) -> dict[int, bytes]:
        rows = self._check.session.execute(
            select(LogNode.index, LogNode.hash).where(LogNode.level == level, LogNode.index.between(first, last))
        )
        # all(): a result has keys(), which dict() would take for a mapping's.
        return dict(rows.all())

    def _computed(self, position: Position) -> bytes:
        doubtful = self._doubtful.get(position)
        return self._node(*position) if doubtful is None else doubtful.computed

    def _put_right(self, homes: Mapping[int, bytes]) -> None:
        """Replace stand-ins whose true value a receipt elsewhere tells, and compute again what stands above them."""
        told = {(0, number) for number in homes} & self._doubtful.keys()
        for position in told:
            self._doubtful[position].computed = homes[position[1]]
        self._untold -= {number for _, number in told}
        self._told = told
        self._recompute(told)

    def _recompute(self, changed: AbstractSet[Position]) -> None:
        while changed:
            changed = {(level + 1, index >> 1) for level, index in changed} & self._doubtful.keys()
            for level, index in changed:
                left, right = ((level - 1, 2 * index), (level - 1, 2 * index + 1))
                self._doubtful[level, index].computed = node_hash(self._computed(left), self._computed(right))

    def _settle(self, trusted: Head | None) -> None:
        """Say of every node in doubt what its true value is: by the trusted root first, then what is newer than it."""
        settled: set[Position] = set()
        if trusted is not None:
            known = self._true_peaks(trusted)
            for position, value in known.items():
                self._descend(position, value, settled)
            self._recompute({position for position in settled if position[0] == 0})
        for position in sorted(self._doubtful, reverse=True):  # from the top
            if position not in settled:
                self._descend(position, self._likely(position), settled)

    def _true_peaks(self, trusted: Head) -> dict[Position, bytes]:
        """The peaks of the trusted tree, each as computed or as stored, so that they lead to its root."""
        peaks = _peaks(trusted.size)
        doubtful = [position for position in peaks if position in self._doubtful]
        choices = [self._choices(position) for position in doubtful[:TRIED_PEAKS]]
        for chosen in product(*choices):
            values = dict(zip(doubtful, chosen, strict=False))
            whole = {position: values.get(position) or self._computed(position) for position in peaks}
            if _root_of(whole, trusted.size) == trusted.root:
                self._untold = {number for number in self._untold if number >= trusted.size}
                return values
        return {}

    def _choices(self, position: Position) -> Sequence[bytes]:
        doubtful = self._doubtful[position]
        if doubtful.stored in {None, doubtful.computed}:
            return (doubtful.computed,)
        return (doubtful.computed, doubtful.stored)

    def _likely(self, position: Position) -> bytes:
        """A value for a node that no trusted root covers: as stored, if the stored nodes below bear that out."""
        doubtful = self._doubtful[position]
        if doubtful.stored is None or position[0] == 0:
            return doubtful.computed
        return doubtful.stored if self._split(position, doubtful.stored) is not None else doubtful.computed

    def _split(self, position: Position, value: bytes) -> dict[Position, bytes] | None:
        """The children of a node of this true value, each as computed or as stored; None where none of that fits."""
        level, index = position
        children = (level - 1, 2 * index), (level - 1, 2 * index + 1)
        options = [self._choices(child) if child in self._doubtful else (self._computed(child),) for child in children]
        for left, right in product(*options):
            if node_hash(left, right) == value:
                return dict(zip(children, (left, right), strict=True))
        return None

    def _descend(self, position: Position, value: bytes, settled: set[Position]) -> None:
        """Judge a node in doubt by its true value, and those below that are not settled yet."""
        waiting = [(position, value)]
        while waiting:
            at, true = waiting.pop()
            if at in settled:
                continue
            settled.add(at)
            doubtful = self._doubtful[at]
            self._judge(*at, true, doubtful.stored)
            doubtful.computed = true
            if at[0] == 0:
                continue
            level, index = at
            below = [one for one in ((level - 1, 2 * index), (level - 1, 2 * index + 1)) if one in self._doubtful]
            split = self._split(at, true)
            if split is None and level == 1:
                self._name_stand_ins(below)
                settled.update(below)
                continue
            waiting += [(one, self._doubtful[one].computed if split is None else split[one]) for one in below]

    def _name_stand_ins(self, leaves: Sequence[Position]) -> None:
        """Leaves that do not lead to what is above them, where nothing tells the true value any more.

        Of two neighbours either may be the wrong one; one that is missing explains it.
        """
        untold = [leaf for leaf in leaves if leaf not in self._told]
        missing = [leaf for leaf in untold if self._doubtful[leaf].stored is None]
        for leaf in missing or untold:
            self._name(*leaf, self._doubtful[leaf].stored)
        for leaf in leaves:
            if leaf in self._told:
                self._judge(*leaf, self._doubtful[leaf].computed, self._doubtful[leaf].stored)


def _root_of(peaks: Mapping[Position, bytes], size: int) -> bytes:
    return tree_head(lambda level, index: peaks[level, index], size)


def _peaks(size: int) -> list[Position]:
    """The perfect subtrees that a tree of `size` leaves ends in: one for each bit set."""
    return [(bit, (size >> bit) - 1) for bit in range(size.bit_length()) if size >> bit & 1]
