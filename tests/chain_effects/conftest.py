from collections.abc import Iterator
from pathlib import Path

import pytest

from devnet import anvil
from tests.chain_effects.engines import Engine, settle
from tests.chain_effects.witnessed import Desk, Operator
from tests.unit.chain.tile_log import TileLog


def _engine(name, tmp_path_factory):
    if name == "anvil":
        try:
            anvil.find()
        except anvil.AnvilMissingError as missing:
            pytest.skip(str(missing))
    engine = Engine(name, tmp_path_factory.mktemp(name))
    engine.start()
    return engine


@pytest.fixture(scope="session", params=["embedded", "anvil"])
def world(request, tmp_path_factory):
    """A deployed world on each engine that is present; shared, so tests use labels of their own."""
    engine = _engine(request.param, tmp_path_factory)
    try:
        yield settle(engine)
    finally:
        engine.kill()


@pytest.fixture(scope="session")
def anvil_world(tmp_path_factory):
    """An anvil of its own, for tests that reorganise it."""
    engine = _engine("anvil", tmp_path_factory)
    try:
        yield settle(engine)
    finally:
        engine.kill()


@pytest.fixture
def fresh_anvil_world(tmp_path_factory):
    """An anvil for one test: after some hundred blocks were taken back and made anew, anvil loses older state."""
    engine = _engine("anvil", tmp_path_factory)
    try:
        yield settle(engine)
    finally:
        engine.kill()


@pytest.fixture
def own_world(tmp_path):
    """An embedded engine of its own, for tests that stop or reset it."""
    engine = Engine("embedded", tmp_path)
    engine.start()
    try:
        yield settle(engine)
    finally:
        engine.kill()


@pytest.fixture
def operator() -> Iterator[Operator]:
    found = Operator(TileLog.of(300))
    yield found
    found.close()


@pytest.fixture
def desk(tmp_path: Path, operator: Operator) -> Desk:
    return Desk(tmp_path / "w1", operator)
