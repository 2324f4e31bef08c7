"""The terms document of a grant (schema mydata/terms/1), which the holder saw and approved; docs/formats.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from chain.canonical import Json
from chain.grantmsg import UINT40_MAX
from chain.strict import Fields, refuse

TERMS_SCHEMA = "mydata/terms/1"
ITEM_LIMIT = 512
STATUTORY_DUTY = "statutory_duty"
"""The legal basis of an access that needs nobody's consent. Others are kept as they are written."""
AUTHORITY = "authority"
"""The custody of such an access: no holder agreed; the authority that asks answers for it."""
_TEXTS = ("grant", "request", "holder", "legal_basis", "mode")
RELATIONS = ("self", "legal_representative", "agent", "guardian", "counter")
KINDS = ("one_off", "standing")
HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Terms:
    """The document whole, and those of its members that a verifier compares. Times are seconds since 1970."""

    document: Mapping[str, Json]
    grant_id: str
    entity_id: str
    entity_name: str
    purpose_code: str
    items: frozenset[tuple[str, str]]
    not_before: int
    not_after: int
    data_life_days: int
    max_uses: int
    custody: str
    requested_at: int
    approved_at: int
    legal_basis: str
    relation: str


def parse_terms(value: object, pointer: str) -> Terms:
    """Read a terms document strictly: exactly the members of the format. Raises `FormatError`."""
    fields = Fields(value, pointer)
    fields.schema(TERMS_SCHEMA)
    texts = {name: fields.text(name, limit=256) for name in _TEXTS}
    relation = fields.text("relation", choices=RELATIONS)
    _parse_authority(fields, relation)
    for name in ("scenario", "case_no", "extends", "item_code"):
        fields.text_or_none(name, limit=256)
    fields.text("kind", choices=KINDS)
    fields.text("use_cause", limit=2048)
    fields.text("storage", limit=64)
    frequency = fields.fields("frequency")
    frequency.integer("per_day", 1)
    frequency.integer("per_month", 1)
    frequency.done()
    entity = fields.fields("entity")
    entity_id, entity_name = entity.text("id", limit=64), entity.text("name", limit=256)
    entity.text_or_none("uscc", limit=18)
    entity.done()
    purpose = fields.fields("purpose")
    purpose_code = purpose.text("code", limit=64)
    purpose.integer("version", 1)
    purpose.done()
    notice = fields.fields("notice")
    notice.text("language", limit=32)
    notice.integer("version", 1)
    notice.hex("sha256", HASH_BYTES)
    notice.text("indication", limit=32)
    notice.done()
    items = frozenset(
        _parse_item(Fields(item, f"{fields.at('items')}/{at}"))
        for at, item in enumerate(fields.array("items", ITEM_LIMIT))
    )
    if not items:
        refuse("length", fields.at("items"))
    fields.boolean("onward_transfer")
    terms = Terms(
        cast("Mapping[str, Json]", value),
        texts["grant"],
        entity_id,
        entity_name,
        purpose_code,
        items,
        fields.integer("not_before", 0, UINT40_MAX),
        fields.integer("not_after", 0, UINT40_MAX),
        fields.integer("data_life_days", 0, 36_525),
        fields.integer("max_uses", 0),
        fields.text("custody", choices=("custody", "own_key", AUTHORITY)),
        fields.integer("requested_at", 0, UINT40_MAX),
        fields.integer("approved_at", 0, UINT40_MAX),
        texts["legal_basis"],
        relation,
    )
    if (terms.custody == AUTHORITY) is not (terms.legal_basis == STATUTORY_DUTY):
        refuse("value", fields.at("custody"))
    fields.done()
    return terms


def _parse_authority(fields: Fields, relation: str) -> None:
    """Null where the holder itself agreed; else of the kind that `relation` says, with its pseudonym and evidence."""
    authority = fields.fields_or_none("authority")
    if (authority is None) is not (relation == "self"):
        refuse("value", fields.at("authority"))
    if authority is not None:
        authority.text("kind", choices=(relation,))
        authority.text("mandate", limit=64)
        authority.hex("evidence", HASH_BYTES)
        authority.done()


def _parse_item(fields: Fields) -> tuple[str, str]:
    item = fields.text("type", limit=64), fields.text("field", limit=64)
    fields.boolean("necessary")
    fields.boolean("sensitive")
    fields.done()
    return item
