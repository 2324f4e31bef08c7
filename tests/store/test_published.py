"""What the store gives for tiles, and how it keeps what witnesses signed; on SQLite and PostgreSQL."""

from collections.abc import Iterable

import pytest

from api.store import read_only, unit_of_work
from api.store.journal import SqlLogStore
from api.store.log_writer import LogWriter, Numberer, ReceiptDraft
from api.store.queries import published
from api.store.tables import Checkpoint, Cosignature
from chain.merkle import tree_head
from chain.ports import Head
from chain.receipt import ReceiptKind
from tests.store.world import World

SIZES = (2, 5, 8)


@pytest.fixture
def log(world: World, writer: LogWriter) -> SqlLogStore:
    """A log of eight receipts under three checkpoints, the last of which is not on the chain yet."""

    def work(_: object, numberer: Numberer) -> None:
        for number in range(max(SIZES)):
            numberer.add(ReceiptDraft(ReceiptKind.REFUSAL, {"reason": f"r{number}"}))

    writer.submit(work)
    found = SqlLogStore(world.db)
    for size in SIZES:
        found.add_checkpoint(Head(size, tree_head(found.node, size)), f"note {size}\n", f"checkpoint:{size}")
    with unit_of_work(world.db) as session:
        for size in SIZES[:-1]:
            session.get_one(Checkpoint, size).anchor_state = "anchored"
    return found


def sign(world: World, size: int, witnesses: Iterable[str], at_s: int = 7) -> None:
    with unit_of_work(world.db) as session:
        rows = [Cosignature(size=size, witness=one, line=f"line of {one}", signed_at_s=at_s) for one in witnesses]
        published.keep_cosignatures(session, rows)


def test_hashes_of_a_tile(world: World, log: SqlLogStore) -> None:
    with read_only(world.db) as session:
        assert published.node_hashes(session, 0, 2, 3) == [log.node(0, at) for at in (2, 3, 4)]
        assert published.node_hashes(session, 0, 6, 256) == [log.node(0, at) for at in (6, 7)]
        assert published.node_hashes(session, 3, 0, 256) == [log.node(3, 0)]
        assert published.node_hashes(session, 4, 0, 1) == []


def test_the_first_line_of_a_witness_stays(world: World, log: SqlLogStore) -> None:
    sign(world, 5, ["b+1", "a+1"], 9)
    sign(world, 5, ["a+1"], 5)
    sign(world, 5, ["c+1"], 4)
    with read_only(world.db) as session:
        found = published.cosignatures(session, 5)
        assert [(row.witness, row.signed_at_s) for row in found] == [("c+1", 4), ("a+1", 9), ("b+1", 9)]
        assert published.cosignatures(session, 2) == []


def test_witnessed_checkpoints_are_on_the_chain_and_by_enough(world: World, log: SqlLogStore) -> None:
    names = ["a+1", "b+1"]

    def over(number: int, quorum: int, witnesses: Iterable[str] = names) -> int | None:
        with read_only(world.db) as session:
            row = published.witnessed_over(session, number, witnesses, quorum)
            return None if row is None else row.size

    def newest(quorum: int) -> int | None:
        with read_only(world.db) as session:
            row = published.newest_witnessed(session, names, quorum)
            return None if row is None else row.size

    assert (over(0, 1), newest(1)) == (None, None)
    sign(world, 8, names)
    assert (over(0, 1), newest(1)) == (None, None), "what is not on the chain is not shown"
    sign(world, 5, ["a+1", "stranger+1"])
    assert (over(0, 1), over(0, 2), over(4, 1), over(5, 1)) == (5, None, 5, None)
    assert over(0, 1, ["stranger+2"]) is None
    sign(world, 2, names)
    assert (over(0, 1), over(0, 2), over(2, 2), newest(1), newest(2)) == (2, 2, None, 5, 2)


def test_a_checkpoint_without_a_note_was_not_signed_here(world: World, log: SqlLogStore) -> None:
    with unit_of_work(world.db) as session:
        session.add(Checkpoint(size=1, root=bytes(32), note="", tx_key="", created_at_ms=0))
    with unit_of_work(world.db) as session:
        found = published.signed_checkpoint(session, 5, lock=True)
        assert found is not None
        assert found.note == "note 5\n"
        assert published.signed_checkpoint(session, 1) is None
        assert published.signed_checkpoint(session, 3) is None
