"""web3.py, the client most people bring, works against every engine without adjustments."""

import pytest
from web3 import Web3
from web3.exceptions import ContractLogicError, TransactionNotFound

from tests.nodes import accounts, contracts


@pytest.fixture(scope="module")
def w3(engine):
    provider = Web3.HTTPProvider(engine.url)
    return Web3(provider)


def test_connects_and_reads_the_chain(w3, engine):
    assert w3.is_connected()
    assert w3.eth.chain_id == engine.chain_id
    assert w3.net.version == str(engine.chain_id)
    block = w3.eth.get_block("latest")
    assert block["number"] <= w3.eth.block_number
    assert w3.eth.get_block(0)["parentHash"] == bytes(32)
    assert w3.eth.syncing is False
    assert w3.eth.get_balance(accounts.fresh().address) == 0


def test_deploys_calls_and_decodes(w3):
    account = accounts.fresh()
    transaction = {
        "from": account.address,
        "nonce": w3.eth.get_transaction_count(account.address),
        "gas": 500_000,
        "gasPrice": 0,
        "chainId": w3.eth.chain_id,
        "data": contracts.RECORDER,
        "value": 0,
    }
    sent = w3.eth.send_raw_transaction(account.sign_transaction(transaction).raw_transaction)
    receipt = w3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)
    assert receipt["status"] == 1
    address = receipt["contractAddress"]
    transaction |= {"nonce": 1, "to": address, "data": contracts.word(12)}
    estimated = w3.eth.estimate_gas(transaction)
    sent = w3.eth.send_raw_transaction(account.sign_transaction(transaction | {"gas": estimated}).raw_transaction)
    receipt = w3.eth.wait_for_transaction_receipt(sent, timeout=20, poll_latency=0.02)
    assert int.from_bytes(w3.eth.call({"to": address}), "big") == 12
    logs = w3.eth.get_logs({"address": address, "fromBlock": receipt["blockNumber"], "toBlock": "latest"})
    assert [entry["topics"][0] for entry in logs] == [contracts.RECORDED]
    assert w3.eth.get_transaction(sent)["blockNumber"] == receipt["blockNumber"]
    with pytest.raises(ContractLogicError):
        w3.eth.call({"to": address, "data": "0xdeadbeef"})


def test_absent_things_raise_what_web3_documents(w3):
    with pytest.raises(TransactionNotFound):
        w3.eth.get_transaction_receipt("0x" + "22" * 32)


def test_batches(w3):
    with w3.batch_requests() as batch:
        batch.add(w3.eth.get_block(0))
        batch.add(w3.eth.get_balance(accounts.fresh().address))
        block, balance = batch.execute()
    assert block["number"] == 0
    assert balance == 0


def test_fee_questions_are_answered(w3):
    assert w3.eth.max_priority_fee >= 0
    assert w3.eth.gas_price >= 0
    history = w3.eth.fee_history(1, "latest", [50])
    assert set(history["baseFeePerGas"]) == {0}


def test_a_contract_object_reads_its_events(w3, engine):
    inputs = [{"name": name, "type": "uint256", "indexed": name == "first"} for name in ("first", "second")]
    abi = [{"type": "event", "name": "Recorded", "anonymous": False, "inputs": inputs}]
    contract = w3.eth.contract(abi=abi)
    address, account = accounts.deploy(engine)
    raw, tx_hash = accounts.sign(account, 1, to=address, data="0x" + contracts.word(6).hex())
    w3.eth.send_raw_transaction(raw)
    receipt = w3.eth.wait_for_transaction_receipt(tx_hash, timeout=20, poll_latency=0.02)
    (event,) = contract.events.Recorded().process_receipt(receipt)
    assert dict(event["args"]) == {"first": 6, "second": 6}
