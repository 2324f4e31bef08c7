"""One row per engine and wording: which reason it is, and the revert bytes."""

import pytest

from chain.errors import NodeError, RpcReason
from chain.rpcerrors import REACTIONS, Reaction, classify

R = RpcReason
ROWS = [
    # go-ethereum 1.13
    ("geth", -32000, "already known", R.ALREADY_KNOWN),
    ("geth", -32000, "nonce too low: next nonce 8, tx nonce 3", R.NONCE_TOO_LOW),
    ("geth", -32000, "nonce too high: address 0xab, tx: 9 state: 3", R.NONCE_TOO_HIGH),
    (
        "geth",
        -32000,
        "future transaction tries to replace pending: gapped-nonce tx from delegated accounts",
        R.NONCE_TOO_HIGH,
    ),
    ("geth", -32000, "replacement transaction underpriced", R.REPLACEMENT),
    ("geth", -32000, "transaction underpriced: tip needed 1, tip permitted 0", R.UNDERPRICED),
    (
        "geth",
        -32000,
        "max fee per gas less than block base fee: address 0xab, maxFeePerGas: 0, baseFee: 7",
        R.UNDERPRICED,
    ),
    ("geth", -32000, "insufficient funds for gas * price + value: balance 0, tx cost 21000", R.INSUFFICIENT_FUNDS),
    ("geth", -32000, "intrinsic gas too low: gas 20000, minimum needed 21000", R.REJECTED),
    ("geth", -32000, "exceeds block gas limit", R.REJECTED),
    ("geth", -32000, "oversized data: transaction size 200000, limit 131072", R.REJECTED),
    ("geth", -32000, "txpool is full", R.POOL_FULL),
    ("geth", -32000, "invalid sender", R.REJECTED),
    ("geth", -32000, "header not found", R.NOT_FOUND),
    ("geth", -32000, "missing trie node 0badc0de (path )", R.NOT_FOUND),
    ("geth", -32000, "out of gas", R.REVERTED),
    ("geth", -32000, "invalid opcode: INVALID", R.REVERTED),
    ("geth", -32000, "stack underflow (0 <=> 2)", R.REVERTED),
    ("geth", 3, "execution reverted", R.REVERTED),
    ("geth", -32002, "request timed out", R.TIMED_OUT),
    ("geth", -32000, "transaction indexing is in progress", R.UNREACHABLE),
    ("geth", -32601, "the method eth_foo does not exist/is not available", R.REJECTED),
    ("geth", -32000, "only replay-protected (EIP-155) transactions allowed over RPC", R.WRONG_CHAIN),
    # besu 25
    ("besu", -32000, "Wrong chainId", R.WRONG_CHAIN),
    ("besu", -32000, "Transaction pool is full", R.POOL_FULL),
    ("besu", -32000, "Known transaction", R.ALREADY_KNOWN),
    ("besu", -32001, "Nonce too low", R.NONCE_TOO_LOW),
    ("besu", -32006, "Nonce too high", R.NONCE_TOO_HIGH),
    ("besu", -32000, "Transaction nonce is too distant from current sender nonce", R.NONCE_TOO_HIGH),
    ("besu", -32000, "An invalid transaction with a lower nonce exists", R.NONCE_TOO_HIGH),
    ("besu", -32000, "Replacement transaction underpriced", R.REPLACEMENT),
    ("besu", -32009, "Gas price below configured minimum gas price", R.UNDERPRICED),
    ("besu", -32009, "Gas price below current base fee", R.UNDERPRICED),
    ("besu", -32004, "Upfront cost exceeds account balance", R.INSUFFICIENT_FUNDS),
    ("besu", -32003, "Intrinsic gas exceeds gas limit", R.REJECTED),
    ("besu", -32005, "Transaction gas limit exceeds block gas limit", R.REJECTED),
    ("besu", -32007, "Sender account not authorized to send transactions", R.REJECTED),
    ("besu", -32000, "Execution reverted", R.REVERTED),
    ("besu", -39001, "Unknown block", R.NOT_FOUND),
    ("besu", -32000, "Block not found", R.NOT_FOUND),
    ("besu", -32005, "Requested range exceeds maximum block range limit", R.TOO_LARGE),
    # anvil 1.7, seen live
    ("anvil", -32003, "transaction already imported", R.ALREADY_KNOWN),
    ("anvil", -32003, "nonce too low", R.NONCE_TOO_LOW),
    ("anvil", -32003, "replacement transaction underpriced", R.REPLACEMENT),
    ("anvil", -32003, "Insufficient funds for gas * price + value", R.INSUFFICIENT_FUNDS),
    ("anvil", -32000, "intrinsic gas too low", R.REJECTED),
    ("anvil", -32000, "intrinsic gas too high -- tx.gas_limit > env.block.gas_limit", R.REJECTED),
    ("anvil", -32602, "Failed to decode transaction", R.REJECTED),
    ("anvil", -32602, "BlockOutOfRangeError: block height is 8 but requested was 1000", R.NOT_FOUND),
    ("anvil", 3, "execution reverted: custom error 0x76c6c93a", R.REVERTED),
    # embedded
    ("embedded", -32000, "already known", R.ALREADY_KNOWN),
    ("embedded", -32000, "nonce too low: next nonce 4, tx nonce 1", R.NONCE_TOO_LOW),
    ("embedded", -32000, "nonce too far in the future", R.NONCE_TOO_HIGH),
    ("embedded", -32000, "invalid chain id for signer: have 1 want 777001", R.WRONG_CHAIN),
    ("embedded", -32005, "query returned more than 10000 results", R.TOO_LARGE),
    # hosted endpoints
    ("hosted", -32005, "query timeout exceeded, reduce your block range", R.TOO_LARGE),
    ("hosted", 429, "Too Many Requests", R.UNREACHABLE),
    ("any", -32603, "internal error", R.REJECTED),
]


@pytest.mark.parametrize(("engine", "code", "message", "reason"), ROWS, ids=lambda value: str(value)[:40])
def test_wording_means_one_reason(engine, code, message, reason):
    assert classify({"code": code, "message": message}).reason is reason


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("0x76c6c93a00", "execution reverted"),
        ({"data": "0x76c6c93a00", "message": "revert"}, "execution reverted"),
        ({"0xabc": {"error": "revert", "return": "x", "data": "0x76c6c93a00"}}, "VM Exception: revert"),
        ("Reverted 0x76c6c93a00", "VM execution error: reverted"),
        (None, 'execution reverted: custom error, data: "0x76c6c93a00"'),
    ],
)
def test_revert_bytes_are_found_wherever_the_engine_put_them(data, message):
    error = classify({"code": -32000, "message": message, "data": data})
    assert (error.reason, error.data) == (R.REVERTED, bytes.fromhex("76c6c93a00"))


def test_no_revert_bytes_is_empty_not_an_error():
    assert classify({"code": 3, "message": "execution reverted"}).data == b""
    assert classify({"code": 3, "message": "execution reverted", "data": "0x123"}).data == b""


def test_every_reason_of_a_row_has_a_kind_that_says_whether_to_retry():
    retriable = {reason for reason in RpcReason if NodeError(reason).kind == "unavailable"}
    assert retriable == {R.UNREACHABLE, R.TIMED_OUT, R.MALFORMED, R.POOL_FULL}


def test_every_reason_has_its_reaction_and_every_reaction_a_reason():
    assert set(REACTIONS) == set(RpcReason)
    assert set(REACTIONS.values()) == set(Reaction)
