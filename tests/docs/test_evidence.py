"""Decision 0005: what proves a delivery holds no value and no salt of a field; whoever has the copy can add them."""

import json

from api.demo import flow
from chain.bundle import parse_bundle
from chain.canonical import canonical
from tests.town import HARBOUR, Service


def test_no_value_in_a_receipts_bundle(service: Service) -> None:
    person = service.driver(3)
    grant = service.grant(person, uses=1)
    envelope = flow.pull_envelope(service.town, HARBOUR, grant, "json")
    (record,) = json.loads(envelope.file)["records"]
    bundle = flow.bundle_of(service.town, HARBOUR, envelope)
    said = json.dumps(bundle, ensure_ascii=False)
    (salts,) = (item["salts"] for item in envelope.certificates)
    secrets = [value for name, value in record.items() if name in salts and len(value) > 2]
    secrets += [*salts.values(), person.number, person.name]
    assert len(secrets) >= 6
    assert [text for text in secrets if text in said] == []
    shown = parse_bundle(canonical(flow.disclose(bundle, envelope))).certificates[0].disclosed
    assert {name: opened.value for name, opened in shown.items()} == {name: record[name] for name in salts}
