"""Sample views of every page in both languages, for tests that render and for looking at pages by hand."""

from dataclasses import dataclass, replace

from api.locale import Lang
from api.portals.render import Page, Viewer
from tests.portals.sample_views.acting_pages import (
    citizen_acting_pages,
    department_acting_pages,
    public_acting_pages,
)
from tests.portals.sample_views.ask_pages import department_ask_pages, entity_ask_pages, regulator_ask_pages
from tests.portals.sample_views.citizen_pages import citizen_pages
from tests.portals.sample_views.department_pages import (
    department_intake_pages,
    department_pages,
    department_quality_pages,
    regulator_quality_pages,
)
from tests.portals.sample_views.dispute_pages import (
    citizen_dispute_pages,
    department_dispute_pages,
    entity_dispute_pages,
    regulator_dispute_pages,
)
from tests.portals.sample_views.duties_pages import auditor_pages, proposal_pages, security_pages
from tests.portals.sample_views.duty_pages import department_duty_pages, regulator_duty_pages
from tests.portals.sample_views.entity_pages import entity_pages
from tests.portals.sample_views.looked_pages import (
    citizen_looked_pages,
    department_looked_pages,
    entity_looked_pages,
    regulator_looked_pages,
)
from tests.portals.sample_views.offer_pages import public_offer_pages
from tests.portals.sample_views.operator_pages import operator_pages
from tests.portals.sample_views.overseer_pages import regulator_overseer_pages
from tests.portals.sample_views.public_pages import public_pages
from tests.portals.sample_views.regulator_pages import regulator_pages
from tests.portals.sample_views.seal_pages import department_seal_pages, public_seal_pages
from tests.portals.sample_views.shared import Words


@dataclass(frozen=True)
class Sample:
    """One page: `name` is unique, `template` and `view` make it."""

    name: str
    template: str
    view: object
    page: Page


def page(lang: Lang, portal: str, active: str, path: str, elder: bool = False) -> Page:
    t = Words(lang)
    viewers = {
        "citizen": Viewer(name=t("王淑芬", "Wang Shufen"), csrf="token", unread=3),
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
            name=t("监管员", "Inspector"),
            csrf="token",
            unread=12,
            organisation=t("演示市大数据中心", "Demo City Big Data Centre"),
        ),
        "operator": Viewer(name=t("值班员", "On duty"), csrf="token", organisation=t("演示平台", "Demo platform")),
        "security": Viewer(name=t("安全员", "Officer"), csrf="token", organisation=t("演示平台", "Demo platform")),
        "auditor": Viewer(name=t("审计员", "Auditor"), csrf="token", organisation=t("演示平台", "Demo platform")),
    }
    return Page(
        portal=portal, active=active, lang=lang, path=path, elder=elder, viewer=viewers.get(portal), lone_operator=True
    )


PORTALS = {
    "citizen": (citizen_pages, citizen_acting_pages, citizen_looked_pages, citizen_dispute_pages),
    "department": (
        department_pages,
        department_intake_pages,
        department_quality_pages,
        department_acting_pages,
        department_duty_pages,
        department_looked_pages,
        department_seal_pages,
        department_dispute_pages,
        department_ask_pages,
    ),
    "entity": (entity_pages, entity_looked_pages, entity_dispute_pages, entity_ask_pages),
    "regulator": (
        regulator_pages,
        regulator_duty_pages,
        regulator_looked_pages,
        regulator_overseer_pages,
        regulator_quality_pages,
        regulator_dispute_pages,
        regulator_ask_pages,
    ),
    "public": (public_pages, public_acting_pages, public_offer_pages, public_seal_pages),
    "operator": (operator_pages, proposal_pages),
    "security": (security_pages,),
    "auditor": (auditor_pages,),
}


def samples(lang: Lang, elder: bool = False) -> list[Sample]:
    """Every page of every portal in one language."""
    found = [
        Sample(f"{portal}-{name}", template, view, page(lang, portal, active, path, elder))
        for portal, makers in PORTALS.items()
        for make in makers
        for name, template, active, path, view in make(lang)
    ]
    # The frame while somebody acts for another.
    home = next(one for one in found if one.name == "citizen-home")
    assert home.page.viewer is not None
    mother = "李桂兰" if lang == "zh-Hans" else "Li Guilan"
    viewer = replace(home.page.viewer, acting_for=mother, acting_as="agent")
    return [*found, replace(home, name="citizen-home-acting", page=replace(home.page, viewer=viewer))]
