"""What all issuing offices of the fictitious city share: a calendar, running numbers, and who holds what already."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count

from api.demo.people import DemoCertificate, Enterprise, Person


@dataclass(slots=True)
class Office:
    """Running numbers of the issuing offices, and the day on which they all look at the calendar.

    `held` finds the certificates made so far by holder and type, so that one paper can agree with another; `firms` are
    the city's enterprises, at which people work.
    """

    today: date
    firms: Sequence[Enterprise] = ()
    people: Sequence[Person] = ()
    held: dict[tuple[str, str], DemoCertificate] = field(default_factory=dict)
    serial: Iterator[int] = field(default_factory=lambda: count(1))

    def next(self) -> int:
        """The next running number."""
        return next(self.serial)

    def remember(self, certificates: Sequence[DemoCertificate]) -> None:
        """Keep the first certificate of each holder and type in mind."""
        for one in certificates:
            self.held.setdefault((one.holder, one.type_code), one)

    def values(self, holder: str, type_code: str) -> Mapping[str, str] | None:
        """What stands on the holder's first certificate of a type, or None without one."""
        found = self.held.get((holder, type_code))
        return None if found is None else found.values


def who(person: Person) -> dict[str, str]:
    """Name and number, as most certificates bear them."""
    return {"name": person.name, "id_number": person.number}


def described(person: Person) -> dict[str, str]:
    """Name, sex, date of birth and number."""
    return who(person) | {"sex": person.sex, "birth_date": person.birth.isoformat()}


def firm_values(firm: Enterprise) -> dict[str, str]:
    """Name, credit code and legal representative, as most certificates of enterprises bear them."""
    return {"name": firm.name, "uscc": firm.uscc, "legal_representative": firm.owner.name}


def made(type_code: str, holder: str, values: dict[str, str]) -> DemoCertificate:
    """A certificate of `values`."""
    return DemoCertificate(type_code, holder, values)


def day_between(rng: random.Random, first: date, last: date) -> date:
    """A day in [first, last]; first where that is empty."""
    return first + timedelta(days=rng.randint(0, max(0, (last - first).days)))
