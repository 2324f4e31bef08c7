"""Withdrawing a version of a certificate on the chain: its bit in the bitmap of its batch, signed by its issuer."""

from api.services import chain_outbox
from api.services.context import Context
from api.services.grants.events import DEMO_CUSTODY
from api.services.returns import ROOTS_A_CALL
from api.store import Session, outbox
from api.store.tables import Batch, Party, Record, Return
from chain.grantmsg import revoke_digest

WORD_BITS = 256


def key_of(reason_id: str, record_id: str) -> str:
    """The outbox key of a revocation."""
    return f"revoke:{reason_id}:{record_id}"


def announce(ctx: Context, session: Session, reason_id: str, record: Record) -> bool:
    """Announce that a superseded version was wrong, in the transaction of the fact; after its batch was anchored.

    False where the department keeps its key itself, so that nobody here can sign: then it revokes with its own signer.
    """
    batch = session.get_one(Batch, record.batch_id)
    party = session.get_one(Party, session.get_one(Return, batch.return_id).party_id)
    if party.custody != DEMO_CUSTODY:
        return False
    key = ctx.department_signer(party.id)
    if key.address != batch.issuer:
        return False  # a batch of an earlier account of the department
    word, mask = record.leaf_index // WORD_BITS, 1 << record.leaf_index % WORD_BITS
    digest = revoke_digest(
        batch.issuer, batch.root, word, mask, ctx.chain.chain_id, ctx.chain.address("CertificateAnchors")
    )
    anchored = f"anchor:{batch.return_id}:{batch.seq // ROOTS_A_CALL * ROOTS_A_CALL}"
    payload = chain_outbox.revoke_payload(
        batch.issuer, batch.root, word, mask, key.sign_digest(digest), follows=anchored
    )
    return outbox.put(session, chain_outbox.REVOKE_CERTIFICATES, key_of(reason_id, record.id), payload)
