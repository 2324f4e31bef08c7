"""A department's own agent: it computes every root from its own file, signs by itself, and may be killed anywhere."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.agent import columns, line, watching
from api.agent import keys as own_keys
from api.agent.watching import Desk
from api.client.signing import Message, sign, thumbprint
from api.demo import agent_office, flow, flow_intake
from api.errors import ApiError
from api.services import backfill
from api.services.context import Actor, Role, staff_subject
from api.wiring import TRUST_FILE
from chain.grantmsg import anchor_digest, recover
from tests.flow.files import HEADER, SCHEMA, licences, table
from tests.intake import books
from tests.town import LICENCE, Service


@dataclass
class Office:
    """A department with an agent: its desk, its party, and the service whose worker works when asked."""

    desk: Desk
    party: str
    service: Service
    keys: Path

    def put(self, name: str, data: bytes) -> Path:
        path = self.desk.folder / "in" / LICENCE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def turn(self) -> int:
        """One turn of the agent, while the worker works."""
        stop = threading.Event()

        def work() -> None:
            while not stop.wait(0.05):
                self.service.work()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            return watching.turn(self.desk, settled_s=0.0)
        finally:
            stop.set()
            thread.join(60)

    def reports(self, folder: str) -> list[dict[str, Any]]:
        found = sorted((self.desk.folder / folder).glob("*.report.json"))
        return [json.loads(path.read_text("utf-8")) for path in found]


@pytest.fixture(scope="module")
def own(office: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office.chain.start()
    folder = tmp_path_factory.mktemp("agent")
    keys = own_keys.make(folder / "keys")
    party = agent_office.admit(office.settings, SCHEMA.department, keys)
    trust = office.settings.data_dir / TRUST_FILE
    desk = line.desk_of(folder / "box", office.url, keys, trust, demo=True)
    yield Office(desk, party, office, folder / "keys")
    desk.service.close()


def test_it_returns_computes_signs_and_puts_away(own: Office) -> None:
    """Twenty rows in slices of eight, bad ones and a repeat among them."""
    rows = licences(0, 20)
    rows[3]["name"] = ""
    rows[9] = dict(rows[8])
    rows[15] = {**rows[16], "address": rows[16]["address"] + "2室"}
    path = own.put("a.xlsx", books.workbook(rows))
    assert own.turn() == 1
    assert not path.exists()
    (report,) = own.reports("done")
    assert (report["state"], report["error"]) == ("sealed", None)
    counts = report["rows"]
    assert (counts["good"], counts["bad"], counts["duplicate"]) == (17, 2, 1)
    assert {(row["line"], row["reason"]) for row in report["noted"] if row["state"] != "warned"} == {
        (5, "catalogue.required"),
        (11, "returns.duplicate"),
        (18, "returns.conflicting_rows"),
    }
    # What the outbox announces is signed by the department's own key, of which the service has nothing.
    sent = own.service.rows("SELECT payload FROM outbox WHERE key LIKE :like", like=f"anchor:{report['return']}:%")
    assert len(sent) == 1
    assert not list(own.service.settings.data_dir.glob(f"keys/*{own.party.replace('_', '-')}*"))
    own.service.settle()
    state = own.service.rows("SELECT state FROM returns WHERE id = :id", id=report["return"])
    assert state == [("anchored",)], "the contract took the agent's signature"
    # Whoever gets the certificate sees by whom it was computed and sealed.
    person = own.service.town.citizen(rows[0]["id_number"], rows[0]["name"])
    (certificate,) = person.get("/v1/certificates")["items"]
    proof = person.get(f"/v1/certificates/{certificate['id']}/proof")
    assert proof["certificates"][0]["custody"] == "agent"


def test_the_same_file_again_is_nothing_new(own: Office) -> None:
    data = table(licences(20, 3))
    own.put("b.csv", data)
    assert own.turn() == 1
    before = own.service.rows("SELECT count(*) FROM returns")
    own.put("again.csv", data)
    assert own.turn() == 1
    assert own.service.rows("SELECT count(*) FROM returns") == before
    assert len({report["return"] for report in own.reports("done") if report["rows"]["total"] == 3}) == 1


POINTS = ("post", "checked", "signatures", "sealed", "report")


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_it_goes_on(point: str, own: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    class KilledError(BaseException):
        pass

    at = POINTS.index(point)
    own.put(f"k-{point}.csv", table(licences(30 + 2 * at, 2)))
    real_post, real_wait, real_away = watching.Service.post, watching._wait, watching._put_away
    armed = {"at": point}

    def post(self: Any, path: str, *args: Any) -> Any:
        answer = real_post(self, path, *args)
        if armed.get("at") == ("signatures" if path.endswith("/signatures") else "post"):
            raise KilledError
        return answer

    def wait(desk: Desk, return_id: str, states: set[str]) -> Any:
        item = real_wait(desk, return_id, states)
        if armed.get("at") == item["state"]:
            raise KilledError
        return item

    def away(folder: Path, path: Path, report: Any) -> None:
        if armed.get("at") == "report":
            (folder / f"{path.name}.report.json").parent.mkdir(parents=True, exist_ok=True)
            raise KilledError
        real_away(folder, path, report)

    monkeypatch.setattr(watching.Service, "post", post)
    monkeypatch.setattr(watching, "_wait", wait)
    monkeypatch.setattr(watching, "_put_away", away)
    with pytest.raises(KilledError):
        own.turn()
    armed.clear()
    assert own.turn() == 1
    mine = [report for report in own.reports("done") if report["file"] == f"k-{point}.csv"]
    assert [(report["state"], report["rows"]["good"]) for report in mine] == [("sealed", 2)]
    for row in licences(30 + 2 * at, 2):
        person = own.service.town.citizen(row["id_number"], row["name"])
        assert len(person.get("/v1/certificates")["items"]) == 1, "neither lost nor doubled"


LIES = {
    "another seed": lambda told: told | {"seeds": ["0x" + "11" * 32, *told["seeds"][1:]]},
    "another root": lambda told: told | {"root": "0x" + "22" * 32},
    "a certificate left out": lambda told: told | {"size": told["size"] - 1, "seeds": told["seeds"][:-1]},
    "another day": lambda told: told | {"day": "1999-01-01"},
    "a day to come": lambda told: told | {"day": (date.today() + timedelta(days=3)).isoformat()},  # noqa: DTZ011 - any
}
OTHER_DAY = frozenset({"another day", "a day to come"})


@pytest.mark.slow
@pytest.mark.parametrize("lie", LIES)
def test_what_the_file_does_not_say_is_not_signed(lie: str, own: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    at = list(LIES).index(lie)
    own.put(f"lie-{at}.csv", table(licences(70 + 2 * at, 2)))
    real_get = watching.Service.get

    def get(self: Any, path: str) -> Any:
        answer = real_get(self, path)
        return LIES[lie](answer) if "/commitments" in path else answer

    signed: list[bytes] = []
    real_sign = type(own.desk.account).sign_digest
    monkeypatch.setattr(watching.Service, "get", get)
    monkeypatch.setattr(type(own.desk.account), "sign_digest", lambda s, d: signed.append(d) or real_sign(s, d))
    assert own.turn() == 1
    mine = [report for report in own.reports("failed") if report["file"] == f"lie-{at}.csv"]
    assert [report["error"] for report in mine] == ["agent.other_day" if lie in OTHER_DAY else "agent.root_differs"]
    assert own.service.rows("SELECT count(*) FROM returns WHERE state = 'checked' AND party_id = :p", p=own.party)[0][0]
    assert not signed, "nothing was signed by this key"


STRANGE = ["甲", "乙", *books.HEADS[2:]]
SAID: dict[str, str | None] = {"甲": "id_number", "乙": "name"}


def strange(first: int, count: int) -> bytes:
    """A workbook whose first two columns bear names that no catalogue knows."""
    return books.book([books.cells(row) for row in licences(first, count)], heads=[STRANGE])


def test_columns_are_named_by_an_officer_and_accepted_on_this_machine(
    own: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the service remembers is used once somebody here said so too; another word of it is refused for ever."""

    def mine(folder: str, name: str) -> list[dict[str, Any]]:
        return [report for report in own.reports(folder) if report["file"] == name]

    own.put("s.xlsx", strange(84, 2))
    assert own.turn() == 1
    assert [report["error"]["code"] for report in mine("failed", "s.xlsx")] == ["returns.unknown_column"]
    officer = flow.Person(own.service.url).sign_in(role="department", party=own.party, name="演示人员")
    item = flow_intake.drop(officer, "other.xlsx", strange(86, 1), LICENCE, look="true")
    flow_intake.confirm_columns(officer, item["id"], SAID | dict(zip(books.HEADS[2:], books.FIELDS[2:], strict=True)))
    signed: list[bytes] = []
    real_sign = type(own.desk.account).sign_digest
    with monkeypatch.context() as patch:
        patch.setattr(type(own.desk.account), "sign_digest", lambda s, d: signed.append(d) or real_sign(s, d))
        own.put("s.xlsx", strange(84, 2))
        assert own.turn() == 1
        assert not signed, "nobody here has said which column is the name"
        *_, report = sorted(mine("failed", "s.xlsx"), key=lambda one: "columns" in one)
        assert (report["error"], report["columns"]) == ("agent.columns", SAID)
        paths = (own.desk.folder / "failed").glob("*s.xlsx.report.json")
        asked = next(path for path in paths if "columns" in json.loads(path.read_text("utf-8")))
        assert columns.accept(own.desk.folder, asked) == SAID
        assert own.turn() == 1
        assert len(signed) == 1
    (done,) = mine("done", "s.xlsx")
    assert (done["state"], done["rows"]["good"]) == ("sealed", 2)
    with pytest.raises(ApiError, match=r"agent\.no_columns"):
        columns.accept(own.desk.folder, asked)
    own.put("t.xlsx", strange(88, 2))
    assert own.turn() == 1
    assert [report["state"] for report in mine("done", "t.xlsx")] == ["sealed"], "said once, it holds for the next"
    real_get = watching.Service.get

    def swapped(self: Any, path: str) -> Any:
        answer = real_get(self, path)
        if "/commitments" in path:
            answer["columns"] |= {"甲": "name", "乙": "id_number"}
        return answer

    own.put("u.xlsx", strange(90, 2))
    monkeypatch.setattr(watching.Service, "get", swapped)
    assert own.turn() == 1
    assert [report["error"] for report in mine("failed", "u.xlsx")] == ["agent.columns"]


def test_a_file_of_columns_that_cannot_be_read(own: Office) -> None:
    kept = own.desk.folder / columns.FILE
    before = kept.read_bytes()
    own.put("v.xlsx", strange(92, 1))
    for text in ("{", "[]", '{"a": 1}', '{"a": {"b": 1}}'):
        kept.write_text(text)
        with pytest.raises(ApiError, match=r"agent\.columns_file"):
            columns.unaccepted(own.desk.folder, SCHEMA, SAID)
    assert own.turn() == 1
    assert [r["error"] for r in own.reports("failed") if r["file"] == "v.xlsx"] == ["agent.columns_file"]
    kept.write_bytes(before)


def test_other_rules_are_not_signed(own: Office) -> None:
    own.put("old.csv", table(licences(54, 1)))
    before = own.desk
    own.desk = replace(before, catalogue=replace(before.catalogue, version="0000"))
    try:
        assert own.turn() == 1
    finally:
        own.desk = before
    assert [r["error"] for r in own.reports("failed") if r["file"] == "old.csv"] == ["agent.other_rules"]


def test_files_that_cannot_be_taken(own: Office) -> None:
    own.put("bad.json", b'[{"a": 1}, {')
    own.put("none.csv", table([{**licences(55, 1)[0], "name": ""}]))
    strange = own.desk.folder / "in" / "no.such_type" / "x.csv"
    strange.parent.mkdir(parents=True)
    strange.write_bytes(table(licences(56, 1)))
    assert own.turn() == 3
    found = {report["file"]: report for report in own.reports("failed")}
    assert found["bad.json"]["error"]["code"] == "returns.bad_json"
    assert (found["none.csv"]["state"], found["none.csv"]["rows"]["bad"]) == ("checked", 1)
    assert found["x.csv"]["error"] == "catalogue.unknown_type"


def test_what_failed_is_kept_beside_what_failed_before_and_is_tried_anew(own: Office) -> None:
    def failed() -> list[dict[str, Any]]:
        return [report for report in own.reports("failed") if report["file"] == "same.json"]

    for data in (b'[{"a": 1}, {', b'[{"b": 1}, {', b'[{"b": 1}, {'):
        own.put("same.json", data)
        assert own.turn() == 1
    kept = sorted(
        path.read_bytes() for path in (own.desk.folder / "failed").glob("*same*.json") if "report" not in path.name
    )
    assert kept == [b'[{"a": 1}, {', b'[{"b": 1}, {', b'[{"b": 1}, {']
    assert len({report["return"] for report in failed()}) == 3, "each is a return of its own"
    strange = own.desk.folder / "in" / "no.such_type"
    strange.mkdir(parents=True, exist_ok=True)
    for data in (b"one", b"two"):
        (strange / "y.csv").write_bytes(data)
        assert own.turn() == 1
    found = (path for path in (own.desk.folder / "failed").glob("*y.csv"))
    assert sorted(path.read_bytes() for path in found) == [b"one", b"two"]
    mended = table(licences(82, 1))
    own.put("same.json", mended)
    assert own.turn() == 1
    assert [report["state"] for report in own.reports("done") if report["file"] == "same.json"] == ["sealed"]


def test_only_what_is_signed_may_be_large(own: Office) -> None:
    """The name of a key is public: it alone makes nobody a sender of large files."""
    service, path = own.service, f"/v1/returns/agent?type={LICENCE}"
    large = b"x" * (service.settings.max_body_bytes + 1)

    def sent(key: Ed25519PrivateKey, *, claimed: Ed25519PrivateKey | None = None, signed: bool = True) -> int:
        message = Message(
            "POST", service.url + path, {"accept": "application/json", "idempotency-key": "a-large-file-of-an-agent"}
        )
        message.headers["content-type"] = "application/octet-stream"
        if signed:
            sign(message, large, key)
        if claimed is not None:
            given = message.headers["signature-input"]
            mine, theirs = (thumbprint(one.public_key()) for one in (key, claimed))
            message.headers["signature-input"] = given.replace(mine, theirs)
        return httpx.post(
            service.url + path, content=large, headers=message.headers, timeout=60, trust_env=False
        ).status_code

    own_key = own_keys.load(own.keys).http
    stranger = Ed25519PrivateKey.generate()
    assert sent(stranger, signed=False) == 413
    assert sent(stranger) == 413
    assert sent(stranger, claimed=own_key) == 413
    assert sent(own_key) == 202


def test_nobody_else_seals_for_it(own: Office) -> None:
    """Neither an officer of the same office nor signatures by another key, nor an agent where none is registered."""
    service = own.service
    officer = flow.Person(service.url).sign_in(role="department", party=own.party, name="演示人员")
    item = officer.upload("/v1/returns", "a.csv", table(licences(57, 2)), type=LICENCE, seal="true")
    service.work()
    path = f"/v1/returns/{item['id']}"
    assert officer.get(path)["state"] == "checked", "it is not sealed by itself either"
    with pytest.raises(ApiError, match=r"returns\.agent_seals"):
        officer.post(f"{path}/seal")
    for signatures in ([], ["0x" + "00" * 65], ["0x" + "11" * 64 + "1b"] * 2):
        with pytest.raises(ApiError, match=r"returns\.bad_signature|http\.invalid_input"):
            officer.post(f"{path}/signatures", {"signatures": signatures})
    told = officer.get(f"{path}/commitments", batch=0)
    with pytest.raises(ApiError, match=r"returns\.no_such_batch"):
        officer.get(f"{path}/commitments", batch=7)
    other = own_keys.make(own.desk.folder / "other")
    trust = own.desk.trust
    digest = anchor_digest(
        own.desk.account.address,
        [bytes.fromhex(told["root"][2:])],
        [told["size"]],
        trust.chain_id,
        trust.contracts["CertificateAnchors"].address,
    )
    with pytest.raises(ApiError, match=r"returns\.bad_signature"):
        officer.post(f"{path}/signatures", {"signatures": ["0x" + other.account.sign_digest(digest).hex()]})
    good = own.desk.account.sign_digest(digest)
    assert recover(digest, good) == own.desk.account.address
    assert officer.post(f"{path}/signatures", {"signatures": ["0x" + good.hex()]})["state"] == "sealed"
    demo = service.town.department(SCHEMA.department)
    mine = demo.upload("/v1/returns", "a.csv", table(licences(59, 1)), type=LICENCE)["id"]
    service.work()
    for call in (
        lambda: demo.get(f"/v1/returns/{mine}/commitments"),
        lambda: demo.post(f"/v1/returns/{mine}/signatures", {"signatures": ["0x" + "11" * 65]}),
    ):
        with pytest.raises(ApiError, match=r"returns\.not_by_agent"):
            call()
    with pytest.raises(ApiError, match=r"returns\.not_found"):
        demo.get(f"{path}/commitments")
    officer.close()


def test_an_agent_does_nothing_but_returning(own: Office) -> None:
    for path in ("/v1/statutory-bases", "/v1/mandates/registered", "/v1/cases", "/v1/quality"):
        with pytest.raises(ApiError, match=r"auth\.forbidden"):
            own.desk.service.get(path)
    # Of a return, nothing that officers decide: whose key it is says nothing of who held it against the papers.
    for act, body in (("review", {"rows": 1}), ("columns", {"columns": {"a": "name"}}), ("seal", {})):
        with pytest.raises(ApiError, match=r"auth\.forbidden"):
            own.desk.service.post(f"/v1/returns/ret_0/{act}", json.dumps(body).encode(), "application/json", act)
    ctx = own.service.ctx
    for subject in (own.party, staff_subject(ctx.keys, own.party, "")):
        assert not backfill.numbered(ctx, Actor(Role.DEPARTMENT, subject, party_id=own.party))
    assert backfill.numbered(
        ctx, Actor(Role.DEPARTMENT, staff_subject(ctx.keys, own.party, "0001"), party_id=own.party)
    )


def test_keys_that_others_may_read(own: Office, tmp_path: Path) -> None:
    keys = own_keys.make(tmp_path)
    assert own_keys.make(tmp_path).address == keys.address, "what is there stays"
    (tmp_path / own_keys.ACCOUNT).chmod(0o640)
    with pytest.raises(ApiError, match=r"agent\.keys"):
        own_keys.load(tmp_path)
    assert own.desk.folder != tmp_path


def test_headers_are_the_type_s() -> None:
    assert HEADER[0] == "证号"
