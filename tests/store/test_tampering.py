"""Tampered rows of all eight ways in one long log, singly and together: each named as what it is, and no other row.

The log is written by the real writer, its checkpoints stand on the embedded engine, and the real check is run. The
short form has 1,000 receipts; with `--full` it is 100,000, of which 1,000 rows are tampered with (on PostgreSQL where
`--stores` asks for it, else on SQLite).
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.store.fsck import places, tree
from api.store.keyring import KeyRing
from chain.ports import Head
from tests.chain_effects import engines
from tests.conftest import STORES
from tests.store.anchored import Anchored, anchored_log
from tests.store.backends import Backend, Dba
from tests.store.eight_ways import WAYS, Judged, Tamperer, judge

SHORT, SHORT_TAIL, SHORT_PEOPLE = 1_000, 6, 60
LONG, LONG_TAIL, LONG_PEOPLE = 100_000, 125, 2_000


def _chain(folder: Path) -> Iterator[engines.World]:
    engine = engines.Engine("embedded", folder)
    engine.start()
    try:
        yield engines.settle(engine)
    finally:
        engine.kill()


@pytest.fixture(scope="module")
def short(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anchored]:
    """A log of 1,000 on a chain of its own."""
    keys = KeyRing.load(tmp_path_factory.mktemp("short") / "keys", production=False)
    for chain in _chain(tmp_path_factory.mktemp("short_chain")):
        with anchored_log(backend, keys, chain, size=SHORT, tail=SHORT_TAIL, people=SHORT_PEOPLE) as log:
            yield log


def after(log: Anchored, backend: Backend, ways: dict[str, int], seed: int) -> tuple[Judged, Counter[str]]:
    """Tamper with a copy of the store in these ways, so many rows each; what the check makes of it."""
    rolled = "rolled back" in ways
    url = backend.create(log.older if rolled else log.url)
    try:
        with Dba(url) as dba:
            tamperer = Tamperer(dba, log, log.older_size if rolled else log.size, seed)
            for way in sorted(ways, key=lambda way: way != "cut off"):
                tamperer.tamper(way, ways[way])
        return judge(tamperer.done, log.check(url).findings), Counter(one.way for one in tamperer.done)
    finally:
        backend.drop(url)


@pytest.mark.slow
def test_an_untouched_log_has_no_findings(short: Anchored) -> None:
    report = short.check(short.url)
    assert (report.findings, report.skipped, dict(report.unjudged)) == ((), (), {})
    assert report.checked["receipts"] == SHORT
    assert report.checked["checkpoints"] == 3


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_one_way_alone(short: Anchored, backend: Backend, way: str) -> None:
    judged, counts = after(short, backend, {way: SHORT_TAIL}, seed=WAYS.index(way))
    assert (judged.missed, judged.false) == ([], set())
    assert counts[way] >= SHORT_TAIL


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_ways_together(short: Anchored, backend: Backend, seed: int) -> None:
    judged, counts = after(short, backend, dict.fromkeys(WAYS, SHORT_TAIL), seed)
    assert (judged.missed, judged.false) == ([], set())
    assert counts.keys() == set(WAYS)


FAULTS = {
    "promises are not checked": (places.Places, "_promised", lambda *_: True),
    "nobody asks whose leaf it is": (places.Places, "_home", lambda *_: None),
    "details are not opened": (places.Places, "_open", lambda *_: object()),
    "stored nodes are not compared": (tree.Tree, "_judge", lambda *_: None),
    "no way down from the root": (tree.Tree, "_split", lambda *_: None),
    "every end is believed": (places.Places, "_end", lambda _, expected: expected),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_check_that_sees_less_is_found_out(
    short: Anchored, backend: Backend, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """The test of the test: with a fault planted in the check, something is missed or named falsely."""
    owner, name, planted = FAULTS[fault]
    monkeypatch.setattr(owner, name, planted)
    # Whether a fault shows depends on which rows are hit: the log's salts differ from run to run.
    seen = (after(short, backend, dict.fromkeys(WAYS, SHORT_TAIL), seed)[0] for seed in range(1, 9))
    assert any(judged.missed or judged.false for judged in seen)


@pytest.mark.slow
def test_a_check_that_does_not_ask_the_chain_is_found_out(
    short: Anchored, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.store.fsck.onchain.NodeChain.log_head", lambda _: Head(0, bytes(32)))
    judged, counts = after(short, backend, {"rolled back": SHORT_TAIL}, seed=1)
    assert len(judged.missed) == counts["rolled back"] == SHORT_TAIL


@pytest.mark.soak
def test_a_thousand_rows_of_a_hundred_thousand(
    backend: Backend, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> None:
    # Takes minutes: on PostgreSQL alone where it is asked for.
    if backend.name != max(pytestconfig.getoption("--stores").split(","), key=STORES.index):
        pytest.skip(f"runs on the other store than {backend.name}")
    keys = KeyRing.load(tmp_path_factory.mktemp("long") / "keys", production=False)
    for chain in _chain(tmp_path_factory.mktemp("long_chain")):
        with anchored_log(backend, keys, chain, size=LONG, tail=LONG_TAIL, people=LONG_PEOPLE) as log:
            assert log.check(log.url).findings == ()
            judged, counts = after(log, backend, dict.fromkeys(WAYS, LONG_TAIL), seed=7)
    print(f"{judged.rows} rows tampered with: {dict(counts)}; missed {len(judged.missed)}, false {len(judged.false)}")
    assert (judged.missed, judged.false) == ([], set())
    assert judged.rows >= 1_000
    assert min(counts[way] for way in WAYS) >= LONG_TAIL
