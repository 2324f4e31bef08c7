"""A witness against a log over HTTP: what it signs, what it refuses, and what it knows after a crash."""

import json
import os
import socket
import stat
from pathlib import Path

import pytest

from chain.cosign import NoteKey, read_cosignatures
from chain.errors import NodeError, RpcReason
from chain.fork import parse_fork
from chain.witness.folder import (
    FORKS,
    KEY_FILE,
    RECORD_FILE,
    STATE_FILE,
    FolderError,
    Refusal,
    WitnessFolder,
    create,
    read_state,
)
from chain.witness.follow import Outcome, Round
from chain.witness.source import LogSource, SourceError
from tests.chain_effects.witnessed import NOW_S, STRANGER, Desk, Operator, grow
from tests.unit.chain.tile_log import TileLog


def test_a_growing_log_is_co_signed_and_handed_in(desk: Desk, operator: Operator) -> None:
    for size in (300, 301, 700, 1025):
        grow(operator, size)
        assert desk.round() == Round(Outcome.COSIGNED, size)
        (found,) = read_cosignatures(operator.taken[-1], [desk.key])
        assert found.time_s == NOW_S
        assert operator.taken[-1].startswith(operator.note or "")
        assert (desk.folder / "checkpoint").read_text("utf-8") == operator.taken[-1]
    assert desk.round() == Round(Outcome.UNCHANGED, 1025)
    assert [line["size"] for line in desk.record] == [300, 301, 700, 1025]


def test_only_few_tiles_are_asked_for(desk: Desk, operator: Operator) -> None:
    grow(operator, 5000)
    desk.round()
    grow(operator, 5100)
    desk.round()
    assert len(operator.log.asked) <= 5


def test_what_was_not_taken_is_handed_in_again(desk: Desk, operator: Operator) -> None:
    operator.takes = 403
    found = desk.round()
    assert (found.outcome, found.code) == (Outcome.COSIGNED, "chain.witness.log_refused")
    assert desk.round().code == "chain.witness.log_refused"
    operator.takes = 200
    assert desk.round() == Round(Outcome.UNCHANGED, 300)
    assert len(operator.taken) == 1
    # The very line that was kept, not another one.
    assert operator.taken[0] == (desk.folder / "checkpoint").read_text("utf-8")


REFUSALS = {
    "malformed": lambda log: "not a note",
    "origin": lambda log: TileLog(log.entries, origin="log.example/two").note(),
    "key": lambda log: TileLog(log.entries, key=STRANGER).note(),
    "signature": lambda log: log.note().replace("\n320\n", "\n321\n"),
    "rollback": lambda log: log.note(200),
    "unproven": lambda log: log.note(320, bytes(32)),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_refusals_are_recorded_and_nothing_is_signed(desk: Desk, operator: Operator, reason: str) -> None:
    desk.round()
    grow(operator, 320)
    operator.note = REFUSALS[reason](operator.log)
    for _ in range(3):
        found = desk.round()
        assert (found.outcome, found.code) == (Outcome.REFUSED, f"chain.witness.{reason}")
    assert (desk.size, len(operator.taken)) == (300, 1)
    refused = desk.record[1:]
    assert [(line["event"], line["code"]) for line in refused] == [("refused", f"chain.witness.{reason}")]
    assert refused[0]["note"] == operator.note, "what was refused is kept as evidence"
    state = read_state(desk.folder)
    assert state is not None
    assert state.refused == Refusal(f"chain.witness.{reason}", NOW_S)
    # None of these is beyond repair: the log may still show that it is honest.
    operator.note = operator.log.note()
    assert desk.round() == Round(Outcome.COSIGNED, 320)


@pytest.mark.parametrize("size", [300, 400])
def test_a_fork_halts_for_good_and_leaves_a_proof(desk: Desk, operator: Operator, size: int) -> None:
    desk.round()
    honest = operator.log
    operator.log = honest.fork(150, size)
    operator.note = operator.log.note()
    found = desk.round()
    assert (found.outcome, found.code) == (Outcome.REFUSED, "chain.witness.fork")
    proof = parse_fork((desk.folder / found.detail).read_bytes())
    first, second = proof.check()
    assert (first.size, second.size) == (300, size)
    # Neither a new start nor a log that is honest again makes it sign.
    operator.log = TileLog.of(500)
    operator.note = operator.log.note()
    assert desk.round() == Round(Outcome.HALTED, code="chain.witness.fork", detail=found.detail)
    assert len(operator.taken) == 1
    assert len(list((desk.folder / FORKS).iterdir())) == 1


def test_a_shorter_fork_is_known_by_the_record(desk: Desk, operator: Operator) -> None:
    desk.round()
    honest = operator.log
    grow(operator, 600)
    desk.round()
    operator.log = honest.fork(10, 300)
    operator.note = operator.log.note()
    assert desk.round().code == "chain.witness.fork"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda operator: setattr(operator, "status", 500), "chain.witness.log_silent"),
        (lambda operator: setattr(operator, "note", None), "chain.witness.log_empty"),
        (lambda operator: setattr(operator, "noise", b"x" * 100_000), "chain.witness.log_silent"),
        (lambda operator: setattr(operator, "log", TileLog.of(1)), "chain.witness.log_silent"),
    ],
)
def test_silence_is_no_refusal(desk: Desk, operator: Operator, change, code: str) -> None:
    change(operator)
    found = desk.round()
    assert (found.outcome, found.code) == (Outcome.SILENT, code)
    assert not (desk.folder / RECORD_FILE).exists()


def test_a_log_that_is_not_there(desk: Desk) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        found = desk.round(url=f"http://127.0.0.1:{unused.getsockname()[1]}/v1/log")
    assert (found.outcome, found.code) == (Outcome.SILENT, "chain.witness.log_silent")
    with pytest.raises(SourceError):
        LogSource("ftp://x/")


def test_the_chain_is_asked_where_it_is_to_be(desk: Desk, operator: Operator) -> None:
    found = desk.round(on_chain=lambda _: False)
    assert (found.outcome, found.code) == (Outcome.REFUSED, "chain.witness.not_on_chain")

    def silent(_: object) -> bool:
        raise NodeError(RpcReason.UNREACHABLE)

    assert desk.round(on_chain=silent).outcome is Outcome.SILENT
    assert operator.taken == []
    assert desk.round(on_chain=lambda _: True).outcome is Outcome.COSIGNED


def test_a_cosignature_is_durable_before_it_is_shown(
    desk: Desk, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between keeping and handing in, a witness hands in what it kept."""
    with monkeypatch.context() as patch:
        patch.setattr(LogSource, "deliver", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            desk.round()
    assert desk.size == 300
    kept = (desk.folder / "checkpoint").read_text("utf-8")
    grow(operator, 300)
    assert desk.round() == Round(Outcome.UNCHANGED, 300)
    assert operator.taken == [kept]


def test_a_crash_between_state_and_record_leaves_no_gap(
    desk: Desk, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(WitnessFolder, "_append", killed)
        with pytest.raises(KeyboardInterrupt):
            desk.round()
    assert (desk.size, operator.taken) == (300, [])
    assert not (desk.folder / "checkpoint").exists()
    grow(operator, 600)
    desk.round()
    # What was kept before the crash is in the record, so that a fork at that size is known.
    assert [line["size"] for line in desk.record] == [300, 600]
    operator.log = TileLog.of(5).fork(1, 300)
    operator.note = operator.log.note()
    assert desk.round().code == "chain.witness.fork"


def test_nothing_is_shown_that_could_not_be_kept(
    desk: Desk, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "no space")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space"):
            desk.round()
    assert operator.taken == []
    assert desk.round().outcome is Outcome.COSIGNED


def test_a_record_that_a_crash_cut_off_is_read_on(desk: Desk, operator: Operator) -> None:
    desk.round()
    with (desk.folder / RECORD_FILE).open("ab") as record:
        record.write(b'{"event": "cosig')
    grow(operator, 301)
    assert desk.round().outcome is Outcome.COSIGNED
    lines = (desk.folder / RECORD_FILE).read_bytes().splitlines()
    assert [json.loads(lines[at])["size"] for at in (0, 2)] == [300, 301]


def test_a_long_record_is_read_from_its_end(desk: Desk, operator: Operator) -> None:
    desk.round()
    with WitnessFolder(desk.folder, operator.log.public, operator.url) as folder:
        for at in range(400):
            folder.keep_refused("chain.witness.malformed", f"{at} " + "x" * 700, NOW_S)
        folder.keep_refused("chain.witness.malformed", "y" * 200_000, NOW_S)
        assert (desk.folder / RECORD_FILE).stat().st_size > 400_000
        assert len(desk.record) == 402
        note = folder.cosigned_at(300)
        assert note is not None
        assert note.startswith(operator.log.note())
        assert folder.cosigned_at(299) is None


def test_folders_that_are_not_opened(desk: Desk, operator: Operator, tmp_path: Path) -> None:
    desk.round()

    def opening(log: NoteKey | None = None, folder: Path = desk.folder) -> str:
        with pytest.raises(FolderError) as caught:
            WitnessFolder(folder, log or operator.log.public, operator.url)
        return caught.value.code

    assert opening(TileLog(operator.log.entries, key=STRANGER).public) == "chain.witness.other_log"
    with WitnessFolder(desk.folder, operator.log.public, operator.url):
        assert opening() == "chain.witness.locked"
    with pytest.raises(FolderError) as caught:
        create(desk.folder, "another")
    assert caught.value.code == "chain.witness.key_exists"
    (tmp_path / "empty").mkdir()
    assert opening(folder=tmp_path / "empty") == "chain.witness.no_key"
    key = desk.folder / KEY_FILE
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.chmod(0o640)
    assert opening() == "chain.witness.key_mode"
    key.chmod(0o600)
    state = desk.folder / STATE_FILE
    whole = state.read_bytes()
    state.write_bytes(whole[:-5])
    assert opening() == "chain.witness.state_malformed"
    # The state is gone, not the record: going on would take any history for the first one.
    state.unlink()
    assert opening() == "chain.witness.state_lost"
    state.write_bytes(whole)
    assert desk.round().outcome is Outcome.UNCHANGED


def test_peers_find_a_fork_by_themselves(desk: Desk, operator: Operator, tmp_path: Path) -> None:
    """Two witnesses who read one another's checkpoint need nobody who compares."""
    other = Operator(operator.log.fork(299, 300))
    try:
        peer = Desk(tmp_path / "w2", other)
        peer.round()
        found = desk.round(peers=[lambda: (peer.folder / "checkpoint").read_text("utf-8")])
    finally:
        other.close()
    assert (found.outcome, found.code) == (Outcome.REFUSED, "chain.witness.fork")
    first, second = parse_fork((desk.folder / found.detail).read_bytes()).check()
    assert first.root != second.root
    assert desk.round().outcome is Outcome.HALTED


def test_peers_ahead_behind_and_away_are_no_fork(desk: Desk, operator: Operator) -> None:
    notes = {size: TileLog.of(size).note() for size in (1, 250, 300)}
    for note in notes.values():
        assert desk.round(peers=[lambda note=note: note]).outcome in {Outcome.COSIGNED, Outcome.UNCHANGED}
    # Ahead: the log shows no such tree here yet.
    ahead = TileLog.of(700)
    assert desk.round(peers=[ahead.note]) == Round(Outcome.UNCHANGED, 300)

    def away() -> str:
        raise SourceError("away")

    stranger = TileLog(ahead.entries, key=STRANGER)
    for peer in (away, stranger.note, lambda: "no note"):
        found = desk.round(peers=[peer])
        assert (found.outcome, found.code) == (Outcome.UNCHANGED, "chain.witness.peer_silent")
    # The log shows another tree at the peer's size: no proof yet, and nothing that one is silent about.
    operator.log = TileLog.of(700)
    assert desk.round(peers=[TileLog.of(300).fork(5, 400).note]).code == "chain.witness.unproven"
    assert desk.record[-1]["code"] == "chain.witness.unproven"
