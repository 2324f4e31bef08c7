"""SIGKILL at every step of making a block: it is there whole or not at all, and what was answered stays."""

import subprocess
import sys
import time
from contextlib import suppress
from http.client import HTTPException

import pytest

from tests.nodes import accounts, contracts, engines
from tests.nodes.dying import POINTS

DURABLE = {"committed", "shown"}


def start_dying(point, folder, trigger):
    ready = folder / "ready"
    line = [sys.executable, "-m", "tests.nodes.dying", point, str(trigger), "embedded", "--data", str(folder / "chain")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*line, "--port", "0", "--ready-file", str(ready)], stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + engines.START_S * 2
    while not ready.exists():
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return engines.Engine("embedded", ready.read_text(), engines.CHAIN_ID, process, folder / "log")


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_block_is_there_whole_or_not_at_all(tmp_path, point):
    trigger = tmp_path / "now"
    engine = start_dying(point, tmp_path, trigger)
    contract, owner = accounts.deploy(engine)
    answered = {}
    for nonce in range(1, 4):
        raw, tx_hash = accounts.sign(owner, nonce, to=contract, data="0x" + contracts.word(nonce).hex())
        engine.rpc("eth_sendRawTransaction", raw)
        answered[tx_hash] = engine.receipt(tx_hash)
    head = int(engine.rpc("eth_blockNumber"), 16)
    trigger.touch()
    last = [accounts.sign(owner, nonce, to=contract, data="0x" + contracts.word(nonce).hex()) for nonce in range(4, 9)]
    with suppress(OSError, HTTPException, engines.EngineFailedError):  # the answer may or may not come before its end
        engine.batch([("eth_sendRawTransaction", [raw]) for raw, _ in last])
    assert engine.process.wait(30) == -9

    with engines.embedded(tmp_path / "chain") as again:
        for tx_hash, receipt in answered.items():
            assert again.rpc("eth_getTransactionReceipt", tx_hash) == receipt
        found = [again.rpc("eth_getTransactionReceipt", tx_hash) for _, tx_hash in last]
        mined = [receipt for receipt in found if receipt is not None]
        events = again.rpc("eth_getLogs", {"fromBlock": hex(head), "toBlock": "latest", "address": contract})
        events = [event for event in events if int(event["blockNumber"], 16) > head]
        assert [event["transactionHash"] for event in events] == [receipt["transactionHash"] for receipt in mined]
        assert int(again.rpc("eth_blockNumber"), 16) == head + (point in DURABLE)
        assert bool(mined) is (point in DURABLE)
        # What is not there is sent again, and all stand once.
        again.batch([("eth_sendRawTransaction", [raw]) for raw, _ in last])
        for _, tx_hash in last:
            assert again.receipt(tx_hash)["status"] == "0x1"
        assert int(again.rpc("eth_getTransactionCount", owner.address, "latest"), 16) == 9


@pytest.mark.slow
def test_a_node_that_answers_before_it_commits_would_be_seen(tmp_path):
    """The planted fault: a receipt is answered, the process is killed, and the receipt is gone."""
    trigger = tmp_path / "now"
    engine = start_dying("lying", tmp_path, trigger)
    contract, owner = accounts.deploy(engine)
    trigger.touch()
    raw, tx_hash = accounts.sign(owner, 1, to=contract, data="0x" + contracts.word(1).hex())
    engine.rpc("eth_sendRawTransaction", raw)
    time.sleep(1.0)
    engine.kill()
    with engines.embedded(tmp_path / "chain") as again:
        assert again.rpc("eth_getTransactionReceipt", tx_hash) is None
