"""The fictitious parties of demo data: departments, entities, a regulator, an operator.

Their keys stand in the development key ring alone.
"""

from dataclasses import dataclass

from api.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class DemoParty:
    """One party. `code` names its keys in the key ring; `uscc` is fictitious, of region 371099, check digit right."""

    code: str
    role: str
    name_zh: str
    name_en: str
    uscc: str | None = None
    department_code: str | None = None


ENTITIES = (
    DemoParty("insurer-harbour", "entity", "演示海港财产保险公司", "Demo Harbour Insurance", "91371099MA3DEM0A04"),
    DemoParty("insurer-pine", "entity", "演示青松人寿保险公司", "Demo Pine Life Insurance", "91371099MA3DEM0B05"),
    DemoParty("bank-lighthouse", "entity", "演示灯塔银行", "Demo Lighthouse Bank", "91371099MA3DEM0C06"),
    DemoParty("bank-tide", "entity", "演示潮汐银行", "Demo Tide Bank", "91371099MA3DEM0F09"),
    DemoParty("bank-reef", "entity", "演示礁石银行", "Demo Reef Bank", "91371099MA3DEM0G0A"),
    DemoParty("employer-anchor", "entity", "演示铁锚制造公司", "Demo Anchor Manufacturing", "91371099MA3DEM0D07"),
    DemoParty("telecom-wave", "entity", "演示海浪通信公司", "Demo Wave Telecom", "91371099MA3DEM0E08"),
)
REGULATOR = DemoParty("regulator-data", "regulator", "演示市大数据监督办公室", "Demo City Data Supervision Office")
OPERATOR = DemoParty("operator-platform", "operator", "演示市数据运营中心", "Demo City Data Operations Centre")


def demo_parties(catalogue: Catalogue) -> list[DemoParty]:
    """All demo parties; a department for each of the catalogue's departments that issues a ready type."""
    issuing = {schema.department for schema in catalogue.ready_types()}
    departments = [
        DemoParty(f"department-{code}", "department", department.demo_zh, department.demo_en, department_code=code)
        for code, department in catalogue.departments.items()
        if code in issuing
    ]
    return [*departments, *ENTITIES, REGULATOR, OPERATOR]
