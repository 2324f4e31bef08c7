"""EIP-712 digests against eth-account's general encoder, and the one accepted form of a signature."""

import pytest
from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.canonical import tagged_hash
from chain.errors import CanonicalError, FormatError, SignatureError
from chain.grantmsg import (
    GrantMessage,
    GrantStatus,
    anchor_digest,
    binding_commitment,
    binding_nonce,
    change_digest,
    check_signer,
    grant_digest,
    recover,
    revoke_digest,
    terms_hash,
)

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEY = PrivateKey(b"\x11" * 32)
ADDRESS = bytes.fromhex(Account.from_key(b"\x11" * 32).address[2:])

hash32 = st.binary(min_size=32, max_size=32)
address20 = st.binary(min_size=20, max_size=20)


def standard_digest(name, kind, members, message, chain_id, contract):
    """The digest as eth-account's encoder makes it from a full typed-data document."""
    document = {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            kind: [{"name": member, "type": of} for member, of in members],
        },
        "primaryType": kind,
        "domain": {
            "name": name,
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": "0x" + contract.hex(),
        },
        "message": message,
    }
    signable = encode_typed_data(full_message=document)
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


def sign(digest):
    raw = KEY.sign_recoverable(digest, hasher=None)
    return raw[:64] + bytes([raw[64] + 27])


@given(address20, hash32, hash32, st.integers(0, 2**40 - 2), st.data(), st.integers(1, 2**53), address20)
@settings(max_examples=40, deadline=None)
def test_grant_digest_is_eip_712(key, terms, binding, not_before, data, chain_id, contract):
    not_after = data.draw(st.integers(not_before + 1, 2**40 - 1))
    members = (
        ("key", "address"),
        ("terms", "bytes32"),
        ("binding", "bytes32"),
        ("notBefore", "uint40"),
        ("notAfter", "uint40"),
    )
    message = {
        "key": "0x" + key.hex(),
        "terms": terms,
        "binding": binding,
        "notBefore": not_before,
        "notAfter": not_after,
    }
    ours = grant_digest(GrantMessage(key, terms, binding, not_before, not_after), chain_id, contract)
    assert ours == standard_digest("mydata Grants", "Grant", members, message, chain_id, contract)


@given(hash32, st.sampled_from([GrantStatus.ACTIVE, GrantStatus.PAUSED, GrantStatus.REVOKED]), st.integers(0, 255))
@settings(max_examples=20, deadline=None)
def test_change_digest_is_eip_712(grant, status, seq):
    members = (("grant", "bytes32"), ("status", "uint8"), ("seq", "uint8"))
    message = {"grant": grant, "status": int(status), "seq": seq}
    expected = standard_digest("mydata Grants", "Change", members, message, 7, ADDRESS)
    assert change_digest(grant, status, seq, 7, ADDRESS) == expected


@given(address20, st.lists(st.tuples(hash32, st.integers(1, 2**64 - 1)), max_size=5))
@settings(max_examples=20, deadline=None)
def test_anchor_digest_is_eip_712(issuer, batches):
    roots, sizes = [root for root, _ in batches], [size for _, size in batches]
    members = (("issuer", "address"), ("roots", "bytes32[]"), ("sizes", "uint64[]"))
    message = {"issuer": "0x" + issuer.hex(), "roots": roots, "sizes": sizes}
    expected = standard_digest("mydata CertificateAnchors", "Anchor", members, message, 7, ADDRESS)
    assert anchor_digest(issuer, roots, sizes, 7, ADDRESS) == expected


@given(address20, hash32, st.integers(0, 2**56), st.integers(0, 2**256 - 1))
@settings(max_examples=20, deadline=None)
def test_revoke_digest_is_eip_712(issuer, root, word, mask):
    members = (("issuer", "address"), ("root", "bytes32"), ("word", "uint256"), ("mask", "uint256"))
    message = {"issuer": "0x" + issuer.hex(), "root": root, "word": word, "mask": mask}
    expected = standard_digest("mydata CertificateAnchors", "Revoke", members, message, 7, ADDRESS)
    assert revoke_digest(issuer, root, word, mask, 7, ADDRESS) == expected


def test_the_signer_is_recovered():
    digest = keccak(b"message")
    assert recover(digest, sign(digest)) == ADDRESS
    # eth-account signs the same digest into the same signature: both are RFC 6979 with low s.
    assert bytes(Account.unsafe_sign_hash(digest, b"\x11" * 32).signature) == sign(digest)
    check_signer(digest, sign(digest), ADDRESS)
    with pytest.raises(SignatureError) as caught:
        check_signer(digest, sign(digest), bytes(20))
    assert caught.value.code == "chain.signature.other_signer"
    with pytest.raises(SignatureError):
        check_signer(keccak(b"other"), sign(digest), ADDRESS)


def test_only_one_form_of_a_signature_is_accepted():
    digest = keccak(b"message")
    good = sign(digest)
    s = int.from_bytes(good[32:64], "big")
    twin = good[:32] + (ORDER - s).to_bytes(32, "big") + bytes([55 - good[64]])
    refused = {
        twin: "chain.signature.high_s",
        good[:64] + bytes([good[64] - 27]): "chain.signature.bad_v",
        good[:64] + b"\x23": "chain.signature.bad_v",
        good[:64]: "chain.signature.length",
        good + b"\x00": "chain.signature.length",
        bytes(64) + b"\x1b": "chain.signature.bad_value",
        b"\xff" * 32 + good[32:]: "chain.signature.bad_value",
        b"\x00" * 31 + b"\x05" + good[32:]: "chain.signature.bad_value",  # 5 is no x coordinate on the curve
    }
    for signature, code in refused.items():
        with pytest.raises(SignatureError) as caught:
            recover(digest, signature)
        assert caught.value.code == code


def test_lengths_and_windows_are_held():
    for arguments in (
        (bytes(19), bytes(32), bytes(32), 0, 1),
        (bytes(20), bytes(31), bytes(32), 0, 1),
        (bytes(20), bytes(32), bytes(33), 0, 1),
        (bytes(20), bytes(32), bytes(32), 1, 1),
        (bytes(20), bytes(32), bytes(32), -1, 1),
        (bytes(20), bytes(32), bytes(32), 0, 2**40),
    ):
        with pytest.raises(FormatError):
            GrantMessage(*arguments)
    with pytest.raises(FormatError):
        change_digest(bytes(32), GrantStatus.PAUSED, 256, 1, bytes(20))
    for wrong in (
        lambda: anchor_digest(bytes(20), [bytes(32)], [], 1, bytes(20)),
        lambda: anchor_digest(bytes(20), [bytes(31)], [1], 1, bytes(20)),
        lambda: anchor_digest(bytes(19), [], [], 1, bytes(20)),
        lambda: anchor_digest(bytes(20), [], [], 1, bytes(21)),
        lambda: revoke_digest(bytes(20), bytes(31), 0, 1, 1, bytes(20)),
        lambda: change_digest(bytes(31), GrantStatus.PAUSED, 0, 1, bytes(20)),
    ):
        with pytest.raises(FormatError):
            wrong()


def test_commitments_are_those_of_the_format():
    salt = b"\x07" * 32
    assert terms_hash(salt, {"b": 1, "a": None}) == tagged_hash("mydata/terms/1", salt, b'{"a":null,"b":1}')
    assert binding_commitment(salt, "a.b.c") == tagged_hash("mydata/binding/1", salt, b"a.b.c")
    assert binding_nonce(salt) == "07" * 32
    with pytest.raises(CanonicalError):
        binding_commitment(b"", "a.b.c")
    with pytest.raises(CanonicalError):
        terms_hash(b"", {})
