"""The receipt log: receipts at their places, the tree, checkpoints, and the chain's head."""

from sqlalchemy import select

from api.store.fsck.places import Places
from api.store.fsck.report import Check
from api.store.fsck.tree import Tree
from api.store.tables import Checkpoint, Cosignature, LogNode, LogState
from chain.cosign import read_cosignatures
from chain.errors import ChainError
from chain.note import open_checkpoint, split_note
from chain.ports import Head


def check_log(check: Check) -> None:
    """All of the log; notes for later stages what receipts say of grants, copies and returns."""
    size = check.session.execute(select(LogState.size).where(LogState.id == 1)).scalar_one_or_none()
    if size is None:
        check.find("log_state", "1", "fsck.log_state")
    places = Places(check, size or 0, 0 if check.head is None else check.head.size)
    tree = Tree(check)
    for leaf in places.leaves():
        tree.add(leaf)
    tree.finish(places.homes, _trusted(check, tree))
    places.settle()
    places.prepared()
    _check_checkpoints(check, tree)
    _check_cosignatures(check)
    _check_head(check, tree, places)


def _trusted(check: Check, tree: Tree) -> Head | None:
    """The newest head of this log, of at most its size here, that the chain holds or the log's key signed."""
    if check.head is not None and 0 < check.head.size <= tree.taken:
        return check.head
    for row in check.session.execute(select(Checkpoint).order_by(Checkpoint.size.desc())).scalars():
        if row.note and 0 < row.size <= tree.taken and _note_holds(check, row):
            return Head(row.size, row.root)
    return None


def _check_checkpoints(check: Check, tree: Tree) -> None:
    for row in check.each("checkpoints", select(Checkpoint).order_by(Checkpoint.size)):
        # One without a note was taken over from the chain; its note is still to be made.
        signed = bool(row.note) and _note_holds(check, row)
        claimed = row.anchor_state == "anchored" or not row.note
        if row.note and not signed:
            check.find("checkpoints", str(row.size), "fsck.checkpoint_edited")
        elif check.chain is not None and claimed and not check.chain.is_checkpoint(row.size, row.root):
            check.find("checkpoints", str(row.size), "fsck.checkpoint_not_on_chain")
        elif row.size > tree.size:
            check.find("receipts", f"#{tree.size}..#{row.size - 1}", "fsck.log_cut_off")
        elif tree.told(row.size) and tree.head(row.size) != row.root:
            if signed:
                check.find("log_nodes", f"size {row.size}", "fsck.log_rewritten")
            else:
                check.find("checkpoints", str(row.size), "fsck.checkpoint_edited")


def _check_cosignatures(check: Check) -> None:
    """Lines of witnesses: each reads as its row says, and holds under its checkpoint where the witness's key is known.

    A line that is gone is not missed here: its witness has it, and hands it in again.
    """
    rows = select(Cosignature).order_by(Cosignature.size, Cosignature.witness)
    notes = dict(check.session.execute(select(Checkpoint.size, Checkpoint.note)).all())
    for row in check.each("cosignatures", rows):
        known = check.witnesses.get(row.witness)
        note = f"{notes.get(row.size) or ''}{row.line}\n"
        try:
            split_note(note)
            found = read_cosignatures(note, [known] if known else [])
            sound = known is None or [(one.line.name, one.time_s) for one in found] == [(known.name, row.signed_at_s)]
        except ChainError:
            sound = False
        if not sound:
            check.find("cosignatures", f"{row.size} {row.witness}", "fsck.cosignature_edited")


def _note_holds(check: Check, row: Checkpoint) -> bool:
    try:
        stated = open_checkpoint(row.note, check.log_id, check.log_public_key)
    except ChainError:
        return False
    return (stated.size, stated.root) == (row.size, row.root)


def _check_head(check: Check, tree: Tree, places: Places) -> None:
    """The chain's head against the log: one that covers more than is here tells of a store put back or cut off."""
    head = check.head
    if head is None:
        return
    if head.size > tree.size:
        # Where nothing in the store knows of more, all of it stands as it was at that size.
        later = select(LogNode.index).where(LogNode.level == 0, LogNode.index >= tree.size).limit(1)
        known = places.count < places.stated or check.session.execute(later).first() is not None
        code = "fsck.log_cut_off" if known else "fsck.log_rolled_back"
        check.find("receipts", f"#{tree.size}..#{head.size - 1}", code)
    elif head.size and tree.told(head.size) and tree.head(head.size) != head.root:
        check.find("log_nodes", f"size {head.size}", "fsck.log_rewritten")
