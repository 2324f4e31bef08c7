"""Rows by many keys at once: all of them whatever their count, each once, of either store."""

import os

import pytest

from api.store import read_only
from api.store.queries import holders, records
from api.store.queries.holders import HolderKind
from api.store.tables import Record
from tests.store.world import World, id_number


@pytest.fixture
def returned(world: World) -> World:
    world.add_parties()
    world.add_return(6)
    return world


@pytest.mark.parametrize("strangers", [0, 1, 1021, 1024, 2500])
def test_versions_are_found_among_strangers(strangers: int, returned: World) -> None:
    with read_only(returned.db) as session:
        known = [session.get_one(Record, record_id) for record_id in returned.record_ids[:4]]
        numbers = [os.urandom(32) for _ in range(strangers)]
        numbers[strangers // 2 : strangers // 2] = [row.number_bidx for row in known] * 2
        found = records.latest_versions(session, numbers)
        assert {number: one.id for number, one in found.items()} == {row.number_bidx: row.id for row in known}
        assert records.latest_versions(session, []) == {}


def test_the_newest_of_several_versions(returned: World) -> None:
    for version in (2, 3):
        returned.add_return(3, version=version, seal=version == 2)
    with read_only(returned.db) as session:
        numbers = [session.get_one(Record, record_id).number_bidx for record_id in returned.record_ids]
        found = records.latest_versions(session, numbers)
        assert [found[number].version for number in numbers] == [3, 3, 3] + [1] * (len(numbers) - 3)


def test_a_plan_made_before_somebody_came_is_not_carried_out(returned: World) -> None:
    """Whoever is known by then keeps the row that is there; whoever changed is noticed."""
    numbers = [(HolderKind.PERSON, id_number(place)) for place in (0, 900, 901, 900)]
    with read_only(returned.db) as session:
        plan = holders.plan_holders(session, returned.vault, numbers)
    assert [ref.created for ref in plan.refs] == [False, True, True, True]
    assert plan.refs[1].id == plan.refs[3].id
    with returned.db.new_session() as session:
        (other,) = holders.find_or_create_holders(session, returned.vault, [numbers[1]])
        assert not holders.carry_out(session, plan)
        made = holders.find_or_create_holders(session, returned.vault, numbers)
        assert made[1].id == other.id != plan.refs[1].id
        session.rollback()
    with returned.db.new_session() as session:
        assert holders.carry_out(session, plan)
        assert not holders.carry_out(session, plan), "stored by now"
        session.rollback()
