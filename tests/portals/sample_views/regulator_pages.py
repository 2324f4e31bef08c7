"""Sample views: regulator."""

from collections.abc import Iterator
from dataclasses import replace

from api.locale import Lang, error_text
from api.portals.views import common, consents, regulator, trace_jobs
from tests.portals.sample_views.shared import DAY, HEX, MINUTE, T0, Words, copy_lines, delay, items, proof


def _supervision(t: Words) -> Iterator[tuple[str, str, str, str, object]]:
    name = t("演示海安财产保险股份有限公司", "Demo Hai'an Property Insurance Co., Ltd.")
    held = regulator.HeldGrant(
        id="grant_1",
        entity=name,
        purpose=t("机动车保险理赔", "Motor insurance claims"),
        case_no="CL-2026-0815",
        state="active",
        held=True,
        reference="JG-2026-7",
        created_at_ms=T0 - 9 * DAY,
    )
    void = replace(held, id="grant_2", state="invalidated", held=False, reference=None, case_no=None)
    listed = regulator.Grants(number="", held=(held, void), error=None, pager=common.Pager(older_url="/x"))
    yield "grants", "regulator/grants.html", "grants", "/regulator/grants", listed
    wrong = common.FormError(code="grants.not_found", text=t("没有此授权。", "There is no such consent."))
    none = replace(listed, held=(), number="grant_x", error=wrong, pager=common.Pager())
    yield "grants-empty", "regulator/grants.html", "grants", "/regulator/grants", none
    changes = (
        consents.Change(
            at_ms=T0,
            what="frozen",
            who=t("监管部门", "Regulator"),
            why=None,
            anchored=False,
            reference="JG-2026-7",
            receipt_id="rcpt_7Q2M4T8ZK1VX9R3B",
        ),
        consents.Change(
            at_ms=T0 - MINUTE,
            what="paused",
            who=t("当事人", "The person concerned"),
            why=None,
            anchored=False,
            delay=delay(t),
        ),
        consents.Change(
            at_ms=T0 - DAY,
            what="frozen",
            who=t("当事人", "The person concerned"),
            why=None,
            anchored=True,
            reference="case_1",
        ),
        consents.Change(
            at_ms=T0 - 9 * DAY, what="granted", who=t("当事人", "The person concerned"), why=None, anchored=True
        ),
    )
    reasons = (
        common.Choice(value="court", label=t("依人民法院的决定", "by order of a court")),
        common.Choice(value="regulator", label=t("依监管部门的决定", "by order of the regulator")),
    )
    one = regulator.SupervisedGrant(
        id="grant_7Q2M4T8ZK1VX9R3B",
        digest=HEX,
        entity=name,
        entity_uscc="91371099MA3N2X7K4L",
        purpose=held.purpose,
        case_no=held.case_no,
        by_duty=False,
        state="active",
        frozen=True,
        held_for="JG-2026-7",
        case_url=None,
        case_number=None,
        from_ms=T0 - 9 * DAY,
        until_ms=T0 + 30 * DAY,
        ended_at_ms=None,
        uses=1,
        max_uses=3,
        custody="custody",
        items=items(t)[:2],
        copies=(regulator.SupervisedCopy(id="copy_7Q2M4T8ZK1VX9R3B", media_type="application/pdf", state="held"),),
        changes=changes,
        reasons=reasons,
        can_freeze=False,
        can_lift=True,
        can_invalidate=True,
        filled=regulator.Measure(),
        error=None,
    )
    yield "grant", "regulator/grant.html", "grants", "/regulator/grants/grant_1", one
    free = replace(one, frozen=False, held_for=None, can_freeze=True, can_lift=False, copies=())
    yield "grant-free", "regulator/grant.html", "grants", "/regulator/grants/grant_1", free
    refused = common.FormError(code="grants.bad_case", text=t("请填写案件编号。", "Give the number of the case."))
    filled = regulator.Measure(act="freeze", reference="")
    yield (
        "grant-refused",
        "regulator/grant.html",
        "grants",
        "/regulator/grants/grant_1",
        replace(free, filled=filled, error=refused),
    )
    contested = replace(
        one, held_for="case_1", case_url="/regulator/cases/case_1", case_number="MD-000007", can_lift=False
    )
    yield "grant-contested", "regulator/grant.html", "grants", "/regulator/grants/grant_1", contested
    for act in ("freeze", "lift", "invalidate"):
        sure = replace(one, confirm=True, filled=regulator.Measure(act=act, reason="court", reference="JG-2026-7"))
        yield f"grant-sure-{act}", "regulator/grant.html", "grants", "/regulator/grants/grant_1", sure


def _runs(lang: Lang, run: trace_jobs.JobLine) -> Iterator[tuple[str, str, str, str, object]]:
    t = Words(lang)
    unread = common.FormError(code="watermark.unreadable", text=t("读不懂这个文件。", "The file cannot be read."))
    file = trace_jobs.FileLine(
        seq=1, name="IMG 0001.jpg", state="done", trace_id="trace_7Q2M4T8ZK1VX9R3B", outcome="identified", error=None
    )
    unseen = replace(file, trace_id=None, outcome=None)
    page = trace_jobs.JobPage(
        line=run,
        done=209,
        refused=3,
        waiting=88,
        cancelled=0,
        progress_url="/regulator/traces/jobs/tjob_1/progress",
        progress_text=t("已处理 212 个，共 300 个文件", "212 of 300 files looked at"),
        ended_at_ms=None,
        outcomes=tuple(
            trace_jobs.Counted(name=name, count=count)
            for name, count in (("identified", 7), ("inconclusive", 4), ("none", 197), ("suspect", 1))
        ),
        files=(
            file,
            replace(file, seq=2, name=t("群聊截图（二）.png", "screenshot of a chat.png"), outcome="none"),
            replace(
                unseen,
                seq=3,
                name="a-name-that-does-not-end-and-has-no-place-to-break-anywhere-in-it.pdf",
                state="refused",
                error=unread,
            ),
            replace(unseen, seq=4, state="running"),
            replace(unseen, seq=5, name="", state="waiting"),
        ),
        first_url=None,
        next_url="/regulator/traces/jobs/tjob_1?after=200",
        can_change=True,
        max_files=1000,
        max_bytes=536870912,
        error=None,
    )
    over = replace(page, can_change=False, waiting=0, ended_at_ms=T0 + DAY // 24, next_url=None)
    done = replace(over, line=replace(run, state="done", over=300), done=297)
    done = replace(done, files=page.files[:3], first_url="/regulator/traces/jobs/tjob_1")
    stopped = replace(over, line=replace(run, state="cancelled", over=300), cancelled=88)
    stopped = replace(stopped, files=(*page.files[:3], replace(unseen, seq=4, state="cancelled")))
    waiting = replace(page, line=replace(run, state="open", total=1, over=0), done=0, refused=0, waiting=1)
    full = common.FormError(code="trace_jobs.too_many_files", text=t("文件太多。", "Too many files."))
    waiting = replace(waiting, outcomes=(), files=page.files[4:], next_url=None, error=full)
    for name, view in (("running", page), ("done", done), ("cancelled", stopped), ("open", waiting)):
        yield f"trace-job-{name}", "regulator/trace_job.html", "traces", "/regulator/traces/jobs/tjob_1", view


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
        regulator.Traces(
            traces=past,
            max_bytes=33554432,
            max_together=536870912,
            max_files=10,
            max_clue=200,
            max_looked_at=300,
            error=None,
            pager=common.Pager(),
        ),
    )
    yield (
        "traces-empty",
        "regulator/traces.html",
        "traces",
        "/regulator",
        regulator.Traces(
            traces=(),
            max_bytes=33554432,
            max_together=536870912,
            max_files=1,
            max_clue=200,
            max_looked_at=300,
            error=common.FormError(code="watermark.unreadable", text=t("读不懂这个文件。", "The file cannot be read.")),
            pager=common.Pager(),
        ),
    )
    run = trace_jobs.JobLine(id="tjob_7Q2M4T8ZK1VX9R3B", state="running", total=300, over=212, created_at_ms=T0)
    yield (
        "traces-runs",
        "regulator/traces.html",
        "traces",
        "/regulator",
        regulator.Traces(
            traces=past,
            max_bytes=33554432,
            max_together=536870912,
            max_files=1000,
            max_clue=200,
            max_looked_at=300,
            error=None,
            pager=common.Pager(),
            jobs=(run, replace(run, state="done", over=300), replace(run, state="open", total=4, over=0)),
        ),
    )
    yield from _runs(lang, run)
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
    named = regulator.Named(
        entity=insurer, copy_id="copy_7Q2M4T8ZK1VX9R3B", log10_e=11.4, entity_log10=-9.0, copy_log10=-4.2
    )
    trace = regulator.Trace(
        id="trace_7Q2M4T8ZK1VX9R3B",
        outcome="identified",
        level="copy",
        accused=(insurer,),
        named=(named,),
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
        page_url="/x",
        pdf_url="/x",
        pictures_url="/x",
        max_bytes=33554432,
    )
    yield "trace", "regulator/trace.html", "traces", "/regulator/traces/trace_1", trace
    yield (
        "trace-entity",
        "regulator/trace.html",
        "traces",
        "/regulator/traces/trace_1",
        replace(trace, level="entity", copy_proof=None, named=(replace(named, copy_id=None, copy_log10=None),)),
    )
    yield (
        "trace-suspect",
        "regulator/trace.html",
        "traces",
        "/regulator/traces/trace_1",
        replace(
            trace,
            outcome="suspect",
            bound_log10=None,
            named=(replace(named, entity_log10=None, copy_log10=None),),
            copy_proof=None,
        ),
    )
    yield (
        "trace-inconclusive",
        "regulator/trace.html",
        "traces",
        "/regulator/traces/trace_1",
        replace(
            trace,
            outcome="inconclusive",
            accused=(),
            named=(),
            bound_log10=None,
            candidates=candidates[1:],
            copy_proof=None,
        ),
    )
    yield (
        "trace-none",
        "regulator/trace.html",
        "traces",
        "/regulator/traces/trace_1",
        replace(
            trace,
            outcome="none",
            accused=(),
            named=(),
            bound_log10=None,
            remarks=(),
            candidates=(),
            layers=(),
            copy_proof=None,
        ),
    )
    erased = replace(
        trace, outcome="erased", accused=(), named=(), bound_log10=None, candidates=(), layers=(), copy_proof=None
    )
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
        witnesses=(common.WitnessLine(name="witness.university.example/w1", size=48290, at_ms=T0),),
    )
    yield "log", "regulator/log.html", "log", "/regulator/log", health
    yield (
        "log-delayed",
        "regulator/log.html",
        "log",
        "/regulator/log",
        replace(
            health,
            chain_state="delayed",
            chain_reason=error_text("chain.standing", lang),
            chain_since_ms=T0,
            delay=delay(t, "anchoring.standing"),
        ),
    )
    yield (
        "log-halted",
        "regulator/log.html",
        "log",
        "/regulator/log",
        replace(
            health,
            chain_state="halted",
            chain_reason=t("链被重置，已停止存证。", "The chain was reset; recording has stopped."),
            waiting=0,
            chain_since_ms=None,
            engine="besu",
            note="",
            checkpoint_size=None,
            checkpoint_at_ms=None,
            anchored_size=0,
            witnesses=(),
        ),
    )
    yield from _supervision(t)
