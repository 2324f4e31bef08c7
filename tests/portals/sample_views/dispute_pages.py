"""Sample views of objections and of corrections."""

from collections.abc import Iterator
from dataclasses import replace

from api.locale import Lang, translator
from api.portals.views import common, disputes
from api.portals.wording import DISPUTE_NEXT, DISPUTE_NEXT_OF_OTHERS
from tests.portals.sample_views.shared import DAY, T0, Words

Entry = tuple[str, str, str, str, object]


def _correction(t: Words, portal: str) -> disputes.Correction:
    states = (("confirmed", "machine"), ("confirmed", "staff"), ("told", None), ("escalated", None), ("released", None))
    return disputes.Correction(
        id="corr_1",
        url=f"/{portal}/corrections/corr_1",
        type_name=t("机动车驾驶证", "Driving licence"),
        fields=(t("准驾车型", "Licence class"),),
        state="telling",
        total=1000,
        confirmed=997,
        due_day_ms=T0 + 5 * DAY,
        plain=False,
        withdrawn=True,
        recipients=tuple(
            disputes.Recipient(
                who=t(f"演示海港财产保险股份有限公司第{at}营业部", f"Demo Harbour Insurance, branch no. {at}"),
                state=state,
                copies=at,
                told_at_ms=T0,
                confirmed_at_ms=T0 + DAY if by else None,
                by=by,
            )
            for at, (state, by) in enumerate(states, 1)
        ),
        next_url=f"/{portal}/corrections/corr_1",
        back_url=f"/{portal}/disputes/disp_1",
    )


def _dispute(t: Words, lang: Lang, state: str, portal: str) -> disputes.Dispute:
    who = t("演示市公安局", "Demo City Public Security Bureau")
    words = {"who": who, "day": t("2026年12月4日", "4 December 2026")}
    return disputes.Dispute(
        id="disp_1",
        number="YY-000007",
        who=who,
        subject=t("证照中的一栏", "A field of a certificate"),
        what=t("机动车驾驶证 · 准驾车型", "Driving licence · Licence class"),
        state=state,
        late=False,
        plain=False,
        opened_at_ms=T0,
        next=translator(lang).gettext((DISPUTE_NEXT if portal == "citizen" else DISPUTE_NEXT_OF_OTHERS)[state]) % words,
        statement=t("我的准驾车型是C1，不是B2，请更正。", "My class is C1, not B2. Please correct it."),
        answer=None,
        contest=None,
        decision=None,
        corrections=(),
        moves=(disputes.DisputeMove(at_ms=T0, text=t("当事人 · 等待答复", "The person concerned · Waiting")),),
        error=None,
    )


def _cards(t: Words, portal: str) -> disputes.Disputes:
    card = disputes.DisputeCard(
        url=f"/{portal}/disputes/disp_1",
        number="YY-000007",
        who=t("演示市公安局", "Demo City Public Security Bureau"),
        what=t("机动车驾驶证 · 准驾车型", "Driving licence · Licence class"),
        state="opened",
        opened_at_ms=T0,
        due=t("2026年12月4日前答复", "answer by 4 December 2026"),
        late=False,
    )
    others = (
        replace(
            card, number="YY-000006", state="ordered", late=True, due=t("2026年11月20日前落实", "by 20 November 2026")
        ),
        replace(card, number="YY-000005", state="corrected", due=None),
    )
    late = disputes.LateRecipient(
        url="/regulator/corrections/corr_1",
        who=t("演示海港财产保险股份有限公司", "Demo Harbour Property Insurance Co., Ltd."),
        what=t("机动车驾驶证", "Driving licence"),
        due_day_ms=T0,
        told=6,
    )
    return disputes.Disputes(
        disputes=(card, *others), pager=common.Pager(), late=(late,) if portal == "regulator" else ()
    )


def _to_confirm(t: Words, portal: str) -> disputes.ToConfirm:
    part = disputes.PartCard(
        id="corr_1",
        issuer=t("演示市公安局", "Demo City Public Security Bureau"),
        type_name=t("机动车驾驶证", "Driving licence"),
        fields=(t("准驾车型", "Licence class"),),
        copies=("copy_q2hddegex4yskebzh6t2nnoqwa",),
        state="told",
        due_day_ms=T0 + 5 * DAY,
        plain=True,
        told=2,
        confirmed_at_ms=None,
        can_confirm=True,
    )
    done = replace(part, id="corr_2", state="confirmed", confirmed_at_ms=T0, can_confirm=False, plain=False)
    return disputes.ToConfirm(base=f"/{portal}/corrections", parts=(part, done), owing=1, error=None)


def citizen_dispute_pages(lang: Lang) -> Iterator[Entry]:
    t = Words(lang)
    form = disputes.Objecting(
        what=t("机动车驾驶证 · 准驾车型", "Driving licence · Licence class"),
        who=t("演示市公安局", "Demo City Public Security Bureau"),
        days=10,
        certificate="cert_1",
        field="licence_class",
        back_url="/citizen/certificates/cert_1",
        text="",
        error=None,
    )
    yield "object", "citizen/object.html", "certificates", "/citizen/disputes/new", form
    wrong = common.FormError(code="disputes.bad_text", text=t("请用文字说明。", "Say it in words."))
    yield "object-error", "citizen/object.html", "certificates", "/citizen/disputes/new", replace(form, error=wrong)
    yield "disputes", "citizen/disputes.html", "me", "/citizen/disputes", _cards(t, "citizen")
    none = replace(_cards(t, "citizen"), disputes=())
    yield "disputes-empty", "citizen/disputes.html", "me", "/citizen/disputes", none
    opened = replace(_dispute(t, lang, "opened", "citizen"), can_withdraw=True, plain=True)
    yield "dispute", "citizen/dispute.html", "me", "/citizen/disputes/disp_1", opened
    answer = t("已按档案更正。", "Corrected by the files.")
    corrected = replace(
        _dispute(t, lang, "corrected", "citizen"),
        answer=answer,
        corrections=(_correction(t, "citizen"),),
        contest_day_ms=T0 + 10 * DAY,
    )
    yield "dispute-corrected", "citizen/dispute.html", "me", "/citizen/disputes/disp_1", corrected
    yield "correction", "citizen/correction.html", "me", "/citizen/corrections/corr_1", _correction(t, "citizen")


def _answering(lang: Lang, portal: str) -> Iterator[Entry]:
    t = Words(lang)
    yield "disputes", "staff/disputes.html", "disputes", f"/{portal}/disputes", _cards(t, portal)
    none = replace(_cards(t, portal), disputes=())
    yield "disputes-empty", "staff/disputes.html", "disputes", f"/{portal}/disputes", none
    one = replace(_dispute(t, lang, "opened", portal), can_answer=True, can_refuse=True)
    if portal == "department":
        field = disputes.Editable(name="licence_class", label=t("准驾车型", "Licence class"), value="B2")
        one = replace(one, editable=(field,))
        done = replace(_dispute(t, lang, "corrected", portal), corrections=(_correction(t, portal),))
        yield "dispute-corrected", "staff/dispute.html", "disputes", f"/{portal}/disputes/disp_1", done
        whole = replace(_correction(t, portal), total=0, confirmed=0, recipients=(), next_url=None, withdrawn=False)
        yield "correction", "staff/correction.html", "disputes", f"/{portal}/corrections/corr_1", whole
    yield "dispute", "staff/dispute.html", "disputes", f"/{portal}/disputes/disp_1", one
    ordered = replace(one, state="ordered", can_refuse=False, late=True, decision=t("请更正。", "Correct it."))
    yield "dispute-ordered", "staff/dispute.html", "disputes", f"/{portal}/disputes/disp_1", ordered
    yield "corrections", "staff/corrections.html", "corrections", f"/{portal}/corrections", _to_confirm(t, portal)
    empty = replace(_to_confirm(t, portal), parts=(), owing=0)
    yield "corrections-empty", "staff/corrections.html", "corrections", f"/{portal}/corrections", empty


def department_dispute_pages(lang: Lang) -> Iterator[Entry]:
    yield from _answering(lang, "department")


def entity_dispute_pages(lang: Lang) -> Iterator[Entry]:
    yield from _answering(lang, "entity")


def regulator_dispute_pages(lang: Lang) -> Iterator[Entry]:
    t = Words(lang)
    yield "disputes", "regulator/disputes.html", "disputes", "/regulator/disputes", _cards(t, "regulator")
    none = replace(_cards(t, "regulator"), disputes=(), late=(), every=True)
    yield "disputes-empty", "regulator/disputes.html", "disputes", "/regulator/disputes", none
    contest = t("档案有误。", "The files are wrong.")
    one = replace(_dispute(t, lang, "contested", "regulator"), contest=contest, can_decide=True)
    yield "dispute", "regulator/dispute.html", "disputes", "/regulator/disputes/disp_1", one
    yield (
        "correction",
        "staff/correction.html",
        "disputes",
        "/regulator/corrections/corr_1",
        _correction(t, "regulator"),
    )
