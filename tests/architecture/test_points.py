"""A commit, a broadcast or a publication without a named point is one that no sweep kills at: found in the source."""

import ast

import pytest

from api.demo.sweep import sites
from api.demo.sweep.sites import ELSEWHERE, SWEPT, Site, left_out, named_points, swept_points


def unaccounted(found: list[Site]) -> list[str]:
    """Sites that the sweep neither kills at nor leaves out with a reason."""
    commits = [s for s in found if s.kind == "commit" and s.name not in SWEPT and not left_out(s.name)]
    others = [s for s in found if s.kind != "commit" and not s.marked and s.name not in ELSEWHERE]
    return [f"{site.kind} in {site.name}" for site in (*commits, *others)]


def test_every_commit_broadcast_and_publication_has_a_point() -> None:
    assert unaccounted(sites.sites()) == []


PLANTED = """
def store(ctx):
    with unit_of_work(ctx.db) as session:
        session.add(1)

def send(node):
    node.send_raw_many([b""])

class Publisher:
    def publish(self, log):
        reached("planted/publish")
        log.add_checkpoint(1)

    def publish_quietly(self, log):
        log.add_checkpoint(1)
"""


def test_a_site_without_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "_modules", lambda: iter([("relay", ast.parse(PLANTED))]))
    assert unaccounted(sites.sites()) == [
        "commit in relay/store",
        "broadcast in relay/send",
        "publication in relay/Publisher.publish_quietly",
    ]
    assert named_points() == {"planted/publish"}


def test_what_is_listed_is_there() -> None:
    """A list that names what is gone would let a sweep wait for it in vain."""
    found = sites.sites()
    commits = {site.name for site in found if site.kind == "commit"}
    assert commits >= SWEPT
    named = {site.name for site in found} | named_points()
    assert {name for name in ELSEWHERE if name not in named} == set()


def test_a_point_names_one_place() -> None:
    places: dict[str, int] = {}
    for _, tree in sites._modules():
        for _, call in sites._calls(tree):
            if sites._name(call) == "reached" and call.args and isinstance(call.args[0], ast.Constant):
                places[str(call.args[0].value)] = places.get(str(call.args[0].value), 0) + 1
    assert {name for name, count in places.items() if count > 1} == set()
    assert len(swept_points()) == len(set(swept_points())) > 50
