import json

import pytest

from chain import calls
from chain.abi import CONTRACTS
from chain.canonical import canonical
from chain.deploy import Deployment, send_and_wait, trust_document
from chain.errors import ChainError, FormatError, WrongChainError
from chain.identity import ChainIdentity, ContractIdentity, code_hash
from chain.receipt import log_id
from chain.trustfile import parse_trust_file
from tests.chain_effects.worlds import root

PUBLIC_KEY = bytes(range(32))


def test_a_deployment_names_what_stands_there(world):
    deployment, node = world.deployment, world.node
    assert set(deployment.addresses) == set(deployment.code_hashes) == set(CONTRACTS)
    assert {name: code_hash(node.code(address)) for name, address in deployment.addresses.items()} == dict(
        deployment.code_hashes
    )
    assert node.code(deployment.addresses["PartyRegistry"], deployment.block)
    assert not node.code(deployment.addresses["PartyRegistry"], deployment.block - 1)
    deployment.identity().check(node)
    assert Deployment.from_json(json.loads(json.dumps(deployment.to_json()))) == deployment


@pytest.mark.parametrize("field", ["chain_id", "genesis_hash", "address", "code"])
def test_an_identity_that_differs_in_anything_is_refused(field, world):
    good = world.identity
    chain_id = good.chain_id + (field == "chain_id")
    genesis = root("other") if field == "genesis_hash" else good.genesis_hash
    contracts = dict(good.contracts)
    if field == "address":
        contracts["Grants"] = ContractIdentity(contracts["ReceiptLog"].address, contracts["Grants"].code_hash)
    if field == "code":
        contracts["Grants"] = ContractIdentity(contracts["Grants"].address, root("other"))
    with pytest.raises(WrongChainError):
        ChainIdentity(chain_id, genesis, contracts).check(world.node)


@pytest.mark.parametrize("change", ["chain_id", "block", "contracts", "schema", "extra"])
def test_a_damaged_deployment_file_is_refused(change, world):
    document = world.deployment.to_json()
    if change == "extra":
        document["more"] = 1
    else:
        document[change] = {} if change == "contracts" else "x"
    with pytest.raises(FormatError):
        Deployment.from_json(document)


def test_the_trust_file_reads_back_with_everything_that_was_deployed(world):
    admins = [admin.address for admin in world.admins]
    document = trust_document(
        world.deployment, log_public_key=PUBLIC_KEY, admins=admins, identity_providers=[], validators=["0x01"]
    )
    trust = parse_trust_file(canonical(document))
    assert (trust.chain_id, trust.genesis_hash) == (world.deployment.chain_id, world.deployment.genesis_hash)
    assert {name: (item.address, item.code_hash) for name, item in trust.contracts.items()} == {
        name: (world.deployment.addresses[name], world.deployment.code_hashes[name]) for name in CONTRACTS
    }
    assert trust.registry_admins == frozenset(admins)
    assert trust.log_id == log_id(PUBLIC_KEY)
    assert (trust.engine, trust.validators) == (world.engine.name, ("0x01",))


def test_a_set_up_transaction_that_fails_is_an_error(world):
    data = calls.revoke(root("nothing"), 0, 1)
    contract = world.address("CertificateAnchors")
    with pytest.raises(ChainError) as caught:
        send_and_wait(world.node, world.department, contract, data, gas=calls.gas_limit(data))
    assert caught.value.code == "chain.deploy"
