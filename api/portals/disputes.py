"""Objections on pages: a citizen objects, whoever must answer answers or corrects, a regulator decides."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from starlette.datastructures import FormData

from api.errors import ApiError, Kind
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.locale import N_, Lang, format_date, translator
from api.policy.disputes import ANSWER_DAYS, DisputeState, Mover, Subject, moves_from
from api.portals import amended
from api.portals import frame as at
from api.portals.render import respond
from api.portals.views import disputes as views
from api.portals.views.common import FormError
from api.portals.wording import DISPUTE_ACTORS, DISPUTE_NEXT, DISPUTE_NEXT_OF_OTHERS, DISPUTE_SUBJECTS
from api.services import amendments, certificates, disputes, footprints, receipting
from api.services.context import Actor, Context, Role
from api.services.disputes import DisputeView
from api.store.queries.disputes import Words

router = APIRouter(include_in_schema=False)
Id = Annotated[str, Query(max_length=64)]
Field = Annotated[str, Form(max_length=64)]
Text = Annotated[str, Form(max_length=4000)]
ANSWERING: tuple[tuple[str, Any], ...] = (("department", at.Officer), ("entity", at.Clerk))
_DUE = {
    DisputeState.OPENED: N_("answer by %(day)s"),
    DisputeState.OVERDUE: N_("decision by %(day)s"),
    DisputeState.CONTESTED: N_("decision by %(day)s"),
    DisputeState.ORDERED: N_("to be carried out by %(day)s"),
}
REPAIRABLE = frozenset(
    {
        "disputes.bad_text",
        "disputes.bad_value",
        "disputes.same_value",
        "disputes.nothing_to_correct",
        "disputes.identity_field",
        "disputes.own_signer",
    }
)


@router.get("/citizen/disputes")
def own_disputes(request: Request, ctx: ContextDep, actor: at.Citizen, cursor: at.Cursor = None) -> Response:
    """What I objected to, and what comes next."""
    return _list_page(request, ctx, actor, "citizen", cursor)


@router.get("/citizen/disputes/new")
def objecting(
    request: Request, ctx: ContextDep, actor: at.Citizen, certificate: Id = "", field: Id = "", receipt: Id = ""
) -> Response:
    """Say what is wrong; who reads it and by when they answer stands beside it."""
    return _objecting_page(request, ctx, actor, certificate, field, receipt, "", None)


@router.post("/citizen/disputes")
def open_dispute(
    request: Request,
    ctx: ContextDep,
    actor: at.Citizen,
    text: Text = "",
    certificate: Field = "",
    field: Field = "",
    receipt: Field = "",
) -> Response:
    """Object, in words."""
    try:
        row = disputes.open_dispute(
            ctx, actor, text, record_id=certificate or None, field=field or None, receipt_id=receipt or None
        )
    except ApiError as error:
        if error.code not in REPAIRABLE:
            raise
        said = at.said(error, preferred_language(request))
        return _objecting_page(request, ctx, actor, certificate, field, receipt, text, said)
    return at.see_other(f"/citizen/disputes/{at.segment(row.id)}")


@router.get("/citizen/disputes/{dispute_id}")
def own_dispute(request: Request, ctx: ContextDep, actor: at.Citizen, dispute_id: str) -> Response:
    """One of my objections."""
    return _page(request, ctx, actor, "citizen", dispute_id, None)


@router.post("/citizen/disputes/{dispute_id}/withdraw")
def withdraw(ctx: ContextDep, actor: at.Citizen, dispute_id: str) -> Response:
    """Take it back."""
    disputes.withdraw(ctx, actor, dispute_id)
    return at.see_other(f"/citizen/disputes/{at.segment(dispute_id)}")


@router.post("/citizen/disputes/{dispute_id}/contest")
def contest(request: Request, ctx: ContextDep, actor: at.Citizen, dispute_id: str, text: Text = "") -> Response:
    """Ask the regulator."""
    return _acted(request, ctx, actor, "citizen", dispute_id, lambda: disputes.contest(ctx, actor, dispute_id, text))


@router.get("/regulator/disputes")
def queue(
    request: Request,
    ctx: ContextDep,
    actor: at.Inspector,
    cursor: at.Cursor = None,
    every: Annotated[bool, Query(alias="all")] = False,
) -> Response:
    """What nobody answered in time, what was contested, corrections that nobody confirmed; or every objection."""
    return _list_page(request, ctx, actor, "regulator", cursor, every=every)


@router.get("/regulator/disputes/{dispute_id}")
def dispute(request: Request, ctx: ContextDep, actor: at.Inspector, dispute_id: str) -> Response:
    """One objection, to be decided."""
    return _page(request, ctx, actor, "regulator", dispute_id, None)


@router.post("/regulator/disputes/{dispute_id}/decision")
def decide(
    request: Request,
    ctx: ContextDep,
    actor: at.Inspector,
    dispute_id: str,
    outcome: Annotated[Literal["ordered", "dismissed"], Form()],
    text: Text = "",
) -> Response:
    """Decide, with the reason."""

    def act() -> object:
        return disputes.decide(ctx, actor, dispute_id, in_favour=outcome == "ordered", text=text)

    return _acted(request, ctx, actor, "regulator", dispute_id, act)


def _answering(portal: str, who: Any) -> tuple[Callable[..., Response], ...]:  # noqa: ANN401 - an annotation itself
    """The routes of one portal whose people answer."""

    def listed(request: Request, ctx: ContextDep, actor: who, cursor: at.Cursor = None) -> Response:
        """What my organisation must answer."""
        return _list_page(request, ctx, actor, portal, cursor)

    def one(request: Request, ctx: ContextDep, actor: who, dispute_id: str) -> Response:
        """One objection, to be answered."""
        return _page(request, ctx, actor, portal, dispute_id, None)

    def answer(
        request: Request,
        ctx: ContextDep,
        actor: who,
        dispute_id: str,
        outcome: Annotated[Literal["upheld", "refused"], Form()],
        text: Text = "",
    ) -> Response:
        """Answer it."""

        def act() -> object:
            return disputes.answer(ctx, actor, dispute_id, upheld=outcome == "upheld", text=text)

        return _acted(request, ctx, actor, portal, dispute_id, act)

    return listed, one, answer


for _portal, _who in ANSWERING:
    _listed, _one, _answer = _answering(_portal, _who)
    router.add_api_route(f"/{_portal}/disputes", _listed, methods=["GET"])
    router.add_api_route(f"/{_portal}/disputes/{{dispute_id}}", _one, methods=["GET"])
    router.add_api_route(f"/{_portal}/disputes/{{dispute_id}}/answer", _answer, methods=["POST"])


async def _form(request: Request) -> FormData:
    return await request.form()


@router.post("/department/disputes/{dispute_id}/correction")
def correct(
    request: Request,
    ctx: ContextDep,
    actor: at.Officer,
    dispute_id: str,
    form: Annotated[FormData, Depends(_form)],
) -> Response:
    """Correct the certificate: the fields that were filled in."""
    prefix = "value."
    values = {
        name.removeprefix(prefix): str(value)[:4000]
        for name, value in form.items()
        if name.startswith(prefix) and str(value).strip()
    }
    text = str(form.get("text", ""))[:4000]

    def act() -> object:
        return amendments.correct(ctx, actor, dispute_id, values, text)

    return _acted(request, ctx, actor, "department", dispute_id, act)


def _acted(
    request: Request, ctx: Context, actor: Actor, portal: str, dispute_id: str, act: Callable[[], object]
) -> Response:
    """Do it and show how it stands; what can be put right comes back with the reason."""
    try:
        act()
    except ApiError as error:
        if error.code not in REPAIRABLE:
            raise
        return _page(request, ctx, actor, portal, dispute_id, at.said(error, preferred_language(request)))
    return at.see_other(f"/{portal}/disputes/{at.segment(dispute_id)}")


def _objecting_page(
    request: Request,
    ctx: Context,
    actor: Actor,
    certificate: str,
    field: str,
    receipt: str,
    text: str,
    error: FormError | None,
) -> Response:
    lang = preferred_language(request)
    if receipt:
        found = receipting.get(ctx, actor, receipt)
        line = next((one for one in footprints.list_own(ctx, actor).items if one.receipt.id == receipt), None)
        who = "—" if line is None else at.named(line.party, lang)
        what = translator(lang).gettext(at.state_message("footprint", found.kind))
        back = "/citizen/footprints"
    else:
        one = certificates.get_own(ctx, actor, certificate).certificate
        what = one.schema.label(lang)
        if field:
            what = f"{what} · {one.schema.field(field).label(lang)}"
        who, back = at.named(one.issuer, lang), f"/citizen/certificates/{at.segment(certificate)}"
    view = views.Objecting(
        what=what,
        who=who,
        days=ANSWER_DAYS,
        certificate=certificate,
        field=field,
        receipt=receipt,
        back_url=back,
        text=text,
        error=error,
    )
    status = 200 if error is None else int(STATUS[Kind.INVALID])
    active = "footprints" if receipt else "certificates"
    return respond("citizen/object.html", view, at.frame(request, ctx, "citizen", active, actor), status)


def _list_page(
    request: Request, ctx: Context, actor: Actor, portal: str, cursor: str | None, *, every: bool = False
) -> Response:
    lang = preferred_language(request)
    regulator = portal == "regulator"
    page = disputes.list_visible(ctx, actor, cursor, escalated=regulator and not every)
    late = amendments.list_escalated(ctx, actor) if regulator else []
    view = views.Disputes(
        disputes=tuple(_card(ctx, one, portal, lang) for one in page.items),
        pager=at.older(f"/{portal}/disputes", page.next_cursor, cursor=cursor, all="true" if every else None),
        late=tuple(amended.late_line(ctx, one, lang) for one in late),
        every=every,
    )
    active = "me" if portal == "citizen" else "disputes"
    return respond(_template(portal, "disputes"), view, at.frame(request, ctx, portal, active, actor))


def _template(portal: str, name: str) -> str:
    return f"{'staff' if portal in {'department', 'entity'} else portal}/{name}.html"


def _card(ctx: Context, one: DisputeView, portal: str, lang: Lang) -> views.DisputeCard:
    row, labels = one.dispute, translator(lang)
    due = _DUE.get(DisputeState(row.state))
    return views.DisputeCard(
        url=f"/{portal}/disputes/{at.segment(row.id)}",
        number=disputes.shown_number(row),
        who=at.named(one.party, lang),
        what=_what(ctx, one, lang),
        state=row.state,
        opened_at_ms=row.opened_at_ms,
        due=None if due is None else labels.gettext(due) % {"day": _day(row.due_at_ms, lang)},
        late=row.escalated_at_ms is not None and row.closed_at_ms is None,
    )


def _day(at_ms: int | None, lang: Lang) -> str:
    """The last day of a term, which is over at midnight."""
    return "—" if at_ms is None else format_date(at_ms - 1, lang)


def _what(ctx: Context, one: DisputeView, lang: Lang) -> str:
    row, labels = one.dispute, translator(lang)
    if row.type_code is None:
        return labels.gettext(DISPUTE_SUBJECTS[row.subject])
    schema = ctx.catalogue.types.get(row.type_code)
    name = row.type_code if schema is None else schema.label(lang)
    if row.field is None or schema is None or not schema.has_field(row.field):
        return name
    return f"{name} · {schema.field(row.field).label(lang)}"


def _page(
    request: Request, ctx: Context, actor: Actor, portal: str, dispute_id: str, error: FormError | None
) -> Response:
    lang = preferred_language(request)
    one = disputes.get(ctx, actor, dispute_id)
    row, labels, state = one.dispute, translator(lang), DisputeState(one.dispute.state)
    mine = {
        Role.CITIZEN: Mover.HOLDER,
        Role.DEPARTMENT: Mover.PARTY,
        Role.ENTITY: Mover.PARTY,
        Role.REGULATOR: Mover.REGULATOR,
    }[actor.role]
    can = {to for to, who in moves_from(state, contested=row.contested).items() if who is mine}
    contestable = DisputeState.CONTESTED in can and (row.contest_until_ms or 0) > at.now_ms(ctx)
    words = {"who": at.named(one.party, lang), "day": _day(row.due_at_ms, lang)}
    correctable = DisputeState.CORRECTING in can and row.subject != Subject.LINE and actor.role is Role.DEPARTMENT
    following = [] if actor.role is Role.ENTITY else one.amendments
    view = views.Dispute(
        id=row.id,
        number=disputes.shown_number(row),
        who=at.named(one.party, lang),
        subject=labels.gettext(DISPUTE_SUBJECTS[row.subject]),
        what=_what(ctx, one, lang),
        state=row.state,
        late=row.escalated_at_ms is not None and row.closed_at_ms is None and state is not DisputeState.OVERDUE,
        plain=row.plain and (row.due_at_ms is not None or contestable),
        opened_at_ms=row.opened_at_ms,
        next=labels.gettext((DISPUTE_NEXT if portal == "citizen" else DISPUTE_NEXT_OF_OTHERS)[row.state]) % words,
        statement=one.words.get(Words.STATEMENT),
        answer=one.words.get(Words.ANSWER),
        contest=one.words.get(Words.CONTEST),
        decision=one.words.get(Words.DECISION),
        corrections=tuple(
            amended.correction(ctx, amendments.get(ctx, actor, amendment.id), portal, lang)
            for amendment in following
            if amendment.sealed_at_ms is not None
        ),
        moves=tuple(_move(event.at_ms, event.actor, event.note or event.state, lang) for event in reversed(one.events)),
        error=error,
        can_withdraw=DisputeState.WITHDRAWN in can,
        contest_day_ms=row.contest_until_ms - 1 if contestable and row.contest_until_ms else None,
        can_answer=DisputeState.UPHELD in can,
        can_refuse=DisputeState.REFUSED in can,
        can_decide=DisputeState.ORDERED in can,
        editable=_editable(ctx, one, lang) if correctable else (),
    )
    status = 200 if error is None else int(STATUS[Kind.INVALID])
    active = "me" if portal == "citizen" else "disputes"
    return respond(_template(portal, "dispute"), view, at.frame(request, ctx, portal, active, actor), status)


def _move(at_ms: int, actor: str, what: str, lang: Lang) -> views.DisputeMove:
    labels = translator(lang)
    words = (labels.gettext(DISPUTE_ACTORS[actor]), labels.gettext(at.state_message("dispute", what)))
    return views.DisputeMove(at_ms=at_ms, text=" · ".join(words))


def _editable(ctx: Context, one: DisputeView, lang: Lang) -> tuple[views.Editable, ...]:
    """The fields that a new version may correct: all but those by which certificate and holder are known."""
    schema = ctx.catalogue.types.get(one.dispute.type_code or "")
    if schema is None:
        return ()
    known = {*schema.natural_key, schema.holder_field}
    # A claim is corrected through what it follows from.
    wanted = {claim.source for claim in schema.claims if claim.name in one.values} | set(one.values)
    return tuple(
        views.Editable(
            name=field.name,
            label=field.label(lang),
            value=at.shown_value(field, one.values[field.name], lang) if field.name in one.values else "",
        )
        for field in schema.fields
        if field.name in wanted and field.name not in known
    )
