"""Any function, called by anybody with anything: a known refusal or a success, never a panic or half an effect."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.conftest import World
from tests.contracts.harness import Contract, RevertedError, Signer, type_of

CALLERS = ["department", "operator", "regulator", "stranger", "admin"]
CONTRACTS = ["registry", "anchors", "grants", "log"]


def values(kind: str) -> st.SearchStrategy[Any]:
    """Values of an ABI type; small numbers and known edges come often."""
    if kind.endswith("[]"):
        return st.lists(values(kind[:-2]), max_size=4)
    if kind.startswith("("):
        return st.tuples(*(values(part) for part in kind[1:-1].split(",")))
    if kind.startswith("uint"):
        top = 2 ** int(kind[4:]) - 1
        return st.one_of(st.integers(0, 8), st.sampled_from([top, top // 2, top // 2 + 1]), st.integers(0, top))
    if kind == "bytes32":
        return st.one_of(st.sampled_from([bytes(32), b"\xff" * 32]), st.binary(min_size=32, max_size=32))
    if kind == "address":
        return st.one_of(st.just(bytes(20)), st.binary(min_size=20, max_size=20))
    return {"bool": st.booleans(), "bytes": st.binary(max_size=100)}[kind]


def caller(world: World, name: str) -> Signer:
    found: Signer = world.admins[0] if name == "admin" else getattr(world, name)
    return found


def functions(contract: Contract) -> list[dict[str, Any]]:
    return [entry for entry in contract.artifact.abi if entry["type"] == "function"]


@pytest.mark.parametrize("name", CONTRACTS)
@pytest.mark.parametrize("examples", [40, pytest.param(2_000, marks=pytest.mark.full)])
def test_arguments_of_any_kind(deployed: World, name: str, examples: int) -> None:
    contract: Contract = getattr(deployed, name)
    known = {entry["name"] for entry in contract.artifact.abi if entry["type"] == "error"} | {""}
    calls = functions(contract)
    seen: set[str] = set()

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.data())
    def call(data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(calls))
        arguments = [data.draw(values(type_of(part))) for part in entry["inputs"]]
        world = deployed.fork()
        target: Contract = getattr(world, name)
        before = world.evm.state.make_state_root()
        refusal = None
        try:
            target.send(caller(world, data.draw(st.sampled_from(CALLERS))), entry["name"], *arguments)
        except RevertedError as error:
            refusal = error.name
        assert refusal is None or refusal in known, entry["name"]
        assert refusal is None or world.evm.state.make_state_root() == before
        seen.add(entry["name"])

    call()
    assert len(seen) > len(calls) // 3


@pytest.mark.parametrize("name", CONTRACTS)
def test_data_that_is_no_call_is_refused(world: World, name: str) -> None:
    contract: Contract = getattr(world, name)
    for data in (b"", b"\x00", b"\xde\xad\xbe\xef", bytes(36)):
        _, computation = world.evm.run(world.operator, contract.address, data, keep=True)
        assert computation.is_error
    for entry in functions(contract):
        if entry["inputs"]:  # cut in the middle of its arguments
            selector = contract.data(entry["name"], *(zero(type_of(part)) for part in entry["inputs"]))[:20]
            _, computation = world.evm.run(world.operator, contract.address, selector, keep=True)
            assert computation.is_error, entry["name"]


def zero(kind: str) -> Any:
    """The least value of an ABI type."""
    if kind.endswith("[]"):
        return []
    if kind.startswith("("):
        return tuple(zero(part) for part in kind[1:-1].split(","))
    return {"bytes32": bytes(32), "address": bytes(20), "bool": False, "bytes": b""}.get(kind, 0)
