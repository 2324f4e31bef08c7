"""Faults planted in the verifier, one at a time: each must turn a golden vector red.

First by machine: every place in `chain.checks` that refuses, waits or says revoked is taken out. Then by hand: what
the verifier rests on elsewhere (tree, signatures, admissions, the trust file, silence), each with its vectors.
"""

import ast
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import chain.checks
import chain.verify
from chain.checks.case import StepOutcome
from chain.errors import NodeError
from chain.verdict import SEVERITY, Aspect, Finding, State
from tests.vectors import cases

FOLDER = Path(__file__).parents[2] / "vectors"
VECTORS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))
}
SOURCES = sorted(Path(chain.checks.__file__).parent.glob("[a-z]*.py"))
SAYS = frozenset({"invalid", "pending", "revoked", "unknown"})


def outcome(node: ast.stmt) -> str | None:
    """The code that a statement raises as an outcome, "?" where it is put together; None for any other statement."""
    if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
        return None
    called = node.exc.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    if name not in SAYS:
        return None
    first = node.exc.args[0]
    return str(first.value) if isinstance(first, ast.Constant) else "?"


def sites() -> Iterator[tuple[Path, int, str]]:
    """Every statement that raises an outcome: file, line, code."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.stmt) and (code := outcome(node)) is not None:
                yield path, node.lineno, code


class Without(ast.NodeTransformer):
    """Takes the raise at one line out."""

    def __init__(self, line: int) -> None:
        self.line = line

    def visit_Raise(self, node: ast.Raise) -> ast.stmt:
        return ast.copy_location(ast.Pass(), node) if node.lineno == self.line else node


def faulty(path: Path, line: int) -> Callable[..., Any]:
    """The verifier with one raise taken out; the sound one stays what everybody else imports."""
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if is_part(name)}
    children = {name: value for name, value in vars(chain.checks).items() if isinstance(value, ModuleType)}
    mutant = ModuleType(f"chain.checks.{path.stem}")
    tree = ast.fix_missing_locations(Without(line).visit(ast.parse(path.read_text("utf-8"))))
    try:
        for name in children:
            delattr(chain.checks, name)
        sys.modules[mutant.__name__] = mutant
        exec(compile(tree, str(path), "exec"), vars(mutant))
        setattr(chain.checks, path.stem, mutant)
        verify: Callable[..., Any] = importlib.import_module("chain.verify").verify
        return verify
    finally:
        for name in [name for name in sys.modules if is_part(name)]:
            del sys.modules[name]
        sys.modules.update(kept)
        for name, value in children.items():
            setattr(chain.checks, name, value)
        chain.verify = kept["chain.verify"]  # type: ignore[assignment]  # the module as it was


def is_part(name: str) -> bool:
    """Whether a module is of the verifier and its checks."""
    return name == "chain.verify" or name.startswith("chain.checks.")


def red(vector: dict[str, Any]) -> bool:
    """Whether a vector's test fails."""
    try:
        cases.check(vector)
    except Exception:
        return True
    return False


def likely(code: str) -> list[str]:
    """All vectors, those first that expect the code."""
    named = [name for name, vector in VECTORS.items() if f'chain.verify.{code}"' in json.dumps(vector["expected"])]
    return [*named, *(name for name in VECTORS if name not in named)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "line", "code"), [pytest.param(*one, id=f"{one[0].stem}-{one[1]}-{one[2]}") for one in sites()]
)
def test_no_refusal_can_be_left_out(path: Path, line: int, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "verify", faulty(path, line))
    assert any(red(VECTORS[name]) for name in likely(code)), f"{path.name}:{line} {code} is needed by no vector"


def test_the_sound_verifier_leaves_all_green() -> None:
    assert [name for name, vector in VECTORS.items() if red(vector)] == []
    assert len(list(sites())) > 90


Patch = Callable[[pytest.MonkeyPatch], None]


def put(target: str, value: object) -> Patch:
    """Something of the verifier in place of what stands there."""
    return lambda monkeypatch: monkeypatch.setattr(target, value)


def said_as(wanted: type[Exception], state: State) -> Patch:
    """A node's silence, or what is not on the chain yet, told as another state."""
    run = chain.verify._run

    def told(step: Any, case: Any) -> Finding:
        found = run(step, case)
        silent, late = found.state is State.UNKNOWN, found.state is State.PENDING
        hit = silent if wanted is NodeError else late
        return Finding(found.step, found.aspect, state, found.code, found.facts) if hit else found

    return put("chain.verify._run", told)


def no_step(number: int) -> Patch:
    """A verifier without one of its steps."""

    def look(case: Any) -> None:
        if number == 2:
            case.block = case.view.block()  # as the step does, whatever it finds

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        steps = tuple(
            step if step.number != number else chain.verify.Step(number, step.aspect, step.asks_chain, look)
            for step in chain.verify.STEPS
        )
        monkeypatch.setattr(chain.verify, "STEPS", steps)

    return patch


# What is planted, and the vectors that must turn red; "valid_delivery" must stay green, for a verifier that finds
# everything wrong would turn them all red.
FAULTS: dict[str, tuple[Patch, list[str]]] = {
    "a proof's length and order are not looked at": (
        put("chain.checks.certificates.verify_inclusion", lambda *_: None),
        ["inner_node_as_leaf", "wrong_index", "index_beyond_size", "proof_shortened", "proof_changed"],
    ),
    "the batch's size on chain is not asked": (
        no_step(6),
        ["wrong_size_that_the_proof_lets_pass", "root_not_anchored_yet", "inner_node_as_leaf"],
    ),
    "revocation is not asked": (no_step(8), ["certificate_revoked", "department_suspended"]),
    "a mirrored signature counts": (
        put("chain.grantmsg._HALF_ORDER", cases.ORDER),
        ["grant_signature_high_s", "change_signature_high_s", "counter_signature_high_s", "duty_signature_high_s"],
    ),
    "the bundle says which chain it is": (no_step(1), ["wrong_chain_id", "own_contract_address", "claims_nothing"]),
    "any node will do": (no_step(2), ["forgers_own_chain", "node_of_another_chain"]),
    "any code will do": (no_step(3), ["own_contract_code"]),
    "whoever is admitted is admitted": (
        no_step(7),
        ["department_admitted_itself", "department_admitted_by_one_admin_twice", "issuer_is_an_entity"],
    ),
    "a bundle may hold more than is known": (
        put("chain.strict.Fields.done", lambda _: None),
        ["bundle_names_its_own_trust"],
    ),
    "any log's promise counts": (no_step(14), ["bundle_brings_its_own_log_key", "promise_changed"]),
    "who holds a department's key is not said": (
        put("chain.verify._note_custody", lambda _: None),
        ["valid_sealed_by_a_signer", "valid_sealed_by_an_agent", "valid_at_counter"],
    ),
    "a silent node makes it invalid": (
        said_as(NodeError, State.INVALID),
        ["node_silent", "node_silent_midway", "node_silent_about_revocations", "node_silent_about_the_log"],
    ),
    "a silent node makes it valid": (
        said_as(NodeError, State.VALID),
        ["node_silent", "node_silent_midway", "node_silent_about_the_grant"],
    ),
    "what is not on the chain yet is invalid": (
        said_as(StepOutcome, State.INVALID),
        ["root_not_anchored_yet", "grant_not_on_chain_yet", "checkpoint_not_on_chain_yet", "erasure_not_logged_yet"],
    ),
    "what is not on the chain yet is valid": (
        said_as(StepOutcome, State.VALID),
        ["root_not_anchored_yet", "grant_not_on_chain_yet", "checkpoint_missing"],
    ),
    "revoked is worse than invalid": (
        put("chain.verdict.SEVERITY", (*(s for s in SEVERITY if s is not State.REVOKED), State.REVOKED)),
        ["change_signature_high_s", "changes_out_of_order"],
    ),
    "the receipt's details may say anything": (no_step(17), ["mark_of_another_copy", "other_file"]),
    "an erasure's details are not held against its leaf": (no_step(14), ["erasure_changed"]),
    "a statement on a copy need not be what was signed": (no_step(19), ["deletion_with_another_statement"]),
    "times are not compared": (no_step(20), ["receipt_in_future", "delivered_after_end"]),
    "a checkpoint may be older than its receipt": (no_step(21), ["anchored_before_made"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_planted_fault_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, wanted = FAULTS[fault]
    plant(monkeypatch)
    assert [name for name in wanted if not red(VECTORS[name])] == []
    if "is not said" not in fault:
        assert not red(VECTORS["valid_delivery"])


def test_every_step_has_a_vector_that_needs_it() -> None:
    for step in chain.verify.STEPS:
        with pytest.MonkeyPatch.context() as monkeypatch:
            no_step(step.number)(monkeypatch)
            assert any(red(vector) for vector in VECTORS.values()), step.number
    assert {step.aspect for step in chain.verify.STEPS} == set(Aspect)
