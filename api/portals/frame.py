"""What every route of a portal does alike: roles, the page's frame, words of parties and fields, proofs, downloads."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated
from urllib.parse import quote

from fastapi import Query, Request
from fastapi.responses import RedirectResponse

from api import locale
from api.catalogue.model import Field, FieldKind, TypeSchema
from api.errors import ApiError
from api.http.auth import allow
from api.http.language import preferred_language
from api.locale import Lang, translator
from api.policy.requests import ClampReason, CutReason
from api.portals.recorded import Record
from api.portals.render import Page, Viewer, page_for, with_query
from api.portals.states import STATES
from api.portals.views.common import Delivery, FormError, Item, Pager, Proof, ProofFact
from api.portals.wording import AUTHORS
from api.services import mandates, notifications, parties, requests, statutory
from api.services.context import OPERATORS_SIDE, Actor, Context, Role
from api.services.identity import COUNTER_DUTY
from api.store import clock, read_only
from api.store.queries.registrations import LegalBasis
from api.store.tables import Party, Receipt
from chain.receipt import ReceiptKind

Citizen = Annotated[Actor, allow(Role.CITIZEN)]
Officer = Annotated[Actor, allow(Role.DEPARTMENT)]
Clerk = Annotated[Actor, allow(Role.ENTITY)]
Inspector = Annotated[Actor, allow(Role.REGULATOR)]
Operator = Annotated[Actor, allow(Role.OPERATOR)]
SecurityOfficer = Annotated[Actor, allow(Role.SECURITY)]
Auditor = Annotated[Actor, allow(Role.AUDITOR)]
Cursor = Annotated[str | None, Query(max_length=128)]

BUNDLE = "application/vnd.mydata.bundle+json"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def named(party: Party | None, lang: Lang) -> str:
    """A party's name in the reader's language, a dash where it is not known."""
    if party is None:
        return "—"
    return party.name_en if lang == "en" else party.name_zh


def alone(ctx: Context) -> bool:
    """Whether the operator alone runs the chain, which every proof then says."""
    return ctx.settings.engine == "embedded"


def frame(
    request: Request,
    ctx: Context,
    portal: str,
    active: str,
    actor: Actor | None = None,
    *,
    refresh_s: int | None = None,
) -> Page:
    """The page's frame for whoever is signed in."""
    viewer = None
    hidden: set[str] = set()
    if actor is not None:
        signed_in = request.state.signed_in
        organisation = None
        if actor.party_id is not None:
            organisation = named(parties.own(ctx, actor), preferred_language(request))
        viewer = Viewer(
            name=signed_in.display,
            csrf=signed_in.csrf,
            organisation=organisation,
            acting_for=signed_in.acting_for,
            acting_as=actor.relation.value,
            unread=None if actor.role in OPERATORS_SIDE else notifications.unread(ctx, actor),
        )
        if actor.role is Role.DEPARTMENT:
            hidden |= set() if actor.duty == COUNTER_DUTY else {"counter"}
            hidden |= set() if mandates.registers(ctx, actor) else {"mandates"}
        if actor.role in {Role.DEPARTMENT, Role.ENTITY} and not statutory.bases_of(ctx, actor):
            hidden.add("queries")
        if actor.role is Role.ENTITY and not requests.purposes_of(ctx, actor):
            # A court, say: nobody is ever asked for consent, so nothing of that is in its way.
            hidden |= {"home", "requests", "grants", "jobs"}
    return page_for(
        request,
        portal,
        active,
        viewer=viewer,
        lone_operator=alone(ctx),
        refresh_s=refresh_s,
        hidden=frozenset(hidden),
    )


def see_other(url: str) -> RedirectResponse:
    """After a change: go and look (303), so that reloading does not repeat it."""
    return RedirectResponse(url, 303)


def segment(value: str) -> str:
    """An identifier as one segment of a path."""
    return quote(value, safe="")


def said(error: ApiError, lang: Lang, field: str | None = None) -> FormError:
    """An error as a form shows it."""
    return FormError(code=error.code, text=locale.error_text(error.code, lang, error.facts), field=field)


def state_message(kind: str, state: str) -> str:
    """The words for a state, to be translated."""
    return STATES[kind][state].message


def author_message(actor: str) -> str:
    """The words for whoever changed a consent and is neither of its sides, to be translated."""
    return AUTHORS.get(actor, AUTHORS["platform"])


def now_ms(ctx: Context) -> int:
    """The service's time: the database's, which never runs back."""
    with read_only(ctx.db) as session:
        return clock.now_ms(session)


def older(path: str, next_cursor: str | None, **query: str | None) -> Pager:
    """A list that goes on: newest first, older on the next page, the beginning one tap away."""
    started = with_query(path, **{name: value for name, value in query.items() if name != "cursor"})
    return Pager(
        newer_url=started if query.get("cursor") else None,
        older_url=with_query(path, **{**query, "cursor": next_cursor}) if next_cursor else None,
    )


def field_of(ctx: Context, type_code: str, name: str) -> tuple[TypeSchema, Field] | None:
    """A field of the catalogue, or None for one that it does not have (any more)."""
    schema = ctx.catalogue.types.get(type_code)
    return (schema, schema.field(name)) if schema is not None and schema.has_field(name) else None


def item(ctx: Context, lang: Lang, listed: Mapping[str, object]) -> Item:
    """An item of a request or grant (`type`, `field`, `necessary`, `sensitive`) in words."""
    type_code, name = str(listed["type"]), str(listed["field"])
    found = field_of(ctx, type_code, name)
    return Item(
        key=f"{type_code}/{name}",
        label=found[1].label(lang) if found else name,
        type_name=found[0].label(lang) if found else type_code,
        sensitive=bool(listed.get("sensitive", False)),
        necessary=bool(listed.get("necessary", False)),
        claim=found is not None and found[1].kind is FieldKind.CLAIM,
        secret=found is not None and found[1].trade_secret,
    )


def items(ctx: Context, lang: Lang, listed: object) -> tuple[Item, ...]:
    """All items of a list that a request or a grant's terms hold."""
    assert isinstance(listed, list)
    return tuple(item(ctx, lang, one) for one in listed)


def notes(ctx: Context, lang: Lang, cut: Iterable[Mapping[str, object]]) -> tuple[str, ...]:
    """What was changed of a request, in sentences; fields that were simply taken out are listed elsewhere."""
    labels = translator(lang)
    found = []
    for note in cut:
        reason = str(note["reason"])
        if reason == CutReason.REPLACED:
            by = note["by"]
            assert isinstance(by, list)
            claims = [item(ctx, lang, {"type": note["type"], "field": name}).label for name in by]
            words = {"field": item(ctx, lang, note).label, "claims": labels.gettext(", ").join(claims)}
            found.append(labels.gettext("%(field)s was asked for; only this is told instead: %(claims)s.") % words)
        elif reason in set(ClampReason):
            facts = {name: value for name, value in note.items() if isinstance(value, int)}
            found.append(locale.error_text(reason, lang, facts))
    return tuple(found)


def shown_value(field: Field, value: str, lang: Lang) -> str:
    """A canonical value for people; days are written as everywhere on the pages."""
    if field.kind is FieldKind.DATE and _DAY.fullmatch(value) and value[:4] != "9999":
        return locale.format_date(value, lang)
    return field.display(value, lang)


def purpose_of(ctx: Context, terms: Mapping[str, object], lang: Lang) -> str:
    """The name of the purpose that a grant's terms state; of the duty by law, with its case, where nobody was asked."""
    purpose = terms["purpose"]
    assert isinstance(purpose, Mapping)
    basis = ctx.catalogue.statutory_bases.get(str(purpose["code"]))
    if basis is not None and terms["legal_basis"] == LegalBasis.STATUTORY_DUTY:
        facts = {"basis": basis.label(lang), "law": basis.law(lang), "case": terms["case_no"]}
        return translator(lang).gettext("%(basis)s (%(law)s), case %(case)s; the law asks for no consent") % facts
    found = ctx.catalogue.purposes.get(str(purpose["code"]))
    return found.label(lang) if found else str(purpose["code"])


def deliveries(
    receipts: Iterable[Receipt], media_types: Mapping[str, str], record: Record, base: str
) -> tuple[Delivery, ...]:
    """Deliveries among receipts, newest first. `media_types` by copy, `base` is where evidence is saved from."""
    return tuple(
        Delivery(
            at_ms=receipt.at_ms,
            media_type=media_types[receipt.copy_id],
            copy_id=receipt.copy_id,
            receipt_number=receipt.number,
            anchored=seen.anchored,
            delay=seen.delay,
            evidence_url=None if receipt.number is None else f"{base}/{segment(receipt.id)}/bundle",
            why_url=f"{base}/{segment(receipt.id)}/decision",
        )
        for receipt in sorted(receipts, key=lambda one: one.at_ms, reverse=True)
        if receipt.kind == ReceiptKind.DELIVERY and receipt.copy_id is not None
        for seen in (record.of_receipt(receipt),)
    )


def receipt_proof(receipt: Receipt, record: Record, subject: str, bundle_url: str | None) -> Proof:
    """What a receipt proves of itself."""
    facts = [
        ProofFact(name=name, value="0x" + value.hex())
        for name, value in (("leaf", receipt.leaf_hash), ("promise", receipt.promise))
        if value is not None
    ]
    seen = record.of_receipt(receipt)
    return Proof(
        state=seen.state,
        delay=seen.delay,
        subject=subject,
        at_ms=receipt.at_ms,
        receipt_number=receipt.number,
        facts=tuple(facts),
        bundle_url=None if receipt.number is None else bundle_url,
    )
