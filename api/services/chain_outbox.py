"""From the outbox to the relay: each topic becomes one contract call, stored before it is broadcast.

A row is done once its transaction is durable in the journal, under a key derived from the fact; a worker killed in
between prepares the same key again and finds the row that is there.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from api.services.context import Context
from api.store import outbox
from api.store.journal import failed_transactions
from chain import calls
from chain.attempts import base_key
from chain.errors import FencedError, NodeError
from chain.grantmsg import GrantMessage, GrantStatus
from chain.identity import ChainIdentity
from chain.points import reached
from chain.relay import Progress, RefusedError, Relay

ANCHOR_BATCHES = "anchor_batches"
REGISTER_GRANT = "register_grant"
CHANGE_GRANT = "change_grant"
END_GRANT = "end_grant"
SUSPEND_GRANT = "suspend_grant"
REVOKE_CERTIFICATES = "revoke_certificates"
PROPOSE_PARTY = "propose_party"
ADMIT_PARTY = "admit_party"
SUSPEND_PARTY = "suspend_party"
PROPOSE_RETURN = "propose_return"
RETURN_PARTY = "return_party"
TOPICS = (
    ANCHOR_BATCHES,
    REGISTER_GRANT,
    CHANGE_GRANT,
    END_GRANT,
    SUSPEND_GRANT,
    REVOKE_CERTIFICATES,
    PROPOSE_PARTY,
    ADMIT_PARTY,
    SUSPEND_PARTY,
    PROPOSE_RETURN,
    RETURN_PARTY,
)
ADMINS = ("registry-admin-1", "registry-admin-2")
"""Senders that are the registry's administrators: the first proposes and suspends, the second admits and reinstates."""
# Signed by whom they concern, so any account may send them.
CARRIED = frozenset({ANCHOR_BATCHES, REVOKE_CERTIFICATES, REGISTER_GRANT, CHANGE_GRANT})
LEASE_S = 30.0
REFUSED = "chain.refused"
log = logging.getLogger("mydata.outbox")

Payload = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Call:
    """One contract call. `after` names the transaction that it builds on; while that waits, nothing is simulated.

    `follows` is the key of the row that must be closed before: the order of one grant's effects is the order of its
    events, whichever of them the chain refused at first. `sender` is the party whose account must send the call, or one
    of `ADMINS`; None for the relay's own, which is the operator's.
    """

    contract: str
    data: bytes
    after: str | None = None
    follows: str | None = None
    sender: str | None = None


def anchor_payload(issuer: bytes, roots: list[bytes], sizes: list[int], signature: bytes) -> dict[str, object]:
    """What `ANCHOR_BATCHES` carries."""
    return {
        "issuer": issuer.hex(),
        "roots": [root.hex() for root in roots],
        "sizes": sizes,
        "signature": signature.hex(),
    }


def revoke_payload(
    issuer: bytes, root: bytes, word: int, mask: int, signature: bytes, *, follows: str
) -> dict[str, object]:
    """What `REVOKE_CERTIFICATES` carries; `follows` is the key of the batch's anchoring."""
    return {
        "issuer": issuer.hex(),
        "root": root.hex(),
        "word": word,
        "mask": hex(mask),  # up to 256 bits, which JSON's numbers do not hold
        "signature": signature.hex(),
        "follows": follows,
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


def end_payload(grant: bytes, *, after: str) -> dict[str, object]:
    """What `END_GRANT` carries; `after` as for a change."""
    return {"grant": grant.hex(), "after": after}


def suspend_payload(grant: bytes, suspended: bool, regulator_id: str, *, follows: str) -> dict[str, object]:
    """What `SUSPEND_GRANT` carries: a regulator's hold, or its lifting, which follows another one or the grant."""
    return {"grant": grant.hex(), "suspended": suspended, "sender": regulator_id, "follows": follows}


def party_payload(party_hash: bytes, *, follows: str | None = None) -> dict[str, object]:
    """What `SUSPEND_PARTY`, `PROPOSE_RETURN`, `RETURN_PARTY` carry: the party's hash, and what must be sent before."""
    return {"party": party_hash.hex(), "follows": follows}


def admission_payload(party: calls.PartyProposal, *, follows: str | None = None) -> dict[str, object]:
    """What `PROPOSE_PARTY` and `ADMIT_PARTY` carry, word for word the same for both."""
    return {
        "party": party.party_id.hex(),
        "role": int(party.role),
        "account": party.account.hex(),
        "key": party.key_thumbprint.hex(),
        "metadata": party.metadata_hash.hex(),
        "follows": follows,
    }


def _anchor(payload: Payload) -> Call:
    roots, sizes = payload["roots"], payload["sizes"]
    assert isinstance(roots, list) and isinstance(sizes, list)
    data = calls.anchor_for(
        _bytes(payload, "issuer"), [bytes.fromhex(root) for root in roots], sizes, _bytes(payload, "signature")
    )
    return Call("CertificateAnchors", data)


def _revoke(payload: Payload) -> Call:
    mask = int(str(payload["mask"]), 16)
    data = calls.revoke_for(
        _bytes(payload, "issuer"), _bytes(payload, "root"), _int(payload, "word"), mask, _bytes(payload, "signature")
    )
    follows = str(payload["follows"])
    return Call("CertificateAnchors", data, after=follows, follows=follows)


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
    return Call("Grants", data, after=str(payload["after"]), follows=str(payload["after"]))


def _end(payload: Payload) -> Call:
    after = str(payload["after"])
    return Call("Grants", calls.end_grant(_bytes(payload, "grant")), after=after, follows=after)


def _suspend(payload: Payload) -> Call:
    data = calls.suspend_grant(_bytes(payload, "grant"), payload["suspended"] is True)
    return Call("Grants", data, follows=str(payload["follows"]), sender=str(payload["sender"]))


def _proposal(payload: Payload) -> calls.PartyProposal:
    return calls.PartyProposal(
        _bytes(payload, "party"),
        calls.Role(_int(payload, "role")),
        _bytes(payload, "account"),
        _bytes(payload, "key"),
        _bytes(payload, "metadata"),
    )


def _registry(payload: Payload, data: bytes, sender: str) -> Call:
    follows = payload.get("follows")
    return Call("PartyRegistry", data, follows=None if follows is None else str(follows), sender=sender)


def _propose_party(payload: Payload) -> Call:
    return _registry(payload, calls.propose(_proposal(payload)), ADMINS[0])


def _admit_party(payload: Payload) -> Call:
    return _registry(payload, calls.admit(_proposal(payload)), ADMINS[1])


def _suspend_party(payload: Payload) -> Call:
    return _registry(payload, calls.suspend_party(_bytes(payload, "party")), ADMINS[0])


def _propose_return(payload: Payload) -> Call:
    return _registry(payload, calls.propose_reinstatement(_bytes(payload, "party")), ADMINS[0])


def _return_party(payload: Payload) -> Call:
    return _registry(payload, calls.reinstate_party(_bytes(payload, "party")), ADMINS[1])


BUILDERS: Mapping[str, Callable[[Payload], Call]] = {
    ANCHOR_BATCHES: _anchor,
    REGISTER_GRANT: _register,
    CHANGE_GRANT: _change,
    END_GRANT: _end,
    SUSPEND_GRANT: _suspend,
    REVOKE_CERTIFICATES: _revoke,
    PROPOSE_PARTY: _propose_party,
    ADMIT_PARTY: _admit_party,
    SUSPEND_PARTY: _suspend_party,
    PROPOSE_RETURN: _propose_return,
    RETURN_PARTY: _return_party,
}


@dataclass(slots=True)
class Relays:
    """The relay's own account, which is the operator's, and those of other parties whose keys this service keeps."""

    own: Relay
    make: Callable[[str], Relay]
    others: dict[str, Relay] = field(default_factory=dict)
    carriers: tuple[Relay, ...] = ()

    @property
    def all(self) -> tuple[Relay, ...]:
        """Every relay that was made so far."""
        return (self.own, *self.carriers, *self.others.values())

    def carrying(self, key: str) -> Relay:
        """Which account brings a fact to the chain that anybody may bring there: one for all facts of one grant.

        A grant's registration and its changes are signed by its own key, a department's roots by the department; so
        the sender has no say, and several accounts have a window each. The order within one grant is that of nonces.
        """
        if not self.carriers:
            return self.own
        subject = ":".join(key.split(":")[:2])
        at = int.from_bytes(hashlib.sha256(subject.encode()).digest()[:8], "big")
        return (self.own, *self.carriers)[at % (1 + len(self.carriers))]

    def of(self, party_id: str | None) -> Relay:
        """The relay that sends from a party's account; the own one for None."""
        if party_id is None:
            return self.own
        if party_id not in self.others:
            self.others[party_id] = self.make(party_id)
        return self.others[party_id]

    def step(self) -> list[Progress]:
        """One step of each. Raises what `Relay.step` raises."""
        return [relay.step() for relay in self.all]


def dispatch(ctx: Context, relays: Relays, identity: ChainIdentity, *, limit: int = 128) -> int:
    """Turn waiting outbox rows into durable transactions; gives how many. NodeError: nothing is lost, again later.

    A change whose registration the chain does not have is refused by the simulation and waits for its next turn. A row
    that `reopen_failed` opened again gets a transaction of its own.
    """
    moved = 0
    for row in outbox.lease(ctx.db, TOPICS, limit, LEASE_S):
        call = BUILDERS[row.topic](row.payload)
        if call.follows is not None and outbox.is_open(ctx.db, call.follows):
            outbox.later(ctx.db, row)
            continue
        try:
            relay = relays.carrying(row.key) if row.topic in CARRIED else relays.of(call.sender)
            relay.prepare(row.key, identity.address(call.contract), call.data, after=call.after, retry_failed=True)
        except RefusedError as refused:
            if not refused.already_done and not _overtaken(row.topic, refused):
                outbox.failed(ctx.db, row, REFUSED)
                continue
        except (NodeError, FencedError) as error:
            outbox.failed(ctx.db, row, error.code)
            raise
        reached("anchor/prepared")
        outbox.done(ctx.db, row)
        moved += 1
    return moved


def reopen_failed(ctx: Context, relays: Relays) -> int:
    """Open the outbox rows of transactions that were mined and failed; gives how many.

    A transaction that nobody simulated, since it built on one that waited, fails on the chain after its row was closed.
    The fact that it announces still holds here, so it is announced again, after a pause that grows, and it is said.
    """
    reopened = 0
    for row in failed_transactions(ctx.db, [relay.address for relay in relays.all]):
        key = base_key(row.key)
        newest = relays.own.find(key)  # by key alone, whichever account sent it
        if newest is None or newest.tx_hash != row.tx_hash:
            continue  # another attempt took its place
        if outbox.reopen(ctx.db, key, REFUSED):
            log.error("transaction %s failed on the chain (%s); it is tried again", row.key, row.error)
            reopened += 1
    return reopened


def _overtaken(topic: str, refused: RefusedError) -> bool:
    """Whether the chain refuses since the grant has ended there by another way, so that nothing is left to tell it."""
    if topic not in {CHANGE_GRANT, END_GRANT} or refused.name != "InvalidTransition":
        return False
    return refused.arguments[:1] in {(GrantStatus.REVOKED,), (GrantStatus.ENDED,)}


def _bytes(payload: Payload, name: str) -> bytes:
    return bytes.fromhex(str(payload[name]))


def _int(payload: Payload, name: str) -> int:
    value = payload[name]
    assert isinstance(value, int)
    return value
