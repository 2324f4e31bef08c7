"""Sample views: operator."""

from collections.abc import Iterator

from api.locale import Lang, error_text
from api.portals.views import public
from tests.portals.sample_views.shared import DAY, T0, Words, delay

WRONG = {"chain": "chain.reset", "mail": "notifications.not_sent"}


def operator_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    t = Words(lang)
    parts = tuple(
        public.Part(
            name=name,
            state=state,
            detail=detail,
            code=WRONG.get(name) if state == "halted" else None,
            since_ms=T0 if state == "halted" else None,
            reason=error_text(WRONG[name], lang) if state == "halted" else None,
        )
        for name, state, detail in (
            ("database", "ok", ""),
            ("log_writer", "ok", ""),
            ("outbox", "delayed", t("12 项待处理", "12 waiting")),
            ("chain", "halted", ""),
            ("sign_in", "ok", ""),
            ("mail", "halted", ""),
            ("timestamps", "unset", ""),
            ("witnesses", "ok", ""),
            ("receipts", "ok", t("记录 48,301 条、其中已存证 48,290 条", "48,301 entries, 48,290 of them recorded")),
        )
    )
    yield (
        "health",
        "operator/health.html",
        "health",
        "/operator",
        public.Operator(
            parts=parts,
            receipts_waiting=0,
            log_size=48301,
            anchored_size=48290,
            epochs=tuple(
                public.Epoch(
                    id=f"2026-{seq}",
                    key_sha256=f"{seq}c" * 32,
                    opened_at_ms=T0,
                    closed_at_ms=closed,
                    number=number,
                    state=state,
                    proof_url=f"/v1/log/epochs/2026-{seq}/evidence" if seq == 1 else None,
                )
                for seq, closed, number, state in (
                    (3, None, None, "waits"),
                    (2, T0, 47112, "marks"),
                    (1, T0, 6, "traces"),
                )
            ),
            keys=_keys(Words(lang)),
            queues=((Words(lang)("待处理的返还文件", "Returned files being worked on"), 3),),
            delay=delay(Words(lang), "anchoring.halted"),
        ),
    )


def _keys(t: Words) -> tuple[public.KeyLine, ...]:
    seal, lists = t("部门印章", "Seal of a department"), t("吊销列表", "Revocation list")
    return (
        public.KeyLine(
            kind=seal,
            owner=t("演示市民政局", "Demo Civil Affairs Bureau"),
            state="unknown",
            ends_ms=None,
            left="",
            reason=error_text("seals.token_file", "zh-Hans" if t.zh else "en"),
            code="seals.token_file",
        ),
        public.KeyLine(
            kind=lists, owner="issuing.crl", state="good", ends_ms=T0 + 7 * DAY, left=t("还有 7 天", "7 days left")
        ),
        public.KeyLine(
            kind=seal,
            owner=t("演示市公安局", "Demo Public Security Bureau"),
            state="soon",
            ends_ms=T0 + 12 * DAY,
            left=t("还有 12 天", "12 days left"),
        ),
        public.KeyLine(
            kind=t("平台印章", "Seal of the platform"),
            owner=t("本平台", "This platform"),
            state="good",
            ends_ms=T0 + 700 * DAY,
            left=t("还有 700 天", "700 days left"),
        ),
    )
