"""A service whose people come from a real OpenID Connect provider."""

from collections.abc import Iterator

import pytest

from api.demo.provision import party_id
from tests import town
from tests.conftest import Places
from tests.oidc.rounds import CLIENT, SECRET, Idp, running_idp


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Idp]:
    with running_idp(tmp_path_factory.mktemp("idp")) as running:
        yield running


@pytest.fixture(scope="module")
def by_oidc(store: str, places: Places, idp: Idp) -> Iterator[town.Service]:
    """The application with that provider; the client's secret comes from a file that only its user may read."""
    folder, url = places.prepared(store)
    secret = folder / "keys" / "oidc-client.secret"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    chosen = {
        "database_url": url,
        "identity_provider": "oidc",
        "oidc_issuer": idp.issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret_file": secret,
    }
    with town.running(folder, **chosen) as service:
        person, other = service.driver(), service.driver(1)
        idp.control(
            client={"id": CLIENT, "secret": SECRET, "redirect_uri": f"{service.url}/oidc/callback"},
            people={
                "first": {"sub": "Sub-1", "name": person.name, "id_number": person.number},
                "second": {"sub": "sub-1", "name": other.name, "id_number": other.number},
                "clerk": {"sub": "clerk-1", "name": "演示人员", "role": "entity", "party": party_id(town.HARBOUR)},
                "nobody": {"sub": "nobody-1", "name": "x"},
                "robot": {"sub": "robot-1", "name": "x", "role": "king"},
            },
        )
        yield service
