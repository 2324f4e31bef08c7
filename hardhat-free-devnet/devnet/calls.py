"""Execution without effect: eth_call and eth_estimateGas, and how their failures are told to a client."""

from dataclasses import dataclass, replace
from typing import cast

from eth.abc import BlockHeaderAPI, ComputationAPI, SignedTransactionAPI
from eth.exceptions import InsufficientFunds, InvalidInstruction, InvalidJumpDestination, OutOfGas, Revert, VMError
from eth.vm.spoof import SpoofTransaction
from eth_typing import Address
from eth_utils.exceptions import ValidationError

from devnet.ledger import Ledger
from devnet.rules import SEALER, TRANSACTION_GAS_LIMIT, DevnetVM
from devnet.wire import (
    REVERTED,
    SERVER_ERROR,
    WORD_BYTES,
    RpcError,
    data,
    invalid,
    read_address,
    read_data,
    read_object,
    read_quantity,
)

MIN_GAS = 21_000
ESTIMATE_TOLERANCE = 0.015  # geth's: bisection ends once the bounds are this close
CALL_STIPEND = 2_300
_ERROR_SELECTOR = bytes.fromhex("08c379a0")  # Error(string)
_PANIC_SELECTOR = bytes.fromhex("4e487b71")  # Panic(uint256)
_FEE_FIELDS = ("gasPrice", "maxFeePerGas", "maxPriorityFeePerGas")
_FAILURES: dict[type[VMError], str] = {
    OutOfGas: "out of gas",
    InvalidInstruction: "invalid opcode",
    InvalidJumpDestination: "invalid jump destination",
    InsufficientFunds: "insufficient funds for transfer",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A message to execute. `to` is empty for a deployment; `gas` is bounded by `TRANSACTION_GAS_LIMIT`."""

    sender: Address
    to: Address
    payload: bytes
    value: int
    gas: int


def read_call(value: object) -> Call:
    """The first parameter of eth_call and eth_estimateGas. Prices must be readable but change nothing: gas is free."""
    fields = read_object(value, "call")
    payloads = [read_data(fields[name], name) for name in ("input", "data") if fields.get(name) is not None]
    if len(set(payloads)) > 1:
        raise invalid("input and data differ")
    for name in _FEE_FIELDS:
        if fields.get(name) is not None:
            read_quantity(fields[name], name)
    sender, to, amount, gas = (fields.get(name) for name in ("from", "to", "value", "gas"))
    return Call(
        sender=Address(SEALER) if sender is None else read_address(sender, "from"),
        to=Address(b"") if to is None else read_address(to, "to"),
        payload=payloads[0] if payloads else b"",
        value=0 if amount is None else read_quantity(amount, "value"),
        gas=TRANSACTION_GAS_LIMIT if gas is None else min(read_quantity(gas, "gas"), TRANSACTION_GAS_LIMIT),
    )


def execute(ledger: Ledger, call: Call, header: BlockHeaderAPI) -> ComputationAPI:
    """Run `call` on the state after `header`'s block and in its context. Raises `RpcError` when the run fails."""
    computation = _run(ledger, call, header)
    if computation.is_error:
        raise failure(computation)
    return computation


def _run(ledger: Ledger, call: Call, header: BlockHeaderAPI) -> ComputationAPI:
    state = ledger.state(header)
    unsigned = DevnetVM.create_unsigned_transaction(
        nonce=state.get_nonce(call.sender), gas_price=0, gas=call.gas, to=call.to, value=call.value, data=call.payload
    )
    if call.gas < unsigned.intrinsic_gas:
        raise RpcError(SERVER_ERROR, f"intrinsic gas too low: have {call.gas}, want {unsigned.intrinsic_gas}")
    if call.value > state.get_balance(call.sender):
        raise RpcError(SERVER_ERROR, "insufficient funds for gas * price + value")
    spoofed = cast("SignedTransactionAPI", SpoofTransaction(unsigned, from_=call.sender))
    try:
        return state.apply_transaction(spoofed)
    except ValidationError as refused:
        raise RpcError(SERVER_ERROR, str(refused)) from refused


def failure(computation: ComputationAPI) -> RpcError:
    """How a failed execution is told: a revert with its bytes under code 3, anything else as a server error."""
    error = computation.error
    if isinstance(error, Revert):
        return RpcError(REVERTED, "execution reverted" + _reason(computation.output), data(computation.output))
    return RpcError(SERVER_ERROR, _FAILURES.get(type(error), f"execution failed: {type(error).__name__}"))


def _reason(output: bytes) -> str:
    """What a revert says by Solidity's conventions; empty where it follows neither."""
    selector, words = output[:4], output[4:]
    if selector == _PANIC_SELECTOR and len(words) == WORD_BYTES:
        return f": panic code 0x{int.from_bytes(words, 'big'):02x}"
    if selector == _ERROR_SELECTOR and len(words) >= 2 * WORD_BYTES:
        length = int.from_bytes(words[WORD_BYTES : 2 * WORD_BYTES], "big")
        return ": " + words[2 * WORD_BYTES :][:length].decode("utf-8", "replace")
    return ""


def estimate(ledger: Ledger, call: Call, header: BlockHeaderAPI) -> int:
    """Gas with which `call` succeeds: what it consumes before refunds, or, where that is not enough, a little more.

    It is not enough where an inner call gets only 63/64 of what is left (EIP-150). Then the least is searched by
    bisection until within `ESTIMATE_TOLERANCE`. Raises `RpcError` when the call fails with all the gas it may have.
    """
    low = max(MIN_GAS, call.gas - execute(ledger, call, header).get_gas_remaining())
    if _succeeds(ledger, replace(call, gas=low), header):
        return low
    high, probe = call.gas, low * 64 // 63 + CALL_STIPEND
    while high - low > high * ESTIMATE_TOLERANCE:
        probe = min(probe, (low + high) // 2)
        if _succeeds(ledger, replace(call, gas=probe), header):
            high = probe
        else:
            low = probe
        probe = low * 2
    return high


def _succeeds(ledger: Ledger, call: Call, header: BlockHeaderAPI) -> bool:
    return not _run(ledger, call, header).is_error
