"""Sample views: the operator's three offices."""

from collections.abc import Iterator

from api.locale import Lang, error_text
from api.portals.views import duties
from api.portals.views.common import Choice, FormError, Pager
from tests.portals.sample_views.shared import T0, Words


def _acts(lang: Lang, portal: str) -> duties.Acts:
    t = Words(lang)
    facts = (
        (t("角色", "Role"), t("用数机构", "Entity")),
        (t("统一社会信用代码", "Unified social credit code"), "91371099MA3DEM0A04"),
        (t("账户", "Account"), "0x" + "5a" * 20),
        (t("密钥", "Key"), "u7Bq0C2cVJf1hTQkW9m3n4o5p6q7r8s9t0u1v2w3x4y"),
        (t("用途", "Purposes"), t("机动车保险理赔", "Motor insurance claims")),
        (t("法定职责", "Duties by law"), "—"),
    )

    def act(
        kind: str,
        state: str,
        *,
        decide: bool = False,
        withdraw: bool = False,
        other: bool = False,
        refused: bool = False,
    ) -> duties.ActLine:
        decided = state != "proposed"
        return duties.ActLine(
            id=f"act_{kind}_{state}",
            kind=kind,
            organisation=t("演示新港财产保险公司", "Demo New Harbour Insurance"),
            state=state,
            by=t("值班席", "the desk"),
            at_ms=T0,
            second=t("人员 a1b2c3", "officer a1b2c3") if decided else None,
            second_at_ms=T0 + 3_600_000 if decided else None,
            reason=None if kind == "admission" else t("监函〔2026〕12号", "Order 12 of 2026"),
            trouble=error_text("duties.chain_refused", lang) if refused else None,
            facts=facts if kind == "admission" else (),
            may_decide=decide,
            may_withdraw=withdraw,
            waits_for_other=other,
        )

    security, operator = portal == "security", portal == "operator"
    return duties.Acts(
        acts=(
            act("admission", "proposed", decide=security, withdraw=operator),
            act("return", "proposed", other=security),
            act("admission", "confirmed"),
            act("admission", "confirmed", refused=True, withdraw=operator),
            act("suspension", "done"),
            act("admission", "declined"),
        ),
        base=f"/{portal}",
        form=duties.NewParty() if operator else None,
        departments=(Choice(value="civil_affairs", label=t("民政局", "Civil affairs")),),
        purposes=(Choice(value="insurance.motor.claims", label=t("机动车保险理赔", "Motor insurance claims")),),
        bases=(Choice(value="court.enforcement", label=t("法院执行", "Court enforcement")),),
        pager=Pager(older_url=f"/{portal}?cursor=x"),
        error=None,
    )


def _offices(lang: Lang, *, gives: bool) -> duties.Offices:
    t = Words(lang)

    def line(
        office: str, state: str, *, decide: bool = False, end: bool = False, other: bool = False
    ) -> duties.OfficeLine:
        return duties.OfficeLine(
            id=f"office_{office}_{state}",
            office=office,
            person=t("人员 4f00aa", "officer 4f00aa"),
            state=state,
            by=t("人员 a1b2c3", "officer a1b2c3"),
            at_ms=T0,
            second=None if state == "proposed" else t("您本人", "you"),
            ended_at_ms=T0 + 86_400_000 if state == "ended" else None,
            may_decide=decide and gives,
            may_end=end and gives,
            waits_for_other=other and gives,
        )

    lines = (
        line("auditor", "proposed", decide=True),
        line("security", "proposed", other=True),
        line("security", "active"),
        line("operator", "active", end=True),
        line("auditor", "ended"),
        line("operator", "declined"),
    )
    error = FormError(
        code="duties.own_office", text=t("任何人都不能给自己任命职务。", "Nobody gives an office to itself.")
    )
    return duties.Offices(lines=lines, gives=gives, error=error if gives else None)


def security_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    t = Words(lang)
    yield ("acts", "staff/acts.html", "acts", "/security", _acts(lang, "security"))
    yield ("offices", "staff/offices.html", "offices", "/security/offices", _offices(lang, gives=True))
    lines = tuple(
        duties.PartyLine(
            id=f"party_{status}_{waits}",
            name=t("演示海港财产保险公司", "Demo Harbour Insurance"),
            role="entity",
            uscc="91371099MA3DEM0A04",
            status=status,
            waits=waits,
        )
        for status, waits in (("active", False), ("suspended", False), ("suspended", True))
    )
    view = duties.Parties(parties=lines, error=None)
    yield ("stop", "staff/parties.html", "parties", "/security/parties", view)


def auditor_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    yield ("acts", "staff/acts.html", "acts", "/auditor", _acts(lang, "auditor"))
    yield ("offices", "staff/offices.html", "offices", "/auditor/offices", _offices(lang, gives=False))


def proposal_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    yield ("proposals", "staff/acts.html", "parties", "/operator/parties", _acts(lang, "operator"))
