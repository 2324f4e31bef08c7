"""A regulator's flow map, and the life of one certificate."""

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup

from api.errors import ApiError
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.forms import download
from api.http.language import preferred_language
from api.locale import Lang, format_date, translator
from api.portals import flow_picture
from api.portals import frame as at
from api.portals.render import respond, with_query
from api.portals.views import flow as views
from api.portals.views.common import Choice
from api.services import flows, parties
from api.services.context import Context
from api.services.flows import Filter, Flow, Moment
from api.store.queries.parties import PartyRole

router = APIRouter(prefix="/regulator/flow", include_in_schema=False)
Word = Annotated[str, Query(max_length=64)]


@router.get("")
def flow_map(
    request: Request,
    ctx: ContextDep,
    actor: at.Inspector,
    first: Annotated[str, Query(alias="from", max_length=10)] = "",
    last: Annotated[str, Query(alias="until", max_length=10)] = "",
    department: Word = "",
    entity: Word = "",
    purpose: Word = "",
    type_code: Annotated[str, Query(alias="type", max_length=64)] = "",
    holder: Annotated[str, Query(max_length=16)] = "",
) -> Response:
    """Where data went: department, holder under a pseudonym, recipient, by purpose and day."""
    lang, error = preferred_language(request), None
    chosen = {"department": department, "entity": entity, "purpose": purpose, "type": type_code}
    try:
        wanted = Filter(
            _day(first),
            _day(last),
            department or None,
            entity or None,
            purpose or None,
            type_code or None,
            holder or None,
        )
        found = flows.read(ctx, actor, wanted)
    except ApiError as refused:
        error, chosen, holder = refused, dict.fromkeys(chosen, ""), ""
        found = flows.read(ctx, actor, Filter())
    view = _view(ctx, found, chosen, holder, lang, error)
    status = 200 if error is None else int(STATUS[error.kind])
    return respond("regulator/flow.html", view, at.frame(request, ctx, "regulator", "flow", actor), status)


@router.get("/certificates/{record_id}")
def life(request: Request, ctx: ContextDep, actor: at.Inspector, record_id: str) -> Response:
    """One certificate's life, with its proofs; its holder sees that it was followed."""
    lang = preferred_language(request)
    found = flows.life(ctx, actor, record_id)
    schema = ctx.catalogue.types.get(found.record.type_code)
    view = views.LifePage(
        id=found.record.id,
        type_name=found.record.type_code if schema is None else schema.label(lang),
        version=found.record.version,
        department=at.named(found.department, lang),
        root="0x" + found.root.hex(),
        recorded=found.anchored,
        moments=tuple(_moment(ctx, one, found.record.id, lang) for one in found.moments),
    )
    return respond("regulator/certificate.html", view, at.frame(request, ctx, "regulator", "flow", actor))


@router.get("/certificates/{record_id}/evidence/{receipt_id}")
def proof(ctx: ContextDep, actor: at.Inspector, record_id: str, receipt_id: str) -> Response:
    """The proof file of an entry in a certificate's life."""
    data = flows.proof(ctx, actor, record_id, receipt_id).to_bytes()
    return download(data, at.BUNDLE, f"{receipt_id}.bundle.json")


def _moment(ctx: Context, one: Moment, record_id: str, lang: Lang) -> views.MomentLine:
    labels = translator(lang)
    detail = one.detail
    if one.kind in {"granted", "pulled"} and detail in ctx.catalogue.purposes:
        detail = ctx.catalogue.purposes[detail].label(lang)
    elif one.kind == "ended":
        detail = labels.gettext(at.state_message("grant", detail))
    elif one.kind == "traced":
        detail = labels.gettext(at.state_message("outcome", detail))
    elif one.kind == "anchored":
        detail = labels.gettext("block %(number)s") % {"number": detail} if detail else ""
    elif one.kind == "replaced":
        detail = labels.gettext("version %(number)s") % {"number": detail}
    base = f"/regulator/flow/certificates/{at.segment(record_id)}/evidence"
    numbered = one.receipt is not None and one.receipt.number is not None
    return views.MomentLine(
        kind=one.kind,
        at_ms=one.at_ms,
        party=None if one.party is None else at.named(one.party, lang),
        detail=detail,
        number=None if one.receipt is None else one.receipt.number,
        proof_url=f"{base}/{at.segment(one.receipt.id)}" if numbered and one.receipt is not None else None,
    )


def _view(
    ctx: Context, found: Flow, chosen: dict[str, str], holder: str, lang: Lang, error: ApiError | None
) -> views.FlowPage:
    catalogue = ctx.catalogue
    days = {"from": found.first.isoformat(), "until": found.last.isoformat()}
    kept = {**days, **{name: value or None for name, value in chosen.items()}}

    def here(**more: str | None) -> str:
        return with_query("/regulator/flow", **{**kept, "holder": holder or None, **more})

    def purpose_of(code: str) -> str:
        if code in catalogue.purposes:
            return catalogue.purposes[code].label(lang)
        return catalogue.statutory_bases[code].label(lang) if code in catalogue.statutory_bases else code

    def type_of(code: str) -> str:
        schema = catalogue.types.get(code)
        return code if schema is None else schema.label(lang)

    listed = [(one.role, Choice(value=one.id, label=at.named(one, lang))) for one in parties.list_public(ctx)]
    return views.FlowPage(
        first=days["from"],
        last=days["until"],
        chosen=chosen,
        departments=tuple(choice for role, choice in listed if role == PartyRole.DEPARTMENT),
        entities=tuple(choice for role, choice in listed if role in {PartyRole.ENTITY, PartyRole.DEPARTMENT}),
        purposes=tuple(
            Choice(value=code, label=purpose_of(code)) for code in (*catalogue.purposes, *catalogue.statutory_bases)
        ),
        types=tuple(Choice(value=one.code, label=one.label(lang)) for one in catalogue.ready_types()),
        holder=holder or None,
        everybody_url=here(holder=None),
        picture=_picture(found, here, purpose_of, lang) if found.times else None,
        times=found.times,
        holders=len(found.holders) + found.others,
        steps=tuple(
            views.StepLine(
                at_ms=step.at_ms,
                department=at.named(found.names.get(step.department), lang),
                holder=step.holder,
                holder_url=here(holder=step.holder),
                entity=at.named(found.names.get(step.entity), lang),
                purpose=purpose_of(step.purpose),
                type_name=type_of(step.type_code),
                url=f"/regulator/flow/certificates/{at.segment(step.record_id)}",
            )
            for step in found.steps
        ),
        days=tuple(
            views.DayLine(day=format_date(day.isoformat(), lang), purpose=purpose_of(purpose), times=times)
            for (day, purpose), times in sorted(found.by_day.items(), reverse=True)
        ),
        more=found.more,
        error=None if error is None else at.said(error, lang),
    )


def _picture(found: Flow, here: Callable[..., str], purpose_of: Callable[[str], str], lang: Lang) -> Markup:
    labels = translator(lang)
    counted: tuple[Counter[str], ...] = (Counter(), Counter(), Counter(), Counter())
    for path, times in found.paths.items():
        for column, key in zip(counted, path, strict=True):
            column[key] += times
    left, middle, why, right = counted
    names = {party_id: at.named(party, lang) for party_id, party in found.names.items()}
    people = {holder: labels.gettext("holder %(name)s") % {"name": holder} for holder in middle}
    people[""] = labels.gettext("%(count)s other holders") % {"count": found.others}
    columns = (
        flow_picture.nodes(left, names, {key: here(department=key) for key in left}),
        flow_picture.nodes(middle, people, {key: here(holder=key) if key else None for key in middle}),
        flow_picture.nodes(why, {key: purpose_of(key) for key in why}, {key: here(purpose=key) for key in why}),
        flow_picture.nodes(right, names, {key: here(entity=key) for key in right}),
    )
    heads = (
        labels.gettext("Department"),
        labels.gettext("Holder"),
        labels.gettext("Purpose"),
        labels.gettext("Recipient"),
    )
    told = {"times": found.times, "left": len(left), "middle": len(found.holders), "right": len(right)}
    description = labels.gettext(
        "%(times)s deliveries from %(left)s departments, of %(middle)s holders shown singly, to %(right)s recipients; "
        "the width of a band is how often. The table below says the same."
    )
    return flow_picture.picture(
        heads,
        columns,
        (found.in_links, found.why_links, found.whom_links),
        labels.gettext("Flow of data"),
        description % told,
        (labels.gettext("By day"), _days(found, here, purpose_of, lang)),
    )


def _days(
    found: Flow, here: Callable[..., str], purpose_of: Callable[[str], str], lang: Lang
) -> list[flow_picture.Day]:
    """Each day of the period, those on which nothing went among them; pointed at it says for which purposes."""
    days: dict[date, Counter[str]] = {
        found.first + timedelta(days=number): Counter() for number in range((found.last - found.first).days + 1)
    }
    for (day, purpose), times in found.by_day.items():
        days[day][purpose] += times
    return [
        flow_picture.Day(
            label=f"{day.month}-{day.day}",
            title="\n".join(
                (
                    f"{format_date(day.isoformat(), lang)}: {counts.total()}",
                    *(f"{purpose_of(code)}: {times}" for code, times in counts.most_common()),
                )
            ),
            url=here(**{"from": day.isoformat(), "until": day.isoformat()}),
            times=counts.total(),
        )
        for day, counts in days.items()
    ]


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ApiError("indicators.period", days=flows.DAYS_MAX) from None
