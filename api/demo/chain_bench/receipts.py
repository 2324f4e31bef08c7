"""The receipt log: durable receipts a second through the real writer, and how long one takes to the chain.

The second part runs the real worker process on a real engine; this process holds the log writer, as the service does.
A receipt counts as verifiable once the store knows, from the chain's own events, a confirmed checkpoint that covers it:
from then on its evidence bundle is VALID.
"""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from api import launch
from api.demo.bench import machine
from api.demo.bench.report import Figure, percentile
from api.demo.chain_bench.engines import EngineMissingError, running
from api.demo.provision import provision
from api.launch import Stack
from api.settings import Settings
from api.store import Session, read_only
from api.store.crypto import Vault
from api.store.database import Database
from api.store.keyring import KeyRing
from api.store.log_writer import LogWriter, Numberer, ReceiptDraft
from api.store.numbering import NumberedReceipt
from api.store.queries.receipts import log_size
from api.store.schema import migrate
from api.wiring import log_key, wire
from chain.receipt import ReceiptKind

RECEIPTS_AIM = 3_000.0
P99_AIM_S = 30.0
FSYNCS = 200
PATIENCE_S = 180.0
POLL_S = 0.05


def durable(folder: Path, seconds: float, submitters: Sequence[int]) -> list[Figure]:
    """Receipts a second, each waited for until its commit is on disk, by so many threads at once."""
    folder.mkdir(parents=True, exist_ok=True)
    flushes = machine.fsync_latencies_ms(folder, FSYNCS)
    figures = [
        Figure(
            "receipts", f"4 KiB write and fsync: p{share}", percentile(flushes, share / 100), "ms", more_is_better=False
        )
        for share in (50, 99)
    ]
    keys = KeyRing.load(folder / "keys", production=False)
    db = Database(f"sqlite:///{folder / 'store.sqlite3'}")
    migrate(db)
    writer = LogWriter(db, Vault(keys), log_key(keys))
    writer.start()
    try:
        writer.wait_ready(PATIENCE_S)
        for count in submitters:
            used = time.process_time()
            taken, spent = _submitted(writer, count, seconds)
            used = (time.process_time() - used) / len(taken)
            name = f"durable, {count} at once"
            figures += [
                Figure("receipts", name, len(taken) / spent, "1/s", aim=RECEIPTS_AIM, note=f"{len(taken):,} receipts"),
                Figure("receipts", f"{name}: p99", percentile(taken, 0.99), "ms", more_is_better=False),
                Figure("receipts", f"{name}: CPU each", used * 1e6, "us", more_is_better=False, note="all threads"),
            ]
        taken, spent = _filled(writer, seconds)
        figures.append(
            Figure(
                "receipts", "durable, 64 to a fact", len(taken) / spent, "1/s", aim=RECEIPTS_AIM, note="as jobs write"
            )
        )
    finally:
        writer.stop()
        db.close()
    return figures


def _draft(number: int) -> ReceiptDraft:
    return ReceiptDraft(ReceiptKind.REFUSAL, {"reason": "pull.not_found", "number": number}, reason="pull.not_found")


def _one(_: Session, numberer: Numberer) -> NumberedReceipt:
    return numberer.add(_draft(numberer.size))


def _submitted(writer: LogWriter, count: int, seconds: float) -> tuple[list[float], float]:
    """Latencies in ms of all receipts that `count` threads, each waiting for its last one, got within `seconds`."""
    begun = time.perf_counter()
    taken: list[list[float]] = [[] for _ in range(count)]

    def work(mine: list[float]) -> None:
        while (asked := time.perf_counter()) < begun + seconds:
            writer.submit(_one, PATIENCE_S)
            mine.append((time.perf_counter() - asked) * 1000)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [one for mine in taken for one in mine], time.perf_counter() - begun


def _filled(writer: LogWriter, seconds: float) -> tuple[list[float], float]:
    """Facts of 64 receipts each."""
    begun, taken = time.perf_counter(), []

    def work(session: Session, numberer: Numberer) -> int:
        for _ in range(64):
            _one(session, numberer)
        return numberer.size

    while (asked := time.perf_counter()) < begun + seconds:
        writer.submit(work, PATIENCE_S)
        taken += [(time.perf_counter() - asked) * 1000] * 64
    return taken, time.perf_counter() - begun


def to_chain(folder: Path, engines: Sequence[str], seconds: float, rate: float) -> list[Figure]:
    """From a receipt's commit to a confirmed checkpoint over it, under a steady `rate` (receipts a second)."""
    figures: list[Figure] = []
    for name in engines:
        group = f"receipt to verifiable: {name}"
        try:
            with running(name, folder / name) as url:
                taken = _followed(folder / name / "data", url, name, seconds, rate)
        except EngineMissingError as missing:
            figures.append(Figure(group, "not here", 0.0, "", note=str(missing)))
            continue
        note = f"{len(taken):,} receipts, {rate:g}/s"
        figures += [
            Figure(group, "p50", percentile(taken, 0.5), "s", more_is_better=False, note=note),
            Figure(group, "p99", percentile(taken, 0.99), "s", aim=P99_AIM_S, more_is_better=False),
            Figure(group, "most", max(taken), "s", more_is_better=False),
        ]
    return figures


def _followed(folder: Path, url: str, engine: str, seconds: float, rate: float) -> list[float]:
    folder.mkdir(parents=True, exist_ok=True)
    values = {"rpc_url": url, "engine": "embedded" if engine == "embedded" else "rpc"}
    settings = Settings(data_dir=folder).model_copy(update=values)
    provision(settings)
    stack = Stack(folder, launch.child_environment(folder, **values))
    ctx = wire(settings).ctx
    ctx.log.start()
    try:
        ctx.log.wait_ready(PATIENCE_S)
        stack.add("worker", "api.worker")
        _anchored_up_to(ctx.db, lambda anchored, numbered: anchored >= numbered, lambda _: None)
        return _timed(ctx.db, ctx.log, seconds, rate)
    finally:
        stack.stop()
        ctx.log.stop()
        ctx.db.close()


def _timed(db: Database, writer: LogWriter, seconds: float, rate: float) -> list[float]:
    """Seconds that each receipt took; they are written here, and watched by a thread."""
    written: dict[int, float] = {}
    taken: list[float] = []
    ended = threading.Event()

    def note(anchored: int) -> None:
        now = time.perf_counter()
        taken.extend(now - written.pop(number) for number in list(written) if number < anchored)

    def watch() -> None:
        _anchored_up_to(db, lambda anchored, numbered: ended.is_set() and anchored >= numbered, note)

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun, count = time.perf_counter(), round(seconds * rate)
    for at in range(count):
        time.sleep(max(0.0, begun + at / rate - time.perf_counter()))
        number = writer.submit(_one, PATIENCE_S).number
        written[number] = time.perf_counter()
    ended.set()
    watcher.join()
    if len(taken) != count:
        raise TimeoutError("not every receipt came to the chain")
    return taken


def _anchored_up_to(db: Database, enough: Callable[[int, int], bool], note: Callable[[int], None]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with read_only(db) as session:
            size = log_size(session)
        note(size.anchored)
        if enough(size.anchored, size.numbered + size.prepared):
            return
        time.sleep(POLL_S)
