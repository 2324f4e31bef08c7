"""The operations of the interface that this client calls: method, path, parameters and members of bodies.

A test holds this list against the service's OpenAPI document: none of an entity's operations may be missing, and
nothing may be sent that the document does not know.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `query` and `body` name what may be sent with it."""

    method: str
    path: str
    query: tuple[str, ...] = ()
    body: tuple[str, ...] = ()


ASK = Operation(
    "POST",
    "/v1/requests",
    body=("holder", "purpose", "item", "scenario", "case_no", "items", "days", "uses"),
)
LIST_REQUESTS = Operation("GET", "/v1/requests", query=("cursor",))
GET_REQUEST = Operation("GET", "/v1/requests/{request_id}")

LIST_GRANTS = Operation("GET", "/v1/grants", query=("cursor",))
GET_GRANT = Operation("GET", "/v1/grants/{grant_id}")
LIST_GRANT_COPIES = Operation("GET", "/v1/grants/{grant_id}/copies")
LIST_GRANT_EVENTS = Operation("GET", "/v1/grants/{grant_id}/events")
GET_RECORD = Operation("GET", "/v1/grants/{grant_id}/record")
TERMINATE_GRANT = Operation("POST", "/v1/grants/{grant_id}/terminate")
EXTEND_GRANT = Operation("POST", "/v1/grants/{grant_id}/extension", body=("days", "uses"))
PULL = Operation("POST", "/v1/grants/{grant_id}/pulls", body=("fields",))

START_JOB = Operation("POST", "/v1/pull-jobs", body=("grants", "filter", "format", "fields"))
LIST_JOBS = Operation("GET", "/v1/pull-jobs", query=("cursor",))
GET_JOB = Operation("GET", "/v1/pull-jobs/{job_id}")
LIST_JOB_ITEMS = Operation("GET", "/v1/pull-jobs/{job_id}/items", query=("after", "state"))
GET_JOB_RESULT = Operation("GET", "/v1/pull-jobs/{job_id}/result")
CANCEL_JOB = Operation("POST", "/v1/pull-jobs/{job_id}/cancel")
RESUME_JOB = Operation("POST", "/v1/pull-jobs/{job_id}/resume")

LIST_COPIES = Operation("GET", "/v1/copies", query=("state", "cursor"))
GET_COPY = Operation("GET", "/v1/copies/{copy_id}")
CONFIRM_DELETION = Operation("POST", "/v1/copies/{copy_id}/deletion", body=("method", "deleted_at"))
CLAIM_RETENTION = Operation("POST", "/v1/copies/{copy_id}/retention", body=("basis", "until"))

GET_RECEIPT = Operation("GET", "/v1/receipts/{receipt_id}")
GET_EVIDENCE = Operation("GET", "/v1/receipts/{receipt_id}/evidence")
GET_DECISION = Operation("GET", "/v1/receipts/{receipt_id}/decision")

QUERY = Operation("POST", "/v1/statutory-accesses", body=("basis", "case_no", "holder", "fields", "hidden_days"))
LIST_QUERIES = Operation("GET", "/v1/statutory-accesses", query=("cursor",))
GET_QUERY = Operation("GET", "/v1/statutory-accesses/{access_id}")
LIST_BASES = Operation("GET", "/v1/statutory-bases")
BRING_CASES = Operation("POST", "/v1/case-register", body=("cases",))
GET_CASE_REGISTER = Operation("GET", "/v1/case-register")

LIST_CASES = Operation("GET", "/v1/cases", query=("state", "cursor"))
GET_CASE = Operation("GET", "/v1/cases/{case_id}")
LIST_DISPUTES = Operation("GET", "/v1/disputes", query=("cursor", "state"))
GET_DISPUTE = Operation("GET", "/v1/disputes/{dispute_id}")
ANSWER_DISPUTE = Operation("POST", "/v1/disputes/{dispute_id}/answer", body=("outcome", "text"))
LIST_CORRECTIONS = Operation("GET", "/v1/corrections")
GET_CORRECTION = Operation("GET", "/v1/corrections/{correction_id}", query=("after",))
CONFIRM_CORRECTION = Operation("POST", "/v1/corrections/{correction_id}/confirmation")
FILE_DATA_ASK = Operation(
    "POST",
    "/v1/data-asks",
    body=("purpose", "basis", "frequency", "type", "fields", "words", "purpose_code", "basis_code"),
)
LIST_DATA_ASKS = Operation("GET", "/v1/data-asks", query=("cursor", "state", "side"))
GET_DATA_ASK = Operation("GET", "/v1/data-asks/{ask_id}")
WITHDRAW_DATA_ASK = Operation("POST", "/v1/data-asks/{ask_id}/withdraw")
LIST_NOTIFICATIONS = Operation("GET", "/v1/notifications", query=("cursor",))
MARK_READ = Operation("POST", "/v1/notifications/read", body=("id",))
GET_NOTIFICATION_SETTINGS = Operation("GET", "/v1/notifications/settings")
CHOOSE_NOTIFICATIONS = Operation("POST", "/v1/notifications/settings", body=("topics", "address", "language"))

REGISTER_WEBHOOK = Operation("POST", "/v1/webhooks", body=("url", "kinds"))
LIST_WEBHOOKS = Operation("GET", "/v1/webhooks")
REMOVE_WEBHOOK = Operation("POST", "/v1/webhooks/{webhook_id}/remove")
LIST_MESSAGES = Operation("GET", "/v1/webhooks/{webhook_id}/messages", query=("before",))
RESEND_MESSAGE = Operation("POST", "/v1/webhooks/messages/{number}/resend")
NOTICE_KEYS = Operation("GET", "/.well-known/jwks.json")

LIST_PARTIES = Operation("GET", "/v1/parties", query=("role",))
LIST_TYPES = Operation("GET", "/v1/catalogue/types")
LIST_PURPOSES = Operation("GET", "/v1/catalogue/purposes")
LIST_RETENTION = Operation("GET", "/v1/catalogue/retention")
GET_LOG = Operation("GET", "/v1/log")
GET_CHECKPOINT = Operation("GET", "/v1/log/checkpoint")
GET_ENTRIES = Operation("GET", "/v1/log/entries", query=("start", "count"))
GET_CONSISTENCY = Operation("GET", "/v1/log/consistency", query=("old", "new"))

ALL = tuple(value for value in globals().values() if isinstance(value, Operation))
