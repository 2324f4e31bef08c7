"""No function, event or refusal of a contract is left out of these tests."""

import re
from pathlib import Path

import pytest

from chain.abi import CONTRACTS, load

SOURCES = "\n".join(
    path.read_text("utf-8")
    for path in sorted(Path(__file__).parent.glob("test_*.py"))
    if path.name not in {"test_complete.py", "test_fuzz.py", "test_invariants.py"}
)
# From OpenZeppelin's EIP712 and ECDSA: descriptions of the domain, and errors that `tryRecover` returns, never raises.
INHERITED = {"eip712Domain", "EIP712DomainChanged", "InvalidShortString", "StringTooLong"}
INHERITED |= {"ECDSAInvalidSignature", "ECDSAInvalidSignatureLength", "ECDSAInvalidSignatureS"}


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("kind", ["function", "event", "error"])
def test_every_name_is_tested(contract: str, kind: str) -> None:
    names = {entry["name"] for entry in load(contract).abi if entry["type"] == kind} - INHERITED
    assert names
    assert {name for name in names if not re.search(rf'"{name}"', SOURCES)} == set()
