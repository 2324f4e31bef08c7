"""Certificate types, fields, purposes and scenarios: data files and one loader, `load_catalogue`."""

from api.catalogue.loader import load_catalogue
from api.catalogue.model import (
    Allowance,
    Catalogue,
    Choice,
    Department,
    Field,
    FieldKind,
    HolderKind,
    Purpose,
    Scenario,
    ScenarioPack,
    ServiceItem,
    TypeSchema,
)

__all__ = [
    "Allowance",
    "Catalogue",
    "Choice",
    "Department",
    "Field",
    "FieldKind",
    "HolderKind",
    "Purpose",
    "Scenario",
    "ScenarioPack",
    "ServiceItem",
    "TypeSchema",
    "load_catalogue",
]
