"""Sample views: indicators, the flow map, alarms."""

from collections import Counter
from collections.abc import Iterator

from api.locale import Lang, translator
from api.portals import flow_picture
from api.portals.views import flow, indicators, watched
from api.portals.views.common import Choice, Pager
from api.portals.wording import WATCHES
from api.services.indicators import INDICATORS
from tests.portals.sample_views.shared import DAY, T0, Words


def _indicators(lang: Lang, base: str) -> indicators.Indicators:
    counted = ((9612, 10000), (480, 1301), (5, 12), (2, 6), (0, 0), (2, 40), (17, 18), (3, None))
    return indicators.Indicators(
        base=base,
        first="2026-10-24",
        last="2026-11-22",
        figures=tuple(
            indicators.FigureCard(
                code=one.code,
                name=one.en if lang == "en" else one.zh,
                definition=one.definition_en if lang == "en" else one.definition_zh,
                numerator=part,
                denominator=whole,
                share=f"{part * 100 / whole:.1f}%" if whole else None,
                per_mille=round(part * 1000 / whole) if whole else None,
            )
            for one, (part, whole) in zip(INDICATORS, counted, strict=True)
        ),
        exports=(("CSV", f"{base}/export?format=csv"), ("XLSX", f"{base}/export?format=xlsx")),
        error=None,
    )


def regulator_overseer_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    base = "/regulator/indicators"
    yield ("indicators", "staff/indicators.html", "indicators", base, _indicators(lang, base))
    yield ("flow", "regulator/flow.html", "flow", "/regulator/flow", _flow(lang))
    yield ("watch", "staff/watch.html", "watch", "/regulator/watch", watch_page(lang))
    yield ("life", "regulator/certificate.html", "flow", "/regulator/flow/certificates/x", _life(lang))


def _flow(lang: Lang) -> flow.FlowPage:
    t = Words(lang)
    police, house = t("演示市公安局", "Demo City Police"), t("演示市不动产登记中心", "Demo City Land Registry")
    harbour, bank = t("演示海港财产保险公司", "Demo Harbour Insurance"), t("演示灯塔银行", "Demo Lighthouse Bank")
    claims, loan = t("机动车保险理赔", "Motor insurance claims"), t("个人住房贷款", "Housing loan")
    licence, title = t("机动车驾驶证", "Driving licence"), t("不动产权证书", "Real estate title")
    steps = [
        (police, "3fa9c210", harbour, claims, licence),
        (house, "b04e77d1", bank, loan, title),
        (police, "b04e77d1", bank, loan, licence),
        (police, "77c1e0aa", harbour, claims, licence),
        (house, "3fa9c210", bank, loan, title),
    ]
    names = {name: name for step in steps for name in (step[0], step[2])}
    people = Counter({step[1]: sum(1 for one in steps if one[1] == step[1]) for step in steps}) + Counter({"": 4})
    first = Counter((step[0], step[1]) for step in steps) + Counter({(police, ""): 4})
    second = Counter((step[1], step[3]) for step in steps) + Counter({("", claims): 4})
    third = Counter((step[3], step[2]) for step in steps) + Counter({(claims, harbour): 4})
    why, url = Counter({claims: 6, loan: 3}), "/regulator/flow?x=1"
    days = [
        flow_picture.Day(f"11-{day}", t(f"11月{day}日：{times}", f"{day} Nov: {times}"), url, times)
        for day, times in zip(range(16, 23), (0, 1, 0, 2, 0, 0, 6), strict=True)
    ]
    left, right = Counter({police: 7, house: 2}), Counter({harbour: 6, bank: 3})
    labels = {one: t(f"持有人 {one}", f"holder {one}") for one in people} | {
        "": t("其他 4 位持有人", "4 other holders")
    }
    picture = flow_picture.picture(
        (t("部门", "Department"), t("持有人", "Holder"), t("用途", "Purpose"), t("接收方", "Recipient")),
        (
            flow_picture.nodes(left, names, dict.fromkeys(left, url)),
            flow_picture.nodes(people, labels, {one: url if one else None for one in people}),
            flow_picture.nodes(why, {}, dict.fromkeys(why, url)),
            flow_picture.nodes(right, names, dict.fromkeys(right, url)),
        ),
        (first, second, third),
        t("数据流向", "Flow of data"),
        t("9 次交付", "9 deliveries"),
        (t("按日", "By day"), days),
    )
    choice = (Choice(value="x", label=harbour),)
    return flow.FlowPage(
        first="2026-11-16",
        last="2026-11-22",
        chosen={"department": "", "entity": "", "purpose": "", "type": ""},
        departments=choice,
        entities=choice,
        purposes=choice,
        types=choice,
        holder="3fa9c210",
        everybody_url="/regulator/flow",
        picture=picture,
        times=9,
        holders=7,
        steps=tuple(
            flow.StepLine(
                at_ms=T0 + place * 3_600_000,
                department=step[0],
                holder=step[1],
                holder_url=url,
                entity=step[2],
                purpose=step[3],
                type_name=step[4],
                url="/regulator/flow/certificates/x",
            )
            for place, step in enumerate(steps)
        ),
        days=(flow.DayLine(day=t("2026年11月22日", "22 Nov 2026"), purpose=claims, times=6),),
        more=True,
        error=None,
    )


def _life(lang: Lang) -> flow.LifePage:
    t = Words(lang)
    harbour = t("演示海港财产保险公司", "Demo Harbour Insurance")
    kinds = ("returned", "anchored", "granted", "pulled", "ended", "deleted", "traced", "replaced", "revoked")
    return flow.LifePage(
        id="cert_k3v7q2m5x8d4w9r6t1y0p2n4ab",
        type_name=t("机动车驾驶证", "Driving licence"),
        version=1,
        department=t("演示市公安局", "Demo City Police"),
        root="0x" + "5a" * 32,
        recorded=True,
        moments=tuple(
            flow.MomentLine(
                kind=kind,
                at_ms=None if kind == "revoked" else T0 + place * 7_200_000,
                party=harbour if kind in {"granted", "pulled", "ended"} else None,
                detail=t("机动车保险理赔", "Motor insurance claims") if kind in {"granted", "pulled"} else "",
                number=47000 + place,
                proof_url="/x" if place % 2 == 0 else None,
            )
            for place, kind in enumerate(kinds)
        ),
    )


def watch_page(lang: Lang) -> watched.Watch:
    """The queue with an alarm in each state."""
    t = Words(lang)

    def card(state: str, kind: str, seen: int, limit: int, case: watched.CaseFacts | None = None) -> watched.AlarmCard:
        what = translator(lang).gettext(WATCHES[kind])
        return watched.AlarmCard(
            id=f"alarm_{state}",
            organisation=t("演示海港财产保险公司", "Demo Harbour Insurance"),
            party_id="party_x",
            what=what % {"seen": seen, "limit": limit, "subject": t("车险理赔", "Motor claims")},
            state=state,
            raised_at_ms=T0,
            last_at_ms=T0 + 600_000,
            taken_at_ms=None if state == "open" else T0 + 3_600_000,
            closed_at_ms=T0 + 7_200_000 if state in {"closed", "checked"} else None,
            checked_at_ms=T0 + 9_000_000 if state == "checked" else None,
            reason=t("单位已作说明", "The organisation explained it") if state in {"closed", "checked"} else None,
            remark=t("季度批量理赔，已核对。", "Quarterly claims; checked.")
            if state in {"closed", "checked"}
            else None,
            mine=True,
            may_take=state == "open",
            may_close=state == "taken",
            may_check=state == "closed",
            may_suspend=state == "taken",
            case=case,
        )

    invented = watched.CaseFacts(
        case_no="A3710024500002026110039", use="stat_4f1c22d9a07be5318c6d02f49e7ab310", late=True, came_after_h=26
    )
    police, court = t("演示市公安局", "Demo City Police"), t("演示海港区人民法院", "Demo Harbour District Court")

    alarms = (
        card("open", "case_unknown", 2, 1, invented),
        card("open", "burst", 412, 300),
        card("taken", "drift", 14, 10),
    )
    return watched.Watch(
        base="/regulator/watch",
        alarms=(*alarms, card("closed", "case", 12, 10), card("checked", "enumeration", 7, 5)),
        reasons=(Choice(value="explained", label=t("单位已作说明", "The organisation explained it")),),
        error=None,
        pager=Pager(),
        registers=(
            watched.RegisterLine(organisation=court, since_ms=T0 - 30 * DAY, last_at_ms=None, late=False),
            watched.RegisterLine(organisation=police, since_ms=T0 - 30 * DAY, last_at_ms=T0 - 5 * DAY, late=True),
        ),
    )
