"""Which derived claims of a stored certificate still say the truth. Pure.

A claim was committed by the issuing department on the day of return. That an age was reached stays true; that it was
not reached becomes untrue on a birthday. Then nobody but the department may say the new value: the claim is *unknown*
until it returns the certificate again, and the outdated value is not released meanwhile.
"""

from collections.abc import Iterable, Mapping
from datetime import date

from api.catalogue.claims import ClaimKind
from api.catalogue.model import TypeSchema


def outdated(schema: TypeSchema, values: Mapping[str, str], on_date: date) -> frozenset[str]:
    """Names of the type's age claims whose committed value was overtaken by a birthday since.

    Other claims (the district) go with their certificate's version and are never outdated by time alone.
    """
    return frozenset(
        claim.name
        for claim in schema.claims
        if claim.kind is ClaimKind.AGE_OVER
        and claim.name in values
        and claim.value(values.get(claim.source, ""), on_date) != values[claim.name]
    )


def unknown(schema: TypeSchema, values: Mapping[str, str], names: Iterable[str], on_date: date) -> frozenset[str]:
    """Which claims among `names` cannot be answered from a stored certificate: outdated, or not committed with it."""
    stale = outdated(schema, values, on_date)
    return frozenset(name for name in names if schema.claim(name) is not None and (name in stale or name not in values))
