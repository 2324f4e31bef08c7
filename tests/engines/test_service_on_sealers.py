"""The whole service on four geth sealers: one away, two away, cut off and healed, all killed.

The engine's own behaviour is in test_sealers.py; here people return, agree, pull and take back meanwhile. What they did
holds at once, what they are told is true, and in the end all of it stands on the chain, once.
"""

import json
import re
import signal
from collections.abc import Callable, Iterator

import httpx
import pytest

from api.demo.provision import provision
from api.settings import Settings
from devnet import geth
from tests import town
from tests.engines.doings import GRANT_STATE, Doings, told
from tests.engines.places import PATIENCE_S, Place, at_one, eventually, grows, height
from tests.town import Service, chain_loop, until

pytestmark = pytest.mark.full

STANDS_AFTER_S = 8.0


@pytest.fixture(scope="module")
def on_sealers(sealers: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of its own contracts on the network, at its first node; the worker's chain side runs all the while."""
    assert sealers.network is not None
    node = sealers.network.nodes[0]
    eventually(grows(node), "blocks come")
    folder = tmp_path_factory.mktemp("on_sealers") / "data"
    provision(Settings(data_dir=folder, rpc_url=node.url, port=1, engine="rpc"))
    assert json.loads((folder / "chain.json").read_text())["engine"] == "geth"
    with town.running(folder, node.http_port, engine="rpc") as service, chain_loop(service) as loop:
        loop.stands_after_s = STANDS_AFTER_S
        yield service


@pytest.fixture
def doings(whole: Place, on_sealers: Service) -> Doings:
    """Nothing done yet, on a network that is whole."""
    until(lambda: told(on_sealers)[0] == "ok", "the worker sees the chain", PATIENCE_S)
    return Doings(on_sealers)


def test_with_one_sealer_away_everything_is_anchored_all_the_same(whole: Place, doings: Doings) -> None:
    network = _network(whole)
    network.stop([3], signal.SIGKILL)
    doings.go()
    doings.check(network.nodes[1].url)
    assert doings.said()["state"] == "anchored"


def test_with_two_away_people_read_delayed_and_all_goes_on(whole: Place, doings: Doings) -> None:
    network = _network(whole)
    network.stop([2, 3])
    eventually(_stands(network.nodes[0]), "two of four seal nothing")
    doings.go()
    until(lambda: told(doings.service) == ("delayed", "chain.standing"), "the service notices", PATIENCE_S)
    said = doings.said()
    assert (said["state"], said["reason"]) == ("delayed", "anchoring.standing")
    assert said["since"] is not None
    assert re.search(r"自 \d{4}年\d{1,2}月\d{1,2}日 \d{2}:\d{2} 起：暂时停止接收登记", doings.page())
    ready = httpx.get(f"{doings.service.url}/readyz", trust_env=False)
    assert (ready.status_code, ready.json()["parts"]["chain"]) == (200, "delayed")
    assert ready.json()["reasons"]["chain"]["code"] == "chain.standing"
    doings.go()  # returns, consents, deliveries and revocations go on
    assert not doings.landed()
    network.start([2])
    doings.check(network.nodes[1].url)
    assert doings.said()["state"] == "anchored"
    until(lambda: told(doings.service) == ("ok", None), "the service says so", PATIENCE_S)


def test_cut_off_and_healed_nothing_was_called_anchored_that_was_not(whole: Place, doings: Doings) -> None:
    """The service's own node alone on its side: what it seals by itself gives way when the others are back."""
    network = _network(whole)
    network.part([0])
    doings.go()
    eventually(grows(network.nodes[1], 4), "the three go on without it")
    until(lambda: told(doings.service) == ("delayed", "chain.standing"), "the service notices", PATIENCE_S)
    every = [*doings.kept, *doings.taken_back]
    assert {row[0] for grant in every for row in doings.service.rows(GRANT_STATE, id=grant)} == {"pending"}
    network.join([0])
    eventually(lambda: at_one(network), "all are of one mind again")
    doings.check(network.nodes[2].url)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_all_stopped_and_started_again(whole: Place, doings: Doings, how: signal.Signals) -> None:
    network = _network(whole)
    doings.go()
    network.stop(how=how)
    until(lambda: told(doings.service)[0] == "delayed", "the service notices", PATIENCE_S)
    doings.go()
    assert doings.said()["reason"] == "anchoring.unreachable"
    network.start()
    doings.check(network.nodes[3].url)


def _network(whole: Place) -> geth.Network:
    assert whole.network is not None
    return whole.network


def _stands(node: geth.Node, looks: int = 25) -> Callable[[], bool]:
    heights: list[int] = []

    def stands() -> bool:
        heights.append(height(node))
        return len(heights) > looks and len(set(heights[-looks:])) == 1

    return stands
