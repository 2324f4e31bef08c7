"""Cases on pages: a citizen says it was not them and follows the case; a regulator reviews, decides, releases lines.

The organisation that a case is about sees how it stands, and never what the person wrote.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response

from api import locale
from api.errors import ApiError, Kind
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.forms import download
from api.http.language import preferred_language
from api.locale import Lang, translator
from api.policy.cases import CASE_TRANSITIONS, CaseState
from api.portals import frame as at
from api.portals.render import respond
from api.portals.views import looked as views
from api.portals.views.common import FormError
from api.portals.wording import CASE_ACTORS
from api.services import cases, footprints, grants, masks, receipting
from api.services.cases import CaseView
from api.services.context import Actor, Context, Role
from api.services.footprints import Basis, Footprint
from api.services.grants.replay import PERMIT
from api.store.queries.registrations import LegalBasis
from api.store.tables import StatutoryAccess

router = APIRouter(include_in_schema=False)
Id = Annotated[str, Query(max_length=64)]
Field = Annotated[str, Form(max_length=64)]
Text = Annotated[str, Form(max_length=4000)]
CONCERNED = ("department", "entity")


@router.get("/citizen/cases")
def own_cases(request: Request, ctx: ContextDep, actor: at.Citizen, cursor: at.Cursor = None) -> Response:
    """What I contested, and how it stands."""
    return _cases_page(request, ctx, actor, "citizen", cursor, None)


@router.get("/citizen/cases/new")
def contest(
    request: Request, ctx: ContextDep, actor: at.Citizen, receipt: Id = "", grant: Id = "", access: Id = ""
) -> Response:
    """One more tap before it is done: what is contested, and what stops at once."""
    return _contest_page(request, ctx, actor, receipt, grant, access, None, None)


@router.post("/citizen/cases")
def open_case(
    request: Request,
    ctx: ContextDep,
    actor: at.Citizen,
    text: Text = "",
    receipt: Field = "",
    grant: Field = "",
    access: Field = "",
) -> Response:
    """Open the case."""
    lang = preferred_language(request)
    try:
        row = cases.open_case(
            ctx, actor, text, receipt_id=receipt or None, grant_id=grant or None, access_id=access or None
        )
    except ApiError as error:
        if error.code != "cases.bad_text":
            raise
        return _contest_page(request, ctx, actor, receipt, grant, access, text, at.said(error, lang))
    return at.see_other(f"/citizen/cases/{at.segment(row.id)}")


@router.get("/citizen/cases/{case_id}")
def own_case(request: Request, ctx: ContextDep, actor: at.Citizen, case_id: str) -> Response:
    """One of my cases."""
    return _case_page(request, ctx, actor, "citizen", case_id, None)


@router.post("/citizen/cases/{case_id}/withdraw")
def withdraw(ctx: ContextDep, actor: at.Citizen, case_id: str) -> Response:
    """Take a case back."""
    cases.withdraw(ctx, actor, case_id)
    return at.see_other(f"/citizen/cases/{at.segment(case_id)}")


@router.get("/department/cases")
def department_cases(request: Request, ctx: ContextDep, actor: at.Officer, cursor: at.Cursor = None) -> Response:
    """Cases about this department's queries."""
    return _cases_page(request, ctx, actor, "department", cursor, None)


@router.get("/department/cases/{case_id}")
def department_case(request: Request, ctx: ContextDep, actor: at.Officer, case_id: str) -> Response:
    """One of them: what stands still, until when, and what was decided."""
    return _case_page(request, ctx, actor, "department", case_id, None)


@router.get("/entity/cases")
def entity_cases(request: Request, ctx: ContextDep, actor: at.Clerk, cursor: at.Cursor = None) -> Response:
    """Cases about consents to this organisation, or about its queries by duty."""
    return _cases_page(request, ctx, actor, "entity", cursor, None)


@router.get("/entity/cases/{case_id}")
def entity_case(request: Request, ctx: ContextDep, actor: at.Clerk, case_id: str) -> Response:
    """One of them: what stands still, until when, and what was decided."""
    return _case_page(request, ctx, actor, "entity", case_id, None)


@router.get("/regulator/cases")
def queue(request: Request, ctx: ContextDep, actor: at.Inspector, cursor: at.Cursor = None) -> Response:
    """All cases, and the lines that a law keeps back at present."""
    return _cases_page(request, ctx, actor, "regulator", cursor, None)


@router.get("/regulator/cases/{case_id}")
def case(request: Request, ctx: ContextDep, actor: at.Inspector, case_id: str) -> Response:
    """One case with the line's evidence."""
    return _case_page(request, ctx, actor, "regulator", case_id, None)


@router.get("/regulator/cases/{case_id}/bundle")
def bundle(ctx: ContextDep, actor: at.Inspector, case_id: str) -> Response:
    """The proof file of the line, signed request included."""
    found = cases.evidence_of(ctx, actor, case_id)
    if found.bundle is None:
        raise ApiError("receipts.not_numbered", Kind.CONFLICT)
    return download(found.bundle.to_bytes(), at.BUNDLE, f"{case_id}.bundle.json")


@router.post("/regulator/cases/{case_id}/review")
def review(ctx: ContextDep, actor: at.Inspector, case_id: str) -> Response:
    """Take a case up."""
    cases.review(ctx, actor, case_id)
    return at.see_other(f"/regulator/cases/{at.segment(case_id)}")


@router.post("/regulator/cases/{case_id}/decision")
def decide(
    request: Request,
    ctx: ContextDep,
    actor: at.Inspector,
    case_id: str,
    outcome: Annotated[Literal["upheld", "dismissed"], Form()],
    text: Text = "",
) -> Response:
    """Decide a case, with the reason."""
    try:
        cases.decide(ctx, actor, case_id, upheld=outcome == "upheld", text=text)
    except ApiError as error:
        if error.code != "cases.bad_text":
            raise
        return _case_page(request, ctx, actor, "regulator", case_id, at.said(error, preferred_language(request)))
    return at.see_other(f"/regulator/cases/{at.segment(case_id)}")


@router.post("/regulator/masks/{access_id}/release")
def release(ctx: ContextDep, actor: at.Inspector, access_id: str) -> Response:
    """Show a masked line to the person concerned from now on."""
    masks.shorten(ctx, actor, access_id)
    return at.see_other("/regulator/cases")


def _contest_page(
    request: Request,
    ctx: Context,
    actor: Actor,
    receipt: str,
    grant: str,
    access: str,
    text: str | None,
    error: FormError | None,
) -> Response:
    lang = preferred_language(request)
    labels = translator(lang)
    if access:
        what = labels.gettext("A line that is kept back by law")
        stops = labels.gettext("Nothing stops by itself: the law keeps this line back. The regulator looks at it.")
    elif receipt:
        found = receipting.get(ctx, actor, receipt)
        line = next((one for one in footprints.list_own(ctx, actor).items if one.receipt.id == receipt), None)
        who = "—" if line is None else at.named(line.party, lang)
        word = labels.gettext(at.state_message("footprint", found.kind))
        what = f"{who} · {word}"
        stops = _stops(line, lang)
    else:
        page = grants.get(ctx, actor, grant)
        what = at.named(page.entity, lang)
        stops = labels.gettext("The consent behind it is stopped at once, and nothing more is given under it.")
    view = views.Contest(
        what=what,
        receipt=receipt,
        grant=grant,
        access=access,
        stops=stops,
        text=labels.gettext("I did not agree to this.") if text is None else text,
        error=error,
    )
    status = 200 if error is None else int(STATUS[Kind.INVALID])
    return respond("citizen/contest.html", view, at.frame(request, ctx, "citizen", "footprints", actor), status)


def _stops(line: Footprint | None, lang: Lang) -> str:
    """What stands still as soon as a line is contested."""
    labels = translator(lang)
    if line is not None and line.basis is Basis.STATUTORY:
        return labels.gettext(
            "Only this organisation's queries about you are stopped at once, until the regulator has decided."
        )
    if line is None or line.grant is None:
        return labels.gettext("The line is looked at; there is no consent behind it that could be stopped.")
    return labels.gettext("The consent behind it is stopped at once, and nothing more is given under it.")


def _cases_page(
    request: Request, ctx: Context, actor: Actor, portal: str, cursor: str | None, error: FormError | None
) -> Response:
    lang = preferred_language(request)
    page = cases.list_visible(ctx, actor, cursor)
    kept = masks.list_all(ctx, actor) if actor.role is Role.REGULATOR else []
    view = views.Cases(
        cases=tuple(_card(one, portal, lang) for one in page.items),
        masks=tuple(
            views.MaskLine(
                access=one.access.id,
                who=at.named(one.party, lang),
                law=_law(ctx, one.access, lang),
                case_no=one.access.case_no or "—",
                at_ms=one.access.at_ms,
                until_ms=one.access.masked_until_ms or 0,
            )
            for one in kept
        ),
        error=error,
        pager=at.older(f"/{portal}/cases", page.next_cursor, cursor=cursor),
    )
    active = "footprints" if portal == "citizen" else "cases"
    return respond(_template(portal, "cases"), view, at.frame(request, ctx, portal, active, actor))


def _template(portal: str, name: str) -> str:
    """Both organisations that a case may be about read the same pages."""
    return f"{'staff' if portal in CONCERNED else portal}/{name}.html"


def _law(ctx: Context, access: StatutoryAccess, lang: Lang) -> str:
    basis = ctx.catalogue.statutory_bases.get(access.basis_code)
    return access.mask_basis or "—" if basis is None else basis.law(lang)


def _card(one: CaseView, portal: str, lang: Lang) -> views.CaseCard:
    row = one.case
    return views.CaseCard(
        url=f"/{portal}/cases/{at.segment(row.id)}",
        number=cases.shown_number(row),
        who=_who(one, portal, lang),
        state=row.state,
        opened_at_ms=row.opened_at_ms,
        due_at_ms=row.due_at_ms,
        late=row.escalated_at_ms is not None,
        final=CaseState(row.state).final,
    )


def _case_page(
    request: Request, ctx: Context, actor: Actor, portal: str, case_id: str, error: FormError | None
) -> Response:
    lang = preferred_language(request)
    one = cases.get(ctx, actor, case_id)
    row, labels = one.case, translator(lang)
    following = CASE_TRANSITIONS[CaseState(row.state)]
    citizen, regulator = portal == "citizen", portal == "regulator"
    receipt_kind = "masked" if one.masked and citizen else None if one.receipt is None else one.receipt.kind
    view = views.Case(
        id=row.id,
        number=cases.shown_number(row),
        who=_who(one, portal, lang),
        what="—"
        if receipt_kind is None
        else labels.gettext(at.state_message("mask" if receipt_kind == "masked" else "footprint", receipt_kind)),
        purpose=None if one.grant is None else at.purpose_of(ctx, one.grant.terms, lang),
        state=row.state,
        hold=row.hold,
        opened_at_ms=row.opened_at_ms,
        due_at_ms=row.due_at_ms,
        late=row.escalated_at_ms is not None,
        reason=one.reason,
        decision=one.decision,
        moves=tuple(
            views.CaseMove(
                at_ms=event.at_ms,
                text=" · ".join(
                    (
                        labels.gettext(CASE_ACTORS[event.actor]),
                        labels.gettext(at.state_message("case", event.note or event.state)),
                    )
                ),
            )
            for event in reversed(one.events)
        ),
        can_withdraw=citizen and CaseState.WITHDRAWN in following,
        can_review=regulator and CaseState.UNDER_REVIEW in following,
        can_decide=regulator and CaseState.UPHELD in following,
        error=error,
        verdict=_verdict(ctx, actor, one, lang) if regulator else None,
        signed_base=cases.evidence_of(ctx, actor, case_id).signed_base if regulator else None,
        bundle_url=f"/regulator/cases/{at.segment(row.id)}/bundle" if regulator and one.receipt is not None else None,
        grant_url=_grant_url(one, portal),
    )
    status = 200 if error is None else int(STATUS[Kind.INVALID])
    active = "footprints" if citizen else "cases"
    return respond(_template(portal, "case"), view, at.frame(request, ctx, portal, active, actor), status)


def _grant_url(one: CaseView, portal: str) -> str | None:
    """The consent that the case is about, where this reader has a page of it; a query by duty is none."""
    grant = one.grant
    if grant is None or portal == "department" or (portal != "regulator" and grant.legal_basis != LegalBasis.CONSENT):
        return None
    return f"/{portal}/grants/{at.segment(grant.id)}"


def _verdict(ctx: Context, actor: Actor, one: CaseView, lang: Lang) -> views.Verdict | None:
    """The decision behind the line, made again; None where the line is none."""
    if one.receipt is None:
        return None
    try:
        found = grants.replay(ctx, actor, one.receipt.id)
    except ApiError as error:
        if error.code != "receipts.no_decision":
            raise
        return None
    return views.Verdict(
        recorded=_decided(found.recorded, lang), replayed=_decided(found.replayed, lang), agrees=found.agrees
    )


def _decided(code: str | None, lang: Lang) -> str:
    if code is None:
        return "—"
    return translator(lang).gettext("allowed") if code == PERMIT else locale.error_text(code, lang)


def _who(one: CaseView, portal: str, lang: Lang) -> str:
    if portal in CONCERNED:
        # It knows who it is; its own case number says what it is about, and the person is not named.
        case_no = None if one.grant is None else one.grant.terms["case_no"]
        return (
            translator(lang).gettext("your case %(case)s") % {"case": case_no} if case_no else at.named(one.party, lang)
        )
    if one.party is None and one.masked:
        return translator(lang).gettext("An authority")
    return at.named(one.party, lang)
