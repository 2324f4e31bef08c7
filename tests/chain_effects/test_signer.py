import pytest
from eth_account import Account
from eth_keys.constants import SECPK1_N
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.grantmsg import recover
from chain.signer import LocalSigner

KEYS = st.integers(1, SECPK1_N - 1).map(lambda number: number.to_bytes(32, "big"))


@settings(max_examples=40, deadline=None)
@given(
    KEYS,
    st.integers(1, 2**40),
    st.integers(0, 2**32),
    st.one_of(st.none(), st.binary(min_size=20, max_size=20)),
    st.binary(max_size=300),
)
def test_transactions_equal_those_of_an_independent_signer(key, chain_id, nonce, to, data):
    tx = LocalSigner(key).sign_transaction(chain_id=chain_id, nonce=nonce, to=to, data=data, gas=90_000, gas_price=0)
    fields = {"chainId": chain_id, "nonce": nonce, "data": data, "gas": 90_000, "gasPrice": 0, "value": 0}
    other = Account.sign_transaction(fields | ({"to": to} if to else {"to": b""}), key)
    assert (tx.raw, tx.tx_hash) == (bytes(other.raw_transaction), bytes(other.hash))


@settings(max_examples=40, deadline=None)
@given(KEYS, st.binary(min_size=32, max_size=32))
def test_digests_are_signed_in_the_one_form_that_contracts_accept(key, digest):
    signer = LocalSigner(key)
    signature = signer.sign_digest(digest)
    assert len(signature) == 65
    assert signature[64] in (27, 28)
    assert int.from_bytes(signature[32:64], "big") <= SECPK1_N // 2
    assert recover(digest, signature) == signer.address
    assert signer.address == bytes.fromhex(Account.from_key(key).address[2:])


@pytest.mark.parametrize("key", [b"", b"\x01" * 31, b"\x01" * 33, bytes(32), SECPK1_N.to_bytes(32, "big")])
def test_what_is_no_key_is_refused_without_showing_it(key):
    with pytest.raises(ValueError, match="secp256k1") as caught:
        LocalSigner(key)
    assert caught.value.__cause__ is None
    assert not key or key.hex() not in str(caught.value)


def test_a_signer_never_shows_its_key():
    signer = LocalSigner(b"\x07" * 32)
    assert "07" * 8 not in repr(signer)


def test_only_a_digest_is_signed():
    with pytest.raises(ValueError, match="32 bytes"):
        LocalSigner(b"\x07" * 32).sign_digest(b"short")
