"""Certificates brought to a chain: how many a second and what gas each, by the size of a batch, on each engine."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from api.demo.bench.report import Figure
from api.demo.chain_bench.documents import documents, leaf_hashes
from api.demo.chain_bench.engines import EngineMissingError, running
from chain import calls
from chain.deploy import Deployment, deploy
from chain.errors import NodeError
from chain.merkle import BatchTree
from chain.node import Web3Node
from chain.ports import SignedTx, TxReceipt
from chain.signer import LocalSigner

TREE_LEAVES = 1024  # a batch's tree has at most so many
ROOTS = 100  # of one call
SENT_AT_ONCE = 100
PATIENCE_S = 180.0
POLL_S = 0.02
# How many batches of each size are anchored: enough to take some time, few enough to end.
REPEATS = {1: 100, 10: 50, 100: 20, 1_000: 5}


@dataclass(frozen=True, slots=True)
class _Chain:
    node: Web3Node
    deployment: Deployment
    department: LocalSigner


def anchored(folder: Path, engines: Sequence[str], sizes: Sequence[int], share: float) -> list[Figure]:
    """Figures for each engine that is here; a line that says so for one that is not. `share` scales the repeats."""
    figures: list[Figure] = []
    for name in engines:
        group = f"anchoring: {name}"
        try:
            with running(name, folder / name) as url:
                figures += _on(_deployed(url, name), group, sizes, share)
        except EngineMissingError as missing:
            figures.append(Figure(group, "not here", 0.0, "", note=str(missing)))
    return figures


def _deployed(url: str, engine: str) -> _Chain:
    node = Web3Node(url, timeout_s=PATIENCE_S)
    deployer, one, other, department = (
        LocalSigner(hashlib.sha256(f"bench {name}".encode()).digest())
        for name in ("deployer", "admin 1", "admin 2", "department")
    )
    party = calls.PartyProposal(
        hashlib.sha256(b"bench party").digest(), calls.Role.DEPARTMENT, department.address, bytes(32), bytes(32)
    )
    return _Chain(node, deploy(node, deployer, (one, other), [party], engine=engine), department)


def _on(chain: _Chain, group: str, sizes: Sequence[int], share: float) -> list[Figure]:
    figures = []
    for size in sizes:
        repeats = max(1, round(REPEATS.get(size, 1) * share))
        found = documents(size * repeats)
        begun = time.perf_counter()
        gas = _bring(chain, [leaf_hashes(found[at : at + size]) for at in range(0, len(found), size)])
        spent = time.perf_counter() - begun
        note = f"{repeats} x {size:,}, from values to a mined root"
        figures += [
            Figure(group, f"batches of {size:,}: certificates", len(found) / spent, "1/s", note=note),
            Figure(group, f"batches of {size:,}: gas each", gas / len(found), "gas", more_is_better=False),
        ]
    return figures


def _bring(chain: _Chain, batches: Sequence[Sequence[bytes]]) -> int:
    """Anchor batches, each by calls of its own; the gas that all of it used."""
    address, sender = chain.deployment.addresses["CertificateAnchors"], chain.department
    nonce = chain.node.nonce(sender.address)
    signed: list[SignedTx] = []
    for leaves in batches:
        trees = [BatchTree(leaves[at : at + TREE_LEAVES]) for at in range(0, len(leaves), TREE_LEAVES)]
        for at in range(0, len(trees), ROOTS):
            part = trees[at : at + ROOTS]
            data = calls.anchor([tree.root for tree in part], [tree.size for tree in part])
            signed.append(
                sender.sign_transaction(
                    chain_id=chain.deployment.chain_id,
                    nonce=nonce + len(signed),
                    to=address,
                    data=data,
                    gas=calls.gas_limit(data),
                    gas_price=0,
                )
            )
    gas = 0
    for at in range(0, len(signed), SENT_AT_ONCE):
        some = signed[at : at + SENT_AT_ONCE]
        for answer in chain.node.send_raw_many([one.raw for one in some]):
            if isinstance(answer, NodeError):
                raise answer
        gas += sum(receipt.gas_used for receipt in _mined(chain.node, [one.tx_hash for one in some]))
    return gas


def _mined(node: Web3Node, hashes: Sequence[bytes]) -> list[TxReceipt]:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        receipts = node.receipts(hashes)
        found = [receipt for receipt in receipts if receipt is not None]
        if len(found) == len(hashes):
            assert all(receipt.succeeded for receipt in found)
            return found
        if time.monotonic() > deadline:
            raise TimeoutError("the chain did not take the batches")
        time.sleep(POLL_S)
