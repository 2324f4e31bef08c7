"""The trust file of a deployment, written or brought up to date: what verifiers believe, published by the operator.

What was ever true stays in it: old evidence was signed under old keys of the identity provider, and passkeys answered
on old addresses. So keys are added, each with the time at which it was first seen here, and none is taken out. Chain,
contracts, administrators and the log's key never change under a file; where they differ, it is another deployment's.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from api.errors import ApiError, Kind
from api.settings import Settings
from api.wiring import TRUST_FILE, key_ring, log_key, provider, read_deployment, witnesses, write_private
from chain.deploy import Deployment
from chain.errors import FormatError, NodeError, RpcReason
from chain.jose import parse_jwk
from chain.node import Web3Node
from chain.ports import Node
from chain.trustfile import (
    IdentityProvider,
    PasskeyParty,
    TrustedContract,
    TrustFile,
    Witnesses,
    parse_trust_file,
)
from chain.view import view_function

JWK_FOLDER = "/identity_providers"


@dataclass(frozen=True, slots=True)
class Published:
    """Where the file stands, its SHA-256 in hexadecimal, and what it did not say before (empty: nothing)."""

    path: Path
    sha256: str
    added: tuple[str, ...]
    trust: TrustFile


def publish(settings: Settings) -> Published:
    """Write the trust file of a deployment, or add to it what is new.

    Asks the node for identity and administrators and the identity provider for its keys. Raises `launch.not_deployed`,
    `launch.trust_malformed`, `launch.trust_other` (the file is another deployment's; it was left as it is),
    `auth.oidc_…` for a provider that does not answer, and NodeError or WrongChainError for the node.
    """
    deployment = read_deployment(settings.data_dir)
    node = Web3Node(settings.rpc_url)
    try:
        deployment.identity().check(node)
        admins = _admins(node, deployment)
    finally:
        node.close()
    path = settings.data_dir / TRUST_FILE
    old = _read(path)
    fresh = _today(settings, deployment, admins)
    if old is not None and _fixed(old) != _fixed(fresh):
        raise ApiError("launch.trust_other", Kind.CONFLICT)
    merged = fresh if old is None else _merged(old, fresh)
    added = tuple(_differences(old, merged))
    if old != merged:
        write_private(path, merged.to_json())
    return Published(path, hashlib.sha256(path.read_bytes()).hexdigest(), added, merged)


def _today(settings: Settings, deployment: Deployment, admins: Iterable[bytes]) -> TrustFile:
    """What the deployment's file would say if it were written for the first time now."""
    keys = key_ring(settings)
    vouching, now_s = provider(settings, keys), int(time.time())
    return TrustFile(
        deployment.chain_id,
        deployment.genesis_hash,
        deployment.engine,
        {
            name: TrustedContract(address, deployment.code_hashes[name])
            for name, address in deployment.addresses.items()
        },
        frozenset(admins),
        log_key(keys).public_key().public_bytes_raw(),
        tuple(IdentityProvider(vouching.issuer, parse_jwk(jwk, JWK_FOLDER), now_s) for jwk in vouching.public_jwks()),
        (),
        (PasskeyParty(settings.rp_id, settings.rp_origins),),
        witnesses(settings),
    )


def _fixed(trust: TrustFile) -> tuple[object, ...]:
    """What never changes under a trust file."""
    contracts = tuple(sorted((name, one.address, one.code_hash) for name, one in trust.contracts.items()))
    return trust.chain_id, trust.genesis_hash, contracts, trust.registry_admins, trust.log_public_key


def _merged(old: TrustFile, fresh: TrustFile) -> TrustFile:
    """All that `old` says, and after it what `fresh` adds."""
    known = {(one.issuer, one.key) for one in old.identity_providers}
    homes = {one.rp_id: one.origins for one in old.passkeys}
    for one in fresh.passkeys:
        homes[one.rp_id] = tuple(dict.fromkeys((*homes.get(one.rp_id, ()), *one.origins)))
    return replace(
        old,
        identity_providers=(
            *old.identity_providers,
            *(one for one in fresh.identity_providers if (one.issuer, one.key) not in known),
        ),
        passkeys=tuple(PasskeyParty(rp_id, origins) for rp_id, origins in homes.items()),
        witnesses=_witnesses(old.witnesses, fresh.witnesses),
    )


def _witnesses(old: Witnesses | None, fresh: Witnesses | None) -> Witnesses | None:
    """Every witness there ever was, for old checkpoints are co-signed by old ones; how many are enough is today's."""
    if old is None or fresh is None:
        return fresh or old
    known = {key.public_key for key in old.keys}
    return Witnesses((*old.keys, *(key for key in fresh.keys if key.public_key not in known)), fresh.quorum)


def _differences(old: TrustFile | None, new: TrustFile) -> Iterable[str]:
    """What is new, a line each."""
    known = set() if old is None else {(one.issuer, one.key) for one in old.identity_providers}
    for one in new.identity_providers:
        if (one.issuer, one.key) not in known:
            yield f"{one.issuer} {one.key.algorithm} {one.key.thumbprint.hex()}"
    homes = {} if old is None else {one.rp_id: one.origins for one in old.passkeys}
    for home in new.passkeys:
        for origin in home.origins:
            if origin not in homes.get(home.rp_id, ()):
                yield f"{home.rp_id} {origin}"
    before = None if old is None else old.witnesses
    if new.witnesses is not None and new.witnesses != before:
        kept = set() if before is None else set(before.keys)
        yield from (f"witness {key}" for key in new.witnesses.keys if key not in kept)
        yield f"witnesses: {new.witnesses.quorum} of {len(new.witnesses.keys)}"


def _read(path: Path) -> TrustFile | None:
    if not path.is_file():
        return None
    try:
        # A person may have edited it: lines and spaces are nobody's concern, its members are.
        return parse_trust_file(json.dumps(json.loads(path.read_text("utf-8"))).encode())
    except (FormatError, ValueError):
        raise ApiError("launch.trust_malformed", Kind.CONFLICT) from None


def _admins(node: Node, deployment: Deployment) -> tuple[bytes, ...]:
    """The administrators that the registry on chain names."""
    selector, _inputs, outputs = view_function("PartyRegistry", "admins")
    answer = node.call(deployment.addresses["PartyRegistry"], selector)
    try:
        (found,) = decode(outputs, answer)
    except (DecodingError, ValueError) as error:
        raise NodeError(RpcReason.MALFORMED, "PartyRegistry.admins") from error
    return tuple(bytes.fromhex(str(one).removeprefix("0x")) for one in found)
