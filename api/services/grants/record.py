"""The consent record of a grant, with the members that ISO/IEC TS 27560:2023 names (clauses 6.3 to 6.5).

It is put together when asked for, from the signed terms, the notice kept with them, the grant's events and what the
registers say of the parties today; its holder and its recipient see the same. Nothing of the data themselves is in it.
Members that the standard does not have stand under `extension`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from api.catalogue.retention import load_retention
from api.services.context import Actor, Context
from api.services.grants.reading import shown_state, visible
from api.store import Session, clock, read_only
from api.store.queries import grants, parties, receipts, registrations
from api.store.queries.parties import PartyRole
from api.store.tables import Grant, GrantEvent, Party
from chain.canonical import Json
from chain.receipt import ReceiptKind

SCHEMA = "ISO/IEC TS 27560:2023"
JURISDICTION = "CN"
SEPARATE = "separate consent"
PRINCIPAL_RIGHTS = ("access", "copy", "correction", "deletion", "withdrawal", "complaint")  # PIPL articles 44 to 50


def record(ctx: Context, actor: Actor, grant_id: str) -> dict[str, Json]:
    """The record of one grant, for its holder or its recipient. Raises `grants.not_found`, `mandate.…`."""
    with read_only(ctx.db) as session:
        grant = visible(ctx, session, actor, grant_id)
        return _record(ctx, session, grant, clock.now_ms(session))


def _record(ctx: Context, session: Session, grant: Grant, now_ms: int) -> dict[str, Json]:
    terms = grant.terms
    entity = parties.get_party(session, grant.entity_id)
    regulator = next(iter(parties.list_parties(session, PartyRole.REGULATOR)), None)
    events = grants.events_of(session, grant.id)
    begun = next(iter(receipts.receipts_of_grant(session, grant.id, ReceiptKind.GRANT)), None)
    assert entity is not None
    notice = _object(terms["notice"])
    return {
        "header": {
            "schema_version": SCHEMA,
            "record_id": grant.id,
            "pii_principal_id": str(terms["holder"]),
            "receipt_id": None if begun is None else begun.id,
            "record_digest": "0x" + grant.digest.hex(),
        },
        "pii_processing": {
            "privacy_notice": {"sha256": str(notice["sha256"]), "content": _json(grant.notice)},
            "language": str(notice["language"]),
            "purposes": [_purpose(ctx, session, grant, entity, regulator)],
        },
        "party_identification": [
            _party(party) for party in (entity, *_issuers(ctx, session, grant), regulator) if party
        ],
        "event": [_event(grant, event) for event in events],
        "extension": {
            "state": shown_state(grant, now_ms).value,
            "frozen": grant.frozen,
            "kind": str(terms["kind"]),
            "relation": str(terms["relation"]),
            "authority": _json(terms["authority"]),
            "case_no": _json(terms["case_no"]),
            "item_code": _json(terms["item_code"]),
            "extends": _json(terms["extends"]),
            "extended_by": grants.successor_of(session, grant.id),
            "max_uses": grant.max_uses,
            "use_count": grant.use_count,
            "last_use": _moment(_last_use(session, grant)),
            "frequency": _json(terms["frequency"]),
            "onward_transfer": False,
            "indication_method": str(notice["indication"]),
            "interface_version": _json(notice["version"]),
            "custody": grant.custody,
        },
    }


def _purpose(ctx: Context, session: Session, grant: Grant, entity: Party, regulator: Party | None) -> dict[str, Json]:
    """Clause 6.3.4 onward: one purpose, since a grant has exactly one."""
    terms, purpose = grant.terms, _object(grant.terms["purpose"])
    items, code = _items(grant), str(purpose["code"])
    registered = registrations.registered_at(session, entity.id, code)
    days = terms["data_life_days"]
    bases: list[Json] = [basis.zh for basis in load_retention().bases.values() if basis.covers(code)]
    return {
        "purpose": str(terms["use_cause"]),
        "purpose_type": f"{code}/{purpose['version']}",
        "lawful_basis": str(terms["legal_basis"]),
        "pii_information": [_information(ctx, item) for item in items],
        "pii_controllers": [entity.id],
        "collection_method": "released by issuing departments through this service, at the recipient's request",
        "processing_method": str(terms["mode"]),
        "storage_locations": [str(terms["storage"])],
        "retention_period": {"days": _json(days), "exceptions": bases},
        "geographic_restrictions": [str(terms["storage"])],
        "service": _json(terms["scenario"]),
        "jurisdiction": JURISDICTION,
        "recipient_third_parties": [],
        "withdrawal_method": f"{ctx.settings.base_url}/citizen/grants/{grant.id}",
        "privacy_rights": list(PRINCIPAL_RIGHTS),
        "impact_assessment": None if registered is None else f"{entity.id}/{code}@{_moment(registered)}",
        "authority_party": None if regulator is None else regulator.id,
    }


def _information(ctx: Context, item: Mapping[str, object]) -> dict[str, Json]:
    schema = ctx.catalogue.types.get(str(item["type"]))
    sensitive = bool(item["sensitive"])
    return {
        "pii_type": str(item["type"]),
        "pii_attribute_id": f"{item['type']}/{item['field']}",
        "pii_name": str(item["field"]) if schema is None else schema.field(str(item["field"])).label("zh-Hans"),
        "pii_optional": not item["necessary"],
        "sensitive_pii_category": SEPARATE if sensitive else None,
    }


def _issuers(ctx: Context, session: Session, grant: Grant) -> list[Party]:
    """The departments whose certificates the grant names."""
    codes = {
        schema.department
        for item in _items(grant)
        if (schema := ctx.catalogue.types.get(str(item["type"]))) is not None
    }
    return [party for party in parties.list_parties(session, PartyRole.DEPARTMENT) if party.department_code in codes]


def _party(party: Party) -> dict[str, Json]:
    """Clause 6.4."""
    return {
        "party_id": party.id,
        "party_name": party.name_zh,
        "party_role": {"entity": "recipient", "department": "provider", "regulator": "authority"}[party.role],
        "party_type": party.role,
        "party_registration": party.uscc,
        "party_contact": party.contact,
    }


def _event(grant: Grant, event: GrantEvent) -> dict[str, Json]:
    """Clause 6.5, with what makes our events provable."""
    return {
        "event_time": _moment(event.at_ms),
        "validity_duration": {"from": _moment(grant.not_before_ms), "until": _moment(grant.not_after_ms)},
        "entity_id": event.actor,
        "event_type": "explicit" if event.seq == 0 else event.reason,
        "event_state": event.state,
        "seq": event.seq,
        "prev_hash": "0x" + event.prev_hash.hex(),
        "hash": "0x" + grants.event_hash(event).hex(),
        "signature": None if event.signature is None else "0x" + event.signature.hex(),
        "frozen": event.frozen,
        "receipt_id": event.receipt_id,
        "anchor": event.anchored_block if event.seq else grant.anchored_block,
    }


def _last_use(session: Session, grant: Grant) -> int | None:
    made = receipts.receipts_of_grant(session, grant.id, ReceiptKind.DELIVERY)
    return made[-1].at_ms if made else None


def _items(grant: Grant) -> list[dict[str, object]]:
    items = grant.terms["items"]
    assert isinstance(items, list)
    return items


def _object(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value


def _json(value: object) -> Json:
    """A member of the signed terms, which is JSON."""
    if isinstance(value, Mapping):
        return {str(name): _json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_json(inner) for inner in value]
    assert value is None or isinstance(value, str | int | bool)
    return value


def _moment(at_ms: int | None) -> str | None:
    """RFC 3339, UTC."""
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
