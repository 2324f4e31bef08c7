"""Rows that wait for a signature, a price, a gap or a leader: each way out, and never two effects of one fact."""

import pytest
from sqlalchemy import text

from api.store import unit_of_work
from api.store.database import Database
from api.store.journal import SqlTxJournal
from api.store.schema import migrate
from chain import calls
from chain.attempts import NONCE_FILLED, OUTBID
from chain.errors import FencedError, NodeError, RpcReason, WrongChainError
from chain.ports import TxCall, TxState
from chain.pricing import Pricing
from chain.relay import Relay
from chain.signer import LocalSigner
from tests.chain_effects.worlds import anchored, assert_each_once, attempts, drain, prepare, root
from tests.fakes.chain_faults import CrashError, FaultyJournal, Plan
from tests.fakes.chain_node import ADDRESSES, FakeNode
from tests.fakes.chain_ports import MemoryJournal

SIGNER = LocalSigner(b"\x12" * 32)
ANCHORS = ADDRESSES["CertificateAnchors"]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def journal():
    return MemoryJournal()


def relay_on(node, journal, clock, **options):
    return Relay(node, SIGNER, journal, FakeNode.CHAIN_ID, clock=clock, **options)


def states(journal, label):
    return [line.state.value for line in journal.history(f"anchor:{label}")]


def test_the_history_names_every_state(journal, clock):
    chain = FakeNode(auto_mine=False)
    relay = relay_on(chain, journal, clock, confirmations=1)
    prepare(relay, ANCHORS, ["a"])
    relay.step()
    chain.mine()
    relay.step()
    chain.mine()
    relay.step()
    assert states(journal, "a") == ["prepared", "signed", "sent", "mined", "confirmed"]


def test_a_row_whose_signature_was_never_stored_is_signed_by_the_next_process(journal, clock):
    chain = FakeNode()
    dying = relay_on(chain, FaultyJournal(journal, Plan("journal.signed", crash=True)), clock)
    with pytest.raises(CrashError):
        prepare(dying, ANCHORS, ["a"])
    assert (journal.rows["anchor:a"].state, journal.rows["anchor:a"].tx_hash) == (TxState.PREPARED, b"")
    relay = relay_on(chain, journal, clock)
    assert relay.find("anchor:a").state is TxState.PREPARED
    drain(relay)
    assert_each_once(chain, chain.identity(), SIGNER, journal, ["a"])


def test_who_finds_an_unsigned_row_takes_the_lead_before_signing_it(database, clock):
    chain = FakeNode()
    plan = Plan("journal.signed", crash=True)
    dying = relay_on(chain, FaultyJournal(SqlTxJournal(database, "one", 600.0), plan), clock)
    with pytest.raises(CrashError):
        prepare(dying, ANCHORS, ["a"])
    waiting = relay_on(chain, SqlTxJournal(database, "two", 600.0), clock)
    assert waiting.prepare("anchor:a", ANCHORS, b"").state is TxState.PREPARED, "the first one's lease still stands"
    with unit_of_work(database) as session:
        session.execute(text("UPDATE leases SET expires_at_ms = 0"))
    assert waiting.prepare("anchor:a", ANCHORS, b"").state is TxState.SIGNED
    drain(waiting)


# A price


def test_without_a_price_nothing_is_ever_offered_for_more(journal, clock):
    chain = FakeNode()
    chain.price = 10
    relay = relay_on(chain, journal, clock)
    prepare(relay, ANCHORS, ["a"])
    for _ in range(5):
        assert relay.step().stalled is RpcReason.UNDERPRICED
        clock.now += 100
    assert len(attempts(journal, "anchor:a")) == 1
    chain.price = 0
    drain(relay)
    assert_each_once(chain, chain.identity(), SIGNER, journal, ["a"])


def test_what_is_too_cheap_is_offered_for_more_within_the_limit(journal, clock):
    chain = FakeNode(auto_mine=False)
    chain.price = 10
    relay = relay_on(chain, journal, clock, pricing=Pricing(limit=100))
    prepare(relay, ANCHORS, ["a", "b"])
    assert TxCall.decode(journal.rows["anchor:a"].raw).gas_price == 10
    chain.price = 40  # before anything was sent
    progress = relay.step()
    assert (progress.stalled, progress.replaced) == (RpcReason.UNDERPRICED, 1)
    old, new = attempts(journal, "anchor:a")
    assert (old.state, old.error, old.replaced_by) == (TxState.REPLACED, OUTBID, "anchor:a~2")
    assert (new.nonce, new.bump, TxCall.decode(new.raw).gas_price) == (old.nonce, 1, 40)
    assert relay.find("anchor:a") == new
    drain(relay, between=lambda: (chain.mine(), setattr(clock, "now", clock.now + 2)))
    assert_each_once(chain, chain.identity(), SIGNER, journal, ["a", "b"])
    chain.price = 1000
    prepare(relay, ANCHORS, ["c"])
    for _ in range(3):
        assert relay.step().replaced == 0, "the limit allows no more"
        clock.now += 100
    assert TxCall.decode(journal.rows["anchor:c"].raw).gas_price == 100


def test_what_is_not_mined_for_long_is_offered_for_more_and_either_may_win(journal, clock):
    chain = FakeNode(auto_mine=False)
    chain.price = 10
    relay = relay_on(chain, journal, clock, pricing=Pricing(limit=100, after_s=30), confirmations=1)
    prepare(relay, ANCHORS, ["a"])
    relay.step()
    first = dict(chain.pool)
    clock.now += 31
    assert relay.step().replaced == 1
    relay.step()
    assert len(chain.pool) == 1, "the dearer one took the place"
    # The miner had the cheaper one already.
    chain.pool = first
    chain.mine()
    chain.mine()
    drain(relay, between=lambda: setattr(clock, "now", clock.now + 20))
    one, two = attempts(journal, "anchor:a")
    assert (one.state, two.state) == (TxState.CONFIRMED, TxState.REPLACED)
    assert relay.find("anchor:a") == one
    assert_each_once(chain, chain.identity(), SIGNER, journal, ["a"])


@pytest.mark.parametrize("occurrence", range(1, 7))
@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_note_of_a_race_between_two_prices_announces_once(occurrence, after, journal, clock):
    chain = FakeNode(auto_mine=False)
    chain.price = 10
    options = {"pricing": Pricing(limit=100, after_s=30), "lost_after_s": 15}
    plan = Plan("journal.set_state", occurrence, after=after, crash=True)
    relay = relay_on(chain, FaultyJournal(journal, plan), clock, **options)
    prepare(relay, ANCHORS, ["a", "b"])
    held = {}
    for turn in range(30):
        clock.now += 16
        try:
            relay.step()
        except CrashError:
            relay = relay_on(chain, journal, clock, **options)
        held = held or dict(chain.pool)
        if turn == 6:
            chain.pool = held  # the first offers are what is mined
            chain.mine()
    assert sum(anchored(chain, chain.identity(), SIGNER.address).values()) == 2
    assert chain.nonce(SIGNER.address) == 2, "nothing was sent under another nonce"
    assert not journal.unconfirmed(SIGNER.address, 1)


# A gap that only a filler closes


class Choosy(FakeNode):
    """Never takes the transaction to the contract under one nonce."""

    refused = 0

    def _accept(self, raw):
        import rlp

        nonce, _, _, to, *_ = rlp.decode(raw)
        if to == ANCHORS and int.from_bytes(nonce, "big") == self.refused:
            return NodeError(RpcReason.REJECTED, "for its size, say")
        return super()._accept(raw)


def test_a_nonce_that_its_own_transaction_cannot_use_is_filled_and_the_fact_announced_again(journal, clock):
    chain = Choosy()
    relay = relay_on(chain, journal, clock, fill_after_s=60, confirmations=1)
    prepare(relay, ANCHORS, ["a", "b"])
    assert relay.step().stalled is RpcReason.REJECTED
    clock.now += 59
    assert relay.step().replaced == 0
    clock.now += 2
    assert relay.step().replaced == 1
    row = relay.find("anchor:a")
    assert (row.state, row.error) == (TxState.REPLACED, NONCE_FILLED)
    assert relay.prepare("anchor:a", ANCHORS, b"", retry_failed=True) == row, "it may still be mined: nothing new yet"
    relay.step()
    assert journal.rows[row.replaced_by].state is TxState.MINED
    assert relay.find("anchor:a").state is TxState.REPLACED, "not before the filler is final"
    chain.mine()
    relay.step()
    assert (relay.find("anchor:a").state, relay.find("anchor:a").error) == (TxState.FAILED, NONCE_FILLED)
    relay.prepare("anchor:a", ANCHORS, calls.anchor([root("a")], [1]), retry_failed=True)
    drain(relay, between=chain.mine)
    assert_each_once(chain, chain.identity(), SIGNER, journal, ["a", "b"])


def test_a_filled_one_that_is_mined_after_all_is_announced_once(journal, clock):
    chain = Choosy(auto_mine=False)
    relay = relay_on(chain, journal, clock, fill_after_s=60)
    prepare(relay, ANCHORS, ["a"])
    relay.step()
    clock.now += 61
    relay.step()
    chain.refused = -1
    chain.send_raw(journal.rows["anchor:a"].raw)  # by another node
    chain.mine()
    drain(relay, between=lambda: setattr(clock, "now", clock.now + 20))
    assert relay.find("anchor:a").state is TxState.CONFIRMED
    assert_each_once(chain, chain.identity(), SIGNER, journal, ["a"])
    assert chain.nonce(SIGNER.address) == 1


def test_another_chain_id_halts(journal, clock):
    class Other(FakeNode):
        def _accept(self, raw):
            return NodeError(RpcReason.WRONG_CHAIN)

    relay = relay_on(Other(), journal, clock)
    prepare(relay, ANCHORS, ["a"])
    with pytest.raises(WrongChainError):
        relay.step()


# Leaders


def test_who_does_not_lead_does_nothing(journal, clock):
    chain = FakeNode()
    relay = relay_on(chain, journal, clock)
    prepare(relay, ANCHORS, ["a"])
    journal.leading = False
    assert not relay.step().led
    with pytest.raises(FencedError):
        prepare(relay, ANCHORS, ["b"])
    assert (chain.sent, set(journal.rows)) == (0, {"anchor:a"})
    journal.leading = True
    drain(relay)


@pytest.fixture
def database(tmp_path):
    db = Database(f"sqlite:///{tmp_path / 'mydata.sqlite3'}")
    migrate(db)
    yield db
    db.close()


def test_two_relays_at_once_are_one_leader_and_a_successor(database, clock):
    chain = FakeNode(auto_mine=False)
    journals = [SqlTxJournal(database, name, 600.0) for name in ("one", "two")]
    one, two = (relay_on(chain, journal, clock) for journal in journals)
    prepare(one, ANCHORS, ["a", "b"])
    assert one.step().broadcast == 2
    assert not two.step().led
    # The first one stops for longer than its lease (SIGSTOP), the second takes over, the first wakes up.
    with unit_of_work(database) as session:
        session.execute(text("UPDATE leases SET expires_at_ms = 0"))
    assert two.step().led
    prepare(two, ANCHORS, ["c"])
    chain.mine()
    with pytest.raises(FencedError):
        one.step()
    with pytest.raises(FencedError):
        prepare(one, ANCHORS, ["d"])
    prepare(two, ANCHORS, ["d"])
    drain(two, between=chain.mine)
    assert_each_once(chain, chain.identity(), SIGNER, journals[1], ["a", "b", "c", "d"])
    assert not one.step().led
