"""What the worker does with registers: counts of repeated looks are written into the log, old entries are purged.

How long a register is kept stands in `api/catalogue/retention.toml`. What is purged leaves a receipt that says of which
register, up to which day and how many entries; the receipts of the entries themselves stay in the log.
"""

import logging

from api.catalogue.case_register import case_rules
from api.catalogue.retention import load_retention
from api.services.case_register import closed_before
from api.services.context import Context
from api.services.looks import WINDOW_MS
from api.store import clock, read_only, unit_of_work
from api.store.queries import case_registers, looks, statutory
from api.store.receipts import ReceiptDraft, prepare_receipt
from chain.canonical import Json
from chain.receipt import ReceiptKind

log = logging.getLogger("mydata.registers")

DAY_MS = 86_400_000
SETTLED_MS = WINDOW_MS + 60_000  # a look that began in its window has been counted by then
STATUTORY = "statutory_accesses"
CASES = "case_numbers"


def keep_house(ctx: Context) -> int:
    """All of it; how many rows were written or purged. Raises ApiError of the store."""
    done = seal_counts(ctx) + purge_statutory(ctx) + purge_cases(ctx)
    if done:
        ctx.log.wake()
    return done


def seal_counts(ctx: Context) -> int:
    """Give every look that was repeated a second receipt, once its window is over: how often it was; how many."""
    with read_only(ctx.db) as session:
        due = looks.uncounted(session, clock.now_ms(session) - SETTLED_MS)
    for receipt_id in due:
        with unit_of_work(ctx.db) as session:
            clock.advance(session)
            looks.seal_count(session, ctx.vault, receipt_id)
    with unit_of_work(ctx.db) as session:
        # Of a look that was not repeated there is nothing to count.
        looks.forget_single(session, clock.now_ms(session) - SETTLED_MS)
    return len(due)


def purge_statutory(ctx: Context) -> int:
    """Purge queries by statutory duty whose time of keeping is over; how many.

    Left are those that a case is about, and those whose line is masked still.
    """
    days = load_retention().registers[STATUTORY].days
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
        if not statutory.purgeable(session, now, now - days * DAY_MS, limit=1):
            return 0
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        before = now - days * DAY_MS
        gone = statutory.purge(session, now, before)
        if not gone:
            return 0
        details: dict[str, Json] = {"act": "purged", "register": STATUTORY, "before_ms": before, "count": gone}
        prepare_receipt(session, ctx.vault, ReceiptDraft(ReceiptKind.COUNT, details))
    log.info("register %s: %d entries older than %d days purged", STATUTORY, gone, days)
    return gone


def purge_cases(ctx: Context) -> int:
    """Purge the numbers of cases that were closed long ago, and accounts of which nothing needs to be known; how many.

    Without a receipt: of this register nothing stands in the log.
    """
    days, idle_ms = load_retention().registers[CASES].days, case_rules().separation_days * DAY_MS
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
        if not case_registers.is_purgeable(session, closed_before(now, days), now - idle_ms):
            return 0
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        gone = case_registers.purge(session, closed_before(now, days), now - idle_ms)
    log.info("register %s: %d entries of cases closed more than %d days ago purged", CASES, gone, days)
    return gone
