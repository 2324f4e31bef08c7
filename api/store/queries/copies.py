"""Contents and the marked copies made of them, sealed with their rows' columns bound in."""

from collections.abc import Collection, Iterator, Sequence
from typing import cast

from sqlalchemy import ColumnElement, Table, bindparam, func, select
from sqlalchemy.orm import Session

from api.policy.copy_states import CopyState
from api.store.crypto import DataKey, Purpose, bound_columns
from api.store.database import connected
from api.store.queries import paging
from api.store.tables import Content, Copy, Grant
from chain.canonical import Json, canonical

# Built once: every pull asks it.
_COPIES = cast("Table", Copy.__table__)
_FIND = select(_COPIES).where(
    _COPIES.c.grant_id == bindparam("grant"), _COPIES.c.fingerprint == bindparam("fingerprint")
)


def seal_original(key: DataKey, content: Content, original: bytes) -> None:
    """Encrypt the unmarked original into `content.original_enc`; the other columns must be set before."""
    content.original_enc = key.seal(Purpose.CONTENT_ORIGINAL, content.id, original, bound=_content_bound(content))


def open_original(key: DataKey, content: Content) -> bytes:
    """The unmarked original. Raises ApiError `store.ciphertext` where it or its row was altered."""
    return key.open(Purpose.CONTENT_ORIGINAL, content.id, content.original_enc, bound=_content_bound(content))


def seal_copy(key: DataKey, copy: Copy, file: bytes, mark_salt: bytes) -> None:
    """Encrypt file and mark salt into `copy`; the other columns must be set before. `key` is the holder's."""
    bound = _copy_bound(copy)
    copy.file_enc = key.seal(Purpose.COPY_FILE, copy.id, file, bound=bound)
    copy.mark_salt_enc = key.seal(Purpose.MARK_SALT, copy.id, mark_salt, bound=bound)


def open_file(key: DataKey, copy: Copy) -> bytes:
    """The copy's bytes as they were delivered. Raises ApiError `store.ciphertext` where copy or row was altered."""
    return key.open(Purpose.COPY_FILE, copy.id, copy.file_enc, bound=_copy_bound(copy))


def open_mark_salt(key: DataKey, copy: Copy) -> bytes:
    """The salt of the copy's mark commitment (32 bytes). Errors as in `open_file`."""
    return key.open(Purpose.MARK_SALT, copy.id, copy.mark_salt_enc, bound=_copy_bound(copy))


def get_content(session: Session, content_id: str) -> Content | None:
    """A content by id."""
    return session.get(Content, content_id)


def content_of_copy(session: Session, copy: Copy) -> Content:
    """What a copy was made of."""
    return session.execute(select(Content).where(Content.id == copy.content_id)).scalar_one()


def find_copy(session: Session, grant_id: str, fingerprint: bytes) -> Copy | None:
    """The copy of an equal request under the same grant; its bytes are delivered again rather than made anew.

    To be read, not changed: it belongs to no unit of work.
    """
    row = connected(session).execute(_FIND, {"grant": grant_id, "fingerprint": fingerprint}).mappings().one_or_none()
    return None if row is None else Copy(**row)


def copy_of_entity(session: Session, entity_id: str, copy_id: str) -> Copy | None:
    """A copy that an entity received."""
    return session.execute(select(Copy).where(Copy.id == copy_id, Copy.entity_id == entity_id)).scalar_one_or_none()


def get_copy(session: Session, copy_id: str) -> Copy | None:
    """A copy by id; for the tracer, who must know whose a found copy was."""
    return session.get(Copy, copy_id)


def copies_of_grant(session: Session, grant_id: str) -> list[Copy]:
    """All copies made under a grant, oldest first."""
    return list(
        session.execute(select(Copy).where(Copy.grant_id == grant_id).order_by(Copy.created_at_ms, Copy.id)).scalars()
    )


def copies_of_holder(
    session: Session,
    holder_id: str,
    *,
    states: Collection[CopyState] | None = None,
    cursor: str | None = None,
    limit: int = paging.LIMIT,
) -> paging.Page[Copy]:
    """Every copy of a holder's data, newest first."""
    limit = paging.clamp(limit)
    query = select(Copy).join(Grant, Grant.id == Copy.grant_id)
    if states is not None:
        query = query.where(Copy.state.in_([state.value for state in states]))
    rows = session.execute(
        query.where(Grant.holder_id == holder_id, *paging.after(cursor, Copy.created_at_ms, Copy.id))
        .order_by(Copy.created_at_ms.desc(), Copy.id.desc())
        .limit(limit + 1)
    ).scalars()
    return paging.page(list(rows), limit, lambda row: (row.created_at_ms, row.id))


def copies_by_file(session: Session, file_sha256: bytes) -> list[Copy]:
    """Copies whose delivered bytes have this hash: the tracer's exact match."""
    return list(session.execute(select(Copy).where(Copy.file_sha256 == file_sha256).order_by(Copy.id)).scalars())


def issued_of_contents(session: Session, content_ids: Sequence[str]) -> Iterator[tuple[str, str, str, str, bytes]]:
    """(content, copy, entity, epoch, SHA-256 of the file) of every copy of these contents, without the files."""
    columns = (Copy.content_id, Copy.id, Copy.entity_id, Copy.epoch, Copy.file_sha256)
    asked = select(*columns).where(Copy.content_id.in_(list(content_ids))).order_by(Copy.content_id, Copy.id)
    for row in session.execute(asked):
        yield row.content_id, row.id, row.entity_id, row.epoch, row.file_sha256


def copies_of_contents(session: Session, content_ids: Sequence[str]) -> list[Copy]:
    """Copies made of any of these contents: the tracer's candidates."""
    return list(
        session.execute(
            select(Copy).where(Copy.content_id.in_(list(content_ids))).order_by(Copy.content_id, Copy.id)
        ).scalars()
    )


def count_of_contents(session: Session, content_ids: Sequence[str]) -> int:
    """How many copies were ever made of these contents."""
    asked = select(func.count()).select_from(Copy).where(Copy.content_id.in_(list(content_ids)))
    return session.execute(asked).scalar_one()


def copies_ending(session: Session, ending: str, limit: int) -> list[Copy]:
    """Copies whose id ends so, as visible lines print it. Reads all ids: for a regulator's question now and then."""
    asked = select(Copy).where(Copy.id.endswith(ending, autoescape=True)).order_by(Copy.id).limit(limit)
    return list(session.execute(asked).scalars())


def contents_granted(
    session: Session, media_type: str, from_ms: int | None, until_ms: int | None, *, limit: int
) -> list[str]:
    """Contents of a media type of which a copy was made under a consent of this time, newest consents first."""
    newest = func.max(Copy.created_at_ms)
    asked = select(Copy.content_id).where(*_granted(media_type, from_ms, until_ms)).group_by(Copy.content_id)
    return list(session.execute(asked.order_by(newest.desc(), Copy.content_id).limit(limit)).scalars())


def count_contents_granted(session: Session, media_type: str, from_ms: int | None, until_ms: int | None) -> int:
    """How many there are in all."""
    asked = select(func.count(Copy.content_id.distinct())).where(*_granted(media_type, from_ms, until_ms))
    return session.execute(asked).scalar_one()


def _granted(media_type: str, from_ms: int | None, until_ms: int | None) -> list[ColumnElement[bool]]:
    """A copy's row carries the time of its consent."""
    limits = [Copy.media_type == media_type]
    if from_ms is not None:
        limits.append(Copy.created_at_ms >= from_ms)
    if until_ms is not None:
        limits.append(Copy.created_at_ms < until_ms)
    return limits


def all_copies(session: Session, media_types: Sequence[str], *, chunk: int = 200) -> Iterator[Copy]:
    """Every copy of these media types, streamed in the order of ids, for a tracer without an index to go by."""
    last = ""
    while True:
        rows = list(
            session.execute(
                select(Copy)
                .where(Copy.media_type.in_(list(media_types)), Copy.id > last)
                .order_by(Copy.id)
                .limit(chunk)
            ).scalars()
        )
        yield from rows
        if len(rows) < chunk:
            return
        last = rows[-1].id
        session.expunge_all()


def json_columns(value: Sequence[object] | dict[str, object]) -> Json:
    """A JSON column's value as canonical JSON takes it; raises `CanonicalError` on what has no such form."""
    plain: Json = dict(value) if isinstance(value, dict) else list(value)  # type: ignore[arg-type]  # checked by canonical()
    canonical(plain)
    return plain


def _content_bound(content: Content) -> bytes:
    return bound_columns(
        content.holder_id,
        content.media_type,
        content.epoch,
        content.original_sha256,
        canonical(json_columns(content.records)),
        content.created_at_ms,
        *([canonical(json_columns(dict(content.spellings)))] if content.spellings else []),
    )


def _copy_bound(copy: Copy) -> bytes:
    return bound_columns(
        copy.content_id,
        copy.grant_id,
        copy.entity_id,
        copy.fingerprint,
        copy.media_type,
        copy.epoch,
        copy.file_sha256,
        canonical(json_columns(copy.mark_document)),
        copy.created_at_ms,
    )
