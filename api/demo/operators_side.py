"""The demo's steps of the operator's side: each part's health and what waits, and the next key that marks copies."""

import json
import subprocess
import sys
import time
from collections.abc import Callable

import httpx

from api.demo import flow, flow_duties, flow_epochs, flow_traces
from api.demo.client import Person as Caller
from api.demo.people_side import INSURER, citizen, granted, person, pull
from api.demo.provision import party_id
from api.demo.stage import ANCHOR_WAIT_S, Demo, StepFailedError, expect, refusal_of

COMMAND_S = 60


def operate(demo: Demo) -> tuple[int, str]:
    """Health of every part, what waits, and the same as figures; nobody's data, and nobody else reads it."""
    administrator = flow_duties.officer(demo.town, "operator")
    health = administrator.get("/v1/operations")
    parts, queues = health["parts"], health["queues"]
    ill = [one["name"] for one in parts if not one["ok"]]
    expect(len(parts) > 0 and not ill, f"not well: {ill}")
    told = httpx.get(f"{demo.town.url}/metrics", timeout=30).text
    unsaid = [one["name"] for one in parts if f'mydata_part_up{{part="{one["name"]}"}} 1' not in told]
    expect(not unsaid, f"/metrics does not say of {unsaid} that they are well")
    ended = [one for one in health["keys"] if one["days_left"] is None or one["days_left"] < 0]
    expect(len(health["keys"]) > 0 and not ended, f"ended, or not to be read: {ended}")
    shown = json.dumps(health) + told
    named = [one for one in demo.city.persons if one.number in shown or one.name in shown]
    expect(not named, f"{len(named)} people are named to the operator")
    somebody = citizen(demo, person(demo, 4))
    code = refusal_of(lambda: somebody.get("/v1/operations"))
    expect(code == "auth.forbidden", f"a citizen was answered {code}")
    return (
        len(parts),
        f"parts are well, {len(queues)} queues, {len(health['keys'])} certificates in force, the same as metrics",
    )


def epoch(demo: Demo) -> tuple[int, str]:
    """The marking key is changed while the service runs; copies of the old one and of the new are both traced."""
    regulator = demo.town.regulator()
    before = _marking(regulator)
    old = pull(demo, granted(demo, person(demo, 5)))
    command = [sys.executable, "-m", "api.cli", "epoch", "rotate", "--data", str(demo.folder)]
    command += ["--database", demo.town.settings.store_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=False)  # noqa: S603 - ours
    expect(done.returncode == 0, f"mydata epoch rotate: {done.stdout} {done.stderr}")
    after = _next_marking(regulator, before)
    new = pull(demo, granted(demo, person(demo, 6)))
    expect(len(flow_epochs.epoch_evidence(regulator, after)) > 0, "the new epoch has no evidence")
    for name, envelope in (("old", old), ("new", new)):
        told = flow_traces.examine(regulator, f"{name}.json", envelope.file)["report"]
        accused = [(one["entity"], one["copy"]) for one in told["accused"]]
        expect(accused == [(party_id(INSURER), envelope.copy)], f"the copy of the {name} key: {accused}")
    return 2, f"{before} to {after}; a copy of each is traced"


def _marking(who: Caller) -> str:
    return next(str(one["id"]) for one in flow_epochs.marking_epochs(who) if one["marks"])


def _next_marking(who: Caller, before: str) -> str:
    """The epoch that marks after `before`, once its receipt has a number and stands on the chain."""
    deadline = time.monotonic() + ANCHOR_WAIT_S
    while time.monotonic() < deadline:
        newest = flow_epochs.marking_epochs(who)[0]
        if newest["marks"] and newest["recorded"] and newest["id"] != before:
            return str(newest["id"])
        time.sleep(flow.POLL_S)
    raise StepFailedError("the new key does not mark")


STEPS: dict[str, Callable[[Demo], tuple[int, str]]] = {"operate": operate, "epoch": epoch}
"""In the order of the demo."""
