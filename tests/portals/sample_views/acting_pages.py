"""Sample views: acting for others, the service window, the register of representatives."""

from collections.abc import Iterator
from dataclasses import replace

from api.locale import Lang
from api.portals.views import common, counter, mandates
from tests.portals.sample_views.shared import DAY, MINUTE, T0, Words, items

Page = tuple[str, str, str, str, object]


def switcher(t: Words, *, acting: bool = False) -> mandates.Switcher:
    """For whom somebody may act: a child, an enterprise, a mother."""
    return mandates.Switcher(
        own_name=t("王淑芬", "Wang Shufen"),
        current="mand_1" if acting else None,
        held=tuple(replace(card, can_act=True) for card in cards(t)),
        waiting=1,
    )


def cards(t: Words) -> tuple[mandates.MandateCard, ...]:
    card = mandates.MandateCard(
        id="mand_1",
        kind="guardian",
        state="active",
        name=t("王小满", "Wang Xiaoman"),
        actions=("look", "decide", "end", "export"),
        from_ms=T0 - 90 * DAY,
        until_ms=T0 + 3000 * DAY,
    )
    return (
        card,
        replace(
            card,
            id="mand_2",
            kind="legal_representative",
            name=t("演示海风食品有限公司", "Demo Sea Breeze Foods Co., Ltd."),
            actions=("look", "decide", "end", "export", "appoint"),
            until_ms=None,
        ),
        replace(
            card,
            id="mand_3",
            kind="agent",
            name=t("李桂兰", "Li Guilan"),
            actions=("look", "decide"),
            types=(t("机动车驾驶证", "Driving licence"), t("社会保障卡", "Social security card")),
            purposes=(t("机动车保险理赔", "Motor insurance claims"),),
            until_ms=T0 + 180 * DAY,
            can_end=True,
        ),
    )


def citizen_acting_pages(lang: Lang) -> Iterator[Page]:
    t = Words(lang)
    held = cards(t)
    given = replace(held[2], id="mand_4", name=t("王建国", "Wang Jianguo"), tail="0316")
    view = mandates.Mandates(
        proposed=(replace(held[2], id="mand_5", state="proposed", from_ms=None, can_end=False),),
        held=held,
        given=(given, replace(given, id="mand_6", state="proposed", from_ms=None, tail="021X")),
        ended=(
            replace(given, id="mand_7", state="ended", reason="withdrawn", ended_at_ms=T0 - DAY, can_end=False),
            replace(given, id="mand_8", state="expired", reason="time", ended_at_ms=T0 - 9 * DAY, can_end=False),
        ),
        appoint=mandates.AgentForm(actions=frozenset({"look", "decide"})),
        actions=("look", "decide", "end", "export"),
        types=(common.Choice(value="person.driving_licence", label=t("机动车驾驶证", "Driving licence")),),
        purposes=(common.Choice(value="insurance.motor.claims", label=t("机动车保险理赔", "Motor insurance claims")),),
        days_max=1095,
        error=None,
    )
    yield "mandates", "citizen/mandates.html", "me", "/citizen/mandates", view
    problem = common.FormError(
        code="mandate.minor", text=t("代理人必须年满 18 周岁。没有登记。", "A representative must be 18 or older.")
    )
    yield (
        "mandates-empty",
        "citizen/mandates.html",
        "me",
        "/citizen/mandates",
        replace(view, proposed=(), held=(), given=(), ended=(), error=problem),
    )
    yield (
        "mandates-agent",
        "citizen/mandates.html",
        "me",
        "/citizen/mandates",
        replace(view, proposed=(), given=(), ended=(), appoint=None),
    )


def department_acting_pages(lang: Lang) -> Iterator[Page]:
    t = Words(lang)
    name, insurer = t("李桂兰", "Li Guilan"), t("演示海港财产保险公司", "Demo Harbour Insurance")
    claim = t("机动车保险理赔", "Motor insurance claims")
    window = counter.Window(
        used=7,
        limit=60,
        documents=(common.Choice(value="id_card", label=t("居民身份证", "Resident identity card")),),
        open=(counter.OpenVisit(id="visit_1", name=name, closes_at_ms=T0 + 20 * MINUTE),),
        error=None,
    )
    yield "counter", "department/counter.html", "counter", "/department/counter", window
    problem = common.FormError(
        code="counter.not_found",
        text=t("没有找到。请核对证件号码；查询次数照常计入。", "Nothing was found. Check the number."),
    )
    yield (
        "counter-error",
        "department/counter.html",
        "counter",
        "/department/counter",
        replace(window, open=(), error=problem),
    )
    visit = counter.Visit(
        id="visit_1",
        name=name,
        document=t("居民身份证", "Resident identity card"),
        closes_at_ms=T0 + 20 * MINUTE,
        waiting=(
            counter.WaitingRequest(id="req_1", entity=insurer, purpose=claim, fields=4, lapses_at_ms=T0 + 6 * DAY),
        ),
        grants=(counter.StandingGrant(id="grant_1", entity=insurer, purpose=claim, until_ms=T0 + 30 * DAY, fields=3),),
        certificates=(t("机动车驾驶证", "Driving licence"), t("社会保障卡", "Social security card")),
        done=2,
    )
    yield "visit", "department/visit.html", "counter", "/department/counter/visit_1", visit
    yield (
        "visit-empty",
        "department/visit.html",
        "counter",
        "/department/counter/visit_1",
        replace(visit, waiting=(), grants=(), certificates=(), done=0),
    )
    asked = items(t)
    ask = counter.Ask(
        visit="visit_1",
        id="req_1",
        name=name,
        entity=insurer,
        entity_uscc="91371099MA3DEM0A04",
        purpose=claim,
        purpose_text=t("核对事故发生时的驾驶资格。", "Check the right to drive at the time of the accident."),
        case_no="CL-2026-0815",
        necessary=asked[:2],
        optional=asked[2:3],
        sensitive=asked[3:],
        ticked=frozenset(),
        until="2026-12-22",
        until_min="2026-11-23",
        until_max="2026-12-22",
        uses=2,
        uses_max=5,
        keep_days=1095,
        error=None,
    )
    yield "visit-request", "department/ask.html", "counter", "/department/counter/visit_1/requests/req_1", ask
    line = mandates.RegisteredLine(
        id="mand_1",
        kind="guardian",
        state="active",
        document="household_register",
        document_no="371099-0417",
        registered_at_ms=T0 - DAY,
        until_ms=T0 + 3000 * DAY,
        reason=None,
        reasons=("register", "court", "mistake"),
    )
    registry = mandates.Registry(
        kinds=("guardian",),
        chosen="guardian",
        documents=("household_register", "birth_certificate", "court_ruling", "designation"),
        lines=(line, replace(line, id="mand_2", state="ended", reason="court", reasons=())),
        pager=common.Pager(),
        error=None,
    )
    yield "mandates", "department/mandates.html", "mandates", "/department/mandates", registry
    yield (
        "mandates-legal",
        "department/mandates.html",
        "mandates",
        "/department/mandates",
        replace(
            registry,
            kinds=("legal_representative",),
            chosen="legal_representative",
            documents=("enterprise_register", "court_ruling"),
            lines=(),
        ),
    )
    yield (
        "mandates-none",
        "department/mandates.html",
        "mandates",
        "/department/mandates",
        replace(registry, kinds=(), chosen=None, documents=(), lines=()),
    )


def public_acting_pages(lang: Lang) -> Iterator[Page]:
    t = Words(lang)
    slip = counter.Slip(
        office=t("演示市民政局", "Demo City Civil Affairs Bureau"),
        opened_at_ms=T0,
        approved=2,
        denied=1,
        revoked=1,
        in_force=1,
    )
    yield "slip", "public/slip.html", "verify", "/v/visit_1", slip
    yield "slip-ended", "public/slip.html", "verify", "/v/visit_1", replace(slip, in_force=0)
    yield "slip-absent", "public/slip.html", "verify", "/v/visit_2", counter.Slip(office=None)
