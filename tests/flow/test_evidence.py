"""Evidence as strangers check it: with the chain and the trust file, or, where the chain is silent, honestly not."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from api.demo import flow
from api.wiring import TRUST_FILE
from chain import calls
from chain.__main__ import verify_with_node
from chain.bundle import parse_bundle
from chain.canonical import canonical
from chain.errors import FormatError, NodeError, RpcReason
from chain.grantmsg import GrantMessage, grant_digest
from chain.node import Web3Node
from chain.refusals import RefusedError, refusal
from chain.trustfile import TrustFile, parse_trust_file
from chain.verdict import State, Verdict
from tests.town import HARBOUR, Service, prepare, running


@pytest.fixture(scope="module")
def delivered(service: Service) -> tuple[dict[str, Any], bytes]:
    """A delivery's bundle with its values disclosed, and the delivered file, everything on the chain."""
    grant = service.grant(service.driver(0))
    envelope = flow.pull_envelope(service.town, HARBOUR, grant, "json")
    service.settle()
    return flow.disclose(flow.bundle_of(service.town, HARBOUR, envelope), envelope), envelope.file


@pytest.fixture(scope="module")
def trust(service: Service) -> TrustFile:
    return parse_trust_file((service.settings.data_dir / TRUST_FILE).read_bytes())


def _verify(service: Service, trust: TrustFile, document: dict[str, Any], file: bytes | None = None) -> Verdict:
    return verify_with_node(parse_bundle(canonical(document)), trust, service.chain.url, file)


def test_everything_is_valid(service: Service, trust: TrustFile, delivered) -> None:
    verdict = _verify(service, trust, *delivered)
    assert verdict.state is State.VALID, [f.code for f in verdict.findings]


def test_a_changed_file_is_invalid(service: Service, trust: TrustFile, delivered) -> None:
    document, file = delivered
    assert _verify(service, trust, document, file + b" ").state is State.INVALID


def test_a_changed_value_is_invalid(service: Service, trust: TrustFile, delivered) -> None:
    document = copy.deepcopy(delivered[0])
    next(iter(document["certificates"][0]["disclosed"].values()))["value"] += "x"
    assert _verify(service, trust, document).state is State.INVALID


@pytest.mark.slow
def test_no_changed_byte_leaves_a_bundle_valid(service: Service, trust: TrustFile, delivered) -> None:
    data = canonical(delivered[0])
    for at in range(0, len(data), 97):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            bundle = parse_bundle(changed)
        except FormatError:
            continue
        assert verify_with_node(bundle, trust, service.chain.url, None).state is not State.VALID, at


@pytest.mark.parametrize("change", ["chain_id", "contract"])
def test_a_bundle_from_another_chain_or_with_its_own_contracts(service: Service, trust, delivered, change) -> None:
    document = copy.deepcopy(delivered[0])
    if change == "chain_id":
        document["chain"]["chain_id"] += 1
    else:
        document["chain"]["contracts"]["Grants"] = "0x" + "11" * 20
    assert _verify(service, trust, document).state is State.INVALID


def test_a_chain_that_does_not_answer_is_unknown_never_invalid(trust: TrustFile, delivered) -> None:
    verdict = verify_with_node(parse_bundle(canonical(delivered[0])), trust, "http://127.0.0.1:9", None)
    assert verdict.state is State.UNKNOWN
    assert all(finding.state is not State.INVALID for finding in verdict.findings)


def test_a_grant_signed_by_another_key_is_refused_on_chain_and_invalid(service: Service, trust, delivered) -> None:
    document = copy.deepcopy(delivered[0])
    said = document["grant"]["message"]
    message = GrantMessage(
        bytes.fromhex(said["key"][2:]),
        bytes.fromhex(said["terms"][2:]),
        bytes.fromhex(said["binding"][2:]),
        said["notBefore"],
        said["notAfter"] + 1,  # widened by a second, so that it is another grant
    )
    address = service.ctx.chain.address("Grants")
    digest = grant_digest(message, service.ctx.chain.chain_id, address)
    signed = Account.create().unsafe_sign_hash(digest)
    signature = signed.r.to_bytes(32, "big") + signed.s.to_bytes(32, "big") + bytes([signed.v])
    node = Web3Node(service.chain.url)
    try:
        with pytest.raises((RefusedError, NodeError)) as refused:
            node.call(address, calls.register_grant(message, signature))
    finally:
        node.close()
    if isinstance(refused.value, NodeError):
        assert refused.value.reason is RpcReason.REVERTED
        assert refusal(refused.value.data).name == "BadSignature"
    document["grant"]["signature"] = "0x" + signature.hex()
    assert _verify(service, trust, document).state is State.INVALID


def test_a_receipt_before_its_checkpoint_is_pending(service: Service, trust: TrustFile) -> None:
    grant = service.grant(service.driver(1))
    service.settle()
    envelope = flow.pull_envelope(service.town, HARBOUR, grant, "json")
    verdict = _verify(service, trust, flow.bundle_of(service.town, HARBOUR, envelope))
    assert verdict.state is State.PENDING
    service.settle()
    verdict = _verify(service, trust, flow.bundle_of(service.town, HARBOUR, envelope))
    assert verdict.state is State.VALID


def test_revocation_shows_once_it_is_on_chain(service: Service, trust: TrustFile) -> None:
    person = service.driver(2)
    grant = service.grant(person)
    envelope = flow.pull_envelope(service.town, HARBOUR, grant, "json")
    service.citizen(person).post(f"/v1/grants/{grant}/revoke")
    service.settle()
    verdict = _verify(service, trust, flow.bundle_of(service.town, HARBOUR, envelope))
    assert verdict.state is State.REVOKED


def test_evidence_never_carries_values(service: Service, delivered) -> None:
    grant = service.grant(service.driver(3))
    envelope = flow.pull_envelope(service.town, HARBOUR, grant, "json")
    bundle = flow.bundle_of(service.town, HARBOUR, envelope)
    assert all(certificate["disclosed"] == {} for certificate in bundle["certificates"])
    assert service.driver(3).number not in json.dumps(bundle, ensure_ascii=False)


@pytest.mark.slow
def test_a_forger_s_own_chain_convinces_nobody(service: Service, trust: TrustFile, tmp_path: Path) -> None:
    """A whole service of his own, with the same chain id, parties of the same names and everything anchored."""
    prepare(tmp_path / "forger")
    with running(tmp_path / "forger") as forger:
        envelope = flow.pull_envelope(forger.town, HARBOUR, forger.grant(forger.driver(0)), "json")
        forger.settle()
        document = flow.disclose(flow.bundle_of(forger.town, HARBOUR, envelope), envelope)
        own_trust = parse_trust_file((forger.settings.data_dir / TRUST_FILE).read_bytes())
        believed = verify_with_node(parse_bundle(canonical(document)), own_trust, forger.chain.url, envelope.file)
        assert believed.state is State.VALID, "it is a perfect forgery but for the trust file"
        on_ours = verify_with_node(parse_bundle(canonical(document)), trust, service.chain.url, envelope.file)
        assert on_ours.state is State.INVALID
        on_his = verify_with_node(parse_bundle(canonical(document)), trust, forger.chain.url, envelope.file)
        assert on_his.state is State.INVALID
        # Nor does his node bear witness for a bundle of ours.
        ours = flow.pull_envelope(service.town, HARBOUR, service.grant(service.driver(0)), "json")
        bundle = parse_bundle(canonical(flow.bundle_of(service.town, HARBOUR, ours)))
        assert verify_with_node(bundle, trust, forger.chain.url, None).state is not State.VALID
