"""A fictitious city, the same for the same seed: people, enterprises, certificates that agree with each other."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from api.demo.certificates import USUAL_TYPES, issue_all
from api.demo.enterprise_papers import ENTERPRISE_PAPERS, trades_of
from api.demo.people import DemoCertificate, Enterprise, Person, found_firms, populate
from api.demo.person_papers import PERSON_PAPERS
from api.errors import ApiError, Kind
from api.locale import CHINA_STANDARD_TIME


@dataclass(frozen=True, slots=True)
class City:
    """What the generator made.

    `drivers`, `landlords` (at least 16 real-estate titles each) and `donors` (at least 14 donations each) name people
    whose certificates are all there, for stories that need them.
    """

    seed: int
    today: date
    persons: tuple[Person, ...]
    enterprises: tuple[Enterprise, ...]
    certificates: tuple[DemoCertificate, ...]
    drivers: tuple[Person, ...]
    landlords: tuple[Person, ...]
    donors: tuple[Person, ...]

    def by_type(self) -> dict[str, list[DemoCertificate]]:
        """Certificates by type code, in order of making."""
        found: dict[str, list[DemoCertificate]] = {}
        for certificate in self.certificates:
            found.setdefault(certificate.type_code, []).append(certificate)
        return found

    def of(self, holder: str) -> list[DemoCertificate]:
        """One holder's certificates."""
        return [certificate for certificate in self.certificates if certificate.holder == holder]


ALL_TYPES = USUAL_TYPES | PERSON_PAPERS.keys() | ENTERPRISE_PAPERS.keys()
"""Every type that a city can have certificates of: the catalogue's fifty."""


def generate_city(
    citizens: int, records: int, seed: int = 1, today: date | None = None, types: Collection[str] = USUAL_TYPES
) -> City:
    """A city of `citizens` people with exactly `records` certificates.

    Besides the usual fifteen types it has a few certificates of every other one in `types`, as far as somebody is there
    whom they suit: from about forty citizens and 400 records on, that is every type. Firms of rarer trades are founded
    for that. The same arguments give the same city; `today` (default: the city's day) anchors ages and validity. Raises
    ApiError `demo.too_many_records` (fact `limit`) where so few people can't plausibly hold so many, and
    `catalogue.unknown_type`.
    """
    if not ALL_TYPES.issuperset(types):
        raise ApiError("catalogue.unknown_type", Kind.NOT_FOUND)
    today = today or datetime.now(CHINA_STANDARD_TIME).date()
    persons, enterprises = populate(citizens, seed, today)
    rarer = set(types) - USUAL_TYPES
    enterprises += found_firms(trades_of(rarer), persons, seed, today)
    issued = issue_all(persons, enterprises, records, today, rarer, seed)
    return City(
        seed=seed,
        today=today,
        persons=tuple(persons),
        enterprises=tuple(enterprises),
        certificates=tuple(issued.certificates),
        drivers=tuple(issued.drivers),
        landlords=tuple(issued.landlords),
        donors=tuple(issued.donors),
    )
