"""Each contract beside its model, in random orders of calls; and the same with a planted fault, which must be found."""

import json
from typing import Any

import pytest
import solcx
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from chain.abi import Artifact, load
from chain.abi import compile as compiling
from chain.abi.sources import SETTINGS
from tests.contracts.conftest import World, deploy_world
from tests.contracts.machines.anchors import AnchorsMachine
from tests.contracts.machines.base import Machine
from tests.contracts.machines.grants import GrantsMachine
from tests.contracts.machines.log import LogMachine
from tests.contracts.machines.registry import RegistryMachine

MACHINES: dict[str, type[Machine]] = {
    "CertificateAnchors": AnchorsMachine,
    "Grants": GrantsMachine,
    "PartyRegistry": RegistryMachine,
    "ReceiptLog": LogMachine,
}

# One line of a contract as somebody might write it wrongly, and the line as it is.
FAULTS: dict[str, tuple[str, str, str]] = {
    "anybody's role will do": (
        "CertificateAnchors",
        "if (roleOf[account] != IPartyRegistry.Role.Department)",
        "if (roleOf[account] == IPartyRegistry.Role.Operator)",
    ),
    "a root is anchored twice": ("CertificateAnchors", "if (batches[root] != 0)", "if (batches[root] == 1)"),
    "the last word is open": ("CertificateAnchors", "mask >> (size & 0xff) != 0", "mask >> (size & 0xff) == 1"),
    "a revocation is undone": ("CertificateAnchors", "[word] = before | mask;", "[word] = before ^ mask;"),
    "any number counts": ("Grants", "if (seq != slot.seq)", "if (seq == 77)"),
    "an ended grant resumes": ("Grants", "(from == Status.Paused &&", "(from != Status.Active &&"),
    "lifting a suspension revives": (
        "Grants",
        "_grants[id].flags = slot.flags ^ SUSPENDED;",
        "_grants[id].flags = suspended ? slot.flags | SUSPENDED : uint8(Status.Active);",
    ),
    "one person is enough": (
        "PartyRegistry",
        "if (proposer == msg.sender) revert",
        "if (proposer == address(0)) revert",
    ),
    "proposals never expire": (
        "PartyRegistry",
        "if (block.timestamp > open.until) revert",
        "if (open.until == 0) revert",
    ),
    "a suspension is not told": (
        "PartyRegistry",
        "_accounts[p.account].active = false;\n            _tell(p.account, p.role, false);",
        "_accounts[p.account].active = false;",
    ),
    "a retired account is free again": (
        "PartyRegistry",
        "if (accountHolder != 0) revert",
        "if (accountHolder == bytes32(uint256(1))) revert",
    ),
    "the head is not compared": ("ReceiptLog", "|| prevRoot != root", "|| prevRoot == 0"),
    "short proofs pass": (
        "ReceiptLog",
        "if (!Rfc6962.isConsistent(",
        "if (proof.length > 9 && !Rfc6962.isConsistent(",
    ),
    "an epoch by one person": (
        "ReceiptLog",
        "if (open.proposer == msg.sender) revert",
        "if (open.proposer == address(0)) revert",
    ),
}


def run(machine: type[Machine], world: World, *, examples: int, steps: int) -> None:
    chosen = type(machine.__name__, (machine,), {"deployed": world})
    run_state_machine_as_test(
        chosen,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        ),
    )


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize(
    ("examples", "steps"),
    [
        (2, 20),
        pytest.param(20, 40, marks=pytest.mark.slow),
        pytest.param(40, 60, marks=pytest.mark.full),
        pytest.param(300, 60, marks=pytest.mark.soak),
    ],
)
def test_contract_and_model_agree(deployed: World, name: str, examples: int, steps: int) -> None:
    run(MACHINES[name], deployed, examples=examples, steps=steps)


def altered(contract: str, right: str, wrong: str) -> Artifact:
    """The contract compiled with that one change; skips where there is no compiler."""
    try:
        modules = compiling.fetch_packages()
        binary = compiling.npm_compiler(modules)
    except compiling.CompileError as missing:
        pytest.skip(missing.detail)
    sources = compiling.collect_sources(modules)
    text = sources[f"contracts/{contract}.sol"]["content"]
    assert text.count(right) == 1, f"{right!r} stands {text.count(right)} times in {contract}"
    sources[f"contracts/{contract}.sol"] = {"content": text.replace(right, wrong)}
    wanted = {f"contracts/{contract}.sol": {contract: ["abi", "evm.bytecode.object"]}}
    request: dict[str, Any] = {
        "language": "Solidity",
        "sources": sources,
        "settings": {**SETTINGS, "viaIR": False, "outputSelection": wanted},
    }
    made = solcx.compile_standard(request, solc_binary=binary)["contracts"][f"contracts/{contract}.sol"][contract]
    known = load(contract)
    assert json.dumps(made["abi"], sort_keys=True) == json.dumps(known.abi, sort_keys=True)
    return Artifact(
        name=contract,
        compiler=known.compiler,
        source_hash=known.source_hash,
        abi=known.abi,
        bytecode=bytes.fromhex(made["evm"]["bytecode"]["object"]),
        runtime_bytecode=b"",
        immutable_references=(),
    )


@pytest.mark.full
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str) -> None:
    contract, right, wrong = FAULTS[fault]
    world = deploy_world({contract: altered(contract, right, wrong)})
    with pytest.raises(AssertionError):
        run(MACHINES[contract], world, examples=120, steps=50)
