"""What a request is reduced to before its holder sees it: to the fields its purpose allows, and to fair use. Pure.

Nothing is reduced in silence: each change leaves a note, which the entity gets with its answer and the holder on the
consent screen ("we have already removed for you").
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from api.catalogue.model import Purpose


@dataclass(frozen=True, slots=True)
class AskedItem:
    """A field that an entity asks for.

    `necessary`: it says that it cannot serve without; None leaves that to the purpose.
    """

    type_code: str
    field: str
    necessary: bool | None = None


@dataclass(frozen=True, slots=True)
class KeptItem:
    """A field that the holder will be asked for. What is not necessary can be unticked."""

    type_code: str
    field: str
    necessary: bool


class CutReason(StrEnum):
    """Why a field was cut or softened; codes of the catalogue of texts."""

    NOT_ALLOWED = "request.cut_not_allowed"
    REPEATED = "request.cut_repeated"
    MADE_OPTIONAL = "request.made_optional"


@dataclass(frozen=True, slots=True)
class Cut:
    """A note on one field: removed, or, for MADE_OPTIONAL, kept but not forced upon the holder."""

    type_code: str
    field: str
    reason: CutReason

    def to_json(self) -> dict[str, object]:
        """As the request's row keeps it."""
        return {"type": self.type_code, "field": self.field, "reason": self.reason.value}


@dataclass(frozen=True, slots=True)
class Ask:
    """How long and how often an entity wants to pull."""

    days: int
    uses: int


class ClampReason(StrEnum):
    """Which wish was brought into the purpose's fair use."""

    DAYS = "request.clamped_days"
    USES = "request.clamped_uses"


@dataclass(frozen=True, slots=True)
class ClampNote:
    """A wish that was changed, from what to what."""

    reason: ClampReason
    wanted: int
    allowed: int

    def to_json(self) -> dict[str, object]:
        """As the request's row keeps it."""
        return {"reason": self.reason.value, "wanted": self.wanted, "allowed": self.allowed}


def cut(items: Sequence[AskedItem], purpose: Purpose) -> tuple[list[KeptItem], list[Cut]]:
    """Ask less: keep what the purpose allows, each field once, in the order asked; note everything else.

    A field is necessary only where both the entity says so (or says nothing) and the purpose allows it to be: neither
    can force upon the holder what the other calls optional.
    """
    kept: dict[tuple[str, str], KeptItem] = {}
    notes: list[Cut] = []
    for item in items:
        key = (item.type_code, item.field)
        allowance = purpose.allowance(*key)
        if allowance is None:
            notes.append(Cut(*key, CutReason.NOT_ALLOWED))
            continue
        if key in kept:
            notes.append(Cut(*key, CutReason.REPEATED))
            # The milder of two contradicting asks holds.
            if item.necessary is False:
                kept[key] = replace(kept[key], necessary=False)
            continue
        if item.necessary and not allowance.necessary:
            notes.append(Cut(*key, CutReason.MADE_OPTIONAL))
        kept[key] = KeptItem(*key, necessary=allowance.necessary and item.necessary is not False)
    return list(kept.values()), notes


def clamp(ask: Ask, purpose: Purpose) -> tuple[Ask, list[ClampNote]]:
    """Bring days and uses into 1 to the purpose's limit, with a note for each that changed."""
    notes: list[ClampNote] = []
    days = max(1, min(ask.days, purpose.max_days))
    uses = max(1, min(ask.uses, purpose.max_uses))
    if days != ask.days:
        notes.append(ClampNote(ClampReason.DAYS, ask.days, days))
    if uses != ask.uses:
        notes.append(ClampNote(ClampReason.USES, ask.uses, uses))
    return Ask(days, uses), notes
