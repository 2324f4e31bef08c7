"""A store of its own for each test: database, development keys, vault, log writer; every test on SQLite and PostgreSQL.

`@only_sqlite` and `@only_postgresql` (in `tests.store.backends`) are for what one of them alone has.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.demo.postgres import Server
from api.store.crypto import Vault
from api.store.database import Database
from api.store.keyring import KeyRing
from api.store.log_writer import LogWriter
from api.store.schema import migrate
from tests.store.backends import Backend, PostgreSQL, SQLite
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


@pytest.fixture(scope="session")
def template(postgres: Server) -> Iterator[str]:
    """The name of a migrated, empty PostgreSQL database, which tests copy."""
    name = f"empty_{os.urandom(6).hex()}"
    db = Database(postgres.create_database(name))
    migrate(db)
    db.close()
    yield name
    postgres.drop_database(name)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Backend:
    """Where databases come from."""
    if request.param == "sqlite":
        return SQLite(tmp_path_factory.mktemp("stores"), request.getfixturevalue("migrated"))
    return PostgreSQL(request.getfixturevalue("postgres"), request.getfixturevalue("template"))


@pytest.fixture
def url(backend: Backend) -> Iterator[str]:
    """A migrated, empty database."""
    made = backend.create()
    yield made
    backend.drop(made)


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def path(db: Database) -> Path:
    """The file of an SQLite database."""
    assert db.path is not None
    return db.path


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing.load(tmp_path / "keys", production=False)


@pytest.fixture
def vault(keys: KeyRing) -> Vault:
    return Vault(keys)


@pytest.fixture
def world(db: Database, keys: KeyRing, vault: Vault) -> World:
    return World(db, keys, vault)


@pytest.fixture
def writer(world: World) -> Iterator[LogWriter]:
    log = world.new_writer()
    log.start()
    assert log.wait_ready(30)
    yield log
    log.stop()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory, backend: Backend) -> Iterator[World]:
    """One world for all of a module's cases of tampering; each works on a copy of its database."""
    url = backend.create()
    keys = KeyRing.load(tmp_path_factory.mktemp("history") / "keys", production=False)
    database = Database(url)
    made = World(database, keys, Vault(keys))
    log = made.new_writer()
    log.start()
    made.whole(log)
    log.stop()
    database.close()
    yield made
    backend.drop(url)


@pytest.fixture
def returned(world: World) -> World:
    """A world with one sealed return of six records."""
    world.add_parties()
    world.add_return(6)
    return world
