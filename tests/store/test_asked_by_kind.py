"""Receipts of a kind and period are found by an index: flow map and indicators do not read the whole log."""

import pytest
from sqlalchemy import text

from api.store import read_only
from api.store.database import Database

BY_KIND = "ix_receipts_kind_at_ms"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id FROM receipts WHERE kind = 'delivery' AND at_ms >= 5 AND at_ms < 9 ORDER BY at_ms DESC, id LIMIT 9",
        "SELECT sum(repeats) FROM receipts WHERE kind = 'refusal' AND at_ms >= 5 AND at_ms < 9",
    ],
)
def test_the_index_is_used(query: str, db: Database) -> None:
    with read_only(db) as session:
        if db.is_sqlite:
            plan = session.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()
        else:
            session.execute(text("SET LOCAL enable_seqscan = off"))  # of an empty table all is read sooner
            plan = session.execute(text(f"EXPLAIN {query}")).all()
    assert BY_KIND in str(plan)
