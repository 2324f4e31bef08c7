"""Versions follow the seal; returned files open in their places alone; notes on rows are there as they were written."""

import pytest
from sqlalchemy import text

from api.errors import ApiError
from api.store import Session, read_only, unit_of_work
from api.store.fsck import fsck
from api.store.queries import (
    holders,
    records,
    returns,
)
from api.store.queries.returns import RowNote, RowState
from api.store.tables import Record, Return
from chain.merkle import BatchTree, verify_inclusion
from tests.store.world import IDENTITY, NOW_MS, World, id_number


def test_records_are_their_holders_only(returned: World) -> None:
    world = returned
    mine, other = world.holder_ids[0], world.holder_ids[1]
    with read_only(world.db) as session:
        view = records.get_record(session, mine, world.record_ids[0])
        assert view is not None
        assert records.get_record(session, other, world.record_ids[0]) is None
        assert [item.record.id for item in records.list_records(session, mine).items] == [world.record_ids[0]]
        assert records.history(session, other, world.record_ids[0]) == []
        body = records.open_body(holders.holder_key(session, world.vault, mine), view.record)
        assert body.fields["id_number"] == id_number(0)
        with pytest.raises(ApiError, match=r"store\.ciphertext"):
            records.open_body(holders.holder_key(session, world.vault, other), view.record)
        tree = BatchTree.from_bytes(records.trees(session, [view.record.batch_id])[view.record.batch_id], view.size)
        leaf = body.leaf_hash(view.record.type_code, view.record.rules, view.record.leaf_index)
        verify_inclusion(leaf, 0, view.size, tree.inclusion(0), view.root)


def test_versions_follow_the_seal(returned: World) -> None:
    world = returned
    mine = world.holder_ids[0]
    kinds = ["person.driving_licence"]
    later = world.add_return(3, version=2, seal=False)
    with read_only(world.db) as session:
        assert [v.record.version for v in records.current_records(session, mine, kinds)] == [1]
        assert len(records.list_records(session, mine, all_versions=True).items) == 1
        number = session.get_one(Record, world.record_ids[0]).number_bidx
        latest = records.latest_versions(session, [number, bytes(32)])
        assert (latest[number].version, latest[number].return_id, len(latest)) == (2, later, 1)
    with unit_of_work(world.db) as session:
        returns.seal_return(session.get_one(Return, later), NOW_MS)
    _newest_shows(world, kinds, stored="current")
    assert _settle(world, later) == 1
    assert _settle(world, later) == 0
    _newest_shows(world, kinds, stored="superseded")
    with read_only(world.db) as session:
        untouched = records.current_records(session, world.holder_ids[5], kinds)
        assert [v.record.version for v in untouched] == [1]
        assert [v.record.version for v in records.history(session, mine, world.record_ids[0])] == [2, 1]
        assert len(records.list_records(session, mine).items) == 1
        assert records.current_records(session, mine, []) == []


def _newest_shows(world: World, kinds: list[str], stored: str) -> None:
    """All that is asked gives the newer version and calls the older one superseded, whatever its row says still."""
    mine = world.holder_ids[0]
    with read_only(world.db) as session:
        assert session.get_one(Record, world.record_ids[0]).status == stored
        (current,) = records.current_records(session, mine, kinds)
        assert (current.record.version, current.status, current.anchor_state) == (2, "current", "pending")
        assert [v.record.version for v in records.list_records(session, mine).items] == [2]
        listed = records.list_records(session, mine, all_versions=True).items
        assert [(v.record.version, v.status) for v in listed] == [(2, "current"), (1, "superseded")]
        older = records.get_record(session, mine, world.record_ids[0])
        assert older is not None and older.status == "superseded"


def _settle(world: World, return_id: str) -> int:
    """Settle a sealed return batch by batch; how many there were."""
    done = 0
    with unit_of_work(world.db) as session:
        row = session.get_one(Return, return_id)
        while (batch_id := returns.next_to_settle(session, row)) is not None:
            records.supersede_older(session, batch_id)
            done += 1
        assert row.settle_next is None
    return done


def test_late_seal_of_an_older_return_hides_nothing_newer(returned: World) -> None:
    world = returned
    second = world.add_return(3, version=2, seal=False)
    world.add_return(3, version=3)
    with unit_of_work(world.db) as session:
        returns.seal_return(session.get_one(Return, second), NOW_MS)
    assert _settle(world, second) == 1
    with read_only(world.db) as session:
        views = records.current_records(session, world.holder_ids[0], ["person.driving_licence"])
        assert [view.record.version for view in views] == [3]


def test_returns(returned: World) -> None:
    world = returned
    with unit_of_work(world.db) as session:
        row = returns.get_return(session, world.department, world.return_id)
        assert row is not None
        assert returns.open_chunk(session, world.vault, row, 0) == b"some file"
        assert returns.get_return(session, world.entity, world.return_id) is None
        assert returns.list_returns(session, world.entity).items == []
        assert [item.id for item in returns.list_returns(session, world.department).items] == [row.id]
        assert returns.same_file(session, world.department, row.file_sha256, row.type_code) is row
        assert returns.same_file(session, world.department, row.file_sha256, "other") is None
        assert returns.count_holders(session, row.id) == 6
        row.type_code = "person.marriage"
        with pytest.raises(ApiError, match=r"store\.ciphertext"):
            returns.open_chunk(session, world.vault, row, 0)
        session.rollback()


def test_a_file_in_pieces(returned: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each opens in its own place alone; fsck names what was edited, moved or taken away; they go when not needed."""
    world = returned
    monkeypatch.setattr(returns, "CHUNK_BYTES", 4)
    with unit_of_work(world.db) as session:
        row = returns.get_return(session, world.department, world.return_id)
        assert row is not None
        returns.drop_chunks(session, row.id)
        row.state = "received"
        for seq, content in enumerate((b"some", b" fil", b"e")):
            returns.add_chunk(session, world.vault, row, seq, content)

    def found() -> set[tuple[str, str]]:
        report = fsck(world.db, world.vault, world.log_public_key, identity=IDENTITY)
        return {(item.id, item.code) for item in report.findings if item.table == "return_chunks"}

    def execute(statement: str) -> None:
        with unit_of_work(world.db) as session:
            session.execute(text(statement))

    pieces = "SELECT chunk_enc FROM return_chunks WHERE seq ="
    assert found() == set()
    execute(f"UPDATE return_chunks SET chunk_enc = ({pieces} 0) WHERE seq = 1")
    assert found() == {(f"{row.id}/1", "fsck.return_edited")}
    execute("DELETE FROM return_chunks WHERE seq = 2")
    assert found() == {(f"{row.id}/1", "fsck.return_edited"), (f"{row.id}/2", "fsck.return_edited")}
    with unit_of_work(world.db) as session:
        assert returns.left_chunks(session, row.created_at_ms + 1) == [], "it is needed"
        stored = returns.get_return(session, world.department, world.return_id)
        assert stored is not None
        stored.state = "checked"
        session.flush()
        assert returns.left_chunks(session, 0) == [row.id]
        assert [returns.drop_chunks(session, row.id, 1) for _ in range(3)] == [1, 1, 0]
        assert returns.left_chunks(session, 0) == []


def test_row_notes(returned: World) -> None:
    world = returned
    notes = [
        RowNote(line, seq, RowState.BAD if line < 3 else RowState.WARNED, "id_number", "row.check_digit", {"n": seq})
        for line in range(1, 5)
        for seq in range(2)
    ]
    with unit_of_work(world.db) as session:
        returns.add_row_notes(session, world.return_id, notes)
        returns.add_row_notes(session, world.return_id, [])

    def lines(session: Session, party: str, **options: object) -> list[tuple[int, int]]:
        return [(row.line, row.seq) for row in returns.row_notes(session, party, world.return_id, **options)]  # type: ignore[arg-type]

    with read_only(world.db) as session:
        assert lines(session, world.department) == [(note.line, note.seq) for note in notes]
        assert lines(session, world.department, state=RowState.WARNED) == [(3, 0), (3, 1), (4, 0), (4, 1)]
        assert lines(session, world.department, after=(2, 0), limit=2) == [(2, 1), (3, 0)]
        assert lines(session, world.entity) == []
