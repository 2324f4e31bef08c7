"""By what people show who they are: names at the identity provider and passkeys, as their receipts say."""

from collections import Counter

from sqlalchemy import select

from api.errors import ApiError
from api.store.fsck.report import Check
from api.store.queries import credentials
from api.store.tables import Passkey, ProviderSubject
from chain.canonical import Json
from chain.errors import ChainError
from chain.jose import parse_jwk


def check_subjects(check: Check) -> None:
    """Each name means whom its receipt was sealed for; none is gone but those of erased holders."""
    noted = {said.receipt_id: said for said in check.admissions if said.details.get("act") == "subject"}
    for row in check.each("provider_subjects", select(ProviderSubject).order_by(ProviderSubject.subject_bidx)):
        said = noted.pop(row.receipt_id, None)
        if row.receipt_id in check.unread:
            continue
        if said is None or (said.holder_id, said.details) != (
            row.holder_id,
            credentials.subject_stated(row.subject_bidx),
        ):
            check.find("provider_subjects", row.subject_bidx.hex()[:16], "fsck.credential_edited")
    for said in noted.values():
        check.find("provider_subjects", str(said.details.get("subject"))[2:18], "fsck.row_missing")


def check_passkeys(check: Check) -> None:
    """Each opens under its holder's key as its row stands; those that were registered and not removed are there."""
    registered = {
        said.receipt_id: said.details.get("credential")
        for said in check.credentials
        if said.details.get("event") == "registered"
    }
    left: Counter[tuple[str | None, Json]] = Counter()
    for said in check.credentials:
        left[said.holder_id, said.details.get("credential")] += 1 if said.receipt_id in registered else -1
    for row in check.each("passkeys", select(Passkey).order_by(Passkey.id)):
        credential = _credential(check, row)
        left[row.holder_id, credential] -= 1
        if row.receipt_id in check.unread or check.locked(row.holder_id):
            continue
        if credential is None or registered.get(row.receipt_id or "") != credential:
            check.find("passkeys", row.id, "fsck.credential_edited")
    for (_, credential), count in left.items():
        if credential is not None and count:
            check.find("passkeys", str(credential)[2:18], "fsck.row_missing" if count > 0 else "fsck.credential_edited")


def _credential(check: Check, row: Passkey) -> Json:
    """The thumbprint of the key that is sealed in a row; None where it does not open."""
    key = check.key(row.holder_id)
    try:
        body = None if key is None else credentials.open_passkey(key, row)
        return None if body is None else "0x" + parse_jwk(dict(body.jwk), "").thumbprint.hex()
    except (ApiError, ChainError):
        return None
