"""Grants, and the pulls made under them."""

import base64
import contextlib
import functools
import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from api.errors import ApiError, Kind
from api.http.auth import FIRST, Allow, ContextDep, allow
from api.http.express import ExpressRoute
from api.http.forms import Answered, IdempotencyKey, Strict, download, moment, once, once_within
from api.http.forms import anchoring as anchored
from api.http.signatures import SignedRequest
from api.http.strict_json import StrictJsonRoute
from api.http.v1.requests import shown as request_shown
from api.policy.states import InvalidReason
from api.services import anchoring, grants, identity, pulls
from api.services.context import Actor, Also, Context, Role
from api.services.grants import GrantPage
from api.services.pulls import Pulled, SignedPull
from api.store import Session, clock, read_only
from api.store.numbering import NumberedReceipt
from api.store.tables import Grant, GrantEvent

router = APIRouter(prefix="/grants", tags=["grants"], route_class=StrictJsonRoute)
Either = Annotated[Actor, allow(Role.CITIZEN, Role.ENTITY)]
Holder = Annotated[Actor, allow(Role.CITIZEN)]
Recipient = Annotated[Actor, allow(Role.ENTITY)]
Regulator = Annotated[Actor, allow(Role.REGULATOR)]
PULLERS = Allow(Role.ENTITY, nonce_later=True)
ENVELOPE = "application/vnd.mydata.pull+json"


class PullIn(Strict):
    """What to pull: everything granted, or the fields named, as `type/field`."""

    fields: list[str] | None = Field(default=None, min_length=1, max_length=64)


class CaseIn(Strict):
    """The case for which a grant is held up."""

    case: str = Field(min_length=1, max_length=64)


class ExtensionIn(Strict):
    """How long and how often from now on; brought into what the purpose allows."""

    days: int = Field(ge=1, le=3650)
    uses: int = Field(ge=1, le=10_000)
    language: Literal["zh-Hans", "en"] = "zh-Hans"


class InvalidIn(Strict):
    """Why a grant is void, and the number of the order."""

    reason: Literal["court", "regulator", "purpose_withdrawn"]
    reference: str | None = Field(default=None, min_length=1, max_length=64)


def shown(ctx: Context, page: GrantPage) -> dict[str, Any]:
    """A grant as JSON."""
    grant = page.grant
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
        outlook = anchoring.seen(session)
    return {
        "id": grant.id,
        "request": grant.request_id,
        "digest": "0x" + grant.digest.hex(),
        "entity": {"id": page.entity.id, "zh": page.entity.name_zh, "en": page.entity.name_en},
        "terms": grant.terms,
        "custody": grant.custody,
        "state": grants.shown_state(grant, now).value,
        "frozen": grant.frozen,
        "extends": grant.supersedes_id,
        "extended_by": page.successor,
        "uses": grant.use_count,
        "max_uses": grant.max_uses,
        "not_before": moment(grant.not_before_ms),
        "not_after": moment(grant.not_after_ms),
        "anchor_state": grant.anchor_state,
        "anchoring": anchored(outlook.of(grant.anchor_state, grant.created_at_ms, f"grant:{grant.id}")),
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


@router.get("/{grant_id}/record")
def get_record(ctx: ContextDep, actor: Either, grant_id: str) -> dict[str, Any]:
    """The consent record, with the members that ISO/IEC TS 27560 names."""
    return grants.record(ctx, actor, grant_id)


@router.get("/{grant_id}/events")
def list_events(ctx: ContextDep, actor: Either, grant_id: str) -> dict[str, Any]:
    """What became of a grant, in order, each with its receipt."""
    return {"items": [event_shown(event) for event in grants.get(ctx, actor, grant_id).events]}


def event_shown(event: GrantEvent) -> dict[str, Any]:
    """An event as JSON."""
    return {
        "seq": event.seq,
        "state": event.state,
        "frozen": event.frozen,
        "actor": event.actor,
        "reason": event.reason,
        "at": moment(event.at_ms),
        "receipt": event.receipt_id,
        "anchored_block": event.anchored_block,
    }


@router.post("/{grant_id}/revoke", dependencies=FIRST)
def revoke(ctx: ContextDep, request: Request, actor: Holder, grant_id: str, key: IdempotencyKey = None) -> Response:
    """End a grant at once, also while the chain is down."""
    return changed(ctx, request, actor, grant_id, key, None, grants.revoke, "revoked")


@router.post("/{grant_id}/pause", dependencies=FIRST)
def pause(ctx: ContextDep, request: Request, actor: Holder, grant_id: str, key: IdempotencyKey = None) -> Response:
    """Hold a grant up until it is resumed; effective at once."""
    return changed(ctx, request, actor, grant_id, key, None, grants.pause, "paused")


@router.post("/{grant_id}/resume")
def resume(ctx: ContextDep, request: Request, actor: Holder, grant_id: str, key: IdempotencyKey = None) -> Response:
    """Let a paused grant serve again; its end stays where it was."""
    return changed(ctx, request, actor, grant_id, key, None, grants.resume, "active")


@router.post("/{grant_id}/terminate", dependencies=FIRST)
def terminate(
    ctx: ContextDep, request: Request, actor: Recipient, grant_id: str, key: IdempotencyKey = None
) -> Response:
    """Give a grant back for good: the recipient needs it no longer."""
    return changed(ctx, request, actor, grant_id, key, None, grants.terminate, "terminated")


@router.post("/{grant_id}/invalidate", dependencies=FIRST)
def invalidate(
    ctx: ContextDep, request: Request, actor: Regulator, grant_id: str, body: InvalidIn, key: IdempotencyKey = None
) -> Response:
    """Declare a grant void, by order of a court or the regulator, or since its purpose was withdrawn."""
    act = functools.partial(grants.invalidate, reason=InvalidReason(body.reason), reference=body.reference)
    return changed(ctx, request, actor, grant_id, key, body, act, "invalidated")


@router.post("/{grant_id}/freeze")
def freeze(
    ctx: ContextDep, request: Request, actor: Regulator, grant_id: str, body: CaseIn, key: IdempotencyKey = None
) -> Response:
    """Hold a grant up while a case is settled; it stands on the chain as the regulator's suspension."""

    def act(ctx: Context, actor: Actor, grant_id: str, *, also: Also[NumberedReceipt]) -> NumberedReceipt:
        return grants.freeze(ctx, grant_id, body.case, actor, also=also)

    return changed(ctx, request, actor, grant_id, key, body, act, "frozen")


@router.post("/{grant_id}/unfreeze")
def unfreeze(
    ctx: ContextDep, request: Request, actor: Regulator, grant_id: str, body: CaseIn, key: IdempotencyKey = None
) -> Response:
    """Lift the hold of a case; the grant is as it was."""

    def act(ctx: Context, actor: Actor, grant_id: str, *, also: Also[NumberedReceipt]) -> NumberedReceipt:
        return grants.unfreeze(ctx, grant_id, body.case, actor, also=also)

    return changed(ctx, request, actor, grant_id, key, body, act, "unfrozen")


@router.post("/{grant_id}/extension")
def extend(
    ctx: ContextDep, request: Request, actor: Either, grant_id: str, body: ExtensionIn, key: IdempotencyKey = None
) -> Response:
    """Extend a grant: its recipient asks for that (202), its holder does it at once with a new grant (200)."""
    if actor.role is Role.ENTITY:

        def ask(answered: Answered) -> None:
            grants.ask_extension(
                ctx, actor, grant_id, body.days, body.uses, also=lambda s, row: answered(s, request_shown(row))
            )

        return once(ctx, actor, request, key, body, ask, status=202)

    def give(answered: Answered) -> None:
        def keep(session: Session, made: tuple[Grant, NumberedReceipt]) -> None:
            grant, receipt = made
            answer = {"grant": grant.id, "extends": grant_id, "receipt": receipt.id, "number": receipt.number}
            answered(session, answer)

        grants.extend(ctx, actor, grant_id, body.days, body.uses, language=body.language, also=keep)

    return once_within(ctx, actor, request, key, body, give)


def changed(
    ctx: Context,
    request: Request,
    actor: Actor,
    grant_id: str,
    key: str | None,
    body: Strict | None,
    act: Callable[..., NumberedReceipt],
    state: str,
) -> Response:
    """Make one change, once per idempotency key; the answer is kept in the change's own transaction."""

    def keep(answered: Answered, session: Session, receipt: NumberedReceipt) -> None:
        answered(session, {"grant": grant_id, "state": state, "receipt": receipt.id, "number": receipt.number})

    def once_done(answered: Answered) -> None:
        act(ctx, actor, grant_id, also=functools.partial(keep, answered))

    return once_within(ctx, actor, request, key, body, once_done)


@router.post("/{grant_id}/pulls")
def pull(
    ctx: ContextDep,
    request: Request,
    actor: Annotated[Actor, Depends(PULLERS)],
    grant_id: str,
    body: PullIn,
    key: IdempotencyKey = None,
) -> Response:
    """Pull a grant's data; `Accept` chooses JSON, CSV, XLSX or PDF, or the envelope that carries the salts as well.

    The bytes come with `Receipt-Id`, `Receipt-Number`, `Receipt-Leaf` and `Receipt-Promise`: the log's signed promise.
    """
    return _pull(ctx, request, actor, grant_id, body, key)


def _pull(ctx: Context, request: Request, actor: Actor, grant_id: str, body: PullIn, key: str | None) -> Response:
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


EXPRESS = ExpressRoute("/v1/grants/", "/pulls", PULLERS, PullIn, _pull)
"""Pulls by the machines' short way in."""


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
    unknown = {"Claims-Unknown": ", ".join(outcome.unknown)} if outcome.unknown else {}
    return {
        **unknown,
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
        "unknown": list(outcome.unknown),
    }
    data = json.dumps(document, ensure_ascii=False).encode()
    return download(data, ENVELOPE, f"{outcome.copy_id}.pull.json", **receipt_headers(outcome))
