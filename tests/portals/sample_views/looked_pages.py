"""Sample views of who looked, of cases and of notices."""

from collections.abc import Iterator
from dataclasses import replace

from api.locale import Lang
from api.portals.views import citizen, common, looked
from api.portals.wording import GROUPS, MODES, TOPICS
from tests.portals.sample_views.shared import DAY, T0, Words, steps

Entry = tuple[str, str, str, str, object]


def _footprints(t: Words) -> looked.Footprints:
    found = steps(t)
    hidden = citizen.Footprint(
        at_ms=T0,
        kind="masked",
        who=t("某机关", "An authority"),
        what=(),
        purpose=None,
        reason=None,
        repeats=1,
        receipt_number=None,
        anchored=True,
        evidence_url=None,
        contest_url="/citizen/cases/new?access=stat_1",
        released_ms=T0 + 30 * DAY,
        law=t("《中华人民共和国刑事诉讼法》第五十四条", "Criminal Procedure Law, article 54"),
    )
    first = replace(found[0], basis=t("依您的授权", "by your consent"), contest_url="/citizen/cases/new?receipt=rcpt_1")
    days = (
        citizen.Day(day="2026-11-22", footprints=(hidden, first, *found[1:3])),
        citizen.Day(day="2026-11-21", footprints=found[3:]),
    )
    return looked.Footprints(
        only="all",
        groups=tuple(common.Choice(value=group, label=text) for group, text in GROUPS.items()),
        parties=(common.Choice(value="party_1", label=t("演示海安财产保险股份有限公司", "Demo Hai'an Insurance")),),
        who="",
        since="",
        until="",
        days=days,
        looks=5,
        masked=1,
        json_url="/citizen/footprints/export?format=json",
        csv_url="/citizen/footprints/export?format=csv",
        pager=common.Pager(older_url="/citizen/footprints?before=1"),
    )


def _case(t: Words) -> looked.Case:
    return looked.Case(
        id="case_1",
        number="MD-000007",
        who=t("演示海安财产保险股份有限公司", "Demo Hai'an Insurance"),
        what=t("已取走数据", "Took data"),
        purpose=t("机动车保险理赔", "Motor insurance claims"),
        state="under_review",
        hold="grant",
        opened_at_ms=T0,
        due_at_ms=T0 + 15 * DAY,
        late=True,
        reason=t("这不是我授权的。", "I did not agree to this."),
        decision=None,
        moves=(looked.CaseMove(at_ms=T0, text=t("当事人 · 已立案", "The person concerned · Opened")),),
        can_withdraw=True,
        can_review=False,
        can_decide=False,
        error=None,
    )


def _cards(t: Words, portal: str) -> looked.Cases:
    who = t("演示海安财产保险股份有限公司", "Demo Hai'an Insurance")
    card = looked.CaseCard(
        url=f"/{portal}/cases/case_1",
        number="MD-000007",
        who=who,
        state="opened",
        opened_at_ms=T0,
        due_at_ms=T0 + 15 * DAY,
        late=True,
        final=False,
    )
    mask = looked.MaskLine(
        access="stat_1",
        who=t("演示市公安局", "Demo City Police"),
        law=t("《中华人民共和国刑事诉讼法》第五十四条", "Criminal Procedure Law, article 54"),
        case_no="A3710024500002026110001",
        at_ms=T0,
        until_ms=T0 + 30 * DAY,
    )
    masks = (mask,) if portal == "regulator" else ()
    done = replace(card, number="MD-000006", state="upheld", final=True)
    return looked.Cases(cases=(card, done), masks=masks, error=None, pager=common.Pager())


def _notices(t: Words, portal: str) -> looked.Notices:
    text = t("案件MD-000007：已立案。", "Case MD-000007: Opened.")
    lang = t("zh", "en")
    names = {
        "zh": {"case": "案件进展", "in the list only": "只在列表中"},
        "en": {},
    }[lang]
    return looked.Notices(
        base=f"/{portal}/notifications",
        notices=(
            looked.Notice(id="note_1", text=text, url=f"/{portal}/cases/case_1", at_ms=T0, new=True),
            looked.Notice(id="note_2", text=text, url=None, at_ms=T0, new=False),
        ),
        unread=1,
        topics=(looked.TopicChoice(topic="case", label=names.get("case", TOPICS["case"]), mode="once"),),
        modes=(common.Choice(value="once", label=t("立即提醒", MODES["once"])),),
        address="",
        language="zh-Hans",
        error=None,
        pager=common.Pager(),
    )


def citizen_looked_pages(lang: Lang) -> Iterator[Entry]:
    t = Words(lang)
    page, one = _footprints(t), _case(t)
    yield "footprints", "citizen/footprints.html", "footprints", "/citizen/footprints", page
    empty = replace(page, only="refused", days=(), looks=0, masked=0, pager=common.Pager())
    yield "footprints-empty", "citizen/footprints.html", "footprints", "/citizen/footprints?only=refused", empty
    contest = looked.Contest(
        what=one.who,
        receipt="rcpt_1",
        stops=t("相关授权立即停止，不再提供任何数据。", "The consent behind it is stopped at once."),
        text=t("这不是我授权的。", "I did not agree to this."),
        error=None,
    )
    yield "contest", "citizen/contest.html", "footprints", "/citizen/cases/new", contest
    yield "cases", "citizen/cases.html", "footprints", "/citizen/cases", _cards(t, "citizen")
    none = replace(_cards(t, "citizen"), cases=())
    yield "cases-empty", "citizen/cases.html", "footprints", "/citizen/cases", none
    yield "case", "citizen/case.html", "footprints", "/citizen/cases/case_1", one
    yield "notices", "citizen/notices.html", "notices", "/citizen/notifications", _notices(t, "citizen")
    quiet = replace(_notices(t, "citizen"), notices=(), unread=0)
    yield "notices-empty", "citizen/notices.html", "notices", "/citizen/notifications", quiet


def concerned_looked_pages(lang: Lang, portal: str) -> Iterator[Entry]:
    """Cases as the organisation that they are about sees them."""
    t = Words(lang)
    own = t("贵机构案件 CL-2026-0815", "your case CL-2026-0815")
    listed = _cards(t, portal)
    cards = replace(listed, cases=tuple(replace(one, who=own) for one in listed.cases))
    yield "cases", "staff/cases.html", "cases", f"/{portal}/cases", cards
    yield "cases-empty", "staff/cases.html", "cases", f"/{portal}/cases", replace(cards, cases=())
    one = replace(_case(t), who=own, reason=None, can_withdraw=False, grant_url="/entity/grants/grant_1")
    text = t("查明非本人办理，授权无效。", "It was not the person; the consent is void.")
    yield "case", "staff/case.html", "cases", f"/{portal}/cases/case_1", one
    upheld = replace(one, state="upheld", decision=text, late=False)
    yield "case-upheld", "staff/case.html", "cases", f"/{portal}/cases/case_1", upheld
    suspended = replace(one, hold="access", grant_url=None)
    yield "case-access", "staff/case.html", "cases", f"/{portal}/cases/case_1", suspended
    for state, hold in (("upheld", "access"), ("dismissed", "grant"), ("opened", "none")):
        other = replace(suspended, state=state, hold=hold)
        yield f"case-{state}-{hold}", "staff/case.html", "cases", f"/{portal}/cases/case_1", other


def entity_looked_pages(lang: Lang) -> Iterator[Entry]:
    yield from concerned_looked_pages(lang, "entity")


def department_looked_pages(lang: Lang) -> Iterator[Entry]:
    t = Words(lang)
    yield "cases", "staff/cases.html", "cases", "/department/cases", _cards(t, "department")


def regulator_looked_pages(lang: Lang) -> Iterator[Entry]:
    t = Words(lang)
    yield "cases", "regulator/cases.html", "cases", "/regulator/cases", _cards(t, "regulator")
    none = replace(_cards(t, "regulator"), cases=(), masks=())
    yield "cases-empty", "regulator/cases.html", "cases", "/regulator/cases", none
    verdict = looked.Verdict(recorded=t("允许", "allowed"), replayed=t("允许", "allowed"), agrees=True)
    decide = replace(
        _case(t),
        can_withdraw=False,
        can_decide=True,
        verdict=verdict,
        signed_base='"@method": POST',
        bundle_url="/regulator/cases/case_1/bundle",
    )
    yield "case", "regulator/case.html", "cases", "/regulator/cases/case_1", decide
    fresh = replace(decide, can_decide=False, can_review=True, state="opened", verdict=None, signed_base=None)
    yield "case-opened", "regulator/case.html", "cases", "/regulator/cases/case_1", fresh
    yield "notices", "staff/notices.html", "notices", "/regulator/notifications", _notices(t, "regulator")
