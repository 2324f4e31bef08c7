"""Strict reading: bundles, trust files, JWK, tokens; deviations have a code and a pointer, and repeat no content."""

import copy
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.bundle import parse_bundle
from chain.cosign import log_key, witness_key
from chain.errors import FormatError, SignatureError
from chain.jose import PublicJwk, parse_jwk, verify_token
from chain.strict import base64url, base64url_bytes, parse_json
from chain.trustfile import parse_trust_file
from tests.vectors.world import World, as_json, jwk, token

WORLD = World()
BUNDLE = as_json(WORLD.bundle())
TRUST = json.loads(WORLD.trust().to_bytes())


def read_bundle(document):
    return parse_bundle(json.dumps(document, ensure_ascii=False).encode())


def read_trust(document):
    return parse_trust_file(json.dumps(document, ensure_ascii=False).encode())


def places(value, path=()):
    """Every place in a document, with its path."""
    yield path
    if isinstance(value, dict):
        for name, item in value.items():
            yield from places(item, (*path, name))
    if isinstance(value, list):
        for at, item in enumerate(value):
            yield from places(item, (*path, at))


def at(document, path):
    for name in path:
        document = document[name]
    return document


def changed(document, path, value):
    result = copy.deepcopy(document)
    at(result, path[:-1])[path[-1]] = value
    return result


def test_bundle_and_trust_file_round_trip():
    raw = WORLD.bundle().to_bytes()
    assert parse_bundle(raw) == WORLD.bundle()
    assert parse_bundle(raw).to_bytes() == raw
    assert parse_trust_file(WORLD.trust().to_bytes()) == WORLD.trust()
    assert parse_trust_file(WORLD.trust().to_bytes()).to_bytes() == WORLD.trust().to_bytes()


# What these hold is free in form: details of other kinds, the mark's values, purpose-made documents.
FREE = {("mark", "document")}


@pytest.mark.parametrize(("document", "read"), [(BUNDLE, read_bundle), (TRUST, read_trust)], ids=["bundle", "trust"])
def test_an_unknown_member_is_refused_in_every_object(document, read):
    for path in places(document):
        if not isinstance(at(document, path), dict):
            continue
        found = copy.deepcopy(document)
        at(found, path)["张三"] = 1
        with pytest.raises(FormatError) as caught:
            read(found)
        assert "张三" not in caught.value.detail
        assert caught.value.code.startswith("chain.format.")


@pytest.mark.parametrize(("document", "read"), [(BUNDLE, read_bundle), (TRUST, read_trust)], ids=["bundle", "trust"])
def test_a_missing_member_is_refused_in_every_object(document, read):
    optional = {("certificates", n, *rest) for n in (0, 1) for rest in (("disclosed",), ("leaf", "fields"))}
    for path in places(document):
        if not path or isinstance(path[-1], int) or path[:-1] in optional:
            continue
        found = copy.deepcopy(document)
        del at(found, path[:-1])[path[-1]]
        with pytest.raises(FormatError) as caught:
            read(found)
        assert caught.value.code == "chain.format.missing", path


@pytest.mark.parametrize(("document", "read"), [(BUNDLE, read_bundle), (TRUST, read_trust)], ids=["bundle", "trust"])
def test_a_value_of_another_type_is_refused_everywhere(document, read):
    nullable = {("grant",), ("receipt",), ("mark",), ("log",), ("request",), ("grant", "binding")}
    nullable |= {("receipt", "details", "request"), ("grant", "terms", "scenario"), ("grant", "terms", "case_no")}
    nullable |= {("grant", "terms", "entity", "uscc")}
    for path in places(document):
        if not path or (path[:2] in FREE and len(path) > 2):
            continue
        present = at(document, path)
        for value in (None, True, 1.5, -1, "x", [], {}):
            if type(value) is type(present) or (path in nullable and value is None):
                continue
            if present is None and isinstance(value, str | dict):
                continue
            with pytest.raises(FormatError):
                read(changed(document, path, value))


@pytest.mark.parametrize(
    ("path", "value", "code", "pointer"),
    [
        (("schema",), "mydata/bundle/2", "schema", "/schema"),
        (("certificates", 0, "root"), "0x00", "length", "/certificates/0/root"),
        (("certificates", 0, "root"), "0X" + "00" * 32, "value", "/certificates/0/root"),
        (("certificates", 0, "issuer"), "0x" + "AB" * 20, "value", "/certificates/0/issuer"),
        (("certificates", 0, "custody"), "own", "value", "/certificates/0/custody"),
        (("certificates", 1, "proof"), ["0x" + "00" * 32] * 65, "length", "/certificates/1/proof"),
        (("certificates", 0, "size"), 0, "value", "/certificates/0/size"),
        (("certificates", 0, "leaf", "fields", "name"), "0x00", "length", "/certificates/0/leaf/fields/1"),
        (("certificates", 0, "disclosed", "name", "value"), 1, "type", "/certificates/0/disclosed/1/value"),
        (("grant", "message", "notAfter"), 2**40, "value", "/grant/message/notAfter"),
        (
            ("grant", "changes"),
            [{"status": 4, "seq": 0, "signature": "0x" + "00" * 65}],
            "value",
            "/grant/changes/0/status",
        ),
        (("grant", "terms", "custody"), "none", "value", "/grant/terms/custody"),
        (("grant", "terms", "items"), [], "length", "/grant/terms/items"),
        (
            ("grant", "changes"),
            [{"status": 3, "seq": 0, "signature": "0x" + "00" * 65, "time": 1}],
            "unknown_key",
            "/grant/changes/0",
        ),
        (("grant", "terms", "holder"), "", "length", "/grant/terms/holder"),
        (("grant", "terms", "mode"), "x" * 257, "length", "/grant/terms/mode"),
        (("grant", "terms", "relation"), "friend", "value", "/grant/terms/relation"),
        (("grant", "terms", "relation"), "guardian", "value", "/grant/terms/authority"),
        (
            ("grant", "terms", "authority"),
            {"kind": "guardian", "mandate": "m", "evidence": "0x" + "00" * 32},
            "value",
            "/grant/terms/authority",
        ),
        (
            ("certificates", 0, "disclosed", "name", "value"),
            "x" * 70_000,
            "length",
            "/certificates/0/disclosed/1/value",
        ),
        (("certificates", 0, "leaf", "fields"), {}, "length", "/certificates/0/leaf/fields"),
        (("receipt", "details"), [], "type", "/receipt/details"),
        (("receipt", "details", "records"), {}, "type", "/receipt/details/records"),
        (("request", "key", "x"), "A", "value", "/request/key/x"),
        (("request", "key", "x"), "A" * 42 + "/", "value", "/request/key/x"),
        (("request", "key", "x"), "AAAA", "length", "/request/key/x"),
        (("receipt", "leaf", "kind"), "gift", "value", "/receipt/leaf/kind"),
        (("receipt", "details", "records", 0, "index"), -1, "value", "/receipt/details/records/0/index"),
        (("request", "key", "kty"), "RSA", "value", "/request/key/kty"),
        (("request", "key", "x"), "A" * 42 + "B", "value", "/request/key/x"),
    ],
)
def test_deviations_are_named_by_code_and_pointer(path, value, code, pointer):
    with pytest.raises(FormatError) as caught:
        read_bundle(changed(BUNDLE, path, value))
    assert (caught.value.code, caught.value.detail) == (f"chain.format.{code}", pointer)


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("log", "id"), "mydata/log/0000000000000000", "value"),
        (("registry_admins",), [TRUST["registry_admins"][0]], "length"),
        (("registry_admins",), [TRUST["registry_admins"][0]] * 2, "value"),
        (("contracts", "Grants", "code_hash"), "0x00", "length"),
        (("genesis_hash",), None, "type"),
        (("log", "public_key"), "AA", "length"),
        (("chain_id",), 0, "value"),
        (("validators",), [1], "type"),
    ],
)
def test_a_trust_file_is_read_strictly(path, value, code):
    with pytest.raises(FormatError) as caught:
        read_trust(changed(TRUST, path, value))
    assert caught.value.code == f"chain.format.{code}"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b'{"a":1,"a":1}', "duplicate_key"),
        (b'{"a":{"b":1,"b":2}}', "duplicate_key"),
        (b'{"a":1,"\\u0061":1}', "duplicate_key"),
        (b"1.0", "number"),
        (b"1e3", "number"),
        (b"NaN", "number"),
        (b"-Infinity", "number"),
        (b"-0", "number"),
        (b"9007199254740992", "number"),
        (b"9" * 5000, "number"),
        (b"[" * 100_000, "depth"),
        (b"[" * 40 + b"]" * 40, "depth"),
        (b'{"a":' * 100_000, "depth"),
        (b"[" * 60, "json"),
        (b'"' + b'\\"' * 400_000, "json"),
        (b'"\\ud800"', "json"),
        (b'{"\\udfff":1}', "json"),
        (b'"\xff"', "json"),
        (b"\xef\xbb\xbf{}", "json"),
        (b"", "json"),
        (b"{} {}", "json"),
        (b"{'a':1}", "json"),
        (b" " * 1001, "too_large"),
    ],
)
def test_json_is_read_strictly(text, code):
    limit = 1000 if code == "too_large" else 10**6
    with pytest.raises(FormatError) as caught:
        parse_json(text, limit)
    assert caught.value.code == f"chain.format.{code}"
    assert caught.value.__cause__ is None


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_bytes_break_the_readers(data):
    for read in (parse_bundle, parse_trust_file):
        with pytest.raises(FormatError):
            read(data)


def test_witnesses_of_a_trust_file_are_read_strictly():
    keys = [
        str(witness_key(f"witness.example/{n}", Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32))) for n in (1, 2)
    ]
    good = {**TRUST, "witnesses": {"quorum": 2, "keys": keys}}
    found = read_trust(good)
    assert json.loads(found.to_bytes()) == good
    assert "witnesses" not in TRUST, "left out where there are none"
    twice = str(witness_key("another.name", Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)))
    log = str(log_key(TRUST["log"]["id"], WORLD.log_key.public_key().public_bytes_raw()))
    for witnesses, code in (
        ({"quorum": 0, "keys": keys}, "value"),
        ({"quorum": 3, "keys": keys}, "value"),
        ({"quorum": 1, "keys": []}, "length"),
        ({"quorum": 1, "keys": [keys[0], twice]}, "value"),
        ({"quorum": 1, "keys": [log]}, "note_key"),
        ({"quorum": 1, "keys": ["x"]}, "note_key"),
        ({"quorum": 1, "keys": [5]}, "type"),
        ({"quorum": 1}, "missing"),
        ({"quorum": 1, "keys": keys, "more": 1}, "unknown_key"),
        (None, "type"),
    ):
        with pytest.raises(FormatError) as caught:
            read_trust({**TRUST, "witnesses": witnesses})
        assert caught.value.code == f"chain.format.{code}", witnesses


def test_a_trust_file_names_exactly_the_four_contracts():
    with pytest.raises(FormatError) as caught:
        replace(WORLD.trust(), contracts={})
    assert caught.value.code == "chain.format.missing"


def test_jwk_thumbprint_of_rfc_8037():
    # RFC 8037, appendix A.3
    key = parse_jwk({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}, "")
    assert base64url(key.thumbprint) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    with pytest.raises(FormatError):
        parse_jwk(key.to_json() | {"kid": "more than RFC 7638 hashes"}, "")


def es256_key():
    secret = ec.derive_private_key(0x1234567890ABCDEF, ec.SECP256R1())
    numbers = secret.public_key().public_numbers()
    return secret, PublicJwk("EC", "P-256", numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big"))


def es256_token(header, claims):
    secret, _ = es256_key()
    signed = f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(claims).encode())}"
    r, s = utils.decode_dss_signature(secret.sign(signed.encode(), ec.ECDSA(SHA256())))
    return f"{signed}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def test_tokens_of_both_kinds_of_key():
    claims = {"iss": "https://idp.test", "nonce": "00"}
    _, key = es256_key()
    good = es256_token({"alg": "ES256"}, claims)
    assert verify_token(good, parse_jwk(key.to_json(), ""), "") == claims
    assert verify_token(token(WORLD.idp_key, claims), jwk(WORLD.idp_key), "") == claims
    with pytest.raises(SignatureError):
        verify_token(token(WORLD.forger_key, claims), jwk(WORLD.idp_key), "")
    for bad in (
        es256_token({"alg": "none"}, claims),
        es256_token({"alg": "HS256"}, claims),
        es256_token({"alg": "ES256", "crit": ["b64"], "b64": False}, claims),
        es256_token({"alg": "ES256"}, [1]),
        good.rsplit(".", 1)[0],
        good + ".x",
        good + "=",
        "a" * 20_000,
    ):
        with pytest.raises((FormatError, SignatureError)):
            verify_token(bad, key, "")
    with pytest.raises(SignatureError):
        verify_token(good.rsplit(".", 1)[0] + ".", key, "")
    # A zero byte before s leaves the number what it was: another spelling of the same signature.
    head, signature = good.rsplit(".", 1)
    raw = base64url_bytes(signature, 64, "")
    with pytest.raises(SignatureError):
        verify_token(f"{head}.{base64url(raw[:32] + bytes(1) + raw[32:])}", key, "")
    # A point that is not on the curve is no key; a signature by it is nobody's.
    with pytest.raises(SignatureError):
        verify_token(good, PublicJwk("EC", "P-256", key.x, bytes(32)), "")
