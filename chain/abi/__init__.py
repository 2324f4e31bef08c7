"""Compiled contracts: one JSON artefact for each, written by `scripts/compile_contracts`, never by hand.

An artefact `<Name>.json` holds `name`, `abi`, `bytecode` (creation code, without constructor arguments),
`runtime_bytecode` with `immutable_references`, `compiler`, `settings` and `source_hash` (`chain.abi.sources`).
Immutables are zero in `runtime_bytecode` and filled on the chain: deployed code is compared through the trust file.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chain.errors import ChainError, Kind

CONTRACTS = ("PartyRegistry", "CertificateAnchors", "Grants", "ReceiptLog")
"""Names of the contracts, in the order in which they are deployed: each after those that it refers to."""

ARTIFACT_DIR = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract.

    `abi` is the Solidity JSON ABI; `bytecode` the creation code, to which the ABI-encoded constructor arguments are
    appended; `runtime_bytecode` the code as compiled with zero in place of each immutable, of which
    `immutable_references` gives (start, length) in bytes; `source_hash` is 32 bytes, as
    `chain.abi.sources.source_hash` makes it.
    """

    name: str
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes
    runtime_bytecode: bytes
    immutable_references: tuple[tuple[int, int], ...]
    source_hash: bytes
    compiler: str


@cache
def load(name: str) -> Artifact:
    """The artefact of a contract of `CONTRACTS`; raises `ChainError` (`chain.artifact`) if it is absent or broken."""
    path = ARTIFACT_DIR / f"{name}.json"
    if name not in CONTRACTS:
        raise ChainError(f"no contract {name!r}", code="chain.artifact", kind=Kind.INTERNAL)
    try:
        document = json.loads(path.read_text("utf-8"))
        return Artifact(
            name=document["name"],
            abi=tuple(document["abi"]),
            bytecode=bytes.fromhex(document["bytecode"]),
            runtime_bytecode=bytes.fromhex(document["runtime_bytecode"]),
            immutable_references=tuple((start, length) for start, length in document["immutable_references"]),
            source_hash=bytes.fromhex(document["source_hash"]),
            compiler=document["compiler"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ChainError(f"{path.name}: {error}", code="chain.artifact", kind=Kind.INTERNAL) from error
