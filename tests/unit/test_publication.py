"""The trust file of a deployment in use: written, added to, never another's, and nothing ever taken out."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from api import cli, publication
from api.errors import ApiError
from api.settings import Settings
from api.wiring import TRUST_FILE
from chain.cosign import witness_key
from chain.strict import base64url
from chain.trustfile import parse_trust_file
from tests.town import Service


def jwk_of(seed: int) -> dict[str, str]:
    public = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32).public_key().public_bytes_raw()
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url(public)}


@pytest.fixture
def deployed(service: Service, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A deployment whose provider publishes the keys that a test wants."""
    if service.chain.process is None:
        service.chain.start()
    keys = [jwk_of(1)]
    vouching = SimpleNamespace(issuer="https://idp.example", public_jwks=lambda: list(keys))
    monkeypatch.setattr(publication, "provider", lambda settings, ring: vouching)
    path = service.settings.data_dir / TRUST_FILE
    before = path.read_bytes()
    path.unlink()
    yield SimpleNamespace(settings=service.settings, keys=keys, path=path, before=before)
    path.write_bytes(before)


def witness_text(seed: int) -> str:
    return str(witness_key(f"witness.example/{seed}", Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)))


def test_witnesses_come_in_and_stay(deployed: Any) -> None:
    assert publication.publish(deployed.settings).trust.witnesses is None
    one, two = witness_text(3), witness_text(4)
    first = publication.publish(deployed.settings.model_copy(update={"witnesses": (one,)}))
    assert first.added == (f"witness {one}", "witnesses: 1 of 1")
    assert publication.publish(deployed.settings).trust == first.trust, "nothing is taken out"
    second = publication.publish(deployed.settings.model_copy(update={"witnesses": (two, one), "witness_quorum": 2}))
    assert second.added == (f"witness {two}", "witnesses: 2 of 2")
    said = parse_trust_file(deployed.path.read_bytes()).witnesses
    assert said is not None
    assert ([str(key) for key in said.keys], said.quorum) == ([one, two], 2)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"witnesses": ("x",)}, "settings.witness_key"),
        ({"witnesses": (witness_text(3), witness_text(3))}, "settings.witness_twice"),
        ({"witnesses": (witness_text(3),), "witness_quorum": 2}, "settings.witness_quorum"),
    ],
)
def test_settings_name_witnesses_that_can_be(given: dict[str, Any], code: str) -> None:
    with pytest.raises(ValueError, match=code):
        Settings(**given)


def test_it_is_written_and_then_added_to(deployed: Any) -> None:
    first = publication.publish(deployed.settings)
    said, earlier = parse_trust_file(deployed.path.read_bytes()), parse_trust_file(deployed.before)
    assert said == first.trust
    for name in ("chain_id", "genesis_hash", "contracts", "registry_admins", "log_public_key"):
        assert getattr(said, name) == getattr(earlier, name), name
    assert len(first.added) == 1 + len(said.passkeys[0].origins)
    (old,) = said.identity_providers
    assert old.first_seen
    again = publication.publish(deployed.settings)
    assert (again.added, again.sha256) == ((), first.sha256)
    # The provider rotates its key: the new one comes in, the old one stays as it was noted.
    deployed.keys[:] = [jwk_of(2)]
    third = publication.publish(deployed.settings)
    assert len(third.added) == 1
    assert third.sha256 != first.sha256
    assert third.trust.identity_providers[0] == old
    assert [one.key.to_json() for one in third.trust.identity_providers] == [jwk_of(1), jwk_of(2)]


def test_another_deployment_s_file_is_left_alone(deployed: Any) -> None:
    publication.publish(deployed.settings)
    document = json.loads(deployed.path.read_text())
    for change in ({"chain_id": 7}, {"genesis_hash": "0x" + "11" * 32}, {"registry_admins": ["0x" + "22" * 20]}):
        altered = document | change
        if "registry_admins" in change:
            altered["registry_admins"] = [*change["registry_admins"], "0x" + "33" * 20]
        deployed.path.write_text(json.dumps(altered))
        with pytest.raises(ApiError) as refused:
            publication.publish(deployed.settings)
        assert refused.value.code == "launch.trust_other"
        assert json.loads(deployed.path.read_text()) == altered
    deployed.path.write_text("{}")
    with pytest.raises(ApiError) as refused:
        publication.publish(deployed.settings)
    assert refused.value.code == "launch.trust_malformed"


def test_nothing_is_written_without_a_deployment(tmp_path: Path) -> None:
    with pytest.raises(ApiError) as refused:
        publication.publish(Settings(data_dir=tmp_path))
    assert refused.value.code == "launch.not_deployed"


def test_the_command_prints_what_belongs_in_a_gazette(deployed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_settings", lambda data, rpc, database: deployed.settings)
    said = CliRunner().invoke(cli.app, ["trust-file"])
    assert said.exit_code == 0, said.output
    assert publication.publish(deployed.settings).sha256 in said.output
    assert "https://idp.example" in said.output.replace("\n", "")
