"""Whose things a route reaches: one row per route of the interface, and one rule per kind of thing and role.

What a role may call is the route's own policy; here stands the other half. A route without a row fails the tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.town import CLAIM


class Whose(StrEnum):
    """Whose thing is asked for: the caller's, somebody else's, or one that is not there."""

    OWN = "own"
    OTHER = "other"
    ABSENT = "absent"


class Reach(StrEnum):
    """What of a kind of thing a role reaches: its own, everybody's, or nobody's (it is told that there is none)."""

    OWN = "own"
    ALL = "all"
    NONE = "none"


STATES: Mapping[str, tuple[str, ...]] = {
    "grant": ("active", "paused", "frozen", "revoked"),
    "request": ("requested", "approved", "denied"),
    "copy": ("held", "delete_due", "deleted", "overdue"),
    "case": ("opened", "reviewed", "withdrawn"),
}
"""States in which a thing of a kind is tried; others have but one, `there`."""

REACH: Mapping[tuple[str, str], Reach] = {
    ("grant", "regulator"): Reach.ALL,
    ("alarm", "regulator"): Reach.ALL,
    ("case", "regulator"): Reach.ALL,
    ("mask", "regulator"): Reach.ALL,
    ("copy", "regulator"): Reach.NONE,
    ("receipt", "regulator"): Reach.NONE,
    ("decision", "regulator"): Reach.ALL,
}
"""Where a role does not simply reach what is its own."""

REACH_IN: Mapping[tuple[str, str, str], Reach] = {("copy", "regulator", "overdue"): Reach.ALL}
"""Where the state of the thing decides as well."""


@dataclass(frozen=True)
class Row:
    """What a route is about: a kind of thing, the parameter that names it, and a call that is in order.

    `own` is the status for the caller's own thing, by state where it differs (`*`: all others).
    """

    thing: str
    parameter: str
    body: Any = None
    own: Mapping[str, int] = field(default_factory=lambda: {"*": 200})
    query: str = ""
    also: Mapping[str, str] = field(default_factory=dict)

    def status(self, state: str) -> int:
        """The status for one's own thing in a state."""
        return self.own.get(state, self.own.get("*", 0))


NOTHING: dict[str, Any] = {}
EXTEND = {"days": 5, "uses": 2}
DECIDE = {"decision": "approve", "ticked": [f"{t}/{f}" for t, f, _ in CLAIM], "days": 5, "uses": 2}
CREDENTIAL = {"credential": {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {}}}
EXTENDED = {"*": 200, "revoked": 409, "frozen": 409, "recipient": 202}

ROWS: Mapping[str, Row] = {
    "GET /v1/grants/{grant_id}": Row("grant", "grant_id"),
    "GET /v1/grants/{grant_id}/copies": Row("grant", "grant_id"),
    "GET /v1/grants/{grant_id}/record": Row("grant", "grant_id"),
    "GET /v1/grants/{grant_id}/events": Row("grant", "grant_id"),
    # These are grants under keys in custody, which sign by themselves.
    "GET /v1/grants/{grant_id}/change": Row("grant", "grant_id", query="?to=revoked", own={"*": 409}),
    "POST /v1/grants/{grant_id}/changes": Row("grant", "grant_id", {"to": "revoked"}, {"*": 200, "revoked": 409}),
    "POST /v1/grants/{grant_id}/revoke": Row("grant", "grant_id", NOTHING, {"*": 200, "revoked": 409}),
    "POST /v1/grants/{grant_id}/pause": Row("grant", "grant_id", NOTHING, {"*": 409, "active": 200, "frozen": 200}),
    "POST /v1/grants/{grant_id}/resume": Row("grant", "grant_id", NOTHING, {"*": 409, "paused": 200}),
    "POST /v1/grants/{grant_id}/terminate": Row("grant", "grant_id", NOTHING, {"*": 200, "revoked": 409}),
    "POST /v1/grants/{grant_id}/invalidate": Row(
        "grant", "grant_id", {"reason": "court", "reference": "(2026) 1"}, {"*": 200, "revoked": 409}
    ),
    "POST /v1/grants/{grant_id}/freeze": Row(
        "grant", "grant_id", {"case": "CASE-M"}, {"*": 200, "revoked": 409, "frozen": 409}
    ),
    "POST /v1/grants/{grant_id}/unfreeze": Row("grant", "grant_id", {"case": "CASE-1"}, {"*": 409, "frozen": 200}),
    "POST /v1/grants/{grant_id}/extension": Row(
        "grant", "grant_id", EXTEND, {"*": 200, "revoked": 409, "frozen": 409, "recipient": 202}
    ),
    "POST /v1/grants/{grant_id}/extension/drafts": Row(
        "grant", "grant_id", EXTEND, {"*": 201, "revoked": 409, "frozen": 409}
    ),
    "POST /v1/grants/{grant_id}/pulls": Row("grant", "grant_id", NOTHING, {"*": 403, "active": 200}),
    "GET /v1/requests/{request_id}": Row("request", "request_id"),
    "POST /v1/requests/{request_id}/decision": Row("request", "request_id", DECIDE, {"*": 409, "requested": 200}),
    "POST /v1/requests/{request_id}/drafts": Row(
        "request", "request_id", {"days": 5, "uses": 2}, {"*": 409, "requested": 201}
    ),
    "GET /v1/copies/{copy_id}": Row("copy", "copy_id"),
    "POST /v1/copies/{copy_id}/deletion": Row(
        "copy", "copy_id", {"method": "erased", "deleted_at": "now"}, {"*": 200, "deleted": 409}
    ),
    "POST /v1/copies/{copy_id}/retention": Row(
        "copy",
        "copy_id",
        {"basis": "insurance_law_87_short", "until": "later"},
        {"*": 200, "held": 409, "deleted": 409},
    ),
    "GET /v1/pull-jobs/{job_id}": Row("job", "job_id"),
    "GET /v1/pull-jobs/{job_id}/items": Row("job", "job_id"),
    "GET /v1/pull-jobs/{job_id}/result": Row("job", "job_id"),
    "POST /v1/pull-jobs/{job_id}/cancel": Row("job", "job_id", NOTHING),
    "POST /v1/pull-jobs/{job_id}/resume": Row("job", "job_id", NOTHING),
    "GET /v1/certificates/{record_id}": Row("record", "record_id"),
    "GET /v1/certificates/{record_id}/history": Row("record", "record_id"),
    "GET /v1/certificates/{record_id}/proof": Row("record", "record_id"),
    "GET /v1/certificates/{record_id}/original": Row("record", "record_id"),
    "GET /v1/returns/{return_id}": Row("return", "return_id"),
    "GET /v1/returns/{return_id}/rows": Row("return", "return_id"),
    "GET /v1/returns/{return_id}/events": Row("return", "return_id"),
    "POST /v1/returns/{return_id}/seal": Row("return", "return_id", NOTHING),
    "GET /v1/webhooks/{webhook_id}/messages": Row("webhook", "webhook_id"),
    "POST /v1/webhooks/{webhook_id}/remove": Row("webhook", "webhook_id", NOTHING),
    "POST /v1/webhooks/messages/{number}/resend": Row("message", "number", NOTHING, {"*": 202}),
    "POST /v1/mandates/{mandate_id}/answer": Row("offer", "mandate_id", {"accept": False}),
    "POST /v1/mandates/{mandate_id}/end": Row("mandate", "mandate_id", {"reason": "reason"}),
    "GET /v1/counter/visits/{visit_id}": Row("visit", "visit_id"),
    "POST /v1/counter/visits/{visit_id}/requests/{request_id}/decision": Row(
        "visit", "visit_id", DECIDE, also={"request_id": "request"}
    ),
    "POST /v1/counter/visits/{visit_id}/grants/{grant_id}/revoke": Row(
        "visit", "visit_id", NOTHING, also={"grant_id": "grant"}
    ),
    "GET /v1/counter/visits/{visit_id}/slip.pdf": Row("visit", "visit_id"),
    "POST /v1/counter/visits/{visit_id}/close": Row("visit", "visit_id", NOTHING),
    "DELETE /v1/passkeys/{passkey_id}": Row("passkey", "passkey_id", own={"*": 204}),
    "GET /v1/drafts/{draft_id}": Row("draft", "draft_id"),
    # Without a passkey of one's own there is nothing to confirm with, and without a provider no round.
    "POST /v1/drafts/{draft_id}/passkey": Row("draft", "draft_id", NOTHING),
    "POST /v1/drafts/{draft_id}/binding": Row("draft", "draft_id", CREDENTIAL, {"*": 403}),
    "POST /v1/drafts/{draft_id}/round": Row("draft", "draft_id", NOTHING, {"*": 404}),
    "GET /v1/receipts/{receipt_id}": Row("receipt", "receipt_id"),
    "GET /v1/receipts/{receipt_id}/evidence": Row("receipt", "receipt_id"),
    "GET /v1/receipts/{receipt_id}/decision": Row("decision", "receipt_id"),
    "GET /v1/traces/{trace_id}": Row("trace", "trace_id"),
    "GET /v1/traces/{trace_id}/evidence/{copy_id}": Row("trace", "trace_id", also={"copy_id": "accused"}),
    "GET /v1/statutory-accesses/{access_id}": Row("access", "access_id"),
    "GET /v1/cases/{case_id}": Row("case", "case_id"),
    "GET /v1/cases/{case_id}/evidence": Row("case", "case_id"),
    "POST /v1/cases/{case_id}/withdraw": Row("case", "case_id", NOTHING, {"*": 200, "withdrawn": 409}),
    "POST /v1/cases/{case_id}/review": Row("case", "case_id", NOTHING, {"*": 409, "opened": 200}),
    "POST /v1/cases/{case_id}/decision": Row(
        "case", "case_id", {"outcome": "dismissed", "text": "查明系本人办理。"}, {"*": 409, "reviewed": 200}
    ),
    "POST /v1/masks/{access_id}/release": Row("mask", "access_id", NOTHING),
    # Consents of these callers are held by a regulator, which stops an erasure.
    "POST /v1/erasures/{erasure_id}/confirm": Row("erasure", "erasure_id", {"plan": "plan"}, {"*": 409}),
    "POST /v1/erasures/{erasure_id}/cancel": Row("erasure", "erasure_id", NOTHING),
    "POST /v1/statutory-alarms/{alarm_id}/close": Row("alarm", "alarm_id", {"remark": "已核实"}),
}
"""Every route that names a thing."""

LISTS: Mapping[str, str] = {
    "GET /v1/grants": "grant",
    "GET /v1/requests": "request",
    "GET /v1/copies": "copy",
    "GET /v1/pull-jobs": "job",
    "GET /v1/certificates": "record",
    "GET /v1/returns": "return",
    "GET /v1/webhooks": "webhook",
    "GET /v1/mandates": "mandate",
    "GET /v1/mandates/registered": "mandate",
    "GET /v1/passkeys": "passkey",
    "GET /v1/statutory-accesses": "access",
    "GET /v1/traces": "trace",
    "GET /v1/statutory-alarms": "alarm",
    "GET /v1/cases": "case",
    "GET /v1/masks": "mask",
    "GET /v1/erasures": "erasure",
}
"""Lists of things: they hold what the role reaches and nothing else."""

WITHOUT_A_THING = frozenset(
    {
        "GET /v1/footprints",
        "POST /v1/cases",
        "POST /v1/erasures",
        "GET /v1/notifications",
        "POST /v1/notifications/read",
        "GET /v1/notifications/settings",
        "POST /v1/notifications/settings",
        "GET /v1/footprints/export",
        "POST /v1/requests",
        "POST /v1/returns",
        "POST /v1/pull-jobs",
        "POST /v1/webhooks",
        "POST /v1/mandates",
        "POST /v1/mandates/registered",
        "POST /v1/counter/visits",
        "POST /v1/passkeys",
        "POST /v1/passkeys/options",
        "POST /v1/traces",
        "POST /v1/statutory-accesses",
        "GET /v1/sessions/current",
        "DELETE /v1/sessions/current",
        "POST /v1/sessions/current/acting",
    }
)
"""Routes about the caller itself, or that make something new: they name no thing."""


def reach(thing: str, role: str, state: str) -> Reach:
    """What of these things in this state a role reaches."""
    return REACH_IN.get((thing, role, state), REACH.get((thing, role), Reach.OWN))
