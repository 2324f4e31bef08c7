"""slither over the contracts, in two steps, as slither lives in an environment of its own: see scripts/slither.

Without `--run` (in the project's environment) it lays out sources and compiler; with it (in slither's) it analyses.
Findings that are explained here are counted; any other is printed and makes the exit code 1.
"""

import inspect
import json
import os
import sys
from pathlib import Path

# What slither says of our contracts, and why it stays.
EXPLAINED = {
    "assembly": "the one block, Rfc6962._node, which python and Solidity are compared on",
    "reentrancy-no-eth": "PartyRegistry tells its own three contracts, fixed at creation, which call nobody",
    "reentrancy-events": "as above",
    "timestamp": "proposals and grants end by the block's time; a validator may bend it by seconds",
    "uninitialized-local": "Rfc6962.isConsistent counts from zero",
    "unused-return": "tryRecover's third value says which length or s was wrong; any is refused alike",
}


def lay_out(folder: Path) -> None:
    """Standard JSON input, the sources as files, and the compiler."""
    from chain.abi import compile as compiling
    from chain.abi.sources import SETTINGS

    modules = compiling.fetch_packages()
    sources = compiling.collect_sources(modules)
    for name, source in sources.items():
        path = folder / "sources" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source["content"], encoding="utf-8")
    wanted = ["abi", "metadata", "devdoc", "userdoc", "evm.bytecode", "evm.deployedBytecode"]
    # Without the IR pipeline: slither reads the syntax tree, which is the same.
    settings = {**SETTINGS, "viaIR": False, "outputSelection": {"*": {"*": wanted, "": ["ast"]}}}
    document = {"language": "Solidity", "sources": sources, "settings": settings}
    (folder / "input.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "compiler").write_text(str(compiling.npm_compiler(modules)), encoding="utf-8")


def analyse(folder: Path) -> int:
    """Run every detector; 1 where something is found that is not explained."""
    from crytic_compile import CryticCompile
    from crytic_compile.platform.solc_standard_json import SolcStandardJson
    from slither import Slither
    from slither.detectors import all_detectors
    from slither.detectors.abstract_detector import AbstractDetector

    document = json.loads((folder / "input.json").read_text("utf-8"))
    compiler = (folder / "compiler").read_text("utf-8")
    os.chdir(folder / "sources")
    run = Slither(CryticCompile(SolcStandardJson(document), solc=compiler))
    for detector in vars(all_detectors).values():
        if inspect.isclass(detector) and issubclass(detector, AbstractDetector) and detector is not AbstractDetector:
            run.register_detector(detector)
    counts: dict[str, int] = {}
    unexplained = 0
    for found in (one for several in run.run_detectors() for one in several):
        if "@openzeppelin" in json.dumps(found["elements"][:1]):
            continue
        counts[found["check"]] = counts.get(found["check"], 0) + 1
        if found["check"] not in EXPLAINED:
            unexplained += 1
            sys.stdout.write(f"{found['impact']}: {found['check']}: {found['description']}\n")
    for check, count in sorted(counts.items()):
        sys.stdout.write(f"{check}: {count} ({EXPLAINED.get(check, 'not explained')})\n")
    return 1 if unexplained else 0


if __name__ == "__main__":
    chosen = Path(sys.argv[-1]).resolve()
    if "--run" in sys.argv:
        sys.exit(analyse(chosen))
    lay_out(chosen)
