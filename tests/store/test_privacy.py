"""Nothing personal stands in the database's bytes: not in the file, not in its WAL, not in what an error says."""

import base64
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.demo.postgres import Server
from api.errors import ApiError
from api.store import read_only, unit_of_work
from api.store.log_writer import LogWriter
from api.store.queries import holders, sessions
from api.store.tables import Party
from tests.store.backends import Dba, only_postgresql, only_sqlite
from tests.store.world import World, id_number

SECRET = "secretvalue91371000"


@only_sqlite
def test_no_personal_bytes_in_file_or_wal(world: World, writer: LogWriter, path: Path) -> None:
    live(world, writer)
    files = list(path.parent.glob("store.sqlite3*"))
    data = b"".join(file.read_bytes() for file in files)
    assert any(file.name.endswith("-wal") and file.stat().st_size > 0 for file in files), "the WAL is looked at, too"
    search(world, data)


@only_postgresql
def test_no_personal_bytes_in_tables_wal_or_the_servers_log(world: World, writer: LogWriter, postgres: Server) -> None:
    """The whole server: its tables after a checkpoint, its WAL, and what it wrote into its own log about refusals."""
    live(world, writer)
    values = {"id": SECRET, "role": "entity", "name_zh": SECRET, "name_en": "", "status": "x", "created_at_ms": 1}
    for wrong, code in (({"uscc": SECRET * 9}, "store.value"), ({"role": None}, "store.conflict")):
        with pytest.raises(ApiError, match=code), unit_of_work(world.db) as session:
            session.add(Party(**(values | wrong)))
    with pytest.raises(SQLAlchemyError), unit_of_work(world.db) as session:
        session.execute(text("SELECT * FROM parties WHERE nothing = :secret"), {"secret": SECRET})
    with Dba(str(world.db.url)) as dba:
        dba.execute("CHECKPOINT")
        (oid,) = dba.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
    places = [*(postgres.data / "base" / str(oid)).iterdir(), *(postgres.data / "pg_wal").glob("0*")]
    search(world, b"".join(file.read_bytes() for file in places))
    assert SECRET.encode() not in postgres.log.read_bytes()


def live(world: World, writer: LogWriter) -> None:
    world.whole(writer, people=40)
    with unit_of_work(world.db) as session:
        key = holders.holder_key(session, world.vault, world.holder_ids[0])
        holders.set_profile(session, key, {"name": "市民0", "number": id_number(0)})
        sessions.open_session(
            session,
            world.vault,
            role="citizen",
            subject="s",
            display="市民0",
            holder_id=world.holder_ids[0],
            party_id=None,
            life_ms=1000,
        )


def search(world: World, data: bytes) -> None:
    assert world.holder_ids[0].encode() in data, "the search finds what is there"
    for place in range(40):
        number = id_number(place)
        for form in (number.encode(), number.lower().encode(), number[:17].encode(), number.encode("utf-16-le")):
            assert form not in data
        assert base64.b64encode(number.encode()).rstrip(b"=")[:20] not in data
        assert f"市民{place}".encode() not in data
    assert b"some file" not in data
    assert b"original file" not in data


@only_sqlite
def test_erased_bytes_are_overwritten(world: World, path: Path) -> None:
    """secure_delete: what is deleted does not stay behind in free pages."""
    with unit_of_work(world.db) as session:
        assert session.execute(text("PRAGMA secure_delete")).scalar_one() == 1


def test_shredding_a_key_ends_every_reading(world: World, writer: LogWriter) -> None:
    from api.store.queries import records
    from api.store.tables import Holder

    world.add_parties()
    world.add_return(2)
    mine = world.holder_ids[0]
    with unit_of_work(world.db) as session:
        session.get_one(Holder, mine).wrapped_key = b""
    world.vault.forget(mine)
    with read_only(world.db) as session:
        with pytest.raises(ApiError, match=r"store\.erased"):
            holders.holder_key(session, world.vault, mine)
        other = holders.holder_key(session, world.vault, world.holder_ids[1])
        view = records.get_record(session, world.holder_ids[1], world.record_ids[1])
        assert view is not None
        assert records.open_body(other, view.record).fields["name"] == "市民1"
