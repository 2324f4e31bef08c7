"""A service to test against, in this process: the real application on a real socket, a real database, and the worker's
turns taken when a test asks for them. Its data directory is a copy of one that was prepared once: contracts deployed,
parties admitted, three department files returned and anchored. The chain is an engine process of its own, started only
by tests that need it.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import uvicorn
from sqlalchemy import text

from api import lifeline, main, worker
from api.catalogue import load_catalogue
from api.demo import flow
from api.demo.city import City, generate_city
from api.demo.files import ExpectedFile, write_department_files
from api.demo.flow import Asked, Town
from api.demo.people import Person
from api.demo.provision import provision
from api.locale import CHINA_STANDARD_TIME
from api.services.context import Context
from api.settings import Settings
from api.store import outbox, read_only, unit_of_work
from api.store.queries import receipts
from chain.errors import ChainError

LICENCE = "person.driving_licence"
SEEDED = (LICENCE, "person.id_card", "person.real_estate_title")
CLAIM: flow.Items = (
    (LICENCE, "licence_class", True),
    (LICENCE, "valid_until", True),
    (LICENCE, "name", False),
    (LICENCE, "id_number", False),
)
TITLES: flow.Items = (
    ("person.real_estate_title", "certificate_number", True),
    ("person.real_estate_title", "co_ownership", True),
    ("person.real_estate_title", "usage", True),
    ("person.real_estate_title", "area", True),
    ("person.real_estate_title", "registered_on", False),
    ("person.real_estate_title", "location", False),
)
IDENTITY: flow.Items = (
    ("person.id_card", "name", True),
    ("person.id_card", "id_number", True),
    ("person.id_card", "valid_until", True),
    ("person.id_card", "address", False),
)
HARBOUR = flow.entity("insurer-harbour")
PINE = flow.entity("insurer-pine")
BANKS = tuple(flow.entity(code) for code in ("bank-lighthouse", "bank-tide", "bank-reef"))
PATIENCE_S = 60.0


# Kept in the environment, which a run's workers inherit: a run that goes on past midnight keeps its city.
DAY = date.fromisoformat(os.environ.setdefault("TOWN_DAY", datetime.now(CHINA_STANDARD_TIME).date().isoformat()))


@cache
def small_city() -> City:
    """Everybody that a prepared data directory knows; the same each time."""
    return generate_city(24, 200, today=DAY)


def city_files(folder: Path) -> list[ExpectedFile]:
    """The city's department files, bad rows included, each with the report that it must earn."""
    return write_department_files(small_city(), folder, load_catalogue())


class Named(Protocol):
    """Somebody by number and name, whether the city made them up or a test did."""

    @property
    def number(self) -> str: ...

    @property
    def name(self) -> str: ...


@dataclass
class Chain:
    """An embedded engine as a child process, on one port as long as it lives; `kill` and `start` may alternate."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        ready = self.folder / "devnet.ready"
        ready.unlink(missing_ok=True)
        line = ["devnet", "embedded", "--data", str(self.folder / "devnet")]
        line += ["--port", str(self.port), "--ready-file", str(ready)]
        with (self.folder / "devnet.log").open("ab") as log:
            self.process = lifeline.start(line, stdout=log, stderr=log)
        until(lambda: ready.exists() and ready.stat().st_size > 0, "the engine starts")
        self.port = int(ready.read_text().strip().rsplit(":", 1)[1])

    def kill(self, how: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None


@dataclass
class Service:
    """One running service with its users."""

    settings: Settings
    chain: Chain
    app: Any = None
    server: uvicorn.Server | None = None
    thread: threading.Thread | None = None
    town: Town = field(init=False)
    loop: worker.ChainLoop | None = None
    worker_ctx: Context | None = None
    at_end: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def ctx(self) -> Context:
        ctx: Context = self.app.state.ctx
        return ctx

    @property
    def url(self) -> str:
        return self.settings.base_url

    def start(self, listener: socket.socket) -> None:
        self.app = main.create(self.settings)
        # A connection that is kept is closed by its caller: under load, one that the server closes meets a new request.
        config = uvicorn.Config(
            self.app, log_config=None, access_log=False, server_header=False, lifespan="on", timeout_keep_alive=600
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [listener]}, daemon=True)
        self.thread.start()
        until(lambda: self.server is not None and self.server.started, "the service starts")
        assert self.ctx.log.wait_ready(20)
        self.town = Town(self.settings, self.url)

    def stop(self) -> None:
        self.at_end.close()
        if self.server is not None and self.thread is not None:
            self.town.close()
            self.server.should_exit = True
            self.thread.join(30)
            assert not self.thread.is_alive(), "the service did not stop"
        if self.worker_ctx is not None:
            self.worker_ctx.db.close()
        self.chain.kill()

    # The worker's turns

    def work(self) -> None:
        """Check what was returned, and seal what is to be sealed by itself."""
        ctx = self._worker()[0]
        while worker.one_return(ctx):
            pass

    def turn(self) -> bool:
        """One round of the chain's side; raises what the chain raises."""
        loop = self._worker()[1]
        loop.next_checkpoint = 0.0
        return loop.turn()

    def settle(self) -> None:
        """Turns until everything that was announced stands on the chain, the log's checkpoint over it included."""

        def settled() -> bool:
            self.turn()
            with read_only(self.ctx.db) as session:
                size = receipts.log_size(session)
                return outbox.count_open(session) == 0 and size.prepared == 0 and size.anchored == size.numbered

        if self.chain.process is None:
            self.chain.start()
        until(settled, "everything is on the chain", retry=ChainError)
        until(lambda: not self.turn(), "the events are taken in", retry=ChainError)

    def _worker(self) -> tuple[Context, worker.ChainLoop]:
        if self.loop is None or self.worker_ctx is None:
            self.worker_ctx, self.loop = worker.build(self.settings)
        return self.worker_ctx, self.loop

    # What tests do behind the service's back

    def execute(self, statement: str, **values: object) -> None:
        """Change the database directly."""
        with unit_of_work(self.ctx.db) as session:
            session.execute(text(statement), values)

    def rows(self, statement: str, **values: object) -> list[Any]:
        """Look into the database directly."""
        with read_only(self.ctx.db) as session:
            return list(session.execute(text(statement), values).all())

    def wind_clock(self, ms: int) -> None:
        """Move the database's clock forward: the high-water mark that every decision about time respects."""
        self.execute("UPDATE clock_mark SET high_ms = high_ms + :ms", ms=ms)

    # What its users do

    def driver(self, at: int = 0) -> Person:
        """Somebody with a driving licence who owns no house."""
        city = small_city()
        licensed = {c.holder for c in city.certificates if c.type_code == LICENCE}
        landlords = {person.number for person in city.landlords}
        found = [p for p in city.persons if p.number in licensed and p.number not in landlords]
        return found[at]

    def citizen(self, person: Named) -> flow.Person:
        return self.town.citizen(person.number, person.name)

    def ask(self, person: Named, who: Any = HARBOUR, items: flow.Items = CLAIM, **terms: Any) -> Asked:
        purpose = terms.pop("purpose", "insurance.motor.claims")
        wishes = {"case_no": "CL-2026-1", "days": 30, "uses": 5, **terms}
        return flow.ask(self.town, who, person.number, purpose, items, **wishes)

    def grant(self, person: Named, who: Any = HARBOUR, items: flow.Items = CLAIM, **terms: Any) -> str:
        """Ask and approve; the grant's id."""
        days, uses = terms.get("days", 30), terms.get("uses", 5)
        asked = self.ask(person, who, items, **terms)
        return str(flow.approve(self.citizen(person), asked, days=days, uses=uses)["grant"])


def until(
    holds: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S, retry: type[Exception] | None = None
) -> None:
    """Wait for something that must come; fails with its name."""
    deadline = time.monotonic() + timeout_s
    while True:
        with contextlib.suppress(*([retry] if retry else [])):
            if holds():
                return
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.02)


@contextlib.contextmanager
def chain_loop(service: Service) -> Iterator[worker.ChainLoop]:
    """The worker's chain thread, as the worker runs it."""
    loop, stop = service._worker()[1], threading.Event()
    thread = threading.Thread(target=loop.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def listener() -> socket.socket:
    """A socket on a free port of loopback."""
    # With the protocol named, the event loop switches Nagle's algorithm off, as it does for sockets of its own.
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", 0))
    return found


@contextlib.contextmanager
def running(folder: Path, chain_port: int = 0, **settings: Any) -> Iterator[Service]:
    """The service on a data directory that is ready."""
    open_socket = listener()
    chain = Chain(folder, chain_port or _free_port())
    chosen = Settings(data_dir=folder, rpc_url=chain.url, port=open_socket.getsockname()[1], **settings)
    service = Service(chosen, chain)
    try:
        service.start(open_socket)
        yield service
    finally:
        service.stop()


def prepare(folder: Path, database_url: str = "") -> None:
    """Make a data directory in which contracts, parties and three returned files stand."""
    folder.mkdir(parents=True)
    chain = Chain(folder)
    chain.start()
    try:
        provision(Settings(data_dir=folder, rpc_url=chain.url, port=1, database_url=database_url))
        with running(folder, chain.port, database_url=database_url) as service:
            service.chain = chain
            for file in city_files(folder / "files"):
                if file.type_code in SEEDED:
                    flow.return_file(service.town.department(file.department), file.path, file.type_code)
            service.work()
            service.settle()
            chain.kill(signal.SIGTERM)
    finally:
        chain.kill()
    shutil.rmtree(folder / "files")


def _free_port() -> int:
    with listener() as found:
        return int(found.getsockname()[1])
