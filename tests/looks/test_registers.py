"""Registers: how often somebody looked gets a receipt; old queries by statutory duty are purged, with one."""

from pathlib import Path

import pytest

from api.catalogue.erasure import load_erasure
from api.catalogue.retention import load_retention
from api.demo import flow, flow_duty, flow_looks
from api.errors import ApiError
from api.services import registers
from api.store.fsck import fsck
from api.wiring import log_key
from tests.town import LICENCE, Service, until

POLICE, CASE = "police.investigation", "A3710024500002026110042"
FIELDS = (f"{LICENCE}/licence_class",)
DAY_MS = 86_400_000


def findings(service: Service) -> set[tuple[str, str]]:
    ctx = service.ctx
    until(lambda: service.rows("SELECT count(*) FROM prepared_receipts")[0][0] == 0, "receipts get their numbers")
    key = log_key(ctx.keys).public_key().public_bytes_raw()
    return {(one.table, one.code) for one in fsck(ctx.db, ctx.vault, key, identity=ctx.chain).findings}


def receipts(service: Service) -> int:
    return int(service.rows("SELECT count(*) FROM receipts WHERE kind = 'count'")[0][0])


@pytest.mark.slow
def test_a_count_is_receipted_once_its_window_is_over(service: Service) -> None:
    person, agent = service.driver(0), service.driver(1)
    holder, who = service.citizen(person), service.citizen(agent)
    mandate = flow.appoint_agent(holder, (agent.number, agent.name), actions=["look"], days=30)
    flow.accept_mandate(who, mandate)
    flow.act_for(who, mandate)
    for _ in range(3):
        assert who.get("/v1/certificates")["items"]
    flow.act_for(who, None)
    ((look, repeats),) = service.rows("SELECT receipt_id, repeats FROM look_counts WHERE repeats > 1")
    before = receipts(service)
    assert registers.keep_house(service.ctx) == 0, "the window is open"
    lines = holder.get("/v1/footprints")["items"]
    service.wind_clock(17 * 60_000)
    assert registers.keep_house(service.ctx) == 1
    assert (registers.keep_house(service.ctx), receipts(service)) == (0, before + 1)
    assert holder.get("/v1/footprints")["items"] == lines, "the line says the count already"
    assert findings(service) == set()
    service.execute("UPDATE look_counts SET repeats = 1 WHERE receipt_id = :id", id=look)
    assert findings(service) == {("look_counts", "fsck.count_edited")}
    service.execute("UPDATE look_counts SET repeats = :n WHERE receipt_id = :id", n=repeats, id=look)
    assert findings(service) == set()
    columns = "receipt_id, key, since_ms, repeats, counted_in"
    (row,) = service.rows(f"SELECT {columns} FROM look_counts WHERE receipt_id = :id", id=look)
    service.execute("DELETE FROM look_counts WHERE receipt_id = :id", id=look)
    assert findings(service) == {("look_counts", "fsck.row_missing")}
    kept = dict(zip("abcde", row, strict=True))
    service.execute(f"INSERT INTO look_counts ({columns}) VALUES (:a, :b, :c, :d, :e)", **kept)
    assert findings(service) == set()


@pytest.mark.slow
def test_old_queries_leave_the_register_but_not_the_log(service: Service) -> None:
    person, other = service.driver(0), service.driver(1)
    police = service.town.department("public_security")
    flow_duty.query(police, POLICE, CASE, person.number, FIELDS)
    with pytest.raises(ApiError, match=r"statutory\.nothing_found"):
        flow_duty.query(police, POLICE, CASE, other.number, ["person.residence_permit/name"])
    envelope = flow_duty.query(police, POLICE, CASE, other.number, FIELDS)
    flow_looks.contest(service.citizen(other), "不是我", receipt=envelope.receipt)
    count = len(flow_duty.queries(police))
    looked = len(service.citizen(person).get("/v1/footprints")["items"])
    kept = service.rows("SELECT id, grant_id FROM statutory_accesses WHERE outcome = 'delivered' ORDER BY at_ms")[0]
    service.execute("UPDATE statutory_accesses SET grant_id = NULL WHERE id = :id", id=kept[0])
    assert ("statutory_accesses", "fsck.row_missing") in findings(service), "what was given without having been asked"
    service.execute("UPDATE statutory_accesses SET grant_id = :g WHERE id = :id", g=kept[1], id=kept[0])
    assert findings(service) == set()
    service.wind_clock(182 * DAY_MS)
    assert registers.purge_statutory(service.ctx) == 0
    service.wind_clock(2 * DAY_MS)
    contested = service.rows("SELECT count(*) FROM statutory_accesses a JOIN cases c ON c.access_id = a.id")[0][0]
    assert registers.purge_statutory(service.ctx) == count - contested
    assert registers.purge_statutory(service.ctx) == 0
    service.town.signed_in.clear()
    assert len(flow_duty.queries(service.town.department("public_security"))) == contested
    assert len(service.citizen(person).get("/v1/footprints")["items"]) == looked
    assert receipts(service) >= 1
    assert findings(service) == set()
    service.execute("DELETE FROM receipts WHERE kind = 'count'")
    assert ("statutory_accesses", "fsck.row_missing") in findings(service), "without its receipt a purge is a deletion"


def test_the_rules_agree(tmp_path: Path) -> None:
    register = load_retention().registers[registers.STATUTORY]
    (told,) = [one for one in load_erasure().kept if one.code == "access_logs"]
    assert told.days == register.days, "what people are told at an erasure is what is done"
    text = (Path(registers.__file__).parents[1] / "catalogue/retention.toml").read_text("utf-8")
    for bad in (
        text.replace("days = 183", "days = 90"),
        text + text[text.index("[[register]]") : text.index("[[basis]]")],
    ):
        path = tmp_path / "retention.toml"
        path.write_text(bad, "utf-8")
        with pytest.raises(ApiError, match=r"catalogue\.bad_file"):
            load_retention(path)
