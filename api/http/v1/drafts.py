"""Grants laid out before they are given, confirmed at the identity provider or by a passkey; and keys of one's own."""

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.errors import ApiError
from api.http.auth import ContextDep, allow, keep_round
from api.http.forms import Answered, IdempotencyKey, Strict, moment, once
from api.http.strict_json import StrictJsonRoute
from api.http.v1.passkeys import AnswerIn
from api.policy.states import GrantState
from api.services import grants
from api.services.context import Actor, Role
from api.services.grants import drafts, own_keys
from api.services.grants.begin import Approval
from api.services.grants.drafts import Draft
from api.services.identity.oidc import CALLBACK

router = APIRouter(tags=["drafts"], route_class=StrictJsonRoute)
Citizen = Annotated[Actor, allow(Role.CITIZEN)]
_HEX = re.compile(r"0x[0-9a-fA-F]*")
ADDRESS_BYTES, SIGNATURE_BYTES = 20, 65
Signature = Annotated[str, Field(min_length=132, max_length=132)]


class DraftIn(Strict):
    """What the holder chose, as in a decision; `key` is the address of the holder's own new key for this grant."""

    ticked: list[str] = Field(default_factory=list, max_length=64)
    days: int = Field(default=30, ge=1, le=3650)
    uses: int = Field(default=1, ge=1, le=10_000)
    language: Literal["zh-Hans", "en"] = "zh-Hans"
    key: Annotated[str, Field(min_length=42, max_length=42)] | None = None


class ExtensionDraftIn(Strict):
    """How long and how often from now on; `key` as in a draft."""

    days: int = Field(ge=1, le=3650)
    uses: int = Field(ge=1, le=10_000)
    language: Literal["zh-Hans", "en"] = "zh-Hans"
    key: Annotated[str, Field(min_length=42, max_length=42)] | None = None


class ChangeIn(Strict):
    """A change that the holder's own key signed; taking back goes without a signature as well."""

    to: Literal["active", "paused", "revoked"]
    signature: Signature | None = None


def hexadecimal(value: str, length: int) -> bytes:
    """`0x` and hexadecimal digits, of either case as wallets write them. Raises `http.invalid_input`."""
    if not _HEX.fullmatch(value) or len(value) != 2 + 2 * length:
        raise ApiError("http.invalid_input", place="body")
    return bytes.fromhex(value[2:])


def signature_bytes(value: str | None) -> bytes | None:
    """A signature of 65 bytes, or None."""
    return None if value is None else hexadecimal(value, SIGNATURE_BYTES)


def pairs(ticked: list[str]) -> frozenset[tuple[str, str]]:
    """`type/field` as pairs."""
    return frozenset((type_code, name) for type_code, _, name in (item.partition("/") for item in ticked))


def shown(draft: Draft) -> dict[str, Any]:
    """A draft as JSON. `typed_data` is null until somebody was present, and for keys in custody."""
    return {
        "id": draft.id,
        "request": draft.request_id,
        "terms": draft.terms,
        "terms_digest": "0x" + draft.terms_digest.hex(),
        "custody": draft.custody,
        "binding": draft.binding,
        "typed_data": draft.typed_data,
        "expires_at": moment(draft.expires_at_ms),
    }


@router.post("/requests/{request_id}/drafts", status_code=201)
def prepare(ctx: ContextDep, actor: Citizen, request_id: str, body: DraftIn) -> dict[str, Any]:
    """Lay a grant's terms out; nothing is given yet."""
    approval = Approval(pairs(body.ticked), body.days, body.uses, body.language)
    key = None if body.key is None else hexadecimal(body.key, ADDRESS_BYTES)
    return shown(drafts.prepare(ctx, actor, request_id, approval, key_address=key))


@router.post("/grants/{grant_id}/extension/drafts", status_code=201)
def prepare_extension(ctx: ContextDep, actor: Citizen, grant_id: str, body: ExtensionDraftIn) -> dict[str, Any]:
    """Lay the terms of an extension out; given like any draft, by a decision on the request that it names."""
    key = None if body.key is None else hexadecimal(body.key, ADDRESS_BYTES)
    made = grants.prepare_extension(ctx, actor, grant_id, body.days, body.uses, language=body.language, key_address=key)
    return shown(made)


@router.get("/drafts/{draft_id}")
def get_draft(ctx: ContextDep, actor: Citizen, draft_id: str) -> dict[str, Any]:
    """One's own draft, while it lasts."""
    return shown(drafts.get(ctx, actor, draft_id))


@router.post("/drafts/{draft_id}/passkey")
def passkey_options(ctx: ContextDep, actor: Citizen, draft_id: str) -> dict[str, Any]:
    """Options for `navigator.credentials.get`, whose challenge is the digest of the terms."""
    return drafts.passkey_options(ctx, actor, draft_id)


@router.post("/drafts/{draft_id}/binding")
def bind(ctx: ContextDep, actor: Citizen, draft_id: str, body: AnswerIn) -> dict[str, Any]:
    """Keep a passkey's answer for these terms."""
    return shown(drafts.bind_passkey(ctx, actor, draft_id, body.credential))


@router.post("/drafts/{draft_id}/round")
def begin_round(ctx: ContextDep, response: Response, actor: Citizen, draft_id: str) -> dict[str, str]:
    """Where to confirm these terms at the identity provider; the answer comes back to this browser."""
    begun = drafts.begin_round(ctx, actor, draft_id)
    keep_round(ctx, response, begun.browser, path=CALLBACK, cross_site=True)
    return {"url": begun.url}


@router.get("/grants/{grant_id}/change")
def change_data(
    ctx: ContextDep, actor: Citizen, grant_id: str, to: Annotated[Literal["active", "paused", "revoked"], Query()]
) -> dict[str, Any]:
    """The typed data (EIP-712) of a grant's next change, for the holder's own key to sign."""
    return own_keys.change_typed_data(ctx, actor, grant_id, GrantState(to))


@router.post("/grants/{grant_id}/changes")
def change(
    ctx: ContextDep, request: Request, actor: Citizen, grant_id: str, body: ChangeIn, key: IdempotencyKey = None
) -> Response:
    """Pause, resume or take back a grant under one's own key."""
    signature = signature_bytes(body.signature)
    change_to = {"active": grants.resume, "paused": grants.pause, "revoked": grants.revoke}[body.to]

    def act(answered: Answered) -> None:
        change_to(
            ctx,
            actor,
            grant_id,
            signature=signature,
            also=lambda session, receipt: answered(
                session, {"grant": grant_id, "state": body.to, "receipt": receipt.id, "number": receipt.number}
            ),
        )

    return once(ctx, actor, request, key, body, act)
