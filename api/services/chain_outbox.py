"""From the outbox to the relay: each topic becomes one contract call, stored before it is broadcast.

A row is done once its transaction is durable in the journal, under a key derived from the fact; a worker killed in
between prepares the same key again and finds the row that is there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from api.services.context import Context
from api.store import outbox
from chain import calls
from chain.errors import NodeError
from chain.grantmsg import GrantMessage, GrantStatus
from chain.identity import ChainIdentity
from chain.relay import RefusedError, Relay

ANCHOR_BATCHES = "anchor_batches"
REGISTER_GRANT = "register_grant"
CHANGE_GRANT = "change_grant"
TOPICS = (ANCHOR_BATCHES, REGISTER_GRANT, CHANGE_GRANT)
LEASE_S = 30.0

Payload = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Call:
    """One contract call. `after` names the transaction that it builds on; while that waits, nothing is simulated."""

    contract: str
    data: bytes
    after: str | None = None


def anchor_payload(issuer: bytes, roots: list[bytes], sizes: list[int], signature: bytes) -> dict[str, object]:
    """What `ANCHOR_BATCHES` carries."""
    return {
        "issuer": issuer.hex(),
        "roots": [root.hex() for root in roots],
        "sizes": sizes,
        "signature": signature.hex(),
    }


def grant_payload(message: GrantMessage, signature: bytes) -> dict[str, object]:
    """What `REGISTER_GRANT` carries."""
    return {
        "key": message.key.hex(),
        "terms": message.terms.hex(),
        "binding": message.binding.hex(),
        "not_before": message.not_before,
        "not_after": message.not_after,
        "signature": signature.hex(),
    }


def change_payload(grant: bytes, status: GrantStatus, seq: int, signature: bytes, *, after: str) -> dict[str, object]:
    """What `CHANGE_GRANT` carries; `after` is the key of the registration or of the change before."""
    return {"grant": grant.hex(), "status": int(status), "seq": seq, "signature": signature.hex(), "after": after}


def _anchor(payload: Payload) -> Call:
    roots, sizes = payload["roots"], payload["sizes"]
    assert isinstance(roots, list) and isinstance(sizes, list)
    data = calls.anchor_for(
        _bytes(payload, "issuer"), [bytes.fromhex(root) for root in roots], sizes, _bytes(payload, "signature")
    )
    return Call("CertificateAnchors", data)


def _register(payload: Payload) -> Call:
    message = GrantMessage(
        _bytes(payload, "key"),
        _bytes(payload, "terms"),
        _bytes(payload, "binding"),
        _int(payload, "not_before"),
        _int(payload, "not_after"),
    )
    return Call("Grants", calls.register_grant(message, _bytes(payload, "signature")))


def _change(payload: Payload) -> Call:
    status = GrantStatus(_int(payload, "status"))
    data = calls.change_grant(_bytes(payload, "grant"), status, _int(payload, "seq"), _bytes(payload, "signature"))
    return Call("Grants", data, after=str(payload["after"]))


BUILDERS: Mapping[str, Callable[[Payload], Call]] = {
    ANCHOR_BATCHES: _anchor,
    REGISTER_GRANT: _register,
    CHANGE_GRANT: _change,
}


def dispatch(ctx: Context, relay: Relay, identity: ChainIdentity, *, limit: int = 128) -> int:
    """Turn waiting outbox rows into durable transactions; gives how many. NodeError: nothing is lost, again later.

    A change whose registration the chain does not have is refused by the simulation and waits for its next turn.
    """
    moved = 0
    for row in outbox.lease(ctx.db, TOPICS, limit, LEASE_S):
        call = BUILDERS[row.topic](row.payload)
        try:
            relay.prepare(row.key, identity.address(call.contract), call.data, after=call.after)
        except RefusedError as refused:
            if not refused.already_done:
                outbox.failed(ctx.db, row, "chain.refused")
                continue
        except NodeError as error:
            outbox.failed(ctx.db, row, error.code)
            raise
        outbox.done(ctx.db, row)
        moved += 1
    return moved


def _bytes(payload: Payload, name: str) -> bytes:
    return bytes.fromhex(str(payload[name]))


def _int(payload: Payload, name: str) -> int:
    value = payload[name]
    assert isinstance(value, int)
    return value
