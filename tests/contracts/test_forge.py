"""Foundry finds nothing in the contracts by fuzzing and by invariants, and finds what is planted; see scripts/forge."""

from pathlib import Path

import pytest

from chain.abi import compile as compiling
from tests.contracts.forge.__main__ import lay_out, run
from tests.contracts.test_invariants import FAULTS

PLANTED = {
    "a revocation is undone": "CertificateAnchors",
    "a root is anchored twice": "CertificateAnchors",
    "the last word is open": "CertificateAnchors",
    "an ended grant resumes": "Grants",
    "any number counts": "Grants",
    "one person is enough": "PartyRegistry",
    "the head is not compared": "ReceiptLog",
    "short proofs pass": "ReceiptLog",
}


@pytest.fixture(scope="module")
def forge() -> Path:
    found = sorted((compiling.BUILD_DIR.parent / "forge" / "node_modules" / "@foundry-rs").glob("forge-*/bin/forge"))
    if not found:
        pytest.skip("forge is not installed; scripts/forge fetches it through npm")
    return found[0]


def laid_out(folder: Path, fault: str = "") -> None:
    altered = {PLANTED[fault]: FAULTS[fault][1:]} if fault else None
    try:
        lay_out(folder, altered, runs=300)
    except compiling.CompileError as missing:
        pytest.skip(missing.detail)


@pytest.mark.full
def test_the_contracts_stand_and_what_is_planted_falls(forge: Path, tmp_path: Path) -> None:
    laid_out(tmp_path)
    done = run(forge, tmp_path)
    assert done.returncode == 0, done.stdout[-4000:]
    missed = []
    for fault, contract in PLANTED.items():
        laid_out(tmp_path, fault)
        done = run(forge, tmp_path, "--match-path", f"test/{contract}.t.sol")
        assert "Compiler run failed" not in done.stdout + done.stderr, done.stderr[-2000:]
        if done.returncode == 0:
            missed.append(fault)
    assert missed == []
