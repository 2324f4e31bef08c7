"""How deep a block must lie, by engine; and which engine a node says that it is."""

import pytest

from chain.confirmations import CONFIRMATIONS, UNKNOWN, confirmations_of, engine_of


@pytest.mark.parametrize(
    ("client", "engine"),
    [
        ("Geth/v1.13.15-stable-c5ba367e/linux-amd64/go1.21", "geth"),
        ("besu/v25.1.0/linux-x86_64/openjdk-java-21", "besu"),
        ("anvil/v1.7.1", "anvil"),
        ("reth/v1.1", None),
        ("", None),
    ],
)
def test_a_node_is_known_by_what_it_calls_itself(client, engine):
    assert engine_of(client) == engine


def test_final_engines_need_nothing_on_top_and_clique_does():
    assert (confirmations_of("besu"), confirmations_of("embedded"), confirmations_of("anvil")) == (0, 0, 0)
    # An isolated pair of four sealers seals two blocks at most, since each may seal one in three.
    assert confirmations_of("geth") > 2
    assert confirmations_of("rpc") == UNKNOWN
    assert all(count >= 0 for count in CONFIRMATIONS.values())


def test_a_real_node_says_what_it_is(world):
    assert engine_of(world.node.client()) == {"embedded": None, "anvil": "anvil"}[world.engine.name]
    # What anvil suggests has nothing to do with what it asks for, which is nothing.
    assert world.node.gas_price() == 0 or world.engine.name == "anvil"
    head = world.node.block_number()
    assert [block.number for block in world.node.headers(max(0, head - 3), head)] == list(
        range(max(0, head - 3), head + 1)
    )
