"""Signed-in people, and the nonces of signed requests."""

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from api.store import clock
from api.store.crypto import Purpose, Vault, bound_columns
from api.store.inserts import insert_if_new
from api.store.queries import credentials
from api.store.tables import SignatureNonce, UserSession

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session as its user's pages need it; `display` is the name to greet with, and leaves memory never.

    `mandate_id`: under which mandate the person acts for somebody else now; `duty`: what staff is there for.
    """

    token_hash: bytes
    role: str
    holder_id: str | None
    party_id: str | None
    subject: str
    display: str
    csrf: str
    created_at_ms: int
    expires_at_ms: int
    mandate_id: str | None = None
    duty: str | None = None


def open_session(
    session: Session,
    vault: Vault,
    *,
    role: str,
    subject: str,
    display: str,
    holder_id: str | None,
    party_id: str | None,
    life_ms: int,
    duty: str | None = None,
) -> str:
    """Create a session; the token for the cookie, of which only the hash is kept. `subject` must not be personal."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    now = clock.now_ms(session)
    row = UserSession(
        token_hash=_hash(token),
        role=role,
        holder_id=holder_id,
        party_id=party_id,
        subject=subject,
        duty=duty,
        display_enc=b"",
        csrf=secrets.token_urlsafe(TOKEN_BYTES),
        created_at_ms=now,
        expires_at_ms=now + life_ms,
    )
    row.display_enc = vault.platform.seal(
        Purpose.SESSION_DISPLAY, row.token_hash.hex(), display.encode(), bound=_bound(row)
    )
    session.add(row)
    session.flush()
    return token


def find_session(session: Session, vault: Vault, token: str) -> SignedIn | None:
    """The live session of a cookie's token, or None. Raises ApiError `store.ciphertext` where its row was altered."""
    row = session.execute(
        select(UserSession).where(
            UserSession.token_hash == _hash(token), UserSession.expires_at_ms > clock.now_ms(session)
        )
    ).scalar_one_or_none()
    if row is None:
        return None
    display = open_display(vault, row)
    return SignedIn(
        row.token_hash,
        row.role,
        row.holder_id,
        row.party_id,
        row.subject,
        display,
        row.csrf,
        row.created_at_ms,
        row.expires_at_ms,
        row.mandate_id,
        row.duty,
    )


def open_display(vault: Vault, row: UserSession) -> str:
    """The sealed display name; raises ApiError `store.ciphertext` where any column of the session was altered."""
    return vault.platform.open(
        Purpose.SESSION_DISPLAY, row.token_hash.hex(), row.display_enc, bound=_bound(row)
    ).decode()


def set_acting(session: Session, vault: Vault, token: str, mandate_id: str | None) -> bool:
    """Let a session act under a mandate, or for its own person again; False where there is no such session."""
    row = session.execute(
        select(UserSession)
        .where(UserSession.token_hash == _hash(token), UserSession.expires_at_ms > clock.now_ms(session))
        .with_for_update()
    ).scalar_one_or_none()
    if row is None:
        return False
    display = open_display(vault, row)
    row.mandate_id = mandate_id
    row.display_enc = vault.platform.seal(
        Purpose.SESSION_DISPLAY, row.token_hash.hex(), display.encode(), bound=_bound(row)
    )
    session.flush()
    return True


def close_session(session: Session, token_hash: bytes) -> None:
    """End a session."""
    session.execute(
        delete(UserSession).where(UserSession.token_hash == token_hash).execution_options(synchronize_session=False)
    )


def use_nonce(session: Session, thumbprint: str, nonce: str, expires_at_ms: int) -> bool:
    """Take note of a signed request's nonce; False where this key has used it before, which is a replay."""
    return insert_if_new(
        session, SignatureNonce, {"key_thumbprint": thumbprint, "nonce": nonce, "expires_at_ms": expires_at_ms}
    )


def purge_run_out(session: Session, now_ms: int) -> int:
    """Delete run-out sessions, nonces, rounds, challenges and drafts; count of rows.

    A nonce must outlive its signature's validity.
    """
    ended = session.execute(delete(UserSession).where(UserSession.expires_at_ms <= now_ms).returning(UserSession.role))
    old = session.execute(
        delete(SignatureNonce).where(SignatureNonce.expires_at_ms <= now_ms).returning(SignatureNonce.nonce)
    )
    return len(ended.all()) + len(old.all()) + credentials.purge_run_out(session, now_ms)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _bound(row: UserSession) -> bytes:
    # A database administrator must not be able to turn a session of one's own into another's, or into another role.
    return bound_columns(
        row.role,
        row.holder_id,
        row.party_id,
        row.subject,
        row.csrf,
        row.created_at_ms,
        row.expires_at_ms,
        row.mandate_id,
        row.duty,
    )
