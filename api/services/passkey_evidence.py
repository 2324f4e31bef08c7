"""A passkey's answer as a grant keeps it, and as evidence has it with the receipt of the key's registration.

Kept are strings: the key's JWK as JSON, device data, client data and signature in base64url, and the receipt's id.
"""

import json
from collections.abc import Mapping

from api.errors import ApiError, Kind
from api.services.context import Context
from api.services.earlier import earlier
from api.services.identity.passkeys import Assertion
from api.store import Session
from api.store.tables import Checkpoint, Receipt
from chain.binding import PasskeyBinding, passkey_commitment
from chain.canonical import Json
from chain.jose import PublicJwk, parse_jwk
from chain.strict import base64url, base64url_bytes

Kept = Mapping[str, str]


def kept(answer: Assertion) -> dict[str, str]:
    """A verified answer in the form that is sealed with its grant. `auth.passkey_unknown` without a registration."""
    if answer.receipt_id is None:
        raise ApiError("auth.passkey_unknown", Kind.FORBIDDEN)
    return {
        "key": json.dumps(answer.key.to_json()),
        "authenticator_data": base64url(answer.authenticator_data),
        "client_data": base64url(answer.client_data),
        "signature": base64url(answer.signature),
        "receipt": answer.receipt_id,
    }


def commitment(salt: bytes, answer: Kept) -> bytes:
    """What the grant's message says of the answer; 32 bytes."""
    committed: dict[str, Json] = {
        "key": _key(answer).to_json(),
        **{name: answer[name] for name in ("authenticator_data", "client_data", "signature")},
    }
    return passkey_commitment(salt, committed)


def binding(ctx: Context, session: Session, salt: bytes, answer: Kept, checkpoint: Checkpoint | None) -> PasskeyBinding:
    """The answer with its key's registration, the latter's proof under `checkpoint`. Raises `receipts.not_numbered`."""
    receipt = session.get(Receipt, answer["receipt"])
    if receipt is None:
        raise ApiError("receipts.not_numbered", Kind.CONFLICT)
    return PasskeyBinding(
        _key(answer),
        base64url_bytes(answer["authenticator_data"], None, ""),
        base64url_bytes(answer["client_data"], None, ""),
        base64url_bytes(answer["signature"], None, ""),
        salt,
        earlier(ctx, session, receipt, checkpoint),
    )


def _key(answer: Kept) -> PublicJwk:
    return parse_jwk(json.loads(answer["key"]), "")
