"""Parties: as they were admitted and registered, by receipts; as PartyRegistry has them, where the chain is asked."""

import hashlib

from sqlalchemy import select

from api.policy.watch import WatchKind
from api.store.fsck.report import Check, Said
from api.store.queries import alarms, case_registers, offices, parties, party_acts, watch
from api.store.tables import (
    CaseFinding,
    CaseNumber,
    OfficeHolding,
    Party,
    PartyAct,
    Registration,
    StatutoryAlarm,
    WatchAlarm,
)
from chain.calls import Role
from chain.canonical import Json
from chain.errors import ChainError
from chain.jose import parse_jwk
from chain.strict import base64url

_CLOSED = WatchKind.CASE_CLOSED.value
_OF_CASES = frozenset({WatchKind.CASE_UNKNOWN.value, _CLOSED})


def check_parties(check: Check) -> None:
    """Each is what the receipt of its admission says; its key has its thumbprint; its status follows from its events.

    What was anchored matches PartyRegistry. An admitted party that is gone is named.
    """
    admitted = {str(said.details.get("party")): said.details for said in _acts(check, "admitted")}
    statuses: dict[str, list[Json]] = {}
    for said in _acts(check, "status"):
        statuses.setdefault(str(said.details.get("party")), []).append(said.details.get("event_hash"))
    for party in check.each("parties", select(Party).order_by(Party.id)):
        said_of_it = admitted.pop(party.id, None)
        if said_of_it is None:
            check.unreceipted("parties", party.id, "fsck.party_edited")
            continue
        if said_of_it != parties.admitted_as(party):
            check.find("parties", party.id, "fsck.party_edited")
            continue
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
        if not _history_holds(check, party, statuses.pop(party.id, [])):
            check.find("parties", party.id, "fsck.party_edited")
            continue
        if check.chain is not None and party.anchor_state == "anchored":
            _compare_party(check, party, thumbprint)
    for party_id in sorted(admitted):
        check.find("parties", party_id, "fsck.row_missing")


def check_registrations(check: Check) -> None:
    """What parties are registered for is what receipts say: nothing more, nothing less, since the same moment."""
    wanted: dict[tuple[str, str, str], Json] = {}
    for said in _acts(check, "registered"):
        codes = said.details.get("codes")
        for code in codes if isinstance(codes, list) else []:
            key = str(said.details.get("party")), str(said.details.get("legal_basis")), str(code)
            wanted[key] = said.details.get("at_ms")
    for row in check.each("registrations", select(Registration).order_by(Registration.party_id, Registration.code)):
        key = row.party_id, row.legal_basis, row.code
        if wanted.pop(key, None) != row.registered_at_ms:
            check.find("registrations", "/".join(key), "fsck.registration_edited")
    for key in sorted(wanted):
        check.find("registrations", "/".join(key), "fsck.row_missing")


def check_alarms(check: Check) -> None:
    """Each alarm stands as the receipt of its newest step says."""
    newest = {str(said.details.get("alarm")): said.details for said in _acts(check, "alarm")}
    for row in check.each("statutory_alarms", select(StatutoryAlarm).order_by(StatutoryAlarm.id)):
        if newest.pop(row.id, None) != alarms.stated(row):
            check.find("statutory_alarms", row.id, "fsck.alarm_edited")
    for alarm_id in sorted(newest):
        check.find("statutory_alarms", alarm_id, "fsck.row_missing")


def check_offices(check: Check) -> None:
    """Each office, and each act about a party, stands as the receipt of its newest step says."""
    newest = {str(said.details.get("office_holding")): said.details for said in _acts(check, "office")}
    for row in check.each("office_holdings", select(OfficeHolding).order_by(OfficeHolding.id)):
        if newest.pop(row.id, None) != offices.stated(row):
            check.find("office_holdings", row.id, "fsck.office_edited")
    for missing in sorted(newest):
        check.find("office_holdings", missing, "fsck.row_missing")
    newest = {str(said.details.get("party_act")): said.details for said in _acts(check, "party_act")}
    for act in check.each("party_acts", select(PartyAct).order_by(PartyAct.id)):
        if newest.pop(act.id, None) != party_acts.stated(act):
            check.find("party_acts", act.id, "fsck.office_edited")
    for missing in sorted(newest):
        check.find("party_acts", missing, "fsck.row_missing")


def check_watch(check: Check) -> None:
    """Each alarm of the watch stands as the receipt of its newest step says; one about a case number is about it."""
    newest = {str(said.details.get("alarm")): said.details for said in _acts(check, "watch")}
    for row in check.each("watch_alarms", select(WatchAlarm).order_by(WatchAlarm.id)):
        if newest.pop(row.id, None) != watch.stated(row):
            check.find("watch_alarms", row.id, "fsck.alarm_edited")
        if row.kind in _OF_CASES and not _fits(check, row):
            check.find("case_findings", row.id, "fsck.alarm_edited")
    for alarm_id in sorted(newest):
        check.find("watch_alarms", alarm_id, "fsck.row_missing")


def _fits(check: Check, row: WatchAlarm) -> bool:
    """Whether what an alarm is about is the number that its receipt names by hash, and says whether that came later."""
    finding = check.session.get(CaseFinding, row.id)
    if finding is None or finding.party_id != row.party_id:
        return False
    number = check.session.get(CaseNumber, (row.party_id, finding.number_bidx))
    came = finding.came_at_ms
    # A number that was purged and brought again is registered anew.
    holds = number is None or (came is not None and came <= number.registered_at_ms)
    return case_registers.subject_of(finding.number_bidx) == row.subject and (row.kind == _CLOSED or holds)


def _acts(check: Check, act: str) -> list[Said]:
    """The receipts of kind admission that tell of one sort of thing, in the log's order."""
    return [said for said in check.admissions if said.details.get("act") == act and said.holder_id is None]


def _history_holds(check: Check, party: Party, receipted: list[Json]) -> bool:
    """Whether a party's status is what its events lead to, each naming the one before, and each in its receipt."""
    before = bytes(32)
    events = parties.events_of(check.session, party.id)
    if ["0x" + parties.event_hash(event).hex() for event in events] != receipted:
        return False
    for place, event in enumerate(events, 1):
        if event.seq != place or event.prev_hash != before:
            return False
        before = parties.event_hash(event)
    return party.status_seq == len(events) and party.status == (
        events[-1].status if events else parties.PartyStatus.ACTIVE
    )


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
