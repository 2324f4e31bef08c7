"""Every indicator over a small store in which each figure is computed by hand, in the comments beside the rows."""

import itertools

import pytest
from sqlalchemy.orm import Session

from api.services.indicators import INDICATORS, Figure
from api.store import read_only, unit_of_work
from api.store.database import Database
from api.store.queries import indicators as counts
from api.store.queries.indicators import Counted, Period
from api.store.tables import (
    Batch,
    Content,
    Copy,
    CopyEvent,
    DataAsk,
    Dispute,
    Grant,
    Holder,
    Party,
    Receipt,
    Record,
    Request,
    Return,
    SealedDocument,
)

SINCE, UNTIL = 1_000_000, 2_000_000
BEFORE, WITHIN, AT_END, AFTER = SINCE - 1, SINCE, UNTIL - 1, UNTIL
PERIOD = Period(SINCE, UNTIL)
EXPECTED = {
    "quality": Counted(170, 200),
    "issuance": Counted(2, 5),
    "form_fields": Counted(5, 12),
    "replacement": Counted(2, 6),
    "refusals": Counted(4, 10),
    "overdue_deletions": Counted(2, 4),
    "asks_in_time": Counted(3, 5),
    "open_disputes": Counted(3),
}
_ids = itertools.count(1)


def hash_of() -> bytes:
    return next(_ids).to_bytes(32, "big")


def returned(
    session: Session, state: str, at: int, good: int, warned: int, bad: int, sealed: int | None = None
) -> None:
    session.add(
        Return(
            id=f"ret_{next(_ids)}",
            party_id="party_d",
            type_code="t",
            file_sha256=bytes(32),
            file_bytes=1,
            auto_seal=True,
            state=state,
            rows_good=good,
            rows_warned=warned,
            rows_bad=bad,
            rows_duplicate=1000,
            created_at_ms=at,
            sealed_at_ms=sealed,
        )
    )


def issued(session: Session, began: int, state: str, sealed: int | None, anchor: str) -> None:
    """A certificate whose sealed file was asked for, in a batch of its own."""
    number = next(_ids)
    returned(session, "anchored", AFTER, 0, 0, 0)
    session.flush()
    (return_id,) = session.query(Return.id).order_by(Return.id).limit(1).one()
    session.add(
        Batch(
            id=f"bat_{number}",
            return_id=return_id,
            seq=number,
            issuer=bytes(20),
            root=hash_of(),
            size=1,
            tree=b"",
            anchor_state=anchor,
        )
    )
    session.flush()
    session.add(
        Record(
            id=f"cert_{number}",
            holder_id="hold_1",
            batch_id=f"bat_{number}",
            leaf_index=0,
            leaf_hash=bytes(32),
            type_code="t",
            rules="r",
            number_bidx=hash_of(),
            content_bidx=bytes(32),
            version=1,
            body_enc=b"",
            status="current",
            created_at_ms=0,
        )
    )
    session.flush()
    session.add(
        SealedDocument(
            id=f"seal_{number}",
            holder_id="hold_1",
            record_id=f"cert_{number}",
            version=1,
            issuer_id="party_d",
            type_code="t",
            needed=0,
            state=state,
            file_sha256=bytes(32),
            file_enc=b"",
            created_at_ms=began,
            sealed_at_ms=sealed,
        )
    )


def asked(
    session: Session,
    state: str,
    decided: int | None,
    wanted: list[str],
    given: list[str] | None = None,
    copies: tuple[int, ...] = (),
    **more: str | None,
) -> None:
    """A request for fields written `type/field`; with what was given, and when copies were made."""
    number = next(_ids)

    def items(listed: list[str]) -> list[dict[str, object]]:
        return [{"type": one.split("/")[0], "field": one.split("/")[1]} for one in listed]

    request = Request(
        id=f"req_{number}",
        entity_id="party_e",
        holder_id="hold_1",
        purpose_code="p",
        items=items(wanted),
        cut=[],
        wanted_days=1,
        wanted_uses=1,
        state=state,
        created_at_ms=BEFORE,
        lapses_at_ms=AFTER,
        decided_at_ms=decided,
    )
    for name, value in more.items():
        setattr(request, name, value)
    session.add(request)
    session.flush()
    if given is None:
        return
    session.add(
        Grant(
            id=f"grant_{number}",
            request_id=request.id,
            holder_id="hold_1",
            entity_id="party_e",
            digest=hash_of(),
            key_address=bytes(20),
            terms={"items": items(given)},
            message={},
            signature=bytes(65),
            secret_enc=b"",
            custody="custody",
            state="active",
            not_before_ms=0,
            not_after_ms=1,
            max_uses=1,
            created_at_ms=decided or 0,
        )
    )
    session.flush()
    for at in copies:
        copy(session, f"grant_{number}", at)


def copy(session: Session, grant: str, at: int, *events: tuple[str, int]) -> None:
    number = next(_ids)
    session.add(
        Copy(
            id=f"copy_{number}",
            content_id="cont_1",
            grant_id=grant,
            entity_id="party_e",
            fingerprint=hash_of(),
            media_type="m",
            epoch="e",
            file_enc=b"",
            file_sha256=bytes(32),
            mark_document={},
            mark_salt_enc=b"",
            created_at_ms=at,
        )
    )
    session.flush()
    for seq, (state, moved) in enumerate(events):
        session.add(
            CopyEvent(
                copy_id=f"copy_{number}",
                seq=seq,
                state=state,
                actor="worker",
                reason="r",
                prev_hash=bytes(32),
                at_ms=moved,
            )
        )


def receipt(session: Session, kind: str, at: int, repeats: int = 1) -> None:
    session.add(
        Receipt(id=f"rcpt_{next(_ids)}", kind=kind, repeats=repeats, commitment=bytes(32), details_enc=b"", at_ms=at)
    )


def dispute(session: Session, opened: int, closed: int | None) -> None:
    number = next(_ids)
    session.add(
        Dispute(
            id=f"disp_{number}",
            number=number,
            holder_id="hold_1",
            party_id="party_d",
            subject="certificate",
            state="opened" if closed is None else "refused",
            contested=False,
            ordered=False,
            statement_enc=b"",
            opened_at_ms=opened,
            plain=False,
            closed_at_ms=closed,
        )
    )


def data_ask(session: Session, filed: int, settled: int | None, in_time: bool | None) -> None:
    number = next(_ids)
    session.add(
        DataAsk(
            id=f"ask_{number}",
            number=number,
            asker_id="party_e",
            asked_by="staff:party_e",
            fields=[],
            words="w",
            purpose="p",
            basis="b",
            frequency="once",
            state="waiting" if settled is None else "agreed",
            restarted=False,
            filed_at_ms=filed,
            plain=False,
            settled_at_ms=settled,
            in_time=in_time,
        )
    )


@pytest.fixture
def town(db: Database) -> Database:
    with unit_of_work(db) as session:
        for party, role in (("party_d", "department"), ("party_e", "entity")):
            session.add(Party(id=party, role=role, name_zh="x", name_en="x", status="active", created_at_ms=0))
        session.add(
            Holder(
                id="hold_1",
                kind="person",
                number_bidx=bytes(32),
                wrapped_key=b"",
                master_key_id="m",
                key_commitment=bytes(32),
                created_at_ms=0,
            )
        )
        session.flush()
        session.add(
            Content(
                id="cont_1",
                holder_id="hold_1",
                media_type="m",
                epoch="e",
                original_enc=b"",
                original_sha256=bytes(32),
                records=[],
                created_at_ms=0,
            )
        )
        # Quality, by when it was handed in: (90 + 80) of (100 + 100).
        returned(session, "checked", WITHIN, 90, 3, 10)
        returned(session, "anchored", AT_END, 80, 5, 20, sealed=AT_END)
        returned(session, "sealed", BEFORE, 40, 0, 60, sealed=WITHIN)  # handed in before; not anchored yet
        returned(session, "anchored", BEFORE, 10, 10, 0, sealed=WITHIN)  # every row with a remark
        returned(session, "failed", WITHIN, 7, 0, 7)
        returned(session, "checking", WITHIN, 7, 0, 7)
        returned(session, "anchored", AFTER, 500, 0, 0, sealed=AFTER)
        # Issuance: begun within 5, of which 2 were sealed by the end and anchored; one was sealed later, one still
        # waits, of one the root is not on the chain. Replaced ones, and those begun before or after, do not count.
        for began, state, sealed, anchor in (
            (WITHIN, "sealed", WITHIN, "anchored"),
            (WITHIN, "sealed", AT_END, "anchored"),
            (AT_END, "sealed", AFTER, "anchored"),
            (AT_END, "waiting", None, "anchored"),
            (WITHIN, "sealed", WITHIN, "pending"),
            (WITHIN, "replaced", None, "anchored"),
            (BEFORE, "sealed", WITHIN, "anchored"),
            (AFTER, "sealed", AFTER, "anchored"),
        ):
            issued(session, began, state, sealed, anchor)
        # Fields: asked 4 + 2 + 3 + 3 = 12, given 3 + 2 = 5. Kinds: asked 2 + 1 + 1 + 2 = 6, delivered 2 of the first;
        # of the second nothing was taken before the end.
        asked(session, "approved", WITHIN, ["a/1", "a/2", "b/1", "b/2"], ["a/1", "b/1", "b/2"], (WITHIN, AT_END))
        asked(session, "approved", AT_END, ["a/1", "a/2"], ["a/1", "a/2"], (AFTER,))
        asked(session, "denied", AT_END, ["a/1", "a/2", "a/3"])
        asked(session, "lapsed", WITHIN, ["a/1", "b/1", "b/2"])
        asked(session, "requested", None, ["a/1"])
        asked(session, "approved", BEFORE, ["a/1"], ["a/1"], (WITHIN,))
        asked(session, "approved", AFTER, ["a/1"], ["a/1"], (AFTER,))
        asked(session, "approved", WITHIN, ["a/1"], ["a/1"], (WITHIN,), legal_basis="statutory_duty")
        asked(session, "approved", WITHIN, ["a/1"], ["a/1"], (WITHIN,), origin="holder")
        asked(session, "lapsed", WITHIN, ["a/1"], holder_id=None)  # a number that nobody has
        # Pulls: refused 1 + 3 = 4, delivered 6.
        for kind, at, repeats in (("refusal", WITHIN, 1), ("refusal", AT_END, 3), ("refusal", AFTER, 9)):
            receipt(session, kind, at, repeats)
        for at in (WITHIN,) * 5 + (AT_END, BEFORE, AFTER):
            receipt(session, "delivery", at)
        # Deletions, as of the end: ordered 4; overdue then 2 (the third was deleted in time, the fourth afterwards).
        asked(session, "approved", AFTER, ["a/1"], ["a/1"])
        session.flush()
        (grant,) = session.query(Grant.id).order_by(Grant.created_at_ms.desc(), Grant.id.desc()).limit(1).one()
        copy(session, grant, AFTER, ("held", 1), ("delete_due", BEFORE), ("overdue", BEFORE))
        copy(session, grant, AFTER, ("delete_due", WITHIN), ("overdue", WITHIN), ("escalated", AT_END))
        copy(session, grant, AFTER, ("delete_due", WITHIN), ("overdue", WITHIN), ("deleted", AT_END))
        copy(session, grant, AFTER, ("delete_due", WITHIN), ("overdue", AFTER))
        copy(session, grant, AFTER, ("delete_due", AFTER), ("overdue", AFTER))
        # Asks settled within: 5, three of them in time (one filed before). Not yet, before and after do not count.
        for filed, settled, in_time in (
            (BEFORE, WITHIN, True),
            (WITHIN, WITHIN, True),
            (WITHIN, AT_END, True),
            (BEFORE, WITHIN, False),
            (WITHIN, AT_END, False),
            (WITHIN, None, None),
            (WITHIN, AFTER, True),
            (BEFORE, BEFORE, False),
        ):
            data_ask(session, filed, settled, in_time)
        # Disputes open at the end: 3.
        for opened, closed in ((BEFORE, None), (WITHIN, AFTER), (AT_END, None), (WITHIN, AT_END), (AFTER, None)):
            dispute(session, opened, closed)
    return db


def test_each_figure_is_the_one_computed_by_hand(town: Database) -> None:
    with read_only(town) as session:
        found = {one.code: one.count(session, PERIOD) for one in INDICATORS}
    assert found == EXPECTED


def test_a_period_without_anything_has_no_share(db: Database) -> None:
    with read_only(db) as session:
        for one in INDICATORS:
            got = one.count(session, PERIOD)
            assert got.numerator == 0
            assert Figure(one, got.numerator, got.denominator).share is None


def test_a_wrong_count_is_found(town: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "_CHECKED", (*counts._CHECKED, "failed"))
    with read_only(town) as session:
        assert INDICATORS[0].count(session, PERIOD) == Counted(177, 214) != EXPECTED["quality"]


def test_each_has_its_definition_in_both_languages() -> None:
    assert [one.code for one in INDICATORS] == list(EXPECTED)
    for one in INDICATORS:
        assert one.zh
        assert len(one.definition_zh) > 15
        assert len(one.definition_en.split()) > 8
