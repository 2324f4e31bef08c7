"""Claims: facts that say less than the field they are derived from, so that less need be shared.

A department commits them at return, beside the fields of the same leaf, as of the day of return. An age once reached
stays reached: "true" stays right for good, while "false" may have become outdated. Pure; no clock is read here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

from api.catalogue.fields import Choice, Field, FieldKind

AGES = (6, 14, 16, 18, 22, 60, 65, 70)
"""Ages in full years at which rights and duties begin: the only ones about which there are claims."""

TRUE = "true"
FALSE = "false"

_YES_NO = (Choice(TRUE, "是", "Yes"), Choice(FALSE, "否", "No"))


class ClaimKind(StrEnum):
    """What a claim says."""

    AGE_OVER = "age_over"  # the person born on `source` has completed `years` years: "true" or "false"
    DISTRICT = "district"  # the city's district in which the address `source` lies: its GB/T 2260 code


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim of a certificate type.

    `source` names the field from which it is derived. `years` is the age of AGE_OVER, one of `AGES`, else 0.
    `districts` are the districts that DISTRICT can name, else empty.
    """

    name: str
    zh: str
    en: str
    kind: ClaimKind
    source: str
    years: int = 0
    districts: tuple[Choice, ...] = ()

    def value(self, source: str, on_date: date) -> str:
        """The claim's value for a canonical `source` value as of `on_date`.

        AGE_OVER gives "true" or "false", DISTRICT a district's code. "" where the source is blank or its address lies
        in no district of the city: nothing is claimed then.
        """
        if not source:
            return ""
        if self.kind is ClaimKind.AGE_OVER:
            return TRUE if source <= _latest_birth(self.years, on_date) else FALSE
        found = [(source.find(name), d.code) for d in self.districts for name in (d.zh, *d.aliases) if name in source]
        return min(found)[1] if found else ""


@lru_cache(maxsize=256)
def _latest_birth(years: int, on_date: date) -> str:
    """The latest day of birth (ISO) with `years` completed; born on 29 February, one completes them on 1 March."""
    # Compared as text, so 29 February of a year that has none needs no care.
    return f"{on_date.year - years:04d}-{on_date.month:02d}-{on_date.day:02d}"


def claim_field(claim: Claim) -> Field:
    """A claim as a field of kind `claim`, with labels for its values, as requests, terms and copies handle it."""
    return Field(
        name=claim.name,
        zh=claim.zh,
        en=claim.en,
        kind=FieldKind.CLAIM,
        required=False,
        choices=_YES_NO if claim.kind is ClaimKind.AGE_OVER else claim.districts,
    )


def age_claim(source: str, years: int) -> Claim:
    """The claim `age_over_<years>` on the date of birth `source`."""
    return Claim(f"age_over_{years}", f"年满{years}周岁", f"Aged {years} or over", ClaimKind.AGE_OVER, source, years)


def district_claim(source: str, districts: tuple[Choice, ...]) -> Claim:
    """The claim `district` on the address `source`."""
    return Claim("district", "所在区市", "District", ClaimKind.DISTRICT, source, districts=districts)


class Derivation:
    """`derive` for many records as of one day: what the day and the claims settle is worked out once."""

    __slots__ = ("_ages", "_others")

    def __init__(self, claims: Iterable[Claim], on_date: date) -> None:
        claims = tuple(claims)
        ages: dict[str, list[tuple[str, str]]] = {}
        for claim in claims:
            if claim.kind is ClaimKind.AGE_OVER:
                ages.setdefault(claim.source, []).append((claim.name, _latest_birth(claim.years, on_date)))
        self._ages = tuple(ages.items())
        self._others = tuple((claim, on_date) for claim in claims if claim.kind is not ClaimKind.AGE_OVER)

    def of(self, values: Mapping[str, str]) -> dict[str, str]:
        """The claims' values by name, in no order of theirs."""
        derived: dict[str, str] = {}
        for source, limits in self._ages:
            born = values.get(source, "")
            for name, latest in limits:
                derived[name] = (TRUE if born <= latest else FALSE) if born else ""
        for claim, on_date in self._others:
            derived[claim.name] = claim.value(values.get(claim.source, ""), on_date)
        return derived


def derive(claims: Iterable[Claim], values: Mapping[str, str], on_date: date) -> dict[str, str]:
    """The values of `claims` by name, from a record's canonical `values` as of `on_date`."""
    return {claim.name: claim.value(values.get(claim.source, ""), on_date) for claim in claims}
