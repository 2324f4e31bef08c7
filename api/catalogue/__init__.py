"""Certificate types, fields, purposes and scenarios: data files and one loader, `load_catalogue`."""

from api.catalogue.claims import Claim, ClaimKind
from api.catalogue.loader import load_catalogue
from api.catalogue.model import (
    Allowance,
    Catalogue,
    Choice,
    Department,
    FairUse,
    Field,
    FieldKind,
    HolderKind,
    Purpose,
    Scenario,
    ScenarioPack,
    ServiceItem,
    StatutoryBasis,
    TypeSchema,
)

__all__ = [
    "Allowance",
    "Catalogue",
    "Choice",
    "Claim",
    "ClaimKind",
    "Department",
    "FairUse",
    "Field",
    "FieldKind",
    "HolderKind",
    "Purpose",
    "Scenario",
    "ScenarioPack",
    "ServiceItem",
    "StatutoryBasis",
    "TypeSchema",
    "load_catalogue",
]
