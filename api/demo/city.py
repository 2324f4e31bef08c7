"""A fictitious city, the same for the same seed: people, enterprises, certificates that agree with each other."""

from dataclasses import dataclass
from datetime import date, datetime

from api.demo.certificates import issue_all
from api.demo.people import DemoCertificate, Enterprise, Person, populate
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


def generate_city(citizens: int, records: int, seed: int = 1, today: date | None = None) -> City:
    """A city of `citizens` people with exactly `records` certificates over all ready types.

    The same arguments give the same city; `today` (default: the city's day) anchors ages and validity. Raises
    ApiError `demo.too_many_records` (fact `limit`) where so few people can't plausibly hold so many.
    """
    today = today or datetime.now(CHINA_STANDARD_TIME).date()
    persons, enterprises = populate(citizens, seed, today)
    issued = issue_all(persons, enterprises, records, today)
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
