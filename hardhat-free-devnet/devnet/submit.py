"""The door for raw transactions: every check that can be made before a block is tried."""

from eth.abc import SignedTransactionAPI
from eth.constants import SECPK1_N
from eth.exceptions import UnrecognizedTransactionType
from eth_keys.exceptions import BadSignature
from eth_typing import Hash32
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException

from devnet.ledger import Ledger
from devnet.pool import Pool, PoolRefusedError, Waiting
from devnet.rules import TRANSACTION_GAS_LIMIT, DevnetVM
from devnet.wire import SERVER_ERROR, RpcError

MAX_RAW_BYTES = 128 * 1024


def submit(ledger: Ledger, pool: Pool, raw: bytes) -> Hash32:
    """Check a raw transaction and queue it; returns its hash. Raises `RpcError` with the words that geth uses."""
    if len(raw) > MAX_RAW_BYTES:
        raise _refused("oversized data: transaction size limit is 128 KiB")
    transaction = _decode(raw)
    _check_form(transaction, ledger.chain_id)
    waiting = Waiting(transaction, transaction.hash, transaction.sender, len(raw))
    with pool.lock:
        # Under the lock no block can pass between reading the nonce and queueing.
        state = ledger.state(ledger.head)
        cost = transaction.value + transaction.gas * transaction.max_fee_per_gas
        known = pool.get(waiting.hash) is not None
        if not known and waiting.nonce >= state.get_nonce(waiting.sender) and state.get_balance(waiting.sender) < cost:
            raise _refused("insufficient funds for gas * price + value")
        try:
            pool.add(waiting, state.get_nonce(waiting.sender))
        except PoolRefusedError as refused:
            raise _refused(str(refused)) from None
    return waiting.hash


def _decode(raw: bytes) -> SignedTransactionAPI:
    if not raw:
        raise _refused("typed transaction too short")
    try:
        return DevnetVM.get_transaction_builder().decode(raw)
    except UnrecognizedTransactionType:
        raise _refused("transaction type not supported") from None
    except (RLPException, ValidationError, ValueError, TypeError, IndexError, OverflowError) as unreadable:
        raise _refused(f"transaction cannot be decoded: {type(unreadable).__name__}") from None


def _check_form(transaction: SignedTransactionAPI, chain_id: int) -> None:
    # py-evm leaves the chain id of legacy transactions, and a high s in typed ones, to its caller.
    if transaction.chain_id is None:
        raise _refused("only replay-protected (EIP-155) transactions allowed over RPC")
    if transaction.chain_id != chain_id:
        raise _refused(f"invalid chain id for signer: have {transaction.chain_id} want {chain_id}")
    if transaction.y_parity not in (0, 1) or not 0 < transaction.s <= SECPK1_N // 2:
        raise _refused("invalid sender: invalid transaction v, r, s values")
    if transaction.gas > TRANSACTION_GAS_LIMIT:
        raise _refused(f"exceeds transaction gas limit: have {transaction.gas}, limit {TRANSACTION_GAS_LIMIT}")
    if transaction.gas < transaction.intrinsic_gas:
        raise _refused(f"intrinsic gas too low: have {transaction.gas}, want {transaction.intrinsic_gas}")
    if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas:
        raise _refused("max priority fee per gas higher than max fee per gas")
    try:
        transaction.validate()
        if transaction.type_id is not None:  # the legacy form's validation has checked it
            transaction.check_signature_validity()
    except (ValidationError, BadSignature) as unsigned:
        raise _refused(f"invalid sender: {type(unsigned).__name__}") from None


def _refused(message: str) -> RpcError:
    return RpcError(SERVER_ERROR, message)
