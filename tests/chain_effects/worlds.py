"""What a relay test drives: some anchors to bring to a chain, and the one invariant that holds after everything."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence

from chain import calls
from chain.errors import NodeError
from chain.events import EventReader
from chain.identity import ChainIdentity
from chain.ports import Node, TxJournal, TxRow, TxState
from chain.relay import Progress, Relay
from chain.signer import LocalSigner
from tests.fakes.chain_faults import CrashError, FaultyJournal, FaultyNode, Plan
from tests.fakes.chain_node import FakeNode


def root(label: object) -> bytes:
    return hashlib.sha256(str(label).encode()).digest()


def prepare(relay: Relay, contract: bytes, labels: Sequence[object], **options: object) -> None:
    for label in labels:
        relay.prepare(f"anchor:{label}", contract, calls.anchor([root(label)], [1]), **options)


def drain(relay: Relay, *, steps: int = 200, between: Callable[[], object] = lambda: None) -> list[Progress]:
    """Step until nothing is open. A node error is what a worker sees too: it goes on with the next step."""
    done = []
    for _ in range(steps):
        try:
            progress = relay.step()
        except NodeError:
            between()
            continue
        done.append(progress)
        if not progress.open:
            return done
        between()
    raise AssertionError(f"still open after {steps} steps: {done[-1:]}")


def anchored(node: Node, identity: ChainIdentity, issuer: bytes) -> Counter[bytes]:
    """How often each root stands on the canonical chain."""
    address = identity.address("CertificateAnchors")
    reader = EventReader({address: "CertificateAnchors"})
    found: Counter[bytes] = Counter()
    for entry in node.logs(identity.first_block, node.block_number(), [address]):
        event = reader.read(entry, node.block(entry.block_number))
        if event is not None and event.name == "Anchored" and event.args["issuer"] == issuer:
            value = event.args["root"]
            assert isinstance(value, bytes)
            found[value] += 1
    return found


def assert_each_once(
    node: Node, identity: ChainIdentity, signer: LocalSigner, journal: TxJournal, labels: Sequence[object]
) -> None:
    """Every key exactly once on the chain, by one CONFIRMED row whose receipt says the same; nothing is left open."""
    found = anchored(node, identity, signer.address)
    assert {label: found[root(label)] for label in labels} == dict.fromkeys(labels, 1)
    assert not journal.unconfirmed(signer.address, 1)
    for label in labels:
        (row,) = [row for row in attempts(journal, f"anchor:{label}") if row.state is TxState.CONFIRMED]
        receipt = node.receipt(row.tx_hash)
        assert receipt is not None
        assert (receipt.succeeded, receipt.block_number, receipt.block_hash) == (True, row.block_number, row.block_hash)


def attempts(journal: TxJournal, key: str) -> list[TxRow]:
    """The row of a key and those that took its place."""
    rows = []
    while (row := journal.get(key if not rows else f"{key}~{len(rows) + 1}")) is not None:
        rows.append(row)
    return rows


def live_through(
    plan: Plan, chain: FakeNode, journal: TxJournal, signer: LocalSigner, labels: Sequence[object]
) -> None:
    """A worker that prepares a label a turn and dies, or gets no answer, where the plan says; blocks come slowly."""
    contract, now = chain.identity().address("CertificateAnchors"), [1000.0]

    def start() -> Relay:
        node, store = FaultyNode(chain, plan), FaultyJournal(journal, plan)
        return Relay(node, signer, store, chain.chain_id(), clock=lambda: now[0], confirmations=2)

    relay = start()
    for turn in range(40):
        try:
            prepare(relay, contract, labels[: turn + 1])
            progress = relay.step()
        except NodeError:
            pass
        except CrashError:
            # The worker starts again, with nothing but the journal.
            relay = start()
        else:
            if turn >= len(labels) and not progress.open:
                break
        if turn % 2:
            chain.mine()
        now[0] += 1
    assert plan.fired
