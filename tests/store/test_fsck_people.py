"""Each way of changing parties, what they may do, requests, and by what people are known is named, and nothing else.

The database administrator of these tests edits, deletes and inserts rows, and puts back what they were before.
"""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from api.store.database import Database
from api.store.fsck import fsck
from tests.store.backends import Backend, Dba
from tests.store.people_side import PeopleSide, live
from tests.store.tampering import Row, check, copied, copy_row, found_after, one
from tests.store.world import IDENTITY, World

Change = Callable[[Dba, World, PeopleSide], set[Row]]


@pytest.fixture(scope="module")
def side(history: World) -> Iterator[PeopleSide]:
    """The history goes on with parties and people."""
    history.db = Database(str(history.db.url))
    writer = history.new_writer()
    writer.start()
    made = live(history, writer)
    writer.stop()
    yield made
    history.db.close()


@pytest.fixture(scope="module")
def lived(history: World, side: PeopleSide) -> World:
    """The history with it, its database closed so that copies are whole."""
    history.db.close()
    return history


def edit(table: str, column: str, value: object, code: str, pick: Callable[[World, PeopleSide], str]) -> Change:
    """One column of one row."""

    def change(db: Dba, world: World, side: PeopleSide) -> set[Row]:
        row = pick(world, side)
        assert db.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (value, row)).rowcount == 1
        return {(f"{table}/{row}", code)}

    return change


def remove(table: str, pick: Callable[[World, PeopleSide], str]) -> Change:
    """One row and what hangs on it in its own table."""

    def change(db: Dba, world: World, side: PeopleSide) -> set[Row]:
        row = pick(world, side)
        assert db.execute(f"DELETE FROM {table} WHERE id = ?", (row,)).rowcount == 1
        return {(f"{table}/{row}", "fsck.row_missing")}

    return change


def invent(table: str, other: dict[str, object], code: str, pick: Callable[[World, PeopleSide], str]) -> Change:
    """A row like another one."""

    def change(db: Dba, world: World, side: PeopleSide) -> set[Row]:
        copy_row(db, table, pick(world, side), {"id": "forged", **other})
        return {(f"{table}/forged", code)}

    return change


def entity(world: World, _: PeopleSide) -> str:
    return world.entity


def asked(_: World, side: PeopleSide) -> str:
    return side.open_request


def denied(_: World, side: PeopleSide) -> str:
    return side.denied_request


def lapsed(_: World, side: PeopleSide) -> str:
    return side.lapsed_request


def watching(_: World, side: PeopleSide) -> str:
    return side.open_alarm


def looked_into(_: World, side: PeopleSide) -> str:
    return side.closed_alarm


def passkey(_: World, side: PeopleSide) -> str:
    return side.passkeys[0]


def party(column: str, value: object) -> Change:
    return edit("parties", column, value, "fsck.party_edited", entity)


def request(column: str, value: object, pick: Callable[[World, PeopleSide], str] = asked) -> Change:
    return edit("requests", column, value, "fsck.request_altered", pick)


def alarm(column: str, value: object, pick: Callable[[World, PeopleSide], str] = watching) -> Change:
    return edit("statutory_alarms", column, value, "fsck.alarm_edited", pick)


def key_of(column: str, value: object) -> Change:
    return edit("passkeys", column, value, "fsck.credential_edited", passkey)


def reinstate_party(db: Dba, world: World, _: PeopleSide) -> set[Row]:
    """A status without the event that leads to it."""
    db.execute("UPDATE parties SET status_seq = 3 WHERE id = ?", (world.entity,))
    return {(f"parties/{world.entity}", "fsck.party_edited")}


def forget_suspension(db: Dba, world: World, _: PeopleSide) -> set[Row]:
    """As if the party had never been suspended: no chain of hashes is broken by that."""
    db.execute("DELETE FROM party_events WHERE party_id = ?", (world.entity,))
    db.execute("UPDATE parties SET status_seq = 0 WHERE id = ?", (world.entity,))
    return {(f"parties/{world.entity}", "fsck.party_edited")}


def replace_party_key(db: Dba, world: World, _: PeopleSide) -> set[Row]:
    db.execute('UPDATE parties SET http_key = replace(http_key, \'"x": "\', \'"x": "A\') WHERE id = ?', (world.entity,))
    return {(f"parties/{world.entity}", "fsck.party_edited")}


def give_another_key(db: Dba, world: World, _: PeopleSide) -> set[Row]:
    """Key and thumbprint, so that they fit one another."""
    db.execute("UPDATE parties SET http_key = NULL, http_key_thumbprint = NULL WHERE id = ?", (world.entity,))
    return {(f"parties/{world.entity}", "fsck.party_edited")}


def register_more(db: Dba, world: World, _: PeopleSide) -> set[Row]:
    db.execute("INSERT INTO registrations VALUES (?, 'statutory_duty', 'police.case', 5)", (world.entity,))
    return {(f"registrations/{world.entity}/statutory_duty/police.case", "fsck.registration_edited")}


def strike_off(db: Dba, world: World, _: PeopleSide) -> set[Row]:
    db.execute("DELETE FROM registrations WHERE party_id = ? AND code = 'bank.loan'", (world.entity,))
    return {(f"registrations/{world.entity}/consent/bank.loan", "fsck.row_missing")}


def register_earlier(db: Dba, world: World, _: PeopleSide) -> set[Row]:
    db.execute("UPDATE registrations SET registered_at_ms = 1 WHERE code = 'bank.loan'")
    return {(f"registrations/{world.entity}/consent/bank.loan", "fsck.registration_edited")}


def register_for_another(db: Dba, world: World, _: PeopleSide) -> set[Row]:
    db.execute("UPDATE registrations SET party_id = ? WHERE code = 'police.case'", (world.entity,))
    return {
        (f"registrations/{world.entity}/statutory_duty/police.case", "fsck.registration_edited"),
        (f"registrations/{world.department}/statutory_duty/police.case", "fsck.row_missing"),
    }


def ask_another(db: Dba, world: World, side: PeopleSide) -> set[Row]:
    return request("holder_id", world.holder_ids[9])(db, world, side)


def close_by_hand(db: Dba, world: World, side: PeopleSide) -> set[Row]:
    """What would let a stopped party query again."""
    db.execute(
        "UPDATE statutory_alarms SET state = 'closed', closed_by = ?, closed_at_ms = 5, remark = 'fine' WHERE id = ?",
        (world.department, side.open_alarm),
    )
    return {(f"statutory_alarms/{side.open_alarm}", "fsck.alarm_edited")}


def open_again(db: Dba, _: World, side: PeopleSide) -> set[Row]:
    """The row as it stood before it was closed."""
    db.execute(
        "UPDATE statutory_alarms SET state = 'open', closed_by = NULL, closed_at_ms = NULL, remark = NULL WHERE id = ?",
        (side.closed_alarm,),
    )
    return {(f"statutory_alarms/{side.closed_alarm}", "fsck.alarm_edited")}


def swap_subjects(db: Dba, world: World, side: PeopleSide) -> set[Row]:
    """One person's account at the provider means the other."""
    for index, holder in zip(side.subjects, (world.holder_ids[5], world.holder_ids[4]), strict=True):
        db.execute("UPDATE provider_subjects SET holder_id = ? WHERE subject_bidx = ?", (holder, index))
    return {(f"provider_subjects/{index.hex()[:16]}", "fsck.credential_edited") for index in side.subjects}


def forget_subject(db: Dba, _: World, side: PeopleSide) -> set[Row]:
    db.execute("DELETE FROM provider_subjects WHERE subject_bidx = ?", (side.subjects[0],))
    return {(f"provider_subjects/{side.subjects[0].hex()[:16]}", "fsck.row_missing")}


def invent_subject(db: Dba, world: World, _: PeopleSide) -> set[Row]:
    receipt = one(db, "SELECT id FROM receipts WHERE kind = 'delivery' LIMIT 1")
    columns = "subject_bidx, holder_id, receipt_id, created_at_ms"
    row = (bytes(32), world.holder_ids[4], receipt, 1)
    db.execute(f"INSERT INTO provider_subjects ({columns}) VALUES (?, ?, ?, ?)", row)
    return {("provider_subjects/0000000000000000", "fsck.credential_edited")}


def forget_passkey(db: Dba, world: World, side: PeopleSide) -> set[Row]:
    db.execute("DELETE FROM passkeys WHERE id = ?", (side.passkeys[0],))
    return {("passkeys", "fsck.row_missing")}


def swap_passkeys(db: Dba, _: World, side: PeopleSide) -> set[Row]:
    first, second = side.passkeys
    owners = {row: one(db, "SELECT holder_id FROM passkeys WHERE id = ?", row) for row in side.passkeys}
    db.execute("UPDATE passkeys SET holder_id = ? WHERE id = ?", (owners[second], first))
    db.execute("UPDATE passkeys SET holder_id = ? WHERE id = ?", (owners[first], second))
    return {(f"passkeys/{row}", "fsck.credential_edited") for row in side.passkeys}


CASES: dict[str, Change] = {
    "party reinstated": reinstate_party,
    "suspension forgotten": forget_suspension,
    "party suspended": party("status", "suspended"),
    "party's role": party("role", "regulator"),
    "party's name": party("name_zh", "别的机构"),
    "party's code": party("uscc", "91310000MA1FL0XX00"),
    "party's account": party("address", bytes(20)),
    "party's department": party("department_code", "transport"),
    "party's contact": party("contact", "else@contact.invalid"),
    "party's custody": party("custody", "agent"),
    "party's time": party("created_at_ms", 1),
    "party's key replaced": replace_party_key,
    "party's key taken away": give_another_key,
    "party deleted": remove("parties", entity),
    "party invented": invent("parties", {"http_key_thumbprint": None, "http_key": None}, "fsck.party_edited", entity),
    "registered for more": register_more,
    "registration struck off": strike_off,
    "registered earlier": register_earlier,
    "registered for another": register_for_another,
    "request's fields": request("items", "[]"),
    "request's purpose": request("purpose_code", "bank.loan"),
    "request's case": request("case_no", "C-8"),
    "request's days": request("wanted_days", 365),
    "request's uses": request("wanted_uses", 99),
    "request's cut": request("cut", '[{"code": "x"}]'),
    "request's item": request("item_no", 3),
    "request's pack": request("scenario_code", "claims"),
    "request's end": request("lapses_at_ms", 4_100_000_000_000),
    "request's time": request("created_at_ms", 1),
    "request of another entity": request("entity_id", "party_other"),
    "request to another": ask_another,
    "request as a holder's own": request("origin", "holder"),
    "request as statutory duty": request("legal_basis", "statutory_duty"),
    "request to extend": request("extends_id", "grant_other"),
    "request's receipt": request("receipt_id", None),
    "request approved by nobody": request("state", "approved"),
    "request denied by nobody": request("state", "denied"),
    "request lapsed too early": request("state", "lapsed"),
    "denied request opened again": request("state", "requested", denied),
    "lapsed request prolonged": request("lapses_at_ms", 4_100_000_000_000, lapsed),
    "request deleted": remove("requests", asked),
    "denied request deleted": remove("requests", denied),
    "request of nobody deleted": remove("requests", lapsed),
    "request invented": invent("requests", {"receipt_id": None}, "fsck.request_altered", asked),
    "alarm stops nobody": alarm("blocks", False, looked_into),
    "alarm's count": alarm("seen", 1),
    "alarm's limit": alarm('"limit"', 99),
    "alarm's last time": alarm("last_at_ms", 1),
    "alarm of another": alarm("party_id", "party_other"),
    "alarm under another basis": alarm("basis_code", "tax.audit"),
    "alarm of another kind": alarm("kind", "quota"),
    "alarm's time": alarm("raised_at_ms", 1),
    "alarm closed by hand": close_by_hand,
    "alarm opened again": open_again,
    "alarm's remark": alarm("remark", "nothing", looked_into),
    "alarm closed by another": alarm("closed_by", "party_other", looked_into),
    "alarm deleted": remove("statutory_alarms", watching),
    "closed alarm deleted": remove("statutory_alarms", looked_into),
    "alarm invented": invent("statutory_alarms", {}, "fsck.alarm_edited", watching),
    "accounts swapped": swap_subjects,
    "account forgotten": forget_subject,
    "account invented": invent_subject,
    "passkey's counter": key_of("sign_count", 1),
    "passkey's use": key_of("used_at_ms", 1),
    "passkey's credential": key_of("credential_hash", bytes(32)),
    "passkey's body": key_of("body_enc", bytes(90)),
    "passkey's receipt": key_of("receipt_id", None),
    "passkeys swapped": swap_passkeys,
    "passkey deleted": forget_passkey,
    "passkey invented": invent("passkeys", {"credential_hash": bytes(32)}, "fsck.credential_edited", passkey),
}


def _done(change: Change, side: PeopleSide, db: Dba, world: World) -> set[Row]:
    return change(db, world, side)


def test_nothing_is_named_that_nobody_changed(lived: World, backend: Backend) -> None:
    with copied(lived, backend) as url:
        db = Database(url)
        report = fsck(db, lived.vault, lived.log_public_key, identity=IDENTITY)
        db.close()
        assert check(lived, url) == set()
    assert report.findings == ()
    kinds = ("parties", "registrations", "requests", "statutory_alarms", "provider_subjects", "passkeys")
    assert [report.checked[kind] for kind in kinds] == [2, 3, 5, 2, 2, 2]


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_named(name: str, lived: World, side: PeopleSide, backend: Backend) -> None:
    wanted, found = found_after(partial(_done, CASES[name], side), lived, backend)
    named = found | {(row.split("/")[0], code) for row, code in found}
    assert wanted <= named, found
