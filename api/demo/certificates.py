"""Certificates of the fictitious city: one function per type; values canonical, in step with the holder's life."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from api.catalogue.canonical import OPEN_END
from api.demo import enterprise_papers, person_papers, words
from api.demo.offices import Office, day_between, described, made, who
from api.demo.people import (
    DONOR_DONATIONS,
    LANDLORD_TITLES,
    DemoCertificate,
    Enterprise,
    Person,
    add_years,
    draw_address,
)
from api.errors import ApiError

MAX_DONATIONS = 90
MAX_TITLES = 48


@dataclass(slots=True)
class Issued:
    """Certificates in order of making, and people whose certificates are complete."""

    certificates: list[DemoCertificate] = field(default_factory=list)
    drivers: list[Person] = field(default_factory=list)
    landlords: list[Person] = field(default_factory=list)
    donors: list[Person] = field(default_factory=list)


USUAL_TYPES = frozenset(
    {
        "person.id_card",
        "person.driving_licence",
        "person.vehicle_licence",
        "person.residence_permit",
        "person.education_certificate",
        "person.degree_proof",
        "person.marriage_certificate",
        "person.social_security_card",
        "person.employment_certificate",
        "person.real_estate_title",
        "person.blood_donation",
        "person.senior_card",
        "enterprise.business_licence",
        "enterprise.food_operation_licence",
        "enterprise.construction_qualification",
    }
)
"""Types that every city has; the others are issued where they are asked for."""


def issue_all(
    persons: Sequence[Person],
    enterprises: Sequence[Enterprise],
    records: int,
    today: date,
    rarer: Collection[str] = (),
    seed: int = 1,
) -> Issued:
    """Exactly `records` certificates: identity cards first, then drivers', landlords' and donors', then all others'.

    Of each of the `rarer` types some people and firms hold one. What is left is filled up with further donations and
    titles, of which a person may hold many. Raises ApiError `demo.too_many_records`.
    """
    office = Office(today, enterprises, persons)
    issued = Issued()
    out = issued.certificates
    out += [_id_card(person, office) for person in persons]
    grown = [person for person in persons if 30 <= person.age(today) <= 58]
    share = max(1, len(persons) // 50)
    issued.drivers, issued.landlords, issued.donors = (
        grown[:share],
        grown[share : 2 * share],
        grown[2 * share : 3 * share],
    )
    donations = {id(p): _donations(p, office) for p in persons if 19 <= p.age(today) <= 62}
    titles = {id(p): _titles(p, office) for p in persons if p.age(today) >= 22}
    drivers = {id(person) for person in issued.drivers}
    for person in issued.drivers:
        out += [_driving_licence(person, office), _vehicle_licence(person, office)]
    for person in issued.landlords:
        out += _take(titles[id(person)], LANDLORD_TITLES)
    for person in issued.donors:
        out += _take(donations[id(person)], DONOR_DONATIONS)
    others = [c for person in persons for c in _personal(person, office, with_driving=id(person) not in drivers)]
    others += [c for enterprise in enterprises for c in _enterprise(enterprise, office)]
    if rarer:
        office.remember([*out, *others])
        out += _rarer(rarer, office, seed)
    out += others
    # Most people give once or never; from these sources comes what the asked number still lacks, a round at a time.
    sources = [*titles.values(), *donations.values()]
    while len(out) < records and sources:
        sources = [source for source in sources if _feed(out, source)]
    if len(out) < records:
        raise ApiError("demo.too_many_records", limit=len(out))
    del out[records:]
    held: dict[str, int] = {}
    for certificate in out:
        held[certificate.holder] = held.get(certificate.holder, 0) + 1
    issued.drivers = [p for p in issued.drivers if held.get(p.number, 0) >= 3]
    issued.landlords = [p for p in issued.landlords if held.get(p.number, 0) > LANDLORD_TITLES]
    issued.donors = [p for p in issued.donors if held.get(p.number, 0) > DONOR_DONATIONS]
    return issued


def _rarer(types: Collection[str], office: Office, seed: int) -> Iterator[DemoCertificate]:
    """Some of each type; few, because most people never hold one."""
    for type_code in person_papers.PERSON_PAPERS:
        if type_code in types:
            yield from person_papers.papers_of(type_code, office, max(2, len(office.people) // 40), f"rare-{seed}")
    for type_code in enterprise_papers.ENTERPRISE_PAPERS:
        if type_code in types:
            yield from enterprise_papers.papers_of(type_code, office, max(1, len(office.firms) // 8), f"rare-{seed}")


def _take(source: Iterator[DemoCertificate], number: int) -> list[DemoCertificate]:
    return [certificate for certificate, _ in zip(source, range(number), strict=False)]


def _feed(out: list[DemoCertificate], source: Iterator[DemoCertificate]) -> bool:
    certificate = next(source, None)
    if certificate is None:
        return False
    out.append(certificate)
    return True


def _personal(person: Person, office: Office, *, with_driving: bool) -> Iterator[DemoCertificate]:
    rng, age = person.rng, person.age(office.today)
    if age >= 1:
        yield _social_security_card(person, office)
    if with_driving and 19 <= age <= 76 and rng.random() < 0.55:
        yield _driving_licence(person, office)
        if rng.random() < 0.75:
            yield _vehicle_licence(person, office)
    if person.married_on is not None:
        yield _marriage(person)
    if age >= 23 and rng.random() < 0.5:
        yield from _education(person, office)
    if 18 <= age <= 59 and rng.random() < 0.6:
        yield _employment(person, office)
    if age >= 17 and rng.random() < 0.18:
        yield _residence_permit(person, office)
    if age >= 60:
        yield _senior_card(person, office)


def _id_card(person: Person, office: Office) -> DemoCertificate:
    today = office.today
    age = person.age(today)
    # Law on identity cards, article 5: 5 years below 16, 10 to 25, 20 to 45, then for good.
    since, years = (0, 5) if age < 16 else (16, 10) if age < 26 else (26, 20) if age < 46 else (46, 0)
    first = max(add_years(person.birth, since) + timedelta(days=20), date(2004, 3, 29))
    period = (today - first).days // (years * 365 + years // 4) if years else 0
    start = add_years(first, period * years) if years else day_between(person.rng, first, today - timedelta(days=1))
    start = min(start, today - timedelta(days=1))
    values = described(person) | {
        "ethnicity": person.ethnicity,
        "address": person.address,
        "issuing_authority": "演示市公安局",
        "valid_from": start.isoformat(),
        "valid_until": add_years(start, years).isoformat() if years else OPEN_END,
    }
    return made("person.id_card", person.number, values)


def _driving_licence(person: Person, office: Office) -> DemoCertificate:
    rng, today = person.rng, office.today
    last = min(today - timedelta(days=30), add_years(person.birth, 55))
    first = day_between(person.rng, max(add_years(person.birth, 18), date(1992, 1, 1)), last)
    # Validity 6 years, then 10, then without end, counted from the first issue.
    if add_years(first, 16) <= today:
        start, end = add_years(first, 16), OPEN_END
    elif add_years(first, 6) <= today:
        start, end = add_years(first, 6), add_years(first, 16).isoformat()
    else:
        start, end = first, add_years(first, 6).isoformat()
    values = described(person) | {
        "nationality": "中国",
        "address": person.address,
        "first_issued_on": first.isoformat(),
        "licence_class": rng.choice(("C1", "C1", "C1", "C1", "C2", "C2", "B2", "A2", "C1D", "C1E", "A1D")),
        "valid_from": start.isoformat(),
        "valid_until": end,
        "file_number": f"371099{office.next():06d}",
        "issuing_authority": "演示市公安局交通警察支队",
    }
    return made("person.driving_licence", person.number, values)


def _vehicle_licence(person: Person, office: Office) -> DemoCertificate:
    rng, today = person.rng, office.today
    kind, model, seats = rng.choice(words.VEHICLES)
    registered = day_between(person.rng, max(add_years(person.birth, 18), today - timedelta(days=12 * 365)), today)
    # The inspection runs for whole years from registration; about one in twenty is late.
    years = (today - registered).days // 365
    late = years > 1 and rng.random() < 0.05
    electric = model.endswith("BEV")
    number = office.next()
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    plate = f"鲁K{'D' if electric else letters[number // 10_000 % 24]}{number % 10_000:04d}" + ("8" if electric else "")
    values = {
        "plate_number": plate,
        "vehicle_type": kind,
        **who(person),
        "address": person.address,
        "use_nature": "freight" if "货车" in kind else rng.choice(("non_commercial",) * 12 + ("ride_hailing",)),
        "model": model,
        "vin": f"LDEM{rng.choice('ABCDEFGH')}{rng.randint(0, 9)}{rng.choice('ABCDEFGH')}{rng.randint(0, 9)}"
        f"{rng.choice('KLMNPRST')}W{number:07d}",
        "engine_number": f"DM{rng.randint(10, 99)}{number:06d}",
        "seats": str(seats),
        "registered_on": registered.isoformat(),
        "issued_on": registered.isoformat(),
        "inspection_valid_until": add_years(registered, years + (0 if late else 1)).isoformat(),
        "issuing_authority": "演示市公安局交通警察支队",
    }
    return made("person.vehicle_licence", person.number, values)


def _residence_permit(person: Person, office: Office) -> DemoCertificate:
    rng, today = person.rng, office.today
    earliest = max(add_years(person.birth, 16), today - timedelta(days=420))
    issued = day_between(person.rng, earliest, today - timedelta(days=3))
    values = described(person) | {
        "household_address": f"{rng.choice(words.OTHER_CITIES)}{rng.choice(words.ESTATES)}{rng.randint(1, 90)}号",
        "residence_address": person.address,
        "issuing_authority": "演示市公安局",
        "issued_on": issued.isoformat(),
        "valid_until": add_years(issued, 1).isoformat(),
    }
    return made("person.residence_permit", person.number, values)


def _education(person: Person, office: Office) -> Iterator[DemoCertificate]:
    rng, today = person.rng, office.today
    level, years = rng.choice((("junior_college", 3), ("bachelor", 4), ("bachelor", 4), ("master", 3)))
    start_age = 22 if level == "master" else 18
    enrolled = date(person.birth.year + start_age, 9, 1)
    graduated = date(enrolled.year + years, 7, rng.randint(1, 9))
    if graduated > today:
        return
    school = rng.choice(words.SCHOOLS)
    major, category = rng.choice(words.MAJORS)
    code = f"{90001 + words.SCHOOLS.index(school)}"
    values = described(person) | {
        "school": school,
        "major": major,
        "education_level": level,
        "study_form": rng.choice(("full_time",) * 8 + ("correspondence", "online")),
        "enrolled_on": enrolled.isoformat(),
        "graduated_on": graduated.isoformat(),
        "certificate_number": f"{code}1{graduated.year}05{office.next():06d}",
        "principal": rng.choice(words.PRINCIPALS),
    }
    yield made("person.education_certificate", person.number, values)
    if level == "junior_college":
        return
    degree = "master" if level == "master" else "bachelor"
    values = described(person) | {
        "institution": school,
        "degree_level": degree,
        "degree_category": category + ("硕士" if degree == "master" else "学士"),
        "major": major,
        "awarded_on": graduated.isoformat(),
        "certificate_number": f"{code}{'3' if degree == 'master' else '4'}{graduated.year}{office.next():06d}",
    }
    yield made("person.degree_proof", person.number, values)


def _marriage(person: Person) -> DemoCertificate:
    assert person.spouse is not None
    assert person.married_on is not None
    values = described(person) | {
        "spouse_name": person.spouse.name,
        "spouse_id_number": person.spouse.number,
        "registered_on": person.married_on.isoformat(),
        "certificate_number": person.marriage_number,
        "issuing_authority": "演示市民政局婚姻登记处",
    }
    return made("person.marriage_certificate", person.number, values)


def _social_security_card(person: Person, office: Office) -> DemoCertificate:
    rng, today = person.rng, office.today
    issued = day_between(person.rng, max(person.birth + timedelta(days=40), today - timedelta(days=9 * 365)), today)
    number = office.next()
    values = who(person) | {
        "card_number": f"{'ABCDEFGHJK'[number % 10]}{number:08d}",
        "bank": rng.choice(words.BANKS),
        "card_status": rng.choice(("normal",) * 30 + ("lost",)),
        "issued_on": issued.isoformat(),
        "valid_until": add_years(issued, 10).isoformat(),
        "issuing_authority": "演示市人力资源和社会保障局",
    }
    return made("person.social_security_card", person.number, values)


def _employment(person: Person, office: Office) -> DemoCertificate:
    rng, today = person.rng, office.today
    issued = day_between(person.rng, max(add_years(person.birth, 16), date(2015, 5, 1)), today)
    status = rng.choice(("employed",) * 8 + ("unemployed", "self_employed"))
    employer = f"演示{rng.choice(words.FIRM_WORDS)}{rng.choice(words.TRADES['other'][0])}有限公司"
    values = described(person) | {
        "certificate_number": f"371099{issued.year % 100:02d}{office.next():08d}",
        "education_level": rng.choice(("初中", "高中", "大专", "本科")),
        "household_type": rng.choice(("resident", "urban", "rural")),
        "registered_status": status,
        "registered_on": day_between(person.rng, issued, today).isoformat(),
        "employer": employer if status == "employed" else "",
        "issued_on": issued.isoformat(),
        "issuing_authority": "演示市人力资源和社会保障局",
    }
    return made("person.employment_certificate", person.number, values)


def _senior_card(person: Person, office: Office) -> DemoCertificate:
    seventy = person.age(office.today) >= 70
    first = add_years(person.birth, 70 if seventy else 60) + timedelta(days=1)
    values = described(person) | {
        "card_number": f"3710{office.next():08d}",
        "card_class": "over_70" if seventy else "over_60",
        "address": person.address,
        "issued_on": day_between(person.rng, first, min(office.today, first + timedelta(days=700))).isoformat(),
        "issuing_authority": "演示市行政审批服务局",
    }
    return made("person.senior_card", person.number, values)


def _titles(person: Person, office: Office) -> Iterator[DemoCertificate]:
    """Real-estate titles, as many as are asked for up to `MAX_TITLES`."""
    rng, today = person.rng, office.today
    for _ in range(MAX_TITLES):
        number = office.next()
        registered = day_between(person.rng, max(add_years(person.birth, 20), date(2016, 1, 1)), today)
        usage = rng.choice(("residential",) * 6 + ("commercial", "office", "parking", "storage"))
        low, high = {"parking": (11, 16), "storage": (5, 30)}.get(usage, (45, 180))
        years = 70 if usage == "residential" else 40
        values = {
            **who(person),
            "certificate_number": f"鲁({registered.year})演示市不动产权第{number:07d}号",
            "unit_number": f"371099{rng.randint(1, 40):03d}{rng.randint(1, 30):03d}GB{rng.randint(1, 9999):05d}"
            f"F{number:08d}",
            "co_ownership": rng.choice(("sole", "sole", "joint")),
            "location": draw_address(rng)[1],
            "right_type": "国有建设用地使用权/房屋所有权",
            "right_nature": rng.choice(("出让/市场化商品房", "出让/存量房")),
            "usage": usage,
            "area": f"{rng.uniform(low, high):.2f}",
            "right_until": add_years(registered, years - rng.randint(1, 12)).isoformat(),
            "registered_on": registered.isoformat(),
            "issuing_authority": "演示市自然资源和规划局",
        }
        yield made("person.real_estate_title", person.number, values)


def _donations(person: Person, office: Office) -> Iterator[DemoCertificate]:
    """Blood donations from the latest back to the donor's 18th birthday; platelets may be given every two weeks."""
    rng = person.rng
    platelets = rng.random() < 0.5
    group = rng.choice(("A", "B", "O", "O", "AB"))
    day = office.today - timedelta(days=rng.randint(2, 200))
    last = add_years(person.birth, 60)
    day = min(day, last)
    for _ in range(MAX_DONATIONS):
        if day < add_years(person.birth, 18):
            return
        values = {
            **who(person),
            "sex": person.sex,
            "blood_group": group,
            "certificate_number": f"371099{office.next():08d}",
            "donated_on": day.isoformat(),
            "donation_type": "platelets" if platelets else "whole_blood",
            "volume": "250" if platelets else rng.choice(("200", "300", "400")),
            "issuing_authority": rng.choice(words.BLOOD_STATIONS),
        }
        yield made("person.blood_donation", person.number, values)
        day -= timedelta(days=rng.randint(15, 70) if platelets else rng.randint(184, 420))


def _enterprise(firm: Enterprise, office: Office) -> Iterator[DemoCertificate]:
    rng, today = firm.rng, office.today
    if not firm.uscc.startswith("91"):
        return  # societies and private institutions are registered elsewhere and hold no business licence
    issued = firm.established + timedelta(days=rng.randint(0, max(0, (today - firm.established).days)))
    term = rng.choice((OPEN_END, OPEN_END, add_years(firm.established, 30).isoformat()))
    values = {
        "uscc": firm.uscc,
        "name": firm.name,
        "company_type": rng.choice(words.COMPANY_TYPES),
        "legal_representative": firm.owner.name,
        "registered_capital": f"{rng.choice((10, 50, 100, 300, 500, 1000, 2000)):.2f}",
        "established_on": firm.established.isoformat(),
        "term_until": term,
        "address": firm.address,
        "scope": firm.scope,
        "issuing_authority": "演示市市场监督管理局",
        "issued_on": issued.isoformat(),
    }
    yield made("enterprise.business_licence", firm.uscc, values)
    issuers: dict[str, Callable[[Enterprise, Office], DemoCertificate]] = {
        "food": _food_licence,
        "construction": _construction_qualification,
    }
    if firm.trade in issuers:
        yield issuers[firm.trade](firm, office)


def _recent(firm: Enterprise, office: Office) -> date:
    first = max(firm.established, office.today - timedelta(days=int(5.3 * 365)))
    return first + timedelta(days=firm.rng.randint(0, max(0, (office.today - first).days)))


def _food_licence(firm: Enterprise, office: Office) -> DemoCertificate:
    issued = _recent(firm, office)
    form = firm.rng.choice(("seller", "catering", "canteen"))
    prefix = {"seller": "JY1", "catering": "JY2", "canteen": "JY3"}[form]
    values = {
        "name": firm.name,
        "uscc": firm.uscc,
        "legal_representative": firm.owner.name,
        "licence_number": f"{prefix}371099{office.next():07d}",
        "address": firm.address,
        "premises": firm.address,
        "main_format": form,
        "scope": "预包装食品销售；热食类食品制售；冷食类食品制售。",
        "issuing_authority": "演示市行政审批服务局",
        "issued_on": issued.isoformat(),
        "valid_until": add_years(issued, 5).isoformat(),
    }
    return made("enterprise.food_operation_licence", firm.uscc, values)


def _construction_qualification(firm: Enterprise, office: Office) -> DemoCertificate:
    issued = _recent(firm, office)
    values = {
        "name": firm.name,
        "uscc": firm.uscc,
        "legal_representative": firm.owner.name,
        "address": firm.address,
        "certificate_number": f"D337{office.next():06d}",
        "qualification": firm.rng.choice(words.QUALIFICATIONS),
        "issuing_authority": "演示市行政审批服务局",
        "issued_on": issued.isoformat(),
        "valid_until": add_years(issued, 5).isoformat(),
    }
    return made("enterprise.construction_qualification", firm.uscc, values)
