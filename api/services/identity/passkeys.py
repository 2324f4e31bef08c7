"""Passkeys (WebAuthn level 2): registered by whoever is signed in, then good for signing in and for binding a grant.

Keys are ES256 or EdDSA, the two that the verifier of evidence reads. The person must be verified by the device every
time (fingerprint, face, PIN). A challenge is random, kept for five minutes, and gone with its first use, so that no
answer serves twice. Registering and removing leave a receipt: the log shows since when a key stood for its holder.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import base64url_to_bytes, decode_credential_public_key, options_to_json_dict
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.decode_credential_public_key import DecodedEC2PublicKey, DecodedOKPPublicKey
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from api.errors import ApiError, Kind
from api.services.context import Actor, Context
from api.services.identity.sessions import SignedIn, sign_in_holder
from api.settings import Settings
from api.store import Session, ids
from api.store.database import read_only, unit_of_work
from api.store.numbering import NumberedReceipt, Numberer
from api.store.queries import credentials, holders
from api.store.queries.credentials import PasskeyBody
from api.store.receipts import ReceiptDraft
from api.store.tables import Passkey
from chain.canonical import Json
from chain.errors import FormatError
from chain.jose import PublicJwk, parse_jwk
from chain.receipt import ReceiptKind
from chain.strict import base64url

CHALLENGE_MS = 5 * 60_000
CHALLENGE_BYTES = 32
MOST = 20
LABEL_MAX = 64
REGISTER, SIGN_IN = "register", "sign_in"
NAME = "我的数据 My Data"
ALGORITHMS = [COSEAlgorithmIdentifier.ECDSA_SHA_256, COSEAlgorithmIdentifier.EDDSA]
TIMEOUT_MS = 120_000
# What reading a hostile answer may raise inside the library, beside its own errors.
UNREADABLE = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, IndexError)

Answer = Mapping[str, Any]
"""What the browser gave, in the JSON form of WebAuthn level 3: `id`, `rawId`, `type`, `response`."""


@dataclass(frozen=True, slots=True)
class PasskeyView:
    """A passkey as its holder sees it."""

    id: str
    label: str
    created_at_ms: int
    used_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Assertion:
    """A verified answer to a challenge: whose passkey gave it, and its parts in the form that evidence has them."""

    row_id: str
    holder_id: str
    key: PublicJwk
    authenticator_data: bytes
    client_data: bytes
    signature: bytes
    receipt_id: str | None


def registration_options(ctx: Context, actor: Actor, display: str) -> dict[str, Any]:
    """What the browser needs to make a passkey. `display` is for the holder's own device. `auth.passkey_too_many`."""
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    with unit_of_work(ctx.db) as session:
        known = _bodies(session, ctx, actor.self_id)
        if len(known) >= MOST:
            raise ApiError("auth.passkey_too_many", Kind.CONFLICT)
        credentials.put_challenge(session, challenge, REGISTER, life_ms=CHALLENGE_MS, holder_id=actor.self_id)
    options = generate_registration_options(
        rp_id=ctx.settings.rp_id,
        rp_name=NAME,
        user_name=display,
        user_id=_user_handle(ctx, actor.self_id),
        challenge=challenge,
        timeout=TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=body.credential_id) for _, body in known],
        supported_pub_key_algs=ALGORITHMS,
    )
    return options_to_json_dict(options)


def register(ctx: Context, actor: Actor, label: str, answer: Answer) -> PasskeyView:
    """Keep a new passkey, with a receipt.

    Raises `auth.passkey_challenge` (not handed out to this person, used, or run out), `auth.passkey_refused` (it does
    not hold), `auth.passkey_exists`, `auth.passkey_too_many`.
    """
    holder_id = actor.self_id
    challenge = _challenge_of(answer)
    with unit_of_work(ctx.db) as session:
        if not credentials.take_challenge(session, challenge, REGISTER, holder_id=holder_id):
            raise ApiError("auth.passkey_challenge", Kind.FORBIDDEN)
    try:
        verified = verify_registration_response(
            credential=dict(answer),
            expected_challenge=challenge,
            expected_rp_id=ctx.settings.rp_id,
            expected_origin=list(ctx.settings.rp_origins),
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
        key = _jwk(verified.credential_public_key)
    except UNREADABLE:
        raise _refused() from None
    body = PasskeyBody(
        verified.credential_id, key.to_json(), verified.credential_public_key, label.strip()[:LABEL_MAX] or "—"
    )
    view: list[PasskeyView] = []

    def work(session: Session, numberer: Numberer) -> NumberedReceipt:
        data_key = holders.holder_key(session, ctx.vault, holder_id)
        if len(credentials.passkeys_of(session, holder_id)) >= MOST:
            raise ApiError("auth.passkey_too_many", Kind.CONFLICT)
        if credentials.passkey_by_credential(session, body.credential_id) is not None:
            raise ApiError("auth.passkey_exists", Kind.CONFLICT)
        receipt = numberer.add(_receipt(holder_id, key, "registered"))
        row = credentials.new_passkey(
            holder_id,
            body,
            verified.sign_count,
            passkey_id=ids.new_passkey_id(),
            receipt_id=receipt.id,
            now_ms=numberer.now_ms,
        )
        credentials.seal_passkey(data_key, row, body)
        session.add(row)
        session.flush()
        view[:] = [_view(row, body)]
        return receipt

    ctx.log.submit(work)
    return view[0]


def list_own(ctx: Context, actor: Actor) -> list[PasskeyView]:
    """The person's passkeys, oldest first."""
    with read_only(ctx.db) as session:
        return [_view(row, body) for row, body in _bodies(session, ctx, actor.self_id)]


def remove(ctx: Context, actor: Actor, passkey_id: str) -> None:
    """Let a passkey serve no longer, with a receipt. Raises `auth.passkey_not_found`."""
    holder_id = actor.self_id

    def work(session: Session, numberer: Numberer) -> NumberedReceipt:
        row = credentials.passkey_of(session, holder_id, passkey_id)
        if row is None:
            raise ApiError("auth.passkey_not_found", Kind.NOT_FOUND)
        body = credentials.open_passkey(holders.holder_key(session, ctx.vault, holder_id), row)
        credentials.remove_passkey(session, row)
        return numberer.add(_receipt(holder_id, parse_jwk(dict(body.jwk), ""), "removed"))

    ctx.log.submit(work)


def sign_in_options(ctx: Context) -> tuple[dict[str, Any], str]:
    """What the browser needs to sign in with any passkey of this service; and what its cookie must bring back."""
    challenge, browser = secrets.token_bytes(CHALLENGE_BYTES), secrets.token_urlsafe(CHALLENGE_BYTES)
    with unit_of_work(ctx.db) as session:
        credentials.put_challenge(session, challenge, SIGN_IN, life_ms=CHALLENGE_MS, browser=browser)
    return _asking(ctx.settings, challenge, ()), browser


def sign_in_with(ctx: Context, answer: Answer, browser: str) -> tuple[str, SignedIn]:
    """Open a session for the holder whose passkey answers.

    Raises `auth.passkey_challenge` (not handed out to this browser, used, or run out), `auth.passkey_unknown`,
    `auth.passkey_refused`, `auth.passkey_counter` (the device's counter went back: perhaps a clone).
    """
    challenge = _challenge_of(answer)
    with unit_of_work(ctx.db) as session:
        if not credentials.take_challenge(session, challenge, SIGN_IN, browser=browser):
            raise ApiError("auth.passkey_challenge", Kind.FORBIDDEN)
    return sign_in_holder(ctx, asserted(ctx, answer, challenge).holder_id)


def binding_options(ctx: Context, holder_id: str, challenge: bytes) -> dict[str, Any]:
    """What the browser needs to answer a challenge that is kept elsewhere, with a passkey of this holder's.

    Raises `auth.passkey_unknown` where there is none.
    """
    with read_only(ctx.db) as session:
        known = _bodies(session, ctx, holder_id)
    if not known:
        raise ApiError("auth.passkey_unknown", Kind.FORBIDDEN)
    return _asking(ctx.settings, challenge, [body.credential_id for _, body in known])


def asserted(ctx: Context, answer: Answer, challenge: bytes) -> Assertion:
    """Check an answer to `challenge` and move its passkey's counter. The caller has seen to the challenge's single use.

    Raises `auth.passkey_unknown`, `auth.passkey_refused`, `auth.passkey_counter`.
    """
    try:
        credential_id = base64url_to_bytes(str(answer["rawId"]))
    except UNREADABLE:
        raise _refused() from None
    with unit_of_work(ctx.db) as session:
        row = credentials.passkey_by_credential(session, credential_id, lock=True)
        if row is None:
            raise ApiError("auth.passkey_unknown", Kind.FORBIDDEN)
        data_key = holders.holder_key(session, ctx.vault, row.holder_id)
        body = credentials.open_passkey(data_key, row)
        verified = _verified(ctx, answer, challenge, body, _user_handle(ctx, row.holder_id))
        if max(verified.new_sign_count, row.sign_count) > 0 and verified.new_sign_count <= row.sign_count:
            raise ApiError("auth.passkey_counter", Kind.FORBIDDEN)
        credentials.note_use(session, data_key, row, body, verified.new_sign_count)
        key = parse_jwk(dict(body.jwk), "")
        response = answer["response"]
        return Assertion(
            row.id,
            row.holder_id,
            key,
            base64url_to_bytes(response["authenticatorData"]),
            base64url_to_bytes(response["clientDataJSON"]),
            raw_signature(key, base64url_to_bytes(response["signature"])),
            row.receipt_id,
        )


def raw_signature(key: PublicJwk, signature: bytes) -> bytes:
    """A signature as evidence has it: 64 bytes. WebAuthn gives ECDSA's in DER (section 6.5.5), EdDSA's as they are."""
    if key.kty == "OKP":
        return signature
    r, s = decode_dss_signature(signature)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _verified(
    ctx: Context, answer: Answer, challenge: bytes, body: PasskeyBody, handle: bytes
) -> VerifiedAuthentication:
    try:
        found = verify_authentication_response(
            credential=dict(answer),
            expected_challenge=challenge,
            expected_rp_id=ctx.settings.rp_id,
            expected_origin=list(ctx.settings.rp_origins),
            credential_public_key=body.cose,
            # Compared by the caller, who tells a counter that went back from an answer that does not hold.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
        given = answer["response"].get("userHandle")
        known = given is None or secrets.compare_digest(base64url_to_bytes(given), handle)
        framed = json.loads(base64url_to_bytes(answer["response"]["clientDataJSON"])).get("crossOrigin") is True
    except UNREADABLE:
        raise _refused() from None
    if framed or not known:
        raise _refused()
    return found


def _asking(settings: Settings, challenge: bytes, allowed: Sequence[bytes]) -> dict[str, Any]:
    options = generate_authentication_options(
        rp_id=settings.rp_id,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        allow_credentials=[PublicKeyCredentialDescriptor(id=one) for one in allowed],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def _challenge_of(answer: Answer) -> bytes:
    """The challenge that an answer claims to answer; whether it was handed out is the table's to say."""
    try:
        client_data = json.loads(base64url_to_bytes(answer["response"]["clientDataJSON"]))
        return base64url_to_bytes(client_data["challenge"])
    except UNREADABLE:
        raise _refused() from None


def _jwk(cose: bytes) -> PublicJwk:
    key = decode_credential_public_key(cose)
    if isinstance(key, DecodedEC2PublicKey):
        document = {"kty": "EC", "crv": "P-256", "x": base64url(key.x), "y": base64url(key.y)}
    elif isinstance(key, DecodedOKPPublicKey):
        document = {"kty": "OKP", "crv": "Ed25519", "x": base64url(key.x)}
    else:
        raise _refused()
    try:
        return parse_jwk(document, "")
    except FormatError:
        raise _refused() from None


def _receipt(holder_id: str, key: PublicJwk, event: str) -> ReceiptDraft:
    details: dict[str, Json] = {"credential": "0x" + key.thumbprint.hex(), "event": event}
    return ReceiptDraft(ReceiptKind.CREDENTIAL, details, holder_id=holder_id)


def _bodies(session: Session, ctx: Context, holder_id: str) -> list[tuple[Passkey, PasskeyBody]]:
    rows = credentials.passkeys_of(session, holder_id)
    if not rows:
        return []
    key = holders.holder_key(session, ctx.vault, holder_id)
    return [(row, credentials.open_passkey(key, row)) for row in rows]


def _user_handle(ctx: Context, holder_id: str) -> bytes:
    """The holder's pseudonym towards authenticators; 16 bytes (WebAuthn section 14.6.1: nothing personal)."""
    return bytes.fromhex(ctx.pairwise(holder_id, "passkey"))


def _view(row: Passkey, body: PasskeyBody) -> PasskeyView:
    return PasskeyView(row.id, body.label, row.created_at_ms, row.used_at_ms)


def _refused() -> ApiError:
    return ApiError("auth.passkey_refused", Kind.FORBIDDEN)
