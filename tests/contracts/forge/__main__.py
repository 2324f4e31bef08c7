"""Lays out a Foundry project with the contracts, libraries and compiler, and runs forge on it: see scripts/forge."""

import os
import subprocess
import sys
from pathlib import Path

from chain.abi import compile as compiling
from chain.abi.sources import SETTINGS

TESTS = Path(__file__).parent
FUZZ_RUNS = 2_000
INVARIANT_DEPTH = 60


def lay_out(folder: Path, altered: dict[str, tuple[str, str]] | None = None, *, runs: int = FUZZ_RUNS) -> None:
    """Sources, tests and settings; the pipeline is the older one, for the newer takes minutes on test code.

    `altered` replaces one piece of a contract by another, to see that the tests find it.
    """
    modules = compiling.fetch_packages()
    compiler = compiling.npm_compiler(modules)
    for name, source in compiling.collect_sources(modules).items():
        text = source["content"]
        for right, wrong in [(altered or {}).get(Path(name).stem, ("", ""))]:
            assert not right or text.count(right) == 1
            text = text.replace(right, wrong) if right else text
        write(folder / name, text)
    for file in sorted(TESTS.glob("*.sol")):
        write(folder / "test" / file.name, file.read_text("utf-8"))
    write(
        folder / "foundry.toml",
        "\n".join(
            (
                "[profile.default]",
                'src = "contracts"',
                'test = "test"',
                'libs = ["@openzeppelin"]',
                'remappings = ["@openzeppelin/=@openzeppelin/"]',
                f'solc = "{compiler}"',
                f'evm_version = "{SETTINGS["evmVersion"]}"',
                "offline = true",
                "via_ir = false",
                "optimizer = true",
                f"fuzz = {{ runs = {runs}, seed = '0x1' }}",
                f"invariant = {{ runs = {max(1, runs // 10)}, depth = {INVARIANT_DEPTH}, fail_on_revert = true }}",
                "",
            )
        ),
    )


def write(path: Path, text: str) -> None:
    """Write a file where it is not so already: forge compiles anew what has changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def run(forge: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`forge test` in the folder."""
    environment = {**os.environ, "FOUNDRY_DISABLE_NIGHTLY_WARNING": "1"}
    line = [str(forge), "test", *arguments]
    return subprocess.run(line, cwd=folder, env=environment, check=False, capture_output=True, text=True)


def main() -> int:
    """forge's own exit code."""
    folder = compiling.BUILD_DIR.parent / "forge" / "project"
    lay_out(folder)
    done = run(Path(sys.argv[1]).resolve(), folder, *sys.argv[2:])
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
