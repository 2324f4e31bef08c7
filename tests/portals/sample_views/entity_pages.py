"""Sample views: entity."""

from collections.abc import Iterator
from dataclasses import replace

from api.locale import Lang
from api.portals.views import common, entity, entity_copies, entity_jobs
from tests.portals.sample_views.shared import (
    DAY,
    T0,
    Words,
    copy_lines,
    decision,
    deliveries,
    items,
    late_deliveries,
    late_life,
    life,
)


def entity_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    t = Words(lang)
    scenario = entity.Scenario(
        code="motor_claim",
        name=t("车险理赔", "Motor claim"),
        purpose=t("机动车保险理赔", "Motor insurance claims"),
        necessary=(t("准驾车型", "Licence class"), t("有效期至", "Valid until")),
        optional=(t("住址", "Address"),),
    )
    quote = replace(scenario, code="motor_quote", name=t("车险报价承保", "Motor quote and cover"), optional=())
    hire = replace(scenario, code="hire", name=t("入职核验", "New hire"))
    yield (
        "home",
        "entity/home.html",
        "home",
        "/entity",
        entity.Home(scenarios=(scenario, quote, hire)),
    )
    yield (
        "home-empty",
        "entity/home.html",
        "home",
        "/entity",
        entity.Home(scenarios=()),
    )
    yield "home-court", "entity/home.html", "home", "/entity", entity.Home(scenarios=(), queries=True)
    name = t("城镇职工基本养老保险关系转移接续", "Transfer of a basic pension insurance")
    for_item = replace(scenario, item_no="163", item_name=name, filled=True)
    chosen = entity.Home(scenarios=(for_item, replace(quote, item_no="163")), item_no="163", item_name=name)
    yield "home-item", "entity/home.html", "home", "/entity?item=163", chosen
    found = entity.ItemLine(
        number=163,
        name=name,
        office=t("省人力资源社会保障厅、市人力资源社会保障局", "Human resources and social security"),
        scenario=t("社会保险办理", "Social insurance"),
        needed=(t("姓名", "Name"), t("居民身份号码", "Resident identity number")),
        ready=True,
        barred=False,
        url="/entity/requests/new?scenario=social_security&item=163",
    )
    barred = replace(found, number=426, ready=False, barred=True, url=None)
    by_hand = replace(found, number=5, scenario=None, needed=(), ready=False, url="/entity?item=5")
    lost = replace(by_hand, number=6, url=None)
    picker = entity.ItemPicker(
        query=t("养老", "pension"), items=(found, barred, by_hand, lost), total=4, more_url="/entity/items?after=6"
    )
    yield "items", "entity/items.html", "home", "/entity/items", picker
    nothing = replace(picker, items=(), total=0, more_url=None)
    yield "items-none", "entity/items.html", "home", "/entity/items?q=x", nothing
    yield (
        "step-what-item",
        "entity/what.html",
        "home",
        "/entity/requests/fields",
        entity.WhatStep(scenario=for_item, number="371099195003073844", items=items(t), ticked=frozenset(), error=None),
    )
    wrong = common.FormError(
        code="catalogue.id_check",
        text=t("证件号码校验位不对，请核对。", "The check digit of the number is wrong; please compare."),
        field="number",
    )
    yield (
        "step-who",
        "entity/who.html",
        "home",
        "/entity/requests/new",
        entity.WhoStep(scenario=scenario, kind="person", number="", error=wrong),
    )
    yield (
        "step-what",
        "entity/what.html",
        "home",
        "/entity/requests/fields",
        entity.WhatStep(
            scenario=scenario,
            number="371099195003073844",
            items=items(t),
            ticked=frozenset(i.key for i in items(t)[:2]),
            error=None,
        ),
    )
    yield (
        "step-terms",
        "entity/terms.html",
        "home",
        "/entity/requests/terms",
        entity.TermsStep(
            scenario=scenario,
            number="371099195003073844",
            items=items(t)[:3],
            case_no="",
            case_required=True,
            days="30",
            days_max=90,
            uses="1",
            uses_max=5,
            error=None,
        ),
    )
    line = entity.RequestLine(
        id="req_1",
        purpose=scenario.purpose,
        case_no="CL-2026-0815",
        state="requested",
        asked_at_ms=T0,
        lapses_at_ms=T0 + 7 * DAY,
        fields=3,
        grant_url=None,
    )
    lines = (
        line,
        replace(line, state="approved", grant_url="/entity/grants/grant_1"),
        replace(line, state="denied", case_no=None),
        replace(line, state="lapsed"),
    )
    yield (
        "requests",
        "entity/requests.html",
        "requests",
        "/entity/requests",
        entity.Requests(requests=lines, just_sent=True, pager=common.Pager(older_url="/x")),
    )
    yield (
        "requests-empty",
        "entity/requests.html",
        "requests",
        "/entity/requests",
        entity.Requests(requests=(), just_sent=False, pager=common.Pager()),
    )
    held = entity.GrantLine(
        id="grant_1",
        purpose=scenario.purpose,
        case_no="CL-2026-0815",
        state="active",
        fields=2,
        until_ms=T0 + 30 * DAY,
        uses=1,
        max_uses=3,
    )
    yield (
        "grants",
        "entity/grants.html",
        "grants",
        "/entity/grants",
        entity.Grants(grants=(held, replace(held, state="revoked", case_no=None)), pager=common.Pager()),
    )
    yield (
        "grants-empty",
        "entity/grants.html",
        "grants",
        "/entity/grants",
        entity.Grants(grants=(), pager=common.Pager()),
    )
    sample = (
        "POST /v1/grants/grant_7Q2M4T8ZK1VX9R3B/pulls HTTP/1.1\nAccept: application/json\n"
        "Idempotency-Key: 4f7c0d52-1b7e-4b60-9d3e-0f6f2c9b1a11\n"
        "Content-Digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:\n"
        'Signature-Input: sig1=("@method" "@target-uri" "accept" "content-digest" "idempotency-key");'
        'created=1795327500;keyid="NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";nonce="b3k2"\n'
        "Signature: sig1=:…:"
    )
    formats = (
        common.Choice(
            value="application/pdf", label="PDF", hint=t("给人看，带页脚标识", "for people, with a visible line")
        ),
        common.Choice(value="application/json", label="JSON", hint=t("给系统用", "for systems")),
        common.Choice(value="text/csv", label="CSV", hint=t("给表格软件用", "for spreadsheets")),
    )
    grant = entity.Grant(
        id="grant_7Q2M4T8ZK1VX9R3B",
        purpose=scenario.purpose,
        case_no="CL-2026-0815",
        state="active",
        items=items(t)[:2],
        from_ms=T0 - DAY,
        until_ms=T0 + 30 * DAY,
        ended_at_ms=None,
        uses=1,
        max_uses=3,
        keep_days=1095,
        formats=formats,
        deliveries=deliveries(),
        can_pull=True,
        sample=sample,
        error=None,
        life=life(t, "entity"),
    )
    yield "grant", "entity/grant.html", "grants", "/entity/grants/grant_1", grant
    late = replace(grant, deliveries=late_deliveries(t), life=late_life(t, "entity"))
    yield "grant-delayed", "entity/grant.html", "grants", "/entity/grants/grant_1", late
    shown = decision(t, "entity", allowed=False)
    yield "why-refused", "decision_staff.html", "grants", "/entity/receipts/rcpt_1/decision", shown
    yield (
        "grant-ended",
        "entity/grant.html",
        "grants",
        "/entity/grants/grant_1",
        replace(
            grant,
            state="revoked",
            ended_at_ms=T0,
            can_pull=False,
            deliveries=(),
            case_no=None,
            life=life(t, "entity", ended=True),
            error=common.FormError(
                code="pull.grant_ended",
                text=t("授权已到期，未取出任何数据。", "The grant has ended; nothing was released."),
            ),
        ),
    )
    keys = entity.Keys(
        name=t("演示海安财产保险股份有限公司", "Demo Hai'an Property Insurance Co., Ltd."),
        uscc="91371099MA3N2X7K4L",
        party_id="party_2T8ZK1VX9R3B7Q4M",
        thumbprint="NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        algorithm="ES256",
        sample=sample,
    )
    yield "keys", "entity/keys.html", "keys", "/entity/keys", keys
    yield "keys-none", "entity/keys.html", "keys", "/entity/keys", replace(keys, thumbprint=None, algorithm=None)
    yield from _copies(t)
    yield from _notices(t)


def _copies(t: Words) -> Iterator[tuple[str, str, str, str, object]]:
    lines = copy_lines(t)
    listed = entity_copies.Copies(copies=lines, only="all", duties=3, pager=common.Pager())
    yield "copies", "entity/copies.html", "copies", "/entity/copies", listed
    nothing = replace(listed, copies=(), only="duties", duties=0)
    yield "copies-empty", "entity/copies.html", "copies", "/entity/copies", nothing
    moves = (
        common.CopyMove(at_ms=T0, state="overdue", actor="worker", reason=None, receipt_id=None),
        common.CopyMove(
            at_ms=T0 - DAY,
            state="deleted",
            actor="machine",
            reason=t("从系统中删除并覆写", "Deleted and overwritten"),
            receipt_id="rcpt_1",
        ),
    )
    law = t("《中华人民共和国保险法》第八十七条", "Insurance Law, article 87")
    one = entity_copies.Copy(
        copy=lines[5],
        moves=moves,
        grant_url="/entity/grants/grant_1",
        methods=(common.Choice(value="erased", label=t("从系统中删除并覆写", "Deleted and overwritten")),),
        bases=(common.Choice(value="insurance_law_87_short", label=law, hint=t("最长 5 年", "at most 5 years")),),
        until_min="2026-11-23",
        error=common.FormError(code="copies.until_past", text=t("保留截止日已经过去。", "The last day is past.")),
    )
    yield "copy", "entity/copy.html", "copies", "/entity/copies/copy_1", one
    gone = replace(one, copy=lines[2], methods=(), bases=(), error=None)
    yield "copy-gone", "entity/copy.html", "copies", "/entity/copies/copy_1", gone


def _notices(t: Words) -> Iterator[tuple[str, str, str, str, object]]:
    kinds = (
        common.Choice(value="granted", label=t("授权生效", "Consent given")),
        common.Choice(value="revoked", label=t("授权收回", "Consent taken back")),
    )
    address = entity_copies.Address(
        id="hook_1", url="https://hooks.example.com/told", kinds=tuple(kind.label for kind in kinds)
    )
    view = entity_copies.Addresses(
        addresses=(address,), kinds=kinds, url="", ticked=frozenset({"granted"}), full=False, error=None
    )
    yield "webhooks", "entity/webhooks.html", "keys", "/entity/webhooks", view
    wrong = common.FormError(
        code="webhooks.not_https", text=t("通知地址必须以 https:// 开头。", "It must begin with https://."), field="url"
    )
    empty = replace(view, addresses=(), url="http://x", error=wrong)
    yield "webhooks-empty", "entity/webhooks.html", "keys", "/entity/webhooks", empty
    message = entity_copies.Message(
        number=7,
        kind=t("授权收回", "Consent taken back"),
        grant_id="grant_1",
        seq=3,
        at_ms=T0,
        state="dead",
        attempts=12,
        status=500,
        error=t("接收方没有接受通知。", "The receiver did not accept the message."),
    )
    sent = replace(message, number=6, state="delivered", attempts=1, status=204, error=None)
    told = entity_copies.Messages(
        address=address,
        messages=(message, sent),
        pager=common.Pager(older_url="/entity/webhooks/hook_1?before=6"),
    )
    yield "messages", "entity/messages.html", "keys", "/entity/webhooks/hook_1", told
    yield "messages-empty", "entity/messages.html", "keys", "/entity/webhooks/hook_1", replace(told, messages=())
    yield from job_pages(t)


def job_pages(t: Words) -> Iterator[tuple[str, str, str, str, object]]:
    line = entity_jobs.JobLine(
        id="job_k3v7qv2m4n6p8r9s1t2u3w4x5y",
        meant=t("机动车保险理赔，业务编号以 CL-2026- 开头", "Motor insurance claims, cases beginning with CL-2026-"),
        format="Excel",
        state="ready",
        total=1240,
        ready=1180,
        delivered=20,
        refused=40,
        created_at_ms=T0,
    )
    formats = tuple(
        common.Choice(value=name, label=name, hint=t("给系统用", "for systems")) for name in ("Excel", "JSON")
    )
    view = entity_jobs.Jobs(
        jobs=(
            line,
            replace(line, id="job_2", state="checking", delivered=0),
            replace(line, id="job_3", state="expired"),
        ),
        purposes=(common.Choice(value="p", label=t("机动车保险理赔", "Motor insurance claims")),),
        purpose="p",
        case_prefix="CL-2026-",
        formats=formats,
        error=None,
        pager=common.Pager(),
    )
    yield "jobs", "entity/jobs.html", "jobs", "/entity/jobs", view
    nothing = common.FormError(code="pull_jobs.nothing_matches", text=t("没有符合条件的授权。", "No consent matches."))
    yield "jobs-empty", "entity/jobs.html", "jobs", "/entity/jobs", replace(view, jobs=(), error=nothing)
    item = entity_jobs.ItemLine(seq=1, case_no="CL-2026-1", state="delivered", reason=None, url="/entity/grants/g")
    reason = t("授权已被持有人收回，未取出任何数据。", "The holder took the grant back; nothing was released.")
    page = entity_jobs.JobPage(
        line=line,
        done=1240,
        progress_url="/entity/jobs/job_1/progress",
        progress_text="",
        expires_at_ms=T0 + 7 * DAY,
        reasons=(entity_jobs.Reason(text=reason, code="pull.grant_revoked", count=40),),
        items=(
            item,
            replace(item, seq=2, state="refused", reason=reason),
            replace(item, seq=3, state="ready", url=None),
        ),
        more_items=True,
        can_fetch=True,
        can_cancel=True,
        can_resume=True,
        error=None,
    )
    yield "job", "entity/job.html", "jobs", "/entity/jobs/job_1", page
    checking = replace(
        page,
        line=replace(line, state="checking", ready=400, delivered=0, refused=10),
        done=410,
        progress_text=t("已核对 410 份，共 1,240 份授权", "410 of 1,240 consents looked at"),
        reasons=(),
        items=(),
        more_items=False,
        can_fetch=False,
        can_resume=False,
    )
    yield "job-checking", "entity/job.html", "jobs", "/entity/jobs/job_1", checking
    gone = replace(page, line=replace(line, state="expired"), can_fetch=False, can_cancel=False, can_resume=False)
    yield "job-expired", "entity/job.html", "jobs", "/entity/jobs/job_1", gone
