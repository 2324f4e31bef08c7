"""Each way of changing the database behind the service's back is named by table, row and reason.

The database administrator of these tests has the file and SQL, and no keys. What the chain alone can tell (a whole file
put back, a log cut off cleanly) has a small stand-in for the chain's answers; the real one is asked in the flow tests.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from api.store.database import Database
from api.store.fsck import Finding, OnChainParty, fsck
from api.store.log_writer import LogWriter
from chain.merkle import node_hash
from chain.ports import Head
from tests.store.backends import Backend, Dba
from tests.store.world import IDENTITY, World

Tamper = Callable[[Dba, World], set[tuple[str, str]]]
"""Does something to the database; gives (table or table/id, code) pairs of which each must be among the findings."""


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory, backend: Backend) -> Iterator[World]:
    """One world for all cases; each works on a copy of its database."""
    from api.store.crypto import Vault
    from api.store.keyring import KeyRing

    url = backend.create()
    keys = KeyRing.load(tmp_path_factory.mktemp("history") / "keys", production=False)
    db = Database(url)
    world = World(db, keys, Vault(keys))
    writer = world.new_writer()
    writer.start()
    world.whole(writer)
    writer.stop()
    db.close()
    yield world
    backend.drop(url)


@contextmanager
def copied(world: World, backend: Backend) -> Iterator[str]:
    """A copy of the world's database."""
    url = backend.create(str(world.db.url))
    yield url
    backend.drop(url)


def check(world: World, url: str, **options: object) -> set[Finding]:
    db = Database(url)
    try:
        return set(
            fsck(db, world.vault, world.log_public_key, identity=IDENTITY, **options).findings  # type: ignore[arg-type]
        )
    finally:
        db.close()


def one(db: Dba, sql: str, *values: object) -> str:
    row = db.execute(sql, values).fetchone()
    assert row is not None
    return str(row[0])


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
    return {(f"receipts/{first}", "fsck.receipt_edited"), (f"receipts/{second}", "fsck.receipt_edited")}


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
    return {(f"receipts/{row}", "fsck.receipt_edited") for row, _ in moved}


def rebuild(db: Dba) -> None:
    db.execute("DELETE FROM log_nodes")
    level, nodes = 0, [row[0] for row in db.execute("SELECT leaf_hash FROM receipts ORDER BY number")]
    while nodes:
        db.executemany("INSERT INTO log_nodes VALUES (?, ?, ?)", [(level, i, node) for i, node in enumerate(nodes)])
        nodes = [node_hash(nodes[i], nodes[i + 1]) for i in range(0, len(nodes) - 1, 2)]
        level += 1


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
    return {("receipts/rcpt_forged", "fsck.receipt_edited")}


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
    db.execute("INSERT INTO log_nodes VALUES (2, 2, zeroblob(32))")
    return {("log_nodes/2/2", "fsck.log_node_extra")}


def edit_record(column: str, value: object) -> Tamper:
    def tamper(db: Dba, world: World) -> set[tuple[str, str]]:
        row = world.record_ids[12]
        db.execute(f"UPDATE records SET {column} = ? WHERE id = ?", (value, row))
        return {(f"records/{row}", "fsck.record_edited")}

    return tamper


def flip_body(db: Dba, world: World) -> set[tuple[str, str]]:
    row = world.record_ids[3]
    body = bytearray(db.execute("SELECT body_enc FROM records WHERE id = ?", (row,)).fetchone()[0])
    body[-1] ^= 1
    db.execute("UPDATE records SET body_enc = ? WHERE id = ?", (bytes(body), row))
    return {(f"records/{row}", "fsck.record_edited")}


def swap_bodies(db: Dba, world: World) -> set[tuple[str, str]]:
    first, second = world.record_ids[3], world.record_ids[4]
    for column in ("body_enc", "leaf_hash"):
        a, b = (db.execute(f"SELECT {column} FROM records WHERE id = ?", (r,)).fetchone()[0] for r in (first, second))
        db.execute(f"UPDATE records SET {column} = ? WHERE id = ?", (b, first))
        db.execute(f"UPDATE records SET {column} = ? WHERE id = ?", (a, second))
    return {(f"records/{first}", "fsck.record_edited"), (f"records/{second}", "fsck.record_edited")}


def give_to_another(db: Dba, world: World) -> set[tuple[str, str]]:
    db.execute("UPDATE records SET holder_id = ? WHERE id = ?", (world.holder_ids[9], world.record_ids[8]))
    return {(f"records/{world.record_ids[8]}", "fsck.record_edited")}


def delete_record(db: Dba, world: World) -> set[tuple[str, str]]:
    db.execute("DELETE FROM records WHERE id = ?", (world.record_ids[15],))
    return {(f"records/{world.batch_id}/15", "fsck.record_missing")}


def bring_back_an_old_version(db: Dba, world: World) -> set[tuple[str, str]]:
    db.execute("UPDATE records SET status = 'current' WHERE id = ?", (world.record_ids[0],))
    return {(f"records/{world.record_ids[0]}", "fsck.record_status")}


def hide_a_current_version(db: Dba, world: World) -> set[tuple[str, str]]:
    db.execute("UPDATE records SET status = 'superseded' WHERE id = ?", (world.record_ids[19],))
    return {(f"records/{world.record_ids[19]}", "fsck.record_status")}


def edit_tree(db: Dba, world: World) -> set[tuple[str, str]]:
    db.execute("UPDATE batches SET tree = zeroblob(length(tree)) WHERE id = ?", (world.batch_id,))
    return {(f"batches/{world.batch_id}", "fsck.batch_edited")}


def delete_batch(db: Dba, world: World) -> set[tuple[str, str]]:
    """The batch with all its records, and the return's count made to fit."""
    db.execute("DELETE FROM records WHERE batch_id = ?", (world.batch_id,))
    root = db.execute("SELECT root FROM batches WHERE id = ?", (world.batch_id,)).fetchone()[0]
    db.execute("DELETE FROM batches WHERE id = ?", (world.batch_id,))
    db.execute("UPDATE returns SET rows_good = 0 WHERE id = ?", (world.return_id,))
    return {(f"batches/{world.return_id}/0x{root.hex()}", "fsck.batch_missing")}


def delete_return(db: Dba, world: World) -> set[tuple[str, str]]:
    db.execute("DELETE FROM returns WHERE id = ?", (world.return_id,))
    return {(f"returns/{world.return_id}", "fsck.row_missing")}


def edit_grant(column: str, value: object) -> Tamper:
    def tamper(db: Dba, _: World) -> set[tuple[str, str]]:
        row = one(db, "SELECT id FROM grants WHERE state = 'active'")
        db.execute(f"UPDATE grants SET {column} = ? WHERE id = ?", (value, row))
        return {(f"grants/{row}", "fsck.grant_edited")}

    return tamper


def widen_terms(db: Dba, _: World) -> set[tuple[str, str]]:
    row = one(db, "SELECT id FROM grants WHERE state = 'active'")
    change = "UPDATE grants SET terms = replace(terms, '\"max_uses\": 5', '\"max_uses\": 9') WHERE id = ?"
    assert db.execute(change, (row,)).rowcount == 1
    return {(f"grants/{row}", "fsck.grant_edited")}


def reset_uses(db: Dba, _: World) -> set[tuple[str, str]]:
    row = one(db, "SELECT id FROM grants WHERE state = 'active'")
    db.execute("UPDATE grants SET use_count = use_count - 1 WHERE id = ?", (row,))
    return {(f"grants/{row}", "fsck.grant_uses")}


def revive_grant(db: Dba, _: World) -> set[tuple[str, str]]:
    row = one(db, "SELECT id FROM grants WHERE state = 'revoked'")
    db.execute("UPDATE grants SET state = 'active', ended_at_ms = NULL WHERE id = ?", (row,))
    return {(f"grants/{row}", "fsck.grant_state")}


def revive_grant_with_its_events(db: Dba, _: World) -> set[tuple[str, str]]:
    row = one(db, "SELECT id FROM grants WHERE state = 'revoked'")
    db.execute("UPDATE grants SET state = 'active', ended_at_ms = NULL, seq = 0, events = 1 WHERE id = ?", (row,))
    db.execute("DELETE FROM grant_events WHERE grant_id = ? AND seq = 1", (row,))
    return {(f"grant_events/{row}/1", "fsck.grant_event_missing")}


def undo_revocation(db: Dba, _: World) -> set[tuple[str, str]]:
    """A forged event after the end."""
    row = one(db, "SELECT id FROM grants WHERE state = 'revoked'")
    db.execute(
        "INSERT INTO grant_events (grant_id, seq, state, actor, prev_hash, at_ms)"
        " VALUES (?, 2, 'active', 'holder', zeroblob(32), 1)",
        (row,),
    )
    db.execute("UPDATE grants SET state = 'active', events = 3 WHERE id = ?", (row,))
    return {(f"grant_events/{row}/2", "fsck.grant_event_edited")}


def edit_last_event(column: str, value: object) -> Tamper:
    """Who ended a grant, why and when stand in no later event; its receipt holds them."""

    def tamper(db: Dba, _: World) -> set[tuple[str, str]]:
        row = one(db, "SELECT id FROM grants WHERE state = 'revoked'")
        db.execute(f"UPDATE grant_events SET {column} = ? WHERE grant_id = ? AND seq = 1", (value, row))
        return {(f"grant_events/{row}/1", "fsck.grant_event_edited")}

    return tamper


def freeze_in_secret(db: Dba, _: World) -> set[tuple[str, str]]:
    row = one(db, "SELECT id FROM grants WHERE state = 'active'")
    db.execute("UPDATE grants SET frozen = TRUE, case_id = 'C-1' WHERE id = ?", (row,))
    return {(f"grants/{row}", "fsck.grant_state")}


def reinstate_party(db: Dba, world: World) -> set[tuple[str, str]]:
    """A status without the event that leads to it."""
    db.execute("UPDATE parties SET status_seq = 1 WHERE id = ?", (world.entity,))
    return {(f"parties/{world.entity}", "fsck.party_edited")}


def change_number(db: Dba, _: World) -> set[tuple[str, str]]:
    row = one(db, "SELECT id FROM grants WHERE state = 'active'")
    db.execute("UPDATE grants SET seq = 3 WHERE id = ?", (row,))
    return {(f"grants/{row}", "fsck.grant_state")}


def delete_grant(db: Dba, _: World) -> set[tuple[str, str]]:
    row = one(db, "SELECT id FROM grants WHERE state = 'active'")
    db.execute("DELETE FROM grants WHERE id = ?", (row,))
    return {(f"grants/{row}", "fsck.row_missing")}


def copy_grant(db: Dba, world: World) -> set[tuple[str, str]]:
    """A grant that nobody gave, made from a real one."""
    source, its_request = db.execute("SELECT id, request_id FROM grants WHERE state = 'active'").fetchone()
    request = one(db, "SELECT id FROM requests WHERE id <> ?", its_request)
    copy_row(db, "requests", request, {"id": "req_new"})
    forged = {"id": "grant_forged", "request_id": "req_new", "digest": bytes(32), "holder_id": world.holder_ids[5]}
    copy_row(db, "grants", source, forged)
    return {("grants/grant_forged", "fsck.grant_edited")}


def copy_row(db: Dba, table: str, row: str, other: dict[str, object]) -> None:
    columns = [f'"{column}"' for column in db.columns(table)]
    values = ["?" if column.strip('"') in other else column for column in columns]
    db.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table} WHERE id = ?",
        [*(other[c.strip('"')] for c in columns if c.strip('"') in other), row],
    )


def edit_copy(column: str, value: object) -> Tamper:
    def tamper(db: Dba, _: World) -> set[tuple[str, str]]:
        row = one(db, "SELECT id FROM copies ORDER BY id LIMIT 1")
        db.execute(f"UPDATE copies SET {column} = ? WHERE id = ?", (value, row))
        return {(f"copies/{row}", "fsck.copy_edited")}

    return tamper


def swap_files(db: Dba, _: World) -> set[tuple[str, str]]:
    (first, a), (second, b) = db.execute("SELECT id, file_enc FROM copies ORDER BY id LIMIT 2").fetchall()
    db.execute("UPDATE copies SET file_enc = ? WHERE id = ?", (b, first))
    db.execute("UPDATE copies SET file_enc = ? WHERE id = ?", (a, second))
    return {(f"copies/{first}", "fsck.copy_edited"), (f"copies/{second}", "fsck.copy_edited")}


def delete_copy(db: Dba, _: World) -> set[tuple[str, str]]:
    row = one(db, "SELECT id FROM copies ORDER BY id LIMIT 1")
    db.execute("DELETE FROM copies WHERE id = ?", (row,))
    return {(f"copies/{row}", "fsck.row_missing")}


def edit_content(db: Dba, _: World) -> set[tuple[str, str]]:
    row = one(db, "SELECT id FROM contents ORDER BY id LIMIT 1")
    db.execute("UPDATE contents SET original_sha256 = zeroblob(32) WHERE id = ?", (row,))
    return {(f"contents/{row}", "fsck.content_edited")}


def delete_request_evidence(db: Dba, _: World) -> set[tuple[str, str]]:
    row = one(db, "SELECT receipt_id FROM request_evidence LIMIT 1")
    db.execute("DELETE FROM request_evidence WHERE receipt_id = ?", (row,))
    return {(f"request_evidence/{row}", "fsck.row_missing")}


def swap_request_evidence(db: Dba, _: World) -> set[tuple[str, str]]:
    (first, a), (second, b) = db.execute("SELECT * FROM request_evidence LIMIT 2").fetchall()
    db.execute("UPDATE request_evidence SET body_enc = ? WHERE receipt_id = ?", (b, first))
    db.execute("UPDATE request_evidence SET body_enc = ? WHERE receipt_id = ?", (a, second))
    return {(f"request_evidence/{r}", "fsck.request_edited") for r in (first, second)}


def swap_people(db: Dba, world: World) -> set[tuple[str, str]]:
    """One person's number leads to another's data."""
    first, second = world.holder_ids[2], world.holder_ids[3]
    a, b = (db.execute("SELECT number_bidx FROM holders WHERE id = ?", (h,)).fetchone()[0] for h in (first, second))
    db.execute("UPDATE holders SET number_bidx = zeroblob(32) WHERE id = ?", (first,))
    db.execute("UPDATE holders SET number_bidx = ? WHERE id = ?", (a, second))
    db.execute("UPDATE holders SET number_bidx = ? WHERE id = ?", (b, first))
    return {(f"holders/{first}", "fsck.holder_edited"), (f"holders/{second}", "fsck.holder_edited")}


def swap_data_keys(db: Dba, world: World) -> set[tuple[str, str]]:
    first, second = world.holder_ids[2], world.holder_ids[3]
    columns = "wrapped_key, master_key_id, key_commitment"
    rows = [db.execute(f"SELECT {columns} FROM holders WHERE id = ?", (h,)).fetchone() for h in (first, second)]
    for row, holder in zip(rows, (second, first), strict=True):
        db.execute(
            "UPDATE holders SET wrapped_key = ?, master_key_id = ?, key_commitment = ? WHERE id = ?", (*row, holder)
        )
    return {(f"holders/{first}", "fsck.holder_edited"), (f"holders/{second}", "fsck.holder_edited")}


def replace_party_key(db: Dba, world: World) -> set[tuple[str, str]]:
    db.execute('UPDATE parties SET http_key = replace(http_key, \'"x": "\', \'"x": "A\') WHERE id = ?', (world.entity,))
    return {(f"parties/{world.entity}", "fsck.party_edited")}


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
    "record leaf hash": edit_record("leaf_hash", bytes(32)),
    "record type": edit_record("type_code", "person.marriage"),
    "record rules": edit_record("rules", "2"),
    "record version": edit_record("version", 7),
    "record index key": edit_record("number_bidx", bytes(32)),
    "record content key": edit_record("content_bidx", bytes(32)),
    "record time": edit_record("created_at_ms", 1),
    "record place": edit_record("leaf_index", 99),
    "record body": flip_body,
    "record bodies swapped": swap_bodies,
    "record given to another": give_to_another,
    "record deleted": delete_record,
    "old version brought back": bring_back_an_old_version,
    "current version hidden": hide_a_current_version,
    "batch tree": edit_tree,
    "batch deleted with its records": delete_batch,
    "return deleted": delete_return,
    "grant uses": edit_grant("max_uses", 50),
    "grant end": edit_grant("not_after_ms", 4_000_000_000_000),
    "grant recipient": edit_grant("entity_id", "party_other"),
    "grant digest": edit_grant("digest", bytes(32)),
    "grant signature": edit_grant("signature", bytes(65)),
    "grant secret": edit_grant("secret_enc", bytes(90)),
    "grant terms": widen_terms,
    "grant uses reset": reset_uses,
    "grant revived": revive_grant,
    "grant revived, event deleted": revive_grant_with_its_events,
    "grant revived by a forged event": undo_revocation,
    "grant change number": change_number,
    "grant ended by another": edit_last_event("actor", "regulator"),
    "grant ended for another reason": edit_last_event("reason", "court"),
    "grant ended under another mandate": edit_last_event("by_id", "mandate_other"),
    "grant frozen": freeze_in_secret,
    "party reinstated": reinstate_party,
    "grant deleted": delete_grant,
    "grant forged": copy_grant,
    "copy hash": edit_copy("file_sha256", bytes(32)),
    "copy recipient": edit_copy("entity_id", "party_other"),
    "copy mark": edit_copy("mark_document", '{"copy": "another"}'),
    "copy salt": edit_copy("mark_salt_enc", bytes(61)),
    "copies' files swapped": swap_files,
    "copy deleted": delete_copy,
    "content edited": edit_content,
    "signed request deleted": delete_request_evidence,
    "signed requests swapped": swap_request_evidence,
    "people swapped": swap_people,
    "data keys swapped": swap_data_keys,
    "party's key replaced": replace_party_key,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_named(name: str, history: World, backend: Backend) -> None:
    with copied(history, backend) as url:
        with Dba(url) as dba:
            wanted = CASES[name](dba, history)
        found = {(f"{finding.table}/{finding.id}", finding.code) for finding in check(history, url)}
    # "record place" leaves a hole and a stranger; either name of it will do.
    if name == "record place":
        row = history.record_ids[12]
        assert {
            (f"records/{history.batch_id}/12", "fsck.record_missing"),
            (f"records/{row}", "fsck.record_inserted"),
        } <= found
    else:
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
    from api.store.journal import SqlLogStore
    from chain.merkle import tree_head

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
        cut = Finding("receipts", f"#{size - 1}..#{size - 1}", "fsck.log_cut_off")
        assert check(history, url, chain=whole) == {cut}


def test_other_root_on_the_chain(history: World) -> None:
    found = check(history, str(history.db.url), chain=Answers(Head(4, bytes(32))))
    assert found == {Finding("log_nodes", "size 4", "fsck.log_rewritten")}


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
        row = one(dba, "SELECT id FROM receipts")
        dba.execute("DELETE FROM prepared_receipts")
    report = fsck(world.db, world.vault, world.log_public_key)
    assert Finding("receipts", row, "fsck.receipt_unqueued") in report.findings
    assert report.skipped == ("identity", "chain")
