"""The printed receipt of a visit at a counter, and what whoever scans its code is told."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.documents.counter_slip import SlipEntry, SlipView, listed, masked, render_slip
from api.errors import ApiError, Kind
from api.locale import N_, Lang, format_datetime, translator
from api.services.context import Actor, Context
from api.services.counter import Act, Shown, Visit, acting_for, visit_of
from api.services.grants import shown_state
from api.store import Session, clock, read_only
from api.store.queries import counter, parties
from api.store.queries import grants as grant_rows
from api.store.queries import requests as request_rows
from api.store.tables import CounterAct, Grant, Party, Request

PRINTED: Lang = "zh-Hans"
DOCUMENTS = {
    Shown.ID_CARD: N_("Resident identity card"),
    Shown.TEMPORARY_ID: N_("Temporary identity card"),
    Shown.HOUSEHOLD_REGISTER: N_("Household register"),
    Shown.SOCIAL_SECURITY_CARD: N_("Social security card"),
    Shown.PASSPORT: N_("Passport"),
}
"""The identity documents in words."""
HEADINGS = {
    Act.APPROVED: "您同意了：{entity}可以看您的数据",
    Act.DENIED: "您没有同意：{entity}看不到您的数据",
    Act.REVOKED: "您收回了给{entity}的授权",
}


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that was done in a visit, with what it was about; `grant` for a consent given or ended."""

    act: Act
    at_ms: int
    request: Request | None
    grant: Grant | None
    entity: Party


@dataclass(frozen=True, slots=True)
class PublicSlip:
    """What a printed receipt tells whoever scans it: which office, when, and how many consents stand; about nobody."""

    office: Party
    opened_at_ms: int
    approved: int
    denied: int
    revoked: int
    in_force: int


def pdf(ctx: Context, actor: Actor, visit_id: str) -> bytes:
    """The receipt to print. Raises as `counter.desk`, and `counter.nothing_done`."""
    acting = acting_for(ctx, actor, visit_id)
    assert acting.holder_id is not None
    with read_only(ctx.db) as session:
        visit = visit_of(ctx, session, acting, visit_id)
        done = [_done(session, acting.holder_id, act) for act in counter.acts_of(session, visit_id)]
    if not done:
        raise ApiError("counter.nothing_done", Kind.CONFLICT)
    return render_slip(view_of(ctx, visit, done))


def view_of(ctx: Context, visit: Visit, done: Sequence[Done]) -> SlipView:
    """What the page says, in Chinese: it is for the person at the window."""
    return SlipView(
        office=visit.office.name_zh,
        person=masked(visit.name),
        document=translator(PRINTED).gettext(DOCUMENTS[visit.document]),
        when=format_datetime(visit.opened_at_ms, PRINTED),
        entries=[_entry(ctx, one) for one in done],
        visit_id=visit.id,
        verify_url=f"{ctx.settings.base_url}/v/{visit.id}",
    )


def public(ctx: Context, visit_id: str) -> PublicSlip | None:
    """What anybody who holds the paper may learn; None for a code that no visit with anything done in it has."""
    with read_only(ctx.db) as session:
        row = counter.get_visit(session, visit_id)
        acts = [] if row is None else counter.acts_of(session, visit_id)
        if row is None or not acts or row.holder_id is None:
            return None
        office = parties.get_party(session, row.party_id)
        assert office is not None
        now = clock.now_ms(session)
        given = [_done(session, row.holder_id, act).grant for act in acts if act.act == Act.APPROVED]
        counts = {kind: sum(act.act == kind for act in acts) for kind in Act}
        standing = sum(grant is not None and not shown_state(grant, now).final for grant in given)
        return PublicSlip(
            office, row.opened_at_ms, counts[Act.APPROVED], counts[Act.DENIED], counts[Act.REVOKED], standing
        )


def _done(session: Session, holder_id: str, act: CounterAct) -> Done:
    asked = None if act.request_id is None else request_rows.request_to_holder(session, holder_id, act.request_id)
    grant = None if act.grant_id is None else grant_rows.grant_of_holder(session, holder_id, act.grant_id)
    about = grant or asked
    assert about is not None
    entity = parties.get_party(session, about.entity_id)
    assert entity is not None
    return Done(Act(act.act), act.at_ms, asked, grant, entity)


def _entry(ctx: Context, done: Done) -> SlipEntry:
    lines: list[tuple[str, str]] = []
    if done.grant is not None:
        listed_items = done.grant.terms["items"]
        assert isinstance(listed_items, list)
        lines += _what(ctx, listed_items, grant_rows.purpose_of(done.grant))
        if done.act is Act.APPROVED:
            lines.append(("到什么时候", format_datetime(done.grant.not_after_ms, PRINTED)))
            lines.append(("最多几次", f"{done.grant.max_uses} 次"))
        else:
            lines.append(("何时收回", format_datetime(done.at_ms, PRINTED)))
    elif done.request is not None:
        lines += _what(ctx, done.request.items, done.request.purpose_code)
    return SlipEntry(HEADINGS[done.act].format(entity=done.entity.name_zh), lines)


def _what(ctx: Context, items: Sequence[dict[str, object]], purpose_code: str) -> list[tuple[str, str]]:
    labels = []
    for item in items:
        schema = ctx.catalogue.types.get(str(item["type"]))
        name = str(item["field"])
        known = schema is not None and schema.has_field(name)
        labels.append(schema.field(name).zh if schema is not None and known else name)
    purpose = ctx.catalogue.purposes.get(purpose_code)
    return [("看什么", listed(list(dict.fromkeys(labels)))), ("做什么用", purpose.zh if purpose else purpose_code)]
