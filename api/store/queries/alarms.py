"""Alarms of access by statutory duty: raised, grown, closed; each step is a receipt of kind admission.

For what they say is what a party may do: while one that blocks is open, its queries are refused.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.policy.statutory import BLOCKING, Alarm, AlarmKind
from api.store.crypto import Vault
from api.store.ids import new_alarm_id
from api.store.queries.statutory import AlarmState
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import StatutoryAlarm
from chain.canonical import Json
from chain.receipt import ReceiptKind


def raise_alarm(session: Session, vault: Vault, party_id: str, basis_code: str, alarm: Alarm, now_ms: int) -> None:
    """Raise an alarm, or add to the open one of its kind."""
    row = session.execute(
        select(StatutoryAlarm).where(
            StatutoryAlarm.party_id == party_id,
            StatutoryAlarm.basis_code == basis_code,
            StatutoryAlarm.kind == alarm.kind.value,
            StatutoryAlarm.state == AlarmState.OPEN.value,
        )
    ).scalar_one_or_none()
    if row is not None:
        # Of odd hours the times are counted; the others say how far it went.
        row.seen = row.seen + 1 if alarm.kind is AlarmKind.HOURS else max(row.seen, alarm.seen)
        row.last_at_ms = now_ms
    else:
        row = StatutoryAlarm(
            id=new_alarm_id(),
            party_id=party_id,
            basis_code=basis_code,
            kind=alarm.kind.value,
            blocks=alarm.kind in BLOCKING,
            seen=alarm.seen,
            limit=alarm.limit,
            state=AlarmState.OPEN.value,
            raised_at_ms=now_ms,
            last_at_ms=now_ms,
        )
        session.add(row)
    _receipt(session, vault, row)


def close(session: Session, vault: Vault, row: StatutoryAlarm, by: str, remark: str, now_ms: int) -> None:
    """Close a locked alarm; the party may query again unless another is open."""
    row.state, row.closed_by, row.closed_at_ms, row.remark = AlarmState.CLOSED.value, by, now_ms, remark
    _receipt(session, vault, row)


def stated(row: StatutoryAlarm) -> dict[str, Json]:
    """What the receipt of an alarm's newest step says: its row as it stands."""
    return {
        "act": "alarm",
        "alarm": row.id,
        "party": row.party_id,
        "basis": row.basis_code,
        "kind": row.kind,
        "blocks": bool(row.blocks),
        "seen": row.seen,
        "limit": row.limit,
        "state": row.state,
        "raised_at_ms": row.raised_at_ms,
        "last_at_ms": row.last_at_ms,
        "by": row.closed_by,
        "closed_at_ms": row.closed_at_ms,
        "remark": row.remark,
    }


def _receipt(session: Session, vault: Vault, row: StatutoryAlarm) -> None:
    session.flush()
    prepare_receipt(session, vault, ReceiptDraft(ReceiptKind.ADMISSION, stated(row), party_id=row.party_id))
