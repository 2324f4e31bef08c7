"""Witnesses of a running service: they follow it, are killed and go on, and two of them find out that it forked.

The fork is made as an operator would make it: a copy of the store, a receipt in it exchanged, every hash and the
checkpoint made anew and signed with the log's own key.
"""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from api import publication
from api.demo import flow
from api.services import dependencies
from api.settings import Settings
from api.wiring import TRUST_FILE, key_ring
from api.wiring import log_key as signing_key
from chain import fork as rules
from chain.__main__ import verify_with_node
from chain.bundle import parse_bundle
from chain.canonical import canonical
from chain.cosign import NoteKey, cosign, read_cosignatures
from chain.cosign import log_key as note_key
from chain.fork import opened, parse_fork
from chain.merkle import grow, leaf_hash, tree_head
from chain.note import Checkpoint, sign_checkpoint
from chain.tiles import Tile, TileTree, read_entries
from chain.trustfile import TrustFile, parse_trust_file
from chain.verdict import State
from chain.witness.folder import COSIGNED, RECORD_FILE, WitnessFolder, create, read_state
from chain.witness.follow import Outcome, Round, Witness
from chain.witness.source import LogSource
from tests import town
from tests.town import HARBOUR, PATIENCE_S, Service, until

pytestmark = pytest.mark.slow


@dataclass
class Desk:
    """A witness: its folder and its public key."""

    folder: Path
    key: NoteKey

    @property
    def size(self) -> int:
        state = read_state(self.folder)
        return 0 if state is None or state.note is None else int(state.note.split("\n")[1])

    @property
    def note(self) -> str:
        return (self.folder / "checkpoint").read_text("utf-8")

    def round(self, service: Service, log: NoteKey) -> Round:
        """One round in this process."""
        source = LogSource(prefix(service))
        try:
            with WitnessFolder(self.folder, log, source.prefix) as opened_folder:
                return Witness(opened_folder, source, lambda: int(time.time())).round()
        finally:
            source.close()

    def follow(self, service: Service, *more: str) -> subprocess.Popen[str]:
        """A process of its own that follows the service, and its chain."""
        line = [sys.executable, "-m", "chain", "witness", "follow", str(self.folder), "--url", prefix(service)]
        line += ["--trust", str(service.settings.data_dir / TRUST_FILE), "--rpc", service.chain.url, "--every", "0.2"]
        return subprocess.Popen([*line, *more], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def prefix(service: Service) -> str:
    return f"{service.url}/v1/log"


def command(*arguments: object) -> tuple[int, str]:
    """`mydata witness` in a process of its own."""
    line = [sys.executable, "-m", "api.cli", "witness", *(str(one) for one in arguments)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=2 * PATIENCE_S, check=False)
    return done.returncode, done.stdout + done.stderr


def public_key(folder: Path) -> NoteKey:
    trust = parse_trust_file((folder / TRUST_FILE).read_bytes())
    return note_key(trust.log_id, trust.log_public_key)


def receipts_come_in(service: Service, at: int) -> None:
    """A grant and a delivery, everything on the chain."""
    grant = service.grant(service.driver(at))
    flow.pull_envelope(service.town, HARBOUR, grant, "json")
    service.settle()


@pytest.fixture
def desks(tmp_path: Path) -> dict[str, Desk]:
    made = {name: tmp_path / name for name in "ab"}
    return {name: Desk(folder, create(folder, f"witness.example/{name}")) for name, folder in made.items()}


@pytest.fixture
def honest(prepared: Path, tmp_path: Path, desks: dict[str, Desk]) -> Iterator[Service]:
    """A service that knows both witnesses and calls a checkpoint witnessed once both signed it."""
    folder = tmp_path / "honest"
    shutil.copytree(prepared, folder)
    names = tuple(str(desk.key) for desk in desks.values())
    with town.running(folder, witnesses=names, witness_quorum=2) as service:
        service.chain.start()
        publication.publish(service.settings)
        yield service


def forge(folder: Path, number: int) -> None:
    """Exchange a receipt in a copy of the store, as whoever has the log's key can."""
    signing = signing_key(key_ring(Settings(data_dir=folder)))
    with closing(sqlite3.connect(folder / "mydata.sqlite3")) as store:
        leaves = [bytes(row[0]) for row in store.execute("SELECT leaf FROM receipts WHERE number >= 0 ORDER BY number")]
        document = json.loads(leaves[number])
        document["commitment"] = "0x" + "5a" * 32
        leaves[number] = canonical(document)
        tree = {(level, at): value for level, at, value in grow(_no_node, 0, [leaf_hash(leaf) for leaf in leaves])}
        root = tree_head(lambda level, at: tree[level, at], len(leaves))
        note = sign_checkpoint(Checkpoint(document["log"], len(leaves), root), signing)
        store.execute(
            "UPDATE receipts SET leaf = ?, leaf_hash = ? WHERE number = ?",
            (leaves[number], leaf_hash(leaves[number]), number),
        )
        store.executemany(
            'UPDATE log_nodes SET hash = ? WHERE level = ? AND "index" = ?',
            [(value, level, at) for (level, at), value in tree.items()],
        )
        store.execute("DELETE FROM cosignatures")
        store.execute("DELETE FROM checkpoints WHERE size < ?", (len(leaves),))
        done = store.execute("UPDATE checkpoints SET root = ?, note = ?", (root, note))
        assert done.rowcount == 1, "the whole log is under a checkpoint"
        store.commit()


def _no_node(level: int, index: int) -> bytes:
    raise KeyError((level, index))


def operators_view(service: Service) -> Callable[[], tuple[bool, str]]:
    """What the operator's side is told of the witnesses."""

    def seen() -> tuple[bool, str]:
        parts = {one.name: one for one in dependencies.parts(service.app.state.ctx)}
        return parts[dependencies.WITNESSES].ok, parts[dependencies.WITNESSES].state

    return seen


def copied(service: Service, to: Path) -> Path:
    """A copy of a running service's data."""
    shutil.copytree(service.settings.data_dir, to, ignore=shutil.ignore_patterns("mydata.sqlite3*", "devnet*"))
    with (
        closing(sqlite3.connect(service.settings.data_dir / "mydata.sqlite3")) as source,
        closing(sqlite3.connect(to / "mydata.sqlite3")) as target,
    ):
        source.backup(target)
    return to


def test_witnesses_follow_while_receipts_come_in_and_go_on_after_a_kill(
    honest: Service, desks: dict[str, Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = desks["a"], desks["b"]
    log = public_key(honest.settings.data_dir)
    running = {name: desk.follow(honest) for name, desk in desks.items()}
    try:
        receipts_come_in(honest, 0)
        size = httpx.get(f"{prefix(honest)}", trust_env=False).json()["size"]
        until(lambda: a.size >= size and b.size >= size, "both co-signed what came in")
        running["a"].send_signal(signal.SIGKILL)
        running["a"].wait(60)
        receipts_come_in(honest, 1)
        grown = httpx.get(f"{prefix(honest)}", trust_env=False).json()["size"]
        until(lambda: b.size >= grown, "the other one goes on")
        assert a.size < grown
        operator = operators_view(honest)
        assert operator() == (True, "ok"), "a witness may take its time"
        with monkeypatch.context() as patch:
            patch.setattr(dependencies, "BEHIND_MS", -86_400_000)
            assert operator() == (False, "delayed"), "two are asked for, and one is behind"
            assert dict(dependencies.behind(honest.app.state.ctx))["1"] > 0
        running["a"] = a.follow(honest)
        until(lambda: a.size >= grown, "the first one goes on where it was killed")

        def witnessed() -> bool:
            answer = httpx.get(f"{prefix(honest)}/witnessed", trust_env=False)
            return answer.status_code == 200 and opened(log, answer.text).size >= grown

        until(witnessed, "the service shows a checkpoint that both signed")
        assert operator() == (True, "ok")
        answer = httpx.get(f"{prefix(honest)}/witnessed", trust_env=False)
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        found = read_cosignatures(answer.text, [a.key, b.key])
        assert {one.witness for one in found} == {a.key, b.key}
    finally:
        for process in running.values():
            process.send_signal(signal.SIGTERM)
        said = {name: process.communicate(timeout=PATIENCE_S)[0] for name, process in running.items()}
    assert {process.returncode for process in running.values()} == {0}, said
    # Each co-signed growing sizes alone, also around the kill.
    for desk in (a, b):
        lines = [json.loads(line) for line in (desk.folder / RECORD_FILE).read_text("utf-8").splitlines()]
        sizes = [line["size"] for line in lines if line["event"] == COSIGNED]
        assert sizes == sorted(set(sizes))
        assert len(lines) == len(sizes), "nothing was refused"
    key = str(log)
    assert command("compare", a.folder, b.folder, "--log-key", key, "--url", prefix(honest))[0] == 0


def test_tiles_are_the_log_and_hold_nothing_else(honest: Service) -> None:
    receipts_come_in(honest, 2)
    log = public_key(honest.settings.data_dir)
    with httpx.Client(base_url=prefix(honest), trust_env=False) as reader:
        newest = reader.get("/checkpoint")
        assert newest.headers["cache-control"] == "public, max-age=1"
        head = opened(log, newest.text)

        def fetch(tile: Tile) -> bytes:
            answer = reader.get(f"/tile/{tile.path}")
            assert answer.status_code == 200, tile.path
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["content-type"] == "application/octet-stream"
            return answer.content

        tree = TileTree(head.size, fetch)
        assert tree_head(tree.node, head.size) == head.root
        seen = 0
        for index in range(0, head.size, 256):
            for leaf in read_entries(fetch(Tile(None, index // 256, min(256, head.size - index)))):
                assert leaf_hash(leaf) == tree.node(0, seen)
                # No person, no party, no value, no salt: docs/formats.md.
                assert set(json.loads(leaf)) == {"schema", "kind", "log", "number", "time", "commitment"}
                seen += 1
        assert seen == head.size
        for absent in (f"0/{head.size // 256 + 1:03}", "0/000.p/256", "1/999", "x", "0/..%2f", f"entries/{10**9}"):
            answer = reader.get(f"/tile/{absent}")
            assert (answer.status_code, answer.json()["code"]) == (404, "log.no_tile"), absent


def test_cosignatures_of_strangers_and_of_other_logs_are_not_kept(
    honest: Service, desks: dict[str, Desk], tmp_path: Path
) -> None:
    log = public_key(honest.settings.data_dir)
    stranger = Desk(tmp_path / "c", create(tmp_path / "c", "witness.example/c"))
    assert stranger.round(honest, log).code == "chain.witness.log_refused"
    assert honest.rows("SELECT witness FROM cosignatures") == []
    a = desks["a"]
    assert a.round(honest, log) == Round(Outcome.COSIGNED, a.size)
    assert honest.rows("SELECT witness, size FROM cosignatures") == [(a.key.handle, a.size)]
    again = httpx.post(f"{prefix(honest)}/cosignatures", json={"note": a.note}, trust_env=False)
    assert (again.status_code, again.json()) == (200, {"size": a.size, "witnesses": ["witness.example/a"]})
    with WitnessFolder(a.folder, log, "x") as folder:
        name, key = folder.name, folder.key
    other_root = f"{log.name}\n{a.size}\n{'A' * 43}=\n"
    other_size = f"{log.name}\n{a.size + 100_000}\n{'A' * 43}=\n"
    for note, status, code in (
        ("no note", 422, "log.cosignature_malformed"),
        (a.note.replace(f"\n{a.size}\n", f"\n{a.size + 1}\n"), 403, "chain.signature.cosignature"),
        (f"{other_root}\n{cosign(other_root, name, key, 5)}\n", 409, "log.cosigned_other"),
        (f"{other_size}\n{cosign(other_size, name, key, 5)}\n", 404, "log.no_checkpoint"),
    ):
        answer = httpx.post(f"{prefix(honest)}/cosignatures", json={"note": note}, trust_env=False)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(honest.rows("SELECT witness FROM cosignatures")) == 1
    assert httpx.get(f"{prefix(honest)}/witnessed", trust_env=False).json()["code"] == "log.not_witnessed"


def test_evidence_says_who_witnessed_it(honest: Service, desks: dict[str, Desk]) -> None:
    log = public_key(honest.settings.data_dir)
    trust = parse_trust_file((honest.settings.data_dir / TRUST_FILE).read_bytes())
    assert trust.witnesses is not None
    assert (set(trust.witnesses.keys), trust.witnesses.quorum) == ({d.key for d in desks.values()}, 2)
    grant = honest.grant(honest.driver(3))
    envelope = flow.pull_envelope(honest.town, HARBOUR, grant, "json")
    honest.settle()

    def verdict(trusted: TrustFile) -> tuple[State, list[str]]:
        document = flow.disclose(flow.bundle_of(honest.town, HARBOUR, envelope), envelope)
        found = verify_with_node(parse_bundle(canonical(document)), trusted, honest.chain.url, envelope.file)
        wrong = [finding.code for finding in found.findings if finding.state is not State.VALID]
        told = [str(note.facts["witness"]) for note in found.notes if note.code == "chain.note.witnessed"]
        return found.state, [*wrong, *told]

    assert verdict(trust) == (State.UNKNOWN, ["chain.verify.not_witnessed"])
    desks["a"].round(honest, log)
    assert verdict(trust) == (State.UNKNOWN, ["chain.verify.not_witnessed", "witness.example/a"])
    desks["b"].round(honest, log)
    assert verdict(trust) == (State.VALID, ["witness.example/a", "witness.example/b"])


def test_a_fork_shown_to_two_witnesses_is_found_and_proven(
    honest: Service, desks: dict[str, Desk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = desks["a"], desks["b"]
    log = public_key(honest.settings.data_dir)
    receipts_come_in(honest, 4)
    assert a.round(honest, log).outcome is Outcome.COSIGNED
    forged = copied(honest, tmp_path / "forged")
    forge(forged, a.size - 2)
    trust = honest.settings.data_dir / TRUST_FILE
    names = tuple(str(desk.key) for desk in desks.values())
    with town.running(forged, witnesses=names, witness_quorum=2) as liar:
        # Another history for another witness, who never saw the first and cannot know.
        assert b.round(liar, log) == Round(Outcome.COSIGNED, a.size)
        # At the same size their two checkpoints are the proof; nobody has to be asked.
        proof = tmp_path / "same.json"
        code, said = command("compare", a.folder, b.folder, "--trust", trust, "--out", proof)
        assert (code, "日志分叉" in said) == (1, True), said
        # The honest log grows: its witness is further on, and the proof needs the larger tree.
        receipts_come_in(honest, 5)
        assert a.round(honest, log).outcome is Outcome.COSIGNED
        assert a.size > b.size
        later = tmp_path / "later.json"
        code, said = command("compare", a.folder, b.folder, "--trust", trust, "--out", later)
        assert code == 1, said
        for path in (proof, later):
            first, second = parse_fork(path.read_bytes()).check()
            assert first.size == b.size
            assert second.size in {b.size, a.size}
            code, said = command("check", path, "--trust", trust)
            assert (code, "证明成立" in said) == (0, True), said
        # A witness who is shown the other history refuses, keeps the proof, and signs no more.
        assert b.round(honest, log).code == "chain.witness.fork"
        assert b.round(liar, log).outcome is Outcome.HALTED
        # And one who does not go by its own checkpoint would be led on: this is what the refusal rests on.
        c = Desk(tmp_path / "c", create(tmp_path / "c", "witness.example/c"))
        c.round(liar, log)
        with monkeypatch.context() as planted:
            planted.setattr(rules, "compare", lambda *_: None)
            assert c.round(honest, log).outcome is Outcome.COSIGNED
    # With the chain at hand the forged history is refused at first sight: no such head stands there.
    d = Desk(tmp_path / "d", create(tmp_path / "d", "witness.example/d"))
    with town.running(forged, honest.chain.port) as liar:
        process = d.follow(liar, "--once")
        said, _ = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, "链上没有这个检查点" in said) == (1, True), said
    assert d.size == 0
