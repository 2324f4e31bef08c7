"""Sample views: regulator."""

from collections.abc import Iterator
from dataclasses import replace

from api.locale import Lang
from api.portals.views import common, regulator
from tests.portals.sample_views.shared import DAY, HEX, T0, Words, copy_lines, proof


def regulator_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    t = Words(lang)
    insurer = t("演示海安财产保险股份有限公司", "Demo Hai'an Property Insurance Co., Ltd.")
    bank = t("演示蓝湾银行", "Demo Blue Bay Bank")
    line = regulator.TraceLine(id="trace_7Q2M4T8ZK1VX9R3B", outcome="identified", accused=(insurer,), at_ms=T0)
    past = (
        line,
        replace(line, outcome="suspect"),
        replace(line, outcome="inconclusive", accused=()),
        replace(line, outcome="none", accused=()),
    )
    yield (
        "traces",
        "regulator/traces.html",
        "traces",
        "/regulator",
        regulator.Traces(traces=past, max_bytes=33554432, max_files=10, error=None, pager=common.Pager()),
    )
    yield (
        "traces-empty",
        "regulator/traces.html",
        "traces",
        "/regulator",
        regulator.Traces(
            traces=(),
            max_bytes=33554432,
            max_files=1,
            error=common.FormError(code="watermark.unreadable", text=t("读不懂这个文件。", "The file cannot be read.")),
            pager=common.Pager(),
        ),
    )
    candidates = (
        regulator.Candidate(
            entity=insurer,
            copy_id="copy_7Q2M4T8ZK1VX9R3B",
            purpose=t("机动车保险理赔", "Motor insurance claims"),
            delivered_at_ms=T0 - DAY,
            log10_e=11.4,
            named=True,
        ),
        regulator.Candidate(entity=bank, copy_id=None, purpose=None, delivered_at_ms=None, log10_e=-2.7, named=False),
    )
    layers = (
        regulator.Layer(name=t("字段次序", "Order of fields"), weight=8.2),
        regulator.Layer(name=t("细微版式", "Fine layout"), weight=3.2),
    )
    facts = (
        regulator.TraceFact(label=t("种类", "Kind"), value="CSV"),
        regulator.TraceFact(label=t("指纹", "Fingerprint"), value=HEX, mono=True),
    )
    trace = regulator.Trace(
        id="trace_7Q2M4T8ZK1VX9R3B",
        outcome="identified",
        level="copy",
        accused=(insurer,),
        bound_log10=-9.0,
        examined=14,
        remarks=(t("误判概率不超过所列上限。", "The probability of naming an innocent is at most the bound shown."),),
        at_ms=T0,
        facts=facts,
        candidates=candidates,
        layers=layers,
        copy_proof=proof("delivery"),
        trace_proof=proof("trace", "pending", 48300),
        report_url="/x",
    )
    yield "trace", "regulator/trace.html", "traces", "/regulator/traces/trace_1", trace
    yield (
        "trace-entity",
        "regulator/trace.html",
        "traces",
        "/regulator/traces/trace_1",
        replace(trace, level="entity", copy_proof=None),
    )
    yield (
        "trace-suspect",
        "regulator/trace.html",
        "traces",
        "/regulator/traces/trace_1",
        replace(trace, outcome="suspect", bound_log10=None, copy_proof=None),
    )
    yield (
        "trace-inconclusive",
        "regulator/trace.html",
        "traces",
        "/regulator/traces/trace_1",
        replace(
            trace, outcome="inconclusive", accused=(), bound_log10=None, candidates=candidates[1:], copy_proof=None
        ),
    )
    yield (
        "trace-none",
        "regulator/trace.html",
        "traces",
        "/regulator/traces/trace_1",
        replace(
            trace, outcome="none", accused=(), bound_log10=None, remarks=(), candidates=(), layers=(), copy_proof=None
        ),
    )
    erased = replace(trace, outcome="erased", accused=(), bound_log10=None, candidates=(), layers=(), copy_proof=None)
    yield "trace-erased", "regulator/trace.html", "traces", "/regulator/traces/trace_1", replace(erased, remarks=())
    late = regulator.Overdue(copies=copy_lines(t)[5:], reported=1, pager=common.Pager())
    yield "copies", "regulator/copies.html", "copies", "/regulator/copies", late
    nothing = replace(late, copies=(), reported=0)
    yield "copies-empty", "regulator/copies.html", "copies", "/regulator/copies", nothing
    health = regulator.LogHealth(
        log_id="mydata/log/9f3a07c1d2e4b586",
        size=48301,
        checkpoint_size=48290,
        checkpoint_at_ms=T0,
        anchored_size=48290,
        waiting=11,
        chain_state="ok",
        chain_reason=None,
        chain_head=10233,
        chain_since_ms=T0 - 9 * DAY,
        engine="embedded",
        note="mydata/log/9f3a07c1d2e4b586\n48290\nnzoHwdLktYafOgfB0uS1hp86B8HS5LWGnzoHwdLktYY=\n\n"
        "— mydata/log/9f3a07c1d2e4b586 Zm9vYmFy…\n",
    )
    yield "log", "regulator/log.html", "log", "/regulator/log", health
    yield (
        "log-halted",
        "regulator/log.html",
        "log",
        "/regulator/log",
        replace(
            health,
            chain_state="halted",
            chain_reason=t("链被重置,已停止存证。", "The chain was reset; recording has stopped."),
            waiting=0,
            chain_since_ms=None,
            engine="besu",
            note="",
            checkpoint_size=None,
            checkpoint_at_ms=None,
            anchored_size=0,
        ),
    )
