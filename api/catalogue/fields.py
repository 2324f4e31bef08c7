"""Fields of certificates: what their values are, how they are brought into canonical form and how people read them."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from api.catalogue import canonical as forms
from api.catalogue.canonical import OPEN_END, Canonicaliser, Limits
from api.errors import ApiError
from api.locale import Lang


class HolderKind(StrEnum):
    """Whom a certificate describes."""

    PERSON = "person"
    ENTERPRISE = "enterprise"


class FieldKind(StrEnum):
    """What a field's values are; decides their canonical form."""

    TEXT = "text"
    NAME = "name"
    ORGANISATION = "organisation"
    ADDRESS = "address"
    SERIAL = "serial"
    DATE = "date"
    ID_NUMBER = "id_number"
    USCC = "uscc"
    ENUM = "enum"
    AMOUNT = "amount"
    INTEGER = "integer"
    CLAIM = "claim"  # derived by us at return, never a column: see api.catalogue.claims


class SpellingKind(StrEnum):
    """What of a value's spelling may serve as a mark in copies: never its canonical form (`docs/formats.md`).

    `text`: width of brackets and of a hyphen between digits; `brackets`: of brackets alone, where numbers of models or
    drawings may stand; `date`: strokes or slashes; `zeros`: those that end an amount of two decimals.
    """

    TEXT = "text"
    BRACKETS = "brackets"
    DATE = "date"
    ZEROS = "zeros"


_SPELT = {
    SpellingKind.TEXT: (FieldKind.TEXT, FieldKind.ORGANISATION, FieldKind.ADDRESS),
    SpellingKind.BRACKETS: (FieldKind.TEXT, FieldKind.ORGANISATION, FieldKind.ADDRESS),
    SpellingKind.DATE: (FieldKind.DATE,),
    SpellingKind.ZEROS: (FieldKind.AMOUNT,),
}
_SPELT_DECIMALS = 2

_FORMS = {
    FieldKind.TEXT: forms.text_form,
    FieldKind.NAME: forms.name_form,
    FieldKind.ORGANISATION: forms.text_form,
    FieldKind.ADDRESS: forms.text_form,
    FieldKind.SERIAL: forms.serial_form,
    FieldKind.DATE: forms.date_form,
    FieldKind.ID_NUMBER: forms.id_number_form,
    FieldKind.USCC: forms.uscc_form,
    FieldKind.AMOUNT: forms.amount_form,
    FieldKind.INTEGER: forms.integer_form,
}


_NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an enum field: the code is canonical, the labels are shown, the aliases are read."""

    code: str
    zh: str
    en: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a certificate type.

    `sensitive`: needs separate consent (PIPL article 29). `trade_secret`: an enterprise's secret (Anti-Unfair
    Competition Law, article 9), to be agreed to separately as well. `normative`: no variant of its spelling may be used
    as a mark; of other fields `spelling` says which may. `identifying`: tells who the holder is. `natural_key`:
    together with the others so flagged it tells one certificate of this type from another. `synonyms`: further column
    headers by which department files call it.
    """

    name: str
    zh: str
    en: str
    kind: FieldKind
    required: bool = True
    sensitive: bool = False
    trade_secret: bool = False
    normative: bool = True
    spelling: SpellingKind | None = None
    identifying: bool = False
    natural_key: bool = False
    choices: tuple[Choice, ...] = ()
    limits: Limits = _NO_LIMITS
    unit_zh: str = ""
    unit_en: str = ""
    synonyms: tuple[str, ...] = ()
    _form: Canonicaliser = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind in (FieldKind.ENUM, FieldKind.CLAIM):
            spellings = {spelling: c.code for c in self.choices for spelling in (c.code, c.zh, c.en, *c.aliases)}
            spellings |= {spelling.casefold(): code for spelling, code in spellings.items()}
            form = forms.enum_form(self.name, spellings)
        else:
            form = _FORMS[self.kind](self.name, self.limits)
        object.__setattr__(self, "_form", form)

    def canonical(self, raw: str, *, demo: bool = False) -> str:
        """The canonical form of `raw`; an optional field's blank gives "".

        `demo` accepts identity numbers and credit codes of the demo region 371099. Raises ApiError
        `catalogue.<reason>` with the facts `field` and, where there is one, `limit`; never the value.
        """
        if not raw or raw.isspace():
            if self.required:
                raise ApiError("catalogue.required", field=self.name)
            return ""
        return self._form(raw, demo)

    @property
    def bears_spelling(self) -> bool:
        """Whether the canonical form undoes what `spelling` lets vary, and nothing normative varies."""
        if self.spelling is None:
            return True
        undone = self.kind in _SPELT[self.spelling] and self.limits.pattern is None and not self.limits.open_ended
        amount = self.spelling is not SpellingKind.ZEROS or self.limits.decimals == _SPELT_DECIMALS
        return undone and amount and not (self.normative or self.natural_key)

    @property
    def headers(self) -> frozenset[str]:
        """Every column header by which a file may call the field, each as `header_key` gives it."""
        return frozenset(forms.header_key(text) for text in (self.name, self.zh, self.en, *self.synonyms))

    @property
    def apart(self) -> bool:
        """Whether its holder agrees to it separately: a person's sensitive data, an enterprise's trade secret."""
        return self.sensitive or self.trade_secret

    def label(self, lang: Lang = "zh-Hans") -> str:
        """The field's name for people."""
        return self.zh if lang != "en" else self.en

    def display(self, value: str, lang: Lang = "zh-Hans") -> str:
        """A canonical value for people: a choice's label, a written-out date, a unit; other values as they are."""
        zh = lang != "en"
        if not value:
            return "—"
        if self.kind is FieldKind.DATE:
            return display_date(value, lang)
        if self.kind in (FieldKind.ENUM, FieldKind.CLAIM):
            return next((c.zh if zh else c.en for c in self.choices if c.code == value), value)
        unit = self.unit_zh if zh else self.unit_en
        if self.kind is FieldKind.AMOUNT:
            whole, _, decimals = value.partition(".")
            value = f"{int(whole):,}" + ("." + decimals if decimals else "")
        return f"{value} {unit}" if unit else value


def display_date(iso: str, lang: Lang = "zh-Hans") -> str:
    """2026-11-22 as 2026年11月22日 or 22 November 2026; an open end as 长期 or Long-term."""
    zh = lang != "en"
    if iso == OPEN_END:
        return "长期" if zh else "Long-term"
    day = date.fromisoformat(iso)
    return f"{day.year}年{day.month}月{day.day}日" if zh else f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
