"""Each way of changing consents and copies behind the service's back is named by table, row and reason."""

import pytest

from tests.store.backends import Backend, Dba
from tests.store.tampering import Tamper, copy_row, found_after, one
from tests.store.world import World


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
    copy_row(db, "requests", request, {"id": "req_new", "receipt_id": None})
    forged = {"id": "grant_forged", "request_id": "req_new", "digest": bytes(32), "holder_id": world.holder_ids[5]}
    copy_row(db, "grants", source, forged)
    return {("grants/grant_forged", "fsck.grant_edited")}


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


CASES: dict[str, Tamper] = {
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
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_named(name: str, history: World, backend: Backend) -> None:
    wanted, found = found_after(CASES[name], history, backend)
    assert wanted <= found, found
