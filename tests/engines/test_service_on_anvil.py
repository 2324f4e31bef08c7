"""The whole service on anvil, which can be told to misbehave: reorgs, dropped transactions, lost replies.

Turns are taken one at a time, and after each of them nothing is called anchored that is not on the chain.
"""

import random
from collections.abc import Iterator

import pytest

from api import worker
from api.demo.provision import provision
from api.settings import Settings
from chain.errors import NodeError, RpcReason
from chain.node import Web3Node
from devnet import anvil
from tests import town
from tests.chain_effects.engines import Engine, LossyProxy
from tests.engines.doings import Doings
from tests.town import Service

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    try:
        anvil.find()
    except anvil.AnvilMissingError as missing:
        pytest.skip(str(missing))
    running = Engine("anvil", tmp_path_factory.mktemp("anvil"))
    running.start()
    try:
        yield running
    finally:
        running.kill()


@pytest.fixture(scope="module")
def on_anvil(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("on_anvil") / "data"
    provision(Settings(data_dir=folder, rpc_url=engine.url, port=1, engine="rpc"))
    with town.running(folder, engine.port, engine="rpc") as service:
        yield service


@pytest.fixture
def node(engine: Engine) -> Iterator[Web3Node]:
    found = Web3Node(engine.url, timeout_s=20.0)
    yield found
    found.close()


def rpc(node: Web3Node, method: str, *params: object) -> object:
    return node._ask(method, list(params), lambda value: value)


ANCHORED = r"""
    SELECT 'grant\:' || id FROM grants WHERE anchor_state = 'anchored'
    UNION ALL SELECT 'anchor\:' || id || '\:0' FROM returns WHERE state = 'anchored'
    UNION ALL SELECT 'checkpoint\:' || size FROM checkpoints WHERE anchor_state = 'anchored'
"""


def not_there(service: Service, node: Web3Node) -> list[str]:
    """Facts that the service calls anchored and whose transaction the chain does not have, or not as a success."""
    keys = [str(row[0]) for row in service.rows(ANCHORED)]
    found = {
        row[0]: bytes(row[1]) for row in service.rows("SELECT key, tx_hash FROM chain_txs WHERE state <> 'replaced'")
    }
    base = {key.partition("~")[0]: tx for key, tx in sorted(found.items())}
    receipts = dict(zip(keys, node.receipts([base[key] for key in keys]), strict=True)) if keys else {}
    return [key for key, receipt in receipts.items() if receipt is None or not receipt.succeeded]


def honest_turns(service: Service, node: Web3Node) -> Doings:
    """Doings whose every turn is looked at."""

    def turn() -> None:
        service.turn()
        assert not_there(service, node) == []

    return Doings(service, turn=turn)


@pytest.mark.parametrize("depth", [1, pytest.param(7, marks=pytest.mark.full), 64])
def test_a_reorg_undoes_what_was_anchored_and_all_of_it_comes_back(
    depth: int, on_anvil: Service, node: Web3Node, engine: Engine
) -> None:
    rpc(node, "anvil_mine", hex(depth + 8))  # so that contracts and parties stay out of it
    doings = honest_turns(on_anvil, node)
    for _ in range(2):
        doings.go()
        doings.check(engine.url)
    rpc(node, "anvil_mine", hex(depth // 2))
    on_anvil.turn()
    assert not_there(on_anvil, node) == []
    rpc(node, "anvil_reorg", depth, [])
    assert not_there(on_anvil, node), "nothing was lost: the reorg was none"
    rpc(node, "evm_setAutomine", False)
    try:
        # What is sent again is not mined yet: the lost ones must be called pending now.
        doings.turn()
        assert not doings.landed()
    finally:
        rpc(node, "evm_setAutomine", True)
        rpc(node, "evm_mine")
    doings.go()
    doings.check(engine.url)
    assert not_there(on_anvil, node) == []


def test_transactions_that_the_node_dropped_are_offered_again(
    on_anvil: Service, node: Web3Node, engine: Engine
) -> None:
    doings = honest_turns(on_anvil, node)
    rpc(node, "evm_setAutomine", False)
    try:
        doings.go()
        doings.turn()
        rows = on_anvil.rows("SELECT tx_hash FROM chain_txs WHERE state IN ('signed', 'sent') ORDER BY nonce")
        assert rows
        for row in rows[::2]:  # the first one too, so that a gap is left
            rpc(node, "anvil_dropTransaction", "0x" + bytes(row[0]).hex())
        rpc(node, "evm_mine")
        gone = node.receipts([bytes(row[0]) for row in rows[::2]])
        assert gone == [None] * len(gone)
    finally:
        rpc(node, "evm_setAutomine", True)

    def mined() -> None:
        doings_turn()
        rpc(node, "evm_mine")

    doings_turn, doings.turn = doings.turn, mined
    doings.check(engine.url)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.full)])
def test_replies_that_are_lost_on_the_way_double_nothing(
    seed: int, on_anvil: Service, node: Web3Node, engine: Engine
) -> None:
    """Every call reaches the node; of some the answer is swallowed, and the worker is built anew, as after a crash."""
    proxy, chance = LossyProxy(engine.port), random.Random(seed)
    lossy = on_anvil.settings.model_copy(update={"rpc_url": proxy.url})
    doings = Doings(on_anvil)
    ctx, loop = worker.build(lossy)
    lost = 0

    def turn() -> None:
        nonlocal ctx, loop, lost
        (proxy.swallow.set if not proxy.swallowed or chance.random() < 0.3 else proxy.swallow.clear)()
        loop.next_checkpoint = 0.0
        try:
            loop.turn()
        except NodeError as error:
            if error.reason not in {RpcReason.TIMED_OUT, RpcReason.UNREACHABLE}:
                raise
            lost += 1
            ctx.db.close()
            ctx, loop = worker.build(lossy)
        assert not_there(on_anvil, node) == []

    doings.turn = turn
    try:
        for _ in range(2):
            doings.go()
            doings.turn()
        doings.check(engine.url)
    finally:
        proxy.close()
        ctx.db.close()
    assert proxy.swallowed >= lost > 0
