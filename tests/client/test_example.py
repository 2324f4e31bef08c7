"""The example of docs/client.md, run as it stands there."""

import re
from pathlib import Path

import pytest

from api.demo import flow
from api.demo.flow import Asked
from api.demo.provision import entity_key
from api.wiring import TRUST_FILE, key_ring
from chain.trustfile import parse_trust_file
from tests.town import HARBOUR, Service

PAGE = Path(__file__).parents[2] / "docs" / "client.md"


def test_the_example_runs(service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    person = service.driver()
    trust = parse_trust_file((service.settings.data_dir / TRUST_FILE).read_bytes())

    def holder_agrees(request_id: str) -> None:
        flow.approve(service.citizen(person), Asked(request_id, HARBOUR, person.number, ()), days=30, uses=3)

    names = {
        "url": service.url,
        "key": entity_key(key_ring(service.settings), HARBOUR),
        "log_public_key": trust.log_public_key,
        "number": person.number,
        "holder_agrees": holder_agrees,
        "folder": str(tmp_path),
    }
    exec(compile(source, str(PAGE), "exec"), names)  # our own page
    said = capsys.readouterr().out
    assert "in the log" in said
    assert "bytes" in said
    assert "pull.not_found" in said
    assert {path.suffix for path in tmp_path.iterdir()} == {".xlsx", ".json", ".zip"}


def test_every_room_of_the_page_is_there() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from api.client import MydataClient

    page = PAGE.read_text("utf-8")
    rooms = re.findall(r"^\| `([a-z]+)` \| (.*) \|$", page, re.MULTILINE)
    assert len(rooms) == 12
    with MydataClient("http://127.0.0.1:9", Ed25519PrivateKey.generate()) as client:
        for room, calls in rooms:
            named = set(re.findall(r"`(\w+)`", calls.partition(";")[0]))
            there = {name for name in dir(getattr(client, room)) if not name.startswith("_")}
            assert named == there, room
