"""The files of a besu network: what besu would read is what was meant. besu itself is not run here."""

import json
import subprocess
import tomllib

import pytest
import rlp
from eth_keys.datatypes import PrivateKey

from devnet import besu
from devnet.__main__ import main

ACCOUNTS = ["0x" + "11" * 20, "0x" + "22" * 20]


@pytest.fixture
def folder(tmp_path):
    where = tmp_path / "net"
    line = ["besu", "--data", str(where), "--nodes", "5", "--port", "9000", "--chain-id", "4711", "--interval", "2"]
    assert main([*line, *(part for account in ACCOUNTS for part in ("--account", account))]) == 0
    return where


def test_the_genesis_names_the_validators_whose_keys_the_nodes_have(folder):
    genesis = json.loads((folder / "genesis.json").read_text())
    vanity, validators, vote, around, seals = rlp.decode(bytes.fromhex(genesis["extraData"][2:]))
    assert (len(vanity), vote, around, seals) == (32, [], b"", [])
    keys = [PrivateKey(bytes.fromhex((folder / f"node{n}" / "key").read_text()[2:])) for n in range(5)]
    assert sorted(key.public_key.to_canonical_address() for key in keys) == validators
    assert genesis["config"]["chainId"] == 4711
    assert genesis["config"]["zeroBaseFee"] is True
    assert genesis["config"]["qbft"]["blockperiodseconds"] == 2
    assert genesis["alloc"] == {}
    for number in range(5):
        assert (folder / f"node{number}" / "key").stat().st_mode & 0o077 == 0


def test_every_node_knows_the_others_and_lets_nobody_else_in(folder):
    nodes = [folder / f"node{number}" for number in range(5)]
    enodes = tomllib.loads((nodes[0] / "permissions.toml").read_text())["nodes-allowlist"]
    assert len(set(enodes)) == 5
    for number, node in enumerate(nodes):
        permissions = tomllib.loads((node / "permissions.toml").read_text())
        assert permissions == {"nodes-allowlist": enodes, "accounts-allowlist": ACCOUNTS}
        public = PrivateKey(bytes.fromhex((node / "key").read_text()[2:])).public_key.to_bytes().hex()
        assert enodes[number] == f"enode://{public}@127.0.0.1:{30303 + number}"
        assert json.loads((node / "static-nodes.json").read_text()) == [e for e in enodes if e != enodes[number]]
        options = tomllib.loads((node / "config.toml").read_text())
        assert (options["rpc-http-port"], options["p2p-port"]) == (9000 + number, 30303 + number)
        assert (options["min-gas-price"], options["tx-pool"]) == (0, "sequenced")
        for name in ("genesis-file", "node-private-key-file", "static-nodes-file", "permissions-nodes-config-file"):
            assert (folder / options[name]).is_file(), name


def test_nothing_is_written_over_and_three_are_too_few(folder, tmp_path):
    before = (folder / "genesis.json").read_bytes()
    assert main(["besu", "--data", str(folder)]) == 1
    assert (folder / "genesis.json").read_bytes() == before
    with pytest.raises(besu.BesuConfigError):
        besu.write(tmp_path / "few", nodes=3)


def test_anybody_may_send_where_no_account_is_named(tmp_path):
    besu.write(tmp_path / "open")
    assert set(tomllib.loads((tmp_path / "open" / "node0" / "permissions.toml").read_text())) == {"nodes-allowlist"}
    options = tomllib.loads((tmp_path / "open" / "node0" / "config.toml").read_text())
    assert options["permissions-accounts-config-file-enabled"] is False


def test_the_start_script_runs_every_node_and_ends_with_them(folder, tmp_path):
    """With a besu that only notes how it was called."""
    home = tmp_path / "besu"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "besu").write_text('#!/bin/sh\necho "$@"\n')
    (home / "bin" / "besu").chmod(0o755)
    done = subprocess.run(
        [str(folder / "start")], env={"BESU_HOME": str(home), "PATH": "/usr/bin:/bin"}, check=False, timeout=60
    )
    assert done.returncode == 1  # they all end at once, which it says
    for number in range(5):
        assert (folder / f"node{number}" / "log").read_text() == f"--config-file=node{number}/config.toml\n"
    without = subprocess.run([str(folder / "start")], env={"PATH": "/usr/bin:/bin"}, check=False, capture_output=True)
    assert without.returncode != 0
    assert b"BESU_HOME" in without.stderr


def test_the_compose_file_runs_every_node_by_its_own_configuration(folder):
    text = (folder / "compose.yaml").read_text()
    for number in range(5):
        assert (
            f"  node{number}:\n    image: {besu.IMAGE}\n    command: [--config-file=node{number}/config.toml]\n" in text
        )
