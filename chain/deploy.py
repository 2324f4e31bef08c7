"""Deployment of the contracts and the trust file that names them. (Skeleton: signatures are final, bodies follow.)"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chain.identity import ChainIdentity
from chain.ports import Node, Signer, TxReceipt


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the contracts stand. `to_json`/`from_json` are the form of chain.json."""

    chain_id: int
    genesis_hash: bytes
    block: int
    addresses: Mapping[str, bytes]
    code_hashes: Mapping[str, bytes]
    engine: str = "embedded"

    def identity(self) -> ChainIdentity:
        """What the indexer must find."""
        raise NotImplementedError

    def to_json(self) -> dict[str, object]:
        """A JSON object, hashes and addresses as 0x-hexadecimal."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, document: Mapping[str, object]) -> "Deployment":
        """Reads `to_json`'s form; FormatError where it is another."""
        raise NotImplementedError


def deploy(
    node: Node,
    deployer: Signer,
    admins: tuple[Signer, Signer],
    operator: bytes,
    *,
    engine: str = "embedded",
    timeout_s: float = 60.0,
) -> Deployment:
    """Deploy the four contracts with two registry administrators, and admit `operator`."""
    raise NotImplementedError


def admit_party(
    node: Node,
    deployment: Deployment,
    admins: tuple[Signer, Signer],
    party: bytes,
    role: int,
    metadata_hash: bytes,
    *,
    timeout_s: float = 60.0,
) -> None:
    """One administrator proposes, the other admits; development helper that waits for both receipts."""
    raise NotImplementedError


def send_and_wait(node: Node, signer: Signer, to: bytes | None, data: bytes, gas: int, timeout_s: float) -> TxReceipt:
    """Development helper: one transaction, awaited. RefusedError where it reverts, NodeError TIMED_OUT where it stays out."""
    raise NotImplementedError


def trust_document(
    deployment: Deployment,
    *,
    log_id: str,
    log_public_key: bytes,
    admins: Sequence[bytes],
    identity_providers: Sequence[Mapping[str, object]],
    validators: Sequence[str] = (),
) -> dict[str, object]:
    """The trust file of docs/formats.md (schema mydata/trust/1)."""
    raise NotImplementedError
