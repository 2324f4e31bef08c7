"""People and enterprises of a fictitious city, the same for the same seed.

Everybody's identity number lies in region 371099, which is assigned to no place; enterprises' credit codes too.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from api.catalogue.identifiers import DEMO_REGION, id_check_character, uscc_check_character
from api.demo import words
from api.errors import ApiError

_ORGANISATION_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
LANDLORD_TITLES = 16
DONOR_DONATIONS = 14


@dataclass(slots=True)
class Person:
    """A fictitious person. `rng` gives everything else about them, so that one person's data don't move another's."""

    number: str
    name: str
    sex: str
    birth: date
    ethnicity: str
    district: str
    address: str
    rng: random.Random = field(repr=False)
    spouse: "Person | None" = field(default=None, repr=False)
    married_on: date | None = None
    marriage_number: str = ""

    def age(self, on: date) -> int:
        """Full years on a day."""
        return on.year - self.birth.year - ((on.month, on.day) < (self.birth.month, self.birth.day))


@dataclass(slots=True)
class Enterprise:
    """A fictitious enterprise; `trade` is food, construction, other or one of `words.RARE_TRADES`."""

    uscc: str
    name: str
    trade: str
    scope: str
    owner: Person
    established: date
    district: str
    address: str
    rng: random.Random = field(repr=False)


@dataclass(frozen=True, slots=True)
class DemoCertificate:
    """One certificate: canonical values by field name. `holder` = identity number or credit code."""

    type_code: str
    holder: str
    values: dict[str, str]


def add_years(day: date, years: int) -> date:
    """The same day `years` later; 29 February falls back to the 28th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def identity_number(birth: date, order: int) -> str:
    """A number of the demo region; `order` 0 to 999, odd for men, even for women (GB 11643)."""
    first17 = f"{DEMO_REGION}{birth:%Y%m%d}{order:03d}"
    return first17 + id_check_character(first17)


def credit_code(order: int, registrar: str = "91") -> str:
    """A fictitious organisation's credit code in the demo region, with both check characters (GB 32100, GB 11714).

    `registrar`: GB 32100's first two characters, 91 enterprises, 51 societies, 52 private institutions, 11 offices.
    """
    base = len(_ORGANISATION_ALPHABET)
    serial = "".join(_ORGANISATION_ALPHABET[order // base**power % base] for power in range(5, -1, -1))
    organisation = "MA" + serial
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    total = sum(digits.index(c) * weight for c, weight in zip(organisation, _ORGANISATION_WEIGHTS, strict=True))
    first17 = f"{registrar}{DEMO_REGION}{organisation}{'0X987654321'[total % 11]}"
    return first17 + uscc_check_character(first17)


def populate(citizens: int, seed: int, today: date) -> tuple[list[Person], list[Enterprise]]:
    """The people and enterprises of a city, without any certificate yet. Raises ApiError `demo.too_few_citizens`."""
    if citizens < 1:
        raise ApiError("demo.too_few_citizens")
    rng = _source(f"mydata-city-{seed}-{citizens}")
    persons = list(_persons(citizens, rng, today))
    _marry(persons, rng, today)
    return persons, list(_enterprises(max(1, citizens // 20), persons, rng, today))


def _source(key: str) -> random.Random:
    return random.Random(key)  # noqa: S311 - repeatable by design; nothing secret is drawn from it


def _persons(count: int, rng: random.Random, today: date) -> Iterator[Person]:
    orders: dict[tuple[date, str], int] = {}
    for position in range(count):
        # The first ten are grown up and of working age: demonstrations begin with them.
        age = rng.randint(28, 58) if position < 10 else min(94, max(1, int(rng.triangular(1, 92, 44))))
        birth = add_years(today, -age) - timedelta(days=rng.randint(1, 360))
        sex = rng.choice(("male", "female"))
        name = _name(rng, sex, birth.year)
        if position >= 10 and rng.random() < 0.006:
            name, sex = rng.choice(words.LONG_NAMES)
        order = orders.get((birth, sex), 1 if sex == "male" else 2)
        orders[birth, sex] = order + 2
        district, address = draw_address(rng)
        yield Person(
            number=identity_number(birth, order),
            name=name,
            sex=sex,
            birth=birth,
            ethnicity=rng.choice(words.ETHNICITIES),
            district=district,
            address=address,
            rng=_source(str(rng.getrandbits(64))),
        )


def _name(rng: random.Random, sex: str, year: int) -> str:
    surname = rng.choice(words.RARE_SURNAMES) if rng.random() < 0.01 else rng.choice(words.SURNAMES)
    old, young = (words.MALE_OLD, words.MALE_YOUNG) if sex == "male" else (words.FEMALE_OLD, words.FEMALE_YOUNG)
    pool = young if year >= 1988 else old
    given = rng.choice(pool) + (rng.choice(pool) if rng.random() < 0.72 else "")
    if rng.random() < 0.008:
        given = rng.choice(words.RARE_GIVEN)
    return surname + given


def draw_address(rng: random.Random) -> tuple[str, str]:
    """(district, address) somewhere in the city's four districts."""
    district = rng.choice(tuple(words.DISTRICTS))
    city = "威海市" if district.endswith("区") else "山东省"
    road = rng.choice(words.DISTRICTS[district])
    home = f"{rng.randint(1, 260)}号{rng.choice(words.ESTATES)}{rng.randint(1, 30)}号楼"
    room = f"{rng.randint(1, 4)}单元{rng.randint(1, 18)}{rng.randint(1, 4):02d}室"
    return district, f"{city}{district}{road}{home}{room}"


def _marry(persons: list[Person], rng: random.Random, today: date) -> None:
    """Pairs grown-ups of like age; the later one moves in with the earlier one."""
    waiting: dict[str, list[Person]] = {"male": [], "female": []}
    number = 0
    for person in persons:
        if person.age(today) < 24 or rng.random() > 0.78:
            continue
        other = waiting["female" if person.sex == "male" else "male"]
        match = next((p for p in other if abs((p.birth - person.birth).days) < 6 * 365), None)
        if match is None:
            waiting[person.sex].append(person)
            continue
        other.remove(match)
        husband, wife = (person, match) if person.sex == "male" else (match, person)
        # The law's ages: 22 for men, 20 for women; the present form of the number exists since about 1990.
        first = max(add_years(husband.birth, 22), add_years(wife.birth, 20), date(1990, 1, 1))
        span = min((today - first).days - 1, 12 * 365)
        if span < 1:
            continue
        number += 1
        person.married_on = match.married_on = first + timedelta(days=rng.randint(0, span))
        person.spouse, match.spouse = match, person
        person.marriage_number = match.marriage_number = f"J{DEMO_REGION}-{person.married_on.year}-{number:06d}"
        person.district, person.address = match.district, match.address


def _enterprises(count: int, persons: list[Person], rng: random.Random, today: date) -> Iterator[Enterprise]:
    owners = [person for person in persons if 25 <= person.age(today) <= 75] or persons[:1]
    names: set[str] = set()
    for order in range(count):
        trade = ("food", "construction", "other")[order % 3]
        kinds, scope = words.TRADES[trade]
        owner = rng.choice(owners)
        district, address = draw_address(rng)
        name = f"演示{rng.choice(words.FIRM_WORDS)}{rng.choice(kinds)}有限公司"
        if name in names:
            name = name.removesuffix("有限公司") + f"（{district[:2]}第{order}）有限公司"
        names.add(name)
        youngest = max(add_years(owner.birth, 20), date(1994, 7, 1))
        days = max(1, (today - youngest).days - 30)
        yield Enterprise(
            uscc=credit_code(1000 + order * 7),
            name=name,
            trade=trade,
            scope=scope,
            owner=owner,
            established=youngest + timedelta(days=rng.randint(0, days - 1)),
            district=district,
            address=address[: address.index("号") + 1],
            rng=_source(str(rng.getrandbits(64))),
        )


def found_firms(trades: Iterable[str], persons: list[Person], seed: int, today: date) -> list[Enterprise]:
    """One further legal person of each of the rarer `trades`, the same for the same seed."""
    owners = [person for person in persons if 25 <= person.age(today) <= 75] or persons[:1]
    firms = []
    for trade in trades:
        order = list(words.RARE_TRADES).index(trade)
        rng = _source(f"mydata-firm-{seed}-{len(persons)}-{trade}")
        kinds, scope = words.RARE_TRADES[trade]
        owner = rng.choice(owners)
        district, address = draw_address(rng)
        youngest = max(add_years(owner.birth, 20), date(2001, 7, 1))
        registrar = {"society": "51", "school": "52"}.get(trade, "91")
        ending = "" if registrar != "91" else "有限公司"
        firms.append(
            Enterprise(
                uscc=credit_code(40_000_000 + order * 11, registrar),
                name=f"演示{rng.choice(words.FIRM_WORDS)}{rng.choice(kinds)}{ending}",
                trade=trade,
                scope=scope,
                owner=owner,
                established=youngest + timedelta(days=rng.randint(0, max(1, (today - youngest).days - 400))),
                district=district,
                address=address[: address.index("号") + 1],
                rng=rng,
            )
        )
    return firms
