"""Tiles: names as c2sp.org/tlog-tiles gives them, and a tree read through them that is the tree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.errors import FormatError, ProofError
from chain.merkle import BatchTree, consistency_proof, inclusion_proof, tree_head, verify_consistency, verify_inclusion
from chain.tiles import WIDTH, Tile, TileTree, parse_path, read_entries, write_entries
from tests.unit.chain.tile_log import TileLog, noise

LOG = TileLog.of(66_000)
SIZES = (1, 2, 255, 256, 257, 511, 512, 700, 65_535, 65_536, 65_537, 66_000)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        # The specification's own example of an index.
        (Tile(0, 1234067), "0/x001/x234/067"),
        (Tile(0, 0), "0/000"),
        (Tile(3, 999, 17), "3/999.p/17"),
        (Tile(None, 1000, 255), "entries/x001/000.p/255"),
    ],
)
def test_names(tile, path):
    assert tile.path == path
    assert parse_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0",
        "0/",
        "0/0",
        "0/0000",
        "00/000",
        "-1/000",
        "8/000",
        "64/000",
        "0/x000/001",
        "0/001/001",
        "0/x001",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/01",
        "0/000.p/",
        "0/000/",
        "0/٠٠٠",
        "entry/000",
        "0/000.p/1/..",
        "0/" + "x999/" * 9 + "999",
    ],
)
def test_what_names_no_tile_is_refused(path):
    with pytest.raises(FormatError) as caught:
        parse_path(path)
    assert caught.value.code == "chain.format.tile"


@given(st.one_of(st.none(), st.integers(0, 7)), st.integers(0, 2**55 - 1), st.integers(1, WIDTH))
def test_names_round_trip(level, index, width):
    tile = Tile(level, index, width)
    assert parse_path(tile.path) == tile


@given(st.text("0123456789xp./entris", max_size=24))
def test_any_text_names_one_tile_or_none(path):
    try:
        found = parse_path(path)
    except FormatError:
        return
    assert found.path == path


def test_a_tree_of_70000_has_the_tiles_that_the_specification_counts():
    asked = []

    def fetch(tile):
        asked.append(tile)
        return bytes(tile.length)

    tree = TileTree(70_000, fetch)
    # The last node of each level that the tree has tiles for.
    for level in (0, 8, 16):
        tree.node(level, (70_000 >> level) - 1)
    assert {tile.path for tile in asked} == {"0/273.p/112", "1/001.p/17", "2/000.p/1"}


@pytest.mark.parametrize("size", SIZES)
def test_a_tree_read_through_tiles_is_the_tree(size):
    tree = TileTree(size, LOG.tile)
    assert tree_head(tree.node, size) == LOG.root(size)
    for index in {0, size // 2, size - 1}:
        proof = inclusion_proof(tree.node, index, size)
        verify_inclusion(LOG.hashes[index], index, size, proof, LOG.root(size))
    for old in {1, size // 3, size - 1} - {0}:
        proof = consistency_proof(tree.node, old, size)
        verify_consistency(old, LOG.root(old), size, LOG.root(size), proof)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 1500), st.data())
def test_every_node_is_the_batch_s(size, data):
    level = data.draw(st.integers(0, size.bit_length() - 1))
    index = data.draw(st.integers(0, (size >> level) - 1))
    tree = TileTree(size, LOG.tile)
    leaves = LOG.hashes[index << level : (index + 1) << level]
    assert tree.node(level, index) == BatchTree(leaves).root


def test_tiles_are_asked_for_once_and_few():
    LOG.asked.clear()
    tree = TileTree(66_000, LOG.tile)
    for old in (65_000, 65_990):
        consistency_proof(tree.node, old, 66_000)
        tree_head(tree.node, 66_000)
    assert len(LOG.asked) == len(set(LOG.asked)) <= 6


def test_nodes_outside_and_tiles_of_another_length_are_refused():
    tree = TileTree(5, LOG.tile)
    for level, index in ((0, 5), (1, 2), (3, 0), (-1, 0), (0, -1), (300, 0)):
        with pytest.raises(ProofError):
            tree.node(level, index)
    for length in (0, 31, 5 * 32 - 1, 5 * 32 + 1, 256 * 32):
        with pytest.raises(ProofError):
            TileTree(5, lambda _, length=length: noise(length)).node(0, 0)
    with pytest.raises(ProofError):
        TileTree(2**63, LOG.tile)


@given(st.lists(st.binary(max_size=300), max_size=10))
def test_bundles_round_trip(entries):
    assert read_entries(write_entries(entries)) == entries


def test_bundles_that_break_off_are_refused():
    bundle = write_entries([b"abc", b"de"])
    whole = [cut for cut in range(len(bundle) + 1) if _reads(bundle[:cut])]
    assert whole == [0, 5, 9]
    with pytest.raises(FormatError):
        write_entries([bytes(65_536)])


def _reads(bundle):
    try:
        read_entries(bundle)
    except FormatError:
        return False
    return True
