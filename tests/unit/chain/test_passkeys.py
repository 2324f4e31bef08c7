"""Passkeys as bindings: no byte of one may change; its part of bundle and trust file is read strictly."""

import copy
import json

import pytest

from chain.bundle import parse_bundle
from chain.errors import FormatError
from chain.trustfile import parse_trust_file
from chain.verdict import State
from chain.verify import verify
from tests.vectors.passkeys import PASSKEYS, passkey_bundle
from tests.vectors.recorded import RecordedView
from tests.vectors.world import NOW, World

WORLD = World()
BUNDLE = passkey_bundle(WORLD)
DOCUMENT = json.loads(BUNDLE.to_bytes())
TRUST = json.loads(WORLD.trust().to_bytes()) | {"passkeys": PASSKEYS}


def trust():
    return parse_trust_file(json.dumps(TRUST).encode())


def test_it_is_written_as_it_is_read():
    assert parse_bundle(BUNDLE.to_bytes()) == BUNDLE
    assert parse_bundle(BUNDLE.to_bytes()).to_bytes() == BUNDLE.to_bytes()
    assert json.loads(trust().to_bytes()) == TRUST


def test_no_byte_of_the_binding_may_change():
    raw, view = BUNDLE.to_bytes(), RecordedView(WORLD.view(BUNDLE))
    assert verify(BUNDLE, trust(), view, now_s=NOW).state is State.VALID
    start = raw.index(b'"binding":{')
    passed = []
    for position in range(start, raw.index(b'"changes"', start), 3):
        changed = raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :]
        try:
            if verify(parse_bundle(changed), trust(), view, now_s=NOW).state is State.VALID:
                passed.append(raw[max(0, position - 20) : position + 20])
        except FormatError:
            continue
    assert passed == []


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("kind",), "passkey", "value"),
        (("authenticator_data",), "AAAA", "length"),
        (("client_data",), "A" * 8000, "length"),
        (("signature",), "AAAA", "length"),
        (("key", "kty"), "RSA", "value"),
        (("registration",), None, "type"),
        (("registration", "leaf", "kind"), "grant", "value"),
        (("registration", "details"), [], "type"),
        (("token",), "x", "unknown_key"),
        (("registration", "number"), 1, "unknown_key"),
    ],
)
def test_a_binding_is_read_strictly(path, value, code):
    document = copy.deepcopy(DOCUMENT)
    at = document["grant"]["binding"]
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = value
    with pytest.raises(FormatError) as caught:
        parse_bundle(json.dumps(document).encode())
    assert caught.value.code == f"chain.format.{code}"


@pytest.mark.parametrize(
    "passkeys",
    [
        [],
        None,
        [{}],
        [{"rp_id": "a", "origins": []}],
        [{"rp_id": "", "origins": ["b"]}],
        [{"rp_id": "a", "origins": [1]}],
    ],
)
def test_homes_of_passkeys_are_read_strictly(passkeys):
    with pytest.raises(FormatError):
        parse_trust_file(json.dumps(TRUST | {"passkeys": passkeys}).encode())
