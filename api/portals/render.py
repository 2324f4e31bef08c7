"""Rendering: one Jinja2 environment per language, autoescaped, strict about undefined names, nothing inline.

Templates get two names: `page` (who looks, in which language, where) and `view` (frozen data of the page).
"""

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, urlencode

from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Scope

from api import locale
from api.http.language import preferred_language
from api.locale import N_, Lang
from api.portals import states, wording

HERE = Path(__file__).parent
STATIC = HERE / "shared" / "static"
ELDER_COOKIE = "mydata_elder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """The signed-in person as the frame of a page shows them.

    `acting_for` names whom they act for at present, `acting_as` is a code of `wording.RELATIONS`. `unread` counts new
    notices, None for whoever is told none.
    """

    name: str
    csrf: str
    organisation: str | None = None
    acting_for: str | None = None
    acting_as: str = "self"
    unread: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All that the frame of a page needs.

    `path` is where the reader is, for changing language or text size. `lone_operator`: nobody but the operator runs
    validators (the embedded engine), which every proof must say. `hidden` are sections that are not this reader's.
    """

    portal: str
    active: str
    lang: Lang
    elder: bool = False
    path: str = "/"
    viewer: Viewer | None = None
    lone_operator: bool = False
    refresh_s: int | None = None
    hidden: frozenset[str] = frozenset()

    @property
    def other_lang(self) -> Lang:
        """The language that the switch offers."""
        return "en" if self.lang == "zh-Hans" else "zh-Hans"


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of a portal's navigation."""

    key: str
    url: str
    icon: str
    message: str


NAVIGATION: Mapping[str, Sequence[Section]] = {
    "citizen": (
        Section("certificates", "/citizen", "cards", N_("Certificates")),
        Section("grants", "/citizen/grants", "grant", N_("Consents")),
        Section("footprints", "/citizen/footprints", "trail", N_("Footprints")),
        Section("me", "/citizen/me", "person", N_("Me")),
    ),
    "department": (
        Section("new", "/department", "upload", N_("Return data")),
        Section("returns", "/department/returns", "list", N_("Earlier returns")),
        Section("quality", "/department/quality", "gauge", N_("Data quality")),
        Section("queries", "/department/queries", "shield", N_("Query by duty")),
        Section("disputes", "/department/disputes", "inbox", N_("Objections")),
        Section("asks", "/department/data-asks", "book", N_("Asks for data")),
        Section("corrections", "/department/corrections", "check", N_("Corrections to confirm")),
        Section("cases", "/department/cases", "warn", N_("Cases")),
        Section("seals", "/department/seals", "seal", N_("Seals")),
        Section("counter", "/department/counter", "person", N_("Service window")),
        Section("mandates", "/department/mandates", "seal", N_("Representatives")),
    ),
    "entity": (
        Section("home", "/entity", "plus", N_("New request")),
        Section("requests", "/entity/requests", "inbox", N_("Requests")),
        Section("grants", "/entity/grants", "grant", N_("Consents received")),
        Section("jobs", "/entity/jobs", "download", N_("Bulk pulls")),
        Section("copies", "/entity/copies", "copies", N_("Copies and duties")),
        Section("asks", "/entity/data-asks", "book", N_("Asks for data")),
        Section("queries", "/entity/queries", "shield", N_("Query by duty")),
        Section("corrections", "/entity/corrections", "check", N_("Corrections to confirm")),
        Section("disputes", "/entity/disputes", "inbox", N_("Objections")),
        Section("cases", "/entity/cases", "warn", N_("Cases")),
        Section("keys", "/entity/keys", "key", N_("Interface")),
    ),
    "regulator": (
        Section("traces", "/regulator", "search", N_("Trace a leak")),
        Section("flow", "/regulator/flow", "trail", N_("Flow of data")),
        Section("copies", "/regulator/copies", "copies", N_("Overdue copies")),
        Section("grants", "/regulator/grants", "grant", N_("Consents")),
        Section("cases", "/regulator/cases", "inbox", N_("Cases")),
        Section("disputes", "/regulator/disputes", "list", N_("Objections")),
        Section("asks", "/regulator/data-asks", "book", N_("Asks for data")),
        Section("watch", "/regulator/watch", "warn", N_("Alarms")),
        Section("alarms", "/regulator/alarms", "shield", N_("Alarms of duties")),
        Section("indicators", "/regulator/indicators", "list", N_("Indicators")),
        Section("quality", "/regulator/quality", "gauge", N_("Data quality")),
        Section("log", "/regulator/log", "gauge", N_("Health of the log")),
    ),
    "operator": (
        Section("health", "/operator", "gauge", N_("Health")),
        Section("parties", "/operator/parties", "org", N_("Admit parties")),
    ),
    "security": (
        Section("acts", "/security", "inbox", N_("To decide")),
        Section("parties", "/security/parties", "org", N_("Parties")),
        Section("offices", "/security/offices", "key", N_("Offices")),
        Section("health", "/security/health", "gauge", N_("Health")),
    ),
    "auditor": (
        Section("acts", "/auditor", "inbox", N_("Acts")),
        Section("offices", "/auditor/offices", "key", N_("Offices")),
        Section("watch", "/auditor/watch", "warn", N_("Alarms")),
        Section("indicators", "/auditor/indicators", "list", N_("Indicators")),
        Section("health", "/auditor/health", "gauge", N_("Health")),
    ),
    "public": (
        Section("verify", "/verify", "shield", N_("Check a proof")),
        Section("seal", "/verify/seal", "seal", N_("Check a seal")),
        Section("log", "/log", "list", N_("Public log")),
        Section("catalogue", "/catalogue", "book", N_("Data catalogue")),
        Section("help", "/help", "question", N_("Help")),
    ),
}

PORTAL_NAMES: Mapping[str, str] = {
    "citizen": "",
    "department": N_("Departments"),
    "entity": N_("Organisations"),
    "regulator": N_("Regulators"),
    "operator": N_("System administration"),
    "security": N_("Security"),
    "auditor": N_("Audit"),
    "public": "",
}


@functools.cache
def _static_version(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def static_url(name: str) -> str:
    """The address of a static file with its content's fingerprint, so that caches may keep it for ever."""
    return f"/static/{name}?v={_static_version(name)}"


def grouped(value: str, limit: int = 0) -> Markup:
    """An identifier in groups of four that copy without gaps; `limit` > 0 shortens it in the middle."""
    prefix, body = ("0x", value[2:]) if value.startswith("0x") else ("", value)
    # Before the last of these stands a name, which nobody reads by fours.
    head, sep, tail = body.rpartition("/" if "/" in body else "_")
    groups = [prefix + head + sep] if prefix or sep else []
    end: list[str] = []
    if limit and len(value) > limit:
        # Whole groups, then the last four.
        tail, end = tail[: max(4, (limit - 5 - len(head + sep)) // 4 * 4)], ["…" + value[-4:]]
    groups += [tail[i : i + 4] for i in range(0, len(tail), 4)] + end
    # What stands for the middle keeps to what follows it.
    spans = Markup("<wbr>").join(
        Markup('<span class="four{}">{}</span>').format(" whole" if group.startswith("…") else "", group)
        for group in groups
    )
    return Markup('<span class="mono">{}</span>').format(spans)


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, locale.CHINA_STANDARD_TIME).isoformat(timespec="seconds")


def icon(name: str) -> Markup:
    """An icon of our own set, hidden from screen readers: a word always stands beside it."""
    return Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>').format(
        static_url("icons.svg"), escape(name)
    )


def with_query(path: str, **query: str | int | None) -> str:
    """An address with the query parameters that are not None."""
    kept = {name: str(value) for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(kept)}" if kept else path


def local_path(value: str | None) -> str:
    """A path on this service, or "/" where `value` would lead elsewhere (no open redirects)."""
    if not value or not value.startswith("/") or value.startswith(("//", "/\\")) or any(ord(c) < 32 for c in value):
        return "/"
    return value


@functools.cache
def environment(lang: Lang) -> Environment:
    """The templates in one language."""
    env = Environment(
        loader=FileSystemLoader([HERE / "templates", HERE / "shared" / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    # What the extension adds at run time is not in its type.
    vars(env)["install_gettext_translations"](locale.translator(lang), newstyle=True)
    env.globals |= {
        "icon": icon,
        "static": static_url,
        "with_query": with_query,
        "states": states.STATES,
        "words": {
            "facts": wording.PROOF_FACTS,
            "custody": wording.CUSTODY,
            "custody_of_others": wording.CUSTODY_OF_OTHERS,
            "formats": wording.FORMATS,
            "copy_actors": wording.COPY_ACTORS,
            "roles": wording.ROLES,
            "parts": wording.PARTS,
            "aspects": wording.ASPECTS,
            "relations": wording.RELATIONS,
            "actions": wording.ACTIONS,
            "ends": wording.END_REASONS,
            "papers": wording.PAPERS,
            "portals": PORTAL_NAMES,
        },
        "navigation": NAVIGATION,
    }
    env.filters |= {
        "date": functools.partial(locale.format_date, lang=lang),
        "datetime": functools.partial(locale.format_datetime, lang=lang),
        "iso": _iso,
        "time": functools.partial(locale.format_time, lang=lang),
        "number": functools.partial(locale.format_number, lang=lang),
        "bytes": functools.partial(locale.format_bytes, lang=lang),
        "odds": functools.partial(wording.odds_in_words, lang=lang),
        "power": wording.power_of_ten,
        "grouped": grouped,
        "quoted": functools.partial(quote, safe=""),
    }
    return env


def render_page(template: str, view: object, page: Page) -> str:
    """The finished HTML of a page."""
    return environment(page.lang).get_template(template).render(view=view, page=page)


def _way_back(connection: HTTPConnection, portal: str) -> str:
    """Where changing language or text size leads: here, or to the portal's start from the answer to a form."""
    if connection.scope.get("method") not in {"GET", "HEAD"}:
        return "/" if portal == "public" else f"/{portal}"
    kept = {name: value for name, value in connection.query_params.items() if name != "lang"}
    return with_query(connection.url.path, **kept)


def page_for(
    connection: HTTPConnection,
    portal: str,
    active: str,
    *,
    viewer: Viewer | None = None,
    lone_operator: bool = False,
    refresh_s: int | None = None,
    hidden: frozenset[str] = frozenset(),
) -> Page:
    """The frame for a request: language and text size from what the reader chose before."""
    return Page(
        portal=portal,
        active=active,
        lang=preferred_language(connection),
        elder=connection.cookies.get(ELDER_COOKIE) == "1",
        path=_way_back(connection, portal),
        viewer=viewer,
        lone_operator=lone_operator,
        refresh_s=refresh_s,
        hidden=hidden,
    )


def respond(template: str, view: object, page: Page, status: int = 200) -> HTMLResponse:
    """The page as an answer; `no-store`, since it may show what only its reader may see."""
    return HTMLResponse(
        render_page(template, view, page),
        status_code=status,
        headers={"Cache-Control": "no-store", "Content-Language": page.lang},
    )


class StaticPages(StaticFiles):
    """Static files: kept for ever under their fingerprint, asked for anew without it."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file with its caching rule."""
        answer = await super().get_response(path, scope)
        kept = b"v=" in scope.get("query_string", b"")
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable" if kept else "no-cache"
        return answer
