"""The suite's engines: the embedded one always, anvil and geth where they are installed (with `--full`)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devnet import anvil, geth
from tests.engines.places import Place, at_one, eventually, four_sealers, one_process


@pytest.fixture(
    scope="session",
    params=["embedded", pytest.param("anvil", marks=pytest.mark.full), pytest.param("geth", marks=pytest.mark.full)],
)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Every engine that is present; shared, so tests use labels and keys of their own."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    if request.param == "geth":
        yield request.getfixturevalue("sealers")
        return
    if request.param == "anvil":
        try:
            anvil.find()
        except anvil.AnvilMissingError as missing:
            pytest.skip(str(missing))
    running = one_process(request.param, folder)
    try:
        yield running
    finally:
        running.world.engine.kill()


@pytest.fixture(scope="session")
def sealers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Four geth sealers. A test that stops or parts them puts them together again."""
    try:
        geth.find()
    except geth.GethMissingError as missing:
        pytest.skip(str(missing))
    with four_sealers(tmp_path_factory.mktemp("geth")) as running:
        yield running


@pytest.fixture
def whole(sealers: Place) -> Place:
    """The network with all four up and of one mind, before and after."""
    assert sealers.network is not None
    network = sealers.network

    def mend() -> None:
        running = {node.number for node in network.running()}
        network.start([node.number for node in network.nodes if node.number not in running])
        network.join(range(len(network.nodes)))
        eventually(lambda: at_one(network), "the network is whole")

    mend()
    return sealers
