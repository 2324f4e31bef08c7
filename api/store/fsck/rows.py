"""Rows that stand for themselves: references, holders, parties."""

import hashlib

from sqlalchemy import exists, select

from api.errors import ApiError
from api.store.fsck.report import Check
from api.store.queries import holders, parties, sessions
from api.store.tables import Base, Holder, Party, UserSession
from chain.calls import Role
from chain.errors import ChainError
from chain.jose import parse_jwk
from chain.strict import base64url

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
            check.find("holders", row.id, "fsck.holder_edited")
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


def check_parties(check: Check) -> None:
    """Keys match their thumbprints; admitted parties match PartyRegistry."""
    for party in check.each("parties", select(Party).order_by(Party.id)):
        thumbprint = bytes(32)
        if party.http_key is not None:
            try:
                thumbprint = parse_jwk(dict(party.http_key), "/http_key").thumbprint
            except ChainError:
                check.find("parties", party.id, "fsck.party_edited")
                continue
            if party.http_key_thumbprint != base64url(thumbprint):
                check.find("parties", party.id, "fsck.party_edited")
                continue
        elif party.http_key_thumbprint is not None:
            check.find("parties", party.id, "fsck.party_edited")
            continue
        if not _history_holds(check, party):
            check.find("parties", party.id, "fsck.party_edited")
            continue
        if check.chain is not None and party.anchor_state == "anchored":
            _compare_party(check, party, thumbprint)


def _history_holds(check: Check, party: Party) -> bool:
    """Whether a party's status is what its events lead to, each naming the one before."""
    before = bytes(32)
    events = parties.events_of(check.session, party.id)
    for place, event in enumerate(events, 1):
        if event.seq != place or event.prev_hash != before:
            return False
        before = parties.event_hash(event)
    return party.status_seq == len(events) and (not events or events[-1].status == party.status)


def _compare_party(check: Check, party: Party, thumbprint: bytes) -> None:
    assert check.chain is not None
    onchain = check.chain.party(hashlib.sha256(party.id.encode()).digest())
    stated = Role.__members__.get(party.role.upper(), Role.NONE)
    if (
        onchain is None
        or onchain.role != stated
        or onchain.account != (party.address or bytes(20))
        or onchain.key_thumbprint != thumbprint
        # Suspended here and not there is a suspension on its way; the other way round somebody lifted it here alone.
        or (party.status == "active" and not onchain.active)
    ):
        check.find("parties", party.id, "fsck.party_edited")
