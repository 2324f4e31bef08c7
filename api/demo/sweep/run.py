"""One sweep: a chain, a service that keeps dying, the people, the count at the end."""

import contextlib
import itertools
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from api import launch
from api.demo import behind
from api.demo.provision import provision
from api.demo.sweep.audit import Audit, audit, relay_nonce, settled
from api.demo.sweep.jobs import Caller, Case, GaveUpError, cases
from api.demo.sweep.zygote import NOTES
from api.errors import ApiError, Kind
from api.settings import Settings

LIFE_S = 60.0
MISSES = 3
POLL_S = 0.1
ANYWHERE = "anywhere"
LATER = (2, 1, 1, 3, 1)
# Of so many points, the rare ones are left: there is no waiting for a second time.
FEW = 5
# What time would do while a dead process's leases run out: the next life need not wait for it.
WIND = (
    "UPDATE leases SET expires_at_ms = 0",
    "UPDATE outbox SET leased_until_ms = 0 WHERE done_at_ms IS NULL",
    "UPDATE idempotency_keys SET created_at_ms = created_at_ms - 600000 WHERE state = 'running'",
)


@dataclass(slots=True)
class Plan:
    """Which points to kill at, how long, and what is planted.

    It goes on until `jobs` are acknowledged and each point has killed `each` times, or for `minutes`. `first` is the
    number of the first case: a second sweep over the same data needs people of its own.
    """

    points: Sequence[str]
    jobs: int
    each: int = 20
    minutes: float = 24 * 60.0
    callers: int = 3
    plant: str = ""
    patience_s: float = 600.0
    first: int = 1


@dataclass(slots=True)
class Swept:
    """What came of it."""

    jobs: Counter[str] = field(default_factory=Counter)
    armed: Counter[str] = field(default_factory=Counter)
    hit: Counter[str] = field(default_factory=Counter)
    unreached: list[str] = field(default_factory=list)
    found: Audit = field(default_factory=Audit)
    seconds: float = 0.0

    @property
    def sound(self) -> bool:
        """Whether nothing was lost, doubled or found damaged."""
        return not (self.found.lost or self.found.doubled or self.found.findings)

    def to_json(self, store: str) -> dict[str, object]:
        """The report's form; `points` counts lives armed with a point, `points_hit` those that it killed."""
        return {
            "store": store,
            "jobs": sum(self.jobs.values()),
            "jobs_by_kind": dict(sorted(self.jobs.items())),
            "kills": sum(self.hit.values()),
            "points": dict(sorted(self.armed.items())),
            "points_hit": dict(sorted(self.hit.items())),
            "unreached": sorted(self.unreached),
            "lost": len(self.found.lost),
            "doubled": len(self.found.doubled),
            "findings": len(self.found.findings),
            "first_lost": self.found.lost[:10],
            "first_doubled": self.found.doubled[:10],
            "first_findings": self.found.findings[:10],
            "seconds": round(self.seconds, 1),
        }


@contextlib.contextmanager
def chain_and_parties(data_dir: Path, database_url: str = "") -> Iterator[Settings]:
    """A development chain with our contracts, a migrated store with parties in it; no service yet."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    stack = launch.Stack(data_dir, launch.child_environment(data_dir))
    ready = data_dir / "devnet.url"
    ready.unlink(missing_ok=True)
    try:
        child = stack.add(
            "devnet",
            "devnet",
            "embedded",
            "--data",
            str(data_dir / "devnet"),
            "--port",
            "0",
            "--ready-file",
            str(ready),
        )
        launch.wait_until(launch.file_appears(ready), child)
        settings = Settings(
            data_dir=data_dir,
            rpc_url=ready.read_text(encoding="utf-8").strip(),
            port=launch.free_port(0),
            database_url=database_url,
            checkpoint_interval_s=0.2,
        )
        provision(settings)
        yield settings
    finally:
        stack.stop()


class Lives:
    """The forking process, and the life that it has given birth to."""

    def __init__(self, settings: Settings, plant: str) -> None:
        self._settings = settings
        self._plant = plant
        values: dict[str, str | int] = {
            "rpc_url": settings.rpc_url,
            "port": settings.port,
            "checkpoint_interval_s": str(settings.checkpoint_interval_s),
        }
        if settings.database_url:
            values["database_url"] = settings.database_url
        with (settings.data_dir / "lives.log").open("ab") as log:
            self._zygote = subprocess.Popen(
                [sys.executable, "-m", "api.demo.sweep.zygote"],
                env=dict(launch.child_environment(settings.data_dir, **values)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                start_new_session=True,
            )
        self.pid: int | None = None
        self.status = 0
        self._line(launch.READY_TIMEOUT_S * 4)

    def begin(self, fatal: Mapping[str, int]) -> None:
        """Start a life that dies where it first reaches any of these points for the how manieth time; {}: nowhere."""
        behind.change(self._settings.store_url, *WIND)
        order = json.dumps({"points": fatal, "plant": self._plant})
        pipe = cast("IO[bytes]", self._zygote.stdin)
        pipe.write(order.encode() + b"\n")
        pipe.flush()
        born = self._line(60.0)
        assert born is not None
        self.pid = int(born["pid"])

    def ended(self, timeout_s: float) -> bool:
        """Wait for the end of the life; False where it still lives."""
        ended = self._line(timeout_s)
        if ended is None:
            return False
        self.pid, self.status = None, int(ended["status"])
        return True

    def end(self, how: int) -> None:
        """Send the life a signal, and wait until it has ended."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, how)
            if not self.ended(30.0):
                self.end(signal.SIGKILL)

    def close(self) -> None:
        """End everything."""
        self.end(signal.SIGKILL)
        cast("IO[bytes]", self._zygote.stdin).close()
        self._zygote.wait(30)

    def _line(self, timeout_s: float) -> dict[str, Any] | None:
        pipe = cast("IO[bytes]", self._zygote.stdout)
        readable, _, _ = select.select([pipe], [], [], timeout_s)
        if not readable:
            return None
        line = pipe.readline()
        if not line:
            raise ApiError("launch.child_failed", Kind.UNAVAILABLE, child="zygote")
        return cast("dict[str, Any]", json.loads(line))


def sweep(settings: Settings, plan: Plan) -> Swept:
    """Let people work and the service die until the jobs are done, then count. Raises `launch.child_failed`."""
    began = time.monotonic()
    swept, first_nonce = Swept(), relay_nonce(settings)
    people = _People(settings, plan)
    lives = Lives(settings, plan.plant)
    try:
        people.start()
        _kill_again_and_again(settings, plan, lives, people, swept)
        # The last life is left alone: what was begun is finished.
        if lives.pid is None:
            lives.begin({})
        people.finish()
        deadline = time.monotonic() + plan.patience_s
        while not settled(settings) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        lives.end(signal.SIGTERM)
        ended_by_themselves = swept.found.findings
        swept.found = audit(settings, people.begun, first_nonce)
        swept.found.findings += ended_by_themselves
        swept.found.lost += [f"case {number} gave up" for number in people.gave_up]
    finally:
        people.stop()
        lives.close()
    for case in people.begun:
        swept.jobs.update(case.acknowledged.keys())
    swept.seconds = time.monotonic() - began
    return swept


def _kill_again_and_again(settings: Settings, plan: Plan, lives: Lives, people: "_People", swept: Swept) -> None:
    """Until there is enough of everything. Each life dies at the first that it reaches of those that killed least."""
    misses, deadline = Counter[str](), time.monotonic() + 60 * plan.minutes
    while people.busy:
        left = [point for point in plan.points if misses[point] < MISSES or swept.hit[point]]
        swept.unreached = [point for point in plan.points if point not in left]
        least = min((swept.hit[point] for point in left), default=plan.each)
        if (least >= plan.each and people.done >= plan.jobs) or time.monotonic() > deadline:
            return
        chosen = [point for point in left if swept.hit[point] <= least]
        swept.armed.update(chosen)
        # Mostly the first time, which comes soon; now and then a later one, in the middle of other work.
        often = LATER if len(chosen) > FEW else LATER[1:2]
        lives.begin({point: often[swept.armed[point] % len(often)] for point in chosen})
        life_ends = time.monotonic() + LIFE_S
        while people.busy and time.monotonic() < life_ends and not lives.ended(POLL_S):
            pass
        if lives.pid is None and lives.status == -signal.SIGKILL:
            swept.hit[_died_at(settings) or ANYWHERE] += 1
        elif lives.pid is None:
            swept.found.findings.append(f"a life ended by itself with {lives.status}")
        elif people.busy:
            misses.update(chosen)
            lives.end(signal.SIGKILL)
            swept.hit[ANYWHERE] += 1


def _died_at(settings: Settings) -> str | None:
    """The point that the last life noted before it killed itself."""
    lines = (settings.data_dir / NOTES).read_text(encoding="utf-8").splitlines()
    return lines[-1].removeprefix("killed ") if lines and lines[-1].startswith("killed ") else None


class _People:
    """Callers in threads, each with one case after the other."""

    def __init__(self, settings: Settings, plan: Plan) -> None:
        self._settings = settings
        self._plan = plan
        self._cases = itertools.islice(cases(), plan.first - 1, None)
        self._enough = threading.Event()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(plan.callers)]
        self.begun: list[Case] = []
        self.gave_up: list[int] = []

    @property
    def busy(self) -> bool:
        """Whether somebody still works."""
        return any(thread.is_alive() for thread in self._threads)

    @property
    def done(self) -> int:
        """How many jobs were acknowledged."""
        return sum(len(case.acknowledged) for case in list(self.begun))

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Begin no further case; wait until those that were begun are through."""
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """Give up."""
        self._stop.set()
        self.finish()

    def _work(self) -> None:
        caller = Caller(self._settings, self._plan.patience_s, self._stop)
        try:
            while not (self._stop.is_set() or self._enough.is_set()):
                with self._lock:
                    case = next(self._cases)
                    self.begun.append(case)
                try:
                    caller.work(case)
                except (GaveUpError, ApiError) as error:
                    with self._lock:
                        self.gave_up.append(case.number)
                    sys.stderr.write(f"case {case.number}: {error}\n")
        finally:
            caller.close()
