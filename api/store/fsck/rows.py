"""Rows that stand for themselves: references, holders, sessions."""

from sqlalchemy import exists, select

from api.errors import ApiError
from api.store.fsck.report import Check
from api.store.queries import holders, sessions
from api.store.tables import Base, Holder, UserSession

# Of one kind of dangling reference, at most so many are named.
LIMIT = 1000


def check_references(check: Check) -> None:
    """Every reference leads to a row; the missing row is named by its table and id."""
    for table in Base.metadata.sorted_tables:
        for constraint in table.foreign_key_constraints:
            (element,) = constraint.elements
            column, target = element.parent, element.column
            parent = target.table.alias()
            present = exists().where(parent.c[target.name] == column).correlate(table)
            dangling = select(column).where(column.is_not(None), ~present).distinct()
            for missing in check.session.execute(dangling.limit(LIMIT)).scalars():
                check.find(target.table.name, str(missing), "fsck.row_missing")


def check_holders(check: Check) -> None:
    """Every data key opens under its own row, every profile under its key, every session under its row."""
    for row in check.each("holders", select(Holder).order_by(Holder.id)):
        if not row.wrapped_key:
            continue  # erased: the stage of erasures has looked whether by a receipt
        key = check.key(row.id)
        if key is None:
            check.find("holders", row.id, "fsck.holder_key")
            continue
        try:
            stated = holders.profile(check.session, key)
        except (ApiError, ValueError):
            check.find("holders", row.id, "fsck.holder_edited")
            continue
        number = stated.get("number")
        if number is not None:
            index = holders.number_index(check.vault, holders.HolderKind(row.kind), number)
            if index != row.number_bidx:
                check.find("holders", row.id, "fsck.holder_edited")
    for item in check.each("user_sessions", select(UserSession).order_by(UserSession.token_hash)):
        try:
            sessions.open_display(check.vault, item)
        except ApiError:
            check.find("user_sessions", item.token_hash.hex()[:16], "fsck.session_edited")
