"""Corrections on pages: who has put a value right, for its holder, its department, a regulator; and what to confirm."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.errors import ApiError
from api.http.auth import ContextDep
from api.http.language import preferred_language
from api.locale import Lang
from api.policy.disputes import OWING, RecipientState
from api.portals import frame as at
from api.portals.render import respond, with_query
from api.portals.views import disputes as views
from api.portals.views.common import FormError
from api.services import amendments
from api.services.amendments import AmendmentView, Part
from api.services.context import Actor, Context
from api.services.copies import Statement
from chain.canonical import canonical

router = APIRouter(include_in_schema=False)
After = Annotated[str, Query(max_length=64)]
SHORT = 8
"""Recipients that stand on the page of an objection itself."""
_FOLLOWING: tuple[tuple[str, Any], ...] = (
    ("citizen", at.Citizen),
    ("department", at.Officer),
    ("regulator", at.Inspector),
)
_CONFIRMING: tuple[tuple[str, Any], ...] = (("department", at.Officer), ("entity", at.Clerk))


def _following(portal: str, who: Any) -> Callable[..., Response]:  # noqa: ANN401 - an annotation itself
    def page(request: Request, ctx: ContextDep, actor: who, correction_id: str, after: After = "") -> Response:
        """Everybody who has to put a value right, and who has."""
        lang = preferred_language(request)
        found = amendments.get(ctx, actor, correction_id, after=after)
        view = correction(ctx, found, portal, lang, short=False)
        active = "me" if portal == "citizen" else "disputes"
        template = "citizen/correction.html" if portal == "citizen" else "staff/correction.html"
        return respond(template, view, at.frame(request, ctx, portal, active, actor))

    return page


def _confirming(portal: str, who: Any) -> tuple[Callable[..., Response], ...]:  # noqa: ANN401 - as above
    def listed(request: Request, ctx: ContextDep, actor: who) -> Response:
        """What my organisation was told to put right."""
        return _to_confirm(request, ctx, actor, portal, None)

    def confirm(request: Request, ctx: ContextDep, actor: who, correction_id: str) -> Response:
        """State that it is right now."""
        try:
            amendments.confirm(ctx, actor, correction_id, Statement(canonical({}).decode()))
        except ApiError as error:
            if error.code != "corrections.transition":
                raise
            return _to_confirm(request, ctx, actor, portal, at.said(error, preferred_language(request)))
        return at.see_other(f"/{portal}/corrections")

    return listed, confirm


for _portal, _who in _CONFIRMING:
    _listed, _confirm = _confirming(_portal, _who)
    router.add_api_route(f"/{_portal}/corrections", _listed, methods=["GET"])
    router.add_api_route(f"/{_portal}/corrections/{{correction_id}}/confirmation", _confirm, methods=["POST"])
for _portal, _who in _FOLLOWING:
    router.add_api_route(f"/{_portal}/corrections/{{correction_id}}", _following(_portal, _who), methods=["GET"])


def correction(ctx: Context, found: AmendmentView, portal: str, lang: Lang, *, short: bool = True) -> views.Correction:
    """A correction as pages show it; `short`: with its first recipients alone."""
    row = found.amendment
    url = f"/{portal}/corrections/{at.segment(row.id)}"
    shown = found.recipients[:SHORT] if short else found.recipients
    more = short and found.total > len(shown)
    following = None if found.next_after is None else with_query(url, after=found.next_after)
    return views.Correction(
        id=row.id,
        url=url,
        type_name=_type(ctx, row.type_code, lang),
        fields=_fields(ctx, row.type_code, row.fields, lang),
        state=found.state.value,
        total=found.total,
        confirmed=found.confirmed,
        due_day_ms=None if row.due_at_ms is None else row.due_at_ms - 1,
        plain=row.plain,
        withdrawn=row.revoked_block is not None,
        recipients=tuple(
            views.Recipient(
                who=at.named(party, lang),
                state=recipient.state,
                copies=len(found.copies_of(recipient)),
                told_at_ms=recipient.told_at_ms,
                confirmed_at_ms=recipient.confirmed_at_ms,
                by=recipient.confirmed_by,
            )
            for recipient, party in shown
        ),
        next_url=url if more else following,
        back_url=f"/{portal}/disputes/{at.segment(row.dispute_id)}",
    )


def late_line(ctx: Context, part: Part, lang: Lang) -> views.LateRecipient:
    """Somebody who is late, for regulators."""
    row = part.amendment
    assert row.due_at_ms is not None
    return views.LateRecipient(
        url=f"/regulator/corrections/{at.segment(row.id)}",
        who=at.named(part.party, lang),
        what=_type(ctx, row.type_code, lang),
        due_day_ms=row.due_at_ms - 1,
        told=part.recipient.told,
    )


def _to_confirm(request: Request, ctx: Context, actor: Actor, portal: str, error: FormError | None) -> Response:
    lang = preferred_language(request)
    parts = amendments.list_to_confirm(ctx, actor)
    view = views.ToConfirm(
        base=f"/{portal}/corrections",
        parts=tuple(
            views.PartCard(
                id=one.amendment.id,
                issuer=at.named(one.issuer, lang),
                type_name=_type(ctx, one.amendment.type_code, lang),
                fields=_fields(ctx, one.amendment.type_code, one.amendment.fields, lang),
                copies=tuple(copy["copy"] for copy in one.recipient.copies),
                state=one.recipient.state,
                due_day_ms=(one.amendment.due_at_ms or 1) - 1,
                plain=one.amendment.plain,
                told=one.recipient.told,
                confirmed_at_ms=one.recipient.confirmed_at_ms,
                can_confirm=RecipientState(one.recipient.state) in OWING,
            )
            for one in parts
        ),
        owing=sum(RecipientState(one.recipient.state) in OWING for one in parts),
        error=error,
    )
    page = at.frame(request, ctx, portal, "corrections", actor)
    return respond("staff/corrections.html", view, page, 200 if error is None else 409)


def _type(ctx: Context, code: str, lang: Lang) -> str:
    schema = ctx.catalogue.types.get(code)
    return code if schema is None else schema.label(lang)


def _fields(ctx: Context, type_code: str, names: list[str], lang: Lang) -> tuple[str, ...]:
    found = [at.field_of(ctx, type_code, name) for name in names]
    return tuple(name if one is None else one[1].label(lang) for name, one in zip(names, found, strict=True))
