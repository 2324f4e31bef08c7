"""The watch waits for an officer who has an alarm in hand, and raises nothing anew that was closed meanwhile."""

import threading

import pytest

from api.policy.watch import Seen, WatchKind, WatchState
from api.store import read_only, unit_of_work
from api.store.queries import watch
from tests.store.backends import only_postgresql
from tests.store.world import World

pytestmark = only_postgresql
WAITS_S = 0.3


@pytest.mark.parametrize("closed", [False, True])
def test_a_live_alarm_does_not_grow_under_an_officers_hand(world: World, closed: bool) -> None:
    world.add_parties()
    party = world.entity
    with unit_of_work(world.db) as session:
        raised = watch.raise_alarm(session, world.vault, party, "", Seen(WatchKind.BURST, 6, 6), 1_000)
    assert raised is not None
    done = threading.Event()

    def grow() -> None:
        with unit_of_work(world.db) as session:
            assert watch.raise_alarm(session, world.vault, party, "", Seen(WatchKind.BURST, 9, 6), 2_000) is None
        done.set()

    thread = threading.Thread(target=grow)
    with unit_of_work(world.db) as session:
        row = watch.lock(session, raised.id)
        thread.start()
        assert not done.wait(WAITS_S)
        watch.move(session, world.vault, row, WatchState.TAKEN, "one", 2_500)
        if closed:
            watch.move(session, world.vault, row, WatchState.CLOSED, "one", 3_000)
    thread.join(30)
    assert done.is_set()
    with read_only(world.db) as session:
        (kept,) = watch.list_all(session).items
        assert kept.seen == (6 if closed else 9)
        assert kept.state == (WatchState.CLOSED if closed else WatchState.TAKEN)
