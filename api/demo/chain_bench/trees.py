"""Trees, proofs and their verification, beside `pymerkle` and beside OpenAttestation on the same documents."""

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from api.demo.bench.report import Figure
from api.demo.chain_bench import peers
from api.demo.chain_bench.documents import documents, leaf_hashes
from chain.merkle import BatchTree, inclusion_proof, verify_inclusion

MILLION = 1_000_000
BUILD_AIM_S = 2.0
PROOF_AIM_US = 50.0
PROOFS = 10_000
RATIO_AIMS = {10_000: 20.0, 100_000: 50.0}


def _spent(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def alone(leaves: int) -> list[Figure]:
    """A tree of so many leaves (an aim stands for a million), proofs from it and from a log's nodes, verification."""
    group = f"a tree of {leaves:,}"
    hashes = [hashlib.sha256(at.to_bytes(8, "big")).digest() for at in range(leaves)]
    trees: list[BatchTree] = []
    built = min(_spent(lambda: trees.append(BatchTree(hashes))) for _ in range(2))
    tree = trees[-1]
    del trees[:-1]
    places = [at * 7919 % leaves for at in range(min(PROOFS, leaves))]
    proofs = [tree.inclusion(at) for at in places]
    made = _spent(lambda: [tree.inclusion(at) for at in places])
    levels = _levels(hashes)
    from_log = _spent(lambda: [inclusion_proof(lambda level, at: levels[level][at], at, leaves) for at in places])

    def verify() -> None:
        for at, proof in zip(places, proofs, strict=True):
            verify_inclusion(hashes[at], at, leaves, proof, tree.root)

    each = 1e6 / len(places)
    aim = BUILD_AIM_S if leaves == MILLION else None
    return [
        Figure(group, "built", built, "s", aim=aim, more_is_better=False, note="from leaf hashes, one process"),
        Figure(group, "proof made", made * each, "us", aim=PROOF_AIM_US, more_is_better=False),
        Figure(group, "proof made from a log's nodes", from_log * each, "us", aim=PROOF_AIM_US, more_is_better=False),
        Figure(group, "proof verified", _spent(verify) * each, "us", more_is_better=False),
    ]


def _levels(hashes: Sequence[bytes]) -> list[list[bytes]]:
    """Perfect subtrees by level, as the log keeps them."""
    levels, sha256 = [list(hashes)], hashlib.sha256
    while len(levels[-1]) > 1:
        pairs = iter(levels[-1])
        levels.append([sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=False)])
    return levels


def beside_pymerkle(folder: Path, sizes: Sequence[int]) -> list[Figure]:
    """The same entries in both: a tree built, proofs made and verified; theirs in a process of its own."""
    figures: list[Figure] = []
    for size in sizes:
        group = f"beside pymerkle: {size:,} entries"
        try:
            theirs = peers.pymerkle(folder, size, min(PROOFS, size))
        except peers.PeerMissingError as missing:
            return [*figures, Figure(group, "not here", 0.0, "", note=str(missing))]
        figures += _beside(group, size, theirs)
    return figures


def _beside(group: str, size: int, theirs: peers.Tree) -> list[Figure]:
    entries = [b"entry %d" % at for at in range(size)]
    trees: list[BatchTree] = []
    built = _spent(lambda: trees.append(BatchTree([hashlib.sha256(b"\x00" + one).digest() for one in entries])))
    (tree,) = trees
    if tree.root.hex() != theirs.root:
        raise ValueError("two RFC 6962 trees over the same entries have different roots")
    places = [at * 7919 % size for at in range(theirs.proofs)]
    proofs = [tree.inclusion(at) for at in places]
    made = _spent(lambda: [tree.inclusion(at) for at in places])

    def verify() -> None:
        for at, proof in zip(places, proofs, strict=True):
            verify_inclusion(tree.leaf(at), at, size, proof, tree.root)

    checked = _spent(verify)
    name, each = f"pymerkle {theirs.version}", 1e6 / theirs.proofs
    rows = (
        ("built", "ms", built * 1000, theirs.built_s * 1000),
        ("proof made", "us", made * each, theirs.made_s * each),
        ("proof verified", "us", checked * each, theirs.verified_s * each),
    )
    return [
        Figure(group, what, ours, unit, peer=other, peer_name=name, more_is_better=False)
        for what, unit, ours, other in rows
    ]


def beside_open_attestation(folder: Path, sizes: Sequence[int], patience_s: float) -> list[Figure]:
    """The same documents salted, committed to, put into a tree, each with its proof; in turn, within one run."""
    group, largest = "beside OpenAttestation", max(sizes)
    found = documents(largest)
    figures: list[Figure] = []
    measured: list[tuple[int, float]] = []
    for size in sizes:

        def ours(count: int = size) -> None:
            tree = BatchTree(leaf_hashes(found[:count]))
            for at in range(count):
                tree.inclusion(at)

        before = _spent(ours)
        note = ""
        try:
            theirs = peers.open_attestation(folder, found[:size], patience_s)
            measured.append((size, theirs.spent_s))
            name, peer = f"{theirs.name} {theirs.version}", theirs.spent_s
        except peers.PeerMissingError as missing:
            return [*figures, Figure(group, "not here", 0.0, "", note=str(missing))]
        except peers.PeerSlowError:
            name, peer = "extrapolated", _extrapolated(measured, size)
            note = f"did not end within {patience_s:g} s; square fitted to {', '.join(f'{n:,}' for n, _ in measured)}"
        mine = min(before, _spent(ours))
        figures += [
            Figure(
                group,
                f"{size:,} documents",
                mine * 1000,
                "ms",
                peer=peer * 1000,
                peer_name=name,
                more_is_better=False,
                note=note,
            ),
            Figure(group, f"{size:,} documents: times as fast", peer / mine, "x", aim=RATIO_AIMS.get(size)),
        ]
    return figures


def _extrapolated(measured: Sequence[tuple[int, float]], size: int) -> float:
    """A line and a square through the two largest that ended: theirs looks every document up among all others."""
    if len(measured) < 2:
        raise ValueError("nothing to extrapolate from")
    (a, at_a), (b, at_b) = measured[-2:]
    square = max(0.0, (at_b / b - at_a / a) / (b - a))
    straight = at_a / a - square * a
    return straight * size + square * size * size
