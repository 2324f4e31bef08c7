"""A long log for the check of the store: genuine receipts by the real writer, many in each of its transactions.

What people do most is what there is most of: deliveries of a stored copy, looks, refusals; beside them holders with
keys and profiles, two returns, and the grants of `World.whole`.
"""

from api.store import Session, unit_of_work
from api.store.log_writer import LogWriter, Numberer, ReceiptDraft
from api.store.queries import holders
from chain.receipt import ReceiptKind
from tests.store.world import NOW_MS, World

GROUP = 250
PATIENCE_S = 120.0
DELIVERY_EVERY = 10
REFUSAL_EVERY = 4


def begin(world: World, writer: LogWriter, people: int) -> str:
    """`World.whole` with so many people, each with a profile; the grant under which deliveries go on."""
    grant_id = world.whole(writer, people)
    with unit_of_work(world.db) as session:
        for place, holder_id in enumerate(world.holder_ids):
            holders.set_profile(session, holders.holder_key(session, world.vault, holder_id), {"name": f"市民{place}"})
    return grant_id


def grow_to(world: World, writer: LogWriter, grant_id: str, size: int) -> None:
    """Add receipts until the log has `size`."""

    def work(session: Session, numberer: Numberer) -> int:
        for _ in range(GROUP):
            at = numberer.size
            if at >= size:
                break
            if at % DELIVERY_EVERY == 0:
                world.pull(session, numberer, grant_id, b"file 0")
            elif at % REFUSAL_EVERY == 0:
                numberer.add(ReceiptDraft(ReceiptKind.REFUSAL, {"reason": "pull.not_found"}, reason="pull.not_found"))
            else:
                holder_id = world.holder_ids[at * 7919 % len(world.holder_ids)]
                details = {"act": "read", "types": ["person.driving_licence"], "relation": "agent", "mandate": f"m{at}"}
                numberer.add(ReceiptDraft(ReceiptKind.LOOK, details, holder_id=holder_id))
        return numberer.size

    while writer.submit(work, PATIENCE_S) < size:
        pass


__all__ = ["NOW_MS", "begin", "grow_to"]
