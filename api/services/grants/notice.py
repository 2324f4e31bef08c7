"""The notice: what a holder was shown before saying yes, as a document that stays with the grant.

Its hash stands in the signed terms, so that nobody can say later that something else was shown (PIPL articles 14 and
17; ISO/IEC TS 27560 calls it the privacy notice of the record). Fixed sentences of the screen go by its version.
"""

import hashlib
from collections.abc import Mapping, Sequence

from api.catalogue.model import Purpose
from api.locale import Lang
from api.policy.requests import Ask
from api.services.context import Context
from api.store.tables import Party, Request
from chain.canonical import Json, canonical

NOTICE_VERSION = 2
"""Of the consent screen's wording; raised whenever that changes."""


def notice(
    ctx: Context,
    request: Request,
    entity: Party,
    purpose: Purpose,
    items: Sequence[Mapping[str, object]],
    wish: Ask,
    life_days: int,
    language: str,
) -> dict[str, Json]:
    """What the screen said, in the language in which it was read."""
    lang: Lang = "en" if language == "en" else "zh-Hans"
    pack = ctx.catalogue.packs.get(request.scenario_code or "")
    return {
        "schema": "mydata/privacy-notice/1",
        "language": lang,
        "version": NOTICE_VERSION,
        "recipient": {"name": entity.name_en if lang == "en" else entity.name_zh, "uscc": entity.uscc},
        "purpose": {"name": purpose.label(lang), "text": purpose.text(lang)},
        "scenario": None if pack is None else pack.label(lang),
        "case_no": request.case_no,
        "items": [_item(ctx, item, lang) for item in items],
        "days": wish.days,
        "max_uses": wish.uses,
        "data_life_days": life_days,
        "onward_transfer": False,
    }


def notice_hash(shown: Mapping[str, Json]) -> bytes:
    """SHA-256 over its canonical JSON; stands in the terms."""
    return hashlib.sha256(canonical(dict(shown))).digest()


def _item(ctx: Context, item: Mapping[str, object], lang: Lang) -> dict[str, Json]:
    schema = ctx.catalogue.ready_type(str(item["type"]))
    return {
        "type": schema.label(lang),
        "field": schema.field(str(item["field"])).label(lang),
        "necessary": bool(item["necessary"]),
        "sensitive": bool(item["sensitive"]),
    }
