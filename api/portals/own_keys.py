"""Keys of the holder's own on pages: what is to be signed in plain words, as data and as a code; its signature back.

No key ever comes here. The data are taken to the holder's own software by copying, by a code that its camera reads, or
by a provider in the browser (EIP-1193, static/ownkey.js); the signature is pasted or comes back the same way.
"""

import io
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import segno
from fastapi import APIRouter, Form, Query, Request, Response

from api.errors import ApiError, Kind
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.forms import download
from api.http.language import preferred_language
from api.locale import Lang, translator
from api.policy.states import GRANT_TRANSITIONS, GrantState
from api.portals import frame as at
from api.portals.render import respond, with_query
from api.portals.views import drafts as views
from api.services import grants
from api.services.context import Actor, Context
from api.services.grants import drafts, own_keys

router = APIRouter(prefix="/citizen", include_in_schema=False)
To = Literal["active", "paused", "revoked"]
Change = Annotated[To, Query(alias="to")]
Signature = Annotated[str, Form(max_length=1024)]
ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SIGNATURE = re.compile(r"(?:0x)?([0-9a-fA-F]{130})")
JSON = "application/json"


def address_of(text: str, lang: Lang) -> bytes:
    """The public address of a key, as key software shows it. Raises `portal.bad_form`."""
    if not ADDRESS.fullmatch(text.strip()):
        raise ApiError("portal.bad_form", field=translator(lang).gettext("Public address of the key"))
    return bytes.fromhex(text.strip()[2:])


def signature_of(text: str) -> bytes:
    """A pasted signature; `grants.bad_signature` for what is none. Some software counts its last byte from 0."""
    found = _SIGNATURE.fullmatch("".join(text.split()))
    if found is None:
        raise ApiError("grants.bad_signature", Kind.INVALID)
    raw = bytes.fromhex(found[1])
    return raw[:-1] + bytes([raw[-1] + 27]) if raw[-1] in {0, 1} else raw


def signing(data: Mapping[str, Any], base: str, key: str | None, query: str | None = None) -> views.Signing:
    """What is to be signed, for a page; `base` is where its code and its file are served."""
    return views.Signing(
        typed_data=json.dumps(data, indent=2, sort_keys=False),
        code_url=with_query(f"{base}/signing.svg", to=query),
        file_url=with_query(f"{base}/signing.json", to=query),
        key=key,
        network=int(data["domain"]["chainId"]),
    )


@router.get("/drafts/{draft_id}/signing.svg")
def draft_code(ctx: ContextDep, actor: at.Citizen, draft_id: str) -> Response:
    """The data of a draft as a code that a camera reads."""
    return _code(_of_draft(ctx, actor, draft_id))


@router.get("/drafts/{draft_id}/signing.json")
def draft_file(ctx: ContextDep, actor: at.Citizen, draft_id: str) -> Response:
    """The data of a draft as a file."""
    return download(_compact(_of_draft(ctx, actor, draft_id)), JSON, f"{draft_id}.signing.json")


@router.get("/grants/{grant_id}/change")
def change_page(
    request: Request, ctx: ContextDep, actor: at.Citizen, grant_id: str, to: Change = "revoked"
) -> Response:
    """A change of a consent under one's own key: what follows from it, and what is to be signed."""
    return _change_page(request, ctx, actor, grant_id, to, None)


@router.get("/grants/{grant_id}/change/signing.svg")
def change_code(ctx: ContextDep, actor: at.Citizen, grant_id: str, to: Change = "revoked") -> Response:
    """The data of a change as a code that a camera reads."""
    return _code(own_keys.change_typed_data(ctx, actor, grant_id, GrantState(to)))


@router.get("/grants/{grant_id}/change/signing.json")
def change_file(ctx: ContextDep, actor: at.Citizen, grant_id: str, to: Change = "revoked") -> Response:
    """The data of a change as a file."""
    return download(
        _compact(own_keys.change_typed_data(ctx, actor, grant_id, GrantState(to))), JSON, f"{grant_id}.{to}.json"
    )


@router.post("/grants/{grant_id}/change")
def change(
    request: Request,
    ctx: ContextDep,
    actor: at.Citizen,
    grant_id: str,
    to: Annotated[To, Form()] = "revoked",
    signature: Signature = "",
    unsigned: Annotated[Literal["", "yes"], Form()] = "",
) -> Response:
    """Make the change with the key's signature; taking back goes without one as well."""
    act = {"active": grants.resume, "paused": grants.pause, "revoked": grants.revoke}[to]
    try:
        act(ctx, actor, grant_id, signature=None if unsigned else signature_of(signature))
    except ApiError as error:
        if error.kind is Kind.NOT_FOUND:
            raise
        return _change_page(request, ctx, actor, grant_id, to, error)
    return at.see_other(f"/citizen/grants/{at.segment(grant_id)}")


def _change_page(
    request: Request, ctx: Context, actor: Actor, grant_id: str, to: To, error: ApiError | None
) -> Response:
    lang = preferred_language(request)
    found = grants.get(ctx, actor, grant_id)
    data = own_keys.change_typed_data(ctx, actor, grant_id, GrantState(to))
    state = grants.shown_state(found.grant, at.now_ms(ctx))
    base = f"/citizen/grants/{at.segment(grant_id)}/change"
    view = views.KeyChange(
        id=grant_id,
        to=to,
        entity=at.named(found.entity, lang),
        purpose=at.purpose_of(ctx, found.grant.terms, lang),
        possible=GrantState(to) in GRANT_TRANSITIONS[state],
        number=int(data["message"]["seq"]) + 1,
        signing=signing(data, base, "0x" + found.grant.key_address.hex(), to),
        error=None if error is None else at.said(error, lang),
    )
    status = 200 if error is None else int(STATUS[error.kind])
    return respond("citizen/change.html", view, at.frame(request, ctx, "citizen", "grants", actor), status)


def _of_draft(ctx: Context, actor: Actor, draft_id: str) -> Mapping[str, Any]:
    data = drafts.get(ctx, actor, draft_id).typed_data
    if data is None:
        raise ApiError("grants.draft_unconfirmed", Kind.CONFLICT)
    return data


def _compact(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()


def _code(data: Mapping[str, Any]) -> Response:
    """A QR code of the data. Black on white whatever the page's colours, with the quiet border that cameras need."""
    out = io.BytesIO()
    segno.make(_compact(data).decode(), error="l", micro=False).save(
        out, kind="svg", scale=4, border=4, dark="#000", light="#fff", xmldecl=False, svgns=True, omitsize=False
    )
    return Response(out.getvalue(), media_type="image/svg+xml", headers={"Cache-Control": "no-store"})
