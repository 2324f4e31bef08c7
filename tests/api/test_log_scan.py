"""After everything has happened once: nothing personal in logs, addresses, clear columns, or on the chain."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.demo import flow, flow_traces
from api.errors import ApiError
from api.services import trace_jobs
from api.store.tables import Base
from tests.api.calls import caller
from tests.town import BANKS, HARBOUR, LICENCE, TITLES, Service, city_files, small_city

PAGES = ("/citizen", "/citizen/grants", "/citizen/footprints", "/citizen/requests", "/citizen/me")


@pytest.fixture(scope="module")
def logged() -> Iterator[list[str]]:
    """Everything that anybody logs, libraries included, as it would be written."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(logging.Formatter("%(name)s %(levelname)s %(message)s").format(record))

    handler, root = Keep(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lines
    root.removeHandler(handler)
    root.setLevel(before)


def secrets() -> set[str]:
    """Names, numbers, addresses of everybody, and every other value that is long enough to be somebody's."""
    city = small_city()
    found = {person.number for person in city.persons}
    found |= {person.name for person in city.persons if len(person.name) > 2}
    for certificate in city.certificates:
        found |= {
            value
            for name, value in certificate.values.items()
            if len(value) >= 8 and not re.fullmatch(r"[0-9-]{10}", value) and name != "issuing_authority"
        }
    return {value for value in found if not re.fullmatch(r"[\u4e00-\u9fff（）]{2,12}(局|厅|部|中心|支队|大队)", value)}


def everything_happens(service: Service, folder: Path) -> list[str]:
    """All roles, good and bad; the addresses that were asked for."""
    asked: list[str] = []
    town = service.town
    for file in city_files(folder):
        if file.type_code in {LICENCE, "person.marriage_certificate"}:
            officer = town.department(file.department)
            officer.http.event_hooks["request"] = [lambda request: asked.append(str(request.url))]
            flow.return_file(officer, file.path, file.type_code)
    bad = folder / "bad.csv"
    bad.write_text("姓名,公民身份号码,x\n王小明,371099199001010011,1\n", "utf-8")
    department = service.ctx.catalogue.ready_type(LICENCE).department
    flow.return_file(town.department(department), bad, LICENCE)
    service.work()
    for at in range(3):
        person = service.driver(at)
        citizen = service.citizen(person)
        citizen.http.event_hooks["request"] = [lambda request: asked.append(str(request.url))]
        grant = service.grant(person, case_no=f"CL-{at}", uses=2)
        for extension in ("json", "csv"):
            copy = flow.pull_envelope(town, HARBOUR, grant, extension)
        for accept in ("application/pdf", "application/json"):
            with pytest.raises(ApiError, match=r"pull\.uses_exhausted"):
                town.machine(HARBOUR).pull(grant, accept)
        town.regulator().upload("/v1/traces", f"{person.name}.csv", copy.file)
        run = [(f"{person.name}.csv", copy.file), (f"{person.number}.pdf", b"%PDF-1.7 " + person.number.encode())]
        flow_traces.begin_job(town.regulator(), run, number=person.number)
        rounds = trace_jobs.Rounds()
        while trace_jobs.turn(service._worker()[0], rounds):
            pass
        for path in PAGES:
            citizen.get_bytes(path)
        record = citizen.get("/v1/certificates")["items"][0]["id"]
        citizen.get_bytes(f"/v1/certificates/{record}/original")
        citizen.get_bytes(f"/v1/certificates/{record}/proof")
        citizen.post(f"/v1/grants/{grant}/revoke")
    landlord = small_city().landlords[0]
    service.grant(landlord, BANKS[0], items=TITLES, purpose="bank.personal_credit", case_no="L-1", days=5, uses=1)
    nobody = {"number": landlord.number, "name": landlord.name, "kind": "person", "role": "nobody"}
    for claims in (nobody, {"x": landlord.number}):
        caller(service, "stranger").call("POST", "/v1/sessions", claims)
    service.settle()
    return asked


@pytest.fixture(scope="module")
def happened(service: Service, logged: list[str], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return everything_happens(service, tmp_path_factory.mktemp("files"))


def hits(text: str) -> set[str]:
    return {secret for secret in secrets() if secret in text}


def test_the_scan_finds_what_it_looks_for() -> None:
    person = small_city().persons[0]
    assert len(secrets()) > 200
    assert hits(f"2026 WARN refused {person.number} at x") == {person.number}


def test_no_line_of_any_log_holds_anything_personal(happened: list[str], logged: list[str]) -> None:
    assert len(happened) > 30
    text = "\n".join(logged)
    assert hits(text) == set()


def test_no_address_holds_anything_personal(happened: list[str]) -> None:
    from urllib.parse import unquote

    assert hits("\n".join(unquote(url) for url in happened)) == set()


def test_no_clear_column_holds_anything_personal(happened: list[str], service: Service) -> None:
    tables = sorted(Base.metadata.tables)
    assert len(tables) > 20
    for table in tables:
        for row in service.rows(f'SELECT * FROM "{table}"'):
            text = "\n".join(
                value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in row
            )
            assert hits(text) == set(), table


def test_nothing_on_the_chain_holds_anything_personal(happened: list[str], service: Service) -> None:
    raw = b"\n".join(row[0] for row in service.rows("SELECT raw FROM chain_txs"))
    assert len(raw) > 1000
    found = {secret for secret in secrets() if secret.encode() in raw or secret.encode().hex().encode() in raw}
    assert found == set()


def test_the_database_file_itself_holds_nothing_personal(happened: list[str], service: Service, store: str) -> None:
    if store != "sqlite":
        pytest.skip("a server's files are searched in tests/store/test_privacy.py")
    for path in sorted(service.settings.data_dir.glob("mydata.sqlite3*")):
        data = path.read_bytes()
        assert {secret for secret in secrets() if secret.encode() in data} == set(), path.name
    assert (service.settings.data_dir / "mydata.sqlite3").stat().st_mode & 0o077 == 0
