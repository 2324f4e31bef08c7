"""Rarer certificates of the fictitious city's enterprises: one function per type, in step with the firm's own data."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from api.demo import words
from api.demo.offices import Office, day_between, firm_values, made
from api.demo.people import DemoCertificate, Enterprise, add_years

Make = Callable[[Enterprise, Office, random.Random], dict[str, str]]
APPROVAL = "演示市行政审批服务局"
HOUSING = "演示市住房和城乡建设局"


@dataclass(frozen=True, slots=True)
class EnterprisePaper:
    """A type: how to fill it in and whom of which trades it suits; of any trade with a business licence where empty."""

    make: Make
    trades: tuple[str, ...] = ()

    def fits(self, firm: Enterprise) -> bool:
        """Whether the firm may hold one."""
        return firm.trade in self.trades if self.trades else firm.uscc.startswith("91")


def _issued(firm: Enterprise, office: Office, rng: random.Random, years: int) -> date:
    """A day since the firm's founding within the last `years`."""
    first = max(firm.established, office.today - timedelta(days=years * 365))
    return day_between(rng, first, office.today - timedelta(days=1))


def _issuing(issued: date, years: int, authority: str, *, begins: bool = False) -> dict[str, str]:
    """By whom and when a paper was issued and until when it holds; `begins` where it states that as well."""
    day, last = issued.isoformat(), add_years(issued, years).isoformat()
    held = {"issuing_authority": authority, "issued_on": day, "valid_until": last}
    return {**held, "valid_from": day} if begins else held


def _food_production(firm: Enterprise, office: Office, rng: random.Random) -> dict[str, str]:
    issued = _issued(firm, office, rng, 5)
    categories, products = rng.choice(
        (("水产制品", "即食海带；烤鱼片"), ("糕点", "桃酥；蛋糕"), ("调味品", "海鲜酱；虾酱"))
    )
    return firm_values(firm) | {
        "address": firm.address,
        "premises": firm.address,
        "categories": categories,
        "products": products,
        "licence_number": f"SC1{rng.randint(0, 9)}{rng.randint(0, 9)}371099{office.next():05d}",
        **_issuing(issued, 5, APPROVAL),
    }


def _drug_operation(firm: Enterprise, office: Office, rng: random.Random) -> dict[str, str]:
    issued = _issued(firm, office, rng, 5)
    mode, letters = rng.choice((("retail", "DB"), ("chain", "BA"), ("wholesale", "AA")))
    return firm_values(firm) | {
        "principal": firm.owner.name,
        "quality_manager": rng.choice(words.PRINCIPALS),
        "address": firm.address,
        "warehouse": f"{firm.address}北侧仓库" if mode == "wholesale" else "",
        "business_mode": mode,
        "scope": "中药饮片、中成药、化学药、生物制品",
        "licence_number": f"鲁{letters}{office.next():07d}",
        **_issuing(issued, 5, APPROVAL),
    }


def _change_proof(firm: Enterprise, office: Office, rng: random.Random) -> dict[str, str]:
    changed = _issued(firm, office, rng, 8)
    before, after, change = rng.choice(
        (
            (firm.name.replace("演示", "演示新", 1), firm.name, "name"),
            (f"{firm.address}东楼", firm.address, "address"),
            (firm.address.replace("号", "号旧址"), firm.address, "place_name"),
        )
    )
    return {
        "name": firm.name,
        "uscc": firm.uscc,
        "change": change,
        "before": before,
        "after": after,
        "changed_on": changed.isoformat(),
        "proof_number": f"QB{changed:%Y%m%d}{office.next():06d}",
        "issuing_authority": "演示市市场监督管理局",
        "issued_on": changed.isoformat(),
    }


def _registered(firm: Enterprise, office: Office, rng: random.Random) -> dict[str, str]:
    """What societies' and private institutions' registrations have in common."""
    issued = _issued(firm, office, rng, 4)
    return firm_values(firm) | {
        "address": firm.address,
        "scope": firm.scope,
        "capital": f"{rng.choice((3, 5, 10, 30, 50))}.00",
        **_issuing(issued, 4, APPROVAL, begins=True),
    }


def _social_organisation(firm: Enterprise, office: Office, rng: random.Random) -> dict[str, str]:
    return _registered(firm, office, rng) | {"area": "演示市", "supervisor": rng.choice(("", "演示市工商业联合会"))}


def _private_non_enterprise(firm: Enterprise, office: Office, rng: random.Random) -> dict[str, str]:
    return _registered(firm, office, rng) | {"supervisor": rng.choice(("演示市教育局", "演示市民政局"))}


def _medical_institution(firm: Enterprise, office: Office, rng: random.Random) -> dict[str, str]:
    issued = _issued(firm, office, rng, 5)
    category, departments = rng.choice(
        (("clinic", "口腔科"), ("clinic", "中医科"), ("outpatient", "内科；外科；妇科；医学检验科"))
    )
    kind = f"{rng.randint(17, 19)}D2{rng.randint(1000, 9999)}"
    return firm_values(firm) | {
        "principal": firm.owner.name,
        "address": firm.address,
        "category": category,
        "ownership": "private",
        "departments": departments,
        "beds": "0",
        "registration_number": f"PDY{office.next():05d}{firm.uscc[2:8]}{kind}",
        **_issuing(issued, 5, APPROVAL, begins=True),
    }


def _hygiene(firm: Enterprise, office: Office, rng: random.Random) -> dict[str, str]:
    issued = _issued(firm, office, rng, 4)
    return firm_values(firm) | {
        "premises": firm.address,
        "scope": rng.choice(("住宿场所：宾馆", "住宿场所：宾馆；沐浴场所：浴室", "美容美发场所")),
        "licence_number": f"鲁卫公证字({issued.year})第371099-{office.next():06d}号",
        **_issuing(issued, 4, APPROVAL),
    }


def _construction_safety(firm: Enterprise, office: Office, rng: random.Random) -> dict[str, str]:
    issued = _issued(firm, office, rng, 3)
    return firm_values(firm) | {
        "address": firm.address,
        "company_type": words.COMPANY_TYPES[0],
        "scope": "建筑施工",
        "licence_number": f"(鲁)JZ安许证字({issued.year}){office.next():06d}",
        **_issuing(issued, 3, HOUSING, begins=True),
    }


def _developer(firm: Enterprise, office: Office, rng: random.Random) -> dict[str, str]:
    issued = _issued(firm, office, rng, 3)
    return firm_values(firm) | {
        "address": firm.address,
        "registered_capital": f"{rng.choice((1000, 2000, 5000))}.00",
        "grade": "second",
        "certificate_number": f"FD371099{office.next():04d}",
        **_issuing(issued, 3, APPROVAL),
    }


def _testing_agency(firm: Enterprise, office: Office, rng: random.Random) -> dict[str, str]:
    issued = _issued(firm, office, rng, 5)
    return firm_values(firm) | {
        "technical_leader": rng.choice(words.PRINCIPALS),
        "address": firm.address,
        "grade": "special",
        "scope": "建筑材料及构配件；主体结构及装饰装修；地基基础",
        "equipment": "万能试验机；压力试验机；钢筋扫描仪",
        "certificate_number": f"鲁建检字第{office.next():08d}号",
        **_issuing(issued, 5, HOUSING),
    }


def _survey(firm: Enterprise, office: Office, rng: random.Random) -> dict[str, str]:
    issued = _issued(firm, office, rng, 5)
    return firm_values(firm) | {
        "technical_leader": rng.choice(words.PRINCIPALS),
        "address": firm.address,
        "company_type": words.COMPANY_TYPES[1],
        "qualification": rng.choice(("工程勘察专业类（岩土工程）乙级", "工程勘察专业类（工程测量）乙级")),
        "certificate_number": f"B237{office.next():06d}",
        **_issuing(issued, 5, HOUSING),
    }


def _hazardous_chemicals(firm: Enterprise, office: Office, rng: random.Random) -> dict[str, str]:
    issued = _issued(firm, office, rng, 3)
    stored = rng.random() < 0.5
    return firm_values(firm) | {
        "address": firm.address,
        "business_mode": "with_storage" if stored else "without_storage",
        "scope": rng.choice(("汽油；柴油（闭杯闪点≤60℃）", "乙醇；丙酮；甲苯", "氢氧化钠溶液；盐酸")),
        "storage": f"{firm.address}罐区" if stored else "",
        "licence_number": f"鲁演危化经({issued.year}){office.next():06d}",
        **_issuing(issued, 3, "演示市应急管理局", begins=True),
    }


def _mining(firm: Enterprise, office: Office, rng: random.Random) -> dict[str, str]:
    issued = _issued(firm, office, rng, 5)
    return {
        "name": firm.name,
        "uscc": firm.uscc,
        "address": firm.address,
        "mine": f"{firm.name.removesuffix('有限公司')}{rng.choice(('东山', '南岭', '北坡'))}采石场",
        "company_type": words.COMPANY_TYPES[1],
        "mineral": rng.choice(("建筑用花岗岩", "饰面用花岗岩", "矿泉水")),
        "method": "open",
        "capacity": f"{rng.randint(5, 80)}.00",
        "area": f"{rng.uniform(0.02, 0.9):.4f}",
        "bounds": "；".join(
            f"{n}点 {rng.randint(4100000, 4199999)},{rng.randint(40500000, 40599999)}" for n in range(1, 5)
        ),
        "licence_number": f"C371099{issued:%Y%m}{rng.randint(1, 9)}{office.next():09d}",
        **_issuing(issued, rng.choice((5, 10)), "演示市自然资源和规划局", begins=True),
    }


def _real_estate_query(firm: Enterprise, office: Office, rng: random.Random) -> dict[str, str]:
    issued = office.today - timedelta(days=rng.randint(0, 60))
    return {
        "name": firm.name,
        "uscc": firm.uscc,
        "proof_number": f"CX{issued:%Y%m%d}{office.next():06d}",
        "title_number": f"鲁({issued.year - rng.randint(1, 6)})演示市不动产权第{office.next():07d}号",
        "location": firm.address,
        "usage": rng.choice(("工业用地/厂房", "商业服务", "办公")),
        "area": f"{rng.uniform(120, 9000):.2f}",
        "mortgaged": rng.choice(("yes", "no")),
        "sealed": rng.choice(("no", "no", "no", "yes")),
        "reason": rng.choice(("办理贷款", "诉讼保全", "")),
        "issued_on": issued.isoformat(),
        "issuing_authority": "演示市自然资源和规划局",
    }


def _planning_permit(firm: Enterprise, office: Office, rng: random.Random) -> dict[str, str]:
    issued = _issued(firm, office, rng, 6)
    return {
        "name": firm.name,
        "uscc": firm.uscc,
        "project": f"{rng.choice(words.ESTATES)}{rng.choice(('一期', '二期', '三期'))}",
        "location": firm.address,
        "scale": f"总建筑面积{rng.randint(8000, 90000)}平方米，住宅{rng.randint(4, 20)}栋",
        "attachments": "建设工程设计方案总平面图；建筑单体方案图",
        "permit_number": f"建字第371099{issued:%Y}{office.next():05d}号",
        "issuing_authority": "演示市自然资源和规划局",
        "issued_on": issued.isoformat(),
    }


ENTERPRISE_PAPERS: Mapping[str, EnterprisePaper] = {
    "enterprise.food_production_licence": EnterprisePaper(_food_production, ("producer",)),
    "enterprise.drug_operation_licence": EnterprisePaper(_drug_operation, ("pharmacy",)),
    "enterprise.change_proof": EnterprisePaper(_change_proof),
    "enterprise.social_organisation_registration": EnterprisePaper(_social_organisation, ("society",)),
    "enterprise.private_non_enterprise_registration": EnterprisePaper(_private_non_enterprise, ("school",)),
    "enterprise.medical_institution_licence": EnterprisePaper(_medical_institution, ("clinic",)),
    "enterprise.hygiene_licence": EnterprisePaper(_hygiene, ("hotel",)),
    "enterprise.construction_safety_licence": EnterprisePaper(_construction_safety, ("construction", "developer")),
    "enterprise.real_estate_developer_qualification": EnterprisePaper(_developer, ("developer",)),
    "enterprise.testing_agency_qualification": EnterprisePaper(_testing_agency, ("testing",)),
    "enterprise.survey_qualification": EnterprisePaper(_survey, ("survey",)),
    "enterprise.hazardous_chemicals_licence": EnterprisePaper(_hazardous_chemicals, ("chemical",)),
    "enterprise.mining_licence": EnterprisePaper(_mining, ("mine",)),
    "enterprise.real_estate_query_proof": EnterprisePaper(_real_estate_query),
    "enterprise.construction_planning_permit": EnterprisePaper(_planning_permit, ("developer",)),
}
"""The rarer types of enterprises."""


def trades_of(type_codes: set[str]) -> list[str]:
    """The rarer trades without which some of `type_codes` would have no holder, in the order of `words.RARE_TRADES`."""
    needed = {trade for code in type_codes & ENTERPRISE_PAPERS.keys() for trade in ENTERPRISE_PAPERS[code].trades}
    return [trade for trade in words.RARE_TRADES if trade in needed]


def papers_of(type_code: str, office: Office, wanted: int, seed: str) -> list[DemoCertificate]:
    """Up to `wanted` certificates of a rarer type, each for another firm that it suits; the same for the same seed."""
    paper = ENTERPRISE_PAPERS[type_code]
    rng = random.Random(f"{seed}-{type_code}")  # noqa: S311 - repeatable by design, nothing secret
    firms = [firm for firm in office.firms if paper.fits(firm)]
    chosen = rng.sample(firms, min(wanted, len(firms)))
    return [made(type_code, firm.uscc, paper.make(firm, office, rng)) for firm in chosen]
