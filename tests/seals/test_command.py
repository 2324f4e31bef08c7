"""`mydata verify-seal`: the check on one's own machine, by files alone."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from api.cli import app
from tests.seals.authority import NOW, Authority, sealed

ORGAN = "某市公安局"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    ours = Authority()
    pdf = sealed(ours.kit(ORGAN, at=NOW - timedelta(seconds=5)))
    (tmp_path / "sealed.pdf").write_bytes(pdf)
    (tmp_path / "roots.pem").write_bytes(x509.load_der_x509_certificate(ours.root).public_bytes(Encoding.PEM))
    for name, one in zip(("issuing", "root"), ours.crls(), strict=True):
        (tmp_path / f"{name}.crl").write_bytes(one)
    late = ours.crls([(ours.seal_of(ORGAN), NOW - timedelta(days=1))])
    (tmp_path / "late.crl").write_bytes(late[0])
    return tmp_path


def run(folder: Path, *more: str, lists: tuple[str, ...] = ("issuing.crl", "root.crl")) -> tuple[int, str]:
    given = [part for name in lists for part in ("--crl", str(folder / name))]
    words = ["verify-seal", str(folder / "sealed.pdf"), "--roots", str(folder / "roots.pem"), *given, *more]
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.output


def test_valid_by_files_alone(files: Path) -> None:
    digest = hashlib.sha256((files / "sealed.pdf").read_bytes()).hexdigest()
    code, said = run(files, "--sha256", digest, "--json")
    assert (code, json.loads(said)["outcome"], json.loads(said)["compared"]) == (0, "valid", True)
    code, said = run(files)
    assert code == 0
    assert "印章真实" in said


def test_each_answer_has_its_code(files: Path) -> None:
    assert run(files, "--sha256", "00" * 32)[0] == 1
    assert run(files, lists=("late.crl", "root.crl"))[0] == 3
    assert run(files, lists=("root.crl",))[0] == 5
    assert run(files, "--sha256", "no hash")[0] == 2
    assert run(files, lists=("absent.crl",))[0] == 2
    (files / "sealed.pdf").write_bytes((files / "sealed.pdf").read_bytes()[:-9])
    code, said = run(files)
    assert code == 1
    assert "does not hold" in said
