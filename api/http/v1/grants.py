"""Grants, and the pulls made under them."""

import base64
import contextlib
import functools
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.errors import ApiError, Kind
from api.http.auth import ContextDep, allow
from api.http.forms import Answered, IdempotencyKey, Strict, download, moment, once
from api.http.signatures import SignedRequest
from api.http.strict_json import StrictJsonRoute
from api.services import grants, identity, pulls
from api.services.context import Actor, Context, Role
from api.services.grants import GrantPage
from api.services.pulls import Pulled, SignedPull
from api.store import Session, clock, read_only
from api.store.numbering import NumberedReceipt

router = APIRouter(prefix="/grants", tags=["grants"], route_class=StrictJsonRoute)
Either = Annotated[Actor, allow(Role.CITIZEN, Role.ENTITY)]
ENVELOPE = "application/vnd.mydata.pull+json"


class PullIn(Strict):
    """What to pull: everything granted, or the fields named, as `type/field`."""

    fields: list[str] | None = Field(default=None, min_length=1, max_length=64)


def shown(ctx: Context, page: GrantPage) -> dict[str, Any]:
    """A grant as JSON."""
    grant = page.grant
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
    return {
        "id": grant.id,
        "request": grant.request_id,
        "digest": "0x" + grant.digest.hex(),
        "entity": {"id": page.entity.id, "zh": page.entity.name_zh, "en": page.entity.name_en},
        "terms": grant.terms,
        "custody": grant.custody,
        "state": grants.shown_state(grant, now).value,
        "uses": grant.use_count,
        "max_uses": grant.max_uses,
        "not_before": moment(grant.not_before_ms),
        "not_after": moment(grant.not_after_ms),
        "anchor_state": grant.anchor_state,
        "ended_at": moment(grant.ended_at_ms),
    }


@router.get("")
def list_grants(
    ctx: ContextDep, actor: Either, cursor: Annotated[str | None, Query(max_length=128)] = None
) -> dict[str, Any]:
    """What the holder granted, or what the entity was granted, newest first."""
    lister = grants.list_of_holder if actor.role is Role.CITIZEN else grants.list_to_entity
    page = lister(ctx, actor, cursor)
    return {"items": [shown(ctx, item) for item in page.items], "next_cursor": page.next_cursor}


@router.get("/{grant_id}")
def get_grant(ctx: ContextDep, actor: Either, grant_id: str) -> dict[str, Any]:
    """One grant."""
    return shown(ctx, grants.get(ctx, actor, grant_id))


@router.get("/{grant_id}/copies")
def list_copies(ctx: ContextDep, actor: Either, grant_id: str) -> dict[str, Any]:
    """The copies made under a grant."""
    page = grants.get(ctx, actor, grant_id)
    return {
        "items": [
            {
                "id": copy.id,
                "media_type": copy.media_type,
                "state": copy.state,
                "file_sha256": "0x" + copy.file_sha256.hex(),
                "deliveries": [r.id for r in page.receipts if r.copy_id == copy.id],
            }
            for copy in page.copies
        ]
    }


@router.post("/{grant_id}/revoke")
def revoke(
    ctx: ContextDep,
    request: Request,
    actor: Annotated[Actor, allow(Role.CITIZEN)],
    grant_id: str,
    key: IdempotencyKey = None,
) -> Response:
    """End a grant at once, also while the chain is down."""

    def keep(answered: Answered, session: Session, receipt: NumberedReceipt) -> None:
        answered(session, {"grant": grant_id, "state": "revoked", "receipt": receipt.id, "number": receipt.number})

    def act(answered: Answered) -> None:
        grants.revoke(ctx, actor, grant_id, also=functools.partial(keep, answered))

    return once(ctx, actor, request, key, None, act)


@router.post("/{grant_id}/pulls")
def pull(
    ctx: ContextDep,
    request: Request,
    actor: Annotated[Actor, allow(Role.ENTITY, nonce_later=True)],
    grant_id: str,
    body: PullIn,
    key: IdempotencyKey = None,
) -> Response:
    """Pull a grant's data; `Accept` chooses JSON, CSV or PDF, or the envelope that carries the salts as well.

    The bytes come with `Receipt-Id`, `Receipt-Number`, `Receipt-Leaf` and `Receipt-Promise`: the log's signed promise.
    """
    signed = request.state.evidence
    try:
        if key is None:
            raise ApiError("idempotency.missing")
        media_type, envelope = negotiated(request.headers.get("accept", ""))
        outcome = pulls.pull(
            ctx,
            actor,
            grant_id,
            media_type,
            fields=None if body.fields is None else [split(item) for item in body.fields],
            signed=evidence_of(signed),
            idempotency_key=key,
        )
    except ApiError:
        # What was refused must not be replayed later, when it might be granted. The delivery may have spent the nonce.
        if signed is not None:
            with contextlib.suppress(ApiError):
                identity.spend_nonce(ctx, signed.thumbprint, signed.nonce)
        raise
    return enveloped(outcome) if envelope else delivered(outcome)


def negotiated(accept: str) -> tuple[str, bool]:
    """The media type that an Accept header asks for, and whether in the envelope. Raises `pull.unsupported_format`."""
    for part in accept.split(","):
        name, *parameters = [piece.strip() for piece in part.split(";")]
        if name in pulls.FORMATS:
            return name, False
        if name == ENVELOPE:
            wanted = next((p[7:] for p in parameters if p.startswith("format=")), "json")
            for media_type, extension in pulls.EXTENSION.items():
                if extension == wanted:
                    return media_type, True
        if name == "*/*":
            return pulls.JSON, False
    raise ApiError("pull.unsupported_format")


def split(item: str) -> tuple[str, str]:
    """`type/field` as a pair. Raises `pull.bad_field`."""
    type_code, _, name = item.partition("/")
    if not type_code or not name:
        raise ApiError("pull.bad_field", Kind.INVALID)
    return type_code, name


def evidence_of(signed: SignedRequest | None) -> SignedPull | None:
    """The signed request in the form that is kept; None where staff pulled in the portal."""
    if signed is None:
        return None
    return SignedPull(signed.base, signed.signature, signed.jwk, signed.thumbprint, signed.nonce)


def receipt_headers(outcome: Pulled) -> dict[str, str]:
    """The signed receipt as headers."""
    receipt = outcome.receipt
    return {
        "Receipt-Id": receipt.id,
        "Receipt-Number": str(receipt.number),
        "Receipt-Leaf": "0x" + receipt.leaf_hash.hex(),
        "Receipt-Promise": "0x" + receipt.promise.hex(),
        "Copy-Id": outcome.copy_id,
        "Link": f'</v1/receipts/{receipt.id}/evidence>; rel="describedby"',
    }


def delivered(outcome: Pulled) -> Response:
    """The file itself."""
    return download(outcome.file, outcome.media_type, outcome.file_name, **receipt_headers(outcome))


def enveloped(outcome: Pulled) -> Response:
    """File, receipt and salts in one JSON document: what an evidence bundle needs to disclose the values."""
    document = {
        "file": {
            "name": outcome.file_name,
            "media_type": outcome.media_type,
            "base64": base64.b64encode(outcome.file).decode(),
        },
        "copy": outcome.copy_id,
        "receipt": {
            "id": outcome.receipt.id,
            "number": outcome.receipt.number,
            "leaf_hash": "0x" + outcome.receipt.leaf_hash.hex(),
            "promise": "0x" + outcome.receipt.promise.hex(),
        },
        "certificates": list(outcome.salts),
    }
    data = json.dumps(document, ensure_ascii=False).encode()
    return download(data, ENVELOPE, f"{outcome.copy_id}.pull.json", **receipt_headers(outcome))
