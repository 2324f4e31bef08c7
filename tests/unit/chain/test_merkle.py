"""RFC 6962 trees: published answers, properties, and mutated proofs."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.errors import ProofError
from chain.merkle import (
    EMPTY_ROOT,
    PROOF_LIMIT,
    SIZE_LIMIT,
    BatchTree,
    consistency_proof,
    grow,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    tree_head,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves, roots and proofs of Google's certificate-transparency (cpp/merkletree/merkle_tree_test.cc), which
# transparency-dev/merkle (testonly/constants.go, proof/verify_test.go) carries on.
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    bytes.fromhex(text)
    for text in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


class Log:
    """The perfect subtrees of a growing log, as a store keeps them."""

    def __init__(self, leaf_hashes=()):
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.size = 0
        self.extend(leaf_hashes)

    def extend(self, leaf_hashes):
        for level, index, value in grow(self.node, self.size, list(leaf_hashes)):
            assert (level, index) not in self.nodes
            self.nodes[level, index] = value
        self.size += len(leaf_hashes)

    def node(self, level, index):
        return self.nodes[level, index]


def hashes(count, seed=b""):
    return [leaf_hash(seed + n.to_bytes(4, "big")) for n in range(count)]


def flipped(value, bit=0):
    return bytes([value[0] ^ 1 << bit]) + value[1:]


def slow_root(leaf_hashes):
    """RFC 6962 section 2.1, word for word."""
    if len(leaf_hashes) < 2:
        return leaf_hashes[0] if leaf_hashes else hashlib.sha256(b"").digest()
    k = 1
    while k * 2 < len(leaf_hashes):
        k *= 2
    return node_hash(slow_root(leaf_hashes[:k]), slow_root(leaf_hashes[k:]))


def test_published_hashes():
    # transparency-dev/merkle rfc6962/rfc6962_test.go
    assert leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    joined = hashlib.sha256(b"\x01N123N456").hexdigest()
    assert joined == node_hash(b"N123", b"N456").hex()
    assert joined == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"


def test_published_roots():
    log = Log([leaf_hash(leaf) for leaf in LEAVES])
    for size, root in enumerate(ROOTS):
        assert tree_head(log.node, size) == root_of([leaf_hash(leaf) for leaf in LEAVES[:size]]) == root
    assert ROOTS[0] == EMPTY_ROOT


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_published_inclusion_proofs(index, size):
    proof = [bytes.fromhex(node) for node in INCLUSION[index, size]]
    leaf_hashes = [leaf_hash(leaf) for leaf in LEAVES]
    assert inclusion_proof(Log(leaf_hashes).node, index, size) == proof
    assert BatchTree(leaf_hashes[:size]).inclusion(index) == proof
    verify_inclusion(leaf_hashes[index], index, size, proof, ROOTS[size])


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_published_consistency_proofs(old, new):
    proof = [bytes.fromhex(node) for node in CONSISTENCY[old, new]]
    assert consistency_proof(Log([leaf_hash(leaf) for leaf in LEAVES]).node, old, new) == proof
    verify_consistency(old, ROOTS[old], new, ROOTS[new], proof)


def test_every_proof_up_to_33_leaves():
    leaf_hashes, log = hashes(33), Log(hashes(33))
    roots = [slow_root(leaf_hashes[:size]) for size in range(34)]
    for size in range(1, 34):
        tree = BatchTree(leaf_hashes[:size])
        assert tree.root == roots[size] == tree_head(log.node, size)
        for index in range(size):
            proof = inclusion_proof(log.node, index, size)
            assert tree.inclusion(index) == proof
            verify_inclusion(leaf_hashes[index], index, size, proof, roots[size])
        for old in range(size + 1):
            verify_consistency(old, roots[old], size, roots[size], consistency_proof(log.node, old, size))


@given(st.integers(1, 300), st.data())
@settings(max_examples=60, deadline=None)
def test_mutated_inclusion_proofs_are_refused(size, data):
    index = data.draw(st.integers(0, size - 1))
    leaf_hashes = hashes(size)
    tree = BatchTree(leaf_hashes)
    proof, root, leaf = tree.inclusion(index), tree.root, leaf_hashes[index]
    verify_inclusion(leaf, index, size, proof, root)
    bad = [
        (flipped(leaf), index, size, proof, root),
        (leaf, index, size, proof, flipped(root)),
        (leaf, index, size, [*proof, root], root),
        (leaf, index, size, [root, *proof], root),
        (leaf, index, size, [*proof, b""], root),
        (leaf, size, size, proof, root),
        (leaf, -1, size, proof, root),
        (leaf, index, 0, proof, root),
    ]
    bad += [(leaf, wrong, size, proof, root) for wrong in {index ^ 1, index + 1, index ^ 2} - {index}]
    for at in range(len(proof)):
        bit = data.draw(st.integers(0, 7))
        bad.append((leaf, index, size, [*proof[:at], flipped(proof[at], bit), *proof[at + 1 :]], root))
        bad.append((leaf, index, size, proof[:at] + proof[at + 1 :], root))
    if proof:
        # An inner node offered as a leaf of a smaller tree: its children are known, its "data" is not.
        parent = node_hash(leaf, proof[0]) if index % 2 == 0 and index + 1 < size else node_hash(proof[0], leaf)
        bad.append((parent, index, size, proof, root))
    for arguments in bad:
        with pytest.raises(ProofError):
            verify_inclusion(*arguments)


def test_an_inner_node_is_no_leaf():
    """The concatenated children of an inner node, offered as leaf data, hash to something else: 00 is not 01."""
    leaf_hashes = hashes(4)
    tree = BatchTree(leaf_hashes)
    inner = leaf_hashes[0] + leaf_hashes[1]
    with pytest.raises(ProofError):
        verify_inclusion(leaf_hash(inner), 0, 2, tree.inclusion(0)[1:], tree.root)
    # The node's own hash would pass as the leaf hash of a tree of 2; that is why a leaf's bytes hold its index and the
    # size is anchored with the root.
    verify_inclusion(node_hash(leaf_hashes[0], leaf_hashes[1]), 0, 2, tree.inclusion(0)[1:], tree.root)


@given(st.integers(1, 200), st.data())
@settings(max_examples=60, deadline=None)
def test_mutated_consistency_proofs_are_refused(new, data):
    old = data.draw(st.integers(0, new))
    leaf_hashes, log = hashes(new), Log(hashes(new))
    old_root, new_root = root_of(leaf_hashes[:old]), root_of(leaf_hashes)
    proof = consistency_proof(log.node, old, new)
    verify_consistency(old, old_root, new, new_root, proof)
    bad = [
        (old, flipped(old_root), new, new_root, proof),
        (old, old_root, new, new_root, [*proof, new_root]),
        (new + 1, old_root, new, new_root, proof),
        (-1, old_root, new, new_root, proof),
        (old, old_root, new, new_root[:-1], proof),
    ]
    if old:
        bad.append((old, old_root, new, flipped(new_root), proof))
    for at in range(len(proof)):
        bad.append((old, old_root, new, new_root, [*proof[:at], flipped(proof[at]), *proof[at + 1 :]]))
        bad.append((old, old_root, new, new_root, proof[:at] + proof[at + 1 :]))
    rewritten = root_of([flipped(leaf_hashes[0]), *leaf_hashes[1:]])
    if old:
        bad.append((old, old_root, new, rewritten, proof))
    for arguments in bad:
        with pytest.raises(ProofError):
            verify_consistency(*arguments)


@given(st.lists(st.integers(0, 20), max_size=8))
@settings(max_examples=50, deadline=None)
def test_a_log_may_grow_in_any_steps(steps):
    log, total = Log(), sum(steps)
    for step in steps:
        log.extend(hashes(total)[log.size : log.size + step])
    assert tree_head(log.node, total) == root_of(hashes(total))
    assert log.nodes == Log(hashes(total)).nodes


def test_large_indexes_in_a_log_of_few_known_nodes():
    """A proof in a log of 2^40 leaves reads at most one node a level, and verifies."""

    def node(level, index):
        return hashlib.sha256(f"{level}/{index}".encode()).digest()

    size = 2**40 + 12_345
    root = tree_head(node, size)
    # Leaf 2^40 is the first of the incomplete rest; its siblings are oracle values that no leaf contradicts.
    proof = inclusion_proof(node, size - 1, size)
    assert len(proof) <= 41
    verify_inclusion(node(0, size - 1), size - 1, size, proof, root)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 300, 1024])
def test_stored_trees_read_back(size):
    tree = BatchTree(hashes(size))
    stored = tree.to_bytes()
    assert stored[: size * 32] == b"".join(hashes(size))
    assert stored[-32:] == tree.root
    again = BatchTree.from_bytes(stored, size)
    assert (again.root, again.size, again.to_bytes()) == (tree.root, size, stored)
    assert all(again.inclusion(index) == tree.inclusion(index) for index in range(0, size, 7))
    assert again.leaf(size - 1) == hashes(size)[-1]
    for wrong in ((stored[:-1], size), (stored + bytes(32), size), (stored, size + 1), (stored, 0)):
        with pytest.raises(ProofError):
            BatchTree.from_bytes(*wrong)


def test_bad_sizes_and_leaves_are_refused():
    with pytest.raises(ProofError):
        BatchTree([])
    with pytest.raises(ProofError):
        BatchTree([b"short"])
    log = Log(hashes(3))
    for index, size in ((3, 3), (-1, 3), (0, 0), (0, SIZE_LIMIT)):
        with pytest.raises(ProofError):
            inclusion_proof(log.node, index, size)
    for old, new in ((4, 3), (-1, 3), (0, SIZE_LIMIT)):
        with pytest.raises(ProofError):
            consistency_proof(log.node, old, new)
    with pytest.raises(ProofError):
        verify_inclusion(bytes(32), 0, 1, [bytes(32)] * (PROOF_LIMIT + 1), bytes(32))
    for index in (-1, 3):
        with pytest.raises(ProofError):
            BatchTree(hashes(3)).inclusion(index)


def test_bytes_cannot_move_between_neighbours():
    """31 and 33 bytes side by side hash like 32 and 32: every node must have its length."""
    left, right = hashes(2)
    root = node_hash(left, right)
    verify_inclusion(left, 0, 2, [right], root)
    for leaf, proof in ((left + right[:1], [right[1:]]), (left[:-1], [left[-1:] + right])):
        with pytest.raises(ProofError):
            verify_inclusion(leaf, 0, 2, proof, root)
        with pytest.raises(ProofError):
            verify_consistency(1, leaf, 2, root, proof)


def test_a_path_has_the_length_that_the_size_asks_for():
    """Longer and shorter paths that do lead to the root: the leaf would be at another depth than the tree has."""
    left, right = hashes(2)
    root = node_hash(left, right)
    with pytest.raises(ProofError):
        verify_inclusion(right, 0, 1, [left], root)
    with pytest.raises(ProofError):
        verify_inclusion(root, 0, 2, [], root)
    deep = node_hash(root, root)
    with pytest.raises(ProofError):
        verify_inclusion(left, 0, 2, [right, root], deep)


def test_a_consistency_proof_has_the_length_that_the_sizes_ask_for():
    leaf_hashes = hashes(8)
    roots = [root_of(leaf_hashes[:size]) for size in range(9)]
    with pytest.raises(ProofError):
        verify_consistency(3, roots[3], 5, roots[5], [])
    with pytest.raises(ProofError):
        verify_consistency(2, roots[2], 4, roots[2], [])
    with pytest.raises(ProofError):
        verify_consistency(3, leaf_hashes[2], 8, leaf_hashes[2], [leaf_hashes[2]])
    # Both roots made to fit a proof that goes on above the top of the tree.
    proof = consistency_proof(Log(leaf_hashes).node, 3, 4)
    for extra in (leaf_hashes[6], leaf_hashes[7]):
        with pytest.raises(ProofError):
            verify_consistency(3, node_hash(extra, roots[3]), 4, node_hash(extra, roots[4]), [*proof, extra])


def test_sizes_stay_below_the_limit():
    log = Log(hashes(3))
    for size in (-1, SIZE_LIMIT):
        with pytest.raises(ProofError):
            tree_head(log.node, size)
        with pytest.raises(ProofError):
            verify_consistency(0, EMPTY_ROOT, size, bytes(32), [])
    with pytest.raises(ProofError):
        grow(log.node, SIZE_LIMIT - 1, hashes(1))
    # A path of the right length for a tree beyond the limit, and a root that it leads to.
    leaf, path = hashes(1)[0], hashes(63)
    value = leaf
    for sibling in path:
        value = node_hash(value, sibling)
    with pytest.raises(ProofError):
        verify_inclusion(leaf, 0, SIZE_LIMIT, path, value)
    verify_inclusion(leaf, 0, SIZE_LIMIT - 1, path, value)
    for index in (-1, 3):
        with pytest.raises(ProofError):
            BatchTree(hashes(3)).leaf(index)
