"""Footprints of what others did for a holder: as what they acted, and what changed about who may act."""

from collections.abc import Mapping

from api.locale import N_, Lang, translator
from api.portals.wording import END_REASONS, RELATIONS
from api.services.slips import DOCUMENTS
from chain.canonical import Json
from chain.receipt import ReceiptKind

SUPERVISION: Mapping[str, str] = {
    "trace": N_("a regulator looked into a leaked file"),
    "case": N_("a regulator looked at a case"),
    "replay": N_("a regulator checked a decision"),
    "copy": N_("a regulator looked at a copy"),
    "grant": N_("a regulator looked at a consent"),
    "flow": N_("a regulator looked at where data went; you stood there without your name"),
    "life": N_("a regulator followed one of your certificates, without its contents"),
    "evidence": N_("a regulator took the evidence"),
}


def through(details: Mapping[str, Json], lang: Lang) -> str | None:
    """As what somebody acted for the holder (agent, guardian, service window); None where the holder did it."""
    code = str(details.get("relation") or details.get("actor") or "")
    if code not in RELATIONS or code == "self":
        return None
    return translator(lang).gettext(RELATIONS[code])


def told(kind: str, details: Mapping[str, Json], lang: Lang) -> tuple[str, ...]:
    """What a line of these kinds tells, in words; empty for other kinds."""
    labels = translator(lang)
    if kind == ReceiptKind.MANDATE:
        relation = labels.gettext(RELATIONS.get(str(details.get("kind")), ""))
        if details.get("event") == "begun":
            return (labels.gettext("%(relation)s: from now on") % {"relation": relation},)
        reason = labels.gettext(END_REASONS.get(str(details.get("reason")), ""))
        return (labels.gettext("%(relation)s: ended, %(reason)s") % {"relation": relation, "reason": reason},)
    if kind == ReceiptKind.LOOK and "regulator" in details:
        return (labels.gettext(SUPERVISION.get(str(details.get("act")), SUPERVISION["case"])),)
    if kind == ReceiptKind.LOOK and "visit" in details:
        names = {code.value: name for code, name in DOCUMENTS.items()}
        paper = labels.gettext(names.get(str(details.get("document")), ""))
        return (labels.gettext("at a service window, by your document: %(paper)s") % {"paper": paper},)
    return ()
