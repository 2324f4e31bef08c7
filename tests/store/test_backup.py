"""Backups: what was there is there again, sealed on the way; nothing half, nothing in the wrong place."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from api.errors import ApiError
from api.store import backup_postgresql
from api.store.backup import CHUNK, read_info, restore_backup, restore_database, write_backup
from api.store.database import Database, read_only, unit_of_work
from api.store.fsck import fsck
from api.store.log_writer import LogWriter
from api.store.queries import holders
from api.store.tables import Holder
from tests.store.backends import Backend, only_postgresql, only_sqlite
from tests.store.world import IDENTITY, NOW_MS, World


@pytest.fixture
def place(backend: Backend, tmp_path: Path) -> Iterator[str]:
    """Where a backup can be restored to: an empty database, or a file that is not there."""
    if backend.name == "sqlite":
        yield f"sqlite:///{tmp_path / 'restored.sqlite3'}"
        return
    url = backend.create(empty=True)
    yield url
    backend.drop(url)


def back_up(world: World, folder: Path) -> Path:
    file = folder / "store.backup"
    info = write_backup(world.db, folder, file, now_ms=NOW_MS, key_days=35)
    assert read_info(file) == info
    return file


def refused(code: str, file: Path, folder: Path, url: str) -> None:
    with pytest.raises(ApiError) as error:
        restore_database(file, folder, url)
    assert error.value.code == code


def test_all_is_there_again(world: World, writer: LogWriter, place: str, tmp_path: Path) -> None:
    world.whole(writer)
    file = back_up(world, tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"grant_" not in file.read_bytes() and b"PGDMP" not in file.read_bytes()
    with unit_of_work(world.db) as session:
        holders.find_or_create_holders(session, world.vault, [(holders.HolderKind.PERSON, "371099199001019999")])
    restore_database(file, tmp_path, place)
    db = Database(place)
    with read_only(db) as session:
        assert session.query(Holder).count() == 20, "as of the backup"
    report = fsck(db, world.vault, world.log_public_key, identity=IDENTITY)
    assert (report.findings, report.checked["records"]) == ((), 30)
    # It goes on: numbers and sequences are where they were.
    restored = replace(world, db=db)
    again = restored.new_writer()
    again.start()
    restored.add_grant(again, 3)
    again.stop()
    assert fsck(db, world.vault, world.log_public_key, identity=IDENTITY).findings == ()
    db.close()
    refused("backup.exists", file, tmp_path, place)


def test_what_was_changed_is_not_restored(
    world: World, writer: LogWriter, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.store.backup.CHUNK", 4096)
    world.whole(writer)
    file = back_up(world, tmp_path)
    content = file.read_bytes()
    assert len(content) > 4 * 4096 and CHUNK > 4096
    late = bytearray(content)
    late[-60] ^= 1
    for at, damaged in enumerate(
        (bytes(late), content[: len(content) * 2 // 3], content.replace(b"mydata", b"mydatb", 1))
    ):
        other = tmp_path / f"{at}.backup"
        other.write_bytes(damaged)
        refused("backup.malformed", other, tmp_path, place)
    restore_database(file, tmp_path, place)  # the place was left empty each time


@only_postgresql
def test_without_tools_or_with_ones_that_fail(
    world: World, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_parties()
    file = back_up(world, tmp_path)
    empty = tmp_path / "bin"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setattr(backup_postgresql, "_DEBIAN", empty)
    for work in (lambda: back_up(world, _fresh(tmp_path)), lambda: restore_database(file, tmp_path, place)):
        with pytest.raises(ApiError) as error:
            work()
        assert (error.value.code, list(error.value.facts)) == ("backup.no_tools", ["tool"])
    for name in ("pg_dump", "pg_restore"):
        (empty / name).write_text("#!/bin/sh\nexit 3\n")
        (empty / name).chmod(0o755)
    for work in (lambda: back_up(world, _fresh(tmp_path)), lambda: restore_database(file, tmp_path, place)):
        with pytest.raises(ApiError) as error:
            work()
        assert (error.value.code, error.value.facts["code"]) == ("backup.tool_failed", 3)
    assert list(tmp_path.glob("fresh*/*.backup")) == [], "nothing half is left"


@only_sqlite
def test_a_backup_of_the_other_store(world: World, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if shutil.which("initdb") is None and not Path("/usr/lib/postgresql").exists():
        pytest.skip("PostgreSQL's server is not installed (Debian: postgresql)")
    world.add_parties()
    file = back_up(world, tmp_path)
    server = request.getfixturevalue("postgres")
    url = server.create_database("empty_for_backup")
    refused("backup.other_store", file, tmp_path, url)
    server.drop_database("empty_for_backup")
    changed = tmp_path / "said.backup"
    changed.write_bytes(file.read_bytes().replace(b'"store": "sqlite"', b'"store": "postgresql"', 1))
    with pytest.raises(ApiError, match=r"backup\.other_store"):
        restore_backup(changed, tmp_path, tmp_path / "other.sqlite3")


def _fresh(folder: Path) -> Path:
    fresh = folder / f"fresh{len(list(folder.iterdir()))}"
    fresh.mkdir()
    return fresh
