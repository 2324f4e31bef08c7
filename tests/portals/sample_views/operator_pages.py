"""Sample views: operator."""

from collections.abc import Iterator

from api.locale import Lang
from api.portals.views import public


def operator_pages(_lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    parts = tuple(
        public.Part(name=name, state=state, detail=detail)
        for name, state, detail in (
            ("database", "ok", "SQLite"),
            ("log_writer", "ok", "term=7"),
            ("outbox", "delayed", "waiting=12"),
            ("chain", "halted", "halted"),
            ("receipts", "unknown", "log=7"),
        )
    )
    yield (
        "health",
        "operator/health.html",
        "health",
        "/operator",
        public.Operator(parts=parts, receipts_waiting=0, log_size=48301, anchored_size=48290),
    )
