"""Sample views of every page in both languages, for tests that render and for looking at pages by hand."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from api.locale import Lang
from api.portals.render import Page, Viewer
from api.portals.views import citizen, common, department, entity, public, regulator

T0 = 1795327500000  # 2026-11-22 14:05 China Standard Time
MINUTE = 60_000
DAY = 86_400_000
HEX = "0x" + "9f3a07c1d2e4b586" * 4


@dataclass(frozen=True)
class Sample:
    """One page: `name` is unique, `template` and `view` make it."""

    name: str
    template: str
    view: object
    page: Page


class Words:
    """Picks the text of a language."""

    def __init__(self, lang: Lang) -> None:
        self.zh = lang == "zh-Hans"

    def __call__(self, zh: str, en: str) -> str:
        return zh if self.zh else en


def proof(subject: str, state: str = "anchored", number: int | None = 48213) -> common.Proof:
    facts = [
        ("fingerprint", HEX),
        ("root", HEX[::-1].replace("x0", "0x")),
        ("place", "412 / 1024"),
        ("issuer", HEX[:42]),
    ]
    return common.Proof(
        state=state,
        subject=subject,
        at_ms=T0 if state == "anchored" else None,
        receipt_number=number,
        facts=tuple(common.ProofFact(name=name, value=value) for name, value in facts),
        bundle_url="/citizen/certificates/rec_1/bundle" if state == "anchored" else None,
    )


def page(lang: Lang, portal: str, active: str, path: str, elder: bool = False) -> Page:
    t = Words(lang)
    viewers = {
        "citizen": Viewer(name=t("王淑芬", "Wang Shufen"), csrf="token"),
        "department": Viewer(
            name=t("演示经办人", "Demo officer"),
            csrf="token",
            organisation=t("演示市公安局", "Demo City Public Security Bureau"),
        ),
        "entity": Viewer(
            name=t("理赔专员", "Claims clerk"),
            csrf="token",
            organisation=t("演示海安财产保险股份有限公司", "Demo Hai'an Property Insurance Co., Ltd."),
        ),
        "regulator": Viewer(
            name=t("监管员", "Inspector"), csrf="token", organisation=t("演示市大数据中心", "Demo City Big Data Centre")
        ),
        "operator": Viewer(name=t("值班员", "On duty"), csrf="token", organisation=t("演示平台", "Demo platform")),
    }
    return Page(
        portal=portal, active=active, lang=lang, path=path, elder=elder, viewer=viewers.get(portal), lone_operator=True
    )


def items(t: Words) -> tuple[common.Item, ...]:
    licence = t("机动车驾驶证", "Driving licence")
    return (
        common.Item(
            key="person.driving_licence/licence_class",
            label=t("准驾车型", "Licence class"),
            type_name=licence,
            necessary=True,
        ),
        common.Item(
            key="person.driving_licence/valid_until",
            label=t("有效期至", "Valid until"),
            type_name=licence,
            necessary=True,
        ),
        common.Item(
            key="person.driving_licence/first_issued_on", label=t("初次领证日期", "First issued on"), type_name=licence
        ),
        common.Item(
            key="person.driving_licence/address", label=t("住址", "Address"), type_name=licence, sensitive=True
        ),
    )


def steps(t: Words) -> tuple[citizen.Footprint, ...]:
    insurer = t("演示海安财产保险股份有限公司", "Demo Hai'an Property Insurance Co., Ltd.")
    claim = t("机动车保险理赔", "Motor insurance claims")
    fields = (t("准驾车型", "Licence class"), t("有效期至", "Valid until"))
    make = citizen.Footprint
    return (
        make(at_ms=T0, kind="delivery", who=insurer, what=fields, purpose=claim, reason=None, repeats=1, receipt_number=48213, anchored=True, evidence_url="/x"),
        make(at_ms=T0 - 20 * MINUTE, kind="refusal", who=t("演示蓝湾银行", "Demo Blue Bay Bank"), what=(), purpose=None, reason=t("超出您同意的范围", "Beyond what you agreed to"), repeats=3, receipt_number=48190, anchored=True, evidence_url=None),
        make(at_ms=T0 - 30 * MINUTE, kind="grant", who=insurer, what=fields, purpose=claim, reason=None, repeats=1, receipt_number=None, anchored=False, evidence_url=None),
        make(at_ms=T0 - DAY, kind="original", who=t("您本人", "You"), what=(t("机动车驾驶证", "Driving licence"),), purpose=None, reason=None, repeats=1, receipt_number=47001, anchored=True, evidence_url=None),
        make(at_ms=T0 - DAY - MINUTE, kind="return", who=t("演示市公安局", "Demo City Public Security Bureau"), what=(t("机动车驾驶证", "Driving licence"),), purpose=None, reason=None, repeats=1, receipt_number=46990, anchored=True, evidence_url=None),
    )  # fmt: skip


def deliveries() -> tuple[common.Delivery, ...]:
    make = common.Delivery
    return (
        make(
            at_ms=T0,
            media_type="application/pdf",
            copy_id="copy_7Q2M4T8ZK1VX9R3B",
            receipt_number=48213,
            anchored=True,
            evidence_url="/x",
        ),
        make(
            at_ms=T0 - DAY, media_type="text/csv", copy_id="copy_5N8C2W7PJ6HD4F1A", receipt_number=None, anchored=False
        ),
    )


def citizen_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    t = Words(lang)
    insurer = t("演示海安财产保险股份有限公司", "Demo Hai'an Property Insurance Co., Ltd.")
    claim = t("机动车保险理赔", "Motor insurance claims")
    police = t("演示市公安局", "Demo City Public Security Bureau")
    waiting = (
        citizen.RequestCard(
            id="req_1", entity=insurer, purpose=claim, asked_at_ms=T0 - DAY, lapses_at_ms=T0 + 6 * DAY, fields=4
        ),
    )
    kinds = (
        (t("机动车驾驶证", "Driving licence"), police, "anchored", "2031-04-05"),
        (t("居住证", "Residence permit"), police, "pending", "2027-06-30"),
        (t("不动产权证书", "Real estate title"), t("演示市自然资源和规划局", "Demo Natural Resources and Planning Bureau"), "anchored", None),
        (t("老年人优待证", "Senior card"), t("演示市民政局", "Demo Civil Affairs Bureau"), "expired", "2025-01-01"),
        (t("结婚证", "Marriage certificate"), t("演示市民政局", "Demo Civil Affairs Bureau"), "revoked", None),
    )  # fmt: skip
    cards = tuple(
        citizen.CertificateCard(id=f"rec_{i}", type_name=name, issuer=issuer, state=state, valid_until=until)
        for i, (name, issuer, state, until) in enumerate(kinds)
    )
    yield (
        "home",
        "citizen/home.html",
        "certificates",
        "/citizen",
        citizen.Home(name=t("王淑芬", "Wang Shufen"), requests=waiting, certificates=cards, looks=3),
    )
    yield (
        "home-empty",
        "citizen/home.html",
        "certificates",
        "/citizen",
        citizen.Home(name=t("王淑芬", "Wang Shufen"), requests=(), certificates=(), looks=0),
    )
    field = citizen.FieldLine
    fields = (
        field(name="name", label=t("姓名", "Name"), value=t("王淑芬", "Wang Shufen"), sensitive=False, used_by=()),
        field(name="id_number", label=t("证号", "Licence number"), value=None, sensitive=True, used_by=()),
        field(
            name="licence_class", label=t("准驾车型", "Licence class"), value="C1", sensitive=False, used_by=(insurer,)
        ),
        field(
            name="valid_until",
            label=t("有效期至", "Valid until"),
            value=t("2031年4月5日", "5 Apr 2031"),
            sensitive=False,
            used_by=(insurer,),
        ),
        field(name="address", label=t("住址", "Address"), value=None, sensitive=True, used_by=()),
    )
    certificate = citizen.Certificate(
        id="rec_1", type_name=t("机动车驾驶证", "Driving licence"), issuer=police, state="anchored", valid_from="2021-04-05", valid_until="2031-04-05",
        received_at_ms=T0 - DAY, version=2, custody="demo", fields=fields, looks=steps(t)[:2], proof=proof("certificate"), pdf_url="/citizen/certificates/rec_1/original.pdf",
    )  # fmt: skip
    yield "certificate", "citizen/certificate.html", "certificates", "/citizen/certificates/rec_1", certificate
    yield (
        "certificate-pending",
        "citizen/certificate.html",
        "certificates",
        "/citizen/certificates/rec_1",
        replace(certificate, state="pending", looks=(), proof=proof("certificate", "pending", None), version=1),
    )
    all_items = items(t)
    consent = citizen.Consent(
        id="req_1", entity=insurer, entity_uscc="91371099MA3N2X7K4L", purpose=claim,
        purpose_text=t("核对事故发生时您的驾驶资格和车辆情况,办理本次理赔。", "Check your right to drive and your vehicle at the time of the accident, to settle this claim."),
        scenario=t("车险理赔", "Motor claim"), case_no="CL-2026-0815", necessary=all_items[:2], optional=all_items[2:3], sensitive=all_items[3:],
        cut=(common.Item(key="person.driving_licence/id_number", label=t("证号", "Licence number"), type_name="", sensitive=True),), missing=(),
        ticked=frozenset(), until="2026-12-22", until_min="2026-11-22", until_max="2027-02-20", uses=1, uses_max=3, keep_days=1095,
        asked_at_ms=T0 - DAY, lapses_at_ms=T0 + 6 * DAY, notice_version=1, error=None,
    )  # fmt: skip
    yield "consent", "citizen/consent.html", "grants", "/citizen/requests/req_1", consent
    problem = common.FormError(
        code="portal.bad_form",
        text=t("表单里有一项填得不对:截止日期。", "One entry of the form is not right: last day."),
        field="until",
    )
    yield (
        "consent-error",
        "citizen/consent.html",
        "grants",
        "/citizen/requests/req_1",
        replace(consent, error=problem, missing=all_items[2:3], ticked=frozenset({all_items[3].key})),
    )
    decided = (
        citizen.DecidedRequest(
            id="req_0",
            entity=insurer,
            purpose=claim,
            state="APPROVED",
            at_ms=T0 - 9 * DAY,
            grant_url="/citizen/grants/grant_1",
        ),
        citizen.DecidedRequest(
            id="req_9",
            entity=t("演示蓝湾银行", "Demo Blue Bay Bank"),
            purpose=t("个人信贷", "Personal credit"),
            state="DENIED",
            at_ms=T0 - 12 * DAY,
            grant_url=None,
        ),
        citizen.DecidedRequest(
            id="req_8",
            entity=t("演示蓝湾银行", "Demo Blue Bay Bank"),
            purpose=t("个人信贷", "Personal credit"),
            state="LAPSED",
            at_ms=T0 - 22 * DAY,
            grant_url=None,
        ),
    )
    yield (
        "requests",
        "citizen/requests.html",
        "grants",
        "/citizen/requests",
        citizen.Requests(waiting=waiting, decided=decided),
    )
    yield (
        "requests-empty",
        "citizen/requests.html",
        "grants",
        "/citizen/requests",
        citizen.Requests(waiting=(), decided=()),
    )
    card = citizen.GrantCard(
        id="grant_1",
        entity=insurer,
        purpose=claim,
        state="ACTIVE",
        until_ms=T0 + 30 * DAY,
        uses=1,
        max_uses=3,
        fields=2,
    )
    ended = (
        replace(card, id="grant_2", state="REVOKED"),
        replace(card, id="grant_3", state="EXHAUSTED", uses=3),
        replace(card, id="grant_4", state="EXPIRED"),
    )
    yield (
        "grants",
        "citizen/grants.html",
        "grants",
        "/citizen/grants",
        citizen.Grants(active=(card,), ended=ended, waiting=1),
    )
    yield (
        "grants-empty",
        "citizen/grants.html",
        "grants",
        "/citizen/grants",
        citizen.Grants(active=(), ended=(), waiting=0),
    )
    grant = citizen.Grant(
        id="grant_1", entity=insurer, entity_uscc="91371099MA3N2X7K4L", purpose=claim, case_no="CL-2026-0815", state="ACTIVE", from_ms=T0 - DAY,
        until_ms=T0 + 30 * DAY, ended_at_ms=None, uses=1, max_uses=3, keep_days=1095, custody="custody", items=all_items[:2], copies=2,
        deliveries=deliveries(), proof=proof("grant"), can_revoke=True,
    )  # fmt: skip
    yield "grant", "citizen/grant.html", "grants", "/citizen/grants/grant_1", grant
    yield (
        "grant-ended",
        "citizen/grant.html",
        "grants",
        "/citizen/grants/grant_1",
        replace(grant, state="REVOKED", ended_at_ms=T0, can_revoke=False, deliveries=(), copies=0),
    )
    found = steps(t)
    days = (citizen.Day(day="2026-11-22", footprints=found[:3]), citizen.Day(day="2026-11-21", footprints=found[3:]))
    yield (
        "footprints",
        "citizen/footprints.html",
        "footprints",
        "/citizen/footprints",
        citizen.Footprints(only="all", days=days, pager=common.Pager(older_url="/citizen/footprints?before=1")),
    )
    yield (
        "footprints-empty",
        "citizen/footprints.html",
        "footprints",
        "/citizen/footprints",
        citizen.Footprints(only="refused", days=(), pager=common.Pager()),
    )
    yield (
        "me",
        "citizen/me.html",
        "me",
        "/citizen/me",
        citizen.Me(name=t("王淑芬", "Wang Shufen"), kind="person", certificates=5, grants=1),
    )


def department_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    t = Words(lang)
    name = t("机动车驾驶证", "Driving licence")
    types = (
        common.Choice(value="person.driving_licence", label=name),
        common.Choice(value="person.residence_permit", label=t("居住证", "Residence permit")),
    )
    columns = (
        department.Column(
            name="证号", rule=t("身份证号,18 位", "Resident identity number, 18 characters"), required=True
        ),
        department.Column(name="姓名", rule=t("文字,最多 50 字", "Text, at most 50 characters"), required=True),
        department.Column(name="住址", rule=t("地址", "Address"), required=False),
    )
    new = department.NewReturn(
        types=types, chosen=None, columns=(), template_url=None, max_bytes=33554432, max_rows=200000, error=None
    )
    yield "new", "department/new.html", "new", "/department", new
    yield "new-chosen", "department/new.html", "new", "/department", replace(
        new, chosen="person.driving_licence", columns=columns, template_url="/x.csv",
        error=common.FormError(code="return.empty", text=t("文件里没有数据行。", "The file holds no rows."), field="file"),
    )  # fmt: skip
    line = department.ReturnLine(
        id="ret_1", type_name=name, state="ANCHORED", total=20000, good=19987, bad=13, created_at_ms=T0 - DAY
    )
    states = ("RECEIVED", "CHECKING", "CHECKED", "SEALED", "ANCHORED", "FAILED")
    yield (
        "returns",
        "department/returns.html",
        "returns",
        "/department/returns",
        department.Returns(
            returns=tuple(replace(line, id=f"ret_{s}", state=s) for s in states),
            pager=common.Pager(newer_url="/a", older_url="/b"),
        ),
    )
    yield (
        "returns-empty",
        "department/returns.html",
        "returns",
        "/department/returns",
        department.Returns(returns=(), pager=common.Pager()),
    )
    row = department.RowReport
    rows = (
        row(
            line=17,
            column="证号",
            state="bad",
            reason=t("证件号码校验位不对", "The check digit of the number is wrong"),
            code="catalogue.id_check",
        ),
        row(
            line=208,
            column="有效期至",
            state="warned",
            reason=t("日期早于今天", "The date lies before today"),
            code="row.past",
        ),
        row(
            line=19002,
            column=None,
            state="duplicate",
            reason=t("与第 18 行相同", "The same as line 18"),
            code="row.duplicate",
        ),
    )
    one = department.Return(
        id="ret_7Q2M4T8ZK1VX9R3B", type_name=name, state="CHECKED", file_bytes=2314567, created_at_ms=T0 - 3 * MINUTE, sealed_at_ms=None, anchored_at_ms=None,
        done=20000, total=20000, good=19980, warned=7, bad=12, duplicate=1, rows=rows, rows_shown=3, rows_all=20, report_url="/x.csv", progress_url="/x.json",
        progress_text="", error=None, custody="demo", proof=None, can_seal=True,
    )  # fmt: skip
    yield "return-checked", "department/return.html", "returns", "/department/returns/ret_1", one
    yield (
        "return-running",
        "department/return.html",
        "returns",
        "/department/returns/ret_1",
        replace(
            one,
            state="CHECKING",
            done=7168,
            rows=(),
            rows_all=0,
            rows_shown=0,
            good=7100,
            can_seal=False,
            progress_text=t("已检查 7,168 / 20,000 行", "7,168 of 20,000 rows checked"),
        ),
    )
    yield (
        "return-anchored",
        "department/return.html",
        "returns",
        "/department/returns/ret_1",
        replace(
            one,
            state="ANCHORED",
            rows=(),
            rows_all=0,
            rows_shown=0,
            bad=0,
            warned=0,
            can_seal=False,
            sealed_at_ms=T0 - MINUTE,
            anchored_at_ms=T0,
            proof=proof("return"),
        ),
    )
    yield "return-failed", "department/return.html", "returns", "/department/returns/ret_1", replace(
        one, state="FAILED", total=0, done=0, rows=(), rows_all=0, rows_shown=0, can_seal=False,
        error=common.FormError(code="return.columns_missing", text=t("缺少列:证号。没有存入任何数据,请补齐后重新上传。", "Columns missing: 证号. Nothing was stored; add them and upload again.")),
    )  # fmt: skip


def entity_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    t = Words(lang)
    scenario = entity.Scenario(
        code="motor_claim", name=t("车险理赔", "Motor claim"), purpose=t("机动车保险理赔", "Motor insurance claims"),
        necessary=(t("准驾车型", "Licence class"), t("有效期至", "Valid until")), optional=(t("住址", "Address"),),
    )  # fmt: skip
    quote = replace(scenario, code="motor_quote", name=t("车险报价承保", "Motor quote and cover"), optional=())
    hire = replace(scenario, code="hire", name=t("入职核验", "New hire"))
    yield (
        "home",
        "entity/home.html",
        "home",
        "/entity",
        entity.Home(scenarios=(scenario, quote, hire), waiting=2, active=14, deliveries=1203),
    )
    yield (
        "home-empty",
        "entity/home.html",
        "home",
        "/entity",
        entity.Home(scenarios=(), waiting=0, active=0, deliveries=0),
    )
    wrong = common.FormError(
        code="catalogue.id_check",
        text=t("证件号码校验位不对,请核对。", "The check digit of the number is wrong; please compare."),
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
            kind="person",
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
            kind="person",
            number="371099195003073844",
            items=items(t)[:3],
            case_no="",
            case_required=True,
            days=30,
            days_max=90,
            uses=1,
            uses_max=5,
            error=None,
        ),
    )
    line = entity.RequestLine(
        id="req_1",
        purpose=scenario.purpose,
        case_no="CL-2026-0815",
        state="REQUESTED",
        asked_at_ms=T0,
        lapses_at_ms=T0 + 7 * DAY,
        fields=3,
        grant_url=None,
    )
    lines = (
        line,
        replace(line, state="APPROVED", grant_url="/entity/grants/grant_1"),
        replace(line, state="DENIED", case_no=None),
        replace(line, state="LAPSED"),
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
        state="ACTIVE",
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
        entity.Grants(grants=(held, replace(held, state="REVOKED", case_no=None)), pager=common.Pager()),
    )
    yield (
        "grants-empty",
        "entity/grants.html",
        "grants",
        "/entity/grants",
        entity.Grants(grants=(), pager=common.Pager()),
    )
    sample = (
        "POST /v1/grants/grant_7Q2M4T8ZK1VX9R3B/pulls HTTP/1.1\nAccept: application/json\nIdempotency-Key: 4f7c0d52-1b7e-4b60-9d3e-0f6f2c9b1a11\n"
        'Content-Digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:\nSignature-Input: sig1=("@method" "@target-uri" "accept" "content-digest" "idempotency-key");created=1795327500;keyid="NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";nonce="b3k2"\n'
        "Signature: sig1=:…:"
    )  # fmt: skip
    formats = (
        common.Choice(
            value="application/pdf", label="PDF", hint=t("给人看,带页脚标识", "for people, with a visible line")
        ),
        common.Choice(value="application/json", label="JSON", hint=t("给系统用", "for systems")),
        common.Choice(value="text/csv", label="CSV", hint=t("给表格软件用", "for spreadsheets")),
    )
    grant = entity.Grant(
        id="grant_7Q2M4T8ZK1VX9R3B", purpose=scenario.purpose, case_no="CL-2026-0815", state="ACTIVE", items=items(t)[:2], from_ms=T0 - DAY, until_ms=T0 + 30 * DAY,
        ended_at_ms=None, uses=1, max_uses=3, keep_days=1095, formats=formats, deliveries=deliveries(), can_pull=True, sample=sample, error=None,
    )  # fmt: skip
    yield "grant", "entity/grant.html", "grants", "/entity/grants/grant_1", grant
    yield "grant-ended", "entity/grant.html", "grants", "/entity/grants/grant_1", replace(
        grant, state="REVOKED", ended_at_ms=T0, can_pull=False, deliveries=(), case_no=None,
        error=common.FormError(code="pull.grant_ended", text=t("授权已到期,未取出任何数据。", "The grant has ended; nothing was released.")),
    )  # fmt: skip
    keys = entity.Keys(
        name=t("演示海安财产保险股份有限公司", "Demo Hai'an Property Insurance Co., Ltd."),
        uscc="91371099MA3N2X7K4L",
        party_id="party_2T8ZK1VX9R3B7Q4M",
        thumbprint="NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        algorithm="ES256",
        status="active",
        sample=sample,
    )
    yield "keys", "entity/keys.html", "keys", "/entity/keys", keys
    yield "keys-none", "entity/keys.html", "keys", "/entity/keys", replace(keys, thumbprint=None, algorithm=None)


def regulator_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    t = Words(lang)
    insurer = t("演示海安财产保险股份有限公司", "Demo Hai'an Property Insurance Co., Ltd.")
    bank = t("演示蓝湾银行", "Demo Blue Bay Bank")
    line = regulator.TraceLine(id="trace_7Q2M4T8ZK1VX9R3B", outcome="identified", entity=insurer, at_ms=T0, files=1)
    past = (
        line,
        replace(line, outcome="suspect"),
        replace(line, outcome="inconclusive", entity=None),
        replace(line, outcome="none", entity=None),
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
        regulator.Layer(
            name=t("行的次序", "Order of rows"),
            finding=t("与该副本一致", "agrees with this copy"),
            weight=8.2,
            state="good",
        ),
        regulator.Layer(
            name=t("来源单元格", "Provenance of cells"),
            finding=t("24 个单元格中 24 个相符", "24 of 24 cells agree"),
            weight=3.2,
            state="good",
        ),
        regulator.Layer(
            name=t("隐藏编号", "Hidden number"), finding=t("没有找到", "not found"), weight=None, state="plain"
        ),
    )
    facts = (
        regulator.TraceFact(label=t("种类", "Kind"), value="CSV"),
        regulator.TraceFact(label=t("指纹", "Fingerprint"), value=HEX, mono=True),
    )
    trace = regulator.Trace(
        id="trace_7Q2M4T8ZK1VX9R3B", outcome="identified", level="copy", entity=insurer, copy_id="copy_7Q2M4T8ZK1VX9R3B", bound_log10=-9.0, at_ms=T0, facts=facts,
        candidates=candidates, layers=layers, copy_proof=proof("delivery"), trace_proof=proof("trace", "pending", 48300), report_url="/x",
    )  # fmt: skip
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
        replace(trace, outcome="suspect", copy_proof=None),
    )
    yield (
        "trace-inconclusive",
        "regulator/trace.html",
        "traces",
        "/regulator/traces/trace_1",
        replace(trace, outcome="inconclusive", entity=None, candidates=candidates[1:], copy_proof=None),
    )
    yield (
        "trace-none",
        "regulator/trace.html",
        "traces",
        "/regulator/traces/trace_1",
        replace(trace, outcome="none", entity=None, candidates=(), layers=(), copy_proof=None),
    )
    health = regulator.LogHealth(
        log_id="mydata/log/9f3a07c1d2e4b586", size=48301, checkpoint_size=48290, checkpoint_at_ms=T0, anchored_size=48290, gaps=0, chain_state="ok", chain_reason=None,
        chain_head=10233, chain_since_ms=T0 - 9 * DAY, engine="embedded", note="mydata/log/9f3a07c1d2e4b586\n48290\nnzoHwdLktYafOgfB0uS1hp86B8HS5LWGnzoHwdLktYY=\n\n— mydata/log/9f3a07c1d2e4b586 Zm9vYmFy…\n",
    )  # fmt: skip
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
            gaps=2,
            engine="besu",
            note="",
            checkpoint_size=None,
            checkpoint_at_ms=None,
            anchored_size=None,
        ),
    )


def public_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    t = Words(lang)
    yield "landing", "public/landing.html", "", "/", public.Landing(development=True)
    people = (
        public.Identity(
            subject="dev:1", name=t("王淑芬", "Wang Shufen"), detail=t("75 岁 · 环翠区", "75, Huancui district")
        ),
        public.Identity(
            subject="dev:2", name=t("李建国", "Li Jianguo"), detail=t("34 岁 · 文登区", "34, Wendeng district")
        ),
        public.Identity(
            subject="dev:3", name=t("演示海洋食品有限公司", "Demo Ocean Food Co., Ltd."), detail=t("企业", "Enterprise")
        ),
    )
    yield (
        "signin",
        "public/signin.html",
        "",
        "/signin/citizen",
        public.SignIn(role="citizen", identities=people, next_url="/citizen"),
    )
    yield (
        "signin-empty",
        "public/signin.html",
        "",
        "/signin/department",
        public.SignIn(role="department", identities=(), next_url="/department"),
    )
    empty = public.Verify(
        overall=None,
        aspects=(),
        checks=(),
        disclosed=(),
        trust_sha256=HEX[2:],
        max_bytes=1048576,
        record_id=None,
        record_state=None,
        error=None,
    )
    yield "verify", "public/verify.html", "verify", "/verify", empty
    yield (
        "verify-record",
        "public/verify.html",
        "verify",
        "/v/rec_1",
        replace(empty, record_id="rec_7Q2M4T8ZK1VX9R3B", record_state="anchored"),
    )
    yield (
        "verify-record-unknown",
        "public/verify.html",
        "verify",
        "/v/rec_1",
        replace(empty, record_id="rec_7Q2M4T8ZK1VX9R3B"),
    )
    names = ("integrity", "issuer", "grant", "status", "time")
    checks = tuple(
        public.Check(number=i, name=t("字段与指纹相符", "The values match the fingerprint"), state=state, detail="")
        for i, state in enumerate(("ok", "ok", "failed", "pending", "unknown", "skipped"), 1)
    )
    for overall in ("VALID", "INVALID", "REVOKED", "PENDING", "UNKNOWN"):
        aspects = tuple(
            public.Aspect(name=name, verdict=overall if name == "status" else "VALID", text="") for name in names
        )
        values = (public.Disclosed(label=t("准驾车型", "Licence class"), value="C1"),)
        yield (
            f"verify-{overall.lower()}",
            "public/verify.html",
            "verify",
            "/verify",
            replace(empty, overall=overall, aspects=aspects, checks=checks, disclosed=values),
        )
    head = public.CheckpointLine(size=48290, root=HEX, at_ms=T0, state="anchored")
    log = public.Log(
        log_id="mydata/log/9f3a07c1d2e4b586",
        size=48301,
        checkpoints=(replace(head, size=48301, state="pending"), head),
        trust_url="/trust.json",
        trust_sha256=HEX[2:],
    )
    yield "log", "public/log.html", "log", "/log", log
    yield "log-empty", "public/log.html", "log", "/log", replace(log, size=0, checkpoints=())
    yield "help", "public/help.html", "help", "/help", None
    for status in (401, 403, 404, 422, 500, 503):
        text = t("没有这一页,或者它不对您开放。", "There is no such page, or it is not open to you.")
        yield (
            f"error-{status}",
            "public/error.html",
            "",
            "/nowhere",
            public.Error(status=status, code="http.not_found", text=text),
        )


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


PORTALS = {
    "citizen": citizen_pages,
    "department": department_pages,
    "entity": entity_pages,
    "regulator": regulator_pages,
    "public": public_pages,
    "operator": operator_pages,
}


def samples(lang: Lang, elder: bool = False) -> list[Sample]:
    """Every page of every portal in one language."""
    return [
        Sample(f"{portal}-{name}", template, view, page(lang, portal, active, path, elder))
        for portal, make in PORTALS.items()
        for name, template, active, path, view in make(lang)
    ]
