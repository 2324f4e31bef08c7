"""The check of the whole store against keys and chain.

It names every row that was edited, deleted, inserted, swapped or cut off. What it rests on: promises by the log's key
(which the database does not hold) fix each receipt at its number; ciphertexts are bound to their rows; leaves
recompute from decrypted bodies; grants are signed and receipted; checkpoints and batch roots stand on the chain. It
reads one snapshot and changes nothing.
"""

from collections.abc import Callable

from api.store.crypto import Vault
from api.store.database import Database, no_time_limit, read_only
from api.store.fsck.asked import check_accesses, check_drafts
from api.store.fsck.copies import check_copies
from api.store.fsck.erasures import check_erasures
from api.store.fsck.grants import check_grants
from api.store.fsck.lives import check_lives
from api.store.fsck.log import check_log
from api.store.fsck.mandates import check_mandates, check_visits
from api.store.fsck.onchain import ChainView, NodeChain, OnChainParty
from api.store.fsck.report import Check, Finding, FsckReport, Progress
from api.store.fsck.returns import check_returns
from api.store.fsck.rows import check_holders, check_parties, check_references
from chain.identity import ChainIdentity

__all__ = ["ChainView", "Finding", "FsckReport", "NodeChain", "OnChainParty", "Progress", "fsck"]

Stage = Callable[[Check], None]
STAGES: tuple[tuple[str, Stage], ...] = (
    ("references", check_references),
    ("erasures", check_erasures),
    ("holders", check_holders),
    ("parties", check_parties),
    ("log", check_log),
    ("returns", check_returns),
    ("grants", check_grants),
    ("copies", check_copies),
    ("lives", check_lives),
    ("mandates", check_mandates),
    ("visits", check_visits),
    ("accesses", check_accesses),
    ("drafts", check_drafts),
)


def fsck(
    db: Database,
    vault: Vault,
    log_public_key: bytes,
    *,
    identity: ChainIdentity | None = None,
    chain: ChainView | None = None,
    progress: Progress | None = None,
) -> FsckReport:
    """Check everything; findings in the order of the stages.

    `log_public_key` is the log's raw Ed25519 key (32 bytes). Without `identity` grants' digests and signatures are not
    checked, without `chain` nothing is compared with the chain; the report says so. `progress(stage, done, total)` is
    called now and then. Raises ApiError `store.unavailable`, or the chain's `NodeError` where the node does not answer.
    """
    with read_only(db) as session:
        no_time_limit(session)
        check = Check(session, vault, log_public_key, identity, chain, progress)
        for name, stage in STAGES:
            check.begin(name)
            stage(check)
            session.expunge_all()
        return check.report()
