"""`python -m chain party …`: administrators of PartyRegistry, each at a desk and with a key of their own.

What takes two persons is two commands. The second states everything again: a proposal is its content, and another value
confirms nothing. Exit codes: 0 done, 1 refused by the contract, 2 wrong use or unreadable file, 5 the node is silent.
"""

import argparse
import hashlib
import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from chain import calls
from chain.deploy import REGISTRY, Deployment, send_and_wait
from chain.errors import ChainError, FormatError, NodeError, RpcReason
from chain.node import Web3Node
from chain.ports import ADDRESS_BYTES, HASH_BYTES, Node, Signer
from chain.refusals import RefusedError, refusal
from chain.signer import LocalSigner

ROLES = {role.name.lower(): role for role in calls.Role if role is not calls.Role.NONE}
TIMEOUT_S = 120.0
_ACTS: dict[str, str] = {
    "propose": "ask for a party to be admitted; first of two persons",
    "admit": "admit a party that another administrator proposed",
    "suspend": "suspend a party at once; one person",
    "propose-reinstatement": "ask for a suspended party to be reinstated; first of two persons",
    "reinstate": "reinstate a party; second of two persons",
}


def act(node: Node, deployment: Deployment, admin: Signer, data: bytes, *, timeout_s: float = TIMEOUT_S) -> None:
    """One call of an administrator: tried first, then sent and awaited.

    Raises RefusedError where the contract says no (nothing is spent then), NodeError, ChainError (`chain.deploy`).
    """
    registry = deployment.addresses[REGISTRY]
    try:
        node.call(registry, data, sender=admin.address)
    except NodeError as error:
        if error.reason is RpcReason.REVERTED:
            raise refusal(error.data) from error
        raise
    send_and_wait(node, admin, registry, data, gas=calls.gas_limit(data), timeout_s=timeout_s)


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Put `party` and its acts into the command line."""
    party = commands.add_parser("party", help="admit and suspend parties / 登记与暂停参与方")
    acts = party.add_subparsers(dest="act", required=True)
    for name, told in {**_ACTS, "show": "what the registry says of a party"}.items():
        one = acts.add_parser(name, help=told)
        one.add_argument("--rpc", required=True, help="RPC URL of a node of the chain")
        one.add_argument("--deployment", type=Path, required=True, help="chain.json")
        one.add_argument("--id", required=True, help="the party's identifier, party_…")
        if name != "show":
            one.add_argument("--key", type=Path, required=True, help="the administrator's key: 64 hexadecimal digits")
        if name in {"propose", "admit"}:
            one.add_argument("--role", choices=list(ROLES), required=True)
            one.add_argument("--account", type=_bytes(ADDRESS_BYTES), default=bytes(ADDRESS_BYTES), help="0x…")
            one.add_argument("--http-key", type=_bytes(HASH_BYTES), default=bytes(HASH_BYTES), help="thumbprint, 0x…")
            one.add_argument("--metadata", type=_bytes(HASH_BYTES), required=True, help="SHA-256, 0x…")


def run(given: argparse.Namespace) -> int:
    """Carry out what `add_commands` parsed; returns the exit code."""
    try:
        deployment = Deployment.from_json(json.loads(given.deployment.read_text("utf-8")))
        admin = None if given.act == "show" else LocalSigner(read_key(given.key))
    except (OSError, ValueError, FormatError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    node = Web3Node(given.rpc)
    try:
        deployment.identity().check(node)
        if admin is not None:
            act(node, deployment, admin, _call(given))
        _show(node, deployment, given.id)
    except RefusedError as refused:
        sys.stderr.write(f"refused: {refused.name}\n")
        return 1
    except NodeError as silent:
        sys.stderr.write(f"{silent.code}: {silent.detail}\n")
        return 5
    except ChainError as failed:
        sys.stderr.write(f"{failed.code}: {failed.detail}\n")
        return 1
    finally:
        node.close()
    return 0


def read_key(path: Path) -> bytes:
    """The 32 bytes of a key file; ValueError where others may read it or it holds something else."""
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ValueError(f"{path} can be read by others: chmod 600")
    secret = bytes.fromhex(path.read_text("ascii").strip().removeprefix("0x"))
    if len(secret) != HASH_BYTES:
        raise ValueError(f"{path} holds no key of {HASH_BYTES} bytes")
    return secret


def _call(given: argparse.Namespace) -> bytes:
    party_id = hashlib.sha256(given.id.encode()).digest()
    if given.act in {"propose", "admit"}:
        stated = calls.PartyProposal(party_id, ROLES[given.role], given.account, given.http_key, given.metadata)
        return calls.propose(stated) if given.act == "propose" else calls.admit(stated)
    one: dict[str, Callable[[bytes], bytes]] = {
        "suspend": calls.suspend_party,
        "propose-reinstatement": calls.propose_reinstatement,
        "reinstate": calls.reinstate_party,
    }
    return one[given.act](party_id)


def _show(node: Node, deployment: Deployment, identifier: str) -> None:
    party_id = hashlib.sha256(identifier.encode()).digest()
    state = calls.read_party(node.call(deployment.addresses[REGISTRY], calls.party(party_id)))
    shown = {
        "id": identifier,
        "status": state.status.name.lower(),
        "role": state.role.name.lower(),
        "account": "0x" + state.account.hex(),
        "http_key": "0x" + state.key_thumbprint.hex(),
        "metadata": "0x" + state.metadata_hash.hex(),
    }
    sys.stdout.write(json.dumps(shown, indent=1) + "\n")


def _bytes(length: int) -> Callable[[str], bytes]:
    def read(text: str) -> bytes:
        value = bytes.fromhex(text.removeprefix("0x"))
        if len(value) != length:
            raise argparse.ArgumentTypeError(f"must be {length} bytes in hexadecimal")
        return value

    return read
