"""What the real processes do, asked over HTTP: returns, grants, pulls, evidence, traces."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.catalogue import load_catalogue
from api.demo import flow
from api.demo.behind import ask, mean_body_bytes
from api.demo.bench import load
from api.demo.bench.alone import plain_inserts
from api.demo.bench.load import Outcome, Pull
from api.demo.bench.machine import interpreter_ms, processor_s
from api.demo.bench.report import Figure, percentile
from api.demo.city import City
from api.demo.files import ExpectedFile, write_department_files
from api.demo.flow import Town
from api.demo.people import Person
from api.demo.provision import entity_key
from api.demo.up import Running
from api.errors import ApiError, Kind
from api.services.pulls import CSV, JSON, PDF
from api.wiring import TRUST_FILE, key_ring
from chain.__main__ import verify_with_node
from chain.bundle import parse_bundle
from chain.trustfile import parse_trust_file
from chain.verdict import State

ID_CARD = "person.id_card"
PURPOSE = "bank.personal_credit"
ASKED: flow.Items = (
    (ID_CARD, "name", True),
    (ID_CARD, "id_number", True),
    (ID_CARD, "valid_until", True),
    (ID_CARD, "address", False),
    (ID_CARD, "birth_date", False),
    (ID_CARD, "sex", False),
)
USES = 3
GROWN_UP_BORN_BEFORE = "2008"
POLL_S, SETTLE_S = 0.02, 120.0
SETTLED = ("sealed", "anchored", "failed")
ROWS_AIM, PULLS_AIM, P99_AIM_MS, MEMORY_AIM_MB = 5000.0, 150.0, 100.0, 300.0


@dataclass(frozen=True, slots=True)
class Bench:
    """A running stack and its city."""

    running: Running
    town: Town
    city: City
    folder: Path
    clients: int

    @property
    def service_pid(self) -> int:
        """The service's process."""
        return self._pid("service")

    @property
    def worker_pid(self) -> int:
        """The worker's process."""
        return self._pid("worker")

    def _pid(self, name: str) -> int:
        process = next(child.process for child in self.running.stack.children if child.name == name)
        assert process is not None
        return process.pid


def returned(bench: Bench) -> list[Figure]:
    """One department's file from upload to durable, encrypted, committed rows, then to the chain."""
    files = write_department_files(bench.city, bench.folder / "files", load_catalogue(), bad_rows=0)
    return _return(bench, next(file for file in files if file.type_code == ID_CARD))


def _return(bench: Bench, file: ExpectedFile) -> list[Figure]:
    officer = bench.town.department(file.department)
    begun = time.perf_counter()
    worker_before = processor_s(bench.worker_pid)
    return_id = flow.return_file(officer, file.path, file.type_code)
    uploaded = time.perf_counter() - begun
    item = _follow(officer, return_id, SETTLED)
    sealed = time.perf_counter() - begun
    worker_ms = (processor_s(bench.worker_pid) - worker_before) * 1000 / file.rows * 1000
    if item["state"] == "failed" or item["rows"]["good"] != file.good:
        raise ApiError("http.internal", Kind.INTERNAL)
    _follow(officer, return_id, ("anchored", "failed"))
    anchored = time.perf_counter() - begun
    body_bytes = mean_body_bytes(bench.running.settings.store_url)
    floor = plain_inserts(bench.folder, file.rows, body_bytes)
    said = f"{file.rows:,} rows of {file.type_code}, {file.path.stat().st_size / 2**20:.1f} MiB"
    return [
        Figure("returns", "records returned: upload to sealed", file.rows / sealed, "rows/s", aim=ROWS_AIM, note=said),
        Figure(
            "returns",
            "the same, against the floor",
            file.rows / sealed,
            "rows/s",
            peer=floor,
            peer_name="sqlite3 alone, no crypto",
            note=f"{body_bytes} bytes a row, 1,024 rows a commit, synchronous=FULL",
        ),
        Figure("returns", "worker's CPU", worker_ms, "ms", more_is_better=False, note="1,000 rows, all threads"),
        Figure("returns", "upload answered after", uploaded, "s", more_is_better=False),
        Figure("returns", "anchored on chain after", anchored, "s", more_is_better=False),
    ]


def _follow(officer: Any, return_id: str, states: Sequence[str]) -> dict[str, Any]:  # noqa: ANN401 - demo client
    while True:
        item: dict[str, Any] = officer.get(f"/v1/returns/{return_id}")
        if item["state"] in states:
            return item
        time.sleep(POLL_S)


def identified(bench: Bench, count: int) -> list[Person]:
    """The first people, at most `count`, whose identity cards were returned; for children a guardian decides."""
    held = {certificate.holder for certificate in bench.city.by_type()[ID_CARD]}
    adults = (person for person in bench.city.persons if person.number[6:10] < GROWN_UP_BORN_BEFORE)
    return [person for person in adults if person.number in held][:count]


def granted(bench: Bench, count: int) -> tuple[list[str], list[Figure]]:
    """Requests filed by a bank's machine and approved by `count` holders, `clients` at once; the grants' ids."""
    bank = flow.entity("bank-lighthouse")
    people = identified(bench, count)
    for person in people:
        bench.town.citizen(person.number, person.name)

    def ask(person: Person) -> flow.Asked:
        return flow.ask(bench.town, bank, person.number, PURPOSE, ASKED, case_no="BENCH-1", days=30, uses=USES)

    def approve(pair: tuple[Person, flow.Asked]) -> str:
        person, asked = pair
        holder = bench.town.citizen(person.number, person.name)
        return str(flow.approve(holder, asked, days=30, uses=USES)["grant"])

    asked, ask_s = _together(bench, ask, people)
    made, approve_s = _together(bench, approve, list(zip(people, asked, strict=True)))
    begun = time.perf_counter()
    # What is measured next must not share the processors with grants on their way to the chain.
    while ask_store(bench, "SELECT count(*) FROM outbox WHERE done_at_ms IS NULL"):
        if time.perf_counter() > begun + SETTLE_S:
            raise ApiError("http.internal", Kind.INTERNAL)
        time.sleep(POLL_S)
    anchored_s = time.perf_counter() - begun
    note = f"{len(people)} people, client included"
    return made, [
        Figure("grants", "requests filed", len(people) / ask_s, "1/s", note=note),
        Figure("grants", "grants approved: look, decide, receipt", len(people) / approve_s, "1/s", note=note),
        Figure("grants", "the last one on the chain after", anchored_s, "s", more_is_better=False),
    ]


def ask_store(bench: Bench, question: str) -> int:
    """One number from the database, past the service."""
    return int(ask(bench.running.settings.store_url, question)[0])


def _together(bench: Bench, act: Callable[[Any], Any], items: Sequence[Any]) -> tuple[list[Any], float]:
    begun = time.perf_counter()
    with ThreadPoolExecutor(bench.clients) as pool:
        done = list(pool.map(act, items))
    return done, time.perf_counter() - begun


def pulled(bench: Bench, grants: Sequence[str], pulls: int) -> tuple[Outcome, list[Pull], list[Figure]]:
    """Pulls that make, mark, receipt and store a copy; then repeats, which deliver a stored copy under a new receipt.

    The outcome is that of the JSON pulls, which follow: their files and receipts are what `verified` and `traced` work
    on.
    """
    key = entity_key(key_ring(bench.running.settings), flow.entity("bank-lighthouse"))
    url, clients = bench.running.url, bench.clients
    warm, rest = grants[:clients], grants[clients:]
    load.run_pulls(url, key, [Pull(grant, media_type) for media_type in (JSON, CSV, PDF) for grant in warm], clients)
    subsets = (None, _fields(5), _fields(4))  # three uses a grant, each of other fields: each makes a copy of its own
    drawn = max(1, len(rest) // 6)
    pdfs = [Pull(grant, PDF, fields) for fields in subsets for grant in rest[:drawn]]
    fresh = [Pull(grant, JSON, fields) for fields in subsets for grant in rest[drawn:]][:pulls]
    figures: list[Figure] = []

    def measure(name: str, wanted: Sequence[Pull], *, aimed: bool = False) -> Outcome:
        loop_ms, before = interpreter_ms(), processor_s(bench.service_pid)
        outcome = load.run_pulls(url, key, wanted, clients)
        spent_ms = (processor_s(bench.service_pid) - before) * 1000 / len(wanted)
        loop_ms = max(loop_ms, interpreter_ms())
        figures.extend(_pull_figures(name, outcome, clients, spent_ms, loop_ms, aimed=aimed))
        return outcome

    made = measure("JSON, a new copy each", fresh, aimed=True)
    measure("JSON, stored copies again", fresh)
    measure("PDF, a new copy each", pdfs)
    return made, fresh, figures + _bare(bench, max(400, pulls))


def _fields(count: int) -> tuple[str, ...]:
    return tuple(f"{type_code}/{name}" for type_code, name, _ in ASKED[:count])


def _pull_figures(
    name: str, outcome: Outcome, clients: int, spent_ms: float, loop_ms: float, *, aimed: bool
) -> list[Figure]:
    note = f"{len(outcome.latencies_ms)} pulls, {clients} clients; the fixed loop of Python took {loop_ms:.1f} ms"
    return [
        Figure("pulls", name, outcome.per_second, "1/s", aim=PULLS_AIM if aimed else None, note=note),
        Figure("pulls", f"{name}: p50", percentile(outcome.latencies_ms, 0.5), "ms", more_is_better=False),
        Figure(
            "pulls",
            f"{name}: p99",
            percentile(outcome.latencies_ms, 0.99),
            "ms",
            aim=P99_AIM_MS if aimed else None,
            more_is_better=False,
        ),
        Figure("pulls", f"{name}: service's CPU", spent_ms, "ms", more_is_better=False, note="a pull, all threads"),
    ]


def _bare(bench: Bench, count: int) -> list[Figure]:
    """The HTTP stack's own floor: an answer that reads and writes nothing, through the same middleware."""
    outcome = Outcome()
    load.run(bench.running.url, [load.Signed("GET", "/livez", {}, b"")] * count, bench.clients, outcome)
    return [
        Figure("pulls", "floor: GET /livez", outcome.per_second, "1/s", note="no signature, store or receipt"),
        Figure("pulls", "floor: p99", percentile(outcome.latencies_ms, 0.99), "ms", more_is_better=False),
    ]


def verified(bench: Bench, made: Outcome, count: int) -> list[Figure]:
    """Evidence bundles of deliveries fetched, then verified in all 22 steps with the chain and the trust file."""
    bank = bench.town.machine(flow.entity("bank-lighthouse"))

    def fetch(receipt: str) -> bytes:
        return bank.send("GET", f"/v1/receipts/{receipt}/evidence").raise_for_status().content

    trust = parse_trust_file((bench.folder / "data" / TRUST_FILE).read_bytes())
    deadline = time.monotonic() + 60
    while True:
        bundles, fetch_s = _together(bench, fetch, made.receipts[:count])
        begun = time.perf_counter()
        verdicts = [verify_with_node(parse_bundle(data), trust, bench.running.rpc_url, None) for data in bundles]
        verify_s = time.perf_counter() - begun
        if all(verdict.state is State.VALID for verdict in verdicts):
            break
        # A receipt waits a moment for its checkpoint; anything but that is a fault, not a figure.
        if any(v.state not in {State.VALID, State.PENDING} for v in verdicts) or time.monotonic() > deadline:
            raise ApiError("http.internal", Kind.INTERNAL)
    begun = time.perf_counter()
    for data in bundles:
        parse_bundle(data)
    parse_s = time.perf_counter() - begun
    return [
        Figure(
            "evidence", "bundles made and fetched", count / fetch_s, "1/s", note="over HTTP, with the proof in the log"
        ),
        Figure(
            "evidence", "bundles verified, 22 steps", count / verify_s, "1/s", note="one process, node asked over HTTP"
        ),
        Figure("evidence", "bundles read, strictly", count / parse_s, "1/s"),
    ]


def traced(bench: Bench, made: Outcome, count: int) -> list[Figure]:
    """Leaked copies, one after the other, as the regulator uploads them; each must come back identified."""
    regulator = bench.town.regulator()
    taken = []
    for at, body in enumerate(made.bodies[:count]):
        begun = time.perf_counter()
        item = regulator.upload("/v1/traces", f"leak{at}.json", body + b"\n")["items"][0]
        taken.append((time.perf_counter() - begun) * 1000)
        if item["outcome"] != "identified":
            raise ApiError("http.internal", Kind.INTERNAL)
    note = f"{count} files, upload to receipted verdict"
    return [
        Figure(
            "watermark", "leaked JSON over HTTP: p50", percentile(taken, 0.5), "ms", more_is_better=False, note=note
        ),
    ]


def memory(peak_mb: dict[str, float]) -> list[Figure]:
    """Peak resident memory of each process, against the aim."""
    return [
        Figure("memory", name, peak, "MB", aim=MEMORY_AIM_MB, more_is_better=False)
        for name, peak in sorted(peak_mb.items())
    ]
