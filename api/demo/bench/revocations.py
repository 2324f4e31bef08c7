"""How long taking back takes while six downloaders pull the very grant as fast as they are served.

A figure, not a test: `tests/flow/test_revocation_race.py` shows that none of them is served afterwards.
"""

import http.client
import random
import secrets
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from api.demo import up
from api.demo.bench import load, stack
from api.demo.bench.load import Pull, Signed
from api.demo.bench.report import Figure, percentile
from api.demo.bench.stack import Bench
from api.demo.city import generate_city
from api.demo.flow import Town, entity
from api.demo.provision import entity_key
from api.errors import ApiError, Kind
from api.services.pulls import JSON
from api.wiring import key_ring

DOWNLOADERS = 6
REVOCATIONS = 200
PULLS_EACH = 30
HEAD_START_S = 0.06
P99_AIM_MS = 50.0
CITIZENS, RECORDS = 400, 800


def revoked(bench: Bench, store: str, fsync_ms: float) -> list[Figure]:
    """Revocations of fresh grants over HTTP on a running stack; `fsync_ms` is this machine's median flush."""
    count = min(REVOCATIONS, len(stack.identified(bench, REVOCATIONS)))
    grants, _ = stack.granted(bench, count)
    bank = entity("bank-lighthouse")
    key = entity_key(key_ring(bench.running.settings), bank)
    rng = random.Random(3)  # noqa: S311 - when to revoke, not a secret
    taken, served = [], 0
    with ThreadPoolExecutor(DOWNLOADERS) as pool:
        for person, grant in zip(stack.identified(bench, count), grants, strict=True):
            holder = bench.town.citizen(person.number, person.name)
            # One idempotency key: repeats are deliveries with receipts of their own, and one use.
            pull = Pull(grant, JSON, key=secrets.token_urlsafe(18))
            ready = threading.Barrier(DOWNLOADERS + 1)
            signed = [
                [load.sign_pull(bench.running.url, key, pull) for _ in range(PULLS_EACH)] for _ in range(DOWNLOADERS)
            ]
            running = [pool.submit(_download, bench.running.url, requests, ready) for requests in signed]
            ready.wait()
            time.sleep(rng.uniform(0.0, HEAD_START_S))
            begun = time.perf_counter()
            holder.post(f"/v1/grants/{grant}/revoke")
            taken.append((time.perf_counter() - begun) * 1000)
            served += sum(one.result() for one in running)
    note = f"{count} revocations, {DOWNLOADERS} downloaders served {served} times; a flush takes {fsync_ms:.2f} ms"
    return [
        Figure("revocations", f"{store}: p50", percentile(taken, 0.5), "ms", more_is_better=False, note=note),
        Figure("revocations", f"{store}: p99", percentile(taken, 0.99), "ms", aim=P99_AIM_MS, more_is_better=False),
    ]


def revoked_alone(folder: Path, database_url: str, store: str, fsync_ms: float) -> list[Figure]:
    """The same on a small stack started for it, for the store that the other figures do not stand on."""
    running = up.start(folder / "data", port=0, chain_port=0, database_url=database_url)
    town = Town(running.settings, running.url)
    try:
        bench = Bench(running, town, generate_city(CITIZENS, RECORDS), folder, DOWNLOADERS)
        stack.returned(bench)
        return revoked(bench, store, fsync_ms)
    finally:
        town.close()
        running.stack.stop()


def _download(url: str, requests: Sequence[Signed], ready: threading.Barrier) -> int:
    """Pull until refused, or until what was signed is used up; how often it was served."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=load.TIMEOUT_S)
    ready.wait()
    served = 0
    try:
        for request in requests:
            connection.request(request.method, request.path, request.body or None, request.headers)
            response = connection.getresponse()
            response.read()
            if response.status == http.client.FORBIDDEN:
                break
            if response.status != http.client.OK:
                raise ApiError("http.internal", Kind.INTERNAL, status=response.status)
            served += 1
    finally:
        connection.close()
    return served
