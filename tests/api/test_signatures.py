"""Signed requests of machines (RFC 9421): the forged, stale, replayed or incomplete are refused; the true one acts."""

import base64
import hashlib
import json
import secrets
import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import ContentDigest, HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import ED25519

from api.demo import flow
from api.demo.provision import entity_key, party_id
from api.http import signatures
from api.http.signatures import COVERED, TAG, Message
from api.wiring import key_ring
from tests.api.calls import Caller, caller, problem
from tests.town import HARBOUR, PINE, Service

PATH = "/v1/requests"


def key_of(service: Service, who: Any = HARBOUR) -> Ed25519PrivateKey:
    return entity_key(key_ring(service.settings), who)


def body_of(service: Service, case_no: str = "CL-1") -> bytes:
    asked = {
        "holder": {"kind": "person", "number": service.driver().number},
        "purpose": "insurance.motor.claims",
        "case_no": case_no,
        "items": [{"type": "person.driving_licence", "field": "licence_class"}],
        "days": 5,
        "uses": 1,
    }
    return json.dumps(asked).encode()


def message(service: Service, method: str = "POST", path: str = PATH) -> Message:
    headers = {"accept": "application/json"}
    if method == "POST":
        headers |= {"content-type": "application/json", "idempotency-key": secrets.token_urlsafe(18)}
    return Message(method, service.url + path, headers)


def signed(service: Service, body: bytes, **options: Any) -> Message:
    made = message(service)
    key = options.pop("key", None) or key_of(service)
    signatures.sign(made, body, key, nonce=options.pop("nonce", secrets.token_urlsafe(12)), **options)
    return made


def send(service: Service, made: Message, body: bytes | None) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=30) as client:
        return client.request(made.method, made.url, content=body, headers=made.headers)


def sign_by_hand(
    made: Message, body: bytes | None, key: Ed25519PrivateKey, covered: tuple[str, ...], **options: Any
) -> None:
    """Sign as the library lets one, so that a signature can be true and yet not enough."""
    keyid = signatures.thumbprint(signatures.jwk_of(key.public_key()))
    signer = HTTPMessageSigner(
        signature_algorithm=ED25519, key_resolver=MappingKeyResolver(public_keys={}, private_keys={keyid: key})
    )
    settings = {
        "nonce": secrets.token_urlsafe(12),
        "created": datetime.now(UTC),
        "tag": TAG,
        "label": "sig1",
        "body": body,
        "key_id": keyid,
    } | options
    signer.sign(made, covered_component_ids=covered, **settings)
    made.headers = {name.lower(): value for name, value in made.headers.items()}


def filed(service: Service) -> int:
    return int(service.rows("SELECT count(*) FROM requests")[0][0])


@pytest.fixture(autouse=True)
def nothing_else_happens(service: Service, request: pytest.FixtureRequest) -> Any:
    """A refused request leaves nothing behind; tests of accepted ones say how many."""
    before = filed(service)
    yield
    assert filed(service) - before == getattr(request.node, "filed", 0)


def test_a_true_signature_is_accepted(service: Service, request: pytest.FixtureRequest) -> None:
    body = body_of(service)
    assert send(service, signed(service, body), body).status_code == 202
    request.node.filed = 1


def test_another_party_s_key_acts_for_that_party_alone(service: Service, request: pytest.FixtureRequest) -> None:
    grant = service.grant(service.driver(), case_no="CL-other")
    request.node.filed = 1
    made = message(service, "POST", f"/v1/grants/{grant}/pulls")
    signatures.sign(made, b"{}", key_of(service, PINE), nonce=secrets.token_urlsafe(12))
    problem(send(service, made, b"{}"), 404, "pull.not_found")


def test_an_unregistered_key_is_refused(service: Service) -> None:
    body = body_of(service)
    problem(send(service, signed(service, body, key=Ed25519PrivateKey.generate()), body), 401, "signature.bad")


def test_the_wrong_key_under_a_registered_name_is_refused(service: Service) -> None:
    body = body_of(service)
    true, wrong = signed(service, body), message(service)
    keyid = signatures.thumbprint(signatures.jwk_of(key_of(service).public_key()))
    other = Ed25519PrivateKey.generate()
    signer = HTTPMessageSigner(
        signature_algorithm=ED25519, key_resolver=MappingKeyResolver(public_keys={}, private_keys={keyid: other})
    )
    signer.sign(wrong, key_id=keyid, nonce="n" * 12, tag=TAG, label="sig1", covered_component_ids=COVERED, body=body)
    problem(send(service, wrong, body), 401, "signature.bad")
    # The signature of another true request does not fit either.
    wrong.headers = {name.lower(): value for name, value in wrong.headers.items()} | {
        "signature": true.headers["signature"]
    }
    problem(send(service, wrong, body), 401, "signature.bad")


def test_a_suspended_party_is_refused_with_its_reason(service: Service) -> None:
    body = body_of(service)
    staff = caller(service, "entity")
    service.execute("UPDATE parties SET status = 'suspended' WHERE id = :id", id=party_id(HARBOUR))
    try:
        problem(send(service, signed(service, body), body), 403, "auth.suspended")
        # Its staff's sessions count for nothing either, and nobody of it signs in anew.
        problem(staff.call("GET", "/v1/grants"), 401, "auth.required")
        problem(
            httpx.post(
                f"{service.url}/v1/sessions",
                json={"role": "entity", "party": party_id(HARBOUR)},
                trust_env=False,
            ),
            403,
            "auth.unknown_party",
        )
    finally:
        service.execute("UPDATE parties SET status = 'active' WHERE id = :id", id=party_id(HARBOUR))
    assert staff.call("GET", "/v1/grants").status_code == 200


def test_a_nonce_is_spent_once(service: Service, request: pytest.FixtureRequest) -> None:
    body = body_of(service)
    made = signed(service, body)
    assert send(service, made, body).status_code == 202
    problem(send(service, made, body), 401, "signature.replayed")
    again = signed(service, body_of(service, "CL-2"), nonce="same-nonce-1")
    assert send(service, again, body_of(service, "CL-2")).status_code == 202
    twice = signed(service, body_of(service, "CL-3"), nonce="same-nonce-1")
    problem(send(service, twice, body_of(service, "CL-3")), 401, "signature.replayed")
    request.node.filed = 2


def test_a_nonce_spent_by_fifty_at_once_acts_once(service: Service, request: pytest.FixtureRequest) -> None:
    from concurrent.futures import ThreadPoolExecutor

    body = body_of(service, "CL-fifty")
    made = signed(service, body)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: send(service, made, body).status_code, range(50)))
    assert sorted(answers) == [202] + [401] * 49
    request.node.filed = 1


@pytest.mark.parametrize("offset", [-55, -30, 0, 9])
def test_clocks_may_differ_a_little(offset: int, service: Service, request: pytest.FixtureRequest) -> None:
    body = body_of(service, f"CL-clock{offset}")
    made = signed(service, body, created=int(time.time()) + offset)
    assert send(service, made, body).status_code == 202
    request.node.filed = 1


@pytest.mark.parametrize("offset", [-3600, -61, 12, 61])
def test_clocks_may_not_differ_more(offset: int, service: Service) -> None:
    body = body_of(service)
    problem(send(service, signed(service, body, created=int(time.time()) + offset), body), 401, "signature.bad")


@pytest.mark.parametrize("left_out", COVERED)
def test_every_component_must_be_covered(left_out: str, service: Service) -> None:
    body, made = body_of(service), message(service)
    covered = tuple(name for name in COVERED if name != left_out)
    if left_out == "content-digest":
        # The library covers the digest of a body by itself: here it is there, and not covered.
        sign_by_hand(made, None, key_of(service), covered)
        made.headers["content-digest"] = ContentDigest.create(body)
    else:
        sign_by_hand(made, body, key_of(service), covered)
    problem(send(service, made, body), 401, "signature.bad")


def test_covering_everything_by_hand_is_accepted(service: Service, request: pytest.FixtureRequest) -> None:
    # The control of the test above: only what was left out made the difference.
    body, made = body_of(service), message(service)
    sign_by_hand(made, body, key_of(service), COVERED)
    assert send(service, made, body).status_code == 202
    request.node.filed = 1


@pytest.mark.parametrize(
    "options",
    [{"tag": None}, {"tag": "other-v1"}, {"nonce": None}, {"nonce": "n" * 129}, {"include_alg": True, "tag": ""}],
    ids=["no tag", "another tag", "no nonce", "a huge nonce", "an empty tag"],
)
def test_parameters_must_be_ours(options: dict[str, Any], service: Service) -> None:
    body, made = body_of(service), message(service)
    sign_by_hand(made, body, key_of(service), COVERED, **options)
    problem(send(service, made, body), 401, "signature.bad")


def test_a_signature_without_time_is_refused(service: Service) -> None:
    body, made = body_of(service), message(service)
    sign_by_hand(made, body, key_of(service), COVERED)
    without = made.headers["signature-input"].split(";created=")
    made.headers["signature-input"] = without[0] + ";" + without[1].split(";", 1)[1]
    problem(send(service, made, body), 401, "signature.bad")


def test_a_run_out_signature_is_refused(service: Service) -> None:
    body, made = body_of(service), message(service)
    sign_by_hand(made, body, key_of(service), COVERED, expires=datetime.fromtimestamp(time.time() - 30, UTC))
    problem(send(service, made, body), 401, "signature.bad")


def test_a_changed_body_is_refused(service: Service) -> None:
    body = body_of(service)
    made = signed(service, body)
    problem(send(service, made, body_of(service, "CL-999")), 401, "signature.bad")
    # Nor does a digest that fits the new body help: it is covered.
    other = body_of(service, "CL-999")
    made.headers["content-digest"] = f"sha-256=:{_b64(hashlib.sha256(other).digest())}:"
    problem(send(service, made, other), 401, "signature.bad")


def test_a_missing_body_is_refused(service: Service) -> None:
    made = signed(service, body_of(service))
    answer = send(service, made, None)
    assert answer.status_code in {401, 422}
    assert answer.json()["code"] in {"signature.bad", "http.invalid_input"}


@pytest.mark.parametrize("path", ["/v1/grants", "/v1/requests?x=1", "/v1/requests/"])
def test_another_target_is_refused(path: str, service: Service) -> None:
    made = message(service, "GET", "/v1/requests")
    signatures.sign(made, b"", key_of(service), nonce=secrets.token_urlsafe(12))
    made.url = service.url + path
    with httpx.Client(trust_env=False, follow_redirects=False) as client:
        answer = client.get(made.url, headers=made.headers)
    assert answer.status_code in {401, 404, 307}
    if answer.status_code == 401:
        problem(answer, 401, "signature.bad")


def test_a_target_is_what_came_escapes_and_all(service: Service) -> None:
    """An address with escapes is signed as it is sent, and another spelling of the same address is another target."""
    made = message(service, "GET", "/v1/requests/%E5%8F%B7%20x")
    signatures.sign(made, b"", key_of(service), nonce=secrets.token_urlsafe(12))
    problem(send(service, made, None), 404, "requests.not_found")
    made = message(service, "GET", "/v1/requests/x")
    signatures.sign(made, b"", key_of(service), nonce=secrets.token_urlsafe(12))
    made.url = f"{service.url}/v1/requests/%78"
    problem(send(service, made, None), 401, "signature.bad")


def test_a_signed_form_is_refused(service: Service) -> None:
    """The framework has read a form before anybody asks who sent it."""
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\na\r\n--x--\r\n'
    for path in ("/v1/traces", "/v1/returns"):
        made = message(service, "POST", path)
        made.headers["content-type"] = "multipart/form-data; boundary=x"
        signatures.sign(made, form, key_of(service), nonce=secrets.token_urlsafe(12))
        problem(send(service, made, form), 401, "signature.bad")


def test_another_host_is_another_target(service: Service) -> None:
    made = message(service, "GET", "/v1/requests")
    made.url = f"http://localhost:{service.settings.port}/v1/requests"
    signatures.sign(made, b"", key_of(service), nonce=secrets.token_urlsafe(12))
    made.url = f"{service.url}/v1/requests"
    problem(send(service, made, None), 401, "signature.bad")


def test_another_method_is_refused(service: Service) -> None:
    body = body_of(service)
    made = message(service, "PUT")
    made.headers |= {"content-type": "application/json", "idempotency-key": secrets.token_urlsafe(18)}
    signatures.sign(made, body, key_of(service), nonce=secrets.token_urlsafe(12))
    made.method = "POST"
    problem(send(service, made, body), 401, "signature.bad")


@pytest.mark.parametrize("header", ["accept", "idempotency-key"])
def test_a_changed_header_is_refused(header: str, service: Service) -> None:
    body = body_of(service)
    made = signed(service, body)
    made.headers[header] = "another-value-of-it"
    problem(send(service, made, body), 401, "signature.bad")


def test_two_signatures_are_refused(service: Service) -> None:
    body, made = body_of(service), message(service)
    sign_by_hand(made, body, key_of(service), COVERED)
    sign_by_hand(
        made,
        body,
        key_of(service),
        COVERED,
        label="sig2",
        append_if_signature_exists=True,
        use_existing_digest=True,
    )
    problem(send(service, made, body), 401, "signature.bad")


@pytest.mark.parametrize(
    "changed",
    [
        {"signature": "sig1=:AAAA:"},
        {"signature": "garbage"},
        {"signature": ""},
        {"signature-input": "garbage"},
        {"signature-input": 'sig1=();keyid="x"'},
        {"signature-input": "sig1=(" + '"@method" ' * 2000 + ")"},
        {"content-digest": "sha-256=:AAAA:"},
        {"content-digest": "md5=:AAAA:"},
    ],
)
def test_garbage_is_refused_without_a_crash(changed: dict[str, str], service: Service) -> None:
    body = body_of(service)
    made = signed(service, body)
    made.headers |= changed
    answer = send(service, made, body)
    assert answer.status_code == 401, answer.text
    assert answer.json()["code"] in {"signature.bad", "signature.missing"}


def test_a_signature_opens_no_page_and_no_upload(service: Service) -> None:
    made = message(service, "GET", "/entity")
    signatures.sign(made, b"", key_of(service), nonce=secrets.token_urlsafe(12))
    problem(send(service, made, None), 401, "auth.required")


def test_what_is_kept_as_evidence_verifies_on_its_own(service: Service, request: pytest.FixtureRequest) -> None:
    grant = service.grant(service.driver(), case_no="CL-evidence")
    request.node.filed = 1
    envelope = flow.pull_envelope(service.town, HARBOUR, grant, "json")
    kept = flow.bundle_of(service.town, HARBOUR, envelope)["request"]
    jwk = kept["key"]
    assert jwk == signatures.jwk_of(key_of(service).public_key())
    signatures.public_key(jwk).verify(_unb64(kept["signature"]), kept["base"].encode())
    assert f'"@target-uri": {service.url}/v1/grants/{grant}/pulls' in kept["base"]
    assert '"idempotency-key": ' in kept["base"]


def test_staff_pull_leaves_no_signed_request(service: Service, request: pytest.FixtureRequest) -> None:
    grant = service.grant(service.driver(), case_no="CL-staff")
    request.node.filed = 1
    staff: Caller = caller(service, "entity")
    answer = staff.call("POST", f"/v1/grants/{grant}/pulls", {}, headers={"Accept": "text/csv"})
    assert answer.status_code == 200
    bundle = staff.call("GET", f"/v1/receipts/{answer.headers['receipt-id']}/evidence").json()
    assert bundle["request"] is None


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unb64(text: str) -> bytes:
    return bytes.fromhex(text[2:]) if text.startswith("0x") else base64.urlsafe_b64decode(text + "==")
