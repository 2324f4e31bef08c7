"""What a request is reduced to before its holder sees it: to the least its purpose allows, and to fair use. Pure.

Nothing is reduced in silence: each change leaves a note, which the entity gets with its answer and the holder on the
consent screen ("we have already removed for you").
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from api.catalogue.model import Purpose

SaysLess = Callable[[str, str], Sequence[str]]
"""(type, field) -> names of the claims derived from that field, each of which says less than it."""


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
    REPLACED = "request.cut_replaced"
    REPEATED = "request.cut_repeated"
    MADE_OPTIONAL = "request.made_optional"


@dataclass(frozen=True, slots=True)
class Cut:
    """A note on one field: removed, unless the reason says otherwise.

    REPLACED: the claims `by`, which say less, are asked for instead. MADE_OPTIONAL: kept, but not forced on the holder.
    """

    type_code: str
    field: str
    reason: CutReason
    by: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """As the request's row keeps it."""
        note: dict[str, object] = {"type": self.type_code, "field": self.field, "reason": self.reason.value}
        return {**note, "by": list(self.by)} if self.by else note


@dataclass(frozen=True, slots=True)
class Ask:
    """How long and how often an entity wants to pull."""

    days: int
    uses: int


class ClampReason(StrEnum):
    """Which wish was brought into the purpose's fair use."""

    DAYS = "request.clamped_days"
    USES = "request.clamped_uses"
    RANGE = "request.clamped_range"


@dataclass(frozen=True, slots=True)
class ClampNote:
    """A wish that was changed, from what to what. A range of 0 days was wanted where none was named: any age."""

    reason: ClampReason
    wanted: int
    allowed: int

    def to_json(self) -> dict[str, object]:
        """As the request's row keeps it."""
        return {"reason": self.reason.value, "wanted": self.wanted, "allowed": self.allowed}


def _nothing_less(_type_code: str, _field: str) -> Sequence[str]:
    return ()


def cut(
    items: Sequence[AskedItem], purpose: Purpose, says_less: SaysLess = _nothing_less
) -> tuple[list[KeptItem], list[Cut]]:
    """Ask less: keep what the purpose allows, each field once, in the order asked; note everything else.

    A field that the purpose may not ask for, but whose derived claims it may, is replaced by those claims. A field is
    necessary only where both the entity says so (or says nothing) and the purpose allows it to be: neither can force
    upon the holder what the other calls optional.
    """
    kept: dict[tuple[str, str], KeptItem] = {}
    notes: list[Cut] = []
    for item in items:
        if purpose.allowance(item.type_code, item.field) is not None:
            _keep(item, purpose, kept, notes)
            continue
        claims = [
            name
            for name in says_less(item.type_code, item.field)
            if purpose.allowance(item.type_code, name) is not None
        ]
        if not claims:
            notes.append(Cut(item.type_code, item.field, CutReason.NOT_ALLOWED))
            continue
        notes.append(Cut(item.type_code, item.field, CutReason.REPLACED, tuple(claims)))
        for name in claims:
            # That the full field was called necessary does not make a claim so which the purpose calls optional; that
            # is no news to anybody, so it leaves no note of its own.
            if (item.type_code, name) not in kept:
                allowed = purpose.allowance(item.type_code, name)
                necessary = allowed is not None and allowed.necessary and item.necessary is not False
                kept[item.type_code, name] = KeptItem(item.type_code, name, necessary)
    return list(kept.values()), notes


def _keep(item: AskedItem, purpose: Purpose, kept: dict[tuple[str, str], KeptItem], notes: list[Cut]) -> None:
    """Keep an allowed field, or note why it is not kept as asked."""
    key = (item.type_code, item.field)
    allowance = purpose.allowance(*key)
    assert allowance is not None
    if key in kept:
        notes.append(Cut(*key, CutReason.REPEATED))
        # The milder of two contradicting asks holds.
        if item.necessary is False:
            kept[key] = replace(kept[key], necessary=False)
        return
    if item.necessary and not allowance.necessary:
        notes.append(Cut(*key, CutReason.MADE_OPTIONAL))
    kept[key] = KeptItem(*key, necessary=allowance.necessary and item.necessary is not False)


def clamp(ask: Ask, purpose: Purpose, type_codes: Sequence[str] = ()) -> tuple[Ask, list[ClampNote]]:
    """Bring days and uses into 1 to what fair use allows, with a note for each that changed.

    The caps are those over `type_codes`, or over all of the purpose's types where none is named. Where they reach back
    a limited time only, a note says so.
    """
    caps = purpose.fair_use_of(type_codes)
    notes: list[ClampNote] = []
    days = max(1, min(ask.days, caps.max_days))
    uses = max(1, min(ask.uses, purpose.max_uses))
    if days != ask.days:
        notes.append(ClampNote(ClampReason.DAYS, ask.days, days))
    if uses != ask.uses:
        notes.append(ClampNote(ClampReason.USES, ask.uses, uses))
    if caps.range_days is not None:
        notes.append(ClampNote(ClampReason.RANGE, 0, caps.range_days))
    return Ask(days, uses), notes
