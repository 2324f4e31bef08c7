"""What every engine does with raw transactions: the portable subset that the relay stands on."""

import time

import pytest
import rlp
from eth.constants import SECPK1_N

from tests.nodes import accounts, contracts
from tests.nodes.engines import Engine, RpcRefusedError


def send(engine: Engine, raw: str) -> str:
    return engine.rpc("eth_sendRawTransaction", raw)


def record(account, nonce: int, recorder: str, number: int) -> tuple[str, str]:
    return accounts.sign(account, nonce, to=recorder, data="0x" + contracts.word(number).hex())


def test_receipt_names_block_gas_and_events(engine, recorder):
    account = accounts.fresh()
    raw, tx_hash = record(account, 0, recorder, 41)
    assert send(engine, raw) == tx_hash
    receipt = engine.receipt(tx_hash)
    assert receipt["status"] == "0x1"
    assert receipt["from"] == account.address.lower()
    assert receipt["to"] == recorder
    assert receipt["contractAddress"] is None
    assert int(receipt["effectiveGasPrice"], 16) == 0
    block = engine.rpc("eth_getBlockByNumber", receipt["blockNumber"], False)
    assert block["hash"] == receipt["blockHash"]
    assert block["transactions"][int(receipt["transactionIndex"], 16)] == tx_hash
    (event,) = receipt["logs"]
    assert event["topics"] == ["0x" + contracts.RECORDED.hex(), "0x" + contracts.word(41).hex()]
    assert event["data"] == "0x" + contracts.word(41).hex()
    assert event["transactionHash"] == tx_hash


def test_failed_execution_is_mined_with_status_zero(engine, recorder):
    account = accounts.fresh()
    raw, tx_hash = accounts.sign(account, 0, to=recorder, data="0xdeadbeef")
    send(engine, raw)
    receipt = engine.receipt(tx_hash)
    assert receipt["status"] == "0x0"
    assert receipt["logs"] == []
    assert int(engine.rpc("eth_getTransactionCount", account.address, "latest"), 16) == 1


def test_mined_transaction_reads_back(engine, recorder):
    account = accounts.fresh()
    raw, tx_hash = record(account, 0, recorder, 5)
    send(engine, raw)
    receipt = engine.receipt(tx_hash)
    shown = engine.rpc("eth_getTransactionByHash", tx_hash)
    assert shown["hash"] == tx_hash
    assert shown["from"] == account.address.lower()
    assert shown["input"] == "0x" + contracts.word(5).hex()
    assert shown["blockHash"] == receipt["blockHash"]
    assert int(shown["nonce"], 16) == 0
    assert int(shown["gasPrice"], 16) == 0
    full = engine.rpc("eth_getBlockByHash", receipt["blockHash"], True)
    assert tx_hash in [entry["hash"] for entry in full["transactions"]]


def test_unknown_hashes_are_null(engine):
    absent = "0x" + "11" * 32
    assert engine.rpc("eth_getTransactionByHash", absent) is None
    assert engine.rpc("eth_getTransactionReceipt", absent) is None
    assert engine.rpc("eth_getBlockByHash", absent, False) is None


def test_later_nonces_wait_for_the_gap(engine, recorder):
    account = accounts.fresh()
    signed = [record(account, nonce, recorder, nonce) for nonce in range(4)]
    for raw, _ in reversed(signed[1:]):
        send(engine, raw)
    time.sleep(0.2)
    assert all(engine.rpc("eth_getTransactionReceipt", tx_hash) is None for _, tx_hash in signed)
    assert engine.rpc("eth_getTransactionCount", account.address, "pending") == "0x0"
    assert engine.rpc("eth_getTransactionByHash", signed[2][1])["blockNumber"] is None
    send(engine, signed[0][0])
    assert [engine.receipt(tx_hash)["status"] for _, tx_hash in signed] == ["0x1"] * 4
    assert engine.rpc("eth_getTransactionCount", account.address, "pending") == "0x4"


def test_sending_again_is_refused_and_harmless(engine, recorder):
    account = accounts.fresh()
    waits, waits_hash = record(account, 1, recorder, 1)
    first, first_hash = record(account, 0, recorder, 0)
    send(engine, waits)
    with pytest.raises(RpcRefusedError, match=r"(?i)already (known|imported)"):
        send(engine, waits)
    send(engine, first)
    engine.receipt(waits_hash)
    with pytest.raises(RpcRefusedError, match=r"(?i)nonce too low|already known"):
        send(engine, first)
    assert engine.receipt(first_hash)["status"] == "0x1"
    assert engine.rpc("eth_getTransactionCount", account.address, "latest") == "0x2"


def test_another_transaction_for_a_queued_nonce_is_refused(engine, recorder):
    account = accounts.fresh()
    send(engine, record(account, 1, recorder, 1)[0])
    with pytest.raises(RpcRefusedError, match=r"(?i)underpriced"):
        send(engine, record(account, 1, recorder, 2)[0])


def test_another_transaction_for_a_used_nonce_is_refused(engine, recorder):
    account = accounts.fresh()
    raw, tx_hash = record(account, 0, recorder, 1)
    send(engine, raw)
    engine.receipt(tx_hash)
    with pytest.raises(RpcRefusedError, match=r"(?i)nonce too low"):
        send(engine, record(account, 0, recorder, 2)[0])


def test_a_batch_keeps_order_and_refuses_one_by_one(engine, recorder):
    account = accounts.fresh()
    signed = [record(account, nonce, recorder, nonce) for nonce in range(20)]
    calls = [("eth_sendRawTransaction", [raw]) for raw, _ in signed]
    calls.insert(7, ("eth_sendRawTransaction", ["0x00"]))
    answers = engine.batch(calls)
    assert isinstance(answers.pop(7), RpcRefusedError)
    assert answers == [tx_hash for _, tx_hash in signed]
    engine.receipt(signed[-1][1])
    receipts = engine.batch([("eth_getTransactionReceipt", [tx_hash]) for _, tx_hash in signed])
    assert [receipt["transactionHash"] for receipt in receipts] == [tx_hash for _, tx_hash in signed]
    assert {receipt["status"] for receipt in receipts} == {"0x1"}


def test_wrong_chain_id_is_never_mined(engine):
    account = accounts.fresh()
    raw, _ = accounts.sign(account, 0, to=account.address, chainId=1, maxFeePerGas=0, maxPriorityFeePerGas=0)
    with pytest.raises(RpcRefusedError, match=r"(?i)chain.?id"):
        send(engine, raw)
    raw, tx_hash = accounts.sign(account, 0, to=account.address, chainId=1)
    if engine.name == "anvil":
        # anvil answers the hash of a legacy transaction for another chain and then drops it without a word.
        assert send(engine, raw) == tx_hash
        time.sleep(0.3)
    else:
        with pytest.raises(RpcRefusedError, match="invalid chain id for signer: have 1 want 777001"):
            send(engine, raw)
    assert engine.rpc("eth_getTransactionReceipt", tx_hash) is None
    assert engine.rpc("eth_getTransactionCount", account.address, "latest") == "0x0"


def test_value_without_funds_is_refused(engine):
    account = accounts.fresh()
    raw, _ = accounts.sign(account, 0, to=account.address, value=1)
    with pytest.raises(RpcRefusedError, match=r"(?i)insufficient funds"):
        send(engine, raw)


def test_too_little_gas_is_refused(engine):
    account = accounts.fresh()
    raw, _ = accounts.sign(account, 0, to=account.address, gas=20_000)
    with pytest.raises(RpcRefusedError, match=r"(?i)intrinsic gas"):
        send(engine, raw)


@pytest.mark.parametrize(
    "raw", ["0x", "0x00", "0xc0", "0xf8", "0x02", "0x7f00", "0x03f8", "0xff" * 40, "zz", "0x1", None, 7]
)
def test_garbage_is_refused(engine, raw):
    with pytest.raises(RpcRefusedError):
        send(engine, raw)


def test_typed_transactions_are_mined(engine, recorder):
    account = accounts.fresh()
    access = [{"address": recorder, "storageKeys": ["0x" + "00" * 32]}]
    listed = {"accessList": access, "type": 1}
    dynamic = {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0, "type": 2, "accessList": access}
    for nonce, fields in enumerate((listed, dynamic)):
        raw, tx_hash = accounts.sign(account, nonce, to=recorder, data="0x" + contracts.word(nonce).hex(), **fields)
        send(engine, raw)
        assert engine.receipt(tx_hash)["type"] == hex(fields["type"])
        shown = engine.rpc("eth_getTransactionByHash", tx_hash)
        assert shown["accessList"][0]["storageKeys"] == ["0x" + "00" * 32]
        assert shown["type"] == hex(fields["type"])


def test_many_senders_share_blocks(engine, recorder):
    signed = [record(accounts.fresh(), 0, recorder, number) for number in range(12)]
    engine.batch([("eth_sendRawTransaction", [raw]) for raw, _ in signed])
    assert {engine.receipt(tx_hash)["status"] for _, tx_hash in signed} == {"0x1"}


def test_a_signature_without_replay_protection_is_refused(node):
    account = accounts.fresh()
    raw, _ = accounts.sign(account, 0, to=account.address, chainId=None)
    with pytest.raises(RpcRefusedError, match="EIP-155"):
        send(node, raw)


@pytest.mark.parametrize("fields", [{}, {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0, "type": 2}])
def test_a_signature_turned_to_its_high_twin_is_refused(node, fields):
    """(r, N - s) with the other parity recovers the same sender; taking both would give one message two hashes."""
    account = accounts.fresh()
    raw = bytes.fromhex(accounts.sign(account, 0, to=account.address, **fields)[0][2:])
    head, body = (raw[:1], raw[1:]) if fields else (b"", raw)
    parts = rlp.decode(body)
    parity, s = (int.from_bytes(parts[place], "big") for place in (-3, -1))
    other = 1 - parity if fields else (777001 * 2 + 35) * 2 + 1 - parity
    high = [*parts[:-3], other.to_bytes(3, "big").lstrip(b"\0"), parts[-2], (SECPK1_N - s).to_bytes(32, "big")]
    with pytest.raises(RpcRefusedError, match="invalid transaction v, r, s values"):
        send(node, "0x" + (head + rlp.encode(high)).hex())
    assert send(node, "0x" + raw.hex())


@pytest.mark.parametrize("fields", [{}, {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0, "type": 2}])
def test_trailing_bytes_are_refused(node, fields):
    account = accounts.fresh()
    raw = bytes.fromhex(accounts.sign(account, 0, to=account.address, **fields)[0][2:])
    with pytest.raises(RpcRefusedError, match="cannot be decoded"):
        send(node, "0x" + (raw + b"\0").hex())


def test_a_nonce_too_far_ahead_is_refused(node):
    account = accounts.fresh()
    raw, _ = accounts.sign(account, 5_000, to=account.address)
    with pytest.raises(RpcRefusedError, match="nonce too high: next nonce 0"):
        send(node, raw)
