"""The fictitious parties of demo data: departments, entities, a regulator, an operator.

Their keys stand in the development key ring alone.
"""

from dataclasses import dataclass

from api.catalogue import Catalogue
from api.demo.people import credit_code


@dataclass(frozen=True, slots=True)
class DemoParty:
    """One party. `code` names its keys in the key ring; `uscc` is fictitious, of region 371099, check digit right.

    `purposes` are those for which it is registered, each a purpose's code or the beginning of several; `bases` the
    bases of statutory duty.
    """

    code: str
    role: str
    name_zh: str
    name_en: str
    uscc: str | None = None
    department_code: str | None = None
    purposes: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()


ENTITIES = (
    DemoParty(
        "insurer-harbour",
        "entity",
        "演示海港财产保险公司",
        "Demo Harbour Insurance",
        "91371099MA3DEM0A04",
        purposes=("insurance.",),
    ),
    DemoParty(
        "insurer-pine",
        "entity",
        "演示青松人寿保险公司",
        "Demo Pine Life Insurance",
        "91371099MA3DEM0B05",
        purposes=("insurance.",),
    ),
    DemoParty(
        "bank-lighthouse", "entity", "演示灯塔银行", "Demo Lighthouse Bank", "91371099MA3DEM0C06", purposes=("bank.",)
    ),
    DemoParty("bank-tide", "entity", "演示潮汐银行", "Demo Tide Bank", "91371099MA3DEM0F09", purposes=("bank.",)),
    DemoParty("bank-reef", "entity", "演示礁石银行", "Demo Reef Bank", "91371099MA3DEM0G0A", purposes=("bank.",)),
    DemoParty(
        "employer-anchor",
        "entity",
        "演示铁锚制造公司",
        "Demo Anchor Manufacturing",
        "91371099MA3DEM0D07",
        purposes=("employment.",),
    ),
    DemoParty(
        "telecom-wave", "entity", "演示海浪通信公司", "Demo Wave Telecom", "91371099MA3DEM0E08", purposes=("telecom.",)
    ),
    DemoParty(
        "service-social-security",
        "entity",
        "演示市社会保险事业中心",
        "Demo City Social Insurance Centre",
        "12371099MA1P4B4L02",
        purposes=("government.social_security",),
    ),
    DemoParty(
        "service-medical-insurance",
        "entity",
        "演示市医疗保险事业中心",
        "Demo City Medical Insurance Centre",
        "12371099MA1P4B5218",
        purposes=("government.medical_insurance",),
    ),
    DemoParty(
        "service-housing-fund",
        "entity",
        "演示市住房公积金管理中心",
        "Demo City Housing Fund Centre",
        "12371099MA1P4B5F8B",
        purposes=("government.housing_fund",),
    ),
    DemoParty(
        "park-seaside",
        "entity",
        "演示滨海公园管理处",
        "Demo Seaside Park",
        "12371099MA3DEM0J0H",
        purposes=("public_place.",),
    ),
    DemoParty(
        "court-harbour",
        "entity",
        "演示海港人民法院",
        "Demo Harbour Court",
        "11371099MA3DEM0H0K",
        bases=("court.enforcement",),
    ),
)
# Which department's duty rests on which basis.
DUTIES = {
    "public_security": ("police.investigation",),
    "civil_affairs": ("social_assistance.verification",),
    "market_regulation": ("market.inspection",),
    "emergency_management": ("emergency.inspection",),
}
_OFFICES = 70_000_000  # where the fictitious departments' credit codes begin; they differ from all enterprises'
REGULATOR = DemoParty("regulator-data", "regulator", "演示市大数据监督办公室", "Demo City Data Supervision Office")
OPERATOR = DemoParty("operator-platform", "operator", "演示市数据运营中心", "Demo City Data Operations Centre")


OFFICES = (
    ("", "operator", "值班系统管理员", "System administrator on duty"),
    ("S-01", "security", "安全管理员甲", "Security officer A"),
    ("S-02", "security", "安全管理员乙", "Security officer B"),
    ("J-01", "auditor", "审计员", "Auditor"),
)
"""The operator's first offices: staff number, office, names. The desk without one is the system administrator's."""


def demo_parties(catalogue: Catalogue) -> list[DemoParty]:
    """All demo parties; a department for each of the catalogue's departments that issues a ready type."""
    issuing = {schema.department for schema in catalogue.ready_types()}
    departments = [
        DemoParty(
            f"department-{code}",
            "department",
            department.demo_zh,
            department.demo_en,
            credit_code(_OFFICES + 7 * list(catalogue.departments).index(code), "11"),
            department_code=code,
            bases=DUTIES.get(code, ()),
        )
        for code, department in catalogue.departments.items()
        if code in issuing
    ]
    return [*departments, *ENTITIES, REGULATOR, OPERATOR]
