"""Confirmed events move rows to anchored, a reorg moves them back, and what ended stays ended."""

import hashlib

import pytest
from sqlalchemy import select

from api.store import read_only, unit_of_work
from api.store.event_sink import SqlEventSink
from api.store.journal import SqlLogStore, SqlTxJournal
from api.store.log_writer import LogWriter
from api.store.queries import grants, returns
from api.store.tables import Base, Batch, Checkpoint, Grant, Party, Record, Return
from chain.ports import BlockRef, ChainEvent, Cursor, EventSink, Head, SignedTx, TxCall, TxState
from tests.store.world import NOW_MS, World


def block(number: int, fork: int = 0) -> BlockRef:
    return BlockRef(number, bytes([number, fork]) * 16, bytes([max(number - 1, 0), fork]) * 16, 1_000 + number)


def event(contract: str, name: str, number: int, **args: object) -> ChainEvent:
    return ChainEvent(contract, name, args, block(number), bytes([number]) * 32, 0)


def row(world: World, table: type[Base], key: object) -> Base:
    with read_only(world.db) as session:
        return session.get_one(table, key)


@pytest.fixture
def sink(world: World, writer: LogWriter) -> EventSink:
    world.add_parties()
    world.add_return(3)
    return SqlEventSink(world.db, world.vault)


def anchored(world: World, number: int, **more: object) -> ChainEvent:
    batch = row(world, Batch, world.batch_id)
    assert isinstance(batch, Batch)
    args: dict[str, object] = {"issuer": batch.issuer, "root": batch.root, "size": batch.size, "time": 1}
    return event("CertificateAnchors", "Anchored", number, **(args | more))


def states(world: World) -> tuple[object, ...]:
    batch, returned = row(world, Batch, world.batch_id), row(world, Return, world.return_id)
    assert isinstance(batch, Batch)
    assert isinstance(returned, Return)
    return batch.anchor_state, batch.anchored_block, returned.state, returned.anchored_at_ms is not None


def test_cursor(sink: EventSink) -> None:
    assert (sink.cursor(), sink.recent(5)) == (None, [])
    for number in (3, 5, 9):
        sink.apply([], block(number))
    assert sink.cursor() == Cursor(9, block(9).hash)
    assert [cursor.number for cursor in sink.recent(2)] == [9, 5]
    sink.rewind(Cursor(5, block(5).hash))
    assert sink.cursor() == Cursor(5, block(5).hash)
    sink.rewind(None)
    assert sink.cursor() is None


def test_batch_and_return(world: World, sink: EventSink) -> None:
    assert states(world) == ("pending", None, "sealed", False)
    sink.apply([anchored(world, 4)], block(4))
    assert states(world) == ("anchored", 4, "anchored", True)
    sink.apply([], block(6))
    sink.rewind(Cursor(4, block(4).hash))
    assert states(world) == ("anchored", 4, "anchored", True)
    sink.rewind(Cursor(3, block(3).hash))
    assert states(world) == ("pending", None, "sealed", False)
    sink.apply([anchored(world, 5)], block(5))
    assert states(world) == ("anchored", 5, "anchored", True)


def test_a_batch_that_waits_to_be_settled(world: World, sink: EventSink) -> None:
    """What decides is whether its return is sealed; settling later does not take the anchor back."""
    returned = world.add_return(2, version=2, seal=False)
    with read_only(world.db) as session:
        batch = session.execute(select(Batch).where(Batch.return_id == returned)).scalar_one()
    stated = {"issuer": batch.issuer, "root": batch.root, "size": batch.size}

    def state() -> str:
        found = row(world, Batch, batch.id)
        assert isinstance(found, Batch)
        return found.anchor_state

    sink.apply([anchored(world, 4, **stated)], block(4))
    assert state() == "open", "not sealed: the chain alone shows nothing"
    sink.rewind(None)
    with unit_of_work(world.db) as session:
        returns.seal_return(session.get_one(Return, returned), NOW_MS)
    sink.apply([anchored(world, 4, **stated)], block(4))
    assert state() == "anchored"
    with unit_of_work(world.db) as session:
        assert returns.next_to_settle(session, session.get_one(Return, returned)) == batch.id
    assert state() == "anchored"


def test_foreign_events_anchor_nothing(world: World, sink: EventSink) -> None:
    for more in ({"issuer": bytes(20)}, {"root": bytes(32)}, {"size": 2}):
        sink.apply([anchored(world, 4, **more)], block(4))
        sink.rewind(None)
    sink.apply([event("CertificateAnchors", "Unheard", 4), event("Other", "Anchored", 4)], block(4))
    assert states(world) == ("pending", None, "sealed", False)


def test_an_event_and_the_cursor_are_one(world: World, sink: EventSink) -> None:
    """A failing event leaves no cursor behind, or its block would be skipped for ever."""
    with pytest.raises(KeyError):
        sink.apply([anchored(world, 4), event("Grants", "GrantRegistered", 4)], block(4))
    assert sink.cursor() is None
    assert states(world)[0] == "pending"


def test_revoked_certificates(world: World, sink: EventSink) -> None:
    batch = row(world, Batch, world.batch_id)
    assert isinstance(batch, Batch)
    sink.apply(
        [event("CertificateAnchors", "Revoked", 4, issuer=batch.issuer, root=batch.root, word=0, mask=0b101)], block(4)
    )
    with read_only(world.db) as session:
        found = session.execute(select(Record.status).order_by(Record.leaf_index)).scalars().all()
    assert found == ["revoked", "current", "revoked"]
    sink.rewind(None)
    with read_only(world.db) as session:
        assert session.execute(select(Record.status).order_by(Record.leaf_index)).scalars().all() == found


def test_grant_life(world: World, sink: EventSink, writer: LogWriter) -> None:
    grant_id = world.add_grant(writer)
    grant = row(world, Grant, grant_id)
    assert isinstance(grant, Grant)
    digest = grant.digest
    sink.apply([event("Grants", "GrantRegistered", 4, id=digest)], block(4))
    writer.submit(lambda s, n: world.revoke(s, n, grant_id))
    sink.apply([event("Grants", "GrantChanged", 6, id=digest, status=3, seq=0)], block(6))
    grant = row(world, Grant, grant_id)
    assert isinstance(grant, Grant)
    assert (grant.anchor_state, grant.anchored_block, grant.state, grant.seq) == ("anchored", 4, "revoked", 1)
    with read_only(world.db) as session:
        assert [item.anchored_block for item in grants.events_of(session, grant_id)] == [None, 6]
    sink.rewind(Cursor(4, block(4).hash))
    with read_only(world.db) as session:
        assert [item.anchored_block for item in grants.events_of(session, grant_id)] == [None, None]
    sink.rewind(None)
    grant = row(world, Grant, grant_id)
    assert isinstance(grant, Grant)
    assert (grant.anchor_state, grant.state) == ("pending", "revoked")


@pytest.mark.parametrize(
    ("name", "args", "state"),
    [
        ("GrantChanged", {"status": 3, "seq": 0}, "revoked"),
        ("GrantChanged", {"status": 2, "seq": 0}, "paused"),
        ("GrantEnded", {}, "invalidated"),
    ],
)
def test_changes_past_this_service_take_effect(
    world: World, sink: EventSink, writer: LogWriter, name: str, args: dict[str, object], state: str
) -> None:
    grant_id = world.add_grant(writer)
    grant = row(world, Grant, grant_id)
    assert isinstance(grant, Grant)
    sink.apply([event("Grants", name, 4, id=grant.digest, **args)], block(4))
    changed = row(world, Grant, grant_id)
    assert isinstance(changed, Grant)
    assert changed.state == state
    assert changed.seq == (1 if args else 0)
    sink.rewind(None)
    assert row(world, Grant, grant_id).state == state  # type: ignore[attr-defined]


def test_checkpoints(world: World, sink: EventSink) -> None:
    log = SqlLogStore(world.db)
    log.add_checkpoint(Head(3, b"\3" * 32), "note", "checkpoint:3")

    def appended(number: int, size: int, root: bytes) -> ChainEvent:
        return event("ReceiptLog", "CheckpointAppended", number, epoch=1, size=size, root=root)

    sink.apply([appended(4, 3, b"\7" * 32)], block(4))
    assert row(world, Checkpoint, 3).anchor_state == "pending"  # type: ignore[attr-defined]
    sink.apply([appended(5, 3, b"\3" * 32), appended(5, 8, b"\4" * 32)], block(5))
    assert row(world, Checkpoint, 3).anchor_state == "anchored"  # type: ignore[attr-defined]
    assert log.last_checkpoint() == Head(3, b"\3" * 32), "one without a note was not signed here"
    log.add_checkpoint(Head(8, b"\4" * 32), "note", "checkpoint:8")
    adopted = row(world, Checkpoint, 8)
    assert isinstance(adopted, Checkpoint)
    assert (adopted.anchor_state, adopted.note) == ("anchored", "note")
    sink.rewind(Cursor(4, block(4).hash))
    assert row(world, Checkpoint, 3).anchor_state == "pending"  # type: ignore[attr-defined]


def test_parties(world: World, sink: EventSink) -> None:
    party_id = hashlib.sha256(world.entity.encode()).digest()
    sink.apply([event("PartyRegistry", "PartyAdmitted", 4, partyId=party_id)], block(4))
    party = row(world, Party, world.entity)
    assert isinstance(party, Party)
    assert (party.anchor_state, party.status) == ("anchored", "active")
    sink.apply([event("PartyRegistry", "PartySuspended", 5, partyId=party_id)], block(5))
    sink.rewind(None)
    party = row(world, Party, world.entity)
    assert isinstance(party, Party)
    assert (party.anchor_state, party.status) == ("pending", "suspended")
    sink.apply([event("PartyRegistry", "PartyReinstated", 6, partyId=party_id)], block(6))
    assert row(world, Party, world.entity).status == "active"  # type: ignore[attr-defined]


def test_transactions(world: World, sink: EventSink) -> None:
    journal, rows = SqlTxJournal(world.db), {}
    for number, key in enumerate(("a", "b", "c")):
        journal.reserve(key, bytes(20), TxCall(None, b"", 1), first_nonce=0)
        rows[key] = journal.signed(key, SignedTx(b"raw", bytes([number + 4]) * 32))
    journal.set_state(rows["b"], TxState.REPLACED, error="chain.nonce_lost")
    journal.set_state(rows["c"], TxState.FAILED, block_number=6, block_hash=bytes(32), error="chain.reverted")
    sink.apply([event("Grants", "GrantRegistered", 4, id=bytes(32))], block(4))

    def state(key: str) -> tuple[object, ...]:
        found = journal.get(key)
        assert found is not None
        return found.state, found.block_number, found.error

    assert state("a") == (TxState.CONFIRMED, 4, None)
    sink.rewind(None)
    assert state("a") == (TxState.SENT, None, None)
    assert state("b") == (TxState.REPLACED, None, "chain.nonce_lost"), "lost without a block, so not in a reorg"
    assert state("c") == (TxState.SENT, None, None), "it failed in a block that is gone"
    assert [line.state.value for line in journal.history("a")] == ["prepared", "signed", "confirmed", "sent"]
    assert [line.state.value for line in journal.history("c")] == ["prepared", "signed", "failed", "sent"]


def test_old_blocks_go(world: World, sink: EventSink) -> None:
    from api.store.event_sink import KEPT_BLOCKS

    sink.apply([], BlockRef(1, b"\1" * 32, bytes(32), 1))
    sink.apply([], BlockRef(2 + KEPT_BLOCKS, b"\2" * 32, bytes(32), 2))
    assert [cursor.number for cursor in sink.recent(9)] == [2 + KEPT_BLOCKS]
    with unit_of_work(world.db):
        pass
