"""The page of health: whether the parts work. Nothing about any person."""

from fastapi import Request, Response

from api.http.language import preferred_language
from api.locale import Lang, error_text, format_number, translator
from api.portals import frame as at
from api.portals.epochs import epochs_shown
from api.portals.recorded import record
from api.portals.render import respond
from api.portals.views import public as views
from api.portals.wording import KEY_KINDS, KEY_OWNERS, PART_COUNTS, QUEUES
from api.services import key_dates, log, operations, parties, status
from api.services.context import Actor, Context


def health_page(request: Request, ctx: Context, actor: Actor, portal: str) -> Response:
    """Each part's state, how far the log is, and who is registered for what."""
    seen = log.health(ctx)
    size, lang = seen.size, preferred_language(request)
    parts = tuple(_part(part, lang) for part in operations.health(ctx, actor))
    view = views.Operator(
        parts=parts,
        receipts_waiting=size.prepared,
        log_size=size.numbered,
        anchored_size=size.anchored,
        registered=tuple(_registered(ctx, one, lang) for one in parties.registered(ctx)),
        epochs=epochs_shown(ctx),
        queues=_queues(ctx, actor, lang),
        keys=_keys(ctx, actor, lang),
        delay=record(ctx, lang).of_head(seen.newest).delay,
    )
    return respond("operator/health.html", view, at.frame(request, ctx, portal, "health", actor))


def _queues(ctx: Context, actor: Actor, lang: Lang) -> tuple[tuple[str, int], ...]:
    """What waits, by kind: what is told apart for machines is one line for people."""
    labels, counted = translator(lang), dict.fromkeys(QUEUES, 0)
    for queue in operations.waiting(ctx, actor):
        counted[queue.name.partition(".")[0]] += queue.waiting
    return tuple((labels.gettext(QUEUES[name]), count) for name, count in counted.items())


def _keys(ctx: Context, actor: Actor, lang: Lang) -> tuple[views.KeyLine, ...]:
    """What ends, the soonest first; a party by its name."""
    labels = translator(lang)
    names = {one.id: at.named(one, lang) for one in parties.list_public(ctx)}
    return tuple(
        views.KeyLine(
            kind=labels.gettext(KEY_KINDS[one.kind]),
            owner=names.get(one.owner) or labels.gettext(KEY_OWNERS.get(one.owner, one.owner)),
            state=_lasts(one),
            ends_ms=one.ends_ms,
            left=_left(one, lang),
            reason=None if one.reason is None else error_text(one.reason, lang),
            code=one.reason,
        )
        for one in key_dates.listed(ctx, actor)
    )


def _lasts(one: key_dates.KeyDate) -> str:
    if one.days_left is None:
        return "unknown"
    if one.days_left < 0:
        return "ended"
    # A list that is made anew each day is not late because it ends within the month.
    soon = key_dates.SOON_DAYS if one.kind != key_dates.LIST else 1
    return "soon" if one.days_left < soon else "good"


def _left(one: key_dates.KeyDate, lang: Lang) -> str:
    if one.days_left is None or one.days_left < 0:
        return ""
    words = translator(lang).ngettext("%(num)s day left", "%(num)s days left", one.days_left)
    return words % {"num": format_number(one.days_left, lang)}


def _registered(ctx: Context, one: parties.Registered, lang: Lang) -> views.Registered:
    catalogue = ctx.catalogue
    return views.Registered(
        organisation=at.named(one.party, lang),
        purposes=tuple(catalogue.purposes[code].label(lang) for code in one.purposes if code in catalogue.purposes),
        duties=tuple(
            catalogue.statutory_bases[code].label(lang) for code in one.bases if code in catalogue.statutory_bases
        ),
    )


def _part(part: status.Part, lang: Lang) -> views.Part:
    # A dependency that cannot be reached at all names its error as its state.
    code = part.reason or (part.state if "." in part.state else None)
    return views.Part(
        name=part.name,
        state=_state(part),
        detail=_counted(part.state, lang),
        since_ms=part.since_ms,
        reason=None if code is None else error_text(code, lang),
        code=code,
    )


def _counted(state: str, lang: Lang) -> str:
    """What a part counts of itself ("waiting=3 stuck=0"), in words; what counts nothing says all with its badge."""
    labels = translator(lang)
    counts = (pair.partition("=") for pair in state.split() if "=" in pair)
    return labels.gettext(", ").join(
        labels.gettext(PART_COUNTS[name]) % {"num": format_number(int(count), lang)} for name, _, count in counts
    )


def _state(part: status.Part) -> str:
    if part.state in {"ok", "delayed", "halted", "unknown", "unset"}:
        return part.state
    return "ok" if part.ok else "halted"
