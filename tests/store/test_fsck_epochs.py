"""Each way of changing an epoch of marking keys is named, and nothing else."""

from collections.abc import Callable

import pytest

from api.store.queries import epochs
from tests.store.backends import Backend, Dba
from tests.store.tampering import Row, copied, found_after
from tests.store.world import World


def edit(column: str, value: object, code: str = "fsck.epoch_edited") -> Callable[[Dba, World], set[Row]]:
    def change(db: Dba, world: World) -> set[Row]:
        assert db.execute(f"UPDATE epochs SET {column} = ? WHERE id = ?", (value, world.epoch)).rowcount == 1
        return {(f"epochs/{world.epoch}", code)}

    return change


def remove(db: Dba, world: World) -> set[Row]:
    db.execute("DELETE FROM epochs WHERE id = ?", (world.epoch,))
    return {(f"epochs/{world.epoch}", "fsck.row_missing")}


def another_receipt(db: Dba, world: World) -> set[Row]:
    """An opening that the log tells of another fact."""
    db.execute("UPDATE epochs SET receipt_id = (SELECT id FROM receipts WHERE number = 0) WHERE id = ?", (world.epoch,))
    return {(f"epochs/{world.epoch}", "fsck.epoch_unreceipted")}


def invent(db: Dba, world: World) -> set[Row]:
    """One more epoch, whose key nobody fixed."""
    made = "INSERT INTO epochs SELECT 'forged', 9, key_enc, key_sha256, receipt_id, opened_at_ms, NULL FROM epochs"
    db.execute(made)
    # What came after it would have ended the sound one.
    return {("epochs/forged", "fsck.epoch_unreceipted"), (f"epochs/{world.epoch}", "fsck.epoch_edited")}


CHANGES: dict[str, Callable[[Dba, World], set[Row]]] = {
    "another number": edit("seq", 2),
    "another key": edit("key_enc", bytes(93)),
    "another hash": edit("key_sha256", bytes(32)),
    "opened earlier": edit("opened_at_ms", 1),
    "closed by nobody": edit("closed_at_ms", 1),
    "removed": remove,
    "another receipt": another_receipt,
    "invented": invent,
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_of_an_epoch_is_named(name: str, history: World, backend: Backend) -> None:
    wanted, found = found_after(CHANGES[name], history, backend)
    assert found == wanted


def test_a_key_under_another_epochs_hash_does_not_open(history: World, backend: Backend) -> None:
    with copied(history, backend) as url, Dba(url) as db:
        sealed = db.execute("SELECT key_enc FROM epochs").fetchone()
    assert sealed is not None
    row = epochs.Epoch(id=history.epoch, seq=1, key_enc=bytes(sealed[0]), key_sha256=bytes(32), opened_at_ms=0)
    with pytest.raises(epochs.ApiError, match=r"store\.ciphertext"):
        epochs.open_epoch_key(history.vault, row)
