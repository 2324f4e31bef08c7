"""What parties and people leave in the store beside certificates and consents: each is receipted by the log."""

import os
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from api.policy.statutory import Alarm, AlarmKind
from api.store import ids, unit_of_work
from api.store.log_writer import LogWriter
from api.store.numbering import NumberedReceipt, Numberer
from api.store.queries import alarms, credentials, holders, parties, registrations, requests
from api.store.queries.credentials import PasskeyBody
from api.store.queries.parties import PartyStatus
from api.store.queries.registrations import LegalBasis
from api.store.receipts import ReceiptDraft
from api.store.tables import Request, StatutoryAlarm
from chain.jose import PublicJwk, parse_jwk
from chain.receipt import ReceiptKind
from tests.store.world import NOW_MS, World


@dataclass
class PeopleSide:
    """Ids of what was made, for tests to reach for."""

    open_request: str = ""
    denied_request: str = ""
    lapsed_request: str = ""
    open_alarm: str = ""
    closed_alarm: str = ""
    subjects: list[bytes] = field(default_factory=list)
    passkeys: list[str] = field(default_factory=list)


def live(world: World, writer: LogWriter) -> PeopleSide:
    """Registrations, a party suspended and reinstated, two alarms, three requests, two subjects, two passkeys kept and
    one removed."""
    made = PeopleSide()
    with unit_of_work(world.db) as session:
        register = registrations.register
        register(session, world.vault, world.entity, LegalBasis.CONSENT, ["insurance.claim", "bank.loan"], NOW_MS)
        register(session, world.vault, world.department, LegalBasis.STATUTORY_DUTY, ["police.case"], NOW_MS)
        entity = parties.get_party(session, world.entity)
        assert entity is not None
        for status in (PartyStatus.SUSPENDED, PartyStatus.ACTIVE):
            parties.set_status(session, world.vault, entity, status, actor="chain", at_ms=NOW_MS)
        made.open_alarm = _alarm(world, session, AlarmKind.HOURS)
        made.closed_alarm = _alarm(world, session, AlarmKind.NEIGHBOURING)
        closing = session.get_one(StatutoryAlarm, made.closed_alarm)
        alarms.close(session, world.vault, closing, world.department, "looked into", NOW_MS + 2)
        made.open_request = _request(world, session, 4, 4_000_000_000_000)
        made.denied_request = _request(world, session, 5, 4_000_000_000_000)
        made.lapsed_request = _request(world, session, None, 1_700_000_000_000)
        denied = session.get_one(Request, made.denied_request)
        denied.state, denied.decided_at_ms = "denied", NOW_MS + 3
        requests.answered(session, world.vault, denied, {})
        lapsed = session.get_one(Request, made.lapsed_request)
        lapsed.state = "lapsed"
        requests.answered(session, world.vault, lapsed, {})
        for place in (4, 5):
            index = credentials.subject_index(world.vault, "https://id.invalid", f"person {place}")
            assert credentials.note_subject(session, world.vault, index, world.holder_ids[place])
            made.subjects.append(index)
    for place in (4, 5, 6):
        made.passkeys.append(_passkey(world, writer, world.holder_ids[place]))
    _remove_passkey(world, writer, world.holder_ids[6], made.passkeys.pop())
    world.settle(writer)
    return made


def _alarm(world: World, session: Session, kind: AlarmKind) -> str:
    for seen in (4, 5):
        alarm = Alarm(kind, seen, 4)
        alarms.raise_alarm(session, world.vault, world.department, "police.case", alarm, NOW_MS + seen)
    (row,) = [one for one in session.query(StatutoryAlarm).all() if one.kind == kind.value]
    return row.id


def _request(world: World, session: Session, place: int | None, lapses_at_ms: int) -> str:
    row = Request(
        id=ids.new_request_id(),
        entity_id=world.entity,
        holder_id=None if place is None else world.holder_ids[place],
        purpose_code="insurance.claim",
        case_no="C-7",
        items=[{"type": "person.driving_licence", "field": "name", "necessary": True, "sensitive": False}],
        cut=[],
        wanted_days=30,
        wanted_uses=3,
        state="requested",
        created_at_ms=NOW_MS,
        lapses_at_ms=lapses_at_ms,
    )
    requests.ask(session, world.vault, row)
    return row.id


def _passkey(world: World, writer: LogWriter, holder_id: str) -> str:
    jwk = PublicJwk("OKP", "Ed25519", os.urandom(32))
    body = PasskeyBody(os.urandom(32), jwk.to_json(), b"cose", "phone")
    passkey_id = ids.new_passkey_id()

    def work(session: Session, numberer: Numberer) -> NumberedReceipt:
        receipt = numberer.add(_credential(holder_id, jwk, "registered"))
        row = credentials.new_passkey(
            holder_id, body, 7, passkey_id=passkey_id, receipt_id=receipt.id, now_ms=numberer.now_ms
        )
        credentials.seal_passkey(holders.holder_key(session, world.vault, holder_id), row, body)
        session.add(row)
        session.flush()
        return receipt

    writer.submit(work)
    return passkey_id


def _remove_passkey(world: World, writer: LogWriter, holder_id: str, passkey_id: str) -> None:
    def work(session: Session, numberer: Numberer) -> NumberedReceipt:
        row = credentials.passkey_of(session, holder_id, passkey_id)
        assert row is not None
        body = credentials.open_passkey(holders.holder_key(session, world.vault, holder_id), row)
        credentials.remove_passkey(session, row)
        jwk = dict(body.jwk)
        return numberer.add(_credential(holder_id, parse_jwk(jwk, ""), "removed"))

    writer.submit(work)


def _credential(holder_id: str, jwk: PublicJwk, event: str) -> ReceiptDraft:
    details = {"credential": "0x" + jwk.thumbprint.hex(), "event": event}
    return ReceiptDraft(ReceiptKind.CREDENTIAL, details, holder_id=holder_id)  # type: ignore[arg-type]
