"""A service of its own for what is returned here."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import town
from tests.town import Service


@pytest.fixture(scope="module")
def office(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with slices of eight rows."""
    folder = tmp_path_factory.mktemp("office") / "data"
    shutil.copytree(prepared, folder)
    with town.running(folder, batch_leaves=8) as running:
        yield running
