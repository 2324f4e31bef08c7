"""The public side of the log, C2SP tlog-tiles under `/v1/log`: anybody reads it, witnesses hand in what they sign.

Tiles never change and may be kept by any cache; checkpoints for a moment only. A leaf names kind, log, number and time
beside a salted commitment, so that nothing here tells anything of anybody.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.http.auth import ContextDep, public
from api.http.forms import INT_MAX, Strict, download, moment
from api.http.strict_json import StrictJsonRoute
from api.http.v1.receipts import BUNDLE
from api.services import epochs, log
from chain.note import NOTE_LIMIT

router = APIRouter(tags=["log"], route_class=StrictJsonRoute)
Anybody = Annotated[None, public()]
NOTE = "text/plain; charset=utf-8"
FOR_A_MOMENT = {"Cache-Control": "public, max-age=1"}
FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}


class CosignaturesIn(Strict):
    """A checkpoint of this log with cosignatures under it; the log's own line may stand there as well."""

    note: str = Field(min_length=1, max_length=NOTE_LIMIT)


@router.get("/log")
def get_log(ctx: ContextDep, _: Anybody) -> dict[str, Any]:
    """Size of the log, its newest checkpoints, the chain's state as last seen."""
    health = log.health(ctx)
    return {
        "log": health.log_id,
        "size": health.size.numbered,
        "anchored": health.size.anchored,
        "prepared": health.size.prepared,
        "chain": None
        if health.chain is None
        else {
            "state": health.chain.state,
            "reason": health.chain.reason,
            "since": moment(health.chain.since_ms),
            "head": health.chain.head,
        },
    }


@router.get("/log/checkpoint")
def get_checkpoint(ctx: ContextDep, _: Anybody) -> Response:
    """The newest checkpoint on the chain: a C2SP signed note, with the lines of witnesses that signed it by now."""
    return Response(log.checkpoint(ctx), media_type=NOTE, headers=FOR_A_MOMENT)


@router.get("/log/witnessed")
def get_witnessed(ctx: ContextDep, _: Anybody) -> Response:
    """The newest checkpoint on the chain that enough witnesses signed."""
    return Response(log.witnessed(ctx), media_type=NOTE, headers=FOR_A_MOMENT)


@router.get("/log/tile/{tile:path}")
def get_tile(ctx: ContextDep, _: Anybody, tile: str) -> Response:
    """A tile of hashes, `LEVEL/INDEX`, or a bundle of leaves, `entries/INDEX`, as C2SP tlog-tiles names them."""
    return Response(log.tile(ctx, tile), media_type="application/octet-stream", headers=FOR_GOOD)


@router.post("/log/cosignatures")
def add_cosignatures(ctx: ContextDep, _: Anybody, given: CosignaturesIn) -> dict[str, Any]:
    """Hand in what witnesses signed (C2SP tlog-cosignature); the signature speaks for its sender, and twice is once."""
    size, witnesses = log.add_cosignatures(ctx, given.note)
    return {"size": size, "witnesses": witnesses}


@router.get("/log/epochs")
def list_epochs(ctx: ContextDep, _: Anybody) -> dict[str, Any]:
    """Epochs of the keys that copies are marked with, newest first, with the keys' hashes; the log fixed each first."""
    return {
        "items": [
            {
                "id": one.id,
                "seq": one.seq,
                "key_sha256": "0x" + one.key_sha256.hex(),
                "opened_at": moment(one.opened_at_ms),
                "closed_at": None if one.closed_at_ms is None else moment(one.closed_at_ms),
                "receipt": one.receipt_id,
                "number": one.number,
                "recorded": one.recorded,
                "marks": one.marks,
            }
            for one in epochs.list_all(ctx)
        ]
    }


@router.get("/log/epochs/{epoch_id}/evidence")
def get_epoch_evidence(ctx: ContextDep, _: Anybody, epoch_id: str) -> Response:
    """The evidence bundle of an epoch's opening."""
    return download(epochs.bundle(ctx, epoch_id).to_bytes(), BUNDLE, f"epoch-{epoch_id}.bundle.json")


@router.get("/log/entries")
def get_entries(
    ctx: ContextDep,
    _: Anybody,
    start: Annotated[int, Query(ge=0, le=INT_MAX)] = 0,
    count: Annotated[int, Query(ge=1, le=log.MAX_ENTRIES)] = 100,
) -> dict[str, Any]:
    """Public leaves: kind, number, time, salted commitment."""
    return {"items": log.entries(ctx, start, count)}


@router.get("/log/consistency")
def get_consistency(
    ctx: ContextDep,
    _: Anybody,
    old: Annotated[int, Query(ge=1, le=INT_MAX)],
    new: Annotated[int, Query(ge=1, le=INT_MAX)],
) -> dict[str, Any]:
    """RFC 6962 consistency proof between two sizes."""
    return {"old": old, "new": new, "proof": log.consistency(ctx, old, new)}
