"""How many blocks must stand on a block before what is in it counts, by engine."""

from collections.abc import Mapping
from types import MappingProxyType

CONFIRMATIONS: Mapping[str, int] = MappingProxyType(
    {
        # One miner, nothing is ever taken back.
        "embedded": 0,
        # Mines on demand and reorganises on command alone; a block on top may never come.
        "anvil": 0,
        # QBFT: a block is final once it is there.
        "besu": 0,
        # Clique with four sealers: each may seal one block in three, so those that are cut off seal two at most before
        # they stand. Twice that, for sealers that come and go.
        "geth": 4,
    }
)
UNKNOWN = 0
"""A node behind a URL whose engine nobody named: the operator sets `MYDATA_CONFIRMATIONS`."""


def engine_of(client: str) -> str | None:
    """The engine that calls itself `client` (`web3_clientVersion`); None for one that this service does not know."""
    name = client.split("/", 1)[0].lower()
    return {"anvil": "anvil", "geth": "geth", "besu": "besu"}.get(name)


def confirmations_of(engine: str) -> int:
    """Blocks on top for an engine by its name in the deployment's record."""
    return CONFIRMATIONS.get(engine, UNKNOWN)
