"""What the machines share: a forked world, calls whose outcome a model foretells, and the passing of time."""

from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.contracts.conftest import World
from tests.contracts.harness import Contract, Outcome, RevertedError, Signer


class Machine(RuleBasedStateMachine):
    """Random calls on real contracts beside a model in Python that knows nothing of them.

    A rule works out from the model what must happen, `None` for success or the name of the refusal, and `expect` holds
    the contract to it. `deployed` is set by the test: the right contracts, or some with a planted fault.
    """

    deployed: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.world = self.deployed.fork()
        self.now = self.world.evm.time_s

    def expect(
        self, refusal: str | None, contract: Contract, sender: Signer, function: str, *args: Any
    ) -> Outcome | None:
        """The outcome, or None where the call was refused as foretold."""
        happened, outcome = None, None
        try:
            outcome = contract.send(sender, function, *args)
        except RevertedError as error:
            happened = error.name
        assert happened == refusal, f"{function}{args}: {happened or 'success'}, foretold {refusal or 'success'}"
        return outcome

    def check(self) -> None:
        """Holds all that the contract shows against the model; after a run, and now and then within it."""
        raise NotImplementedError

    @rule()
    def look(self) -> None:
        self.check()

    def teardown(self) -> None:
        self.check()

    @rule(seconds=st.sampled_from([1, 3600, 3 * 86_400, 7 * 86_400 + 1]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds
        self.world.evm.at(self.now)
