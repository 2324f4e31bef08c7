"""Keys at rest: made once in development, never in production, private, and each under its own name."""

import stat
import threading
from pathlib import Path

import pytest

from api.errors import ApiError
from api.store.keyring import KEY_BYTES, KeyRing, master_key_id


def to_production(folder: Path) -> None:
    for file in folder.glob("*.key"):
        file.write_text(file.read_text().replace(" development ", " production "))


def test_made_once_and_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    first = KeyRing.load(folder, production=False)
    again = KeyRing.load(folder, production=False)
    for name in ("blind_index", "log", "relay", "registry_admins", "identity_provider", "session", "copy_seal"):
        assert getattr(first, name) == getattr(again, name)
    assert first.department("party_x") == again.department("party_x")
    every = [first.blind_index, first.log, first.relay, *first.registry_admins, *first.masters.values()]
    assert len(set(every)) == len(every)
    assert {len(key) for key in every} == {KEY_BYTES}


def test_files_are_private(tmp_path: Path) -> None:
    KeyRing.load(tmp_path / "keys", production=False)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    files = list((tmp_path / "keys").iterdir())
    assert len(files) > 5
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert all(file.suffix == ".key" for file in files), "no drafts are left"


def test_race_ends_with_one_key(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    rings = [KeyRing(folder, production=False) for _ in range(8)]
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda ring=ring: keys.append(ring.key("shared"))) for ring in rings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(keys)) == 1


def test_production_makes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    with pytest.raises(ApiError, match=r"keys\.missing"):
        KeyRing.load(folder, production=True)
    assert list(folder.iterdir()) == []


def test_production_refuses_development_keys(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    made = KeyRing.load(folder, production=False)
    with pytest.raises(ApiError, match=r"keys\.development_in_production"):
        KeyRing.load(folder, production=True)
    to_production(folder)
    ring = KeyRing.load(folder, production=True)
    assert (ring.log, ring.masters) == (made.log, made.masters)
    with pytest.raises(ApiError, match=r"keys\.development_in_production"):
        _ = ring.identity_provider
    with pytest.raises(ApiError, match=r"keys\.missing"):
        ring.department("party_new")
    (folder / "master-0001.key").unlink()
    with pytest.raises(ApiError, match=r"keys\.missing"):
        KeyRing.load(folder, production=True)


def test_readable_by_others_is_refused(tmp_path: Path) -> None:
    KeyRing.load(tmp_path / "keys", production=False)
    (tmp_path / "keys" / "log.key").chmod(0o640)
    with pytest.raises(ApiError, match=r"keys\.mode"):
        KeyRing.load(tmp_path / "keys", production=False)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "mydata-key/1 development log",
        "mydata-key/2 development log " + "A" * 43,
        "mydata-key/1 staging log " + "A" * 43,
        "mydata-key/1 development relay " + "A" * 43,
        "mydata-key/1 development log " + "A" * 42,
        "mydata-key/1 development log " + "A" * 22,
        "mydata-key/1 development log " + "!" * 43,
        "mydata-key/1 development log " + "é" * 43,
    ],
)
def test_malformed_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "log.key"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(ApiError, match=r"keys\.malformed"):
        KeyRing(tmp_path, production=False).key("log")


@pytest.mark.parametrize("name", ["", "../log", "Log", "a/b", "x" * 97, ".hidden"])
def test_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(ApiError, match=r"keys\.name"):
        KeyRing(tmp_path, production=False).key(name)


def test_newest_master_is_last(tmp_path: Path) -> None:
    ring = KeyRing.load(tmp_path / "keys", production=False)
    ring.key("master-0002")
    ring.key("master-notes")
    assert list(ring.masters) == [master_key_id(ring.key("master-0001")), master_key_id(ring.key("master-0002"))]
    assert all(name.startswith("mk_") for name in ring.masters)
