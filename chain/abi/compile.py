"""Compiles contracts/ into this folder: `python -m chain.abi.compile [--check] [--compiler auto|native|npm]`.

Through py-solc-x, with a native compiler where one is installed or can be, else with the npm package `solc`
behind a small executable that py-solc-x takes for a native one. OpenZeppelin comes from npm either way, both pinned and
checked by contracts/package-lock.json, into a build folder that is not committed. Nothing else of the product imports
this module.
"""

import argparse
import json
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import solcx

from chain.abi import ARTIFACT_DIR, CONTRACTS
from chain.abi.sources import (
    CONTRACTS_DIR,
    LIST_FILE,
    LOCK_FILE,
    PROJECT_DIR,
    SETTINGS,
    SOLC_VERSION,
    source_hash,
    source_list,
)
from chain.errors import ChainError, Kind

BUILD_DIR = PROJECT_DIR / "build" / "contracts"
NPM_TIMEOUT_S = 300

_IMPORT = re.compile(r"""^import\s+(?:[^"';]*\sfrom\s+)?["']([^"']+)["'];""", re.MULTILINE)

# The package's own command fails with EAGAIN on large piped input and prints a line before its JSON; and py-solc-x
# wants the native compiler's two-line --version. So: read standard input asynchronously, print the JSON alone.
_SHIM = """#!/usr/bin/env node
const solc = require({package});
if (process.argv.includes('--version')) {{
  process.stdout.write('solc, the solidity compiler commandline interface\\nVersion: ' + solc.version() + '\\n');
}} else {{
  const chunks = [];
  process.stdin.on('data', (chunk) => chunks.push(chunk));
  process.stdin.on('end', () => process.stdout.write(solc.compile(Buffer.concat(chunks).toString('utf8'))));
}}
"""


class Compiler(StrEnum):
    """Which compiler to use; `AUTO` tries the native one first."""

    AUTO = "auto"
    NATIVE = "native"
    NPM = "npm"


class CompileError(ChainError):
    """The contracts cannot be compiled here, or have errors or warnings (`chain.compile`)."""

    code = "chain.compile"
    kind = Kind.UNAVAILABLE


def fetch_packages(build_dir: Path = BUILD_DIR) -> Path:
    """The folder `node_modules` with OpenZeppelin and solc as locked; npm is called only when the lock has changed.

    Raises `CompileError` where npm is absent or cannot reach its registry.
    """
    modules = build_dir / "node_modules"
    lock = CONTRACTS_DIR / LOCK_FILE
    done = modules / ".mydata-lock"
    if done.is_file() and done.read_bytes() == lock.read_bytes():
        return modules
    npm = shutil.which("npm")
    if npm is None:
        raise CompileError("npm is not installed; OpenZeppelin is fetched through it")
    build_dir.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", LOCK_FILE):
        shutil.copyfile(CONTRACTS_DIR / name, build_dir / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        subprocess.run(  # noqa: S603 - a fixed command; only the path of npm itself is looked up
            command, cwd=build_dir, check=True, capture_output=True, text=True, timeout=NPM_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise CompileError(f"npm ci failed: {said.strip()}") from error
    shutil.copyfile(lock, done)
    return modules


def native_compiler() -> Path | None:
    """The native compiler of the pinned version, installed by py-solc-x if need be; None where it cannot be had."""
    try:
        solcx.install_solc(SOLC_VERSION)
        return Path(solcx.install.get_executable(SOLC_VERSION))
    except (OSError, ValueError, solcx.exceptions.SolcInstallationError, solcx.exceptions.SolcNotInstalled):
        return None  # requests' errors are OSErrors: no network, no build for this platform


def npm_compiler(modules: Path) -> Path:
    """An executable that answers as a native compiler does and runs npm's."""
    if shutil.which("node") is None:
        raise CompileError("node is not installed, and no native compiler can be had")
    shim = modules.parent / "solc"
    shim.write_text(_SHIM.format(package=json.dumps(str((modules / "solc").resolve()))), "utf-8")
    shim.chmod(0o755)
    return shim


def collect_sources(modules: Path) -> dict[str, dict[str, str]]:
    """Every source by the name under which it is imported: contracts/… and @openzeppelin/…."""
    found: dict[str, dict[str, str]] = {}
    waiting = [f"contracts/{path.name}" for path in sorted(CONTRACTS_DIR.glob("*.sol"))]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        path = CONTRACTS_DIR.parent / name if name.startswith("contracts/") else modules / name
        text = path.read_text("utf-8")
        found[name] = {"content": text}
        for target in _IMPORT.findall(text):
            relative = target.startswith(".")
            waiting.append(posixpath.normpath(posixpath.join(posixpath.dirname(name), target)) if relative else target)
    return dict(sorted(found.items()))


def compile_contracts(compiler: Compiler = Compiler.AUTO, build_dir: Path = BUILD_DIR) -> dict[str, str]:
    """File name to text of everything this folder should hold. A compiler warning is an error."""
    modules = fetch_packages(build_dir)
    binary = native_compiler() if compiler is not Compiler.NPM else None
    if binary is None and compiler is Compiler.NATIVE:
        raise CompileError(f"no native compiler {SOLC_VERSION} can be had here")
    binary = binary or npm_compiler(modules)
    outputs = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"]
    try:
        result = solcx.compile_standard(
            {
                "language": "Solidity",
                "sources": collect_sources(modules),
                "settings": {**SETTINGS, "outputSelection": {"*": {"*": outputs}}},
            },
            solc_binary=binary,
        )
    except solcx.exceptions.SolcError as error:
        raise CompileError(error.message, kind=Kind.INVALID) from error
    complaints = [e["formattedMessage"] for e in result.get("errors", [])]
    if complaints:
        raise CompileError("\n".join(complaints), kind=Kind.INVALID)
    version = solcx.wrapper.get_version_str_from_solc_binary(binary)
    files = {f"{n}.json": _artifact(n, version, result["contracts"][f"contracts/{n}.sol"][n]) for n in CONTRACTS}
    return {**files, LIST_FILE: source_list()}


def _artifact(name: str, version: str, compiled: dict[str, Any]) -> str:
    """The artefact's text: keys in a fixed order, so that the same sources give the same bytes everywhere."""
    runtime = compiled["evm"]["deployedBytecode"]
    document = {
        "name": name,
        "compiler": version,
        "settings": SETTINGS,
        "source_hash": source_hash().hex(),
        "abi": compiled["abi"],
        "bytecode": compiled["evm"]["bytecode"]["object"],
        "runtime_bytecode": runtime["object"],
        # The compiler keys them by node numbers of its syntax tree, which mean nothing outside.
        "immutable_references": sorted(
            [place["start"], place["length"]]
            for places in runtime.get("immutableReferences", {}).values()
            for place in places
        ),
    }
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def differences(files: dict[str, str], folder: Path = ARTIFACT_DIR) -> list[str]:
    """Names of the files that are absent from the folder or differ there."""
    return [
        name
        for name, text in sorted(files.items())
        if not (folder / name).is_file() or (folder / name).read_text("utf-8") != text
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the artefacts, or with --check says which differ; exit code 1 where any does."""
    parser = argparse.ArgumentParser(prog="compile_contracts", description="Compile contracts/ into chain/abi/.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the committed artefacts differ")
    parser.add_argument("--compiler", type=Compiler, choices=list(Compiler), default=Compiler.AUTO)
    options = parser.parse_args(argv)
    try:
        files = compile_contracts(options.compiler)
    except CompileError as error:
        sys.stderr.write(f"{error.detail}\n")
        return 2
    changed = differences(files)
    if not options.check:
        for name in changed:
            part = ARTIFACT_DIR / f".{name}.part"
            part.write_text(files[name], "utf-8")
            part.replace(ARTIFACT_DIR / name)
    for name, text in sorted(files.items()):
        state = "differs" if options.check else "written"
        sys.stdout.write(f"{name}: {len(text)} bytes, {state if name in changed else 'unchanged'}\n")
    return 1 if options.check and changed else 0


if __name__ == "__main__":
    raise SystemExit(main())
