"""Old records entered by hand: marked, seen by their holder, shared with nobody before another officer's review."""

import pytest

from api.catalogue import load_catalogue
from api.demo import flow, flow_duty
from api.demo.commands import check as fsck
from api.demo.parties import demo_parties
from api.demo.provision import party_id
from api.errors import ApiError
from tests.flow.files import SCHEMA, licences, table
from tests.town import CLAIM, HARBOUR, LICENCE, Service

CASE = "A3710024500002026115555"
PARTY = next(party_id(one) for one in demo_parties(load_catalogue()) if one.department_code == SCHEMA.department)
ITEMS: flow.Items = ((LICENCE, "licence_class", True), (LICENCE, "name", False))


class Numbered:
    """Somebody by number and name."""

    def __init__(self, row: dict[str, str]) -> None:
        self.number, self.name = row["id_number"], row["name"]


def clerk(service: Service, staff: str | None) -> flow.Person:
    claims = {"role": "department", "party": PARTY, "name": "演示人员"}
    return flow.Person(service.url).sign_in(**claims, **({} if staff is None else {"staff": staff}))


def sealed(service: Service, who: flow.Person, data: bytes, **fields: str) -> str:
    item = who.upload("/v1/returns", "old.csv", data, type=LICENCE, seal="true", origin="backfill", **fields)
    service.work()
    found = who.get(f"/v1/returns/{item['id']}")
    assert (found["state"], found["origin"], found["reviewed_at"]) == ("sealed", "backfill", None)
    return str(item["id"])


def test_not_shared_before_another_officer_s_review(service: Service) -> None:
    rows = licences(0, 3)
    first, second, nobody = clerk(service, "0001"), clerk(service, "0002"), clerk(service, None)
    returned = sealed(service, first, table(rows))
    person = Numbered(rows[0])
    holder = service.citizen(person)
    (certificate,) = holder.get("/v1/certificates")["items"]
    assert certificate["origin"] == "backfill", "its holder sees it, with that mark"
    page = f"/citizen/certificates/{certificate['id']}"
    assert "根据旧档案补录；" in holder.http.get(page).text
    asked = service.ask(person, items=ITEMS)
    with pytest.raises(ApiError, match=r"requests\.not_reviewed"):
        flow.approve(holder, asked, days=30, uses=5)
    path = f"/v1/returns/{returned}/review"
    for who, found, code in (
        (first, 3, r"returns\.same_officer"),
        (nobody, 3, r"returns\.same_officer"),
        (second, 2, r"returns\.review_differs"),
        (second, 4, r"returns\.review_differs"),
    ):
        with pytest.raises(ApiError, match=code):
            who.post(path, {"rows": found})
    with pytest.raises(ApiError, match=r"returns\.not_found"):
        service.town.department("civil_affairs").post(path, {"rows": 3})
    answer = second.post(path, {"rows": 3})
    assert answer["reviewed_at"] is not None
    assert "根据旧档案补录，已由" in holder.http.get(page).text
    assert second.post(path, {"rows": 3})["reviewed_at"] == answer["reviewed_at"], "once is enough"
    granted = flow.approve(holder, asked, days=30, uses=5)["grant"]
    pulled = flow.pull_envelope(service.town, HARBOUR, granted, "json")
    assert rows[0]["name"].encode() in pulled.file
    for one in (first, second, nobody):
        one.close()


def test_a_pull_of_a_grant_that_was_there_before(service: Service) -> None:
    """A reviewed record is followed by an unreviewed version: the grant stands, and gives nothing until the review."""
    (row,) = licences(3, 1)
    person = Numbered(row)
    officer = service.town.department(SCHEMA.department)
    officer.upload("/v1/returns", "new.csv", table([row]), type=LICENCE, seal="true")
    service.work()
    grant = service.grant(person, items=CLAIM)
    assert flow.pull_envelope(service.town, HARBOUR, grant, "json").file
    first, second = clerk(service, "0001"), clerk(service, "0002")
    returned = sealed(service, first, table([{**row, "address": row["address"] + "1室"}]))
    with pytest.raises(ApiError, match=r"pull\.not_reviewed"):
        flow.pull_envelope(service.town, HARBOUR, grant, "json")
    second.post(f"/v1/returns/{returned}/review", {"rows": 1})
    assert flow.pull_envelope(service.town, HARBOUR, grant, "json").file
    first.close()
    second.close()


def test_a_query_by_statutory_duty_gets_nothing_before_the_review_either(service: Service) -> None:
    (row,) = licences(11, 1)
    first, second, police = clerk(service, "0001"), clerk(service, "0002"), service.town.department("public_security")
    returned = sealed(service, first, table([row]))
    fields = (f"{LICENCE}/name", f"{LICENCE}/licence_class")

    def query() -> bytes:
        return flow_duty.query(police, "police.investigation", CASE, row["id_number"], fields).file

    made = "SELECT count(*) FROM copies"
    before = service.rows(made)
    with pytest.raises(ApiError) as error:
        query()
    assert error.value.code == "statutory.nothing_found", "as of a number that nobody has"
    assert service.rows(made) == before
    second.post(f"/v1/returns/{returned}/review", {"rows": 1})
    assert row["name"].encode() in query()
    first.close()
    second.close()


def test_what_needs_no_review_and_what_is_not_ready_for_it(service: Service) -> None:
    second = clerk(service, "0002")
    plain = second.upload("/v1/returns", "a.csv", table(licences(4, 1)), type=LICENCE, seal="true")["id"]
    waiting = second.upload("/v1/returns", "b.csv", table(licences(5, 1)), type=LICENCE, origin="backfill")["id"]
    service.work()
    for item, code in ((plain, r"returns\.not_backfill"), (waiting, r"returns\.not_sealed")):
        with pytest.raises(ApiError, match=code):
            second.post(f"/v1/returns/{item}/review", {"rows": 1})
    officer = service.town.department(SCHEMA.department)
    with pytest.raises(ApiError, match=r"returns\.number_needed"):
        officer.upload("/v1/returns", "c.csv", table(licences(10, 1)), type=LICENCE, origin="backfill")
    again = second.upload("/v1/returns", "a.csv", table(licences(4, 1)), type=LICENCE, origin="backfill")
    assert again["id"] != plain, "the same file said to be old is another return"
    second.close()


def test_pages(service: Service) -> None:
    first, second = clerk(service, "0011"), clerk(service, "0012")
    form = {"type": LICENCE, "csrf": first.csrf, "old": "1", "auto_seal": "1"}
    answer = first.http.post("/department/returns", data=form, files={"file": ("a.csv", table(licences(6, 2)))})
    path = answer.headers["location"]
    service.work()
    mine, others = first.http.get(path).text, second.http.get(path).text
    assert "补录的历史数据" in mine
    assert 'name="rows"' not in mine, "whoever handed it in is shown no form"
    assert 'name="rows"' in others
    wrong = second.http.post(path + "/review", data={"rows": "1", "csrf": second.csrf})
    assert (wrong.status_code, "returns.review_differs" in wrong.text) == (422, True)
    done = second.http.post(path + "/review", data={"rows": "2", "csrf": second.csrf})
    assert done.status_code == 303
    assert "可以共享" in second.http.get(path).text
    first.close()
    second.close()


def test_a_review_that_nobody_made_is_found(office: Service) -> None:
    """Somebody with the database lets unreviewed records be shared: the check of the store names the return."""
    service = office
    first = clerk(service, "0001")
    returned = sealed(service, first, table(licences(8, 1)))
    service.settle()
    assert fsck(service.settings).ok
    service.execute("UPDATE returns SET reviewed_at_ms = 1 WHERE id = :id", id=returned)
    found = fsck(service.settings).findings
    assert [(one.table, one.id) for one in found] == [("returns", returned)]
    first.close()
