"""How often a grant was used lately, from its delivery receipts: what fair use counts."""

from sqlalchemy import bindparam, case, func, select
from sqlalchemy.orm import Session

from api.policy.fair_use import DAY_MS, MONTH_DAYS, Used
from api.store.tables import Receipt
from chain.receipt import ReceiptKind

# Built once, as pulls ask it. A repeat that was counted before has `repeats` 0 and is no use of its own.
_RECENT = select(
    func.coalesce(func.sum(case((Receipt.at_ms > bindparam("day"), Receipt.repeats), else_=0)), 0),
    func.coalesce(func.sum(Receipt.repeats), 0),
).where(
    Receipt.grant_id == bindparam("grant"),
    Receipt.kind == ReceiptKind.DELIVERY.value,
    Receipt.at_ms > bindparam("month"),
)


def recent_uses(session: Session, grant_id: str, now_ms: int) -> Used:
    """Uses of a grant in the 24 hours and in the 30 days before `now_ms`."""
    times = {"day": now_ms - DAY_MS, "month": now_ms - MONTH_DAYS * DAY_MS}
    day, month = session.execute(_RECENT, {"grant": grant_id, **times}).one()
    return Used(int(day), int(month))


def total_before(session: Session, grant_id: str, position: int) -> int:
    """Uses of a grant that the log had numbered below `position`."""
    query = select(func.coalesce(func.sum(Receipt.repeats), 0)).where(
        Receipt.grant_id == grant_id, Receipt.kind == ReceiptKind.DELIVERY.value, Receipt.number < position
    )
    return int(session.execute(query).scalar_one())


def uses_before(session: Session, grant_id: str, position: int, now_ms: int) -> Used:
    """What `recent_uses` gave at `now_ms`, when the log held `position` receipts."""
    earlier = _RECENT.where(Receipt.number < position)
    times = {"day": now_ms - DAY_MS, "month": now_ms - MONTH_DAYS * DAY_MS}
    day, month = session.execute(earlier, {"grant": grant_id, **times}).one()
    return Used(int(day), int(month))
