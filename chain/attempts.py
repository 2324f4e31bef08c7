"""Several transactions for one fact: how they are named, and which of them stands for it."""

from collections.abc import Sequence

from chain.ports import TxJournal, TxRow, TxState

ATTEMPT = "~"
FILLER = "fill:"

NONCE_LOST = "chain.nonce_lost"
NONCE_FILLED = "chain.nonce_filled"
OUTBID = "chain.outbid"

OVER = (TxState.REPLACED, TxState.FAILED)


def attempt_key(key: str, attempt: int) -> str:
    """The journal's key of the n-th attempt at the fact of `key`, the first one being `key` itself."""
    return key if attempt == 1 else f"{key}{ATTEMPT}{attempt}"


def base_key(key: str) -> str:
    """The fact's key, whichever attempt's this is."""
    return key.partition(ATTEMPT)[0]


def attempts(journal: TxJournal, key: str) -> list[TxRow]:
    """Every row that was made for the fact of `key`, the first one first."""
    found: list[TxRow] = []
    while (row := journal.get(attempt_key(key, len(found) + 1))) is not None:
        found.append(row)
    return found


def standing(rows: Sequence[TxRow]) -> TxRow | None:
    """The row that stands for the fact: the newest that is not over, else the newest that failed, else the newest."""
    alive = [row for row in rows if row.state not in OVER or undecided(row)]
    failed = [row for row in rows if row.state is TxState.FAILED]
    chosen = alive or failed or rows
    return chosen[-1] if chosen else None


def undecided(row: TxRow) -> bool:
    """Whether a filler was made for its nonce and neither is final: the fact may still reach the chain by this row."""
    return row.state is TxState.REPLACED and row.error == NONCE_FILLED
