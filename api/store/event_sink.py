"""`chain.ports.EventSink` on this database: what the chain confirmed, and what a reorg took back.

`apply` and `rewind` are one transaction each, cursor included. A rewind turns *anchored* back to *pending*. It never
undoes a revocation, a grant's end or a suspension: those hold here from the moment they are known, chain or no chain.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import BigInteger, delete, exists, insert, literal, select, update
from sqlalchemy.orm import Session

from api.policy.states import GRANT_TRANSITIONS, GrantState
from api.store.crypto import Vault
from api.store.database import Database, database_time_ms, read_only, unit_of_work
from api.store.locks import give_way
from api.store.queries import amendments, party_acts
from api.store.queries.grants import CHAIN, append_event, events_of, lock_grant
from api.store.queries.parties import PartyStatus, set_status
from api.store.queries.returns import BatchState, RecordStatus, ReturnState
from api.store.tables import (
    Batch,
    ChainBlock,
    ChainTx,
    ChainTxHistory,
    Checkpoint,
    Grant,
    GrantEvent,
    Party,
    PartyEvent,
    Record,
    Return,
)
from chain.grantmsg import GrantStatus
from chain.ports import BlockRef, ChainEvent, Cursor, TxState

ANCHORED = "anchored"
PENDING = "pending"
KEPT_BLOCKS = 4096
_CHUNK = 500
_WORD_BITS = 256
_REGULATORS = frozenset({"regulator", CHAIN})
_ENDED_BY_PLATFORM = frozenset(
    # REVOKED without a number: a grant under its holder's own key, taken back without it.
    {GrantState.TERMINATED, GrantState.INVALIDATED, GrantState.SUPERSEDED, GrantState.REVOKED}
)

_STATE_OF = {
    GrantStatus.ACTIVE: GrantState.ACTIVE,
    GrantStatus.PAUSED: GrantState.PAUSED,
    GrantStatus.REVOKED: GrantState.REVOKED,
}


class SqlEventSink:
    """Takes confirmed events in; see the port for the rules of `apply` and `rewind`."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db = db
        self._vault = vault

    def cursor(self) -> Cursor | None:
        """The newest applied block; None before the first."""
        newest = self.recent(1)
        return newest[0] if newest else None

    def recent(self, limit: int) -> list[Cursor]:
        """The last applied block references, newest first."""
        with read_only(self._db) as session:
            rows = session.execute(
                select(ChainBlock.number, ChainBlock.hash).order_by(ChainBlock.number.desc()).limit(limit)
            )
            return [Cursor(number, block_hash) for number, block_hash in rows]

    def apply(self, events: Sequence[ChainEvent], upto: BlockRef, trail: Sequence[BlockRef] = ()) -> None:
        """Take in the events of all blocks after the cursor up to `upto`, which becomes the cursor."""
        with unit_of_work(self._db) as session:
            give_way(session)
            for event in events:
                handler = _HANDLERS.get((event.contract, event.name))
                if handler is not None:
                    handler(session, event)
                if (event.contract, event.name) == ("PartyRegistry", "PartyAdmitted"):
                    _party_admitted(session, self._vault, event)
                status = _PARTY_STATUS.get((event.contract, event.name))
                if status is not None:
                    _party_changed(session, self._vault, event, status)
            _confirm_transactions(session, events)
            for block in (*trail, upto):
                session.add(ChainBlock(number=block.number, hash=block.hash, time_s=block.time_s))
            session.execute(
                delete(ChainBlock)
                .where(ChainBlock.number < upto.number - KEPT_BLOCKS)
                .execution_options(synchronize_session=False)
            )

    def rewind(self, to: Cursor | None) -> None:
        """Undo everything above `to`: what was anchored there is pending again."""
        above = -1 if to is None else to.number
        with unit_of_work(self._db) as session:
            give_way(session)
            for table in (Batch, Checkpoint, Grant, Party):
                session.execute(
                    update(table)
                    .where(table.anchored_block > above)
                    .values(anchor_state=PENDING, anchored_block=None)
                    .execution_options(synchronize_session=False)
                )
            for history in (GrantEvent, PartyEvent):
                session.execute(
                    update(history)
                    .where(history.anchored_block > above)
                    .values(anchored_block=None)
                    .execution_options(synchronize_session=False)
                )
            unanchored = exists().where(Batch.return_id == Return.id, Batch.anchor_state != ANCHORED)
            session.execute(
                update(Return)
                .where(Return.state == ReturnState.ANCHORED.value, unanchored)
                .values(state=ReturnState.SEALED.value, anchored_at_ms=None)
                .execution_options(synchronize_session=False)
            )
            # Their blocks are gone, success or failure with them: the relay offers the stored bytes again.
            taken_away = ChainTx.block_number > above
            lines = select(
                ChainTx.key, literal(TxState.SENT.value), literal(database_time_ms(session), BigInteger)
            ).where(taken_away)
            session.execute(insert(ChainTxHistory).from_select(["key", "state", "at_ms"], lines))
            session.execute(
                update(ChainTx)
                .where(taken_away)
                .values(state=TxState.SENT.value, block_number=None, block_hash=None, error=None)
                .execution_options(synchronize_session=False)
            )
            session.execute(
                delete(ChainBlock).where(ChainBlock.number > above).execution_options(synchronize_session=False)
            )


def _confirm_transactions(session: Session, events: Sequence[ChainEvent]) -> None:
    blocks = {event.tx_hash: event.block for event in events}
    hashes = list(blocks)
    for start in range(0, len(hashes), _CHUNK):
        rows = session.execute(select(ChainTx).where(ChainTx.tx_hash.in_(hashes[start : start + _CHUNK]))).scalars()
        for row in rows:
            if row.state == TxState.CONFIRMED and row.block_number == blocks[row.tx_hash or b""].number:
                continue
            # An event stands in a succeeded transaction only, so this is final whatever was noted before.
            assert row.tx_hash is not None
            block = blocks[row.tx_hash]
            row.state, row.error = TxState.CONFIRMED.value, None
            row.block_number, row.block_hash = block.number, block.hash
            at_ms = database_time_ms(session)
            line = ChainTxHistory(key=row.key, state=row.state, at_ms=at_ms, block_number=block.number, error=None)
            session.add(line)


def _anchored(session: Session, event: ChainEvent) -> None:
    issuer, root, size = _bytes(event, "issuer"), _bytes(event, "root"), _int(event, "size")
    batch = session.execute(
        select(Batch).where(Batch.issuer == issuer, Batch.root == root, Batch.size == size)
    ).scalar_one_or_none()
    if batch is None or session.get_one(Return, batch.return_id).sealed_at_ms is None:
        # Not ours, of another size, or not sealed here yet: the chain alone shows nothing to a holder.
        return
    batch.anchor_state, batch.anchored_block = BatchState.ANCHORED.value, event.block.number
    session.flush()
    waiting = session.execute(
        select(Batch.id).where(Batch.return_id == batch.return_id, Batch.anchor_state != ANCHORED).limit(1)
    ).first()
    if waiting is None:
        session.execute(
            update(Return)
            .where(Return.id == batch.return_id, Return.state == ReturnState.SEALED.value)
            .values(state=ReturnState.ANCHORED.value, anchored_at_ms=database_time_ms(session))
            .execution_options(synchronize_session=False)
        )


def _revoked(session: Session, event: ChainEvent) -> None:
    issuer, root = _bytes(event, "issuer"), _bytes(event, "root")
    word, mask = _int(event, "word"), _int(event, "mask")
    indexes = [word * _WORD_BITS + bit for bit in range(_WORD_BITS) if mask >> bit & 1]
    batch = select(Batch.id).where(Batch.issuer == issuer, Batch.root == root).scalar_subquery()
    meant = select(Record.id).where(Record.batch_id == batch, Record.leaf_index.in_(indexes))
    amendments.mark_revoked(session, session.execute(meant).scalars().all(), event.block.number)
    session.execute(
        update(Record)
        # One that was replaced stays so: a newer version stands for it.
        .where(
            Record.batch_id == batch,
            Record.leaf_index.in_(indexes),
            Record.status != RecordStatus.SUPERSEDED.value,
        )
        .values(status=RecordStatus.REVOKED.value)
        .execution_options(synchronize_session=False)
    )


def _grant_registered(session: Session, event: ChainEvent) -> None:
    session.execute(
        update(Grant)
        .where(Grant.digest == _bytes(event, "id"))
        .values(anchor_state=ANCHORED, anchored_block=event.block.number)
        .execution_options(synchronize_session=False)
    )


def _grant_changed(session: Session, event: ChainEvent) -> None:
    """Confirm a signed change of ours; take over one that the holder's own key sent past this service."""
    grant = _locked_grant(session, event)
    if grant is None:
        return
    seq, status = _int(event, "seq"), _int(event, "status")
    ours = next((item for item in events_of(session, grant.id) if item.number == seq), None)
    if ours is not None:
        ours.anchored_block = event.block.number
        return
    state = _STATE_OF.get(GrantStatus(status))
    if state is not None:
        _take_over(session, grant, state, event, number=seq)
    grant.seq = max(grant.seq, seq + 1)


def _grant_ended(session: Session, event: ChainEvent) -> None:
    """Confirm an end of ours that no key of the grant signed; take over one that was sent past this service."""
    grant = _locked_grant(session, event)
    if grant is None:
        return
    last = events_of(session, grant.id)[-1]
    if GrantState(last.state) in _ENDED_BY_PLATFORM and last.number is None:
        last.anchored_block = event.block.number
    else:
        _take_over(session, grant, GrantState.INVALIDATED, event)


def _grant_suspended(session: Session, event: ChainEvent) -> None:
    """Confirm a regulator's hold, or its lifting; take over one that was sent past this service."""
    grant = _locked_grant(session, event)
    if grant is None:
        return
    suspended = event.args["suspended"] is True
    ours = next(
        (
            item
            for item in events_of(session, grant.id)
            if item.actor in _REGULATORS
            and item.frozen is suspended
            and item.anchored_block is None
            # An event of a regulator that has a case and is no end is a hold or its lifting.
            and item.case_ref is not None
            and not GrantState(item.state).final
        ),
        None,
    )
    if ours is not None:
        ours.anchored_block = event.block.number
        return
    if grant.suspended is suspended or GrantState(grant.state).final:
        return
    grant.suspended = suspended
    grant.case_id = CHAIN if suspended and grant.case_id is None else grant.case_id if suspended else None
    entry = append_event(
        session,
        grant,
        GrantState(grant.state),
        actor=CHAIN,
        at_ms=database_time_ms(session),
        frozen=suspended,
        case_ref=grant.case_id or CHAIN,
    )
    entry.anchored_block = event.block.number


def _take_over(
    session: Session, grant: Grant, state: GrantState, event: ChainEvent, *, number: int | None = None
) -> None:
    if state in GRANT_TRANSITIONS[GrantState(grant.state)]:
        entry = append_event(session, grant, state, actor=CHAIN, at_ms=database_time_ms(session), number=number)
        entry.anchored_block = event.block.number


def _locked_grant(session: Session, event: ChainEvent) -> Grant | None:
    found = session.execute(select(Grant.id).where(Grant.digest == _bytes(event, "id"))).scalar_one_or_none()
    return None if found is None else lock_grant(session, found)


def _checkpoint_appended(session: Session, event: ChainEvent) -> None:
    size, root = _int(event, "size"), _bytes(event, "root")
    row = session.get(Checkpoint, size)
    if row is None:
        # A checkpoint that this database does not know, restored as it was from an earlier time. Its note is made anew
        # when the checkpointer adopts the chain's head.
        row = Checkpoint(size=size, root=root, note="", tx_key="", created_at_ms=database_time_ms(session))
        session.add(row)
    if row.root == root:
        row.anchor_state, row.anchored_block = ANCHORED, event.block.number


def _party_admitted(session: Session, vault: Vault, event: ChainEvent) -> None:
    party = _party(session, event)
    if party is None:
        wanted, now = _bytes(event, "partyId"), database_time_ms(session)
        party_acts.admitted_on_chain(session, vault, wanted, event.block.number, now)
    else:
        party.anchor_state, party.anchored_block = ANCHORED, event.block.number


def _party_changed(session: Session, vault: Vault, event: ChainEvent, status: PartyStatus) -> None:
    party = _party(session, event)
    if party is not None and party.status != status:
        now = database_time_ms(session)
        entry = set_status(session, vault, party, status, actor=CHAIN, at_ms=now)
        entry.anchored_block = event.block.number
        if status is PartyStatus.ACTIVE:
            party_acts.returned_on_chain(session, vault, party.id, now)


def _party(session: Session, event: ChainEvent) -> Party | None:
    """The party whose id hashes to the event's: the registry knows parties by SHA-256 of their id here."""
    wanted = _bytes(event, "partyId")
    for party_id in session.execute(select(Party.id)).scalars():
        if hashlib.sha256(party_id.encode()).digest() == wanted:
            return session.get(Party, party_id)
    return None


def _bytes(event: ChainEvent, name: str) -> bytes:
    value = event.args[name]
    assert isinstance(value, bytes)
    return value


def _int(event: ChainEvent, name: str) -> int:
    value = event.args[name]
    assert isinstance(value, int)
    return value


_HANDLERS: Mapping[tuple[str, str], Callable[[Session, ChainEvent], None]] = {
    ("CertificateAnchors", "Anchored"): _anchored,
    ("CertificateAnchors", "Revoked"): _revoked,
    ("Grants", "GrantRegistered"): _grant_registered,
    ("Grants", "GrantChanged"): _grant_changed,
    ("Grants", "GrantEnded"): _grant_ended,
    ("Grants", "GrantSuspended"): _grant_suspended,
    ("ReceiptLog", "CheckpointAppended"): _checkpoint_appended,
}
_PARTY_STATUS: Mapping[tuple[str, str], PartyStatus] = {
    ("PartyRegistry", "PartySuspended"): PartyStatus.SUSPENDED,
    ("PartyRegistry", "PartyReinstated"): PartyStatus.ACTIVE,
}
