"""Where the code does what cannot be taken back, found in its source: commits, broadcasts, publications, named points.

A commit's points are made by `unit_of_work` itself and named after the function whose transaction it is. What the sweep
kills at is `SWEPT` and every literal `reached("…")`; what it does not is in `ELSEWHERE` with the reason. A test holds
that every site is in one of them, so that a new one cannot be forgotten.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import api
import chain

BROADCASTS = frozenset({"send_raw", "send_raw_many"})
PUBLICATIONS = frozenset({"add_checkpoint"})
_FOLDERS = (Path(api.__file__).parent, Path(chain.__file__).parent)
# Drivers and tests' generators: what they commit is not a service's.
_NOT_A_SERVICE = frozenset({"demo", "cli"})


@dataclass(frozen=True, slots=True)
class Site:
    """A function that does one of these things: module and qualified name, as a frame has them."""

    kind: str
    name: str
    marked: bool


SWEPT = frozenset(
    {
        # HTTP: the key of a call is taken before it is done.
        "forms/_claim",
        "machines/spend_nonce",
        # Return.
        "returns/receive",
        "returns/_store_chunks",
        "returning/process",
        "returns/seal_checked",
        "returns/settle",
        "returns/forget_file",
        # Ask; grant, pull and revoke are the log writer's.
        "requests/create",
        "log_writer/LogWriter._round",
        "log_writer/LogWriter._acquire",
        # Anchor.
        "worker/hold_lease",
        "worker/ChainLoop.report",
        "outbox/lease",
        "outbox/done",
        "journal/SqlTxJournal.lead",
        "journal/SqlTxJournal.reserve",
        "journal/SqlTxJournal.signed",
        "journal/SqlTxJournal.set_state",
        "journal/SqlLogStore.add_checkpoint",
        "event_sink/SqlEventSink.apply",
    }
)
"""Functions whose commits are killed before and after."""

ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "event_sink/SqlEventSink.rewind": "after a reorg: tests/chain_effects",
        "forms/once": "after a refusal: nothing was done",
        "journal/SqlTxJournal.release": "an orderly end",
        "journal/SqlTxJournal.replace": "a lost nonce, a price or a gap: tests/chain_effects/test_relay_states.py",
        "log_writer/LogWriter._release": "an orderly end",
        "log_writer/LogWriter._renew": "only where nothing was written for seconds",
        "log_writer/wait_for_round": "takes the lock and writes nothing",
        "outbox/failed": "after a failure, which is tried again",
        "outbox/later": "gives a row back; as after a lease that ran out",
        "outbox/reopen": "after a transaction that failed on the chain",
        "requests/deny": "a refusal",
        "returning/_with_columns": "killed around it: tests/intake/test_columns.py",
        "returning/fail": "a file that cannot be read",
        "returns/leave_to_officer": "a return that cannot be sealed by itself",
        "worker/keep_house": "housekeeping",
        "worker/run": "renews the lease that `worker.hold_lease` takes",
        "indexer/rewind": "after a reorg: tests/chain_effects",
        "indexer/rewound": "after a reorg: tests/chain_effects",
        "deploy/send_and_wait": "setting a chain up, by hand",
    }
)
"""What the sweep leaves out in the modules of return, grant, revoke, pull and anchor, by site or point, and why."""

PIPELINES = frozenset(
    {
        *("forms", "express", "machines", "returns", "returning", "requests", "pulls", "begin", "changes"),
        *("log_writer", "outbox", "journal", "event_sink", "worker", "chain_outbox"),
        *("relay", "anchor", "indexer"),
    }
)
"""The modules of these five; a commit in any other is another pipeline's. Its points are there, and not swept."""


def sites() -> list[Site]:
    """Every commit, broadcast and publication in the services' code; `marked` where points stand around it."""
    found: dict[tuple[str, str], Site] = {}
    for module, tree in _modules():
        marks = {function for function, call in _calls(tree) if _name(call) == "reached"}
        for function, call in _calls(tree):
            called, name = _name(call), f"{module}/{function}"
            if called == "unit_of_work":
                found["commit", name] = Site("commit", name, True)
            elif called in BROADCASTS:
                found["broadcast", name] = Site("broadcast", name, function in marks)
            elif called in PUBLICATIONS:
                found["publication", name] = Site("publication", name, function in marks)
    return sorted(found.values(), key=lambda site: (site.kind, site.name))


def named_points() -> set[str]:
    """Every name that is given to `reached` as a literal."""
    names = set()
    for _, tree in _modules():
        for _, call in _calls(tree):
            if _name(call) == "reached" and call.args and isinstance(call.args[0], ast.Constant):
                names.add(str(call.args[0].value))
    return names


def left_out(name: str) -> bool:
    """Whether a site or point is in `ELSEWHERE`, or in none of the five pipelines."""
    return name in ELSEWHERE or name.partition("/")[0] not in PIPELINES


def swept_points() -> list[str]:
    """The points that a whole sweep must kill at."""
    commits = [f"{kind}:{name}" for name in sorted(SWEPT) for kind in ("commit", "committed")]
    return sorted(name for name in named_points() if name not in ELSEWHERE) + commits


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for folder in _FOLDERS:
        for path in sorted(folder.rglob("*.py")):
            if path.relative_to(folder).parts[0] in _NOT_A_SERVICE:
                continue
            module = path.parent.name if path.stem == "__init__" else path.stem
            yield module, ast.parse(path.read_text(encoding="utf-8"))


def _calls(node: ast.AST, outer: tuple[str, ...] = (), function: str = "<module>") -> Iterator[tuple[str, ast.Call]]:
    """Every call with the qualified name of the function that it stands in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            name = ".".join((*outer, child.name))
            yield from _calls(child, (*outer, child.name, "<locals>"), name)
            continue
        if isinstance(child, ast.ClassDef):
            yield from _calls(child, (*outer, child.name), function)
            continue
        if isinstance(child, ast.Call):
            yield function, child
        yield from _calls(child, outer, function)


def _name(call: ast.Call) -> str:
    called = call.func
    return called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
