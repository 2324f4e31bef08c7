"""The engines as processes: started, stopped, started twice, started wrongly."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.nodes import accounts, contracts, engines


def devnet(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "devnet", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | environment,
    )


@pytest.mark.slow
def test_a_stopped_chain_goes_on_where_it_was(tmp_path):
    with engines.embedded(tmp_path) as engine:
        contract, owner = accounts.deploy(engine)
        genesis = engine.rpc("dev_status")["genesisHash"]
        head = engine.rpc("eth_getBlockByNumber", "latest", False)
        assert engine.stop() == 0
    with engines.embedded(tmp_path) as engine:
        assert engine.rpc("eth_getBlockByNumber", "latest", False) == head
        assert engine.rpc("dev_status")["genesisHash"] == genesis
        raw, tx_hash = accounts.sign(owner, 1, to=contract, data="0x" + contracts.word(5).hex())
        engine.rpc("eth_sendRawTransaction", raw)
        assert engine.receipt(tx_hash)["status"] == "0x1"
        reopened = engine.rpc("eth_getBlockByNumber", "latest", False)
        assert reopened["parentHash"] == head["hash"]


@pytest.mark.slow
def test_a_directory_serves_one_process(tmp_path):
    with engines.embedded(tmp_path) as engine:
        second = devnet("embedded", "--data", str(tmp_path), "--port", "0")
        assert second.returncode == os.EX_TEMPFAIL
        assert second.stderr == f"error: {tmp_path} is in use by process {engine.process.pid}\n"
        assert engine.rpc("eth_chainId") == "0xbdb29"


@pytest.mark.slow
def test_a_chain_keeps_its_id(tmp_path):
    with engines.embedded(tmp_path, chain_id=31_337) as engine:
        assert engine.rpc("eth_chainId") == hex(31_337)
    refused = devnet("embedded", "--data", str(tmp_path), "--port", "0")
    assert refused.returncode == 1
    assert "has id 31337, not 777001" in refused.stderr


def test_a_database_of_another_version_is_refused(tmp_path):
    import sqlite3

    database = sqlite3.connect(tmp_path / "chain.sqlite3")
    database.execute("pragma user_version=99")
    database.close()
    refused = devnet("embedded", "--data", str(tmp_path), "--port", "0")
    assert refused.returncode == 1
    assert "schema version 99" in refused.stderr


@pytest.mark.slow
def test_a_taken_port_is_told(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = devnet("embedded", "--data", str(tmp_path), "--port", str(taken.getsockname()[1]))
    assert refused.returncode == 1
    assert refused.stderr.endswith("Address already in use\n")


@pytest.mark.slow
def test_only_loopback_is_reached_unless_told_otherwise(tmp_path):
    with engines.embedded(tmp_path) as engine:
        port = int(engine.url.rsplit(":", 1)[1])
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
        listening = {row[1] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A"}
        assert listening == {f"0100007F:{port:04X}"}


@pytest.mark.parametrize(
    "wrong", [["--port", "70000"], ["--port", "x"], ["--interval", "-1"], ["--interval", "nan"], ["--chain-id", "0"]]
)
def test_wrong_arguments_are_told(tmp_path, wrong):
    refused = devnet("embedded", "--data", str(tmp_path), "--port", "0", *wrong)
    assert refused.returncode == 2
    assert wrong[0] in refused.stderr


def test_a_missing_anvil_is_told():
    refused = devnet("anvil", "--port", "0", ANVIL="/nowhere/anvil")
    assert refused.returncode == 1
    assert refused.stderr == "error: ANVIL names /nowhere/anvil, which is no executable file\n"


def test_an_anvil_that_fails_is_told(tmp_path):
    program = tmp_path / "anvil"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    refused = devnet("anvil", "--port", "0", ANVIL=str(program))
    assert refused.returncode == 1
    assert refused.stderr.endswith("error: anvil ended with code 3\n")


@pytest.mark.slow
def test_stopping_the_launcher_stops_anvil():
    if (reason := engines.anvil_missing()) is not None:
        pytest.skip(reason)
    engine = engines.start_anvil()
    assert engine.stop() == 0
    with pytest.raises(OSError, match="refused"):
        engine.rpc("eth_chainId")


@pytest.mark.slow
def test_interval_mining_gathers_transactions(tmp_path):
    with engines.embedded(tmp_path, interval_s=0.5) as engine:
        account = accounts.fresh()
        signed = [accounts.sign(account, nonce, to=account.address) for nonce in range(5)]
        for raw, _ in signed:
            engine.rpc("eth_sendRawTransaction", raw)
        assert engine.rpc("eth_getTransactionByHash", signed[0][1])["blockNumber"] is None
        assert {engine.receipt(tx_hash)["blockNumber"] for _, tx_hash in signed} == {"0x1"}


@pytest.mark.slow
def test_an_anvil_that_forgets_to_mine_is_reminded() -> None:
    """What it misses by itself cannot be had at will: here mining on arrival is off, and on again with one ready."""
    if (reason := engines.anvil_missing()) is not None:
        pytest.skip(reason)
    with engines.anvil_engine() as engine:
        account = accounts.fresh()
        engine.rpc("evm_setAutomine", False)
        raw, tx_hash = accounts.sign(account, 0, to=account.address)
        engine.rpc("eth_sendRawTransaction", raw)
        time.sleep(3.0)
        assert engine.rpc("eth_blockNumber") == "0x0", "a pause that was asked for is left alone"
        engine.rpc("evm_setAutomine", True)
        assert engine.receipt(tx_hash)["blockNumber"] == "0x1"
