"""What may stand in each of the catalogue's data files, by itself; the loader holds the files against each other."""

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Bound

from api.catalogue.claims import ClaimKind
from api.catalogue.fields import FieldKind, HolderKind, SpellingKind
from api.catalogue.model import RuleKind

_SNAKE = r"^[a-z][a-z0-9_]*$"
_CODE = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$"


class Table(BaseModel):
    """Strict: an unknown or misspelt key is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_min_length=1)


class DepartmentTable(Table):
    """One department in departments.toml."""

    code: str = Bound(pattern=_SNAKE)
    zh: str
    en: str
    demo_zh: str
    demo_en: str


class DepartmentsFile(Table):
    """departments.toml."""

    department: list[DepartmentTable]


class IndexTable(Table):
    """One type in types.toml."""

    no: int
    code: str = Bound(pattern=_CODE)
    en: str
    department: str = Bound(pattern=_SNAKE)
    ready: bool


class IndexFile(Table):
    """types.toml."""

    elc_definer: str
    type: list[IndexTable]


class ChoiceTable(Table):
    """One value of an enum field, or one district."""

    code: str
    zh: str
    en: str
    aliases: list[str] = []


class FieldTable(Table):
    """One field of a type."""

    name: str = Bound(pattern=_SNAKE, max_length=40)
    zh: str
    en: str
    kind: FieldKind
    required: bool = True
    sensitive: bool = False
    trade_secret: bool = False
    normative: bool = True
    spelling: SpellingKind | None = None
    identifying: bool = False
    natural_key: bool = False
    choices: list[ChoiceTable] = []
    synonyms: list[str] = []
    pattern: str | None = None
    min_length: int = Bound(default=1, ge=1)
    max_length: int = Bound(default=200, ge=1, le=2000)
    minimum: int | float | None = None
    maximum: int | float | None = None
    decimals: int = Bound(default=2, ge=0, le=6)
    open_ended: bool = False
    unit_zh: str | None = None
    unit_en: str | None = None


class RuleTable(Table):
    """One rule between two fields."""

    kind: RuleKind
    fields: tuple[str, str]


class ClaimTable(Table):
    """A claim, or one for each of several ages."""

    kind: ClaimKind
    source: str
    years: list[int] = []


class TypeFile(Table):
    """types/<code>.toml."""

    version: int = Bound(ge=1)
    many: bool = False
    holder_field: str
    holder_name_field: str
    serial_field: str
    issued_on: str | None = None
    valid_until: str | None = None
    field: list[FieldTable] = Bound(min_length=2)
    rule: list[RuleTable] = []
    claim: list[ClaimTable] = []


class DistrictsFile(Table):
    """districts.toml."""

    district: list[ChoiceTable] = Bound(min_length=1)


class ItemsTable(Table):
    """Fields of one type."""

    type: str
    necessary: list[str] = []
    optional: list[str] = []


class AllowTable(ItemsTable):
    """Caps that are tighter than the purpose's for this type."""

    pulls_per_day: int | None = Bound(default=None, ge=1)
    pulls_per_month: int | None = Bound(default=None, ge=1)
    max_days: int | None = Bound(default=None, ge=1)
    data_life_days: int | None = Bound(default=None, ge=1)
    range_days: int | None = Bound(default=None, ge=1)


class PurposeTable(Table):
    """One purpose in purposes.toml."""

    code: str = Bound(pattern=_CODE)
    version: int = Bound(ge=1)
    zh: str
    en: str
    text_zh: str
    text_en: str
    holder_kinds: list[HolderKind] = Bound(min_length=1)
    case_required: bool
    max_days: int = Bound(ge=1, le=3660)
    max_uses: int = Bound(ge=1, le=1000)
    data_life_days: int = Bound(ge=1, le=3660)
    pulls_per_day: int = Bound(ge=1, le=1000)
    pulls_per_month: int = Bound(ge=1, le=10_000)
    allow: list[AllowTable] = Bound(min_length=1)


class PurposesFile(Table):
    """purposes.toml."""

    purpose: list[PurposeTable]


class PackTable(Table):
    """One pack in packs.toml."""

    code: str = Bound(pattern=_CODE)
    zh: str
    en: str
    purpose: str
    place: tuple[str, str]
    days: int = Bound(ge=1)
    uses: int = Bound(ge=1)
    item: list[ItemsTable] = Bound(min_length=1)


class PacksFile(Table):
    """packs.toml."""

    pack: list[PackTable]


class ItemGroup(Table):
    """One group of service items in item_packs.toml, and the pack that holds what they need."""

    pack: str = Bound(pattern=_CODE)
    items: list[int]


class ItemPacksFile(Table):
    """item_packs.toml."""

    group: list[ItemGroup]


class BasisTable(Table):
    """One basis in statutory_bases.toml."""

    code: str = Bound(pattern=_CODE)
    version: int = Bound(ge=1)
    zh: str
    en: str
    text_zh: str
    text_en: str
    law_zh: str
    law_en: str
    holder_kinds: list[HolderKind] = Bound(min_length=1)
    case_pattern: str
    case_example: str
    quota_per_day: int = Bound(ge=1, le=100_000)
    quota_per_case: int = Bound(ge=1, le=1000)
    alarm_misses: int = Bound(ge=1, le=1000)
    max_delay_days: int = Bound(ge=0, le=3660)
    data_life_days: int = Bound(ge=1, le=36_600)
    allow: list[ItemsTable] = Bound(min_length=1)


class BasesFile(Table):
    """statutory_bases.toml."""

    basis: list[BasisTable]


class VersionTable(Table):
    """One version in versions.toml."""

    name: str = Bound(max_length=16)
    sha256: str = Bound(pattern=r"^[0-9a-f]{64}$")


class VersionsFile(Table):
    """versions.toml."""

    version: list[VersionTable] = Bound(min_length=1)
