"""The check of the whole store against keys and chain.

It names every row that was edited, deleted, inserted, swapped, re-ordered, cut off or rolled back, and keys that were
swapped. What it rests on: promises by the log's key (which the database does not hold) fix each receipt at its number;
ciphertexts are bound to their rows; leaves recompute from decrypted bodies; grants are signed and receipted;
checkpoints and batch roots stand on the chain. It reads one snapshot and changes nothing.

A row is named for what was done to it alone. What stands under a key that does not open, or lacks a receipt while
receipts are lost, cannot be judged; the report counts it.
"""

from collections.abc import Callable, Sequence

from api.store.crypto import Vault
from api.store.database import Database, no_time_limit, read_only
from api.store.fsck.asked import check_accesses, check_counts, check_drafts
from api.store.fsck.copies import check_copies
from api.store.fsck.credentials import check_passkeys, check_subjects
from api.store.fsck.data_asks import check_data_asks
from api.store.fsck.disputes import check_amendments, check_disputes
from api.store.fsck.epochs import check_epochs
from api.store.fsck.erasures import check_erasures
from api.store.fsck.grants import check_grants
from api.store.fsck.lives import check_lives
from api.store.fsck.log import check_log
from api.store.fsck.mandates import check_mandates, check_visits
from api.store.fsck.onchain import ChainView, NodeChain, OnChainParty
from api.store.fsck.parties import check_alarms, check_offices, check_parties, check_registrations, check_watch
from api.store.fsck.report import Check, Finding, FsckReport, Progress
from api.store.fsck.requests import check_requests
from api.store.fsck.returns import check_returns
from api.store.fsck.rows import check_holders, check_references
from api.store.fsck.seals import check_seals
from api.store.fsck.trace_jobs import check_trace_jobs
from chain.cosign import NoteKey
from chain.identity import ChainIdentity
from watermark.keys import EpochKey

__all__ = ["ChainView", "Finding", "FsckReport", "NodeChain", "OnChainParty", "Progress", "fsck"]

Stage = Callable[[Check], None]
STAGES: tuple[tuple[str, Stage], ...] = (
    ("references", check_references),
    ("erasures", check_erasures),
    ("holders", check_holders),
    ("log", check_log),
    ("parties", check_parties),
    ("registrations", check_registrations),
    ("alarms", check_alarms),
    ("offices", check_offices),
    ("watch", check_watch),
    ("data_asks", check_data_asks),
    ("subjects", check_subjects),
    ("passkeys", check_passkeys),
    ("requests", check_requests),
    ("returns", check_returns),
    ("grants", check_grants),
    ("epochs", check_epochs),
    ("copies", check_copies),
    ("lives", check_lives),
    ("trace_jobs", check_trace_jobs),
    ("seals", check_seals),
    ("disputes", check_disputes),
    ("amendments", check_amendments),
    ("mandates", check_mandates),
    ("visits", check_visits),
    ("accesses", check_accesses),
    ("drafts", check_drafts),
    ("counts", check_counts),
)


def fsck(
    db: Database,
    vault: Vault,
    log_public_key: bytes,
    *,
    identity: ChainIdentity | None = None,
    chain: ChainView | None = None,
    witnesses: Sequence[NoteKey] = (),
    before_epochs: EpochKey | None = None,
    progress: Progress | None = None,
) -> FsckReport:
    """Check everything; findings in the order of the stages.

    `log_public_key` is the log's raw Ed25519 key (32 bytes). Without `identity` grants' digests and signatures are not
    checked, without `chain` nothing is compared with the chain; the report says so. What `witnesses` signed is checked
    against their keys, what others signed for its form alone. `before_epochs` is the key of copies that were marked
    before there were epochs (`store.queries.epochs.key_before_epochs`). `progress(stage, done, total)` is
    called now and then. Raises ApiError `store.unavailable`, or the chain's `NodeError` where the node does not answer.
    """
    # Before the snapshot: a head that the chain takes while rows are read may cover receipts that came after them.
    head = None if chain is None else chain.log_head()
    with read_only(db) as session:
        no_time_limit(session)
        check = Check(session, vault, log_public_key, identity, chain, progress, head, witnesses, before_epochs)
        for name, stage in STAGES:
            check.begin(name)
            stage(check)
            session.expunge_all()
        return check.report()
