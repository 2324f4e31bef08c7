"""Several accounts bring facts to the chain, each with a window of its own; one grant's facts go by one of them."""

import shutil
from pathlib import Path

import pytest

from api.services.chain_outbox import Relays
from api.store.journal import SqlTxJournal
from chain.ports import TxState
from chain.relay import Relay
from tests import town


class Named:
    """Stands where a relay would; only which one is chosen matters."""

    def __init__(self, name: str) -> None:
        self.name = name


def test_facts_of_one_grant_go_by_one_account_and_grants_are_spread() -> None:
    relays = Relays(Named("own"), Named, carriers=(Named("two"), Named("three")))  # type: ignore[arg-type]  # see Named
    chosen = {f"grant:{at}": relays.carrying(f"grant:{at}") for at in range(60)}
    for key, relay in chosen.items():
        assert all(relays.carrying(f"{key}:{change}") is relay for change in range(4))
    assert set(chosen.values()) == set(relays.all)
    assert Relays(Named("own"), Named).carrying("grant:1").name == "own"  # type: ignore[arg-type,attr-defined]  # as above


@pytest.mark.slow
def test_everything_lands_by_three_accounts(prepared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(prepared, folder)
    with town.running(folder, relay_accounts=3) as service:
        service.chain.start()
        grants = [service.grant(service.driver(at), case_no=f"CL-{at}") for at in range(6)]
        for at, grant in enumerate(grants):
            service.citizen(service.driver(at)).post(f"/v1/grants/{grant}/revoke")
        service.settle()
        _, loop = service._worker()
        assert len(loop.relays.carriers) == 2
        assert all(isinstance(relay, Relay) for relay in loop.relays.all)
        sent = service.rows("SELECT sender, key FROM chain_txs WHERE key LIKE 'grant:%'")
        by_grant = {grant: {bytes(row[0]) for row in sent if row[1].startswith(f"grant:{grant}")} for grant in grants}
        assert all(len(senders) == 1 for senders in by_grant.values())
        assert len(set().union(*by_grant.values())) > 1
        assert service.rows("SELECT count(*) FROM grants WHERE anchor_state <> 'anchored'") == [(0,)]
        journal = SqlTxJournal(service.ctx.db)
        states = [line.state for line in journal.history(f"grant:{grants[0]}")]
        assert states[0] is TxState.PREPARED
        assert states[-1] is TxState.CONFIRMED
