"""eth_getLogs: ranges, addresses, topics with null and lists."""

import pytest

from tests.nodes import accounts, contracts
from tests.nodes.engines import RpcRefusedError

RECORDED = "0x" + contracts.RECORDED.hex()


def topic(number: int) -> str:
    return "0x" + contracts.word(number).hex()


@pytest.fixture(scope="module")
def history(engine):
    """Two contracts; the first recorded 1, 2, 3 in three blocks, the second 2."""
    first, owner = accounts.deploy(engine)
    second, other = accounts.deploy(engine)
    heights = []
    for nonce, number in enumerate((1, 2, 3), 1):
        raw, tx_hash = accounts.sign(owner, nonce, to=first, data=topic(number))
        engine.rpc("eth_sendRawTransaction", raw)
        heights.append(int(engine.receipt(tx_hash)["blockNumber"], 16))
    raw, tx_hash = accounts.sign(other, 1, to=second, data=topic(2))
    engine.rpc("eth_sendRawTransaction", raw)
    heights.append(int(engine.receipt(tx_hash)["blockNumber"], 16))
    return engine, first, second, heights


def numbers(engine, **wanted) -> list[int]:
    found = engine.rpc("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", **wanted})
    order = [(int(entry["blockNumber"], 16), int(entry["logIndex"], 16)) for entry in found]
    assert order == sorted(order)
    return [int(entry["data"], 16) for entry in found]


def test_by_address_and_by_list_of_addresses(history):
    engine, first, second, _ = history
    assert numbers(engine, address=first) == [1, 2, 3]
    assert numbers(engine, address=[second]) == [2]
    assert numbers(engine, address=[first, second]) == [1, 2, 3, 2]
    assert numbers(engine, address=accounts.fresh().address) == []


def test_by_range_of_blocks(history):
    engine, first, _, heights = history
    assert numbers(engine, address=first, fromBlock=hex(heights[1]), toBlock=hex(heights[1])) == [2]
    assert numbers(engine, address=first, fromBlock=hex(heights[1])) == [2, 3]
    assert numbers(engine, address=first, toBlock=hex(heights[0])) == [1]
    assert numbers(engine, address=first, toBlock=hex(heights[0] - 1)) == []
    assert numbers(engine, address=first, fromBlock="earliest", toBlock="latest") == [1, 2, 3]


def test_by_topics_with_null_and_lists(history):
    engine, first, second, _ = history
    both = [first, second]
    assert numbers(engine, address=both, topics=[RECORDED]) == [1, 2, 3, 2]
    assert numbers(engine, address=both, topics=[None, topic(2)]) == [2, 2]
    assert numbers(engine, address=both, topics=[RECORDED, [topic(1), topic(3)]]) == [1, 3]
    assert numbers(engine, address=first, topics=[[RECORDED, topic(9)], topic(3)]) == [3]
    assert numbers(engine, address=both, topics=[topic(2)]) == []
    assert numbers(engine, address=both, topics=[]) == [1, 2, 3, 2]
    assert numbers(engine, address=both, topics=[None, None]) == [1, 2, 3, 2]
    assert numbers(engine, address=both, topics=[None, [topic(1), None]]) == [1, 2, 3, 2]


def test_more_places_than_topics_match_nothing(history):
    engine, first, _, _ = history
    assert numbers(engine, address=first, topics=[RECORDED, None, topic(1)]) == []
    if engine.name == "embedded":  # as geth; anvil takes an empty place for no place
        assert numbers(engine, address=first, topics=[RECORDED, None, None]) == []


def test_by_block_hash(history):
    engine, first, _, heights = history
    block_hash = engine.rpc("eth_getBlockByNumber", hex(heights[2]), False)["hash"]
    (entry,) = engine.rpc("eth_getLogs", {"blockHash": block_hash, "address": first})
    assert int(entry["data"], 16) == 3
    assert entry["blockHash"] == block_hash
    assert entry["removed"] is False
    with pytest.raises(RpcRefusedError):
        engine.rpc("eth_getLogs", {"blockHash": block_hash, "fromBlock": "0x0"})


def test_events_of_one_block_are_numbered_through(engine, recorder):
    account = accounts.fresh()
    signed = [accounts.sign(account, nonce, to=recorder, data=topic(1000 + nonce)) for nonce in range(8)]
    engine.batch([("eth_sendRawTransaction", [raw]) for raw, _ in signed])
    receipts = [engine.receipt(tx_hash) for _, tx_hash in signed]
    shown = [entry for receipt in receipts for entry in receipt["logs"]]
    wanted = {"fromBlock": receipts[0]["blockNumber"], "toBlock": receipts[-1]["blockNumber"], "address": recorder}
    keys = ("blockHash", "transactionHash", "transactionIndex", "logIndex", "data", "topics")
    found = engine.rpc("eth_getLogs", wanted)
    assert [[entry[key] for key in keys] for entry in found] == [[entry[key] for key in keys] for entry in shown]


def test_the_bloom_admits_the_events(engine, recorder):
    from eth_bloom import BloomFilter

    raw, tx_hash = accounts.sign(accounts.fresh(), 0, to=recorder, data=topic(4))
    engine.rpc("eth_sendRawTransaction", raw)
    receipt = engine.receipt(tx_hash)
    block = engine.rpc("eth_getBlockByNumber", receipt["blockNumber"], False)
    for bloom in (receipt["logsBloom"], block["logsBloom"]):
        assert contracts.RECORDED in BloomFilter(int(bloom, 16))
        assert bytes.fromhex(recorder[2:]) in BloomFilter(int(bloom, 16))


@pytest.mark.parametrize(
    "wanted",
    [
        {"topics": [None] * 5},
        {"topics": "0x"},
        {"topics": ["0x12"]},
        {"address": "0x12"},
        {"address": [7]},
        {"fromBlock": "soon"},
        {"blockHash": "0x12"},
        [],
        "x",
        None,
    ],
)
def test_unreadable_filters_are_refused(engine, wanted):
    with pytest.raises(RpcRefusedError):
        engine.rpc("eth_getLogs", wanted)


def test_a_reversed_range_is_refused(node):
    with pytest.raises(RpcRefusedError, match="fromBlock is above toBlock"):
        node.rpc("eth_getLogs", {"fromBlock": "0x5", "toBlock": "0x1"})
