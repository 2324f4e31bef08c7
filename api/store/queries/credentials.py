"""What people show to be themselves: rounds at the identity provider, its subjects, passkeys, and their challenges."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from api.errors import ApiError, Kind
from api.store import clock
from api.store.crypto import DataKey, Purpose, Vault, bound_columns
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import GrantDraft, Holder, Passkey, PasskeyChallenge, ProviderSubject, SignIn
from chain.canonical import Json
from chain.receipt import ReceiptKind


def sha256(text: str) -> bytes:
    """The hash under which a secret that travels is looked up; 32 bytes."""
    return hashlib.sha256(text.encode()).digest()


# Rounds at the identity provider


def put_sign_in(
    session: Session, vault: Vault, *, state: str, browser: str, body: Mapping[str, str], life_ms: int
) -> None:
    """Note a round that begins; `body` is sealed."""
    now = clock.now_ms(session)
    row = SignIn(
        state_hash=sha256(state),
        browser_hash=sha256(browser),
        body_enc=b"",
        created_at_ms=now,
        expires_at_ms=now + life_ms,
    )
    plain = json.dumps(dict(body), sort_keys=True).encode()
    row.body_enc = vault.platform.seal(Purpose.SIGN_IN, row.state_hash.hex(), plain, bound=_bound_sign_in(row))
    session.add(row)
    session.flush()


def take_sign_in(session: Session, vault: Vault, state: str, browser: str) -> dict[str, str] | None:
    """End a round and give its body; None where there is none of this state in this browser, or it ran out."""
    row = session.execute(
        select(SignIn).where(
            SignIn.state_hash == sha256(state),
            SignIn.browser_hash == sha256(browser),
            SignIn.expires_at_ms > clock.now_ms(session),
        )
    ).scalar_one_or_none()
    if row is None:
        return None
    # Of two that come with the same state, one deletes the row.
    gone = session.execute(
        delete(SignIn)
        .where(SignIn.state_hash == row.state_hash)
        .returning(SignIn.state_hash)
        .execution_options(synchronize_session=False)
    ).first()
    if gone is None:
        return None
    plain = vault.platform.open(Purpose.SIGN_IN, row.state_hash.hex(), row.body_enc, bound=_bound_sign_in(row))
    session.expunge(row)
    document: dict[str, str] = json.loads(plain)
    return document


# Subjects of the identity provider


def subject_index(vault: Vault, issuer: str, subject: str) -> bytes:
    """The keyed index of a provider's name for somebody. Hashed first: a `sub` is case-sensitive, an index is not."""
    return vault.blind_index("provider-subject", hashlib.sha256(f"{issuer}\0{subject}".encode()).hexdigest())


def holder_of_subject(session: Session, index: bytes) -> str | None:
    """The holder whom a provider calls by that name."""
    return session.execute(
        select(ProviderSubject.holder_id).where(ProviderSubject.subject_bidx == index)
    ).scalar_one_or_none()


def note_subject(session: Session, vault: Vault, index: bytes, holder_id: str) -> bool:
    """Note that a provider's name means this holder, with a receipt; False where it means another."""
    session.execute(select(Holder.id).where(Holder.id == holder_id).with_for_update())  # one at a time
    known = holder_of_subject(session, index)
    if known is not None:
        return known == holder_id
    draft = ReceiptDraft(ReceiptKind.ADMISSION, subject_stated(index), holder_id=holder_id)
    row = {"subject_bidx": index, "holder_id": holder_id, "created_at_ms": clock.now_ms(session)}
    row["receipt_id"] = prepare_receipt(session, vault, draft)
    session.execute(insert(ProviderSubject), [row])
    return True


def subject_stated(index: bytes) -> dict[str, Json]:
    """What the receipt of a provider's name says, under the key of the holder whom it means."""
    return {"act": "subject", "subject": "0x" + index.hex()}


# Passkeys


@dataclass(frozen=True, slots=True)
class PasskeyBody:
    """What is sealed of a passkey: credential id, public key as JWK and as COSE, the holder's name for it."""

    credential_id: bytes
    jwk: Mapping[str, str]
    cose: bytes
    label: str

    def to_bytes(self) -> bytes:
        """The form that is sealed."""
        document = {
            "credential_id": self.credential_id.hex(),
            "jwk": dict(self.jwk),
            "cose": self.cose.hex(),
            "label": self.label,
        }
        return json.dumps(document, sort_keys=True, ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "PasskeyBody":
        """Read back `to_bytes`; raises ApiError `store.ciphertext` where it is no such body."""
        try:
            document = json.loads(data)
            return cls(
                bytes.fromhex(document["credential_id"]),
                {str(name): str(value) for name, value in document["jwk"].items()},
                bytes.fromhex(document["cose"]),
                str(document["label"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ApiError("store.ciphertext", Kind.INTEGRITY, purpose=Purpose.PASSKEY.value) from None


def new_passkey(
    holder_id: str, body: PasskeyBody, sign_count: int, *, passkey_id: str, receipt_id: str, now_ms: int
) -> Passkey:
    """The row of a new passkey, to be sealed and added."""
    return Passkey(
        id=passkey_id,
        holder_id=holder_id,
        credential_hash=hashlib.sha256(body.credential_id).digest(),
        body_enc=b"",
        sign_count=sign_count,
        receipt_id=receipt_id,
        created_at_ms=now_ms,
    )


def note_use(session: Session, key: DataKey, row: Passkey, body: PasskeyBody, sign_count: int) -> None:
    """Keep the counter that an authenticator named, and the time."""
    row.sign_count, row.used_at_ms = sign_count, clock.now_ms(session)
    seal_passkey(key, row, body)
    session.flush()


def seal_passkey(key: DataKey, row: Passkey, body: PasskeyBody) -> None:
    """Encrypt a passkey's body; all other columns must be as they shall stay until the next seal."""
    row.body_enc = key.seal(Purpose.PASSKEY, row.id, body.to_bytes(), bound=_bound_passkey(row))


def open_passkey(key: DataKey, row: Passkey) -> PasskeyBody:
    """Decrypt a passkey's body. Raises ApiError `store.ciphertext` where it was altered or is another holder's."""
    return PasskeyBody.from_bytes(key.open(Purpose.PASSKEY, row.id, row.body_enc, bound=_bound_passkey(row)))


def passkeys_of(session: Session, holder_id: str) -> list[Passkey]:
    """A holder's passkeys, oldest first."""
    statement = select(Passkey).where(Passkey.holder_id == holder_id).order_by(Passkey.created_at_ms, Passkey.id)
    return list(session.execute(statement).scalars())


def passkey_of(session: Session, holder_id: str, passkey_id: str) -> Passkey | None:
    """One passkey of a holder's."""
    statement = select(Passkey).where(Passkey.id == passkey_id, Passkey.holder_id == holder_id)
    return session.execute(statement).scalar_one_or_none()


def passkey_by_credential(session: Session, credential_id: bytes, *, lock: bool = False) -> Passkey | None:
    """The passkey of a credential id; locked where its counter is about to move."""
    statement = select(Passkey).where(Passkey.credential_hash == hashlib.sha256(credential_id).digest())
    if lock:
        statement = statement.with_for_update()
    return session.execute(statement, execution_options={"populate_existing": True}).scalar_one_or_none()


def remove_passkey(session: Session, row: Passkey) -> None:
    """Delete a passkey; what it bound before keeps its proof, which carries the public key itself."""
    session.delete(row)
    session.flush()


# Challenges of passkeys


def put_challenge(
    session: Session,
    challenge: bytes,
    purpose: str,
    *,
    life_ms: int,
    holder_id: str | None = None,
    browser: str | None = None,
) -> None:
    """Note a challenge that is handed out."""
    now = clock.now_ms(session)
    row = PasskeyChallenge(
        challenge_hash=hashlib.sha256(challenge).digest(),
        purpose=purpose,
        holder_id=holder_id,
        browser_hash=None if browser is None else sha256(browser),
        created_at_ms=now,
        expires_at_ms=now + life_ms,
    )
    session.add(row)
    session.flush()


def take_challenge(
    session: Session, challenge: bytes, purpose: str, *, holder_id: str | None = None, browser: str | None = None
) -> bool:
    """Spend a challenge; False where it was not handed out for this, was spent before, or ran out."""
    gone = session.execute(
        delete(PasskeyChallenge)
        .where(
            PasskeyChallenge.challenge_hash == hashlib.sha256(challenge).digest(),
            PasskeyChallenge.purpose == purpose,
            PasskeyChallenge.holder_id.is_(None) if holder_id is None else PasskeyChallenge.holder_id == holder_id,
            PasskeyChallenge.browser_hash.is_(None)
            if browser is None
            else PasskeyChallenge.browser_hash == sha256(browser),
            PasskeyChallenge.expires_at_ms > clock.now_ms(session),
        )
        .returning(PasskeyChallenge.purpose)
        .execution_options(synchronize_session=False)
    ).first()
    return gone is not None


def purge_run_out(session: Session, now_ms: int) -> int:
    """Delete rounds, challenges and drafts that ran out; count of rows."""
    count = 0
    for table in (SignIn, PasskeyChallenge, GrantDraft):
        gone = session.execute(
            delete(table)
            .where(table.expires_at_ms <= now_ms)
            .returning(table.expires_at_ms)
            .execution_options(synchronize_session=False)
        )
        count += len(gone.all())
    return count


def _bound_sign_in(row: SignIn) -> bytes:
    return bound_columns(row.browser_hash, row.created_at_ms, row.expires_at_ms)


def _bound_passkey(row: Passkey) -> bytes:
    return bound_columns(
        row.holder_id, row.credential_hash, row.sign_count, row.receipt_id, row.created_at_ms, row.used_at_ms
    )
