"""A store of its own for each test: database file, development keys, vault, log writer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.store.crypto import Vault
from api.store.database import Database
from api.store.keyring import KeyRing
from api.store.log_writer import LogWriter
from api.store.schema import migrate
from tests.store.world import World


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a migrated, empty database: copying them is faster than migrating anew."""
    path = tmp_path_factory.mktemp("schema") / "empty.sqlite3"
    db = Database(f"sqlite:///{path}")
    migrate(db)
    db.close()
    assert not path.with_name("empty.sqlite3-wal").exists(), "closing folds the WAL into the file"
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path, migrated: bytes) -> Path:
    file = tmp_path / "store.sqlite3"
    file.write_bytes(migrated)
    return file


@pytest.fixture
def db(path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing.load(tmp_path / "keys", production=False)


@pytest.fixture
def vault(keys: KeyRing) -> Vault:
    return Vault(keys)


@pytest.fixture
def world(db: Database, keys: KeyRing, vault: Vault, path: Path) -> World:
    return World(db, keys, vault, path)


@pytest.fixture
def writer(world: World) -> Iterator[LogWriter]:
    log = world.new_writer()
    log.start()
    assert log.wait_ready(5)
    yield log
    log.stop()
