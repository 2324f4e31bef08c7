"""Sample views: operator."""

from collections.abc import Iterator

from api.locale import Lang
from api.portals.views import public
from tests.portals.sample_views.shared import T0, Words


def operator_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    t = Words(lang)
    parts = tuple(
        public.Part(name=name, state=state, detail=detail)
        for name, state, detail in (
            ("database", "ok", "SQLite"),
            ("log_writer", "ok", t("任期 7", "term 7")),
            ("worker", "delayed", t("上次 40 秒前", "last seen 40 seconds ago")),
            ("chain", "halted", t("节点没有应答", "the node does not answer")),
            ("keys", "ok", ""),
        )
    )
    yield (
        "health",
        "operator/health.html",
        "health",
        "/operator",
        public.Operator(
            parts=parts, outbox=12, oldest_at_ms=T0, receipts_waiting=0, log_size=48301, anchored_size=48290
        ),
    )
