"""What flows count, on both stores, over rows whose figures are counted by hand."""

from collections import Counter
from typing import Any

from sqlalchemy.orm import Session

from api.store import read_only, unit_of_work
from api.store.database import Database
from api.store.queries import flows
from api.store.queries.flows import Wanted
from api.store.queries.indicators import Period
from api.store.tables import Base, Batch, Content, Copy, Grant, Holder, Party, Receipt, Record, Request, Return

DAY = 86_400_000
ZONE = 8 * 3_600_000
PERIOD = Period(0, 10 * DAY)


def some(table: type[Base], **said: Any) -> Base:
    """A row whose other columns hold what their kinds allow."""
    kinds = {int: 0, str: "x", bytes: bytes(32), bool: False, object: {}}
    for one in table.__table__.columns:
        if one.name not in said and not one.nullable and one.default is None:
            said[one.name] = kinds[one.type.python_type]
    return table(**said)


def fill(session: Session) -> None:
    """Two departments' records a and b of hold_1, c of hold_2: `SENT` says what went when, for what, to whom."""
    for party in ("dep_1", "dep_2", "ent_1", "ent_2"):
        session.add(some(Party, id=party))
    for number, holder in enumerate(("hold_1", "hold_2")):
        session.add(some(Holder, id=holder, kind="person", number_bidx=bytes([number]) * 32))
    for number, department in enumerate(("dep_1", "dep_2")):
        session.add(some(Return, id=f"ret_{number}", party_id=department))
        session.flush()
        session.add(some(Batch, id=f"bat_{number}", return_id=f"ret_{number}", seq=number, root=bytes([number]) * 32))
    session.flush()
    for at, (record, batch, holder) in enumerate((("a", 0, "hold_1"), ("b", 1, "hold_1"), ("c", 0, "hold_2"))):
        kind = "t1" if batch == 0 else "t2"
        said = {"batch_id": f"bat_{batch}", "leaf_index": at, "number_bidx": bytes([at]) * 32, "version": 1}
        session.add(some(Record, id=record, holder_id=holder, type_code=kind, **said))
    session.flush()
    for number, (at_ms, records, holder, purpose, entity) in enumerate(SENT):
        n = f"{number}"
        session.add(some(Request, id="req_" + n, entity_id=entity))
        session.flush()
        terms = {"purpose": {"code": purpose}}
        digest = bytes([number]) * 32
        session.add(
            some(
                Grant,
                id="gr_" + n,
                request_id="req_" + n,
                holder_id=holder,
                entity_id=entity,
                terms=terms,
                digest=digest,
            )
        )
        session.add(some(Content, id="con_" + n, holder_id=holder, records=[{"record": one} for one in records]))
        session.flush()
        of = {"content_id": "con_" + n, "grant_id": "gr_" + n, "entity_id": entity}
        session.add(some(Copy, id="copy_" + n, fingerprint=digest, **of))
        session.flush()
        about = {"grant_id": "gr_" + n, "copy_id": "copy_" + n, "at_ms": at_ms, "number": number}
        session.add(some(Receipt, id="rcp_" + n, kind="delivery", holder_id=holder, party_id=entity, **about))
    session.add(some(Receipt, id="rcp_x", kind="look", holder_id="hold_2", party_id="ent_1", at_ms=5))


SENT = (
    (0, "ab", "hold_1", "p1", "ent_1"),
    (DAY - ZONE - 1, "a", "hold_1", "p2", "ent_1"),
    (DAY - ZONE, "c", "hold_2", "p1", "ent_2"),
    (2 * DAY, "c", "hold_2", "p1", "ent_1"),
    (10 * DAY, "c", "hold_2", "p1", "ent_1"),  # no longer within
)


def test_all_is_counted_and_filters_come_before_what_is_cut(db: Database) -> None:
    with unit_of_work(db) as session:
        fill(session)
    with read_only(db) as session:
        whole = Wanted(PERIOD)
        assert [(one.record_id, one.receipt_id) for one in flows.newest(session, whole, 3)] == [
            ("c", "rcp_3"),
            ("c", "rcp_2"),
            ("a", "rcp_1"),
        ]
        assert flows.busiest(session, whole, 1) == ["hold_1"]
        assert set(flows.holders(session, whole)) == {"hold_1", "hold_2"}
        assert flows.how_many_holders(session, whole) == 2
        assert flows.counted(session, whole, ["hold_1"]) == Counter(
            {
                ("dep_1", "hold_1", "p1", "ent_1"): 1,
                ("dep_2", "hold_1", "p1", "ent_1"): 1,
                ("dep_1", "hold_1", "p2", "ent_1"): 1,
                ("dep_1", "", "p1", "ent_2"): 1,
                ("dep_1", "", "p1", "ent_1"): 1,
            }
        )
        # The day begins eight hours before it does in Greenwich.
        assert flows.counted_by_day(session, whole, ZONE) == Counter(
            {(0, "p1"): 2, (0, "p2"): 1, (1, "p1"): 1, (2, "p1"): 1}
        )
        for wanted, records in (
            (Wanted(PERIOD, department_id="dep_2"), "b"),
            (Wanted(PERIOD, entity_id="ent_2"), "c"),
            (Wanted(PERIOD, purpose="p2"), "a"),
            (Wanted(PERIOD, type_code="t2"), "b"),
            (Wanted(PERIOD, holder_ids={"hold_2"}), "cc"),
            (Wanted(PERIOD, holder_ids=set()), ""),
            (Wanted(Period(0, 1), purpose="p1", holder_ids={"hold_1"}), "ab"),
        ):
            assert "".join(one.record_id for one in flows.newest(session, wanted, 9)) == records
            assert sum(flows.counted(session, wanted, []).values()) == len(records)
