"""The development provider: what it vouches for must hold after a restart, and not in production."""

from pathlib import Path

import pytest

from api.errors import ApiError
from api.services.identity import DevelopmentProvider
from api.settings import Settings

KEY = bytes(range(1, 33))


def test_its_name_does_not_depend_on_the_port(tmp_path: Path) -> None:
    first, second = (DevelopmentProvider(Settings(data_dir=tmp_path, port=port), KEY) for port in (8000, 8001))
    assert (first.issuer, first.public_jwk()) == (second.issuer, second.public_jwk())


def test_another_provider_has_no_development_stand_in(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path, identity_provider="oidc", oidc_issuer="https://idp.example", oidc_client_id="mydata"
    )
    with pytest.raises(ApiError, match="dev_provider_refused"):
        DevelopmentProvider(settings, KEY)
