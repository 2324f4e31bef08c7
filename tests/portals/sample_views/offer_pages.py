"""Sample views of the data catalogue."""

from collections.abc import Iterator
from dataclasses import replace

from api.locale import Lang
from api.portals.views import common, offers
from tests.portals.sample_views.shared import Words

Entry = tuple[str, str, str, str, object]


def public_offer_pages(lang: Lang) -> Iterator[Entry]:
    t = Words(lang)
    line = offers.OfferLine(
        type_name=t("营业执照", "Business licence"),
        department=t("市场监督管理部门", "Market regulation"),
        attribute="unconditional",
        frequency=t("每日", "every day"),
        basis=t(
            "《企业信息公示暂行条例》（国务院令第654号）第六条、第七条",
            "Interim Regulations on the Publication of Enterprise Information, articles 6 and 7",
        ),
        contact=t("市场主体登记数据共享岗", "Desk for sharing data of the enterprise register"),
        asks=(
            (t("以机构身份提出需求", "Ask as an organisation"), "/entity/data-asks/new?type=x"),
            (t("以部门身份提出需求", "Ask as a department"), "/department/data-asks/new?type=x"),
        ),
        fields=((t("名称", "Name"), None), (t("注册资本", "Registered capital"), "conditional")),
    )
    other = replace(line, type_name=t("无偿献血证", "Blood donation certificate"), attribute="withheld")
    view = offers.Offers(
        query="",
        department="",
        attribute="",
        departments=(common.Choice(value="education", label=t("教育部门", "Education")),),
        attributes=(common.Choice(value="withheld", label=t("不予共享", "Not shared")),),
        offers=(line, other),
    )
    yield "catalogue", "public/catalogue.html", "catalogue", "/catalogue", view
    none = replace(view, query="天气", offers=())
    yield "catalogue-empty", "public/catalogue.html", "catalogue", "/catalogue?q=x", none
