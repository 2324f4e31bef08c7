"""Sample views of queries by statutory duty and of their alarms."""

from collections.abc import Iterator
from dataclasses import replace

from api.locale import Lang
from api.portals.views import case_register, common, duty
from tests.portals.sample_views.shared import DAY, T0, Words

Entry = tuple[str, str, str, str, object]


def department_duty_pages(lang: Lang) -> Iterator[Entry]:
    t = Words(lang)
    name, law = (
        t("公安机关办案调取", "Criminal investigation"),
        t("《中华人民共和国刑事诉讼法》第五十四条", "article 54"),
    )
    police = common.Choice(value="police.investigation", label=name, hint=law)
    item = common.Item
    card = t("居民身份证", "Identity card")
    basis = duty.Basis(
        code="police.investigation",
        name=name,
        text=t("公安机关为侦查刑事案件，依法调取与案件有关的证照信息。", "The police obtain data of a criminal case."),
        law=law,
        case_example="A3710024500002026110001",
        kinds=("enterprise", "person"),
        quota_per_day=100,
        quota_per_case=20,
        used=3,
        left=97,
        hidden_days_max=180,
        items=(
            item(key="person.id_card/name", label=t("姓名", "Name"), type_name=card),
            item(key="person.id_card/address", label=t("住址", "Address"), type_name=card, sensitive=True),
        ),
    )
    line = {"basis": name, "case_no": "A3710024500002026110001", "fields": (t("姓名", "Name"), t("住址", "Address"))}
    asked = (
        duty.Asked(at_ms=T0, outcome="delivered", reason=None, hidden_until_ms=T0 + 30 * DAY, **line),  # type: ignore[arg-type]
        duty.Asked(at_ms=T0 - DAY, outcome="nothing", reason=None, **line),  # type: ignore[arg-type]
        duty.Asked(
            at_ms=T0 - DAY,
            outcome="refused",
            reason=t("案号不符合此法定职责规定的格式，未查询。", "The case number does not have the right form."),
            **line,  # type: ignore[arg-type]
        ),
        duty.Asked(at_ms=T0 - 2 * DAY, outcome="asked", reason=None, **line),  # type: ignore[arg-type]
    )
    formats = (common.Choice(value="application/pdf", label="PDF"),)
    counted = t("一小时内查询 4 个相邻号码；达到 4 个即视为逐个试号。", "4 neighbouring numbers within an hour.")
    night = t("夜间非办公时间查询 3 次。", "3 times at night.")
    full = duty.Queries(
        base="/department/queries",
        register="/department/case-register",
        blocked=False,
        alarms=(duty.OwnAlarm(what=night, blocks=False, raised_at_ms=T0),),
        bases=(police, common.Choice(value="court.enforcement", label=t("法院执行查控", "Court enforcement"))),
        basis=basis,
        filled=duty.Filled(case_no="A37", number="", ticked=frozenset({"person.id_card/name"})),
        formats=formats,
        once="once",
        error=common.FormError(
            code="statutory.bad_case_no",
            text=t("案号不符合此法定职责规定的格式，未查询。", "The case number does not have the right form."),
        ),
        asked=asked,
        pager=common.Pager(older_url="/x"),
    )
    yield "queries", "staff/queries.html", "queries", "/department/queries", full
    stopped = replace(full, blocked=True, alarms=(duty.OwnAlarm(what=counted, blocks=True, raised_at_ms=T0),))
    yield "queries-stopped", "staff/queries.html", "queries", "/department/queries", stopped
    none = duty.Queries(
        base="/department/queries",
        register="/department/case-register",
        blocked=False,
        alarms=(),
        bases=(),
        basis=None,
        filled=duty.Filled(),
        formats=formats,
        once="once",
        error=None,
        asked=(),
        pager=common.Pager(),
    )
    yield "queries-none", "staff/queries.html", "queries", "/department/queries", none
    base = "/department/case-register"
    register = case_register.CaseRegisterPage(
        base=base,
        queries="/department/queries",
        last_at_ms=T0,
        open=128,
        closed=1043,
        late=False,
        late_days=3,
        max_entries=5000,
        may_bring=True,
        done=case_register.Done(added=12, changed=3, unchanged=113, came=1),
        error=None,
    )
    yield "case-register", "staff/case_register.html", "queries", base, register
    gap = replace(register, last_at_ms=None, open=0, closed=0, done=None, may_bring=False)
    yield "case-register-none", "staff/case_register.html", "queries", base, gap
    late = replace(register, late=True, done=None)
    yield "case-register-late", "staff/case_register.html", "queries", base, late


def regulator_duty_pages(lang: Lang) -> Iterator[Entry]:
    t = Words(lang)
    open_one = duty.Alarm(
        id="alarm_1",
        organisation=t("演示市公安局", "Demo City Public Security Bureau"),
        basis=t("公安机关办案调取", "Criminal investigation"),
        what=t("一小时内查询 4 个相邻号码；达到 4 个即视为逐个试号。", "4 neighbouring numbers within an hour."),
        blocks=True,
        state="open",
        raised_at_ms=T0,
        last_at_ms=T0 + 60_000,
        closed_at_ms=None,
        remark=None,
    )
    closed = duty.Alarm(
        id="alarm_2",
        organisation=open_one.organisation,
        basis=open_one.basis,
        what=t("夜间非办公时间查询 3 次。", "3 times at night."),
        blocks=False,
        state="closed",
        raised_at_ms=T0 - DAY,
        last_at_ms=T0 - DAY,
        closed_at_ms=T0,
        remark=t("值班办案，属实。", "On night duty; in order."),
    )
    yield (
        "alarms",
        "regulator/alarms.html",
        "alarms",
        "/regulator/alarms",
        duty.Alarms(alarms=(open_one, closed), error=None, pager=common.Pager()),
    )
    yield (
        "alarms-none",
        "regulator/alarms.html",
        "alarms",
        "/regulator/alarms",
        duty.Alarms(alarms=(), error=None, pager=common.Pager()),
    )
