"""Pages of the operator's three offices: propose parties, admit and stop them, give offices, read what was done."""

import json
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response

from api.errors import ApiError, Kind
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.locale import Lang, error_text, translator
from api.policy.duties import Office
from api.portals import frame as at
from api.portals.parts import health_page
from api.portals.render import respond
from api.portals.views import duties as views
from api.portals.views.common import Choice, FormError
from api.portals.wording import ROLES
from api.services import admissions, offices, parties
from api.services.admissions import Act, NewParty
from api.services.context import Actor, Context, Role
from api.services.offices import Holding
from api.store.queries.offices import FOUNDED
from api.store.queries.parties import PartyRole
from api.store.queries.party_acts import ActState

router = APIRouter(include_in_schema=False)
HOMES = {Role.OPERATOR: "/operator/parties", Role.SECURITY: "/security", Role.AUDITOR: "/auditor"}
Line = Annotated[str, Form(max_length=128)]
Codes = Annotated[list[Annotated[str, Form(max_length=64)]], Form(max_length=64)]
Reason = Annotated[str, Form(max_length=400)]
Staff = Annotated[str, Form(max_length=64)]


@router.get("/operator/parties")
def proposals(request: Request, ctx: ContextDep, actor: at.Operator, cursor: at.Cursor = None) -> Response:
    """Propose a party, and what became of earlier proposals."""
    return _acts_page(request, ctx, actor, cursor, views.NewParty(), None)


@router.post("/operator/parties")
def propose(
    request: Request,
    ctx: ContextDep,
    actor: at.Operator,
    role: Annotated[Literal["department", "entity", "regulator"], Form()],
    zh: Line = "",
    en: Line = "",
    uscc: Line = "",
    contact: Line = "",
    department: Line = "",
    key: Annotated[str, Form(max_length=512)] = "",
    purposes: Codes = [],  # noqa: B006 - the framework copies it for each form
    bases: Codes = [],  # noqa: B006 - as above
) -> Response:
    """Propose a party for admission."""
    filled = views.NewParty(
        role=role,
        zh=zh,
        en=en,
        uscc=uscc,
        contact=contact,
        department=department,
        key=key,
        purposes=frozenset(purposes),
        bases=frozenset(bases),
    )
    try:
        new = NewParty(PartyRole(role), zh, en, uscc, contact, department or None, _key(key), "", purposes, bases)
        admissions.propose(ctx, actor, new)
    except ApiError as error:
        return _acts_page(request, ctx, actor, None, filled, error)
    return at.see_other("/operator/parties")


@router.post("/operator/parties/{act_id}/withdraw")
def withdraw(request: Request, ctx: ContextDep, actor: at.Operator, act_id: str) -> Response:
    """Take an admission back that is proposed, or that the chain refuses."""
    try:
        admissions.withdraw(ctx, actor, act_id)
    except ApiError as error:
        return _acts_page(request, ctx, actor, None, views.NewParty(), error)
    return at.see_other("/operator/parties")


@router.get("/security")
def to_decide(request: Request, ctx: ContextDep, actor: at.SecurityOfficer, cursor: at.Cursor = None) -> Response:
    """What waits for a second person, and what was decided."""
    return _acts_page(request, ctx, actor, cursor, None, None)


@router.post("/security/acts/{act_id}")
def decide(
    request: Request,
    ctx: ContextDep,
    actor: at.SecurityOfficer,
    act_id: str,
    decision: Annotated[Literal["confirm", "decline"], Form()],
) -> Response:
    """Admit a party or let it back, or decline that."""
    try:
        if decision == "confirm":
            admissions.confirm(ctx, actor, act_id)
        else:
            admissions.decline(ctx, actor, act_id)
    except ApiError as error:
        return _acts_page(request, ctx, actor, None, None, error)
    return at.see_other("/security")


@router.get("/security/parties")
def stoppable(request: Request, ctx: ContextDep, actor: at.SecurityOfficer) -> Response:
    """Departments and entities, and whether they may act."""
    return _parties_page(request, ctx, actor, None)


@router.post("/security/parties/{party_id}")
def stop_or_return(
    request: Request,
    ctx: ContextDep,
    actor: at.SecurityOfficer,
    party_id: str,
    act: Annotated[Literal["suspend", "return"], Form()],
    reason: Reason = "",
) -> Response:
    """Suspend a party at once, or propose that it be let back."""
    try:
        if act == "suspend":
            admissions.suspend(ctx, actor, party_id, reason)
        else:
            admissions.propose_return(ctx, actor, party_id, reason)
    except ApiError as error:
        return _parties_page(request, ctx, actor, error)
    return at.see_other("/security/parties" if act == "suspend" else "/security")


@router.get("/security/offices")
def holders(request: Request, ctx: ContextDep, actor: at.SecurityOfficer) -> Response:
    """Who holds which office, and what is proposed."""
    return _offices_page(request, ctx, actor, None)


@router.post("/security/offices")
def give(
    request: Request,
    ctx: ContextDep,
    actor: at.SecurityOfficer,
    office: Annotated[Literal["operator", "security", "auditor"], Form()],
    staff: Staff = "",
) -> Response:
    """Propose an office for a colleague."""
    try:
        offices.propose(ctx, actor, staff, Office(office))
    except ApiError as error:
        return _offices_page(request, ctx, actor, error)
    return at.see_other("/security/offices")


@router.post("/security/offices/{office_id}")
def settle(
    request: Request,
    ctx: ContextDep,
    actor: at.SecurityOfficer,
    office_id: str,
    decision: Annotated[Literal["confirm", "decline", "end"], Form()],
    staff: Staff = "",
) -> Response:
    """Confirm or decline what another officer proposed, or end an office."""
    try:
        if decision == "confirm":
            offices.confirm(ctx, actor, office_id, staff)
        elif decision == "decline":
            offices.decline(ctx, actor, office_id)
        else:
            offices.end(ctx, actor, office_id)
    except ApiError as error:
        return _offices_page(request, ctx, actor, error)
    return at.see_other("/security/offices")


@router.get("/security/health")
def keys_and_parts(request: Request, ctx: ContextDep, actor: at.SecurityOfficer) -> Response:
    """Each part's state, the keys that mark copies, and what waits."""
    return health_page(request, ctx, actor, "security")


@router.get("/auditor")
def read_acts(request: Request, ctx: ContextDep, actor: at.Auditor, cursor: at.Cursor = None) -> Response:
    """What was proposed and done about parties, by whom."""
    return _acts_page(request, ctx, actor, cursor, None, None)


@router.get("/auditor/offices")
def read_offices(request: Request, ctx: ContextDep, actor: at.Auditor) -> Response:
    """Who holds and held which office."""
    return _offices_page(request, ctx, actor, None)


@router.get("/auditor/health")
def read_health(request: Request, ctx: ContextDep, actor: at.Auditor) -> Response:
    """Each part's state, how far the log is, and who is registered for what."""
    return health_page(request, ctx, actor, "auditor")


def person(subject: str, actor: Actor, lang: Lang) -> str:
    """Words for somebody of the operator's side, or of a regulator, by pseudonym."""
    labels = translator(lang)
    if subject == actor.subject:
        return labels.gettext("you")
    if subject == FOUNDED:
        return labels.gettext("at the founding")
    _, _, tail = subject.rpartition(":")
    if subject.count(":") == 1:  # "staff:PARTY", without a number of its own
        return labels.gettext("the desk")
    return labels.gettext("officer %(tail)s") % {"tail": tail[:6]}


def _acts_page(
    request: Request,
    ctx: Context,
    actor: Actor,
    cursor: str | None,
    form: views.NewParty | None,
    error: ApiError | None,
) -> Response:
    lang, base = preferred_language(request), HOMES[actor.role]
    page = admissions.list_all(ctx, actor, cursor)
    catalogue = ctx.catalogue
    view = views.Acts(
        acts=tuple(_act(ctx, one, actor, lang) for one in page.items),
        base=base,
        form=form,
        departments=tuple(
            Choice(value=code, label=one.demo_en if lang == "en" else one.demo_zh)
            for code, one in catalogue.departments.items()
        ),
        purposes=tuple(Choice(value=code, label=one.label(lang)) for code, one in catalogue.purposes.items()),
        bases=tuple(Choice(value=code, label=one.label(lang)) for code, one in catalogue.statutory_bases.items()),
        pager=at.older(base, page.next_cursor, cursor=cursor),
        error=None if error is None else at.said(error, lang),
    )
    active = "parties" if actor.role is Role.OPERATOR else "acts"
    return _respond(request, ctx, actor, "staff/acts.html", view, active, error)


def _act(ctx: Context, one: Act, actor: Actor, lang: Lang) -> views.ActLine:
    row = one.row
    told: Mapping[str, object] = row.described or {}
    name = at.named(one.party, lang) if one.party else str(told.get("name_en" if lang == "en" else "name_zh", "—"))
    return views.ActLine(
        id=row.id,
        kind=row.kind,
        organisation=name,
        state=row.state,
        by=person(row.proposed_by, actor, lang),
        at_ms=row.proposed_at_ms,
        second=None if row.decided_by is None else person(row.decided_by, actor, lang),
        second_at_ms=row.decided_at_ms,
        reason=row.reason,
        trouble=error_text("duties.chain_refused", lang) if one.refused else None,
        facts=_facts(ctx, told, lang),
        may_decide=one.may_decide,
        may_withdraw=one.may_withdraw,
        waits_for_other=actor.role is Role.SECURITY and row.state == ActState.PROPOSED and not one.may_decide,
    )


def _facts(ctx: Context, told: Mapping[str, object], lang: Lang) -> tuple[tuple[str, str], ...]:
    if not told:
        return ()
    labels, catalogue = translator(lang), ctx.catalogue

    def named(codes: object, known: Mapping[str, object]) -> str:
        assert isinstance(codes, list)
        words = [getattr(known[code], "label")(lang) for code in codes if code in known]  # noqa: B009 - two kinds
        return labels.gettext(", ").join(words) or "—"

    return (
        (labels.gettext("Role"), labels.gettext(ROLES[str(told["role"])])),
        (labels.gettext("Unified social credit code"), str(told["uscc"])),
        (labels.gettext("Account"), str(told["account"])),
        (labels.gettext("Key"), str(told["thumbprint"] or "—")),
        (labels.gettext("Purposes"), named(told["purposes"], catalogue.purposes)),
        (labels.gettext("Duties by law"), named(told["bases"], catalogue.statutory_bases)),
    )


def _parties_page(request: Request, ctx: Context, actor: Actor, error: ApiError | None) -> Response:
    lang = preferred_language(request)
    waiting = {
        one.row.party_id for one in admissions.list_all(ctx, actor, open_only=True).items if one.row.kind == "return"
    }
    view = views.Parties(
        parties=tuple(
            views.PartyLine(
                id=party.id,
                name=at.named(party, lang),
                role=party.role,
                uscc=party.uscc or "—",
                status=party.status,
                waits=party.id in waiting,
            )
            for party in parties.list_public(ctx)
            if party.role in {PartyRole.DEPARTMENT, PartyRole.ENTITY}
        ),
        error=None if error is None else at.said(error, lang),
    )
    return _respond(request, ctx, actor, "staff/parties.html", view, "parties", error)


def _offices_page(request: Request, ctx: Context, actor: Actor, error: ApiError | None) -> Response:
    lang = preferred_language(request)

    def line(one: Holding) -> views.OfficeLine:
        row = one.row
        return views.OfficeLine(
            id=row.id,
            office=row.office,
            person=person(row.staff, actor, lang),
            state=row.state,
            by=person(row.proposed_by, actor, lang),
            at_ms=row.proposed_at_ms,
            second=None if row.decided_by is None else person(row.decided_by, actor, lang),
            ended_at_ms=row.ended_at_ms,
            may_decide=one.may_decide,
            may_end=one.may_end,
            waits_for_other=actor.role is Role.SECURITY and row.state == "proposed" and not one.may_decide,
        )

    said: FormError | None = None if error is None else at.said(error, lang)
    lines = tuple(line(one) for one in offices.list_all(ctx, actor))
    view = views.Offices(lines=lines, gives=actor.role is Role.SECURITY, error=said)
    return _respond(request, ctx, actor, "staff/offices.html", view, "offices", error)


def _respond(
    request: Request, ctx: Context, actor: Actor, template: str, view: object, active: str, error: ApiError | None
) -> Response:
    status = 200 if error is None else int(STATUS[error.kind])
    return respond(template, view, at.frame(request, ctx, actor.role.value, active, actor), status)


def _key(text: str) -> dict[str, str] | None:
    """The public key of a form: a JWK as text."""
    if not text.strip():
        return None
    try:
        found = json.loads(text)
    except ValueError:
        raise ApiError("admissions.key", Kind.INVALID) from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ApiError("admissions.key", Kind.INVALID)
    return found
