"""The committed artefacts are those of the committed sources."""

import hashlib
import json
import shutil

import pytest

from chain.abi import ARTIFACT_DIR, CONTRACTS, load
from chain.abi import compile as compiling
from chain.abi.sources import CONTRACTS_DIR, LIST_FILE, LOCK_FILE, PROJECT_DIR, source_files, source_hash, source_list
from chain.errors import ChainError


@pytest.mark.parametrize("name", CONTRACTS)
def test_artifact_names_the_hash_of_the_sources(name: str) -> None:
    artifact = load(name)
    assert artifact.source_hash == source_hash()
    assert artifact.name == name
    assert artifact.compiler.startswith("0.8.29+commit.")
    assert len(artifact.bytecode) > len(artifact.runtime_bytecode) > 1000
    assert all(length == 32 for _, length in artifact.immutable_references)


def test_source_list_is_current_and_readable_by_sha256sum() -> None:
    text = (ARTIFACT_DIR / LIST_FILE).read_text("utf-8")
    assert text == source_list()
    for line in text.splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((PROJECT_DIR / name).read_bytes()).hexdigest() == digest


def test_source_hash_notices_a_changed_source_and_a_changed_lock(tmp_path) -> None:
    copy = tmp_path / "contracts"
    shutil.copytree(CONTRACTS_DIR, copy)
    assert source_hash(copy) == source_hash()
    for name in ("Grants.sol", LOCK_FILE):
        before = (copy / name).read_bytes()
        (copy / name).write_bytes(before + b"\n")
        assert source_hash(copy) != source_hash()
        (copy / name).write_bytes(before)
    assert source_hash(copy) == source_hash()


def test_every_source_is_under_the_same_rules() -> None:
    for path in source_files():
        if path.suffix == ".sol":
            text = path.read_text("utf-8")
            assert text.startswith("// SPDX-License-Identifier: Apache-2.0\npragma solidity 0.8.29;\n"), path.name
            code = "\n".join(line.split("//")[0] for line in text.splitlines())
            assert code.count("assembly") == (1 if path.name == "Rfc6962.sol" else 0), path.name
            assert "delegatecall" not in text, path.name
            assert "require(" not in text, path.name


def test_lock_pins_the_library_and_the_compiler() -> None:
    packages = json.loads((CONTRACTS_DIR / LOCK_FILE).read_text("utf-8"))["packages"]
    assert packages["node_modules/@openzeppelin/contracts"]["version"] == "5.0.2"
    assert packages["node_modules/solc"]["version"] == "0.8.29"
    assert all(entry["integrity"].startswith("sha512-") for name, entry in packages.items() if name)


def test_unknown_artifact_is_a_named_error() -> None:
    with pytest.raises(ChainError) as error:
        load("../secrets")
    assert error.value.code == "chain.artifact"


def test_damaged_artifact_is_a_named_error(tmp_path, monkeypatch) -> None:
    text = (ARTIFACT_DIR / "Grants.json").read_text("utf-8")
    (tmp_path / "Grants.json").write_text(text[:-100], "utf-8")
    monkeypatch.setattr("chain.abi.ARTIFACT_DIR", tmp_path)
    with pytest.raises(ChainError) as error:
        load.__wrapped__("Grants")
    assert error.value.code == "chain.artifact"


@pytest.mark.full
def test_recompiling_gives_the_committed_bytes() -> None:
    try:
        files = compiling.compile_contracts()
    except compiling.CompileError as error:
        if error.kind is not compiling.CompileError.kind:
            raise  # the contracts themselves are at fault
        pytest.skip(f"cannot compile here: {error.detail}")
    assert sorted(files) == sorted([*(f"{name}.json" for name in CONTRACTS), LIST_FILE])
    assert compiling.differences(files) == []


def test_a_difference_is_noticed(tmp_path) -> None:
    (tmp_path / "A.json").write_text("old", "utf-8")
    assert compiling.differences({"A.json": "new", "B.json": ""}, tmp_path) == ["A.json", "B.json"]
    assert compiling.differences({"A.json": "old"}, tmp_path) == []
