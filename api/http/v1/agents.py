"""Returns by a department's agent: files as signed bodies, what was committed to, and the agent's own signatures."""

import io
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import Field

from api.http.auth import ContextDep, allow
from api.http.forms import INT_MAX, Answered, IdempotencyKey, Strict, once
from api.http.strict_json import StrictJsonRoute
from api.http.v1.returns import SHEET_MAX, shown
from api.services import agent_seals, returns
from api.services.context import Actor, Role

router = APIRouter(prefix="/returns", tags=["returns"], route_class=StrictJsonRoute)
Agent = Annotated[Actor, allow(Role.DEPARTMENT)]
Signature = Annotated[str, Field(pattern=r"^0x[0-9a-f]{130}$")]


class SignaturesBody(Strict):
    """Signatures over the return's roots, one for each fifty of them in order."""

    signatures: list[Signature] = Field(min_length=1, max_length=1000)


@router.post("/agent", status_code=202)
def receive(
    ctx: ContextDep,
    request: Request,
    actor: Agent,
    data: Annotated[bytes, Body(media_type="application/octet-stream")],
    type_code: Annotated[str, Query(alias="type", max_length=64)],
    sheet: Annotated[int | None, Query(ge=0, le=SHEET_MAX)] = None,
    key: IdempotencyKey = None,
) -> Response:
    """Take a file in as the body of a signed request; the rest as `POST /v1/returns`."""
    incoming = returns.incoming(io.BytesIO(data))
    said = returns.Said(sheet=sheet)

    def act(answered: Answered) -> None:
        returns.receive(
            ctx,
            actor,
            type_code,
            incoming,
            auto_seal=False,
            said=said,
            also=lambda session, row: answered(session, shown(row)),
        )

    return once(ctx, actor, request, key, (type_code, sheet, incoming.sha256.hex()), act, status=202)


@router.get("/{return_id}/commitments")
def commitments(
    ctx: ContextDep,
    actor: Agent,
    return_id: str,
    batch: Annotated[int, Query(ge=0, le=INT_MAX)] = 0,
) -> dict[str, Any]:
    """What a batch of a checked return commits to, with the seeds of its salts, for the agent to compute again."""
    found = agent_seals.commitments(ctx, actor, return_id, batch)
    return {
        "rules": found.rules,
        "day": found.day,
        "batches": found.batches,
        "root": "0x" + found.root.hex(),
        "size": found.size,
        "seeds": ["0x" + seed.hex() for seed in found.seeds],
        "sheet": found.sheet,
        "columns": None if found.columns is None else dict(found.columns),
    }


@router.post("/{return_id}/signatures")
def seal(
    ctx: ContextDep, request: Request, actor: Agent, return_id: str, body: SignaturesBody, key: IdempotencyKey = None
) -> Response:
    """Seal a checked return by the agent's signatures over the roots that it computed itself."""
    signatures = [bytes.fromhex(text[2:]) for text in body.signatures]

    def act(answered: Answered) -> None:
        agent_seals.seal(ctx, actor, return_id, signatures, also=lambda session, row: answered(session, shown(row)))

    return once(ctx, actor, request, key, body, act)
