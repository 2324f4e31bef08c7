"""The table of settings in docs/operations.md is that of the code, and production refuses what it says it refuses."""

import json
import re
from enum import Enum
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from api.settings import Environment, Settings
from tests.docs.tables import DOCS

ROW = re.compile(r"^\| `MYDATA_([A-Z_]+)` \| (empty|`[^`]+`) \| (\S.*) \|$", re.MULTILINE)


def stated() -> dict[str, str]:
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    return {name.lower(): "" if default == "empty" else default.strip("`") for name, default, _ in ROW.findall(text)}


def as_environment(value: object) -> str:
    """A default as one would write it into an environment variable: lists as JSON, nothing as nothing."""
    if isinstance(value, tuple):
        return json.dumps(value, separators=(",", ":"))
    if value is None:
        return ""
    return str(value.value if isinstance(value, Enum) else value)


def test_every_setting_stands_there_with_its_default() -> None:
    real = {}
    for name, field in Settings.model_fields.items():
        value = "data" if field.default is PydanticUndefined else field.default
        real[name] = as_environment(value)
    assert stated() == real
    assert Settings(data_dir=Path("data").absolute()) == Settings()


GOOD = {
    "environment": Environment.PRODUCTION,
    "identity_provider": "oidc",
    "oidc_issuer": "https://idp.example.cn",
    "oidc_client_id": "mydata",
    "engine": "rpc",
    "public_url": "https://data.example.cn",
}


def test_production_takes_production_values() -> None:
    assert Settings(**GOOD).environment is Environment.PRODUCTION


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("identity_provider", "development", "settings.dev_identity_in_production"),
        ("oidc_issuer", "http://idp.example.cn", "settings.oidc_issuer_must_be_https"),
        ("oidc_client_id", "", "settings.oidc_incomplete"),
        ("engine", "embedded", "settings.embedded_engine_in_production"),
        ("public_url", "http://data.example.cn", "settings.public_url_must_be_https"),
        ("public_url", "", "settings.public_url_must_be_https"),
    ],
)
def test_production_refuses_every_development_value(name: str, value: str, code: str) -> None:
    with pytest.raises(ValidationError, match=code):
        Settings(**{**GOOD, name: value})


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValidationError):
        Settings(prot=8000)
