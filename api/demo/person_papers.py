"""Rarer certificates of the fictitious city's people: one function per type, in step with what else a person holds."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from api.demo import words
from api.demo.offices import Office, day_between, described, made, who
from api.demo.people import DemoCertificate, Person, add_years, identity_number

Make = Callable[[Person, Office, random.Random], dict[str, str]]


@dataclass(frozen=True, slots=True)
class PersonPaper:
    """A type: how to fill it in, and whom it suits by age (both ends included) and by what else is known of them."""

    make: Make
    youngest: int = 18
    oldest: int = 94
    suits: Callable[[Person, Office], bool] = lambda _person, _office: True

    def fits(self, person: Person, office: Office) -> bool:
        """Whether the person may hold one."""
        return self.youngest <= person.age(office.today) <= self.oldest and self.suits(person, office)


def _back(office: Office, days: int) -> date:
    return office.today - timedelta(days=days)


def _since(person: Person, office: Office, rng: random.Random, age: int, days: int) -> date:
    """A day in the last `days`, but not before the person was `age`."""
    return day_between(rng, max(add_years(person.birth, age), _back(office, days)), _back(office, 1))


def _number(prefix: str, day: date, office: Office) -> str:
    return f"{prefix}{day:%Y%m%d}{office.next():06d}"


def _temporary_identity_proof(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    issued = _back(office, rng.randint(0, 20))
    return described(person) | {
        "ethnicity": person.ethnicity,
        "address": person.address,
        "proof_number": _number("LS", issued, office),
        "use": rng.choice(("travel", "lodging", "errand")),
        "issuing_authority": "演示市公安局",
        "issued_on": issued.isoformat(),
        "valid_until": (issued + timedelta(days=30)).isoformat(),
    }


def _vehicle_inspection_mark(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    car = office.values(person.number, "person.vehicle_licence")
    assert car is not None, "whoever has no vehicle licence does not suit"
    until = date.fromisoformat(car["inspection_valid_until"])
    inspected = max(date.fromisoformat(car["registered_on"]), add_years(until, -1))
    return who(person) | {
        **{name: car[name] for name in ("plate_number", "vehicle_type", "vin")},
        "mark_number": f"37{until.year % 100:02d}{office.next():09d}",
        "station": rng.choice(words.INSPECTION_STATIONS),
        "inspected_on": min(inspected, office.today).isoformat(),
        "valid_until": until.isoformat(),
        "issuing_authority": "演示市公安局交通警察支队",
    }


@dataclass(frozen=True, slots=True)
class _Deceased:
    """A relative who died: the same for all papers that one person holds about them."""

    name: str
    number: str
    sex: str
    birth: date
    died: date
    relation: str
    place: str
    cause: str


def _deceased(person: Person, office: Office) -> _Deceased:
    rng = random.Random(f"deceased-{person.number}")  # noqa: S311 - repeatable by design, nothing secret
    sex = rng.choice(("male", "female"))
    birth = add_years(person.birth, -rng.randint(22, 30)) - timedelta(days=rng.randint(0, 300))
    birth = max(birth, date(1921, 1, 1))
    old = words.MALE_OLD if sex == "male" else words.FEMALE_OLD
    surname = person.name[:1] if sex == "male" and "·" not in person.name else rng.choice(words.SURNAMES)
    earliest = max(add_years(person.birth, 18), _back(office, 6 * 365))
    return _Deceased(
        name=surname + rng.choice(old) + rng.choice(old),
        number=identity_number(birth, rng.randrange(901, 999, 2) - (sex == "female")),
        sex=sex,
        birth=birth,
        died=day_between(rng, earliest, _back(office, 20)),
        relation="child",
        place=rng.choice(("ward", "ward", "home", "nursing_home")),
        cause=rng.choice(("心肌梗死", "脑出血", "恶性肿瘤", "慢性阻塞性肺疾病")),
    )


def _about(gone: _Deceased) -> dict[str, str]:
    return {
        "relation": gone.relation,
        "deceased_name": gone.name,
        "deceased_id_number": gone.number,
        "deceased_sex": gone.sex,
        "deceased_on": gone.died.isoformat(),
    }


def _death_certificate(person: Person, office: Office, _rng: random.Random) -> dict[str, str]:
    gone = _deceased(person, office)
    return (
        who(person)
        | _about(gone)
        | {
            "deceased_birth_date": gone.birth.isoformat(),
            "place": gone.place,
            "cause": gone.cause,
            "certificate_number": f"371099{gone.died:%Y}{office.next():08d}",
            "issuing_authority": "演示市中心医院",
            "issued_on": gone.died.isoformat(),
        }
    )


def _cremation_certificate(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    gone = _deceased(person, office)
    cremated = gone.died + timedelta(days=3)
    return (
        who(person)
        | _about(gone)
        | {
            "cremated_on": cremated.isoformat(),
            "ashes": rng.choice(("buried", "stored", "sea", "kept")),
            "certificate_number": f"{cremated:%Y%m%d}{office.next():06d}",
            "issuing_authority": "演示市殡仪馆",
            "issued_on": cremated.isoformat(),
        }
    )


def _household_cancellation_proof(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    gone = _deceased(person, office)
    cancelled = gone.died + timedelta(days=rng.randint(4, 15))
    return who(person) | {
        "relation": gone.relation,
        "subject_name": gone.name,
        "subject_id_number": gone.number,
        "subject_sex": gone.sex,
        "subject_birth_date": gone.birth.isoformat(),
        "address": person.address,
        "reason": "death",
        "cancelled_on": cancelled.isoformat(),
        "proof_number": _number("HX", cancelled, office),
        "issuing_authority": "演示市公安局",
        "issued_on": cancelled.isoformat(),
    }


def _schooling(person: Person, office: Office) -> Mapping[str, str]:
    found = office.values(person.number, "person.education_certificate")
    assert found is not None, "whoever has no education certificate does not suit"
    return found


def _education_proof(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    first = _schooling(person, office)
    issued = day_between(rng, date.fromisoformat(first["graduated_on"]) + timedelta(days=90), office.today)
    kept = ("school", "major", "education_level", "study_form", "enrolled_on", "graduated_on")
    return described(person) | {
        **{name: first[name] for name in kept},
        "original_number": first["certificate_number"],
        "proof_number": f"{first['certificate_number'][:5]}{issued:%Y}{office.next():09d}",
        "issuing_authority": first["school"],
        "issued_on": min(issued, office.today).isoformat(),
    }


def _employment_dispatch(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    first = _schooling(person, office)
    firm = rng.choice(office.firms)
    issued = date.fromisoformat(first["graduated_on"])
    return who(person) | {
        "sex": person.sex,
        **{name: first[name] for name in ("school", "major", "education_level")},
        "receiving_unit": firm.name,
        "receiving_address": firm.address,
        "file_destination": "演示市公共就业和人才服务中心",
        "certificate_number": f"{issued:%Y}37{office.next():09d}",
        "issued_on": issued.isoformat(),
        "valid_until": (issued + timedelta(days=31)).isoformat(),
        "issuing_authority": "演示市教育局",
    }


def _marriage_record_proof(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    issued = _back(office, rng.randint(0, 200))
    divorced = office.values(person.number, "person.divorce_certificate")
    married = person.married_on is not None and person.married_on <= issued
    left = divorced is not None and divorced["registered_on"] <= issued.isoformat()
    return described(person) | {
        "record": "married" if married else "divorced" if left else "none",
        "searched_from": min(add_years(person.birth, 20), issued).isoformat(),
        "searched_until": issued.isoformat(),
        "use": rng.choice(("办理房产交易", "办理贷款", "出国留学", "")),
        "proof_number": _number("HJ", issued, office),
        "issuing_authority": "演示市民政局婚姻登记处",
        "issued_on": issued.isoformat(),
    }


def _divorce_certificate(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    registered = _since(person, office, rng, 24, 10 * 365)
    other = "female" if person.sex == "male" else "male"
    birth = person.birth + timedelta(days=rng.randint(-700, 700))
    pool = words.FEMALE_OLD if other == "female" else words.MALE_OLD
    return described(person) | {
        "former_spouse_name": rng.choice(words.SURNAMES) + rng.choice(pool) + rng.choice(pool),
        "former_spouse_id_number": identity_number(birth, rng.randrange(901, 999, 2) - (other == "female")),
        "registered_on": registered.isoformat(),
        "certificate_number": f"L371099-{registered.year}-{office.next():06d}",
        "issuing_authority": "演示市民政局婚姻登记处",
    }


def _professional_qualification(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    approved = _since(person, office, rng, 23, 15 * 365)
    qualification, grade, speciality = rng.choice(words.PROFESSIONS)
    return described(person) | {
        "qualification": qualification,
        "grade": grade,
        "speciality": speciality,
        "certificate_number": f"{approved:%Y%m}3710{office.next():08d}",
        "approved_on": approved.isoformat(),
        "issued_on": min(approved + timedelta(days=60), office.today).isoformat(),
        "issuing_authority": "演示市人力资源和社会保障局",
    }


def _medical_insurance_voucher(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    issued = _since(person, office, rng, 0, 5 * 365)
    work = office.values(person.number, "person.employment_certificate") or {}
    employed = bool(work.get("employer"))
    return who(person) | {
        "sex": person.sex,
        "voucher_number": f"371099{rng.randrange(10**12):012d}{office.next():010d}",
        "insurance": "employee" if employed else "resident",
        "status": rng.choice(("active",) * 12 + ("paused",)),
        "insured_region": f"演示市{person.district}",
        "insured_since": day_between(rng, max(person.birth, date(2003, 1, 1)), issued).isoformat(),
        "employer": work.get("employer", ""),
        "issued_on": issued.isoformat(),
        "issuing_authority": "演示市医疗保障局",
    }


def _mothers(child: Person, office: Office) -> list[Person]:
    def fits(one: Person) -> bool:
        return one.sex == "female" and one.spouse is not None and 21 <= one.age(child.birth) <= 42

    return [one for one in office.people if fits(one) and one.spouse is not None and one.spouse.age(child.birth) >= 22]


def _birth_certificate(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    mothers = _mothers(person, office)
    if mothers:
        mother = rng.choice(mothers)
        father = mother.spouse
        assert father is not None, "only wives were chosen"
        parents = (mother.name, mother.number, father.name, father.number)
    else:  # who grew up in a city of strangers has parents who live elsewhere
        births = [add_years(person.birth, -rng.randint(22, 38)) - timedelta(days=rng.randint(1, 300)) for _ in "mf"]
        parents = (
            rng.choice(words.SURNAMES) + rng.choice(words.FEMALE_OLD),
            identity_number(births[0], rng.randrange(900, 998, 2)),
            person.name[:1] + rng.choice(words.MALE_OLD),
            identity_number(births[1], rng.randrange(901, 999, 2)),
        )
    issued = min(person.birth + timedelta(days=rng.randint(3, 40)), office.today)
    return described(person) | {
        "birth_time": f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}",
        "gestation_weeks": str(rng.randint(37, 41)),
        "weight": str(rng.randint(2500, 4100)),
        "length": str(rng.randint(47, 53)),
        "institution": "演示市妇幼保健院",
        **dict(zip(("mother_name", "mother_id_number", "father_name", "father_id_number"), parents, strict=True)),
        "certificate_number": f"{'RSTUVW'[person.birth.year % 6]}{office.next():09d}",
        "issued_on": issued.isoformat(),
        "issuing_authority": "演示市妇幼保健院",
    }


def _family_planning_booklet(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    assert person.spouse is not None, "only the married suit"
    assert person.married_on is not None, "only the married suit"
    return described(person) | {
        "spouse_name": person.spouse.name,
        "spouse_id_number": person.spouse.number,
        "married_on": person.married_on.isoformat(),
        "children": str(rng.randint(0, 2)),
        "address": person.address,
        "booklet_number": f"371099{person.married_on:%Y}{office.next():06d}",
        "issued_on": day_between(rng, person.married_on, office.today).isoformat(),
        "issuing_authority": "演示市卫生健康委员会",
    }


def _physician_licence(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    category, scope = rng.choice(words.PHYSICIANS)
    issued = _since(person, office, rng, 25, 20 * 365)
    return described(person) | {
        "grade": rng.choice(("physician", "physician", "assistant")),
        "category": category,
        "scope": scope,
        "institution": _clinic(office, rng),
        "qualification_number": f"{issued.year}37110{person.number}",
        "certificate_number": f"11037{office.next():010d}",
        "issued_on": issued.isoformat(),
        "issuing_authority": "演示市行政审批服务局",
    }


def _clinic(office: Office, rng: random.Random) -> str:
    clinics = [firm.name for firm in office.firms if firm.trade == "clinic"]
    return rng.choice([*clinics, "演示市中心医院", "演示市妇幼保健院"])


def _maternal_care_licence(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    issued = _since(person, office, rng, 25, 2 * 365)
    return who(person) | {
        "sex": person.sex,
        "institution": "演示市妇幼保健院",
        "premises": "威海市环翠区文化西路88号",
        "services": rng.choice(("助产技术服务", "终止妊娠手术；结扎手术", "婚前医学检查")),
        "licence_number": f"M{issued:%Y}371099{office.next():06d}",
        "issued_on": issued.isoformat(),
        "valid_until": add_years(issued, 3).isoformat(),
        "issuing_authority": "演示市行政审批服务局",
    }


def _special_operation_licence(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    category, item = rng.choice(words.OPERATIONS)
    start = _since(person, office, rng, 18, 5 * 365)
    return who(person) | {
        "sex": person.sex,
        "certificate_number": f"T{person.number}",
        "category": category,
        "item": item,
        "first_issued_on": start.isoformat(),
        "valid_from": start.isoformat(),
        "valid_until": add_years(start, 6).isoformat(),
        "review_due_on": add_years(start, 3).isoformat(),
        "issuing_authority": "演示市应急管理局",
    }


def _safety_competence_certificate(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    issued = _since(person, office, rng, 20, 2 * 365)
    own = [firm for firm in office.firms if firm.owner is person]
    return who(person) | {
        "sex": person.sex,
        "employer": rng.choice(own or list(office.firms)).name,
        "trade": rng.choice(("危险化学品经营", "金属非金属矿山", "建筑施工", "工贸企业")),
        "role": "head" if own else "manager",
        "certificate_number": f"371099{issued:%Y}{office.next():010d}",
        "issued_on": issued.isoformat(),
        "valid_from": issued.isoformat(),
        "valid_until": add_years(issued, 3).isoformat(),
        "issuing_authority": "演示市应急管理局",
    }


def _real_estate_registration_proof(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    registered = _since(person, office, rng, 20, 6 * 365)
    number = office.next()
    parcel = f"371099{rng.randint(1, 40):03d}{rng.randint(1, 30):03d}GB{rng.randint(1, 9999):05d}"
    matter = rng.choice(("advance_notice", "advance_notice", "mortgage", "residence"))
    return who(person) | {
        "certificate_number": f"鲁({registered.year})演示市不动产证明第{number:07d}号",
        "matter": matter,
        "obligor": "演示碧海房地产开发有限公司" if matter == "advance_notice" else f"{rng.choice(words.SURNAMES)}海生",
        "location": person.address,
        "unit_number": f"{parcel}F{number:08d}",
        "secured_amount": f"{rng.randint(20, 180)}.00" if matter == "mortgage" else "",
        "registered_on": registered.isoformat(),
        "issuing_authority": "演示市自然资源和规划局",
    }


def _disability_card(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    kinds = ("visual", "hearing", "speech", "physical", "intellectual", "mental", "multiple")
    kind, degree = rng.randint(1, 7), rng.randint(1, 4)
    issued = _since(person, office, rng, 1, 9 * 365)
    return described(person) | {
        "card_number": f"{person.number}{kind}{degree}",
        "category": kinds[kind - 1],
        "degree": str(degree),
        "address": person.address,
        "guardian_name": person.spouse.name if kind in (5, 6) and person.spouse else "",
        "issued_on": issued.isoformat(),
        "valid_until": add_years(issued, 10).isoformat(),
        "issuing_authority": "演示市残疾人联合会",
    }


def _health_certificate(person: Person, office: Office, rng: random.Random) -> dict[str, str]:
    examined = _since(person, office, rng, 18, 330)
    issued = min(examined + timedelta(days=3), office.today)
    return who(person) | {
        "sex": person.sex,
        "trade": rng.choice(("food", "food", "food", "public_place", "water")),
        "examined_on": examined.isoformat(),
        "result": "fit",
        "certificate_number": _number("JK", issued, office),
        "issued_on": issued.isoformat(),
        "valid_until": add_years(issued, 1).isoformat(),
        "issuing_authority": "演示市疾病预防控制中心",
    }


def _has(type_code: str) -> Callable[[Person, Office], bool]:
    return lambda person, office: office.values(person.number, type_code) is not None


def _married(person: Person, _office: Office) -> bool:
    return person.married_on is not None


def _single(person: Person, _office: Office) -> bool:
    return person.spouse is None


PERSON_PAPERS: Mapping[str, PersonPaper] = {
    "person.temporary_identity_proof": PersonPaper(_temporary_identity_proof, youngest=16),
    "person.vehicle_inspection_mark": PersonPaper(_vehicle_inspection_mark, suits=_has("person.vehicle_licence")),
    "person.death_certificate": PersonPaper(_death_certificate, 25, 75),
    "person.household_cancellation_proof": PersonPaper(
        _household_cancellation_proof, suits=_has("person.death_certificate")
    ),
    "person.education_proof": PersonPaper(_education_proof, suits=_has("person.education_certificate")),
    "person.employment_dispatch": PersonPaper(_employment_dispatch, suits=_has("person.education_certificate")),
    "person.divorce_certificate": PersonPaper(_divorce_certificate, youngest=27, suits=_single),
    "person.marriage_record_proof": PersonPaper(_marriage_record_proof, youngest=21),
    "person.cremation_certificate": PersonPaper(_cremation_certificate, suits=_has("person.death_certificate")),
    "person.professional_qualification": PersonPaper(_professional_qualification, 25, 65),
    "person.medical_insurance_voucher": PersonPaper(_medical_insurance_voucher, youngest=1),
    "person.birth_certificate": PersonPaper(_birth_certificate, 0, 17),
    "person.family_planning_booklet": PersonPaper(_family_planning_booklet, 22, 49, _married),
    "person.physician_licence": PersonPaper(_physician_licence, 27, 65),
    "person.maternal_care_licence": PersonPaper(_maternal_care_licence, 27, 60),
    "person.special_operation_licence": PersonPaper(_special_operation_licence, 20, 59),
    "person.safety_competence_certificate": PersonPaper(_safety_competence_certificate, 22, 62),
    "person.real_estate_registration_proof": PersonPaper(_real_estate_registration_proof, youngest=22),
    "person.disability_card": PersonPaper(_disability_card, youngest=2),
    "person.health_certificate": PersonPaper(_health_certificate, 19, 60),
}
"""The rarer types of persons in an order in which each finds what it must agree with."""


def papers_of(type_code: str, office: Office, wanted: int, seed: str) -> list[DemoCertificate]:
    """Up to `wanted` certificates of a rarer type, each for another person whom it suits."""
    paper = PERSON_PAPERS[type_code]
    rng = random.Random(f"{seed}-{type_code}")  # noqa: S311 - repeatable by design, nothing secret
    holders = [person for person in office.people if paper.fits(person, office)]
    chosen = rng.sample(holders, min(wanted, len(holders)))
    found = [made(type_code, person.number, paper.make(person, office, rng)) for person in chosen]
    office.remember(found)
    return found
