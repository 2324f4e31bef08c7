"""Every test of the suite runs against each engine that is on this machine."""

from collections.abc import Iterator

import pytest

from tests.nodes import accounts, engines


@pytest.fixture(scope="session", params=["embedded", "anvil"])
def engine(request: pytest.FixtureRequest) -> Iterator[engines.Engine]:
    """A running engine, shared: a test must bring its own accounts and contracts."""
    if request.param == "embedded":
        yield request.getfixturevalue("node")
        return
    reason = engines.anvil_missing()
    if reason is not None:
        pytest.skip(reason)
    with engines.anvil_engine() as running:
        yield running


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[engines.Engine]:
    """The embedded engine alone, for what only it promises."""
    with engines.embedded(tmp_path_factory.mktemp("node")) as running:
        yield running


@pytest.fixture(scope="session")
def recorder(engine: engines.Engine) -> str:
    """Address of a RECORDER on `engine`."""
    return accounts.deploy(engine)[0]
