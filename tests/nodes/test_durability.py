"""SIGKILL at any moment: whatever was answered as mined is there afterwards, events included."""

import random
import threading
import time
from http.client import HTTPException

import pytest

from tests.nodes import accounts, contracts, engines


class Load:
    """Sends in batches from one key and remembers every receipt that was answered."""

    def __init__(self, contract: str) -> None:
        self.contract = contract
        self.answered: dict[str, dict] = {}
        self.sent = 0

    def run(self, engine: engines.Engine) -> None:
        """Until the node is gone."""
        account = accounts.fresh()
        nonce = 0
        waiting: list[str] = []
        try:
            while True:
                signed = [
                    accounts.sign(account, nonce + i, to=self.contract, data="0x" + contracts.word(nonce + i).hex())
                    for i in range(10)
                ]
                nonce += len(signed)
                engine.batch([("eth_sendRawTransaction", [raw]) for raw, _ in signed])
                self.sent += len(signed)
                waiting += [tx_hash for _, tx_hash in signed]
                receipts = engine.batch([("eth_getTransactionReceipt", [tx_hash]) for tx_hash in waiting[:200]])
                self.answered |= {receipt["transactionHash"]: receipt for receipt in receipts if receipt is not None}
                waiting = [tx_hash for tx_hash in waiting if tx_hash not in self.answered]
        except (OSError, HTTPException, engines.EngineFailedError, ValueError):
            return  # killed


def check(engine: engines.Engine, answered: dict[str, dict], contract: str) -> None:
    head = int(engine.rpc("eth_blockNumber"), 16)
    hashes = list(answered)
    for start in range(0, len(hashes), 500):
        part = hashes[start : start + 500]
        again = engine.batch([("eth_getTransactionReceipt", [tx_hash]) for tx_hash in part])
        assert again == [answered[tx_hash] for tx_hash in part]
    found = {}
    for first in range(0, head + 1, 200):
        wanted = {"fromBlock": hex(first), "toBlock": hex(first + 199), "address": contract}
        found |= {entry["transactionHash"]: entry for entry in engine.rpc("eth_getLogs", wanted)}
    assert all(found[tx_hash] == receipt["logs"][0] for tx_hash, receipt in answered.items())
    # And whatever stands in a block stands there whole: header, body, receipts, events.
    for number in range(max(1, head - 5), head + 1):
        block = engine.rpc("eth_getBlockByNumber", hex(number), True)
        receipts = engine.rpc("eth_getBlockReceipts", hex(number))
        assert [entry["hash"] for entry in block["transactions"]] == [entry["transactionHash"] for entry in receipts]
        assert sum(int(entry["gasUsed"], 16) for entry in receipts) == int(block["gasUsed"], 16)


def kill_and_reopen(data_dir, kills: int, longest_s: float) -> int:
    chance = random.Random(11)
    engine = engines.start_embedded(data_dir)
    load = Load(accounts.deploy(engine)[0])
    for _ in range(kills):
        thread = threading.Thread(target=load.run, args=(engine,))
        thread.start()
        time.sleep(chance.uniform(0.2, longest_s))
        engine.kill()
        thread.join()
        engine = engines.start_embedded(data_dir)
        check(engine, load.answered, load.contract)
    engine.stop()
    return len(load.answered)


@pytest.mark.slow
def test_a_kill_loses_no_answered_receipt(tmp_path):
    assert kill_and_reopen(tmp_path, kills=3, longest_s=0.8) > 3


@pytest.mark.full
def test_many_kills_lose_no_answered_receipt(tmp_path):
    assert kill_and_reopen(tmp_path, kills=40, longest_s=1.5) > 100


@pytest.mark.full
def test_memory_stays_bounded(tmp_path):
    """Aim: 200 MB resident after thousands of transactions and reads across the whole chain."""
    with engines.embedded(tmp_path) as engine:
        load = Load(accounts.deploy(engine)[0])
        thread = threading.Thread(target=load.run, args=(engine,), daemon=True)
        thread.start()
        deadline = time.monotonic() + 300
        while load.sent <= 3_000 and time.monotonic() < deadline:
            time.sleep(0.5)
        resident = engine.rss_bytes
        engine.kill()
        thread.join()
    assert load.sent > 3_000
    assert resident < 200e6
