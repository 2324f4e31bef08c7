"""Deployment of the contracts, admission of parties, and the trust file that names all of it.

Each helper sends one transaction and waits for it: fit for setting up a chain, where nothing else uses these keys. What
the service sends afterwards goes through `chain.relay`. A crash half-way leaves contracts that nobody names; deploy
again.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import rlp
from eth_utils.crypto import keccak

from chain import calls
from chain.abi import CONTRACTS
from chain.canonical import Json
from chain.errors import ChainError, Kind, NodeError, RpcReason
from chain.identity import ChainIdentity, ContractIdentity, code_hash
from chain.ports import ADDRESS_BYTES, HASH_BYTES, Node, Signer, TxReceipt
from chain.refusals import RefusedError, refusal
from chain.strict import Fields, hex0x
from chain.trustfile import IdentityProvider, PasskeyParty, TrustedContract, TrustFile, Witnesses

POLL_S = 0.05
REGISTRY = "PartyRegistry"
ROLE_BOOKS = ("CertificateAnchors", "Grants", "ReceiptLog")
"""The contracts that PartyRegistry tells of roles, in the order of its constructor."""
DEPLOYMENT_SCHEMA = "mydata/deployment/1"


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the contracts stand on which chain; `block` is the first that can hold their events.

    `to_json` and `from_json` are the form of chain.json.
    """

    chain_id: int
    genesis_hash: bytes
    block: int
    addresses: Mapping[str, bytes]
    code_hashes: Mapping[str, bytes]
    engine: str = "embedded"

    def identity(self) -> ChainIdentity:
        """What relay and indexer must find on the node."""
        contracts = {name: ContractIdentity(self.addresses[name], self.code_hashes[name]) for name in CONTRACTS}
        return ChainIdentity(self.chain_id, self.genesis_hash, contracts, self.block)

    def to_json(self) -> dict[str, Json]:
        """A JSON object; hashes and addresses as 0x-hexadecimal."""
        return {
            "schema": DEPLOYMENT_SCHEMA,
            "chain_id": self.chain_id,
            "genesis_hash": hex0x(self.genesis_hash),
            "block": self.block,
            "engine": self.engine,
            "contracts": {
                name: {"address": hex0x(self.addresses[name]), "code_hash": hex0x(self.code_hashes[name])}
                for name in CONTRACTS
            },
        }

    @classmethod
    def from_json(cls, document: object) -> "Deployment":
        """Reads `to_json`'s form; FormatError with the JSON pointer where it is another."""
        top = Fields(document, "")
        top.schema(DEPLOYMENT_SCHEMA)
        chain_id = top.integer("chain_id", 1)
        genesis_hash = top.hex("genesis_hash", HASH_BYTES)
        block = top.integer("block", 0)
        engine = top.text("engine", limit=64)
        contracts = top.fields("contracts")
        addresses, code_hashes = {}, {}
        for name in CONTRACTS:
            fields = contracts.fields(name)
            addresses[name] = fields.hex("address", ADDRESS_BYTES)
            code_hashes[name] = fields.hex("code_hash", HASH_BYTES)
            fields.done()
        contracts.done()
        top.done()
        return cls(chain_id, genesis_hash, block, addresses, code_hashes, engine)


def deploy(
    node: Node,
    deployer: Signer,
    admins: tuple[Signer, Signer],
    parties: Sequence[calls.PartyProposal],
    *,
    engine: str = "embedded",
    timeout_s: float = 60.0,
) -> Deployment:
    """Deploy the four contracts under two administrators, who then admit `parties` (the operator among them).

    The administrators are fixed for the life of the registry. Raises what `send_and_wait` raises.
    """
    chain_id = node.chain_id()
    genesis_hash = node.block(0).hash
    # The registry names the contracts that it tells of roles, and they name the registry: so the addresses are those
    # that the deployer's next nonces will give them.
    nonce = node.nonce(deployer.address)
    addresses = {name: created_address(deployer.address, nonce + at) for at, name in enumerate(CONTRACTS)}
    block = 0
    for name in CONTRACTS:
        arguments: tuple[object, ...] = (addresses[REGISTRY],)
        if name == REGISTRY:
            arguments = ([admin.address for admin in admins], *(addresses[book] for book in ROLE_BOOKS))
        receipt = send_and_wait(
            node, deployer, None, calls.creation(name, *arguments), gas=calls.CREATION_GAS, timeout_s=timeout_s
        )
        if receipt.contract_address != addresses[name]:
            raise ChainError(f"{name} is not at its address: is the key used elsewhere?", code="chain.deploy")
        block = block or receipt.block_number
    code_hashes = {name: code_hash(node.code(address)) for name, address in addresses.items()}
    deployment = Deployment(chain_id, genesis_hash, block, addresses, code_hashes, engine)
    for party in parties:
        admit_party(node, deployment, admins, party, timeout_s=timeout_s)
    return deployment


def created_address(creator: bytes, nonce: int) -> bytes:
    """Address of the contract that `creator` creates under `nonce`: the end of keccak over both in RLP."""
    return keccak(rlp.encode([creator, nonce]))[-ADDRESS_BYTES:]


def admit_party(
    node: Node,
    deployment: Deployment,
    admins: tuple[Signer, Signer],
    party: calls.PartyProposal,
    *,
    timeout_s: float = 60.0,
) -> None:
    """The first administrator proposes, the second admits the same content; waits for both. Idempotent.

    Where blocks give way to others a proposal that was mined may be gone a moment later; then it is made again.
    """
    registry = deployment.addresses[REGISTRY]
    deadline = time.monotonic() + timeout_s
    while calls.read_party(node.call(registry, calls.party(party.party_id))).status is calls.PartyStatus.NONE:
        try:
            _propose_and_admit(node, registry, admins, party, timeout_s)
        except RefusedError as refused:
            if refused.name != "NotProposed" or time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)


def _propose_and_admit(
    node: Node, registry: bytes, admins: tuple[Signer, Signer], party: calls.PartyProposal, timeout_s: float
) -> None:
    proposer, admitter = admins
    for signer, data in ((proposer, calls.propose(party)), (admitter, calls.admit(party))):
        try:
            node.call(registry, data, sender=signer.address)
        except NodeError as error:
            if error.reason is not RpcReason.REVERTED:
                raise
            refused = refusal(error.data)
            if refused.already_done:
                continue
            raise refused from error
        send_and_wait(node, signer, registry, data, gas=calls.gas_limit(data), timeout_s=timeout_s)


_NONCE_TAKEN = frozenset({RpcReason.REPLACEMENT, RpcReason.NONCE_TOO_LOW})


def send_and_wait(
    node: Node, signer: Signer, to: bytes | None, data: bytes, *, gas: int, timeout_s: float = 60.0
) -> TxReceipt:
    """One transaction under the signer's next mined nonce, awaited.

    Where that nonce is still taken (a block that held an earlier transaction gave way to another: it waits in the
    pool again, or was mined again since the nonce was read) it waits for that one and takes the next.

    Raises ChainError (`chain.deploy`) where it is mined and fails, NodeError (TIMED_OUT) where it is not mined in time.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        tx = signer.sign_transaction(
            chain_id=node.chain_id(), nonce=node.nonce(signer.address), to=to, data=data, gas=gas, gas_price=0
        )
        try:
            node.send_raw(tx.raw)
            break
        except NodeError as error:
            if error.reason is RpcReason.ALREADY_KNOWN or _receipt(node, tx.tx_hash) is not None:
                break  # the same bytes came there before, and were given back to the pool or mined
            if error.reason not in _NONCE_TAKEN or time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)
    while (receipt := _receipt(node, tx.tx_hash)) is None:
        if time.monotonic() > deadline:
            raise NodeError(RpcReason.TIMED_OUT, f"0x{tx.tx_hash.hex()} is not mined after {timeout_s} s")
        time.sleep(POLL_S)
    if not receipt.succeeded:
        raise ChainError(f"0x{tx.tx_hash.hex()} failed with {receipt.gas_used} of {gas} gas", code="chain.deploy")
    return receipt


def _receipt(node: Node, tx_hash: bytes) -> TxReceipt | None:
    """None as well where the node does not answer just now: it may still be starting, and the sender waits anyway."""
    try:
        return node.receipt(tx_hash)
    except NodeError as error:
        if error.kind is not Kind.UNAVAILABLE:
            raise
        return None


def trust_document(
    deployment: Deployment,
    *,
    log_public_key: bytes,
    admins: Sequence[bytes],
    identity_providers: Sequence[IdentityProvider],
    validators: Sequence[str] = (),
    passkeys: Sequence[PasskeyParty] = (),
    witnesses: Witnesses | None = None,
) -> dict[str, Json]:
    """The trust file of docs/formats.md (schema mydata/trust/1); `chain.canonical.canonical` makes its bytes."""
    return TrustFile(
        chain_id=deployment.chain_id,
        genesis_hash=deployment.genesis_hash,
        engine=deployment.engine,
        contracts={
            name: TrustedContract(deployment.addresses[name], deployment.code_hashes[name]) for name in CONTRACTS
        },
        registry_admins=frozenset(admins),
        log_public_key=log_public_key,
        identity_providers=tuple(identity_providers),
        validators=tuple(validators),
        passkeys=tuple(passkeys),
        witnesses=witnesses,
    ).to_json()
