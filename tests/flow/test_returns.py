"""Department files that are wrong in every way that the issue names: a clear answer in both languages, nothing lost."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api import locale, worker
from api.demo import flow
from api.demo.files import ExpectedFile
from api.errors import ApiError, Kind
from api.services import returning
from api.services import returns as services
from api.store.queries import returns
from tests import town
from tests.api.calls import problem
from tests.flow.files import HEADER, SCHEMA, Row, licences, table, wrong_digit
from tests.town import LICENCE, Service, city_files


@pytest.fixture(scope="module")
def small(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with small limits, so that small files are over them; slices of eight rows."""
    folder = tmp_path_factory.mktemp("small") / "data"
    shutil.copytree(prepared, folder)
    with town.running(folder, max_upload_bytes=20_000, max_rows=60, batch_leaves=8) as running:
        yield running


def officer(service: Service) -> flow.Person:
    return service.town.department(SCHEMA.department)


def hand_in(service: Service, data: bytes, *, seal: bool = False, type_code: str = LICENCE) -> str:
    fields = {"type": type_code, "seal": "true" if seal else "false"}
    return str(officer(service).upload("/v1/returns", "file.csv", data, **fields)["id"])


def checked(service: Service, data: bytes, *, seal: bool = False) -> dict[str, Any]:
    """Hand in, let the worker work, read the result."""
    returned = hand_in(service, data, seal=seal)
    service.work()
    item: dict[str, Any] = officer(service).get(f"/v1/returns/{returned}")
    return item


def notes(service: Service, item: dict[str, Any]) -> list[tuple[int, str, str]]:
    rows = officer(service).get(f"/v1/returns/{item['id']}/rows")["items"]
    return [(row["line"], row["state"], row["reason"]) for row in rows]


def in_both_languages(code: str, facts: dict[str, Any]) -> None:
    texts = {lang: locale.error_text(code, lang, facts) for lang in locale.LANGUAGES}
    assert code in locale.error_texts()
    assert texts["zh-Hans"] != texts["en"]
    assert "…" not in "".join(texts.values()), f"{code}: a fact is missing in {facts}"


# Files as a whole

GOOD = licences(0, 1)
WITHOUT_NUMBERS = b"\r\n".join(line.split(b",", 1)[1] for line in table(GOOD).splitlines())
WHOLE_FILES = {
    "no bytes but blanks": (b" \r\n \r\n", "returns.empty_file"),
    "a header alone": (table([]), "returns.no_rows"),
    "a broken workbook": (b"PK\x03\x04" + bytes(200), "returns.bad_workbook"),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + bytes(200), "returns.old_workbook"),
    "half a JSON file": (b'[{"a": 1}, {', "returns.bad_json"),
    "a PDF": (b"%PDF-1.7\n" + bytes(200), "returns.not_csv"),
    "UTF-16": (("\ufeff" + table(GOOD).decode()).encode("utf-16-le"), "returns.encoding"),
    "bytes of no encoding": (table(GOOD) + b"\xff\xff\xff\xff\x80", "returns.encoding"),
    "no header": (table(GOOD).split(b"\r\n", 1)[1], "returns.no_header"),
    "a column too many": (table(GOOD, header=[*HEADER[:-1], "备注二"]), "returns.unknown_column"),
    "a column twice": (table(GOOD, header=[*HEADER[:-1], HEADER[0]]), "returns.duplicate_column"),
    "a column missing": (WITHOUT_NUMBERS, "returns.missing_column"),
    "another type's columns": ("姓名,公民身份号码,住址\n甲,1,2\n".encode(), None),
}


@pytest.mark.parametrize("name", WHOLE_FILES)
def test_a_file_that_cannot_be_read_at_all(name: str, service: Service) -> None:
    data, code = WHOLE_FILES[name]
    before = service.rows("SELECT count(*) FROM records")[0][0]
    item = checked(service, data, seal=True)
    assert item["state"] == "failed"
    if code is not None:
        assert item["error"]["code"] == code
    in_both_languages(item["error"]["code"], item["error"]["facts"])
    for row in GOOD:
        assert row["id_number"] not in str(item), "nothing of a row is repeated"
        assert row["name"] not in str(item)
    assert service.rows("SELECT count(*) FROM records")[0][0] == before
    kept = service.rows("SELECT count(*) FROM return_chunks WHERE return_id = :id", id=item["id"])
    assert kept == [(0,)], "the file is not kept either"
    # Sealing it is refused, and the same file, corrected or not, may come again.
    with pytest.raises(ApiError, match=r"returns\.not_checked"):
        officer(service).post(f"/v1/returns/{item['id']}/seal")
    assert hand_in(service, data) != item["id"]
    service.work()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encodings_that_offices_use(encoding: str, service: Service) -> None:
    at = {"utf-8": 1, "utf-8-sig": 3, "gb18030": 5}[encoding]
    rows = licences(at, 2)
    item = checked(service, table(rows, encoding=encoding), seal=True)
    assert (item["state"], item["rows"]["good"], item["rows"]["bad"]) == ("sealed", 2, 0)
    for row in rows:
        person = service.town.citizen(row["id_number"], row["name"])
        (certificate,) = person.get("/v1/certificates")["items"]
        assert {k: v for k, v in certificate["values"].items() if v} == {k: v for k, v in row.items() if v}


def test_the_three_encodings_are_one_content(service: Service) -> None:
    rows = licences(7, 1)
    first = checked(service, table(rows, encoding="utf-8"), seal=True)
    second = checked(service, table(rows, encoding="gb18030"), seal=True)
    assert first["rows"]["good"] == 1
    assert (second["rows"]["good"], second["rows"]["duplicate"], second["id"] != first["id"]) == (0, 1, True)


# Rows


def spoilt(row: Row, **changed: str) -> Row:
    return {**row, **changed}


def test_each_bad_row_is_named_and_costs_no_other(service: Service) -> None:
    rows = licences(8, 12)
    rows[1] = spoilt(rows[1], id_number=wrong_digit(rows[1]["id_number"]))
    rows[2] = spoilt(rows[2], name="=cmd|'/C calc'!A0")
    rows[3] = spoilt(rows[3], address="@SUM(A1)")
    rows[4] = spoilt(rows[4], name="")
    rows[5] = spoilt(rows[5], birth_date="2026-02-30")
    rows[6] = spoilt(rows[6], id_number=f"{float(rows[6]['id_number'][:17]):.5E}")
    rows[7] = spoilt(rows[7], sex="unknown")
    rows[9] = dict(rows[8])
    rows[10] = spoilt(rows[8], address="另一处地址1号")
    item = checked(service, table(rows), seal=True)
    assert item["state"] == "sealed"
    expected = [
        (3, "bad", "catalogue.id_check_digit"),
        (4, "bad", "returns.formula_cell"),
        (5, "bad", "returns.formula_cell"),
        (6, "bad", "catalogue.required"),
        (7, "bad", "catalogue.bad_date"),
        (8, "bad", "catalogue.rewritten_number"),
        (9, "bad", "catalogue.not_a_choice"),
        (11, "duplicate", "returns.duplicate"),
        (12, "bad", "returns.conflicting_rows"),
    ]
    found = notes(service, item)
    assert [note for note in found if note[2] != "catalogue.id_birth_mismatch"] == expected
    counts = item["rows"]
    assert (counts["total"], counts["good"], counts["bad"], counts["duplicate"]) == (12, 3, 8, 1)
    assert counts["good"] + counts["bad"] + counts["duplicate"] == counts["total"]
    report = officer(service).get(f"/v1/returns/{item['id']}/rows")["items"]
    for note in report:
        in_both_languages(note["reason"], note["facts"])
        for row in rows:
            assert row["id_number"] not in str(note)
            assert not row["name"] or row["name"] not in str(note)
    # The good ones are there, the first of the two conflicting ones with its own address.
    person = service.town.citizen(rows[8]["id_number"], rows[8]["name"])
    assert person.get("/v1/certificates")["items"][0]["values"]["address"] == rows[8]["address"]
    gone = service.town.citizen(rows[4]["id_number"], "x")
    assert gone.get("/v1/certificates")["items"] == []


def test_a_row_with_another_number_of_cells(service: Service) -> None:
    lines = table(licences(20, 3)).splitlines(keepends=True)
    lines[2] = lines[2].rstrip() + b",more,cells\r\n"
    item = checked(service, b"".join(lines))
    assert notes(service, item) == [(3, "bad", "returns.cell_count")]
    assert item["rows"]["good"] == 2


def test_a_file_of_bad_rows_alone_is_not_sealed(service: Service) -> None:
    rows = [spoilt(row, name="") for row in licences(23, 2)]
    item = checked(service, table(rows), seal=True)
    assert (item["state"], item["rows"]["good"], item["rows"]["bad"]) == ("checked", 0, 2)
    with pytest.raises(ApiError, match=r"returns\.nothing_good"):
        officer(service).post(f"/v1/returns/{item['id']}/seal")


def test_every_file_of_the_city_earns_its_report(service: Service, tmp_path: Path) -> None:
    """All types, encodings and spellings of the demo's files, in process; counts, lines and reasons as foretold."""
    files: list[ExpectedFile] = [f for f in city_files(tmp_path) if f.type_code not in town.SEEDED]
    assert len(files) > 8
    for file in files:
        who = service.town.department(file.department)
        returned = flow.return_file(who, file.path, file.type_code)
        service.work()
        item = who.get(f"/v1/returns/{returned}")
        rows = item["rows"]
        assert (item["state"], rows["total"], rows["good"]) == ("sealed", file.rows, file.good), file.type_code
        found = {row["line"]: row["reason"] for row in flow.bad_rows(who, returned, "bad")}
        assert found == {line: reason for line, (_, reason) in file.bad.items()}, file.type_code
        assert rows["duplicate"] == len(file.duplicates)


# Limits, owners, repeats


def test_an_empty_upload(service: Service) -> None:
    with pytest.raises(ApiError) as refused:
        hand_in(service, b"")
    assert refused.value.code == "returns.empty_file"


def test_a_file_over_the_limit(small: Service) -> None:
    before = small.rows("SELECT count(*) FROM returns")[0][0]
    with pytest.raises(ApiError) as refused:
        hand_in(small, b"x" * 20_001)
    assert refused.value.code == "returns.too_large"
    in_both_languages("returns.too_large", dict(refused.value.facts))
    assert small.rows("SELECT count(*) FROM returns")[0][0] == before


def test_too_many_rows(small: Service) -> None:
    row = table(licences(30, 1)).splitlines(keepends=True)
    item = checked(small, row[0] + row[1] * 61)
    assert (item["state"], item["error"]["code"]) == ("failed", "returns.too_many_rows")
    assert item["error"]["facts"] == {"limit": 60, "found": 61}


def test_another_department_s_type(service: Service) -> None:
    other = service.ctx.catalogue.ready_type("person.real_estate_title").department
    assert other != SCHEMA.department
    who = service.town.department(other)
    with pytest.raises(ApiError, match=r"returns\.not_your_type"):
        who.upload("/v1/returns", "a.csv", table(licences(0, 1)), type=LICENCE, seal="true")
    for code, reason in (("person.nothing", "catalogue.unknown_type"), ("", "http.invalid_input")):
        with pytest.raises(ApiError) as refused:
            who.upload("/v1/returns", "a.csv", b"x", type=code)
        assert refused.value.code == reason


def test_a_form_without_its_parts(service: Service) -> None:
    who = officer(service)
    headers = {"X-CSRF-Token": who.csrf, "Idempotency-Key": "k" * 20}
    problem(who.http.post("/v1/returns", data={"type": LICENCE}, headers=headers), 422, "http.invalid_input")
    files = {"file": ("a.csv", b"x", "text/csv")}
    problem(who.http.post("/v1/returns", files=files, headers=headers), 422, "http.invalid_input")


def test_the_same_file_again_is_the_same_return(service: Service) -> None:
    data = table(licences(31, 2))
    first = checked(service, data)
    assert hand_in(service, data) == first["id"]
    sealed = officer(service).post(f"/v1/returns/{first['id']}/seal")
    assert sealed["state"] == "sealed"
    assert officer(service).post(f"/v1/returns/{first['id']}/seal")["state"] == "sealed", "sealing twice is no error"
    assert hand_in(service, data) == first["id"]
    receipts = service.rows("SELECT count(*) FROM receipts WHERE return_id = :id", id=first["id"])
    assert receipts[0][0] == 1


def test_nothing_shows_before_the_seal(service: Service) -> None:
    (row,) = licences(33, 1)
    item = checked(service, table([row]))
    person = service.town.citizen(row["id_number"], row["name"])
    assert person.get("/v1/certificates")["items"] == []
    officer(service).post(f"/v1/returns/{item['id']}/seal")
    (certificate,) = person.get("/v1/certificates")["items"]
    assert certificate["anchor_state"] == "pending"


def test_a_correction_supersedes_at_its_seal_and_not_before(service: Service) -> None:
    (row,) = licences(34, 1)
    checked(service, table([row]), seal=True)
    newer = checked(service, table([spoilt(row, licence_class="A2")]))
    person = service.town.citizen(row["id_number"], row["name"])
    (shown,) = person.get("/v1/certificates")["items"]
    assert (shown["version"], shown["values"]["licence_class"]) == (1, row["licence_class"])
    officer(service).post(f"/v1/returns/{newer['id']}/seal")
    (shown,) = person.get("/v1/certificates")["items"]
    assert (shown["version"], shown["values"]["licence_class"]) == (2, "A2")
    history = person.get(f"/v1/certificates/{shown['id']}/history")["versions"]
    assert [(v["version"], v["status"]) for v in history] == [(2, "current"), (1, "superseded")]


def test_progress_is_told_as_it_happens(service: Service) -> None:
    returned = hand_in(service, table(licences(35, 2)), seal=True)
    who = officer(service)
    seen = []
    with who.http.stream("GET", f"/v1/returns/{returned}/events") as events:
        assert events.headers["content-type"].startswith("text/event-stream")
        for line in events.iter_lines():
            if line.startswith("data:"):
                seen.append(line)
                if len(seen) == 1:
                    service.work()
                if '"state": "sealed"' in line:
                    break
    assert '"state": "received"' in seen[0]


# Trouble


def test_a_worker_killed_between_slices_goes_on_where_it_stood(small: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = licences(40, 30)
    rows[3] = spoilt(rows[3], name="")
    rows[17] = dict(rows[16])
    returned = hand_in(small, table(rows), seal=True)
    store, calls = returning._store, []

    def dies(*args: Any, **kwargs: Any) -> bool:
        calls.append(1)
        if len(calls) in {2, 4}:
            raise KeyboardInterrupt  # what ends the process, from the code's point of view
        return store(*args, **kwargs)

    monkeypatch.setattr(returning, "_store", dies)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            small.work()
        state = small.rows("SELECT state, next_line FROM returns WHERE id = :id", id=returned)[0]
        assert state[0] == "checking"
        assert 0 < state[1] < 31
    small.work()
    item = officer(small).get(f"/v1/returns/{returned}")
    counts = item["rows"]
    assert item["state"] == "sealed"
    assert (counts["total"], counts["good"], counts["bad"], counts["duplicate"]) == (30, 28, 1, 1)
    stored = small.rows(
        "SELECT count(*), count(DISTINCT number_bidx) FROM records JOIN batches ON batches.id = batch_id "
        "WHERE return_id = :id",
        id=returned,
    )
    assert stored == [(28, 28)], "no row lost, none twice"


def test_a_slice_that_was_overtaken_is_prepared_anew(small: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its preparation and its transaction somebody of it signs in for the first time: one holder, not two."""
    rows = licences(76, 3)
    returned = hand_in(small, table(rows), seal=True)
    prepare, made = returning._prepare, []

    def overtaken(*args: Any) -> returning.Prepared:
        made.append(prepare(*args))
        if len(made) == 1:
            small.town.citizen(rows[1]["id_number"], rows[1]["name"])
        return made[-1]

    monkeypatch.setattr(returning, "_prepare", overtaken)
    small.work()
    assert len(made) == 2
    counts = officer(small).get(f"/v1/returns/{returned}")["rows"]
    assert (counts["good"], counts["bad"], counts["duplicate"]) == (3, 0, 0)
    for row in rows:
        (certificate,) = small.town.citizen(row["id_number"], row["name"]).get("/v1/certificates")["items"]
        assert certificate["values"]["address"] == row["address"]


def test_an_upload_that_breaks_off_leaves_nothing_acknowledged(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = table(licences(44, 3))
    monkeypatch.setattr(returns, "CHUNK_BYTES", 100)
    before = service.rows("SELECT count(*) FROM returns")
    add_chunk = returns.add_chunk

    def dies(session: Any, vault: Any, row: Any, seq: int, content: bytes) -> None:
        if seq == 2:
            raise ApiError("store.unavailable", Kind.UNAVAILABLE, reason="SQLITE_FULL")
        add_chunk(session, vault, row, seq, content)

    with monkeypatch.context() as patch:
        patch.setattr(returns, "add_chunk", dies)
        with pytest.raises(ApiError, match=r"store\.unavailable"):
            hand_in(service, data)
    assert service.rows("SELECT count(*) FROM returns") == before
    left = "SELECT count(*) FROM return_chunks"
    assert service.rows(left) == [(2,)]
    services.forget_left_files(service.ctx)
    assert service.rows(left) == [(2,)], "it may still be coming in"
    service.execute("UPDATE return_chunks SET created_at_ms = created_at_ms - 3600001")
    services.forget_left_files(service.ctx)
    assert service.rows(left) == [(0,)]
    # The same file again is taken whole, read piece by piece, and leaves no piece behind.
    item = checked(service, data, seal=True)
    assert (item["state"], item["rows"]["good"]) == ("sealed", 3)
    assert service.rows(left) == [(0,)]


def test_pieces_that_a_dying_worker_left_are_forgotten(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    data = table(licences(48, 2))
    with monkeypatch.context() as patch:
        patch.setattr(returning, "forget_file", lambda *_: None)  # as if killed right after the last transaction
        item = checked(service, data, seal=True)
    assert item["state"] == "sealed"
    kept = "SELECT count(*) FROM return_chunks WHERE return_id = :id"
    assert service.rows(kept, id=item["id"]) == [(1,)]
    worker.keep_house(service.ctx)
    assert service.rows(kept, id=item["id"]) == [(0,)]


def test_a_damaged_file_steps_aside(service: Service) -> None:
    damaged = hand_in(service, table(licences(72, 1)), seal=True)
    behind = hand_in(service, table(licences(73, 1)), seal=True)
    service.execute("UPDATE return_chunks SET chunk_enc = :wrong WHERE return_id = :id", wrong=bytes(500), id=damaged)
    service.work()
    item = officer(service).get(f"/v1/returns/{damaged}")
    assert (item["state"], item["error"]["code"]) == ("failed", "store.ciphertext")
    assert officer(service).get(f"/v1/returns/{behind}")["state"] == "sealed", "the next one is not held up"


def test_what_nobody_expected_steps_aside_too(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = hand_in(service, table(licences(74, 1)), seal=True)
    with monkeypatch.context() as patch:
        patch.setattr(returning, "_store", lambda *_: 1 / 0)
        service.work()
    item = officer(service).get(f"/v1/returns/{broken}")
    assert (item["state"], item["error"]["code"]) == ("failed", "returns.stopped")
    in_both_languages("returns.stopped", {})


def test_a_database_that_is_away_fails_no_return(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = hand_in(service, table(licences(75, 1)), seal=True)

    def away(*_: Any) -> None:
        raise ApiError("store.unavailable", Kind.UNAVAILABLE, reason="SQLITE_FULL")

    with monkeypatch.context() as patch:
        patch.setattr(returning, "_store", away)
        with pytest.raises(ApiError, match=r"store\.unavailable"):
            service.work()
    assert officer(service).get(f"/v1/returns/{waiting}")["state"] == "checking"
    service.work()
    assert officer(service).get(f"/v1/returns/{waiting}")["state"] == "sealed"


def test_a_suspended_department_holds_nobody_up(service: Service) -> None:
    theirs = hand_in(service, table(licences(76, 1)), seal=True)
    other = service.ctx.catalogue.ready_type("person.real_estate_title").department
    service.execute("UPDATE parties SET status = 'suspended' WHERE department_code = :c", c=SCHEMA.department)
    try:
        service.work()
        assert service.rows("SELECT state, auto_seal FROM returns WHERE id = :id", id=theirs) == [("checked", 0)]
        assert not worker.one_return(service.ctx)
    finally:
        service.execute("UPDATE parties SET status = 'active' WHERE department_code = :c", c=SCHEMA.department)
    assert other
    assert officer(service).post(f"/v1/returns/{theirs}/seal")["state"] == "sealed"


def test_a_return_is_sealed_by_its_own_department_s_key(service: Service) -> None:
    item = checked(service, table(licences(77, 1)), seal=True)
    issuer = service.rows("SELECT DISTINCT issuer FROM batches WHERE return_id = :id", id=item["id"])
    address = service.rows("SELECT address FROM parties WHERE department_code = :c", c=SCHEMA.department)
    assert issuer == address
    assert item["state"] == returns.ReturnState.SEALED
    assert httpx.get(f"{service.url}/v1/returns/{item['id']}", trust_env=False).status_code == 401
