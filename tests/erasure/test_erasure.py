"""Erasure end to end: with every key and every file in hand nothing of the person is left; all else still verifies."""

import contextlib
import io
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import select

from api.demo import commands, flow, flow_duty, flow_looks, leaks
from api.demo.people import Person
from api.demo.postgres import Server
from api.policy.copy_states import DAY_MS
from api.services import copies_life, erasure_run
from api.store import fsck as store_check
from api.store import read_only
from api.store.backup import restore_backup, write_backup
from api.store.backup_keys import expiry_ms
from api.store.database import Database
from api.store.queries import holders, records
from api.store.tables import Record
from api.wiring import TRUST_FILE, log_key
from chain.__main__ import verify_with_node
from chain.bundle import parse_bundle
from chain.canonical import canonical
from chain.trustfile import parse_trust_file
from chain.verdict import State
from tests import town
from tests.conftest import Places
from tests.copies.acts import now_s, refused
from tests.erasure.forensics import decrypted_backups, every_key, examine
from tests.town import HARBOUR, PINE, Service

COOLING_S = 3600
POLICE, FILE_NO = "police.investigation", "A3710024500002026110001"
JSON = "application/json"
SEEN = (
    "records.body_enc",
    "holders.profile_enc",
    "mandates.body_enc",
    "counter_visits.body_enc",
    "cases.reason_enc",
    "cases.decision_enc",
    "contents.original_enc",
    "copies.file_enc",
    "user_sessions.display_enc",
)
"""Where the scan must find the person before the erasure, or it could not see."""


@pytest.fixture
def service(store: str, places: Places) -> Iterator[Service]:
    folder, url = places.prepared(store)
    with town.running(folder, database_url=url, erasure_cooling_s=COOLING_S) as running:
        yield running


def holder_of(service: Service, person: Person) -> str:
    with read_only(service.ctx.db) as session:
        found = holders.find_holder(session, service.ctx.vault, holders.HolderKind.PERSON, person.number)
    assert found is not None
    return str(found)


def findings(service: Service) -> list[tuple[str, str]]:
    ctx = service.ctx
    public_key = log_key(ctx.keys).public_key().public_bytes_raw()
    report = store_check.fsck(ctx.db, ctx.vault, public_key, identity=ctx.chain)
    return [(found.table, found.code) for found in report.findings]


def numbered(service: Service) -> None:
    town.until(lambda: service.rows("SELECT count(*) FROM prepared_receipts")[0][0] == 0, "receipts are numbered")


def erase(service: Service, person: Person) -> str:
    wish = flow.ask_erasure(service.citizen(person))
    service.wind_clock((COOLING_S + 1) * 1000)

    def done() -> bool:
        erasure_run.turn(service.ctx)
        return bool(service.rows("SELECT 1 FROM erasures WHERE id = :id AND state = 'done'", id=wish["id"]))

    town.until(done, "it is erased")
    return str(wish["id"])


def values_of(service: Service, holder: str) -> list[str]:
    """All values of a holder's records that nobody else has, and that are long enough not to turn up by chance."""
    mine: set[str] = set()
    others: set[str] = set()
    with read_only(service.ctx.db) as session:
        for record in session.execute(select(Record)).scalars():
            key = holders.holder_key(session, service.ctx.vault, record.holder_id)
            values = set(records.open_body(key, record).fields.values())
            (mine if record.holder_id == holder else others).update(values)
    return sorted(value for value in mine - others if len(value.encode()) >= 8)


def everything_else(service: Service, person: Person, other: Person) -> None:
    """Traces of a person beyond certificates, consents and copies: in others' papers, at a window, with authorities."""
    mine, theirs = service.citizen(person), service.citizen(other)
    both = (person.number, person.name), (other.number, other.name)
    flow.accept_mandate(theirs, flow.appoint_agent(mine, both[1]))
    flow.accept_mandate(mine, flow.appoint_agent(theirs, both[0]))
    officer = flow.at_counter(service.town, "civil_affairs", "0042")
    asked = service.ask(person, PINE, case_no="CL-2026-2")
    visit = flow.open_visit(officer, both[0])
    flow.decide_at_counter(officer, visit, asked, agree=False)
    flow.print_slip(officer, visit)
    police = service.town.department("public_security")
    flow_duty.query(police, POLICE, FILE_NO, person.number, [f"{town.LICENCE}/licence_class"])
    grant = service.grant(person, PINE)
    case = flow_looks.contest(mine, f"{person.name}没有办理过此授权。", grant=grant)
    refused("erasure.held_up", flow.ask_erasure, mine)
    regulator = service.town.regulator()
    flow_looks.move_case(regulator, str(case["id"]), "review")
    flow_looks.decide_case(regulator, str(case["id"]), "dismissed", f"经核实，系{person.name}本人办理。")


def files_of(service: Service) -> tuple[list[Path], list[Path]]:
    data = service.settings.data_dir
    database = data / "mydata.sqlite3"
    rest = [path for path in data.rglob("*") if path.is_file() and path != database and "demo" not in path.name]
    return [database], [path for path in rest if path.suffix != ".key" and "devnet" not in str(path)]


@pytest.mark.slow
def test_nothing_is_left_for_whoever_has_everything(service: Service, store: str, tmp_path: Path) -> None:
    if store != "sqlite":
        pytest.skip("files of a PostgreSQL server are its operator's")
    ctx, person, other = service.ctx, service.driver(0), service.driver(1)
    grant = service.grant(person)
    copy = service.town.machine(HARBOUR).pull(grant, JSON).headers["copy-id"]
    kept = flow.pull_envelope(service.town, PINE, service.grant(other, PINE), "json")
    everything_else(service, person, other)
    service.settle()
    evidence = service.town.machine(PINE).get(f"/v1/receipts/{kept.receipt}/evidence")
    holder = holder_of(service, person)
    values = values_of(service, holder)
    assert len(values) > 3 and {person.number, person.name} <= set(values)
    secret = [bytes(service.rows("SELECT wrapped_key FROM holders WHERE id = :id", id=holder)[0][0])]
    secret += [bytes(service.rows("SELECT number_bidx FROM holders WHERE id = :id", id=holder)[0][0])]
    backup = tmp_path / "before.backup"
    info = write_backup(ctx.db, ctx.settings.data_dir, backup, now_ms=now_s(service) * 1000, key_days=35)
    data = ctx.settings.data_dir

    def attack(folder: Path) -> list[tuple[str, str]]:
        """All keys, the live files, and every backup that opens."""
        folder.mkdir()
        keys = every_key(data)
        databases, files = files_of(service)
        for at, plain in enumerate(decrypted_backups([backup], keys.values())):
            databases.append(folder / f"opened-{at}.sqlite3")
            databases[-1].write_bytes(plain)
        scan = examine(databases, [*files, backup], keys, values, secret)
        assert scan.blobs > 100
        return scan.found

    before = attack(tmp_path / "before")
    places = {place for place, _ in before}
    assert {f"mydata.sqlite3:{column}" for column in SEEN} | {"opened-0.sqlite3:records.body_enc"} <= places

    erase(service, person)
    numbered(service)
    # The copy's recipient has not deleted it: what is needed to trace it is kept, by name, and nothing else.
    left = {place for place, _ in attack(tmp_path / "retained") if not place.startswith("opened-0")}
    assert left == {"mydata.sqlite3:contents.original_enc"}
    assert findings(service) == []

    # The database of before, with the key back, is what a failed shredding would look like.
    planted = tmp_path / "planted.sqlite3"
    shutil.copy(data / "mydata.sqlite3", planted)
    with contextlib.closing(sqlite3.connect(planted)) as connection, connection:
        connection.execute("UPDATE holders SET wrapped_key = ? WHERE id = ?", (secret[0], holder))
    assert examine([planted], [], every_key(data), values, secret).found

    # Time of keeping over, the backups' key destroyed.
    ends = service.rows("SELECT ends_ms FROM retention_keys ORDER BY ends_ms")
    assert len(ends) == 2, "a copy by consent, and one that a law lets the police keep for years"
    late = max(expiry_ms(info.created_ms, 35), ends[-1][0]) - now_s(service) * 1000 + DAY_MS
    service.wind_clock(late)
    erasure_run.turn(ctx)
    erasure_run.turn(ctx)
    assert list(decrypted_backups([backup], every_key(data).values())) == []
    refused("backup.key_gone", restore_backup, backup, data, tmp_path / "elsewhere.sqlite3")
    after = attack(tmp_path / "after")
    assert after == []
    numbered(service)
    assert findings(service) == []

    # Everybody else's proofs hold.
    service.settle()
    trust = parse_trust_file((data / TRUST_FILE).read_bytes())
    verdict = verify_with_node(parse_bundle(canonical(evidence)), trust, service.chain.url, kept.file)
    assert verdict.state is State.VALID
    assert copy


def test_a_wish_can_be_taken_back_and_must_be_meant(service: Service) -> None:
    person = service.driver(2)
    citizen = service.citizen(person)
    plan = flow.erasure_plan(citizen)
    assert {one["code"] for one in plan["erased"]} >= {"certificates", "grants", "receipts", "profile"}
    assert {one["code"] for one in plan["kept"]} >= {"log_entries", "backups"}
    assert all(one["basis"]["zh"] and one["basis"]["en"] for one in plan["kept"])
    refused("erasure.plan_changed", citizen.post, "/v1/erasures", {"plan": "0x" + "00" * 32})
    wish = flow.ask_erasure(citizen)
    assert wish["state"] == "cooling"
    erasure_run.turn(service.ctx)
    assert flow.erasure_plan(citizen)["current"]["state"] == "cooling"
    assert flow.cancel_erasure(citizen, wish["id"])["state"] == "cancelled"
    service.wind_clock((COOLING_S + 1) * 1000)
    erasure_run.turn(service.ctx)
    assert citizen.get("/v1/certificates")["items"]
    refused("erasure.not_found", service.citizen(service.driver(3)).post, f"/v1/erasures/{wish['id']}/cancel")
    # A consent given between the two confirmations changes what is confirmed.
    read = {"plan": flow.erasure_plan(citizen)["plan"]}
    asked = citizen.post("/v1/erasures", read)
    service.grant(person)
    refused("erasure.plan_changed", citizen.post, f"/v1/erasures/{asked['id']}/confirm", read)


@pytest.mark.slow
def test_consents_end_and_recipients_are_told(service: Service) -> None:
    person = service.driver(0)
    grant = service.grant(person)
    machine = service.town.machine(HARBOUR)
    copy = machine.pull(grant, JSON).headers["copy-id"]
    waiting = service.ask(person, PINE)
    numbered(service)
    wish = erase(service, person)
    numbered(service)
    assert machine.get(f"/v1/grants/{grant}")["state"] == "invalidated"
    assert machine.get(f"/v1/copies/{copy}")["state"] == "delete_due"
    refused("pull.grant_invalidated", machine.pull, grant, JSON)
    assert service.town.machine(PINE).get(f"/v1/requests/{waiting.id}")["state"] == "lapsed"
    assert flow.wait_for_erasure(service.town, wish)["state"] == "done"
    # Its recipient can still state that it deleted the copy, and that has a receipt.
    copies_life.turn(service.ctx, copies_life.Rounds())
    assert flow.delete_copy(service.town, HARBOUR, copy)["receipt"]
    numbered(service)
    assert findings(service) == []
    # Whoever comes back is somebody new.
    service.town.signed_in.clear()
    again = service.citizen(person)
    assert again.get("/v1/certificates")["items"] == []


@pytest.mark.slow
def test_a_killed_worker_goes_on(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    person = service.driver(0)
    first, second = service.grant(person), service.grant(person, PINE)
    wish = flow.ask_erasure(service.citizen(person))
    service.wind_clock((COOLING_S + 1) * 1000)

    class Killed(BaseException):
        """The process is gone."""

    steps = ("end_relations", "shred", "finish")
    for at, step in enumerate(steps):
        whole = getattr(erasure_run, step)

        def before(*_: Any) -> None:
            raise Killed

        def after(*given: Any, whole: Any = whole) -> None:
            whole(*given)
            raise Killed

        for way in (before, after):
            monkeypatch.setattr(erasure_run, step, way)
            if at == 0 or way is before or step != "finish":
                with pytest.raises(Killed):
                    erasure_run.turn(service.ctx)
        monkeypatch.setattr(erasure_run, step, whole)
    erasure_run.turn(service.ctx)
    numbered(service)
    assert flow.wait_for_erasure(service.town, wish["id"])["state"] == "done"
    machine = service.town.machine(HARBOUR)
    assert machine.get(f"/v1/grants/{first}")["state"] == "invalidated"
    assert service.town.machine(PINE).get(f"/v1/grants/{second}")["state"] == "invalidated"
    assert service.rows("SELECT count(*) FROM receipts WHERE kind = 'erasure'")[0][0] == 1
    assert findings(service) == []


@pytest.mark.slow
def test_absence_without_a_receipt_is_named(service: Service) -> None:
    one, other = service.driver(0), service.driver(1)
    kept = holder_of(service, other)
    service.grant(one)
    numbered(service)
    gone = holder_of(service, one)
    erase(service, one)
    numbered(service)
    assert findings(service) == []
    record = service.rows("SELECT id, holder_id FROM records WHERE holder_id = :id", id=kept)[0][0]
    body = service.rows("SELECT body_enc FROM records WHERE id = :id", id=record)[0][0]
    service.execute("UPDATE records SET body_enc = :none WHERE id = :id", none=b"", id=record)
    assert ("records", "fsck.record_edited") in findings(service)
    # Hung onto somebody who was erased, it is one more than that erasure left.
    service.execute("UPDATE records SET holder_id = :gone WHERE id = :id", gone=gone, id=record)
    assert ("holders", "fsck.tombstones") in findings(service)
    service.execute(
        "UPDATE records SET holder_id = :kept, body_enc = :body WHERE id = :id", kept=kept, body=body, id=record
    )
    assert findings(service) == []
    key = service.rows("SELECT wrapped_key FROM holders WHERE id = :id", id=kept)[0][0]
    service.execute("UPDATE holders SET wrapped_key = :none WHERE id = :id", none=b"", id=kept)
    assert ("holders", "fsck.erased_unreceipted") in findings(service)
    service.execute("UPDATE holders SET wrapped_key = :key WHERE id = :id", key=key, id=kept)
    assert findings(service) == []


@pytest.mark.slow
def test_tracing_ends_with_the_time_of_keeping(service: Service) -> None:
    person = service.driver(0)
    envelope = flow.pull_envelope(service.town, HARBOUR, service.grant(person), "json")
    erase(service, person)
    service.settle()

    def traced() -> dict[str, Any]:
        service.town.signed_in.clear()
        officer = service.town.regulator()
        found: dict[str, Any] = officer.upload("/v1/traces", "leak.json", envelope.file)
        return found["items"][0] if "items" in found else found

    first = traced()
    assert first["outcome"] == "identified", json.dumps(first)[:300]
    # Values alone name nobody any more: whoever else had them may have lost, with the erasure, what told so.
    (plain,) = service.town.regulator().upload("/v1/traces", "p.json", leaks.bare_json(envelope.file, sort=True))[
        "items"
    ]
    assert (plain["outcome"], plain["report"]["accused"]) == ("inconclusive", [])
    # Whoever doubts the verdict is shown the delivery itself, on the chain as well, until its time is over.
    copy = first["report"]["named"][0]["copy"]
    proof = f"/v1/traces/{first['id']}/evidence/{copy}"
    evidence = service.town.regulator().get(proof)
    trust = parse_trust_file((service.settings.data_dir / TRUST_FILE).read_bytes())
    shown = parse_bundle(canonical(evidence))
    verdict = verify_with_node(shown, trust, service.chain.url, envelope.file)
    wrong = {(one.state, one.code) for one in verdict.findings if one.state is not State.VALID}
    assert wrong == {(State.REVOKED, "chain.verify.grant_ended")}, "nothing but that the erasure ended the consent"
    assert all(not certificate.disclosed for certificate in shown.certificates)
    theirs = service.town.machine(HARBOUR).get(f"/v1/receipts/{envelope.receipt}/evidence")
    assert theirs["receipt"] == evidence["receipt"], "its recipient as well"
    assert findings(service) == []
    for change in ("DELETE FROM retained_proofs", "UPDATE retained_proofs SET bundle_enc = :b"):
        kept = service.rows("SELECT receipt_id, key_id, bundle_enc FROM retained_proofs")
        service.execute(change, **({"b": bytes(80)} if ":b" in change else {}))
        assert ("retained_proofs", "fsck.retention_edited") in findings(service)
        service.execute("DELETE FROM retained_proofs")
        for row in kept:
            insert = "INSERT INTO retained_proofs (receipt_id, key_id, bundle_enc) VALUES (:r, :k, :b)"
            service.execute(insert, r=row[0], k=row[1], b=row[2])
    assert findings(service) == []
    service.wind_clock(400 * DAY_MS)
    erasure_run.turn(service.ctx)
    assert traced()["outcome"] == "erased"
    service.town.signed_in.clear()
    refused("store.erased", service.town.regulator().get, proof)
    assert service.rows("SELECT count(*) FROM retained_proofs")[0][0] == 0
    numbered(service)
    assert findings(service) == []


def restored_elsewhere(service: Service, backup: Path, holder: str, server: Server) -> None:
    """PostgreSQL: into another, empty database of the same server, by the command."""
    url, said = server.create_database("restored_after_erasure"), io.StringIO()
    settings = service.settings.model_copy(update={"database_url": url})
    commands.restore_store(settings, backup, Console(file=said))
    assert "erased again: 1" in said.getvalue()
    db = Database(url)
    with read_only(db) as session:
        row = holders.get_holder(session, holder)
        assert row is not None and not row.wrapped_key
    db.close()
    refused("backup.exists", commands.restore_store, settings, backup, Console(file=said))
    server.drop_database("restored_after_erasure")


@pytest.mark.slow
def test_a_restored_backup_is_erased_again_before_it_serves(
    service: Service, store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    ctx, person = service.ctx, service.driver(0)
    backup = tmp_path / "old.backup"
    write_backup(ctx.db, ctx.settings.data_dir, backup, now_ms=now_s(service) * 1000, key_days=35)
    refused("backup.exists", write_backup, ctx.db, tmp_path, backup, now_ms=now_s(service) * 1000, key_days=35)
    holder = holder_of(service, person)
    erase(service, person)
    if store != "sqlite":
        restored_elsewhere(service, backup, holder, request.getfixturevalue("postgres"))
        return
    service.stop()
    data = service.settings.data_dir
    refused("backup.exists", restore_backup, backup, data, data / "mydata.sqlite3")
    for path in data.glob("mydata.sqlite3*"):
        path.unlink()
    restore_backup(backup, data, data / "mydata.sqlite3")
    db = Database(service.settings.store_url)
    with read_only(db) as session:
        row = holders.get_holder(session, holder)
        assert row is not None and row.wrapped_key
    db.close()
    damaged = tmp_path / "damaged.backup"
    content = bytearray(backup.read_bytes())
    content[-100] ^= 1
    damaged.write_bytes(bytes(content))
    refused("backup.malformed", restore_backup, damaged, data, tmp_path / "damaged.sqlite3")
    assert not (tmp_path / "damaged.sqlite3").exists()
    with town.running(data, erasure_cooling_s=COOLING_S) as again:
        assert again.rows("SELECT length(wrapped_key) FROM holders WHERE id = :id", id=holder)[0][0] == 0
        numbered(again)
        assert findings(again) == []
    # The command does the same before anything is started.
    for path in data.glob("mydata.sqlite3*"):
        path.unlink()
    said = io.StringIO()
    commands.restore_store(service.settings, backup, Console(file=said))
    assert "erased again: 1" in said.getvalue()
    db = Database(service.settings.store_url)
    with read_only(db) as session:
        row = holders.get_holder(session, holder)
        assert row is not None and not row.wrapped_key
    db.close()
    commands.backup_store(service.settings, tmp_path / "new.backup", Console(file=said))
    assert "key destroyed on" in said.getvalue()
