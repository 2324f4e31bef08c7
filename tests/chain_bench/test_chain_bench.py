"""The benchmark of the chain's side runs from end to end at tiny sizes, and says what is missing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from api.demo.bench.report import Figure
from api.demo.chain_bench import peers, trees

PATIENCE_S = 900


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """What a tiny run wrote; peers in a folder of its own, so that installing them, or failing to, is run too."""
    folder: Path = tmp_path_factory.mktemp("bench")
    tiny = ["--largest", "10", "--leaves", "50000", "--seconds", "0.3", "--followed", "1", "--rate", "20"]
    command = [sys.executable, "-m", "api.demo.chain_bench", *tiny, "--share", "0.02", "--peers", str(folder / "peers")]
    said = subprocess.run(
        [*command, "--json", str(folder / "figures.json")], capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert said.returncode == 0, said.stderr.decode()
    assert b"receipt to verifiable: embedded" in said.stdout
    found: list[dict[str, object]] = json.loads((folder / "figures.json").read_text())["figures"]
    return found


@pytest.mark.full
def test_every_part_has_figures_or_says_why_not(figures: list[dict[str, object]]) -> None:
    groups = {str(figure["group"]) for figure in figures}
    assert {
        "a tree of 50,000",
        "beside pymerkle: 10 entries",
        "beside OpenAttestation",
        "receipts",
        "receipt to verifiable: embedded",
        "receipt to verifiable: geth",
        "anchoring: embedded",
        "anchoring: anvil",
        "anchoring: geth",
    } <= groups
    for figure in figures:
        value = figure["value"]
        assert isinstance(value, float)
        assert value > 0 or (figure["name"] == "not here" and figure["note"])


@pytest.mark.full
def test_a_root_costs_what_the_table_of_gas_says(figures: list[dict[str, object]]) -> None:
    (gas,) = [
        figure["value"]
        for figure in figures
        if (figure["group"], figure["name"]) == ("anchoring: embedded", "batches of 1: gas each")
    ]
    assert isinstance(gas, float)
    assert 49_000 < gas < 50_000


def test_a_peer_that_cannot_be_had_is_told_and_not_invented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise peers.PeerMissingError("no network")

    monkeypatch.setattr(peers, "pymerkle", missing)
    monkeypatch.setattr(peers, "open_attestation", missing)
    told = trees.beside_pymerkle(tmp_path, [10]) + trees.beside_open_attestation(tmp_path, [10], 1.0)
    assert [(figure.name, figure.note) for figure in told] == [("not here", "no network")] * 2


def test_a_peer_that_does_not_end_is_extrapolated_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(_: Path, documents: list[object], __: float) -> peers.Wrapped:
        if len(documents) == 40:
            raise peers.PeerSlowError
        return peers.Wrapped("wrapDocuments", "0", 2.0 * len(documents) + 0.5 * len(documents) ** 2)

    monkeypatch.setattr(peers, "open_attestation", slow)
    told: list[Figure] = trees.beside_open_attestation(tmp_path, [10, 20, 40], 9.0)
    (figure,) = [one for one in told if one.name == "40 documents"]
    assert figure.peer == pytest.approx(1000 * (2.0 * 40 + 0.5 * 40**2))
    assert figure.peer_name == "extrapolated"
    assert figure.note == "did not end within 9 s; square fitted to 10, 20"
