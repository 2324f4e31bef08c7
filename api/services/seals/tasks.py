"""Joint sealing, step by step: m of n departments seal in their order, each the file with all seals before its own.

A department may seal or decline only when everybody before it has done either. Once enough have sealed the certificate
is issued and nobody seals any more; once too few are left it is refused; where the issuer ends or renews the agreement,
what still waits is replaced, so that nobody waits for a department that is gone. Whoever seals is shown what kind of
certificate it is, whose seals it has and the file's hash, and no value of the holder's.

The seal is made outside any transaction; the short one after it looks again whether it is still this step's turn and
the same file. A crash between the two leaves the step waiting.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.services.context import Actor, Context, Role
from api.services.seals import documents
from api.store import Session, clock, read_only, unit_of_work
from api.store.queries import holders, parties, records, seals
from api.store.queries.paging import Page
from api.store.queries.returns import RecordStatus
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Party, SealedDocument, SealStep
from chain.canonical import Json
from chain.receipt import ReceiptKind


@dataclass(frozen=True, slots=True)
class Step:
    """One seal of a task: whose, in what state, when."""

    position: int
    party: Party
    state: str
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class Task:
    """A joint sealing as a department sees it; `my_turn` tells whether it may seal or decline now."""

    number: str
    type_code: str
    issuer: Party
    state: str
    needed: int
    steps: Sequence[Step]
    sha256: bytes
    created_at_ms: int
    my_turn: bool


def list_own(ctx: Context, actor: Actor, cursor: str | None = None) -> Page[Task]:
    """Joint sealings in which a department takes part, newest first."""
    own = actor.party(Role.DEPARTMENT)
    with read_only(ctx.db) as session:
        page = seals.tasks_of(session, own, cursor=cursor)
        return Page([_task(session, row, own) for row in page.items], page.next_cursor)


def waiting(ctx: Context, actor: Actor) -> int:
    """How many wait for a department's seal, or will once others have sealed."""
    with read_only(ctx.db) as session:
        return seals.waiting_for(session, actor.party(Role.DEPARTMENT))


def seal(ctx: Context, actor: Actor, number: str) -> Task:
    """Set the department's seal.

    Raises `seals.task_not_found`, `seals.not_your_turn` (somebody before has yet to seal), `seals.step_done`,
    `seals.task_closed`, and what `office.kit` raises.
    """
    own = actor.party(Role.DEPARTMENT)
    with read_only(ctx.db) as session:
        row = _row(session, number, own)
        step, all_steps = _turn(session, row, own)
        file = seals.open_document(holders.holder_key(session, ctx.vault, row.holder_id), row)
        party = parties.get_party(session, own)
        assert party is not None
        position, before = step.position, row.file_sha256
    sealed, serial = documents.add_seal(ctx, number, file, party, position, len(all_steps) - 1)
    with unit_of_work(ctx.db) as session:
        row = _row(session, number, own, lock=True)
        step, all_steps = _turn(session, row, own)
        if row.file_sha256 != before:
            raise ApiError("seals.not_your_turn", Kind.CONFLICT)
        now = clock.advance(session)
        step.state, step.serial, step.at_ms = seals.SEALED, serial, now
        step.file_sha256 = row.file_sha256 = hashlib.sha256(sealed).digest()
        step.receipt_id = documents.receipt(session, ctx, row, step)
        if _sealed(all_steps) >= row.needed:
            row.state, row.sealed_at_ms = seals.SEALED, now
        seals.seal_document(holders.holder_key(session, ctx.vault, row.holder_id), row, sealed)
        session.flush()
        task = _task(session, row, own)
    ctx.log.wake()
    return task


def decline(ctx: Context, actor: Actor, number: str) -> Task:
    """Say that the department does not seal; the task goes on with the others while enough are left. Raises as `seal`.

    Once refused it is never issued: half-sealed it is no certificate.
    """
    own = actor.party(Role.DEPARTMENT)
    with unit_of_work(ctx.db) as session:
        row = _row(session, number, own, lock=True)
        step, all_steps = _turn(session, row, own)
        now = clock.advance(session)
        key = holders.holder_key(session, ctx.vault, row.holder_id)
        file = seals.open_document(key, row)
        step.state, step.at_ms = seals.DECLINED, now
        details: dict[str, Json] = {"act": "declined", "document": row.id, "position": step.position, "by": own}
        draft = ReceiptDraft(ReceiptKind.SEAL, details, holder_id=row.holder_id, party_id=own)
        step.receipt_id = prepare_receipt(session, ctx.vault, draft)
        left = sum(1 for one in all_steps if one.position > 1 and one.state != seals.DECLINED)
        if left < row.needed:
            row.state = seals.REFUSED
        seals.seal_document(key, row, file)
        session.flush()
        task = _task(session, row, own)
    ctx.log.wake()
    return task


def _row(session: Session, number: str, own: str, *, lock: bool = False) -> SealedDocument:
    row = seals.get_document(session, number, lock=lock)
    if row is None or row.needed == 0 or all(step.party_id != own for step in seals.steps_of(session, number)):
        raise ApiError("seals.task_not_found", Kind.NOT_FOUND)
    return row


def _turn(session: Session, row: SealedDocument, own: str) -> tuple[SealStep, list[SealStep]]:
    """The department's step, if it is its turn; and all steps."""
    steps = seals.steps_of(session, row.id)
    mine = next(step for step in steps if step.party_id == own)
    if mine.state != seals.WAITING:
        raise ApiError("seals.step_done", Kind.CONFLICT)
    if not _open(session, row):
        raise ApiError("seals.task_closed", Kind.CONFLICT)
    if any(step.state == seals.WAITING for step in steps if step.position < mine.position):
        raise ApiError("seals.not_your_turn", Kind.CONFLICT)
    return mine, steps


def _open(session: Session, row: SealedDocument) -> bool:
    """Nobody seals under an agreement that stands no more, nor a version that was corrected or revoked meanwhile."""
    if documents.state(session, row) != seals.WAITING:
        return False
    return records.status_of(session, row.record_id) == RecordStatus.CURRENT


def _sealed(steps: Sequence[SealStep]) -> int:
    return sum(1 for step in steps if step.position > 1 and step.state == seals.SEALED)


def _task(session: Session, row: SealedDocument, own: str) -> Task:
    steps = seals.steps_of(session, row.id)
    named = [parties.get_party(session, step.party_id) for step in steps]
    issuer = parties.get_party(session, row.issuer_id)
    assert issuer is not None
    first = next((step for step in steps if step.state == seals.WAITING), None)
    return Task(
        row.id,
        row.type_code,
        issuer,
        documents.state(session, row),
        row.needed,
        [
            Step(step.position, party, step.state, step.at_ms)
            for step, party in zip(steps, named, strict=True)
            if party is not None
        ],
        row.file_sha256,
        row.created_at_ms,
        first is not None and first.party_id == own and _open(session, row),
    )
