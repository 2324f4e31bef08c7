"""Grants that were laid before their holder and are not given yet."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from api.errors import ApiError, Kind
from api.policy.states import RequestState
from api.store.crypto import bound_columns
from api.store.tables import Grant, GrantDraft, Request


def draft(session: Session, draft_id: str, now_ms: int, *, lock: bool = False) -> GrantDraft | None:
    """A draft that has not run out."""
    statement = select(GrantDraft).where(GrantDraft.id == draft_id, GrantDraft.expires_at_ms > now_ms)
    if lock:
        statement = statement.with_for_update()
    return session.execute(statement, execution_options={"populate_existing": True}).scalar_one_or_none()


def bound(row: GrantDraft) -> bytes:
    """What a draft's ciphertext is bound to: its row, but for what shows who was present, which is in the body."""
    return bound_columns(
        row.request_id,
        row.holder_id,
        row.presenter_id,
        row.terms_digest,
        row.custody,
        row.created_at_ms,
        row.expires_at_ms,
    )


def spend(session: Session, draft_id: str) -> bool:
    """Delete a draft; False where another has spent it."""
    gone = session.execute(
        delete(GrantDraft)
        .where(GrantDraft.id == draft_id)
        .returning(GrantDraft.id)
        .execution_options(synchronize_session=False)
    ).first()
    return gone is not None


def key_known(session: Session, address: bytes) -> bool:
    """Whether a grant stands under this key; each must have one of its own."""
    return session.execute(select(Grant.id).where(Grant.key_address == address).limit(1)).first() is not None


def check_open(request: Request, now_ms: int) -> None:
    """Raise `requests.decided` or `requests.lapsed` unless a request waits for its answer."""
    if request.state != RequestState.REQUESTED:
        raise ApiError("requests.decided", Kind.CONFLICT)
    if request.lapses_at_ms <= now_ms:
        raise ApiError("requests.lapsed", Kind.CONFLICT)
