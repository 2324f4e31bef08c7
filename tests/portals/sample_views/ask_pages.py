"""Sample views of asks for data."""

from collections.abc import Iterator
from dataclasses import replace

from api.locale import Lang
from api.portals.views import common, data_asks
from tests.portals.sample_views.shared import T0, Words

Entry = tuple[str, str, str, str, object]


def _cards(t: Words, portal: str) -> data_asks.Asks:
    card = data_asks.AskCard(
        url=f"/{portal}/data-asks/ask_1",
        number="XQ-000012",
        state="waiting",
        late=False,
        what=t("机动车驾驶证 · 2 个字段", "Motor vehicle driving licence · 2 fields"),
        who=t("演示海港保险公司 → 演示市公安局", "Demo Harbour Insurance → Demo City Public Security Bureau"),
        filed_at_ms=T0,
        due=t("2026年11月24日前答复", "answer by 24 November 2026"),
    )
    others = tuple(
        replace(card, number=f"XQ-{place:06d}", state=state, due=None)
        for place, state in enumerate(("matched", "desk", "agreed", "refused", "withdrawn"))
    )
    late = replace(
        card, number="XQ-000003", state="overdue", due=t("2026年11月25日前决定", "decision by 25 November 2026")
    )
    ordered = replace(late, number="XQ-000002", state="ordered", late=True)
    return data_asks.Asks(
        base=f"/{portal}/data-asks",
        asks=(card, *others),
        late=(ordered, late) if portal == "regulator" else (),
        counts=((t("部门办理中", "With a department"), 4), (t("未按期答复", "Not answered in time"), 2)),
        tabs=(
            common.Choice(value="addressed", label=t("待我们答复的", "To be answered by us")),
            common.Choice(value="asked", label=t("我们提出的", "Asked by us")),
        )
        if portal == "department"
        else (),
        side="addressed" if portal == "department" else "",
        may_ask=portal != "regulator",
        pager=common.Pager(),
    )


def _ask(t: Words, portal: str) -> data_asks.Ask:
    return data_asks.Ask(
        base=f"/{portal}/data-asks",
        id="ask_1",
        number="XQ-000012",
        state="waiting",
        late=False,
        plain=False,
        next=t(
            "由演示市公安局办理，须在2026年11月24日前答复；逾期转监管机构。",
            "Demo City Public Security Bureau has it, to be answered by 24 November 2026; then the regulator has it.",
        ),
        how=None,
        type_name=t("机动车驾驶证", "Motor vehicle driving licence"),
        fields=(t("准驾车型", "Licence class"), t("有效期止", "Valid until")),
        words=None,
        purpose=t("核对车险理赔时的驾驶资格", "Check the right to drive when a claim is settled"),
        purpose_name=t("机动车保险理赔", "Motor insurance claims"),
        basis=t("保险合同与本人授权", "The insurance contract and each person's consent"),
        basis_name=None,
        frequency=t("每日", "every day"),
        asker=t("演示海港保险公司", "Demo Harbour Insurance"),
        department=t("演示市公安局", "Demo City Public Security Bureau"),
        attribute="conditional",
        offered=t("每日", "every day"),
        law=t("《中华人民共和国个人信息保护法》第十三条", "Personal Information Protection Law, article 13"),
        contact=t("户政与车驾管数据共享岗", "Desk for sharing data of households, vehicles and drivers"),
        answer=None,
        filed_at_ms=T0,
        moves=(data_asks.AskMove(at_ms=T0, text=t("平台 · 部门办理中", "The service · With a department"), said=None),),
        departments=(),
        error=None,
        can_withdraw=False,
        can_answer=False,
        can_refuse=False,
        can_hand_over=False,
        can_order=False,
    )


def _new(t: Words, portal: str) -> data_asks.NewAskPage:
    kind = common.Choice(value="person.driving_licence", label=t("机动车驾驶证 · 公安部门", "Driving licence · Police"))
    return data_asks.NewAskPage(
        base=f"/{portal}/data-asks",
        form=data_asks.AskForm(type_code="person.driving_licence", fields=("licence_class",)),
        types=(kind,),
        type_name=t("机动车驾驶证", "Motor vehicle driving licence"),
        attribute="conditional",
        department=t("公安部门", "Public security"),
        law=t("《中华人民共和国个人信息保护法》第十三条", "Personal Information Protection Law, article 13"),
        fields=(
            common.Choice(value="licence_class", label=t("准驾车型", "Licence class"), hint="conditional"),
            common.Choice(value="valid_until", label=t("有效期止", "Valid until"), hint="unconditional"),
        ),
        purposes=(common.Choice(value="p", label=t("机动车保险理赔", "Motor insurance claims")),),
        bases=(common.Choice(value="b", label=t("法院执行查控", "Court enforcement inquiry")),),
        frequencies=(common.Choice(value="once", label=t("一次或逐案", "once, or case by case")),),
    )


def _pages(lang: Lang, portal: str) -> Iterator[Entry]:
    t = Words(lang)
    base = f"/{portal}/data-asks"
    yield "data-asks", "staff/data_asks.html", "asks", base, _cards(t, portal)
    none = replace(_cards(t, portal), asks=(), late=(), counts=())
    yield "data-asks-empty", "staff/data_asks.html", "asks", base, none


def _asking(lang: Lang, portal: str) -> Iterator[Entry]:
    t = Words(lang)
    base = f"/{portal}/data-asks"
    yield "data-ask-new", "staff/data_ask_new.html", "asks", f"{base}/new", _new(t, portal)
    wrong = common.FormError(code="data_asks.what", text=t("请写明需要什么数据。", "Say which data you need."))
    free = replace(_new(t, portal), form=data_asks.AskForm(), type_name=None, fields=(), error=wrong)
    yield "data-ask-new-words", "staff/data_ask_new.html", "asks", f"{base}/new", free
    yield "data-ask-own", "staff/data_ask.html", "asks", f"{base}/ask_1", replace(_ask(t, portal), can_withdraw=True)


def entity_ask_pages(lang: Lang) -> Iterator[Entry]:
    t = Words(lang)
    yield from _pages(lang, "entity")
    yield from _asking(lang, "entity")
    how = t("经授权取得：按已登记的用途申请授权。", "It is had by consent: ask under the registered purpose.")
    matched = replace(_ask(t, "entity"), state="matched", how=how, department=None)
    yield "data-ask-matched", "staff/data_ask.html", "asks", "/entity/data-asks/ask_1", matched


def department_ask_pages(lang: Lang) -> Iterator[Entry]:
    t = Words(lang)
    yield from _pages(lang, "department")
    yield from _asking(lang, "department")
    office = common.Choice(value="party_1", label=t("演示市民政局", "Demo City Civil Affairs Bureau"))
    one = replace(
        _ask(t, "department"),
        departments=(office,),
        plain=True,
        can_answer=True,
        can_refuse=True,
        can_hand_over=True,
    )
    yield "data-ask", "staff/data_ask.html", "asks", "/department/data-asks/ask_1", one


def regulator_ask_pages(lang: Lang) -> Iterator[Entry]:
    t = Words(lang)
    yield from _pages(lang, "regulator")
    office = common.Choice(value="party_1", label=t("演示市民政局", "Demo City Civil Affairs Bureau"))
    late = replace(
        _ask(t, "regulator"),
        state="overdue",
        next=t(
            "期限已过，由监管机构在2026年11月25日前决定；部门仍可补作答复。",
            "The date has passed; the regulator decides by 25 November 2026. A late answer is still possible.",
        ),
        departments=(office,),
        can_answer=True,
        can_refuse=True,
        can_order=True,
    )
    yield "data-ask-overdue", "staff/data_ask.html", "asks", "/regulator/data-asks/ask_1", late
    desk = replace(
        _ask(t, "regulator"),
        state="desk",
        type_name=None,
        fields=(),
        words=t("公共充电桩的分布和使用状态", "Where public chargers stand and whether they are in use"),
        department=None,
        attribute=None,
        departments=(office,),
        can_answer=True,
        can_refuse=True,
        can_hand_over=True,
    )
    yield "data-ask-desk", "staff/data_ask.html", "asks", "/regulator/data-asks/ask_2", desk
