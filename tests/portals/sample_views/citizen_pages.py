"""Sample views: citizen."""

import json
from collections.abc import Iterator
from dataclasses import replace

from api.catalogue.erasure import load_erasure
from api.locale import Lang, error_text
from api.portals.views import citizen, common, drafts, erasure
from tests.portals.sample_views.acting_pages import switcher
from tests.portals.sample_views.shared import (
    DAY,
    HEX,
    T0,
    Words,
    copy_lines,
    decision,
    delay,
    deliveries,
    items,
    late_deliveries,
    late_life,
    late_proof,
    life,
    proof,
    steps,
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
        (t("机动车驾驶证", "Driving licence"), police, "anchored", t("2031年4月5日", "5 Apr 2031")),
        (t("居住证", "Residence permit"), police, "pending", t("2027年6月30日", "30 Jun 2027")),
        (t("身份证", "Identity card"), police, "delayed", t("2040年1月1日", "1 Jan 2040")),
        (
            t("不动产权证书", "Real estate title"),
            t("演示市自然资源和规划局", "Demo Natural Resources and Planning Bureau"),
            "anchored",
            None,
        ),
        (
            t("老年人优待证", "Senior card"),
            t("演示市民政局", "Demo Civil Affairs Bureau"),
            "expired",
            t("2025年1月1日", "1 Jan 2025"),
        ),
        (t("结婚证", "Marriage certificate"), t("演示市民政局", "Demo Civil Affairs Bureau"), "revoked", None),
    )
    cards = tuple(
        citizen.CertificateCard(
            id=f"rec_{i}",
            type_name=name,
            issuer=issuer,
            state=state,
            valid_until=until,
            tail="0316" if i == 3 else None,
            delay=delay(t) if state == "delayed" else None,
        )
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
        id="rec_1",
        type_name=t("机动车驾驶证", "Driving licence"),
        issuer=police,
        state="anchored",
        valid_until=t("2031年4月5日", "5 Apr 2031"),
        received_at_ms=T0 - DAY,
        version=2,
        custody="demo",
        fields=fields,
        looks=steps(t)[:2],
        proof=proof("certificate"),
        pdf_url="/citizen/certificates/rec_1/original.pdf",
        claims=(
            citizen.ClaimLine(label=t("年满18周岁", "Aged 18 or over"), value=t("是", "Yes")),
            citizen.ClaimLine(label=t("年满60周岁", "Aged 60 or over"), value=None),
        ),
    )
    yield "certificate", "citizen/certificate.html", "certificates", "/citizen/certificates/rec_1", certificate
    yield (
        "certificate-pending",
        "citizen/certificate.html",
        "certificates",
        "/citizen/certificates/rec_1",
        replace(certificate, state="pending", looks=(), proof=proof("certificate", "pending", None), version=1),
    )
    waits = tuple(replace(step, anchored=False, delay=delay(t)) for step in certificate.looks)
    yield (
        "certificate-delayed",
        "citizen/certificate.html",
        "certificates",
        "/citizen/certificates/rec_1",
        replace(certificate, state="delayed", looks=waits, proof=late_proof(t, "certificate", "anchoring.unreachable")),
    )
    all_items = items(t)
    consent = citizen.Consent(
        id="req_1",
        entity=insurer,
        entity_uscc="91371099MA3N2X7K4L",
        purpose=claim,
        purpose_text=t(
            "核对事故发生时您的驾驶资格和车辆情况，办理本次理赔。",
            "Check your right to drive and your vehicle at the time of the accident, to settle this claim.",
        ),
        scenario=t("车险理赔", "Motor claim"),
        case_no="CL-2026-0815",
        necessary=all_items[:2],
        optional=all_items[2:3],
        sensitive=all_items[3:],
        cut=(
            common.Item(
                key="person.driving_licence/id_number", label=t("证号", "Licence number"), type_name="", sensitive=True
            ),
        ),
        notes=(
            t("对方想要“出生日期”，现只告知：年满22周岁。", "Date of birth was asked for; only this is told: aged 22."),
            t(
                "申请的天数超出此用途的限度，已由 60 天改为 30 天。",
                "The days exceed the limit; 60 became 30.",
            ),
        ),
        service_item=t("机动车驾驶证补证", "Driving licence replacement"),
        missing=(),
        ticked=frozenset(),
        until="2026-12-22",
        until_min="2026-11-22",
        until_max="2027-02-20",
        uses=1,
        uses_max=3,
        keep_days=1095,
        asked_at_ms=T0 - DAY,
        lapses_at_ms=T0 + 6 * DAY,
        error=None,
    )
    yield "consent", "citizen/consent.html", "grants", "/citizen/requests/req_1", consent
    own = replace(consent, key="0x" + "9f" * 20)
    yield "consent-own-key", "citizen/consent.html", "grants", "/citizen/requests/req_1?own_key=1", own
    problem = common.FormError(
        code="portal.bad_form",
        text=t("表单里有一项填得不对：截止日期。", "One entry of the form is not right: last day."),
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
            state="approved",
            at_ms=T0 - 9 * DAY,
            grant_url="/citizen/grants/grant_1",
        ),
        citizen.DecidedRequest(
            id="req_9",
            entity=t("演示蓝湾银行", "Demo Blue Bay Bank"),
            purpose=t("个人信贷", "Personal credit"),
            state="denied",
            at_ms=T0 - 12 * DAY,
            grant_url=None,
        ),
        citizen.DecidedRequest(
            id="req_8",
            entity=t("演示蓝湾银行", "Demo Blue Bay Bank"),
            purpose=t("个人信贷", "Personal credit"),
            state="lapsed",
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
        state="active",
        until_ms=T0 + 30 * DAY,
        uses=1,
        max_uses=3,
        fields=2,
    )
    ended = (
        replace(card, id="grant_2", state="revoked"),
        replace(card, id="grant_3", state="exhausted", uses=3),
        replace(card, id="grant_4", state="expired"),
    )
    yield (
        "grants",
        "citizen/grants.html",
        "grants",
        "/citizen/grants",
        citizen.Grants(active=(card,), ended=ended, waiting=1, pager=common.Pager()),
    )
    yield (
        "grants-empty",
        "citizen/grants.html",
        "grants",
        "/citizen/grants",
        citizen.Grants(active=(), ended=(), waiting=0, pager=common.Pager()),
    )
    grant = citizen.Grant(
        id="grant_1",
        entity=insurer,
        entity_uscc="91371099MA3N2X7K4L",
        purpose=claim,
        case_no="CL-2026-0815",
        state="active",
        from_ms=T0 - DAY,
        until_ms=T0 + 30 * DAY,
        ended_at_ms=None,
        uses=1,
        max_uses=3,
        keep_days=1095,
        custody="custody",
        items=all_items[:2],
        copies=copy_lines(t),
        deliveries=deliveries(),
        proof=proof("grant"),
        can_revoke=True,
        life=life(t, "citizen"),
    )
    yield "grant", "citizen/grant.html", "grants", "/citizen/grants/grant_1", grant
    under_key = replace(grant, custody="own_key")
    yield "grant-own-key", "citizen/grant.html", "grants", "/citizen/grants/grant_1", under_key
    yield (
        "grant-ended",
        "citizen/grant.html",
        "grants",
        "/citizen/grants/grant_1",
        replace(
            grant,
            state="revoked",
            ended_at_ms=T0,
            can_revoke=False,
            deliveries=(),
            copies=(),
            life=life(t, "citizen", ended=True),
        ),
    )
    yield (
        "grant-delayed",
        "citizen/grant.html",
        "grants",
        "/citizen/grants/grant_1",
        replace(
            grant,
            proof=late_proof(t, "grant", "anchoring.standing"),
            deliveries=late_deliveries(t),
            life=late_life(t, "citizen"),
        ),
    )
    yield (
        "grant-paused",
        "citizen/grant.html",
        "grants",
        "/citizen/grants/grant_1",
        replace(grant, state="paused", life=life(t, "citizen", paused=True)),
    )
    for name, allowed in (("why-allowed", True), ("why-refused", False)):
        shown = decision(t, "citizen", allowed=allowed)
        yield name, "citizen/decision.html", "footprints", "/citizen/receipts/rcpt_1/decision", shown
    yield (
        "me",
        "citizen/me.html",
        "me",
        "/citizen/me",
        citizen.Me(name=t("王淑芬", "Wang Shufen"), certificates=5, grants=1, switcher=switcher(t)),
    )
    yield (
        "me-acting-ended",
        "citizen/me.html",
        "me",
        "/citizen/me",
        citizen.Me(name=t("王淑芬", "Wang Shufen"), certificates=None, grants=None, switcher=switcher(t, acting=True)),
    )
    mine = citizen.Passkeys(
        passkeys=(
            citizen.PasskeyLine(id="pk_1", label=t("手机", "My phone"), created_at_ms=T0 - 86_400_000, used_at_ms=T0),
            citizen.PasskeyLine(
                id="pk_2",
                label=t("2026年11月22日的通行密钥", "Passkey of 22 Nov 2026"),
                created_at_ms=T0,
                used_at_ms=None,
            ),
        ),
        rp_id="127.0.0.1",
        origin="http://127.0.0.1",
        today="2026-11-22",
    )
    yield "passkeys", "citizen/passkeys.html", "me", "/citizen/passkeys", mine
    yield (
        "passkeys-none",
        "citizen/passkeys.html",
        "me",
        "/citizen/passkeys",
        replace(mine, passkeys=(), rp_id="x.test"),
    )
    wish = erasure.Erasure(
        state="none",
        id="",
        plan="0" * 64,
        erased=tuple(
            erasure.ErasedLine(text=one.label(lang), count=at) for at, one in enumerate(load_erasure().erased, 1)
        ),
        kept=tuple(
            erasure.KeptLine(
                text=one.label(lang),
                basis=one.basis(lang),
                count=None if one.until in {"always", "backups"} else 2,
                until_ms=None if one.until == "always" else T0 + 190 * DAY,
            )
            for one in load_erasure().kept
        ),
        held_up=False,
        cooling_days=15,
        due_at_ms=None,
    )
    yield "erasure", "citizen/erasure.html", "me", "/citizen/erasure", wish
    asked = replace(wish, state="asked", id="eras_1", error=error_text("erasure.plan_changed", lang, {}))
    yield "erasure-asked", "citizen/erasure.html", "me", "/citizen/erasure", asked
    cooling = replace(wish, state="cooling", id="eras_1", due_at_ms=T0 + 15 * DAY)
    yield "erasure-cooling", "citizen/erasure.html", "me", "/citizen/erasure", cooling
    held = replace(wish, held_up=True)
    yield "erasure-held", "citizen/erasure.html", "me", "/citizen/erasure", held
    laid = drafts.Draft(
        id="draft_1",
        request_id="req_1",
        extends=None,
        entity=t("演示海安财产保险股份有限公司", "Demo Hai'an Property Insurance Co., Ltd."),
        purpose=t("车险理赔", "Motor claims"),
        items=(
            common.Item(
                key="person.driving_licence/licence_class",
                label=t("准驾车型", "Licence class"),
                type_name=t("驾驶证", "Driving licence"),
                necessary=True,
                sensitive=False,
            ),
        ),
        until_ms=T0 + 30 * 86_400_000,
        uses=5,
        confirmed=False,
        provider_url="/citizen/drafts/draft_1/confirm",
        passkey=("127.0.0.1", "http://127.0.0.1"),
        expires_at_ms=T0,
        error=None,
    )
    yield "draft", "citizen/draft.html", "grants", "/citizen/drafts/draft_1", laid
    confirmed = replace(laid, confirmed=True)
    yield "draft-confirmed", "citizen/draft.html", "grants", "/citizen/drafts/draft_1", confirmed
    data = {"primaryType": "Change", "domain": {"chainId": 20260}, "message": {"grant": HEX, "status": 3, "seq": 1}}
    signing = drafts.Signing(
        typed_data=json.dumps(data, indent=2),
        code_url="/citizen/drafts/draft_1/signing.svg",
        file_url="/citizen/drafts/draft_1/signing.json",
        key="0x" + "9f" * 20,
        network=20260,
    )
    by_key = replace(confirmed, own_key=True, signing=signing)
    yield "draft-own-key", "citizen/draft.html", "grants", "/citizen/drafts/draft_1", by_key
    waiting = replace(laid, own_key=True)
    yield "draft-own-key-waiting", "citizen/draft.html", "grants", "/citizen/drafts/draft_1", waiting
    change = drafts.KeyChange(
        id="grant_1",
        to="revoked",
        entity=laid.entity,
        purpose=laid.purpose,
        possible=True,
        number=2,
        signing=signing,
        error=None,
    )
    for to in ("revoked", "paused", "active"):
        path = f"/citizen/grants/grant_1/change?to={to}"
        yield f"change-{to}", "citizen/change.html", "grants", path, replace(change, to=to)
    not_signed = common.FormError(
        code="grants.bad_signature",
        text=t("签名不对，未作任何改动。", "The signature is not right; nothing was changed."),
    )
    yield "change-refused", "citizen/change.html", "grants", "/citizen/grants", replace(change, error=not_signed)
    yield "change-over", "citizen/change.html", "grants", "/citizen/grants", replace(change, possible=False)
