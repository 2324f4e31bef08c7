"""Steps 1 to 3: whether this is the trusted chain, with the trusted contracts."""

from chain.checks.case import Case, invalid


def names_trusted_chain(case: Case) -> None:
    """Step 1. The bundle names the trust file's chain and contracts, and claims something at all."""
    bundle, trust = case.bundle, case.trust
    if bundle.chain_id != trust.chain_id:
        raise invalid("other_chain", chain_id=bundle.chain_id)
    for name, contract in trust.contracts.items():
        if bundle.contracts.get(name) != contract.address:
            raise invalid("other_contract", contract=name)
    if not bundle.certificates and bundle.receipt is None and bundle.grant is None:
        raise invalid("nothing_claimed")


def node_on_chain(case: Case) -> None:
    """Step 2. The node stands on that chain: its chain id and its genesis hash."""
    found = case.view.chain_id()
    if found != case.trust.chain_id:
        raise invalid("node_other_chain", chain_id=found)
    if case.view.genesis_hash() != case.trust.genesis_hash:
        raise invalid("node_other_genesis")
    case.block = case.view.block()


def trusted_code(case: Case) -> None:
    """Step 3. The code at the contracts' addresses is the trusted code."""
    for name, contract in case.trust.contracts.items():
        if case.view.code_hash(contract.address) != contract.code_hash:
            raise invalid("other_code", contract=name)
