"""Who takes back goes first, and nobody waits for that for ever."""

import threading

import pytest

from api.services.precedence import Precedence

LONG_S = 120.0


class Taker(threading.Thread):
    """Takes a place, stays in it until told to leave."""

    def __init__(self, way: Precedence) -> None:
        super().__init__(daemon=True)
        self.way, self.entered, self.leave = way, threading.Event(), threading.Event()
        self.start()

    def run(self) -> None:
        with self.way.place():
            self.entered.set()
            assert self.leave.wait(LONG_S)


def test_who_takes_stands_aside_until_the_last_has_taken_back() -> None:
    way = Precedence(2, wait_s=LONG_S)
    with way.first():
        with way.first():
            taker = Taker(way)
            assert not taker.entered.wait(0.1)
        assert not taker.entered.wait(0.1)
    assert taker.entered.wait(LONG_S)
    taker.leave.set()
    taker.join(LONG_S)


def test_nobody_stands_aside_for_ever() -> None:
    way = Precedence(1, wait_s=0.01)
    with way.first():
        taker = Taker(way)
        assert taker.entered.wait(LONG_S)
    taker.leave.set()
    taker.join(LONG_S)


def test_there_are_so_many_places() -> None:
    way = Precedence(2)
    takers = [Taker(way) for _ in range(2)]
    assert all(taker.entered.wait(LONG_S) for taker in takers)
    third = Taker(way)
    assert not third.entered.wait(0.1)
    takers[0].leave.set()
    assert third.entered.wait(LONG_S)
    for taker in (takers[1], third):
        taker.leave.set()
        taker.join(LONG_S)


def test_what_fails_gives_its_place_and_its_precedence_back() -> None:
    way = Precedence(1, wait_s=LONG_S)
    for held in (way.first, way.place):
        with pytest.raises(ValueError, match="gone wrong"), held():
            raise ValueError("gone wrong")
    taker = Taker(way)
    assert taker.entered.wait(LONG_S)
    taker.leave.set()
    taker.join(LONG_S)
