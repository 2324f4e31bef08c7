"""Consents' histories and decisions in words, for the portals of both sides."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from api import locale
from api.locale import CHINA_STANDARD_TIME, Lang, format_datetime, translator
from api.policy.requests import Ask
from api.policy.states import GrantState
from api.portals import frame as at
from api.portals.recorded import Record, record
from api.portals.views import consents as views
from api.portals.views.common import FormError
from api.portals.wording import INVALID_REASONS, RELATIONS
from api.services import grants
from api.services.context import Context
from api.services.grants import GrantPage, Replayed
from api.services.grants.extension import limits
from api.services.grants.succession import EXTENDABLE
from api.store import read_only
from api.store.queries import requests
from api.store.queries.registrations import LegalBasis
from api.store.tables import GrantEvent


def life(ctx: Context, page: GrantPage, portal: str, lang: Lang, error: FormError | None = None) -> views.Life:
    """A consent's life as one side sees it; `portal` is citizen or entity."""
    grant, now = page.grant, at.now_ms(ctx)
    state = grants.shown_state(grant, now)
    # What nobody agreed to is nobody's to pause, take back or extend: an access by statutory duty ends by itself.
    agreed = grant.legal_basis == LegalBasis.CONSENT
    most = limits(ctx, grant) if agreed else Ask(days=1, uses=1)
    today = datetime.fromtimestamp(now / 1000, CHINA_STANDARD_TIME).date()
    with read_only(ctx.db) as session:
        asked = requests.open_extension(session, grant.id, now) is not None
    frequency = grant.terms["frequency"]
    assert isinstance(frequency, Mapping)
    return views.Life(
        changes=trail(ctx, page, portal, lang),
        frozen=grant.frozen,
        one_off=grant.terms["kind"] == "one_off",
        per_day=int(frequency["per_day"]),
        per_month=int(frequency["per_month"]),
        can_pause=agreed and state is GrantState.ACTIVE,
        can_resume=agreed and state is GrantState.PAUSED,
        can_extend=agreed and state in EXTENDABLE and not grant.frozen and page.successor is None,
        can_terminate=agreed and not state.final,
        until_min=(today + timedelta(days=1)).isoformat(),
        until_max=(today + timedelta(days=most.days)).isoformat(),
        uses_max=most.uses,
        asked=asked,
        older_url=_url(portal, grant.supersedes_id),
        newer_url=_url(portal, page.successor),
        error=error,
    )


def trail(ctx: Context, page: GrantPage, portal: str, lang: Lang) -> tuple[views.Change, ...]:
    """A consent's history in words, newest first; a regulator reads it from outside."""
    before, now = [None, *page.events[:-1]], record(ctx, lang)
    changes = [_change(page, event, earlier, portal, now) for earlier, event in zip(before, page.events, strict=True)]
    return tuple(reversed(changes))


def decision(ctx: Context, found: Replayed, portal: str, lang: Lang) -> views.Decision:
    """A decision made again, with everything that it was made on."""
    labels = translator(lang)
    view, seen = found.then.view, found.seen
    reason = None if found.recorded in {None, "permit"} else locale.error_text(str(found.recorded), lang)
    if found.replayed is None:
        again = labels.gettext("This release does not know the rules of that time.")
    elif found.replayed == "permit":
        again = labels.gettext("Allowed")
    else:
        again = locale.error_text(found.replayed, lang)
    yes, no = labels.gettext("yes"), labels.gettext("no")
    asked = [dict(zip(("type", "field"), one.split("/", 1), strict=True)) for one in seen.asked]
    granted = {f"{type_code}/{name}" for type_code, name in view.items}
    within = all(one in granted for one in seen.asked) and bool(asked)
    state = labels.gettext(at.state_message("grant", view.state)) if view.state else "—"
    facts = (
        views.Fact(label=labels.gettext("State of the consent"), value=state, holds=view.state == GrantState.ACTIVE),
        views.Fact(label=labels.gettext("Held up"), value=yes if view.frozen else no, holds=not view.frozen),
        views.Fact(
            label=labels.gettext("Recipient may act"),
            value=yes if view.entity_active else no,
            holds=view.entity_active,
        ),
        views.Fact(
            label=labels.gettext("Runs"),
            value=f"{format_datetime(view.not_before_ms, lang)} – {format_datetime(view.not_after_ms, lang)}",
            holds=view.not_before_ms <= seen.at_ms < view.not_after_ms,
        ),
        views.Fact(
            label=labels.gettext("Used before"),
            value=labels.gettext("%(uses)s of at most %(max)s times") % {"uses": view.use_count, "max": view.max_uses},
            holds=view.use_count < view.max_uses,
        ),
        views.Fact(
            label=labels.gettext("Asked for"),
            value=labels.gettext(", ").join(one.label for one in at.items(ctx, lang, asked)) or "—",
            holds=within,
        ),
    )
    return views.Decision(
        portal=portal,
        allowed=found.recorded == "permit",
        reason=reason,
        again=again,
        agrees=found.agrees,
        at_ms=seen.at_ms,
        receipt_number=None if found.receipt is None else found.receipt.number,
        back_url=None if portal == "regulator" else _url(portal, found.grant.id),
        facts=facts,
    )


def _change(page: GrantPage, event: GrantEvent, before: GrantEvent | None, portal: str, now: Record) -> views.Change:
    lang = now.lang
    labels, seen = translator(lang), now.of_change(page.grant, event)
    if before is None:
        what = "granted"
    elif event.frozen != before.frozen or (event.state == before.state and event.frozen):
        what = "frozen" if event.frozen else "unfrozen"
    else:
        what = "resumed" if event.state == GrantState.ACTIVE else event.state
    own = {"citizen": "holder", "entity": "recipient"}.get(portal)
    if event.actor == own:
        who = labels.gettext("You")
    elif event.actor == "recipient":
        who = at.named(page.entity, lang)
    elif event.actor in RELATIONS:
        who = labels.gettext(RELATIONS[event.actor])
    else:
        who = labels.gettext(at.author_message(event.actor))
    why = INVALID_REASONS.get(event.reason or "")
    return views.Change(
        at_ms=event.at_ms,
        what=what,
        who=who,
        why=None if why is None else labels.gettext(why),
        anchored=seen is not None and seen.anchored,
        delay=None if seen is None else seen.delay,
        reference=event.case_ref,
        receipt_id=event.receipt_id,
    )


def _url(portal: str, grant_id: str | None) -> str | None:
    return None if grant_id is None else f"/{portal}/grants/{at.segment(grant_id)}"
