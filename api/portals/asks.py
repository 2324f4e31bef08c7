"""What citizens' pages say of claims, service items and accesses that nobody agreed to."""

from api.locale import Lang
from api.portals.views.citizen import ClaimLine
from api.services import requests
from api.services.certificates import Certificate
from api.services.context import Context
from api.services.footprints import Footprint
from api.store.queries.registrations import LegalBasis
from chain.receipt import ReceiptKind


def claim_lines(one: Certificate, lang: Lang) -> tuple[ClaimLine, ...]:
    """The claims that the department derived from a certificate, in words."""
    fields = [(one.schema.field(claim.name), claim.value) for claim in one.claims]
    return tuple(
        ClaimLine(label=field.label(lang), value=None if value is None else field.display(value, lang))
        for field, value in fields
    )


def service_item(ctx: Context, number: int | None) -> str | None:
    """The name of the service item that a request is for; it has one in Chinese only."""
    found = None if number is None else requests.service_item(ctx, number)
    return None if found is None else found.name


def shown_kind(line: Footprint) -> str:
    """What a line is called: that an access by statutory duty began must not read as if somebody had agreed."""
    grant = line.grant
    unasked = grant is not None and grant.legal_basis == LegalBasis.STATUTORY_DUTY
    if unasked and line.receipt.kind == ReceiptKind.GRANT:
        return ReceiptKind.LOOK.value
    return line.receipt.kind
