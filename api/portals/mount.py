"""Hangs the portals on the application: pages, static files, and the page that an error becomes."""

from fastapi import FastAPI, Request
from fastapi.responses import Response

from api.errors import ApiError, Kind
from api.http.language import preferred_language
from api.locale import error_text
from api.portals import (
    acting,
    amended,
    bell,
    case_register,
    citizen,
    consents,
    contests,
    data_asks,
    department,
    disputes,
    drafts,
    duties,
    duty,
    entity,
    entity_copies,
    entity_items,
    entity_jobs,
    erasure,
    figures,
    flow,
    intake,
    looked,
    offers,
    operator,
    own_keys,
    passkeys,
    public,
    quality,
    registry,
    regulator,
    sealed,
    seals,
    signin,
    supervision,
    trace_jobs,
    watched,
    window,
)
from api.portals.frame import see_other
from api.portals.render import StaticPages, page_for, respond, with_query
from api.portals.views.public import Error
from chain.bundle import Bundle
from chain.trustfile import TrustFile
from chain.verdict import Verdict
from chain.verify import verify
from chain.view import NodeView

PORTALS = ("citizen", "department", "entity", "regulator", "operator", "security", "auditor")
NODE_TIMEOUT_S = 5.0


def mount(app: FastAPI) -> None:
    """Add every portal's routes, and what checks a proof on demand against the node of the settings."""
    app.mount("/static", StaticPages(), name="static")
    for portal in (
        public,
        offers,
        sealed,
        signin,
        passkeys,
        drafts,
        own_keys,
        acting,
        looked,
        contests,
        data_asks,
        disputes,
        amended,
        bell,
        citizen,
        consents,
        erasure,
        window,
        registry,
        seals,
        department,
        intake,
        quality,
        case_register,
        duty,
        entity,
        entity_copies,
        entity_items,
        entity_jobs,
        trace_jobs,
        regulator,
        supervision,
        operator,
        duties,
        figures,
        flow,
        watched,
    ):
        app.include_router(portal.router)
    rpc_url = app.state.ctx.settings.rpc_url

    def judge(bundle: Bundle, trust: TrustFile, now_s: int) -> Verdict:
        # web3 is 20 MB and most of a second, for a page that few open.
        from chain.node import Web3Node

        node = Web3Node(rpc_url, timeout_s=NODE_TIMEOUT_S)
        try:
            return verify(bundle, trust, NodeView(node, trust), now_s=now_s)
        finally:
            node.close()

    app.state.judge = judge


def error_page(request: Request, error: ApiError, status: int) -> Response:
    """An error as a page in the reader's language; whoever is not signed in is shown the door, then the page."""
    portal = request.url.path.strip("/").split("/")[0]
    if error.kind is Kind.UNAUTHENTICATED and portal in PORTALS:
        following = request.url.path if request.method == "GET" else f"/{portal}"
        return see_other(with_query(f"/signin/{portal}", next=following))
    view = Error(status=status, code=error.code, text=error_text(error.code, preferred_language(request), error.facts))
    return respond("public/error.html", view, page_for(request, "public", ""), status)
