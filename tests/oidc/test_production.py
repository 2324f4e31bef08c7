"""Production starts with an OpenID Connect provider, and with nothing less."""

import shutil
from pathlib import Path

import pytest

from api import main, wiring
from api.errors import ApiError
from api.services.identity.oidc import OidcProvider
from api.settings import Settings


@pytest.fixture
def production(prepared: Path, tmp_path: Path) -> dict[str, object]:
    """A data directory whose keys are production's, and the settings that go with it."""
    folder = tmp_path / "data"
    shutil.copytree(prepared, folder)
    for path in (folder / "keys").glob("*.key"):
        path.write_text(path.read_text().replace(" development ", " production "))
    secret = folder / "keys" / "oidc-client.secret"
    secret.write_text("made up\n")
    secret.chmod(0o600)
    return {
        "environment": "production",
        "engine": "rpc",
        "data_dir": folder,
        "public_url": "https://my.example",
        "identity_provider": "oidc",
        "oidc_issuer": "https://idp.example",
        "oidc_client_id": "mydata",
        "oidc_client_secret_file": secret,
    }


def test_it_starts(production: dict[str, object]) -> None:
    app = main.create(Settings(**production))
    ctx = app.state.ctx
    assert isinstance(ctx.provider, OidcProvider)
    assert ctx.provider.redirect_uri == "https://my.example/oidc/callback"
    with pytest.raises(ApiError) as refused:
        ctx.provider.token("anybody", "0" * 64)
    assert refused.value.code == "grants.draft_needed"
    ctx.db.close()


def test_the_secret_is_private(production: dict[str, object]) -> None:
    secret = production["oidc_client_secret_file"]
    assert isinstance(secret, Path)
    assert "made up" not in repr(Settings(**production))
    secret.chmod(0o640)
    with pytest.raises(ApiError) as refused:
        wiring.wire(Settings(**production))
    assert refused.value.code == "keys.mode"
    secret.unlink()
    with pytest.raises(ApiError) as refused:
        wiring.wire(Settings(**production))
    assert refused.value.code == "keys.missing"
    given = Settings(**{**production, "oidc_client_secret_file": None, "oidc_client_secret": "by the environment"})
    assert "by the environment" not in repr(given)


def test_addresses_of_the_provider_are_https(production: dict[str, object]) -> None:
    provider = OidcProvider(Settings(**production), "")
    document = {
        "issuer": "https://idp.example",
        "authorization_endpoint": "https://idp.example/authorize",
        "token_endpoint": "https://idp.example/token",
        "jwks_uri": "https://idp.example/jwks",
    }
    assert provider._checked(document).userinfo_endpoint is None
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
        for value in ("http://idp.example/x", "http://127.0.0.1/x", "ftp://idp.example/x", "", None, 7):
            if (name, value) == ("userinfo_endpoint", None):
                continue
            with pytest.raises(ApiError) as refused:
                provider._checked(document | {name: value})
            assert refused.value.code == "auth.oidc_metadata"
