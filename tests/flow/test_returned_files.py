"""Files as departments really send them: each fault has its own answer, in both languages, and loses nothing."""

import httpx
import pytest

from api.catalogue import load_catalogue
from api.demo import flow
from api.errors import ApiError
from api.locale import error_text
from tests.town import LICENCE, Service, small_city

CARD = "person.id_card"


def _lines(service: Service) -> tuple[str, list[str]]:
    """Header and rows of real identity cards of the small city, in the catalogue's Chinese headers."""
    schema = load_catalogue().ready_type(CARD)
    header = ",".join(field.zh for field in schema.fields)
    cards = [certificate for certificate in small_city().certificates if certificate.type_code == CARD]
    rows = [",".join(card.values[field.name] for field in schema.fields) for card in cards]
    return header, rows


def _return(service: Service, data: bytes, *, seal: bool = True, name: str = "cards.csv") -> dict[str, object]:
    officer = service.town.department("public_security")
    answer = officer.upload("/v1/returns", name, data, type=CARD, seal="true" if seal else "false")
    service.work()
    item: dict[str, object] = officer.get(f"/v1/returns/{answer['id']}")
    return item


@pytest.mark.parametrize(
    ("build", "code"),
    [
        (lambda header, rows: "号码甲,姓名乙\n1,2\n", "returns.no_header"),
        (lambda header, rows: header + ",陌生列\n" + rows[0] + ",1\n", "returns.unknown_column"),
        (lambda header, rows: header.rsplit(",", 1)[0] + "\n" + rows[0].rsplit(",", 1)[0], "returns.missing_column"),
        (lambda header, rows: header + ",姓名\n" + rows[0] + ",张三\n", "returns.duplicate_column"),
        (lambda header, rows: header + "\n", "returns.no_rows"),
        (lambda header, rows: "\n \n", "returns.empty_file"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_keeps_nothing(service: Service, build, code: str) -> None:
    before = service.rows("SELECT count(*) FROM records")
    header, rows = _lines(service)
    item = _return(service, build(header, rows).encode())
    assert item["state"] == "failed"
    assert item["error"]["code"] == code
    for lang in ("zh-Hans", "en"):
        said = error_text(code, lang, item["error"]["facts"])
        assert code not in said
        assert "{" not in said
    assert service.rows("SELECT count(*) FROM records") == before


def test_an_empty_file_and_one_over_the_limit_are_refused_at_the_door(service: Service) -> None:
    officer = service.town.department("public_security")
    with pytest.raises(ApiError) as empty:
        officer.upload("/v1/returns", "empty.csv", b"", type=CARD, seal="true")
    assert empty.value.code == "returns.empty_file"
    limit = service.settings.max_upload_bytes + service.settings.max_body_bytes
    with pytest.raises((ApiError, httpx.TransportError)) as big:
        officer.upload("/v1/returns", "big.csv", b"x" * (limit + 1), type=CARD, seal="true")
    if isinstance(big.value, ApiError):
        assert big.value.code == "http.too_large"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encodings_of_offices_are_read_alike(service: Service, encoding: str) -> None:
    header, rows = _lines(service)
    # The rows are delivered already: what counts is that every one of them is recognised.
    item = _return(service, "\r\n".join([header, *rows[:5]]).encode(encoding))
    assert item["rows"]["duplicate"] == 5
    assert item["rows"]["bad"] == 0


def test_bad_rows_are_named_by_line_and_reason_and_good_ones_kept(service: Service) -> None:
    header, rows = _lines(service)
    schema = load_catalogue().ready_type(CARD)
    names = [field.name for field in schema.fields]
    number, name = names.index("id_number"), names.index("name")

    def changed(row: str, at: int, value: str) -> str:
        cells = row.split(",")
        cells[at] = value
        return ",".join(cells)

    wrong_digit = rows[0].split(",")[number][:-1] + ("0" if rows[0].split(",")[number][-1] != "0" else "1")
    lines = [
        header,
        changed(rows[0], number, wrong_digit),
        changed(rows[1], name, "=HYPERLINK(1)"),
        changed(rows[2], name, ""),
        rows[3],
        rows[3],
        changed(rows[4], name, "演示新名"),
    ]
    item = _return(service, "\n".join(lines).encode())
    officer = service.town.department("public_security")
    noted = {row["line"]: row["reason"] for row in flow.bad_rows(officer, str(item["id"]), "bad")}
    assert noted[2] == "catalogue.id_check_digit"
    assert noted[3] == "returns.formula_cell"
    assert noted[4] == "catalogue.required"
    assert item["rows"]["duplicate"] == 2
    assert item["rows"]["good"] == 1
    # The name that changed is a new version of that certificate: the old one is superseded, nothing is lost.
    service.settle()
    versions = service.rows(
        "SELECT status FROM records WHERE number_bidx IN (SELECT number_bidx FROM records WHERE version = 2)"
    )
    assert sorted(row[0] for row in versions) == ["current", "superseded"]
    shown = str(flow.bad_rows(officer, str(item["id"]), "bad"))
    assert "HYPERLINK" not in shown
    assert wrong_digit not in shown


def test_the_same_file_again_is_the_same_return(service: Service) -> None:
    header, rows = _lines(service)
    data = "\n".join([header, *rows[:3]]).encode()
    first, second = _return(service, data), _return(service, data, name="again.csv")
    assert first["id"] == second["id"]


def test_another_departments_type_is_not_yours(service: Service) -> None:
    header, rows = _lines(service)
    officer = service.town.department("education")
    with pytest.raises(ApiError) as refused:
        officer.upload("/v1/returns", "x.csv", "\n".join([header, *rows]).encode(), type=LICENCE, seal="true")
    assert refused.value.code == "returns.not_your_type"
