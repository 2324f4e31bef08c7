"""The small world's grant under a passkey, and every way in which that may be wrong."""

import hashlib
import json
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from chain.binding import PasskeyBinding, passkey_commitment
from chain.bundle import Bundle, GrantEvidence
from chain.canonical import canonical
from chain.earlier import EarlierReceipt
from chain.grantmsg import grant_digest, terms_hash
from chain.jose import PublicJwk
from chain.merkle import BatchTree, leaf_hash
from chain.note import Checkpoint, sign_checkpoint
from chain.receipt import ReceiptKind, details_commitment, receipt_leaf_bytes, sign_promise
from chain.strict import base64url, hex0x
from chain.terms import parse_terms
from tests.vectors.world import World, jwk, secret, sign

RP_ID, ORIGIN = "my.example", "https://my.example"
PASSKEYS = [{"rp_id": RP_ID, "origins": [ORIGIN]}]
PRESENT, VERIFIED = 0x01, 0x04
REGISTERED, RECEIPT = 1, 4
P256 = ec.derive_private_key(int.from_bytes(secret("passkey"), "big") >> 1, ec.SECP256R1())
ED25519 = Ed25519PrivateKey.from_private_bytes(secret("passkey 2"))
Key = ec.EllipticCurvePrivateKey | Ed25519PrivateKey


def public(key: Key) -> PublicJwk:
    if isinstance(key, Ed25519PrivateKey):
        return jwk(key)
    numbers = key.public_key().public_numbers()
    return PublicJwk("EC", "P-256", numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big"))


def signed(key: Key, data: bytes) -> bytes:
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(data)
    # Deterministic (RFC 6979), so that the vectors are the same on every run.
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(SHA256(), deterministic_signing=True)))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def passkey_bundle(
    world: World,
    key: Key = P256,
    *,
    signer: Key | None = None,
    challenge: bytes | None = None,
    kind: str = "webauthn.get",
    origin: str = ORIGIN,
    rp_id: str = RP_ID,
    flags: int = PRESENT | VERIFIED,
    framed: bool | None = False,
    client: bytes | None = None,
    registration: dict[str, Any] | None = None,
    registered_at: int | None = None,
    number: int = REGISTERED,
    logged: bool = True,
    custody: str = "custody",
) -> Bundle:
    """Evidence of a delivery under a grant that a passkey binds; each parameter is one thing to get wrong."""
    terms, salt = parse_terms(world.terms() | {"custody": custody}, "/grant/terms"), secret("terms salt")
    committed = terms_hash(salt, terms.document)
    said: dict[str, Any] = {"type": kind, "challenge": base64url(challenge or committed), "origin": origin}
    if framed is not None:
        said["crossOrigin"] = framed
    device = hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + (7).to_bytes(4, "big")
    client = client if client is not None else json.dumps(said | {"added_later": "x"}, separators=(",", ":")).encode()
    signature = signed(signer or key, device + hashlib.sha256(client).digest())
    details = {"credential": hex0x(public(key).thumbprint), "event": "registered"} | (registration or {})
    reg_salt, time_s = secret("registration salt"), registered_at or world.times.start + 500
    commitment = details_commitment(reg_salt, details)
    leaf = leaf_hash(receipt_leaf_bytes(ReceiptKind.CREDENTIAL, world.log, number, time_s, commitment))
    promise = sign_promise(world.log_key, world.log, number, leaf)
    kept = EarlierReceipt(ReceiptKind.CREDENTIAL, world.log, number, time_s, commitment, details, reg_salt, promise)
    binding = PasskeyBinding(public(key), device, client, signature, secret("binding salt"), kept)
    message = replace(
        world.grant.message, terms=committed, binding=passkey_commitment(binding.salt, binding.committed())
    )
    digest = grant_digest(message, world.chain_id, world.contracts["Grants"])
    grant = GrantEvidence(message, sign(world.grant_key, digest), terms, salt, binding)
    bundle = world.bundle(grant=grant)
    # The world's log, with the registration at its place among the made-up receipts.
    assert bundle.receipt is not None and bundle.log is not None
    leaves = [leaf_hash(secret(f"receipt {n}")) for n in range(7)]
    leaves[RECEIPT] = leaf_hash(canonical(bundle.receipt.leaf()))
    if logged and number != RECEIPT:
        leaves[number] = leaf
    tree = BatchTree(leaves)
    note = sign_checkpoint(Checkpoint(world.log, 7, tree.root), world.log_key)
    binding = replace(binding, registration=replace(kept, proof=tuple(tree.inclusion(number))))
    return replace(
        bundle,
        grant=replace(grant, binding=binding),
        log=replace(bundle.log, checkpoint=note, proof=tuple(tree.inclusion(RECEIPT))),
    )
