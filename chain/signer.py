"""A secp256k1 key in this process's memory, behind the `Signer` port; an HSM may stand there instead."""

import rlp
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak

from chain.ports import HASH_BYTES, SignedTx

EIP155_BASE = 35
RECOVERY_BASE = 27


class LocalSigner:
    """`Signer` over a raw 32-byte private key. Signatures are deterministic (RFC 6979) and low-s.

    Where the key came from (a file of mode 0600, a key store) is the composition root's business.
    ValueError for a key that is not 32 bytes or not in the curve's range.
    """

    __slots__ = ("_address", "_key")

    def __init__(self, private_key: bytes) -> None:
        if len(private_key) != HASH_BYTES:
            raise ValueError("a secp256k1 private key has 32 bytes")
        try:
            self._key = PrivateKey(private_key)
            self._address = bytes(self._key.public_key.to_canonical_address())
        except Exception:
            # The library's own message may show the key.
            raise ValueError("not a secp256k1 private key") from None

    def __repr__(self) -> str:
        return f"LocalSigner(0x{self._address.hex()})"

    @property
    def address(self) -> bytes:
        """The 20-byte account address of the key."""
        return self._address

    def sign_transaction(
        self, *, chain_id: int, nonce: int, to: bytes | None, data: bytes, gas: int, gas_price: int
    ) -> SignedTx:
        """A type-0 transaction with EIP-155 replay protection, value 0; `to` None creates a contract."""
        fields = [nonce, gas_price, gas, to or b"", 0, data]
        digest = keccak(rlp.encode([*fields, chain_id, 0, 0]))
        signature = self._key.sign_msg_hash(digest)
        raw = bytes(rlp.encode([*fields, EIP155_BASE + 2 * chain_id + signature.v, signature.r, signature.s]))
        return SignedTx(raw=raw, tx_hash=keccak(raw))

    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes r || s || v with v in {27, 28} and low s, over a 32-byte digest as it is."""
        if len(digest) != HASH_BYTES:
            raise ValueError("a digest has 32 bytes")
        signature = self._key.sign_msg_hash(digest)
        compact = bytes(signature.to_bytes())
        return compact[:-1] + bytes([RECOVERY_BASE + compact[-1]])
