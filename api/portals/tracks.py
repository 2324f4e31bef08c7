"""Lines of who looked, in words; for the pages that show them."""

from api import locale
from api.locale import Lang, translator
from api.portals import asks
from api.portals import frame as at
from api.portals.recorded import Record
from api.portals.render import with_query
from api.portals.through import through, told
from api.portals.views import citizen as views
from api.portals.wording import BASES
from api.services.context import Context
from api.services.footprints import Footprint
from api.store.tables import Receipt
from chain.receipt import ReceiptKind

LOOKS = frozenset({ReceiptKind.DELIVERY.value, ReceiptKind.REFUSAL.value})
ANSWERABLE = LOOKS | {ReceiptKind.LOOK.value}
CONTESTABLE = LOOKS | {ReceiptKind.LOOK.value, ReceiptKind.GRANT.value, ReceiptKind.ORIGINAL.value}


def line_of(ctx: Context, line: Footprint, record: Record, lang: Lang) -> views.Footprint:
    """A line as pages show it."""
    if line.mask is not None:
        return _masked(ctx, line, lang)
    receipt, seen = line.receipt, record.of_receipt(line.receipt)
    labels = translator(lang)
    mine = receipt.kind in {ReceiptKind.ORIGINAL, ReceiptKind.CHANGE, ReceiptKind.CASE}
    decided = receipt.kind in LOOKS and line.grant is not None
    what = told(receipt.kind, line.details, lang) or _fields(ctx, line, lang)
    return views.Footprint(
        at_ms=receipt.at_ms,
        kind=asks.shown_kind(line),
        who=labels.gettext("You") if mine and line.party is None else at.named(line.party, lang),
        what=what,
        purpose=None if line.grant is None else at.purpose_of(ctx, line.grant.terms, lang),
        reason=None if receipt.reason is None else locale.error_text(receipt.reason, lang),
        repeats=line.repeats,
        receipt_number=receipt.number,
        anchored=seen.anchored,
        delay=seen.delay,
        evidence_url=None if receipt.number is None else f"/citizen/receipts/{at.segment(receipt.id)}/bundle",
        through=through(line.details, lang),
        why_url=f"/citizen/receipts/{at.segment(receipt.id)}/decision" if decided else None,
        basis=None if line.basis is None else labels.gettext(BASES[line.basis.value]),
        contest_url=with_query("/citizen/cases/new", receipt=receipt.id) if _contestable(receipt) else None,
        object_url=with_query("/citizen/disputes/new", receipt=receipt.id) if _answerable(line) else None,
    )


def _masked(ctx: Context, line: Footprint, lang: Lang) -> views.Footprint:
    mask = line.mask
    assert mask is not None
    basis = ctx.catalogue.statutory_bases.get(mask.basis_code)
    return views.Footprint(
        at_ms=line.receipt.at_ms,
        kind="masked",
        who=translator(lang).gettext("An authority"),
        what=(),
        purpose=None,
        reason=None,
        repeats=1,
        receipt_number=None,
        anchored=True,
        evidence_url=None,
        contest_url=with_query("/citizen/cases/new", access=mask.access_id),
        released_ms=mask.until_ms,
        law=mask.law if basis is None else basis.law(lang),
    )


def _contestable(receipt: Receipt) -> bool:
    return receipt.kind in CONTESTABLE


def _answerable(line: Footprint) -> bool:
    """Whether an organisation looked, or tried to, that can be asked to explain it."""
    return line.receipt.kind in ANSWERABLE and line.party is not None and line.party.role in {"department", "entity"}


def _fields(ctx: Context, line: Footprint, lang: Lang) -> tuple[str, ...]:
    pairs = [one.partition("/") for one in line.fields]
    found = [at.item(ctx, lang, {"type": type_code, "field": name}).label for type_code, _, name in pairs]
    types = line.details.get("types")
    if not found and isinstance(types, list):
        found = [ctx.catalogue.types[str(one)].label(lang) for one in types if str(one) in ctx.catalogue.types]
    return tuple(dict.fromkeys(found))
