"""Each way of changing the log behind the service's back is named by table, row and reason.

What the chain alone can tell (a whole file put back, a log cut off cleanly) has a small stand-in for the chain's
answers; the real one is asked in the flow tests.
"""

from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.store.database import Database
from api.store.fsck import Finding, OnChainParty, fsck
from api.store.journal import SqlLogStore
from api.store.log_writer import LogWriter
from chain.cosign import cosign, witness_key
from chain.merkle import tree_head
from chain.note import Checkpoint, sign_checkpoint, split_note
from chain.ports import Head
from chain.receipt import log_id
from tests.store.backends import Backend, Dba
from tests.store.tampering import Tamper, check, copied, found_after, one, rebuild
from tests.store.world import World


def edit_receipt(column: str, value: object, where: str = "kind = 'delivery'") -> Tamper:
    def tamper(db: Dba, _: World) -> set[tuple[str, str]]:
        row = one(db, f"SELECT id FROM receipts WHERE {where} ORDER BY number LIMIT 1")
        db.execute(f"UPDATE receipts SET {column} = ? WHERE id = ?", (value, row))
        return {(f"receipts/{row}", "fsck.receipt_edited")}

    return tamper


def swap_receipts(db: Dba, _: World) -> set[tuple[str, str]]:
    first, second = (one(db, "SELECT id FROM receipts WHERE number = ?", number) for number in (5, 6))
    db.execute("UPDATE receipts SET number = -1 WHERE id = ?", (first,))
    db.execute("UPDATE receipts SET number = 5 WHERE id = ?", (second,))
    db.execute("UPDATE receipts SET number = 6 WHERE id = ?", (first,))
    return {(f"receipts/{first}", "fsck.receipt_moved"), (f"receipts/{second}", "fsck.receipt_moved")}


def swap_details(db: Dba, _: World) -> set[tuple[str, str]]:
    rows = db.execute("SELECT id, details_enc FROM receipts WHERE kind = 'delivery' ORDER BY number LIMIT 2").fetchall()
    (first, a), (second, b) = rows
    db.execute("UPDATE receipts SET details_enc = ? WHERE id = ?", (b, first))
    db.execute("UPDATE receipts SET details_enc = ? WHERE id = ?", (a, second))
    return {(f"receipts/{first}", "fsck.receipt_edited"), (f"receipts/{second}", "fsck.receipt_edited")}


def delete_receipt(db: Dba, _: World) -> set[tuple[str, str]]:
    db.execute("DELETE FROM request_evidence WHERE receipt_id = (SELECT id FROM receipts WHERE number = 7)")
    db.execute("DELETE FROM receipts WHERE number = 7")
    return {("receipts/#7", "fsck.receipt_missing")}


def close_the_gap(db: Dba, world: World) -> set[tuple[str, str]]:
    """Delete a receipt, move the later ones up, and rebuild the tree: only promises give it away."""
    db.execute("DELETE FROM request_evidence WHERE receipt_id = (SELECT id FROM receipts WHERE number = 7)")
    db.execute("DELETE FROM receipts WHERE number = 7")
    moved = db.execute("SELECT id, number FROM receipts WHERE number > 7 ORDER BY number").fetchall()
    for row, number in moved:
        db.execute("UPDATE receipts SET number = ? WHERE id = ?", (number - 1, row))
    db.execute("UPDATE log_state SET size = size - 1")
    rebuild(db)
    return {(f"receipts/{row}", "fsck.receipt_moved") for row, _ in moved} | {("receipts/#7", "fsck.receipt_missing")}


def insert_receipt(db: Dba, _: World) -> set[tuple[str, str]]:
    size = int(one(db, "SELECT size FROM log_state"))
    columns = "kind, repeats, commitment, details_enc, leaf, leaf_hash, promise, at_ms"
    db.execute(
        f"INSERT INTO receipts (id, number, {columns})"
        f" SELECT 'rcpt_forged', ?, {columns} FROM receipts WHERE number = 3",
        (size,),
    )
    return {("receipts/rcpt_forged", "fsck.receipt_inserted")}


def insert_receipt_and_size(db: Dba, world: World) -> set[tuple[str, str]]:
    insert_receipt(db, world)
    db.execute("UPDATE log_state SET size = size + 1")
    rebuild(db)
    return {("receipts/rcpt_forged", "fsck.receipt_inserted")}


def raise_size(db: Dba, _: World) -> set[tuple[str, str]]:
    db.execute("UPDATE log_state SET size = 1000000000000")
    return {("log_state/1", "fsck.log_state")}


def lower_size(db: Dba, _: World) -> set[tuple[str, str]]:
    db.execute("UPDATE log_state SET size = size - 2")
    return {("log_state/1", "fsck.log_state")}


def edit_node(db: Dba, _: World) -> set[tuple[str, str]]:
    db.execute('UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 1 AND "index" = 2')
    return {("log_nodes/1/2", "fsck.log_node_edited")}


def delete_node(db: Dba, _: World) -> set[tuple[str, str]]:
    db.execute('DELETE FROM log_nodes WHERE level = 2 AND "index" = 1')
    return {("log_nodes/2/1", "fsck.log_node_missing")}


def extra_node(db: Dba, _: World) -> set[tuple[str, str]]:
    db.execute("INSERT INTO log_nodes VALUES (2, 3, zeroblob(32))")
    return {("log_nodes/2/3", "fsck.log_node_extra")}


CASES: dict[str, Tamper] = {
    "receipt kind": edit_receipt("kind", "original"),
    "receipt holder": edit_receipt("holder_id", None),
    "receipt party": edit_receipt("party_id", None),
    "receipt grant": edit_receipt("grant_id", None),
    "receipt copy": edit_receipt("copy_id", None),
    "receipt time": edit_receipt("at_ms", 1),
    "receipt commitment": edit_receipt("commitment", bytes(32)),
    "receipt details": edit_receipt("details_enc", bytes(80)),
    "receipt leaf": edit_receipt("leaf", b"{}"),
    "receipt leaf hash": edit_receipt("leaf_hash", bytes(32)),
    "receipt promise": edit_receipt("promise", bytes(64)),
    "return's receipt": edit_receipt("return_id", None, "kind = 'return'"),
    "change's receipt": edit_receipt("at_ms", 1, "kind = 'change'"),
    "receipts swapped": swap_receipts,
    "details swapped": swap_details,
    "receipt deleted": delete_receipt,
    "receipt deleted, gap closed, tree rebuilt": close_the_gap,
    "receipt inserted": insert_receipt,
    "receipt inserted, size and tree made to fit": insert_receipt_and_size,
    "size raised": raise_size,
    "size lowered": lower_size,
    "node edited": edit_node,
    "node deleted": delete_node,
    "node added": extra_node,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_named(name: str, history: World, backend: Backend) -> None:
    wanted, found = found_after(CASES[name], history, backend)
    assert wanted <= found, found


@dataclass
class Answers:
    """What a chain would answer, as fixed values."""

    head: Head
    anchored: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    checkpoints: set[tuple[int, bytes]] = field(default_factory=set)
    parties: dict[bytes, OnChainParty] = field(default_factory=dict)

    def log_head(self) -> Head:
        return self.head

    def is_checkpoint(self, size: int, root: bytes) -> bool:
        return (size, root) in self.checkpoints

    def anchored_size(self, issuer: bytes, root: bytes) -> int:
        return self.anchored.get((issuer, root), 0)

    def party(self, party_hash: bytes) -> OnChainParty | None:
        return self.parties.get(party_hash)


def test_log_cut_off_cleanly_is_seen_by_the_chain(history: World, backend: Backend) -> None:
    with copied(history, backend) as url:
        db = Database(url)
        log = SqlLogStore(db)
        size = log.size()
        whole = Answers(Head(size, tree_head(log.node, size)))
        db.close()
        assert not check(history, url, chain=whole)
        with Dba(url) as dba:
            # The last receipt is a revocation: take it back with all that hangs on it, as an older backup would.
            grant = one(dba, "SELECT grant_id FROM receipts WHERE number = ?", size - 1)
            dba.execute("DELETE FROM receipts WHERE number = ?", (size - 1,))
            dba.execute("UPDATE log_state SET size = size - 1")
            undone = "UPDATE grants SET state = 'active', seq = 0, events = 1, ended_at_ms = NULL WHERE id = ?"
            dba.execute(undone, (grant,))
            dba.execute("DELETE FROM grant_events WHERE grant_id = ? AND seq = 1", (grant,))
            rebuild(dba)
        assert not check(history, url), "nothing inside the database can tell: this is why the chain is asked"
        cut = Finding("receipts", f"#{size - 1}..#{size - 1}", "fsck.log_rolled_back")
        assert check(history, url, chain=whole) == {cut}


def test_other_root_on_the_chain(history: World) -> None:
    found = check(history, str(history.db.url), chain=Answers(Head(4, bytes(32))))
    assert found == {Finding("log_nodes", "size 4", "fsck.log_rewritten")}


def test_what_witnesses_signed_is_held_against_their_keys(history: World, backend: Backend) -> None:
    secret = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
    known, stranger = witness_key("witness.example/w1", secret), "other.example/w2+00000000"
    with copied(history, backend) as url:
        db = Database(url)
        log = SqlLogStore(db)
        size = log.size()
        head = Head(size, tree_head(log.node, size))
        signed = sign_checkpoint(Checkpoint(log_id(history.log_public_key), head.size, head.root), history.log_key)
        log.add_checkpoint(head, signed, "checkpoint")
        db.close()
        with Dba(url) as dba:
            (note,) = dba.execute("SELECT note FROM checkpoints WHERE size = ?", (size,)).fetchone() or ("",)
            line = str(cosign(split_note(note)[0], known.name, secret, 9))
            add = "INSERT INTO cosignatures (size, witness, line, signed_at_s) VALUES (?, ?, ?, ?)"
            dba.execute(add, (size, known.handle, line, 9))
            dba.execute(add, (size, stranger, line.replace("witness.example/w1", "other.example/w2"), 9))
        assert not check(history, url, witnesses=[known])
        changes = (
            ("UPDATE cosignatures SET signed_at_s = 8 WHERE witness = ?", known.handle),
            ("UPDATE cosignatures SET line = 'none' WHERE witness = ?", stranger),
            (f"UPDATE cosignatures SET witness = ? WHERE witness = '{stranger}'", known.handle),
        )
        for change, witness in changes:
            with Dba(url) as dba:
                before = dba.execute("SELECT size, witness, line, signed_at_s FROM cosignatures").fetchall()
                if "SET witness" in change:
                    dba.execute("DELETE FROM cosignatures WHERE witness = ?", (witness,))
                dba.execute(change, (witness,))
            found = check(history, url, witnesses=[known])
            assert found == {Finding("cosignatures", f"{size} {witness}", "fsck.cosignature_edited")}, change
            with Dba(url) as dba:
                dba.execute("DELETE FROM cosignatures")
                for row in before:
                    dba.execute(add, tuple(row))


def test_claimed_anchors_are_asked_of_the_chain(history: World, backend: Backend) -> None:
    with copied(history, backend) as url:
        with Dba(url) as dba:
            dba.execute("UPDATE batches SET anchor_state = 'anchored'")
            dba.execute("UPDATE parties SET anchor_state = 'anchored' WHERE id = ?", (history.entity,))
            rows = dba.execute("SELECT id, issuer, root, size FROM batches").fetchall()
        empty = Head(0, bytes(32))
        codes = {(finding.table, finding.id, finding.code) for finding in check(history, url, chain=Answers(empty))}
    assert codes == {("batches", row[0], "fsck.batch_not_on_chain") for row in rows} | {
        ("parties", history.entity, "fsck.party_edited")
    }


def test_prepared_receipts(world: World, writer: LogWriter) -> None:
    world.add_parties()
    writer.stop()
    world.add_return(3)
    with Dba(str(world.db.url)) as dba:
        row = one(dba, "SELECT id FROM receipts WHERE number IS NULL")
        dba.execute("DELETE FROM prepared_receipts")
    report = fsck(world.db, world.vault, world.log_public_key)
    assert Finding("receipts", row, "fsck.receipt_unqueued") in report.findings
    assert report.skipped == ("identity", "chain")
