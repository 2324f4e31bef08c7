"""Erasure in the tables: what belongs to a holder, what is overwritten, what lives on under a retention key.

`shred` is one transaction: before it everything stands, after it nothing opens. What stays is a tombstone of each row:
identifiers and commitments that others' proofs need, and that say nothing about anybody without what was destroyed.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from api.errors import ApiError, Kind
from api.policy.copy_states import CopyState
from api.policy.states import GrantState, RequestState
from api.store.crypto import NONCE_BYTES, DataKey, Purpose, Vault, WrappedKey, bound_columns
from api.store.ids import new_retention_id
from api.store.queries import copies
from api.store.queries.holders import holder_key
from api.store.queries.registrations import LegalBasis
from api.store.tables import (
    Base,
    Case,
    Content,
    Copy,
    CounterVisit,
    Dispute,
    Erasure,
    Grant,
    GrantDraft,
    Holder,
    IdempotencyKey,
    Mandate,
    Notification,
    NotificationSetting,
    Passkey,
    PasskeyChallenge,
    Provenance,
    ProviderSubject,
    Receipt,
    Record,
    Request,
    RequestEvidence,
    RetainedContent,
    RetainedProof,
    RetentionKey,
    SealedDocument,
    StatutoryAccess,
    UserSession,
)
from chain.canonical import Json, canonical
from chain.receipt import ReceiptKind

GONE = b""
NO_HASH = bytes(32)
_PLATFORM_NONCE = slice(33, 33 + NONCE_BYTES)
_FINAL = [state.value for state in GrantState if state.final]


@dataclass(frozen=True, slots=True)
class Retained:
    """A content that must stay traceable: by which basis and until when; and its deliveries' bundles by receipt."""

    content_id: str
    basis: str
    ends_ms: int
    proofs: Mapping[str, bytes] = field(default_factory=dict)


# Rows of a holder that leave nothing behind; all others keep a tombstone.
DELETED: tuple[tuple[type[Base], InstrumentedAttribute[str] | InstrumentedAttribute[str | None]], ...] = (
    (GrantDraft, GrantDraft.holder_id),
    (GrantDraft, GrantDraft.presenter_id),
    (PasskeyChallenge, PasskeyChallenge.holder_id),
    (Passkey, Passkey.holder_id),
    (ProviderSubject, ProviderSubject.holder_id),
    (UserSession, UserSession.holder_id),
    (Notification, Notification.holder_id),
    (NotificationSetting, NotificationSetting.holder_id),
)


def open_grants(session: Session, holder_id: str) -> list[str]:
    """Grants of a holder that have not ended in the table."""
    return list(
        session.execute(
            select(Grant.id).where(Grant.holder_id == holder_id, Grant.state.not_in(_FINAL)).order_by(Grant.id)
        ).scalars()
    )


def held_up(session: Session, holder_id: str) -> int:
    """How many consents a regulator holds up, and cases and disputes that are open: evidence not to be destroyed."""
    suspended = select(func.count()).where(Grant.holder_id == holder_id, Grant.suspended, Grant.state.not_in(_FINAL))
    cases = select(func.count()).select_from(Case).where(Case.holder_id == holder_id, Case.closed_at_ms.is_(None))
    objected = select(func.count()).select_from(Dispute)
    objected = objected.where(Dispute.holder_id == holder_id, Dispute.closed_at_ms.is_(None))
    return sum(session.execute(query).scalar_one() for query in (suspended, cases, objected))


def open_requests(session: Session, holder_id: str) -> list[Request]:
    """Requests that still wait for the holder, locked."""
    return list(
        session.execute(
            select(Request)
            .where(Request.holder_id == holder_id, Request.state == RequestState.REQUESTED.value)
            .with_for_update()
        ).scalars()
    )


def live_mandates(session: Session, holder_id: str) -> list[Mandate]:
    """Mandates of the holder, on either side, that have not ended, locked."""
    return list(
        session.execute(
            select(Mandate)
            .where((Mandate.principal_id == holder_id) | (Mandate.person_id == holder_id))
            .where(Mandate.state.in_(["proposed", "active"]))
            .order_by(Mandate.id)
            .with_for_update()
        ).scalars()
    )


def counts(session: Session, holder_id: str) -> dict[str, int]:
    """How many rows of each sort stand under a holder, for the list that it is shown."""
    wanted: dict[str, tuple[type[Base], ColumnElement[bool]]] = {
        "certificates": (Record, Record.holder_id == holder_id),
        "requests": (Request, Request.holder_id == holder_id),
        "grants": (Grant, Grant.holder_id == holder_id),
        "receipts": (Receipt, Receipt.holder_id == holder_id),
        "contents": (Content, Content.holder_id == holder_id),
        "passkeys": (Passkey, Passkey.holder_id == holder_id),
        "mandates": (Mandate, (Mandate.principal_id == holder_id) | (Mandate.person_id == holder_id)),
        "sessions": (UserSession, UserSession.holder_id == holder_id),
        "cases": (Case, Case.holder_id == holder_id),
        "visits": (CounterVisit, CounterVisit.holder_id == holder_id),
        "accesses": (StatutoryAccess, StatutoryAccess.holder_id == holder_id),
    }
    return {
        name: session.execute(select(func.count()).select_from(table).where(condition)).scalar_one()
        for name, (table, condition) in wanted.items()
    }


def unexpired_copies(session: Session, holder_id: str) -> list[tuple[Copy, LegalBasis]]:
    """Copies of a holder's data that their recipients have not stated to have destroyed, and why each was given."""
    rows = session.execute(
        select(Copy, Grant.legal_basis)
        .join(Content, Content.id == Copy.content_id)
        .join(Grant, Grant.id == Copy.grant_id)
        .where(Content.holder_id == holder_id, Copy.state != CopyState.DELETED.value)
        .order_by(Copy.id)
    )
    return [(copy, LegalBasis(basis)) for copy, basis in rows]


def lock_holder(session: Session, holder_id: str) -> Holder | None:
    """A holder's row, locked."""
    return session.get(Holder, holder_id, with_for_update=True, populate_existing=True)


def is_erased(row: Holder) -> bool:
    """Whether a holder's data key is gone."""
    return not row.wrapped_key


def shred(
    session: Session, vault: Vault, row: Holder, subject: str, kept: Sequence[Retained], now_ms: int
) -> list[str]:
    """Destroy a locked holder's key and everything that could lead back to the person.

    `subject` is the name of its sessions in kept answers; `kept` the contents that move to retention keys first.
    Gives the nonces (hexadecimal) of ciphertexts that anybody with the master key could open if they lay around in the
    database's files: they must not be found there any more.
    """
    holder_id = row.id
    traces = [row.wrapped_key[:NONCE_BYTES].hex()]
    _retain(session, vault, holder_id, kept, now_ms)
    traces += _forget_answers(session, holder_id, subject)
    retained = {one.content_id for one in kept}
    _blank_contents(session, holder_id, retained)
    _blank_records(session, holder_id)
    for table, column in DELETED:
        _run(session, delete(table).where(column == holder_id))
    _run(session, update(Grant).where(Grant.holder_id == holder_id).values(secret_enc=GONE))
    _run(session, update(Receipt).where(Receipt.holder_id == holder_id).values(details_enc=GONE))
    _run(session, update(Request).where(Request.holder_id == holder_id).values(holder_id=None))
    # The principal's copy of a mandate names both, so of an erased representative it must go as well.
    mine = (Mandate.principal_id == holder_id) | (Mandate.person_id == holder_id)
    _run(session, update(Mandate).where(mine).values(body_enc=GONE))
    _run(session, update(CounterVisit).where(CounterVisit.holder_id == holder_id).values(body_enc=None))
    _run(session, update(Case).where(Case.holder_id == holder_id).values(reason_enc=GONE, decision_enc=None))
    written = {"statement_enc": GONE, "answer_enc": None, "contest_enc": None, "decision_enc": None}
    _run(session, update(Dispute).where(Dispute.holder_id == holder_id).values(**written))
    for access in session.execute(select(StatutoryAccess).where(StatutoryAccess.holder_id == holder_id)).scalars():
        # Indexes of the number itself: whoever has their key could look whether it was this person.
        access.subject_bidx, access.near_bidx, access.request_bidx = (os.urandom(32) for _ in range(3))
    # A sealed file's hash stays, so that whoever kept the file can still have it checked; what waits is not issued.
    sealed = SealedDocument.holder_id == holder_id
    _run(session, update(SealedDocument).where(sealed, SealedDocument.state == "waiting").values(state="refused"))
    _run(session, update(SealedDocument).where(sealed).values(file_enc=GONE))
    row.wrapped_key, row.number_bidx, row.key_commitment, row.profile_enc = GONE, os.urandom(32), NO_HASH, None
    session.flush()
    vault.forget(holder_id)
    return traces


def tombstones(session: Session, holder_id: str) -> dict[str, Json]:
    """By table, how many rows stayed and a hash over their identifiers and commitments: none can be added or taken."""
    listed: Mapping[str, tuple[InstrumentedAttribute[str], InstrumentedAttribute[bytes], ColumnElement[bool]]] = {
        "records": (Record.id, Record.leaf_hash, Record.holder_id == holder_id),
        "grants": (Grant.id, Grant.digest, Grant.holder_id == holder_id),
        "receipts": (Receipt.id, Receipt.commitment, Receipt.holder_id == holder_id),
        "mandates": (Mandate.id, Mandate.commitment, Mandate.principal_id == holder_id),
    }
    found: dict[str, Json] = {}
    for name, (key, value, condition) in listed.items():
        found[name] = _listing(session.execute(select(key, value).where(condition).order_by(key)).all())
    made = select(Copy.id, Copy.file_sha256).join(Content, Content.id == Copy.content_id)
    found["copies"] = _listing(session.execute(made.where(Content.holder_id == holder_id).order_by(Copy.id)).all())
    return found


def content_key(session: Session, vault: Vault, content: Content) -> DataKey:
    """The key that a content's original stands under: its holder's, or a retention key. Raises `store.erased`."""
    retained = session.get(RetainedContent, content.id)
    if retained is None:
        return holder_key(session, vault, content.holder_id)
    row = session.get(RetentionKey, retained.key_id)
    assert row is not None
    return retention_key(vault, row)


def is_retained(session: Session, content_id: str) -> bool:
    """Whether a content is kept beyond its holder's erasure, in which others' originals were destroyed."""
    return session.get(RetainedContent, content_id) is not None


def open_retained(session: Session, vault: Vault, content: Content) -> bytes:
    """A kept original; raises ApiError `store.ciphertext` where it, its row or its hash was altered, `store.erased`."""
    original = copies.open_original(content_key(session, vault, content), content)
    if hashlib.sha256(original).digest() != content.original_sha256:
        raise ApiError("store.ciphertext", Kind.INTEGRITY, purpose="content_original")
    return original


def retention_key(vault: Vault, row: RetentionKey) -> DataKey:
    """Open a retention key. Raises ApiError `store.erased`, `store.ciphertext`, `store.key_commitment`."""
    bound = bound_columns(row.holder_id, row.basis, row.ends_ms)
    return vault.data_key(row.id, WrappedKey(row.wrapped_key, row.master_key_id, row.key_commitment, bound))


def retained_proof(session: Session, vault: Vault, receipt_id: str) -> bytes | None:
    """The kept bundle of an erased holder's delivery; None where none is. Raises ApiError `store.ciphertext`."""
    kept = session.get(RetainedProof, receipt_id)
    if kept is None:
        return None
    key = retention_key(vault, session.get_one(RetentionKey, kept.key_id))
    return key.open(Purpose.RETAINED_PROOF, receipt_id, kept.bundle_enc)


def proofs_under(session: Session, key_id: str) -> Json:
    """Which bundles stand under a retention key, as its receipt says: their count, and a hash over their receipts."""
    query = select(RetainedProof.receipt_id).where(RetainedProof.key_id == key_id).order_by(RetainedProof.receipt_id)
    listed: list[Json] = [*session.execute(query).scalars()]
    return {"count": len(listed), "sha256": "0x" + hashlib.sha256(canonical(listed)).hexdigest()}


def first_deliveries(session: Session, content_id: str) -> list[Receipt]:
    """Of each copy of a content that its recipient may still have, the receipt of its first delivery."""
    query = (
        select(Receipt)
        .join(Copy, Copy.id == Receipt.copy_id)
        .where(
            Copy.content_id == content_id,
            Copy.state != CopyState.DELETED.value,
            Receipt.kind == ReceiptKind.DELIVERY.value,
        )
        .order_by(Receipt.copy_id, Receipt.number)
    )
    found: dict[str | None, Receipt] = {}
    for receipt in session.execute(query).scalars():
        found.setdefault(receipt.copy_id, receipt)
    return list(found.values())


def end_retention(session: Session, vault: Vault, row: RetentionKey, now_ms: int) -> list[str]:
    """Shred a locked retention key with what stood under it; the nonces to look for, as in `shred`."""
    traces = [row.wrapped_key[:NONCE_BYTES].hex()]
    contents = list(
        session.execute(select(RetainedContent.content_id).where(RetainedContent.key_id == row.id)).scalars()
    )
    for content_id in contents:
        _blank_content(session, content_id)
    _run(session, delete(RetainedProof).where(RetainedProof.key_id == row.id))
    row.wrapped_key, row.key_commitment, row.shredded_at_ms = GONE, NO_HASH, now_ms
    session.flush()
    vault.forget(row.id)
    return traces


def due_retention(session: Session, now_ms: int) -> list[str]:
    """Retention keys whose end has come."""
    query = select(RetentionKey.id).where(RetentionKey.ends_ms <= now_ms, RetentionKey.shredded_at_ms.is_(None))
    return list(session.execute(query.order_by(RetentionKey.id)).scalars())


def retention_of(session: Session, holder_id: str) -> list[RetentionKey]:
    """What is kept of an erased holder, in order of its end."""
    query = select(RetentionKey).where(RetentionKey.holder_id == holder_id)
    return list(session.execute(query.order_by(RetentionKey.ends_ms, RetentionKey.id)).scalars())


def newest(session: Session, holder_id: str) -> Erasure | None:
    """A holder's latest wish, whatever became of it."""
    query = select(Erasure).where(Erasure.holder_id == holder_id)
    # Taken back and asked for anew in the same millisecond: the one that stands is the later.
    order = (Erasure.asked_at_ms.desc(), Erasure.state == "cancelled", Erasure.id.desc())
    return session.execute(query.order_by(*order).limit(1)).scalar()


def lock_erasure(session: Session, erasure_id: str) -> Erasure | None:
    """An erasure's row, locked."""
    return session.get(Erasure, erasure_id, with_for_update=True, populate_existing=True)


def in_states(session: Session, states: Sequence[str], due_ms: int | None = None) -> list[str]:
    """Erasures in these states, oldest first; with `due_ms`, whose time has come."""
    query = select(Erasure.id).where(Erasure.state.in_(states))
    if due_ms is not None:
        query = query.where(Erasure.due_at_ms <= due_ms)
    return list(session.execute(query.order_by(Erasure.asked_at_ms, Erasure.id)).scalars())


def _retain(session: Session, vault: Vault, holder_id: str, kept: Sequence[Retained], now_ms: int) -> None:
    if not kept:
        return
    old = holder_key(session, vault, holder_id)
    # Nothing is kept longer than its own law says: what ends on another day has another key.
    for basis, ends in sorted({(one.basis, one.ends_ms) for one in kept}):
        group = [one for one in kept if (one.basis, one.ends_ms) == (basis, ends)]
        key_id = new_retention_id()
        wrapped, fresh = vault.new_data_key(key_id, bound_columns(holder_id, basis, ends))
        session.add(
            RetentionKey(
                id=key_id,
                holder_id=holder_id,
                basis=basis,
                wrapped_key=wrapped.wrapped_key,
                master_key_id=wrapped.master_key_id,
                key_commitment=wrapped.key_commitment,
                ends_ms=ends,
                created_at_ms=now_ms,
            )
        )
        session.flush()
        for one in group:
            content = session.get_one(Content, one.content_id)
            copies.seal_original(fresh, content, copies.open_original(old, content))
            for copy in session.execute(select(Copy).where(Copy.content_id == content.id)).scalars():
                copies.seal_copy(fresh, copy, GONE, copies.open_mark_salt(old, copy))
                copy.file_enc = GONE
            session.add(RetainedContent(content_id=content.id, key_id=key_id))
            for receipt_id, bundle in sorted(one.proofs.items()):
                sealed = fresh.seal(Purpose.RETAINED_PROOF, receipt_id, bundle)
                session.add(RetainedProof(receipt_id=receipt_id, key_id=key_id, bundle_enc=sealed))
        session.flush()


def _forget_answers(session: Session, holder_id: str, subject: str) -> list[str]:
    """What the platform sealed about the person: requests in evidence, kept answers, greetings; their nonces."""
    mine = select(Receipt.id).where(Receipt.holder_id == holder_id)
    traces = [
        *session.execute(select(RequestEvidence.body_enc).where(RequestEvidence.receipt_id.in_(mine))).scalars(),
        *session.execute(select(UserSession.display_enc).where(UserSession.holder_id == holder_id)).scalars(),
        *session.execute(select(IdempotencyKey.body_enc).where(IdempotencyKey.actor == subject)).scalars(),
    ]
    _run(session, delete(RequestEvidence).where(RequestEvidence.receipt_id.in_(mine)))
    _run(session, delete(IdempotencyKey).where(IdempotencyKey.actor == subject))
    return [blob[_PLATFORM_NONCE].hex() for blob in traces if blob]


def _blank_contents(session: Session, holder_id: str, retained: set[str]) -> None:
    for content_id in session.execute(select(Content.id).where(Content.holder_id == holder_id)).scalars().all():
        if content_id not in retained:
            _blank_content(session, content_id)


def _blank_content(session: Session, content_id: str) -> None:
    """Of a content and its copies nothing stays that says what was in them; a delivered file's hash knows it again."""
    _run(session, delete(Provenance).where(Provenance.content_id == content_id))
    _run(
        session,
        update(Content).where(Content.id == content_id).values(original_enc=GONE, original_sha256=NO_HASH, records=[]),
    )
    _run(
        session,
        update(Copy).where(Copy.content_id == content_id).values(file_enc=GONE, mark_salt_enc=GONE, mark_document={}),
    )


def _blank_records(session: Session, holder_id: str) -> None:
    """Versions of one certificate stay together, under a number that is nobody's."""
    numbers = session.execute(select(Record.number_bidx).where(Record.holder_id == holder_id).distinct()).scalars()
    for number in numbers.all():
        mine = (Record.holder_id == holder_id) & (Record.number_bidx == number)
        _run(
            session,
            update(Record).where(mine).values(number_bidx=os.urandom(32), content_bidx=os.urandom(32), body_enc=GONE),
        )


def _listing(rows: Sequence[object]) -> Json:
    listed: list[Json] = [[str(row[0]), "0x" + bytes(row[1]).hex()] for row in rows]  # type: ignore[index]  # rows of two columns
    return {"count": len(listed), "sha256": "0x" + hashlib.sha256(canonical(listed)).hexdigest()}


def _run(session: Session, statement: object) -> None:
    session.execute(statement.execution_options(synchronize_session=False))  # type: ignore[attr-defined]  # update or delete
