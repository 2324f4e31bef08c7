"""The peers: installed into build/, run as programs of their own with files between. None is a dependency.

`pymerkle` is GPL-3.0-or-later, so it stands in a throw-away environment and nothing here imports it.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PYMERKLE = "pymerkle==7.0.0"
TRADETRUST = "@tradetrust-tt/tradetrust@6.10.3"
INSTALL_S = 600.0
PYMERKLE_S = 600.0

_PYMERKLE_PROGRAM = """
import json, sys, time
from importlib.metadata import version
from pymerkle import InmemoryTree, verify_inclusion
size, count = int(sys.argv[1]), int(sys.argv[2])
entries = [b"entry %d" % at for at in range(size)]
begun = time.perf_counter()
tree = InmemoryTree.init_from_entries(entries, algorithm="sha256")
root = tree.get_state()
built = time.perf_counter() - begun
places = [at * 7919 % size + 1 for at in range(count)]
begun = time.perf_counter()
proofs = [tree.prove_inclusion(at, size) for at in places]
made = time.perf_counter() - begun
begun = time.perf_counter()
for at, proof in zip(places, proofs):
    verify_inclusion(tree.get_leaf(at), root, proof)
verified = time.perf_counter() - begun
json.dump({"version": version("pymerkle"), "root": root.hex(), "proofs": count, "built_s": built, "made_s": made,
           "verified_s": verified}, sys.stdout)
"""

_TRADETRUST_PROGRAM = """
const fs = require("fs");
const { wrapDocuments } = require("@tradetrust-tt/tradetrust");
const issuers = [{ name: "Department", documentStore: "0x9178F546D3FF57D7A6352bD61B80cCCD46199C2d",
  identityProof: { type: "DNS-TXT", location: "example.com" } }];
const documents = JSON.parse(fs.readFileSync(process.argv[2])).map((one) => ({ issuers, ...one }));
const begun = process.hrtime.bigint();
const wrapped = wrapDocuments(documents);
const spent = Number(process.hrtime.bigint() - begun) / 1e9;
if (wrapped.length !== documents.length || !wrapped[0].signature.merkleRoot) throw new Error("not wrapped");
process.stdout.write(JSON.stringify({ spent_s: spent }));
"""


class PeerMissingError(Exception):
    """The peer cannot be installed or run here; the text says why."""


class PeerSlowError(Exception):
    """The peer did not end in time."""


@dataclass(frozen=True, slots=True)
class Tree:
    """What `pymerkle` took: seconds for all of it, the root as hexadecimal."""

    version: str
    root: str
    proofs: int
    built_s: float
    made_s: float
    verified_s: float


@dataclass(frozen=True, slots=True)
class Wrapped:
    """What OpenAttestation's `wrapDocuments` took."""

    name: str
    version: str
    spent_s: float


def pymerkle(folder: Path, size: int, proofs: int) -> Tree:
    """Its tree over `size` entries, and so many proofs. Raises `PeerMissingError`."""
    python = folder / "pymerkle" / "bin" / "python"
    if not python.exists():
        _run([sys.executable, "-m", "venv", str(folder / "pymerkle")], INSTALL_S)
        try:
            _run([str(python), "-m", "pip", "install", "--quiet", PYMERKLE], INSTALL_S)
        except PeerMissingError:
            shutil.rmtree(folder / "pymerkle")
            raise
    return Tree(**_answer(_run([str(python), "-c", _PYMERKLE_PROGRAM, str(size), str(proofs)], PYMERKLE_S)))


def open_attestation(folder: Path, documents: Sequence[Mapping[str, str]], patience_s: float) -> Wrapped:
    """Wrap these documents. Raises `PeerMissingError`, and `PeerSlowError` where it takes longer than `patience_s`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise PeerMissingError("node and npm are not here")
    place = folder / "tradetrust"
    package = place / "node_modules" / TRADETRUST.rpartition("@")[0] / "package.json"
    if not package.exists():
        place.mkdir(parents=True, exist_ok=True)
        _run([npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(place), TRADETRUST], INSTALL_S)
    program, given = place / "wrap.cjs", place / "documents.json"
    program.write_text(_TRADETRUST_PROGRAM, encoding="utf-8")
    given.write_text(json.dumps(list(documents)), encoding="utf-8")
    try:
        said = subprocess.run(  # noqa: S603 - our own program, without a shell
            [node, str(program), str(given)], capture_output=True, timeout=patience_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise PeerSlowError from None
    if said.returncode:
        raise PeerMissingError(_last(said.stderr))
    version = json.loads(package.read_text(encoding="utf-8"))["version"]
    return Wrapped("wrapDocuments", version, float(_answer(said.stdout)["spent_s"]))


def _run(command: Sequence[str], patience_s: float) -> bytes:
    try:
        said = subprocess.run(  # noqa: S603 - package tools and our own program, without a shell
            command, capture_output=True, timeout=patience_s, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerMissingError(type(error).__name__) from None
    if said.returncode:
        raise PeerMissingError(_last(said.stderr))
    return said.stdout


def _answer(output: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(output)
    return answer


def _last(stderr: bytes) -> str:
    """The last line that a program said, at a length that fits a table."""
    return (stderr.decode(errors="replace").strip().splitlines() or ["it failed and said nothing"])[-1][:120]
