"""Four geth sealers: one away, two away, one cut off, all restarted, all killed. Nothing is lost or doubled."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chain.calls import Role
from chain.errors import NodeError
from chain.indexer import Indexer
from chain.node import Web3Node
from chain.ports import TxState
from chain.relay import Relay
from chain.signer import LocalSigner
from devnet import geth
from devnet.geth_keeper import mend
from tests.chain_effects.engines import CHAIN_ID
from tests.chain_effects.worlds import assert_each_once, prepare, root
from tests.engines.places import Place, at_one, eventually, grows, height
from tests.fakes.chain_ports import MemoryJournal, MemorySink

pytestmark = pytest.mark.full


class Work:
    """A relay and an indexer at one node, and all that they were ever given."""

    def __init__(self, place: Place, story: str, at: int = 0, signer: LocalSigner | None = None) -> None:
        assert place.network is not None
        self.signer = signer or place.world.department
        self.place, self.network, self.story = place, place.network, story
        self.journal, self.sink = MemoryJournal(), MemorySink()
        self.labels: list[str] = []
        self.node = Web3Node(self.network.nodes[at].url, timeout_s=10.0)
        identity, confirmations = place.world.identity, place.confirmations
        self.relay = Relay(
            self.node,
            self.signer,
            self.journal,
            CHAIN_ID,
            identity=identity,
            confirmations=confirmations,
            resend_s=1.0,
        )
        self.indexer = Indexer(self.node, self.sink, identity, confirmations=confirmations, shorter_grace_s=120.0)

    def give(self, count: int) -> None:
        fresh = [f"{self.story} {len(self.labels) + number}" for number in range(count)]
        prepare(self.relay, self.place.world.address("CertificateAnchors"), fresh, simulate=False)
        self.labels += fresh

    def settled(self) -> bool:
        """One step of each; whether all that was given is confirmed, and told by the indexer."""
        still_open = self.relay.step().open
        behind = self.indexer.step().behind
        return not still_open and not behind and self.told() >= {root(label) for label in self.labels}

    def told(self) -> set[object]:
        return {event.args.get("root") for event in self.sink.events if event.name == "Anchored"}

    def check(self) -> None:
        eventually(self.settled, "all that was given is confirmed and told")
        assert_each_once(self.node, self.place.world.identity, self.signer, self.journal, self.labels)
        told = [event.args["root"] for event in self.sink.events if event.name == "Anchored"]
        assert len(told) == len(set(told))


def test_with_one_sealer_away_the_chain_goes_on(whole: Place) -> None:
    assert whole.network is not None
    work = Work(whole, "one away")
    work.give(10)
    whole.network.stop([3], signal.SIGKILL)
    work.give(10)
    eventually(grows(whole.network.nodes[0], 6), "three sealers go on")
    work.check()
    whole.network.start([3])
    eventually(lambda: at_one(whole.network), "the fourth catches up")


def test_with_two_away_it_stands_and_goes_on_when_one_is_back(whole: Place) -> None:
    assert whole.network is not None
    network, work = whole.network, Work(whole, "two away")
    network.stop([2, 3])
    heights: list[int] = []

    def stands() -> bool:
        heights.append(height(network.nodes[0]))
        return len(heights) > 25 and len(set(heights[-25:])) == 1  # five seconds at a block a second

    eventually(stands, "two of four seal nothing")
    work.give(10)
    work.relay.step()
    assert not work.settled()
    assert all(row.state in {TxState.SIGNED, TxState.SENT} for row in work.journal.rows.values())
    network.start([2])
    work.check()


def test_a_sealer_that_was_cut_off_comes_back_to_the_others(whole: Place) -> None:
    """The cut-off sealer may seal once more by itself; on healing its block gives way, and what it held is not lost."""
    assert whole.network is not None
    network = whole.network
    alone = network.nodes[3]
    for attempt in range(12):
        work = Work(whole, f"cut off {attempt}", at=3)
        work.give(1)
        began = height(alone)
        network.part([3])
        assert alone.ask("net_peerCount") == "0x0"
        work.relay.step()  # offered to the cut-off node alone
        eventually(grows(network.nodes[0], 4), "the three go on without it")
        ahead = alone.ask("eth_getBlockByNumber", "latest", False)
        others = height(network.nodes[0])
        assert began <= int(ahead["number"], 16) < others  # by itself it seals one block, and never two
        work.indexer.step()
        assert root(work.labels[0]) not in work.told()  # the confirmations asked for are more than one block
        network.join([3])
        eventually(lambda: at_one(network), "all are of one mind again")
        work.check()
        # Where a nonce was left over by the block that gave way, a transaction that does nothing fills it.
        stands = [row for row in work.journal.rows.values() if row.state is TxState.CONFIRMED]
        assert stands
        for row in stands:
            found = [node.ask("eth_getTransactionReceipt", "0x" + row.tx_hash.hex()) for node in network.nodes]
            assert len({receipt["blockHash"] for receipt in found}) == 1
        if alone.ask("eth_getBlockByNumber", ahead["number"], False)["hash"] != ahead["hash"]:
            return  # it had a block of its own, which gave way
    pytest.fail("in twelve attempts the cut-off sealer's turn never came")


def test_two_halves_both_stand_and_lose_nothing(whole: Place) -> None:
    assert whole.network is not None
    network = whole.network
    left = Work(whole, "left", at=0)
    signer = whole.party("right department", Role.DEPARTMENT)
    right = Work(whole, "right", at=2, signer=signer)
    network.part([2, 3])
    left.give(5)
    right.give(5)
    left.relay.step()
    right.relay.step()
    heights: list[tuple[int, int]] = []

    def both_stand() -> bool:
        heights.append((height(network.nodes[0]), height(network.nodes[2])))
        return len(heights) > 25 and len(set(heights[-25:])) == 1

    eventually(both_stand, "neither half has more than half of the sealers")
    assert not left.settled()
    network.join([2, 3])
    # Clique's known weakness: halves of equal weight may each wait for a sealer of the other. Then one steps back.
    began = [height(node) for node in network.nodes]
    for _ in range(100):
        if all(height(node) > before for node, before in zip(network.nodes, began, strict=True)):
            break
        time.sleep(0.2)
    else:
        mend(network)
    eventually(lambda: at_one(network), "all are of one mind again")
    left.check()
    right.check()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_all_restart_and_go_on_where_they_were(whole: Place, how: signal.Signals) -> None:
    assert whole.network is not None
    network, work = whole.network, Work(whole, f"restart {how.name}")
    work.give(20)
    work.relay.step()
    eventually(grows(network.nodes[0], 2), "some are mined")
    before = {number: network.nodes[0].ask("eth_getBlockByNumber", hex(number), False)["hash"] for number in range(5)}
    network.stop(how=how)
    with pytest.raises(NodeError):
        work.relay.step()
    network.start()
    work.give(5)
    eventually(grows(network.nodes[0], 3), "the chain goes on")
    again = {number: network.nodes[0].ask("eth_getBlockByNumber", hex(number), False)["hash"] for number in before}
    assert again == before
    work.check()


def test_the_command_runs_a_network_and_goes_on_with_it(tmp_path: Path) -> None:
    """As a user has it: `python -m devnet geth`, stopped by SIGTERM, and again in the same directory."""
    try:
        geth.find()
    except geth.GethMissingError as missing:
        pytest.skip(str(missing))
    ready, genesis = tmp_path / "ready", set()
    for _ in range(2):
        ready.unlink(missing_ok=True)
        line = [sys.executable, "-m", "devnet", "geth", "--data", str(tmp_path / "net"), "--nodes", "1", "--port", "0"]
        line += ["--ready-file", str(ready)]
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            eventually(lambda: ready.exists() or process.poll() is not None, "it is ready")  # noqa: B023 - run at once
            node = Web3Node(ready.read_text(), timeout_s=10.0)
            genesis.add(node.block(0).hash)
            eventually(lambda: node.block_number() > 0, "it seals")  # noqa: B023 - as above
            node.close()
        finally:
            process.terminate()
            out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert out.startswith("listening on http://127.0.0.1:")
        assert "wait for confirmations" in err
    assert len(genesis) == 1
    other = [*line, "--chain-id", "4711"]
    refused = subprocess.run(other, capture_output=True, text=True, check=False, timeout=120)
    assert refused.returncode == 1
    assert "holds chain 777001" in refused.stderr
