"""`/metrics` in the text form of Prometheus: counts and durations of answers, states of parts, lengths of queues.

A registry of its own, so that no library adds anything. Every label's values are a closed list of this module's or of
`api.services.operations`: no path, no party, no person. Answered to connections from this machine that no proxy
forwarded, or to whoever brings the token of the settings.
"""

import hmac
import time
from collections.abc import Iterable, Mapping

from fastapi import Request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import ApiError, Kind
from api.services import dependencies, key_dates, log, operations
from api.services.context import Context
from api.settings import LOOPBACK

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
AREAS = ("v1", "citizen", "department", "entity", "regulator", "operator", "security", "auditor", "static", "other")
MOST_WITNESSES = 64
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LABELS: Mapping[str, frozenset[str]] = {
    "area": frozenset(AREAS),
    "status": frozenset(CLASSES),
    "part": frozenset(operations.PARTS),
    "queue": frozenset(operations.QUEUES),
    "key": frozenset(key_dates.KINDS),
    "witness": frozenset(str(place) for place in range(1, MOST_WITNESSES + 1)),
    "le": frozenset((*(str(bound) for bound in SECONDS), "+Inf")),
}
"""Every label that there is, with all values that it may have; a test holds what is written against it."""
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


class Metrics(Collector):
    """What one process counts, and what it asks the database for when it is asked."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.registry = CollectorRegistry(auto_describe=False)
        self._answers = Counter(
            "mydata_answers", "Answers by area and class of status", ("area", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "mydata_answer_seconds", "Time to an answer", ("area",), buckets=SECONDS, registry=self.registry
        )
        self.registry.register(self)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count an answer."""
        area = area_of(path)
        self._answers.labels(area, f"{status // 100}xx").inc()
        self._seconds.labels(area).observe(seconds)

    def collect(self) -> Iterable[Metric]:
        """States of parts, and what waits, as they are now."""
        up = GaugeMetricFamily("mydata_part_up", "Whether a part works", labels=("part",))
        for part in operations.parts(self._ctx):
            up.add_metric((part.name,), float(part.ok))
        yield up
        try:
            queues, size = operations.queues(self._ctx), log.health(self._ctx).size
        except ApiError:
            return  # the database is away, which the parts say
        waiting = GaugeMetricFamily("mydata_waiting", "How much of something waits", labels=("queue",))
        for queue in queues:
            waiting.add_metric((queue.name,), queue.waiting)
        yield waiting
        yield from self._others()
        for name, text, value in (
            ("mydata_log_entries", "Numbered entries of the receipt log", size.numbered),
            ("mydata_log_anchored", "Entries of the log under a checkpoint on the chain", size.anchored),
        ):
            family = GaugeMetricFamily(name, text)
            family.add_metric((), value)
            yield family

    def _others(self) -> Iterable[Metric]:
        """What the worker saw of dependencies, how far witnesses are behind, and how long certificates last."""
        seen = GaugeMetricFamily(
            "mydata_part_seen_timestamp_seconds", "When the worker last found a part well", labels=("part",)
        )
        for name, one in dependencies.read(self._ctx.settings.data_dir).items():
            if one.seen_ms is not None:
                seen.add_metric((name,), one.seen_ms / 1000)
        yield seen
        behind = GaugeMetricFamily(
            "mydata_witness_behind", "Entries on the chain that a witness has not signed", labels=("witness",)
        )
        for place, entries in dependencies.behind(self._ctx)[:MOST_WITNESSES]:
            behind.add_metric((place,), entries)
        yield behind
        left: dict[str, int] = {}
        for date in key_dates.dates(self._ctx):
            days = 0 if date.days_left is None else date.days_left
            left[date.kind] = min(days, left.get(date.kind, days))
        ends = GaugeMetricFamily("mydata_key_days_left", "Days until the first of a kind ends", labels=("key",))
        for kind, days in left.items():
            ends.add_metric((kind,), days)
        yield ends

    def text(self) -> bytes:
        """All of it, in the text form."""
        return generate_latest(self.registry)


class Counting:
    """ASGI middleware that counts every answer and its time."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.metrics.answered(scope["path"], message["status"], time.perf_counter() - begun)
            await send(message)

        await self.app(scope, receive, counted)


def area_of(path: str) -> str:
    """Which of `AREAS` a path belongs to; by its first part alone."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    return first if first in LABELS["area"] else "other"


def allowed(ctx: Context, request: Request) -> None:
    """Raise `metrics.refused` unless the token is right or, where none is set, the connection is from this machine."""
    token = ctx.settings.metrics_token.get_secret_value()
    if token:
        given = request.headers.get("authorization", "")
        if hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return
        raise ApiError("metrics.refused", Kind.FORBIDDEN)
    here = request.client is not None and request.client.host in LOOPBACK
    if here and not any(name in request.headers for name in FORWARDED):
        return
    raise ApiError("metrics.refused", Kind.FORBIDDEN)
