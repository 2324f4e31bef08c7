"""eth_call, eth_estimateGas and state reads, at the head and in the past."""

import time

import pytest

from tests.nodes import accounts, contracts
from tests.nodes.engines import Engine, RpcRefusedError

ERROR = bytes.fromhex("08c379a0") + contracts.word(32) + contracts.word(2) + b"no".ljust(32, b"\0")
PANIC = bytes.fromhex("4e487b71") + contracts.word(0x11)


def read(engine: Engine, contract: str, block: object = "latest") -> int:
    return int(engine.rpc("eth_call", {"to": contract, "data": "0x"}, block), 16)


def test_deployed_code_is_there(engine, recorder):
    code = engine.rpc("eth_getCode", recorder, "latest")
    assert bytes.fromhex(code[2:]) == contracts.RECORDER[11:]
    assert engine.rpc("eth_getCode", accounts.fresh().address, "latest") == "0x"


def test_history_is_kept_for_calls_code_nonce_and_storage(engine):
    contract, owner = accounts.deploy(engine)
    heights = []
    for number in (1, 2, 3):
        raw, tx_hash = accounts.sign(owner, number, to=contract, data="0x" + contracts.word(number).hex())
        engine.rpc("eth_sendRawTransaction", raw)
        heights.append(engine.receipt(tx_hash)["blockNumber"])
    assert [read(engine, contract, height) for height in heights] == [1, 2, 3]
    assert read(engine, contract) == 3
    assert [int(engine.rpc("eth_getStorageAt", contract, "0x0", height), 16) for height in heights] == [1, 2, 3]
    nonces = [int(engine.rpc("eth_getTransactionCount", owner.address, height), 16) for height in heights]
    assert nonces == [2, 3, 4]
    before = hex(int(heights[0], 16) - 2)
    assert engine.rpc("eth_getCode", contract, before) == "0x"
    block_hash = engine.rpc("eth_getBlockByNumber", heights[1], False)["hash"]
    assert read(engine, contract, {"blockHash": block_hash}) == 2
    assert read(engine, contract, {"blockNumber": heights[1]}) == 2


def test_a_call_changes_nothing(engine):
    contract, _ = accounts.deploy(engine)
    engine.rpc("eth_call", {"to": contract, "data": "0x" + contracts.word(9).hex()}, "latest")
    assert read(engine, contract) == 0


@pytest.mark.parametrize("payload", [b"\xde\xad\xbe\xef", ERROR, PANIC, b"\x08\xc3\x79\xa0" + b"\xff" * 64])
@pytest.mark.parametrize("method", ["eth_call", "eth_estimateGas"])
def test_a_revert_is_code_three_with_its_bytes(engine, recorder, method, payload):
    call = {"to": recorder, "data": "0x" + payload.hex()}
    with pytest.raises(RpcRefusedError) as refused:
        engine.rpc(method, call, "latest")
    assert refused.value.code == 3
    assert refused.value.data == "0x" + payload.hex()
    assert refused.value.message.startswith("execution reverted")


def test_a_reverts_text_is_told(engine, recorder):
    with pytest.raises(RpcRefusedError, match="no"):
        engine.rpc("eth_call", {"to": recorder, "data": "0x" + ERROR.hex()}, "latest")


def test_a_call_sees_its_blocks_time_and_number(engine):
    contract, _ = accounts.deploy(engine, contracts.CLOCK)
    head = engine.rpc("eth_getBlockByNumber", "latest", False)
    answer = bytes.fromhex(engine.rpc("eth_call", {"to": contract}, head["number"])[2:])
    assert int.from_bytes(answer[:32], "big") == int(head["timestamp"], 16)
    assert int.from_bytes(answer[32:], "big") == int(head["number"], 16)
    assert abs(int(head["timestamp"], 16) - time.time()) < 60


def test_an_estimate_is_enough_and_not_far_above(engine, recorder):
    account = accounts.fresh()
    data = "0x" + contracts.word(77).hex()
    estimated = int(engine.rpc("eth_estimateGas", {"from": account.address, "to": recorder, "data": data}), 16)
    raw, tx_hash = accounts.sign(account, 0, to=recorder, data=data, gas=estimated)
    engine.rpc("eth_sendRawTransaction", raw)
    receipt = engine.receipt(tx_hash)
    assert receipt["status"] == "0x1"
    assert int(receipt["gasUsed"], 16) <= estimated <= int(receipt["gasUsed"], 16) * 1.3 + 3_000


def test_an_estimate_holds_through_an_inner_call(engine, recorder):
    forwarder, owner = accounts.deploy(engine, contracts.FORWARDER)
    data = "0x" + (bytes(12) + bytes.fromhex(recorder[2:]) + contracts.word(78)).hex()
    estimated = int(engine.rpc("eth_estimateGas", {"from": owner.address, "to": forwarder, "data": data}), 16)
    raw, tx_hash = accounts.sign(owner, 1, to=forwarder, data=data, gas=estimated)
    engine.rpc("eth_sendRawTransaction", raw)
    assert engine.receipt(tx_hash)["status"] == "0x1"


def test_a_plain_transfer_is_estimated_exactly(engine):
    account = accounts.fresh()
    assert engine.rpc("eth_estimateGas", {"from": account.address, "to": account.address}) == hex(21_000)


def test_deployment_is_estimated_and_called(engine):
    call = {"data": "0x" + contracts.RECORDER.hex()}
    assert bytes.fromhex(engine.rpc("eth_call", call, "latest")[2:]) == contracts.RECORDER[11:]
    estimated = int(engine.rpc("eth_estimateGas", call), 16)
    raw, tx_hash = accounts.sign(accounts.fresh(), 0, to=None, gas=estimated, **call)
    engine.rpc("eth_sendRawTransaction", raw)
    assert engine.receipt(tx_hash)["status"] == "0x1"


def test_value_without_funds_fails_the_call(engine, recorder):
    call = {"from": accounts.fresh().address, "to": recorder, "value": "0x1"}
    with pytest.raises(RpcRefusedError, match=r"(?i)insufficient funds"):
        engine.rpc("eth_call", call, "latest")


def test_a_block_that_is_not_there_yet_is_an_error(engine, recorder):
    future = hex(int(engine.rpc("eth_blockNumber"), 16) + 1_000)
    assert engine.rpc("eth_getBlockByNumber", future, False) is None
    with pytest.raises(RpcRefusedError):
        engine.rpc("eth_call", {"to": recorder}, future)


def test_endless_execution_ends_with_its_gas(engine):
    contract, _ = accounts.deploy(engine, contracts.SPINNER)
    with pytest.raises(RpcRefusedError, match=r"(?i)out ?of ?gas"):
        engine.rpc("eth_call", {"to": contract, "gas": hex(300_000)}, "latest")


def test_deep_recursion_does_not_end_the_node(engine):
    contract, _ = accounts.deploy(engine, contracts.DIVER)
    assert engine.rpc("eth_call", {"to": contract, "gas": hex(30_000_000)}, "latest") == "0x"
    raw, tx_hash = accounts.sign(accounts.fresh(), 0, to=contract, gas=16_000_000)
    engine.rpc("eth_sendRawTransaction", raw)
    assert engine.receipt(tx_hash)["status"] == "0x1"


def test_a_long_call_does_not_hold_up_others(node):
    contract, _ = accounts.deploy(node, contracts.SPINNER)
    from concurrent.futures import ThreadPoolExecutor

    def spin() -> None:
        with pytest.raises(RpcRefusedError):
            node.rpc("eth_call", {"to": contract, "gas": hex(3_000_000)}, "latest")

    with ThreadPoolExecutor(1) as pool:
        spinning = pool.submit(spin)
        answered = 0
        while not spinning.done():
            raw, tx_hash = accounts.sign(accounts.fresh(), 0, to=contract, gas=21_100)
            node.rpc("eth_sendRawTransaction", raw)
            node.receipt(tx_hash)
            answered += 1
        spinning.result()
    assert answered >= 3


def test_input_and_data_must_agree(node, recorder):
    with pytest.raises(RpcRefusedError) as refused:
        node.rpc("eth_call", {"to": recorder, "data": "0x01", "input": "0x02"}, "latest")
    assert refused.value.code == -32602


def test_overrides_are_refused_in_words(node, recorder):
    with pytest.raises(RpcRefusedError, match="overrides are not offered"):
        node.rpc("eth_call", {"to": recorder}, "latest", {recorder: {"balance": "0x1"}})


def test_pending_calls_see_the_present_time(node):
    contract, _ = accounts.deploy(node, contracts.CLOCK)
    time.sleep(1.1)
    head = node.rpc("eth_getBlockByNumber", "latest", False)
    answer = bytes.fromhex(node.rpc("eth_call", {"to": contract}, "pending")[2:])
    assert int.from_bytes(answer[:32], "big") > int(head["timestamp"], 16)
    assert int.from_bytes(answer[32:], "big") == int(head["number"], 16) + 1
