"""Each reason for which a node refuses a broadcast, and what the relay is seen to do about it."""

from collections.abc import Callable

import pytest

from chain.attempts import FILLER
from chain.errors import NodeError, RpcReason, WrongChainError
from chain.ports import TxRow, TxState
from chain.pricing import Pricing
from chain.relay import Progress, Relay
from chain.rpcerrors import REACTIONS, Reaction
from chain.signer import LocalSigner
from tests.chain_effects.worlds import assert_each_once, drain, prepare
from tests.fakes.chain_node import ADDRESSES, FakeNode
from tests.fakes.chain_ports import MemoryJournal

SIGNER = LocalSigner(b"\x11" * 32)
ANCHORS = ADDRESSES["CertificateAnchors"]
LABELS = ["a", "b", "c"]


class Saying(FakeNode):
    """Refuses what it is offered for `reason`, as long as that is set, and counts what it was offered."""

    def __init__(self, reason: RpcReason) -> None:
        super().__init__()
        self.reason: RpcReason | None = reason
        self.offered: list[bytes] = []

    def _accept(self, raw: bytes) -> bytes | NodeError:
        self.offered.append(raw)
        return NodeError(self.reason) if self.reason is not None else super()._accept(raw)


class Bench:
    """A relay at such a node, with its first step taken."""

    def __init__(self, reason: RpcReason, **options: object) -> None:
        self.now = 1000.0
        self.reason = reason
        self.node, self.journal = Saying(reason), MemoryJournal()
        self.relay = Relay(self.node, SIGNER, self.journal, FakeNode.CHAIN_ID, clock=lambda: self.now, **options)
        prepare(self.relay, ANCHORS, LABELS)

    def step(self) -> tuple[Progress, int]:
        """One step: what it says, and how many transactions the node was offered in it."""
        before = len(self.node.offered)
        return self.relay.step(), len(self.node.offered) - before

    def row(self, label: str = "a") -> TxRow:
        found = self.journal.get(f"anchor:{label}")
        assert found is not None
        return found

    def recover(self) -> None:
        """The node takes what it is offered again; everything lands once."""
        self.node.reason = None
        self.now += 3.0
        drain(self.relay)
        assert_each_once(self.node, self.node.identity(), SIGNER, self.journal, LABELS)


def later(bench: Bench) -> None:
    """Not noted as sent, said to nobody, offered again at once."""
    done, offered = bench.step()
    assert (done.broadcast, done.stalled, offered, bench.row().state) == (0, None, 3, TxState.SIGNED)
    assert bench.step()[1] == 3
    bench.recover()


def count_as_sent(bench: Bench) -> None:
    """Noted as sent, and not offered again until nodes may have forgotten it."""
    done, _ = bench.step()
    assert (done.broadcast, done.stalled, bench.row().state) == (3, None, TxState.SENT)
    assert bench.step()[1] == 0
    bench.now += 2.5
    assert bench.step()[1] == 3
    bench.recover()


def seek_receipt(bench: Bench) -> None:
    """Neither sent nor lost: only a receipt for the stored hash would tell, so nothing takes its place for a while."""
    done, _ = bench.step()
    assert (done.broadcast, done.stalled, bench.row().state) == (0, None, TxState.SIGNED)
    bench.now += 10.0
    bench.step()
    assert bench.journal.get("anchor:a~2") is None
    bench.recover()


def send_earlier(bench: Bench) -> None:
    """Said, and all that wait are offered on the next step, not only what is due."""
    done, _ = bench.step()
    assert (done.broadcast, done.stalled) == (0, bench.reason)
    assert bench.step()[1] == 3
    bench.recover()


def raise_price(bench: Bench) -> None:
    """Said where there is no price; where there is one, the same call under the same nonce for more."""
    assert bench.step()[0].stalled is bench.reason
    assert bench.journal.get("anchor:a~2") is None
    bench.recover()
    dear = Bench(bench.reason, pricing=Pricing(10**9))
    done, _ = dear.step()
    assert (done.stalled, done.replaced) == (dear.reason, 1)
    higher = dear.journal.get("anchor:a~2")
    assert higher is not None
    assert (higher.nonce, dear.row().state) == (dear.row().nonce, TxState.REPLACED)
    dear.node.reason = None
    dear.now += 3.0
    drain(dear.relay)
    assert_each_once(dear.node, dear.node.identity(), SIGNER, dear.journal, LABELS)


def tell_operator(bench: Bench) -> None:
    """Said, and offered again for ever; its nonce is never given to anything else."""
    for _ in range(5):
        assert bench.step()[0].stalled is bench.reason
        bench.now += 100.0
    assert not [key for key in bench.journal.rows if key.startswith(FILLER)]
    bench.recover()


def fill(bench: Bench) -> None:
    """Said; and after a while its nonce is filled, so that the others go on."""
    assert bench.step()[0].stalled is bench.reason
    assert not [key for key in bench.journal.rows if key.startswith(FILLER)]
    bench.now += 61.0
    assert bench.step()[0].replaced == 1
    fillers = [row for key, row in bench.journal.rows.items() if key.startswith(FILLER)]
    assert [row.nonce for row in fillers] == [bench.row().nonce]
    bench.node.reason = None
    bench.now += 3.0
    drain(bench.relay)
    assert bench.row().state is TxState.FAILED, "the fact is announced again"
    assert {bench.row(label).state for label in "bc"} == {TxState.CONFIRMED}


def halt(bench: Bench) -> None:
    """Nothing goes on."""
    with pytest.raises(WrongChainError):
        bench.relay.step()
    assert bench.row().state is TxState.SIGNED
    bench.recover()


SEEN: dict[Reaction, Callable[[Bench], None]] = {
    Reaction.LATER: later,
    Reaction.COUNT_AS_SENT: count_as_sent,
    Reaction.SEEK_RECEIPT: seek_receipt,
    Reaction.SEND_EARLIER: send_earlier,
    Reaction.RAISE_PRICE: raise_price,
    Reaction.TELL_OPERATOR: tell_operator,
    Reaction.FILL: fill,
    Reaction.HALT: halt,
}


@pytest.mark.parametrize("reason", RpcReason)
def test_the_relay_does_what_the_list_says(reason: RpcReason) -> None:
    SEEN[REACTIONS[reason]](Bench(reason))
