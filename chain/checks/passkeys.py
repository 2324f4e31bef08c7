"""Part of step 10: a passkey's answer binds its key to the terms, and the key was registered before.

WebAuthn level 2, section 7.2, as far as evidence can tell: the ceremony, the challenge, the origin, the relying party,
presence and verification of the person, and the signature. The counter is the service's to watch.
"""

import hashlib
from collections.abc import Mapping

from chain.binding import CLIENT_LIMIT, PasskeyBinding, passkey_commitment
from chain.canonical import Json
from chain.checks.case import Case, invalid
from chain.checks.earlier import stood_before
from chain.errors import FormatError, SignatureError
from chain.strict import base64url, hex0x, parse_json

PRESENT, VERIFIED = 0x01, 0x04
FLAGS_AT = 32
CEREMONY = "webauthn.get"


def passkey_bound(case: Case, binding: PasskeyBinding) -> None:
    """Whether the passkey answered for these terms, under a trusted name, by a verified person, with its own key."""
    grant = case.bundle.grant
    assert grant is not None
    if passkey_commitment(binding.salt, binding.committed()) != grant.message.binding:
        raise invalid("binding_does_not_open")
    said = _client_data(binding)
    if said.get("type") != CEREMONY:
        raise invalid("passkey_other_ceremony")
    if said.get("challenge") != base64url(grant.message.terms):
        raise invalid("binding_other_terms")
    device = binding.authenticator_data
    parties = [one for one in case.trust.passkeys if hashlib.sha256(one.rp_id.encode()).digest() == device[:FLAGS_AT]]
    if not parties:
        raise invalid("passkey_other_party")
    if said.get("crossOrigin", False) is not False or not any(said.get("origin") in one.origins for one in parties):
        raise invalid("passkey_other_origin")
    flags = device[FLAGS_AT]
    if not flags & PRESENT:
        raise invalid("passkey_nobody_present")
    if not flags & VERIFIED:
        raise invalid("passkey_nobody_verified")
    try:
        binding.key.verify(binding.signature, binding.signed)
    except SignatureError:
        raise invalid("passkey_not_signed") from None
    _registered(case, binding)


def _client_data(binding: PasskeyBinding) -> Mapping[str, object]:
    """What the browser said; members that a later browser may add are no fault (WebAuthn section 5.8.1.1)."""
    try:
        said = parse_json(binding.client_data, CLIENT_LIMIT)
    except FormatError:
        raise invalid("passkey_malformed") from None
    if not isinstance(said, dict):
        raise invalid("passkey_malformed")
    return said


def _registered(case: Case, binding: PasskeyBinding) -> None:
    """The log held the key's registration before the holder agreed."""
    registration, grant = binding.registration, case.bundle.grant
    assert grant is not None
    expected: dict[str, Json] = {"credential": hex0x(binding.key.thumbprint), "event": "registered"}
    if registration.details != expected:
        raise invalid("registration_other_key")
    stood_before(case, registration, "registration", grant.terms.approved_at)
