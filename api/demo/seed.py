"""Demo data on first start: a small city returned by its departments, and one story in each state, over HTTP."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from api.catalogue import load_catalogue
from api.demo import flow
from api.demo.city import ALL_TYPES, City, generate_city
from api.demo.files import write_department_files
from api.demo.flow import Town
from api.demo.parties import ENTITIES, OPERATOR, REGULATOR, demo_parties
from api.demo.people import Enterprise, Person
from api.errors import ApiError
from api.settings import Settings
from api.wiring import write_private

PEOPLE_FILE = "identities.json"
CITIZENS, RECORDS, SHOWN = 40, 420, 8
CLAIM: flow.Items = (
    ("person.driving_licence", "licence_class", True),
    ("person.driving_licence", "valid_until", True),
    ("person.driving_licence", "name", False),
    ("person.driving_licence", "address", False),
    # No purpose allows this one: the holder sees that it was taken out for them.
    ("person.id_card", "ethnicity", False),
)
MORTGAGE: flow.Items = (
    ("person.id_card", "name", True),
    ("person.id_card", "id_number", True),
    ("person.id_card", "valid_until", True),
    ("person.real_estate_title", "certificate_number", True),
    ("person.real_estate_title", "area", True),
    ("person.real_estate_title", "location", False),
)


def identities(settings: Settings) -> list[tuple[str, str]]:
    """(role, name) of everybody who can be played, for the terminal."""
    people = json.loads(_path(settings).read_text(encoding="utf-8")) if _path(settings).is_file() else []
    listed = [("citizen", f"{person['name']} {person['number']}") for person in people[:SHOWN]]
    staff = [*demo_parties(load_catalogue())[:3], *ENTITIES[:3], REGULATOR, OPERATOR]
    return [*listed, *((party.role, f"{party.name_zh} / {party.name_en}") for party in staff)]


def seed_once(settings: Settings, console: Console) -> bool:
    """Write demo data through the service unless that was done before; whether it was done now."""
    if _path(settings).is_file():
        return False
    city = generate_city(CITIZENS, RECORDS, types=ALL_TYPES)
    town = Town(settings, settings.base_url)
    try:
        with console.status("首次启动:写入演示数据 / first start: writing demo data"):
            _returns(town, city)
            people = _stories(town, city)
    finally:
        town.close()
    # Written last: a start that was interrupted seeds again, and what is there already is recognised.
    write_private(
        _path(settings), [_person(city, person) for person in people] + [_enterprise(e) for e in city.enterprises[:2]]
    )
    return True


def _person(city: City, person: Person) -> dict[str, str]:
    held = sum(1 for certificate in city.certificates if certificate.holder == person.number)
    age = person.age(city.today)
    return {
        "kind": "person",
        "number": person.number,
        "name": person.name,
        "zh": f"{age} 岁，{person.district}，{held} 件证照",
        "en": f"{age} years old, {held} certificates",
    }


def _enterprise(enterprise: Enterprise) -> dict[str, str]:
    return {
        "kind": "enterprise",
        "number": enterprise.uscc,
        "name": enterprise.name,
        "zh": f"企业，{enterprise.district}",
        "en": "Enterprise",
    }


def _path(settings: Settings) -> Path:
    return settings.data_dir / PEOPLE_FILE


def _returns(town: Town, city: City) -> None:
    with TemporaryDirectory() as name:
        sent = []
        for file in write_department_files(city, Path(name), load_catalogue(), bad_rows=3):
            officer = town.department(file.department)
            sent.append((officer, flow.return_file(officer, file.path, file.type_code)))
        for officer, return_id in sent:
            flow.wait_for_return(officer, return_id, ("sealed", "anchored", "failed"))


def _stories(town: Town, city: City) -> list[Person]:
    """For the first person: a delivery, a refusal, a grant taken back, and two requests that wait for an answer."""
    driver, landlord = city.drivers[0], city.landlords[0]
    insurer, other, bank = (flow.entity(code) for code in ("insurer-harbour", "insurer-pine", "bank-lighthouse"))
    person = town.citizen(driver.number, driver.name)
    claims = "insurance.motor.claims"
    if not person.get("/v1/requests")["items"]:
        first = flow.ask(town, insurer, driver.number, claims, CLAIM, case_no="CL-2026-0815", days=30, uses=3)
        grant = flow.approve(person, first, days=30, uses=3, leave_out=("address",))["grant"]
        for extension in ("json", "pdf"):
            flow.pull_envelope(town, insurer, grant, extension)
        second = flow.ask(town, other, driver.number, claims, CLAIM[:3], case_no="CL-2026-0733", days=30, uses=1)
        ended = flow.approve(person, second, days=10, uses=1)["grant"]
        person.post(f"/v1/grants/{ended}/revoke")
        try:
            flow.pull_envelope(town, other, ended, "json")
        except ApiError as refused:
            if refused.code != "pull.grant_revoked":
                raise
        flow.ask(town, insurer, driver.number, claims, CLAIM, case_no="CL-2026-1102", days=400, uses=2)
        flow.ask(town, bank, driver.number, "bank.personal_credit", MORTGAGE, case_no="LN-2026-0042", days=30, uses=1)
    owner = town.citizen(landlord.number, landlord.name)
    if not owner.get("/v1/requests")["items"]:
        loan = flow.ask(
            town, bank, landlord.number, "bank.personal_credit", MORTGAGE, case_no="LN-2026-0040", days=30, uses=3
        )
        grant = flow.approve(owner, loan, days=30, uses=3)["grant"]
        for extension in ("csv", "pdf"):
            flow.pull_envelope(town, bank, grant, extension)
    chosen = [driver, landlord, *city.donors[:1], *city.drivers[1:], *city.persons]
    return list({person.number: person for person in chosen}.values())[:SHOWN]
