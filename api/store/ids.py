"""Opaque identifiers: a type prefix and 128 random bits in URL-safe base32, so that none can be guessed or counted."""

import base64
import secrets
from typing import NewType

CertId = NewType("CertId", str)
GrantId = NewType("GrantId", str)
CopyId = NewType("CopyId", str)
RequestId = NewType("RequestId", str)
ReturnId = NewType("ReturnId", str)
ReceiptId = NewType("ReceiptId", str)
PartyId = NewType("PartyId", str)
HolderId = NewType("HolderId", str)
ContentId = NewType("ContentId", str)
TraceId = NewType("TraceId", str)
BatchId = NewType("BatchId", str)
PasskeyId = NewType("PasskeyId", str)
DraftId = NewType("DraftId", str)
MandateId = NewType("MandateId", str)
VisitId = NewType("VisitId", str)
AlarmId = NewType("AlarmId", str)

RANDOM_BYTES = 16
_FILL = bytes(4)
_CHARACTERS, _FILLED_CHARACTERS = 26, 32


def _new(prefix: str) -> str:
    # 16 bytes are 26 base32 characters; lower case without padding survives URLs, file names and reading aloud.
    return prefix + base64.b32encode(secrets.token_bytes(RANDOM_BYTES)).decode("ascii").rstrip("=").lower()


def _new_many(prefix: str, count: int) -> list[str]:
    """As many as `count` calls of `_new`, from one draw: encoding them together costs a third."""
    drawn = secrets.token_bytes(RANDOM_BYTES * count)
    # Filled up to whole groups of 5 bytes, each is 32 characters by itself, of which the first 26 are those of `_new`.
    filled = b"".join([drawn[at : at + RANDOM_BYTES] + _FILL for at in range(0, len(drawn), RANDOM_BYTES)])
    text = base64.b32encode(filled).decode("ascii").lower()
    return [prefix + text[at : at + _CHARACTERS] for at in range(0, len(text), _FILLED_CHARACTERS)]


def new_cert_ids(count: int) -> list[CertId]:
    """Certificate versions: `cert_…`."""
    return [CertId(one) for one in _new_many("cert_", count)]


def new_holder_ids(count: int) -> list[HolderId]:
    """Persons or enterprises: `hold_…`."""
    return [HolderId(one) for one in _new_many("hold_", count)]


def new_cert_id() -> CertId:
    """A certificate version: `cert_…`."""
    return CertId(_new("cert_"))


def new_grant_id() -> GrantId:
    """A grant: `grant_…`."""
    return GrantId(_new("grant_"))


def new_copy_id() -> CopyId:
    """A marked copy: `copy_…`."""
    return CopyId(_new("copy_"))


def new_request_id() -> RequestId:
    """An entity's request: `req_…`."""
    return RequestId(_new("req_"))


def new_return_id() -> ReturnId:
    """A department's return: `ret_…`."""
    return ReturnId(_new("ret_"))


def new_receipt_id() -> ReceiptId:
    """A receipt: `rcpt_…`."""
    return ReceiptId(_new("rcpt_"))


def new_party_id() -> PartyId:
    """A department, entity, regulator or operator: `party_…`."""
    return PartyId(_new("party_"))


def new_holder_id() -> HolderId:
    """A person or enterprise: `hold_…`."""
    return HolderId(_new("hold_"))


def new_content_id() -> ContentId:
    """What copies are made of: `cont_…`."""
    return ContentId(_new("cont_"))


def new_trace_id() -> TraceId:
    """An examined file: `trace_…`."""
    return TraceId(_new("trace_"))


def new_batch_id() -> BatchId:
    """One slice of a return: `batch_…`."""
    return BatchId(_new("batch_"))


def new_mandate_id() -> MandateId:
    """Somebody's authority to act for a holder: `mand_…`."""
    return MandateId(_new("mand_"))


def new_visit_id() -> VisitId:
    """A visit at a service window: `visit_…`."""
    return VisitId(_new("visit_"))


def new_job_id() -> str:
    """A bulk pull: `job_…`."""
    return _new("job_")


def new_webhook_id() -> str:
    """An address that an entity registered: `hook_…`."""
    return _new("hook_")


def new_notice_id() -> str:
    """Something that an entity is told: `evt_…`."""
    return _new("evt_")


def new_passkey_id() -> PasskeyId:
    """A registered passkey: `pk_…`."""
    return PasskeyId(_new("pk_"))


def new_draft_id() -> DraftId:
    """A grant laid before its holder: `draft_…`."""
    return DraftId(_new("draft_"))


def new_access_id() -> str:
    """A query by statutory duty that was refused: `stat_…`; others derive theirs from what is asked."""
    return _new("stat_")


def new_alarm_id() -> AlarmId:
    """An alarm of enumeration: `alarm_…`."""
    return AlarmId(_new("alarm_"))


def new_case_id() -> str:
    """What a holder says was not theirs: `case_…`."""
    return _new("case_")


def new_notification_id() -> str:
    """Something that a person or an organisation is told: `note_…`."""
    return _new("note_")


def new_erasure_id() -> str:
    """A holder's wish to be erased: `eras_…`."""
    return _new("eras_")


def new_retention_id() -> str:
    """What one law makes the platform keep of an erased holder: `keep_…`."""
    return _new("keep_")


def new_seal_plan_id() -> str:
    """Who seals certificates of one type together: `splan_…`."""
    return _new("splan_")


def new_sealed_id() -> str:
    """A certificate as a sealed PDF: `seal_…`; the number that its seals name."""
    return _new("seal_")


def new_office_id() -> str:
    """That somebody holds an office: `office_…`."""
    return _new("office_")


def new_act_id() -> str:
    """What is proposed or done about a party: `act_…`."""
    return _new("act_")


def new_dispute_id() -> str:
    """What a holder objects to: `disp_…`."""
    return _new("disp_")


def new_data_ask_id() -> str:
    """What an organisation needs of what departments have: `ask_…`."""
    return _new("ask_")


def new_amendment_id() -> str:
    """A correction, and everybody who has to put the value right: `corr_…`."""
    return _new("corr_")


def new_trace_job_id() -> str:
    """Many files to be traced in one run: `tjob_…`."""
    return _new("tjob_")


def new_suspect_id() -> str:
    """One file of such a run, while and after it waits: `susp_…`."""
    return _new("susp_")
