"""Keys that sign as the product's relay does: type 0, EIP-155, gas price 0, explicit gas and nonce."""

from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from tests.nodes import contracts
from tests.nodes.engines import Engine

GAS = 200_000


def fresh() -> LocalAccount:
    """A key nobody has used: engines are shared by tests, so each test brings its own sender."""
    account: LocalAccount = Account.create()
    return account


def sign(account: LocalAccount, nonce: int, **fields: Any) -> tuple[str, str]:
    """Raw transaction and its hash, both as `0x` data."""
    transaction = {"nonce": nonce, "gas": GAS, "gasPrice": 0, "value": 0, "chainId": 777001, "data": "0x", **fields}
    if transaction.get("to") is not None:
        transaction["to"] = to_checksum_address(transaction["to"])
    if "maxFeePerGas" in transaction:
        del transaction["gasPrice"]
    signed = account.sign_transaction({name: value for name, value in transaction.items() if value is not None})
    return "0x" + signed.raw_transaction.hex(), "0x" + signed.hash.hex()


def deploy(engine: Engine, init_code: bytes = contracts.RECORDER) -> tuple[str, LocalAccount]:
    """A contract's address, and its deployer, whose next nonce is 1."""
    account = fresh()
    raw, tx_hash = sign(account, 0, to=None, data="0x" + init_code.hex(), gas=1_000_000)
    assert engine.rpc("eth_sendRawTransaction", raw) == tx_hash
    receipt = engine.receipt(tx_hash)
    assert receipt["status"] == "0x1"
    address: str = receipt["contractAddress"]
    return address, account
