"""From a dropped file to its report: columns proposed, corrected, remembered; the same file is the same return."""

import io
import json
from typing import Any

import pytest
from python_calamine import load_workbook

from api.demo import flow, flow_intake
from api.errors import ApiError
from api.services import intake
from chain import points
from tests.flow.files import HEADER, SCHEMA, licences, table
from tests.intake import books
from tests.town import LICENCE, Service

STRANGE = ["甲", "乙", *books.HEADS[2:]]
SAID: dict[str, str | None] = {"甲": "id_number", "乙": "name"} | dict(
    zip(books.HEADS[2:], books.FIELDS[2:], strict=True)
)
DAY_MS = 86_400_000


def officer(service: Service) -> flow.Person:
    return service.town.department(SCHEMA.department)


def drop(service: Service, data: bytes, **fields: str) -> dict[str, Any]:
    item: dict[str, Any] = officer(service).upload("/v1/returns", "a.xlsx", data, type=LICENCE, **fields)
    return item


def strange(first: int, count: int) -> bytes:
    return books.book([books.cells(row) for row in licences(first, count)], heads=[STRANGE])


def page(service: Service, path: str, **form: Any) -> Any:
    who = officer(service)
    if form:
        return who.http.post(path, data=form | {"csrf": who.csrf})
    return who.http.get(path)


def parted(first: int, count: int) -> bytes:
    """Two columns under a group that nobody knows, and two of one name at the end."""
    since, until = (books.FIELDS.index(name) for name in ("valid_from", "valid_until"))
    above, below = [*books.HEADS, "备注", "备注"], [""] * (len(books.HEADS) + 2)
    above[since], above[until], below[since], below[until] = "期间", "", "始", "终"

    def merge(sheet: Any) -> None:
        sheet.merge_cells(start_row=1, end_row=1, start_column=since + 1, end_column=until + 1)

    rows = [[*books.cells(row), "x", "y"] for row in licences(first, count)]
    return books.book(rows, heads=[above, below], change=merge)


def test_what_is_said_of_joined_and_repeated_names_is_remembered(service: Service) -> None:
    item = drop(service, parted(60, 3), look="true")
    shown = officer(service).get(f"/v1/returns/{item['id']}/columns")
    width = len(books.HEADS)
    notes = [f"备注 #{width + 1}", f"备注 #{width + 2}"]
    named = [one["header"] for one in shown["columns"]]
    assert {"期间 始", "期间 终", *notes} <= set(named) and len(set(named)) == len(named)
    seen = page(service, f"/department/returns/{item['id']}/columns").text
    assert f"备注（第 {width + 2} 列）" in seen and f'value="{notes[1]}"' in seen
    fields = [*books.FIELDS, "", ""]
    path = f"/department/returns/{item['id']}/columns"
    assert page(service, path, header=named, field=fields, remember="1").status_code == 303
    service.work()
    direct = drop(service, parted(63, 2))
    service.work()
    for one, good in ((item, 3), (direct, 2)):
        done = officer(service).get(f"/v1/returns/{one['id']}")
        assert (done["state"], done["rows"]["good"], done["rows"]["bad"]) == ("checked", good, 0)


def test_a_file_waits_for_its_columns_and_is_checked_then(service: Service) -> None:
    data, (before,) = strange(30, 4), service.rows("SELECT count(*) FROM column_mappings")
    item = drop(service, data, look="true")
    assert item["state"] == "mapping"
    service.work()
    shown = officer(service).get(f"/v1/returns/{item['id']}/columns")
    assert (shown["form"], shown["certain"]) == ("xlsx", False)
    assert shown["missing"] == [], "the values tell number and name"
    by_header = {one["header"]: one for one in shown["columns"]}
    assert (by_header["甲"]["field"], by_header["甲"]["basis"], by_header["甲"]["confidence"]) == (
        "id_number",
        "values",
        90,
    )
    numbers = [row["id_number"] for row in licences(30, 4)]
    assert not [number for number in numbers if number in json.dumps(shown)], "samples are blotted out"
    for wrong, code in (
        ({**SAID, "甲": None}, "returns.missing_column"),
        ({**SAID, "甲": "name"}, "returns.duplicate_column"),
        ({**SAID, "甲": "age_over_18"}, "catalogue.unknown_field"),
        ({k: v for k, v in SAID.items() if k != "甲"}, "returns.unknown_column"),
    ):
        with pytest.raises(ApiError, match=code):
            officer(service).post(f"/v1/returns/{item['id']}/columns", {"columns": wrong})
    answer = officer(service).post(f"/v1/returns/{item['id']}/columns", {"columns": SAID})
    assert answer["state"] == "received"
    service.work()
    done = officer(service).get(f"/v1/returns/{item['id']}")
    assert (done["state"], done["form"], done["rows"]["good"], done["rows"]["bad"]) == ("checked", "xlsx", 4, 0)
    with pytest.raises(ApiError, match=r"returns\.not_mapping"):
        officer(service).get(f"/v1/returns/{item['id']}/columns")
    again = officer(service).post(f"/v1/returns/{item['id']}/columns", {"columns": SAID})
    assert again["id"] == item["id"], "saying the same twice is no error"
    # What was said is remembered: the next such file asks nothing, whichever way it comes, however it is ordered.
    direct = drop(service, strange(34, 2), seal="true")
    service.work()
    assert officer(service).get(f"/v1/returns/{direct['id']}")["rows"]["good"] == 2
    looked = drop(service, strange(36, 2), look="true")
    bases = {one["basis"] for one in officer(service).get(f"/v1/returns/{looked['id']}/columns")["columns"]}
    assert bases == {"remembered"}
    kept = service.rows("SELECT columns FROM column_mappings")
    assert len(kept) == before[0] + 1
    assert not [number for number in numbers if number in str(kept)]


def test_the_same_file_read_in_the_same_way_is_the_same_return(service: Service) -> None:
    data = table(licences(38, 2))
    said = json.dumps(dict(zip(HEADER, books.FIELDS, strict=True)), ensure_ascii=False)
    first = drop(service, data, columns=said)
    assert drop(service, data, columns=said)["id"] == first["id"]
    service.work()
    assert drop(service, data, columns=said)["id"] == first["id"], "also once it is checked"
    assert drop(service, data)["id"] == first["id"], "and where nothing is said"
    swapped = {"初次领证日期": "valid_from", "有效起始日期": "first_issued_on"}
    other = json.dumps(dict(zip(HEADER, books.FIELDS, strict=True)) | swapped, ensure_ascii=False)
    assert drop(service, data, columns=other)["id"] != first["id"]
    # A file that waits, and turns out to have been returned in the same way before.
    waiting = drop(service, table(licences(38, 2)) + b"\r\n", look="true")
    twin = drop(service, table(licences(38, 2)) + b"\r\n", columns=said)
    answer = officer(service).post(f"/v1/returns/{waiting['id']}/columns", {"columns": json.loads(said)})
    assert answer["id"] == twin["id"]
    assert officer(service).get(f"/v1/returns/{waiting['id']}")["error"]["code"] == "returns.repeated"
    service.work()


@pytest.mark.parametrize("columns", ["[]", "{", '{"a": 1}', '{"a": "b", "a": "c"}'])
def test_columns_that_are_none(columns: str, service: Service) -> None:
    with pytest.raises(ApiError, match=r"http\."):
        drop(service, table(licences(40, 1)), columns=columns)


def test_a_sheet_is_chosen(service: Service) -> None:
    data = books.workbook(licences(41, 2), more=lambda made: made.create_sheet("说明").append(["请逐行填写"]))
    item = drop(service, data, look="true")
    shown = officer(service).get(f"/v1/returns/{item['id']}/columns")
    assert [(one["number"], one["rows"]) for one in shown["sheets"]] == [(0, 3), (1, 1)]
    assert shown["columns"] == []
    shown = officer(service).get(f"/v1/returns/{item['id']}/columns", sheet=0)
    columns = {one["header"]: one["field"] for one in shown["columns"]}
    with pytest.raises(ApiError, match=r"returns\.several_sheets"):
        officer(service).post(f"/v1/returns/{item['id']}/columns", {"columns": columns})
    officer(service).post(f"/v1/returns/{item['id']}/columns", {"columns": columns, "sheet": 0})
    service.work()
    assert officer(service).get(f"/v1/returns/{item['id']}")["rows"]["good"] == 2


def test_a_file_whose_columns_nobody_names_goes(service: Service) -> None:
    item = drop(service, strange(43, 1), look="true")
    assert intake.lapse(service.ctx) == 0
    service.execute(
        "UPDATE returns SET created_at_ms = created_at_ms - :ms WHERE id = :id",
        ms=7 * DAY_MS + 1000,
        id=item["id"],
    )
    assert intake.lapse(service.ctx) == 1
    assert officer(service).get(f"/v1/returns/{item['id']}")["error"]["code"] == "returns.mapping_lapsed"
    assert service.rows("SELECT count(*) FROM return_chunks WHERE return_id = :id", id=item["id"]) == [(0,)]


def test_a_file_that_is_named_while_it_lapses_stays(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    item = drop(service, strange(53, 1), look="true")
    late = 7 * DAY_MS + 1000
    service.execute("UPDATE returns SET created_at_ms = created_at_ms - :ms WHERE id = :id", ms=late, id=item["id"])
    fail = intake.fail

    def named_first(*args: Any, **more: Any) -> bool:
        officer(service).post(f"/v1/returns/{item['id']}/columns", {"columns": SAID, "remember": False})
        return fail(*args, **more)

    monkeypatch.setattr(intake, "fail", named_first)
    assert intake.lapse(service.ctx) == 0
    service.work()
    assert officer(service).get(f"/v1/returns/{item['id']}")["rows"]["good"] == 1


def test_what_is_said_of_columns_is_checked_before_it_is_kept(service: Service) -> None:
    """Nothing of a header that the file does not have is stored, nor of one that is a person's row."""
    rows = licences(54, 1)
    given = dict(zip(HEADER, books.FIELDS, strict=True))
    for said, code in (
        (given | {HEADER[0]: "age_over_18"}, "catalogue.unknown_field"),
        (given | {HEADER[0]: None}, "returns.missing_column"),
        ({"x" * 201: "name"}, "http.invalid_input"),
        ({str(n): None for n in range(257)}, "http.invalid_input"),
        ({"": "n" * 65}, "http.invalid_input"),
    ):
        with pytest.raises(ApiError, match=code):
            drop(service, table(rows), columns=json.dumps(said))
    person = [rows[0]["id_number"], *books.FIELDS[1:]]
    headless = table(rows, header=person)
    bare = dict(zip(person, books.FIELDS, strict=True))
    with pytest.raises(ApiError, match=r"returns\.header_is_row"):
        drop(service, headless, columns=json.dumps(bare))
    many = books.workbook(rows, more=lambda made: made.create_sheet("说明").append(["请逐行填写"]))
    with pytest.raises(ApiError, match=r"returns\.several_sheets"):
        drop(service, many, columns=json.dumps(given))
    stray = rows[0]["id_number"]
    item = drop(service, table(rows), columns=json.dumps(given | {stray: None}))
    ((kept,),) = service.rows("SELECT columns FROM returns WHERE id = :id", id=item["id"])
    assert stray not in str(kept)
    leaked = "SELECT count(*) FROM returns WHERE CAST(columns AS TEXT) LIKE :seek"
    assert service.rows(leaked, seek=f"%{stray}%") == [(0,)]
    again = drop(service, table(rows), columns=json.dumps(given))
    assert again["id"] == item["id"], "what the file does not have is not part of how it is read"
    service.work()
    assert officer(service).get(f"/v1/returns/{item['id']}")["rows"]["good"] == 1


def test_pages_ask_only_where_there_is_something_to_ask(service: Service) -> None:
    who = officer(service)

    def post(data: bytes, name: str, **more: str) -> str:
        form = {"type": LICENCE, "csrf": who.csrf, **more}
        answer = who.http.post("/department/returns", data=form, files={"file": (name, data)})
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    plain = post(books.workbook(licences(44, 2)), "a.xlsx")
    assert not plain.endswith("/columns")
    service.work()
    assert who.get("/v1/returns/" + plain.rpartition("/")[2])["rows"]["good"] == 2
    assert post(books.workbook(licences(46, 2)), "b.xlsx", look="1").endswith("/columns")
    heads = ["证号", "姓名啊", *books.HEADS[2:]]
    asked = post(books.book([books.cells(row) for row in licences(48, 2)], heads=[heads]), "c.xlsx")
    assert asked.endswith("/columns")
    assert page(service, asked.removesuffix("/columns")).headers["location"] == asked
    shown = page(service, asked)
    assert shown.status_code == 200
    assert "姓名啊" in shown.text
    assert licences(48, 1)[0]["id_number"] not in shown.text
    wrong = page(service, asked, header=heads, field=["", *books.FIELDS[1:]])
    assert (wrong.status_code, "returns.missing_column" in wrong.text) == (422, True)
    done = page(service, asked, header=heads, field=books.FIELDS, remember="1")
    assert (done.status_code, done.headers["location"]) == (303, asked.removesuffix("/columns"))
    service.work()
    assert who.get("/v1/returns/" + asked.split("/")[3])["rows"]["good"] == 2
    broken = post(b'[{"a": 1}, {', "d.json")
    assert who.get("/v1/returns/" + broken.rpartition("/")[2])["error"]["code"] == "returns.bad_json"
    assert page(service, broken).status_code == 200


def test_the_report_as_a_workbook(service: Service) -> None:
    rows = licences(50, 3)
    rows[1]["sex"] = "unknown"
    item = drop(service, books.workbook(rows))
    service.work()
    answer = page(service, f"/department/returns/{item['id']}/rows.xlsx")
    found = load_workbook(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
    assert [str(cell) for cell in found[1]][0::4] == ["3", "catalogue.not_a_choice"]
    assert len(found) == 2


def test_a_return_goes_on_with_the_columns_that_it_began_with(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before and after they are kept; what is said of such files in between is for the next file."""

    class KilledError(BaseException):
        pass

    def killed(name: str) -> None:
        if name.endswith("returning/_with_columns"):
            raise KilledError

    whole = SAID
    who = officer(service)
    named = drop(service, strange(70, 1), look="true")
    flow_intake.confirm_columns(who, named["id"], whole)
    service.work()
    item = drop(service, strange(71, 2))
    for kind in ("commit", "committed"):
        points.arm(lambda name, kind=kind: killed(name) if name.startswith(f"{kind}:") else None)
        try:
            with pytest.raises(KilledError):
                service.work()
        finally:
            points.arm(None)
        kept = service.rows("SELECT columns FROM returns WHERE id = :id", id=item["id"])[0][0]
        assert (kept is None) == (kind == "commit")
    other = drop(service, strange(73, 1), look="true")
    flow_intake.confirm_columns(who, other["id"], whole | {"甲": "name", "乙": "id_number"})
    service.work()
    done = who.get(f"/v1/returns/{item['id']}")
    assert (done["state"], done["rows"]["good"], done["rows"]["bad"]) == ("checked", 2, 0)
