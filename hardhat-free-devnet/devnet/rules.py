"""The rules of the embedded chain: London, as a network of one sealer without fees has them.

What differs from py-evm's own London, and why:

- Difficulty is always 1. py-evm would recompute proof-of-work difficulty, and a block could not be imported again.
- A block may have its parent's time. With strictly increasing times, fast mining runs ahead of the clock without end.
- No block reward: nothing is minted.
- No seal.

The base fee starts at 0 and stays there as long as no block uses more than half of its gas limit (EIP-1559: one fuller
block makes it 1, and from 1 it never comes down). `BLOCK_FILL_GAS` is that half.
"""

import os

from eth.abc import BlockHeaderAPI
from eth.chains.base import Chain
from eth.consensus.noproof import NoProofConsensus
from eth.rlp.headers import BlockHeader
from eth.typing import HeaderParams
from eth.vm.forks.byzantium.headers import configure_header
from eth.vm.forks.london import LondonVM
from eth.vm.forks.london.headers import create_london_header_from_parent
from eth_typing import BlockNumber

BLOCK_GAS_LIMIT = 1_000_000_000
BLOCK_FILL_GAS = BLOCK_GAS_LIMIT // 2
TRANSACTION_GAS_LIMIT = 30_000_000
DIFFICULTY = 1
SEALER = b"\x00" * 20
MAX_EXTRA_DATA_BYTES = 32


def _constant_difficulty(_parent: BlockHeaderAPI, _timestamp: int) -> int:
    return DIFFICULTY


class DevnetVM(LondonVM):
    """London with the differences that the module names."""

    consensus_class = NoProofConsensus

    @classmethod
    def create_header_from_parent(cls, parent_header: BlockHeaderAPI | None, **header_params: object) -> BlockHeader:
        """A child of `parent_header`, or with None the genesis header."""
        header: BlockHeader = create_london_header_from_parent(_constant_difficulty, parent_header, **header_params)
        return header

    def configure_header(self, **header_params: object) -> BlockHeader:
        """The header under construction, with `header_params` set."""
        header: BlockHeader = configure_header(self, difficulty_fn=_constant_difficulty, **header_params)
        return header

    @classmethod
    def validate_header(cls, header: BlockHeaderAPI, parent_header: BlockHeaderAPI) -> None:
        """As London does, but for equal times.

        Raises `eth_utils.ValidationError` when the header is no valid child.
        """
        if header.timestamp == parent_header.timestamp:
            header = header.copy(timestamp=parent_header.timestamp + 1)
        super().validate_header(header, parent_header)

    @staticmethod
    def get_block_reward() -> int:
        """Nothing is minted."""
        return 0


def chain_class(chain_id: int) -> type[Chain]:
    """py-evm's chain over these rules from block 0 on, with the chain id that CHAINID answers."""
    return Chain.configure(__name__="DevnetChain", chain_id=chain_id, vm_configuration=((BlockNumber(0), DevnetVM),))


def genesis_params(now_s: int) -> dict[str, HeaderParams]:
    """Header fields of a new chain's block 0.

    The extra data is random, so that a chain begun anew has another genesis hash: a client that remembers the old one
    notices the reset, which equal chain ids would hide.
    """
    return {
        "coinbase": SEALER,
        "difficulty": DIFFICULTY,
        "gas_limit": BLOCK_GAS_LIMIT,
        "timestamp": now_s,
        "extra_data": b"devnet/1" + os.urandom(MAX_EXTRA_DATA_BYTES - 8),
        "base_fee_per_gas": 0,
        "nonce": b"\x00" * 8,
        "mix_hash": b"\x00" * 32,
    }
