"""Whose things a route reaches: one row per route of the interface, and one rule per kind of thing and role.

What a role may call is the route's own policy; here stands the other half. A route without a row fails the tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from api.policy.cases import CaseState
from api.policy.copy_states import CopyState
from api.policy.disputes import DisputeState
from api.policy.states import GrantState, RequestState
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
    # Frozen is a flag beside the state, and answers like one.
    "grant": (*(state.value for state in GrantState), "frozen"),
    "request": tuple(state.value for state in RequestState),
    "copy": tuple(state.value for state in CopyState),
    "case": tuple(state.value for state in CaseState),
    "dispute": tuple(state.value for state in DisputeState),
}
"""States in which a thing of a kind is tried: all that there are. Others have but one, `there`."""

STAFF = ("operator", "security", "auditor", "regulator")
OVERSEERS_THINGS = ("act", "party", "stopped", "holding", "held", "watch", "taken", "looked_into")

REACH: Mapping[tuple[str, str], Reach] = {
    ("grant", "regulator"): Reach.ALL,
    ("alarm", "regulator"): Reach.ALL,
    ("case", "regulator"): Reach.ALL,
    ("record", "regulator"): Reach.ALL,
    ("mask", "regulator"): Reach.ALL,
    ("dispute", "regulator"): Reach.ALL,
    **{(thing, "regulator"): Reach.ALL for thing in ("data_ask", "late_ask", "open_ask")},
    ("correction", "regulator"): Reach.ALL,
    # The departments of these cases hold no copy of what was corrected.
    ("part", "department"): Reach.NONE,
    ("copy", "regulator"): Reach.NONE,
    ("receipt", "regulator"): Reach.NONE,
    ("decision", "regulator"): Reach.ALL,
    # One operator runs the platform; what its three offices read and do is about every party.
    **{(thing, role): Reach.ALL for thing in OVERSEERS_THINGS for role in STAFF},
}
"""Where a role does not simply reach what is its own."""

REACH_IN: Mapping[tuple[str, str, str], Reach] = {
    ("copy", "regulator", "overdue"): Reach.ALL,
    ("copy", "regulator", "escalated"): Reach.ALL,
}
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
OVER = dict.fromkeys(("revoked", "terminated", "invalidated", "superseded"), 409)
"""What somebody ended stays so."""
RUN_OUT = dict.fromkeys(("expired", "exhausted"), 409)
"""What came to its end by itself can still be withdrawn, declared void and given anew, and nothing else."""
CLOSED = dict.fromkeys(("upheld", "dismissed", "withdrawn"), 409)
ANSWERABLE = dict.fromkeys(("opened", "overdue", "ordered"), 200)

ROWS: Mapping[str, Row] = {
    "GET /v1/grants/{grant_id}": Row("grant", "grant_id"),
    "GET /v1/grants/{grant_id}/copies": Row("grant", "grant_id"),
    "GET /v1/grants/{grant_id}/record": Row("grant", "grant_id"),
    "GET /v1/grants/{grant_id}/events": Row("grant", "grant_id"),
    # These are grants under keys in custody, which sign by themselves.
    "GET /v1/grants/{grant_id}/change": Row("grant", "grant_id", query="?to=revoked", own={"*": 409}),
    "POST /v1/grants/{grant_id}/changes": Row("grant", "grant_id", {"to": "revoked"}, {"*": 200, **OVER}),
    "POST /v1/grants/{grant_id}/revoke": Row("grant", "grant_id", NOTHING, {"*": 200, **OVER}),
    "POST /v1/grants/{grant_id}/pause": Row("grant", "grant_id", NOTHING, {"*": 409, "active": 200, "frozen": 200}),
    "POST /v1/grants/{grant_id}/resume": Row("grant", "grant_id", NOTHING, {"*": 409, "paused": 200}),
    "POST /v1/grants/{grant_id}/terminate": Row("grant", "grant_id", NOTHING, {"*": 200, **OVER, **RUN_OUT}),
    "POST /v1/grants/{grant_id}/invalidate": Row(
        "grant", "grant_id", {"reason": "court", "reference": "(2026) 1"}, {"*": 200, **OVER}
    ),
    "POST /v1/grants/{grant_id}/freeze": Row(
        "grant", "grant_id", {"case": "CASE-M"}, {"*": 200, **OVER, **RUN_OUT, "frozen": 409}
    ),
    "POST /v1/grants/{grant_id}/unfreeze": Row("grant", "grant_id", {"case": "CASE-1"}, {"*": 409, "frozen": 200}),
    "POST /v1/grants/{grant_id}/extension": Row(
        "grant", "grant_id", EXTEND, {"*": 200, **OVER, "frozen": 409, "recipient": 202}
    ),
    "POST /v1/grants/{grant_id}/extension/drafts": Row("grant", "grant_id", EXTEND, {"*": 201, **OVER, "frozen": 409}),
    "POST /v1/grants/{grant_id}/pulls": Row("grant", "grant_id", NOTHING, {"*": 403, "active": 200}),
    "GET /v1/supervision/grants/{grant_id}": Row("grant", "grant_id"),
    "GET /v1/supervision/certificates/{record_id}": Row("record", "record_id"),
    "GET /v1/supervision/certificates/{record_id}/evidence/{receipt_id}": Row(
        "record", "record_id", also={"receipt_id": "return_receipt"}
    ),
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
        {"*": 409, "delete_due": 200, "overdue": 200},
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
    "POST /v1/returns/{return_id}/review": Row("return", "return_id", {"rows": 1}, {"*": 409}),
    "GET /v1/returns/{return_id}/commitments": Row("return", "return_id", own={"*": 409}),
    "POST /v1/returns/{return_id}/signatures": Row(
        "return", "return_id", {"signatures": ["0x" + "00" * 65]}, {"*": 409}
    ),
    "GET /v1/returns/{return_id}/quality": Row("return", "return_id"),
    "GET /v1/returns/{return_id}/columns": Row("return", "return_id", own={"*": 409}),
    "POST /v1/returns/{return_id}/columns": Row("return", "return_id", {"columns": {"a": None}}, {"*": 409}),
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
    "GET /v1/traces/jobs/{job_id}": Row("trace_job", "job_id"),
    "GET /v1/traces/jobs/{job_id}/files": Row("trace_job", "job_id"),
    "POST /v1/traces/jobs/{job_id}/files": Row("trace_job", "job_id", NOTHING),
    "POST /v1/traces/jobs/{job_id}/start": Row("trace_job", "job_id", NOTHING),
    "POST /v1/traces/jobs/{job_id}/cancel": Row("trace_job", "job_id", NOTHING),
    "GET /v1/traces/{trace_id}": Row("trace", "trace_id"),
    "GET /v1/traces/{trace_id}/report": Row("trace", "trace_id"),
    "GET /v1/traces/{trace_id}/evidence/{copy_id}": Row("trace", "trace_id", also={"copy_id": "accused"}),
    "GET /v1/statutory-accesses/{access_id}": Row("access", "access_id"),
    "GET /v1/cases/{case_id}": Row("case", "case_id"),
    "GET /v1/cases/{case_id}/evidence": Row("case", "case_id"),
    "POST /v1/cases/{case_id}/withdraw": Row("case", "case_id", NOTHING, {"*": 200, **CLOSED}),
    "POST /v1/cases/{case_id}/review": Row("case", "case_id", NOTHING, {"*": 409, "opened": 200}),
    "POST /v1/cases/{case_id}/decision": Row(
        "case", "case_id", {"outcome": "dismissed", "text": "查明系本人办理。"}, {"*": 409, "under_review": 200}
    ),
    "POST /v1/seals/tasks/{number}/seal": Row("sealing", "number", NOTHING),
    "POST /v1/seals/tasks/{number}/decline": Row("sealing", "number", NOTHING),
    "GET /v1/disputes/{dispute_id}": Row("dispute", "dispute_id"),
    "POST /v1/disputes/{dispute_id}/withdraw": Row(
        "dispute", "dispute_id", NOTHING, {"*": 409, **dict.fromkeys(("opened", "overdue", "contested"), 200)}
    ),
    "POST /v1/disputes/{dispute_id}/answer": Row(
        "dispute", "dispute_id", {"outcome": "upheld", "text": "已核实。"}, {"*": 409, **ANSWERABLE}
    ),
    "POST /v1/disputes/{dispute_id}/correction": Row(
        "dispute", "dispute_id", {"values": "other class", "text": "已更正。"}, {"*": 409, **ANSWERABLE}
    ),
    "POST /v1/disputes/{dispute_id}/contest": Row(
        "dispute",
        "dispute_id",
        {"text": "请复核。"},
        {"*": 409, **dict.fromkeys(("corrected", "upheld", "refused"), 200)},
    ),
    "POST /v1/disputes/{dispute_id}/decision": Row(
        "dispute",
        "dispute_id",
        {"outcome": "dismissed", "text": "查明无误。"},
        {"*": 409, **dict.fromkeys(("overdue", "contested"), 200)},
    ),
    "GET /v1/data-asks/{ask_id}": Row("data_ask", "ask_id"),
    "POST /v1/data-asks/{ask_id}/withdraw": Row("own_ask", "ask_id", NOTHING),
    "POST /v1/data-asks/{ask_id}/answer": Row("late_ask", "ask_id", {"outcome": "refused", "text": "不掌握。"}),
    "POST /v1/data-asks/{ask_id}/department": Row("open_ask", "ask_id", {"department": "office", "text": "请办理。"}),
    "POST /v1/data-asks/{ask_id}/order": Row("late_ask", "ask_id", {"text": "请办理。"}),
    "GET /v1/corrections/{correction_id}": Row("correction", "correction_id"),
    "POST /v1/corrections/{correction_id}/confirmation": Row("part", "correction_id", NOTHING),
    "POST /v1/masks/{access_id}/release": Row("mask", "access_id", NOTHING),
    # Consents of these callers are held by a regulator, which stops an erasure.
    "POST /v1/erasures/{erasure_id}/confirm": Row("erasure", "erasure_id", {"plan": "plan"}, {"*": 409}),
    "POST /v1/erasures/{erasure_id}/cancel": Row("erasure", "erasure_id", NOTHING),
    "POST /v1/statutory-alarms/{alarm_id}/close": Row("alarm", "alarm_id", {"remark": "已核实"}),
    "POST /v1/watch-alarms/{alarm_id}/take": Row("watch", "alarm_id", NOTHING),
    "POST /v1/watch-alarms/{alarm_id}/close": Row("taken", "alarm_id", {"reason": "harmless", "remark": "已核实"}),
    "POST /v1/watch-alarms/{alarm_id}/second-look": Row("looked_into", "alarm_id", {"agrees": True}),
    "GET /v1/party-acts/{act_id}": Row("act", "act_id"),
    "POST /v1/party-acts/{act_id}/withdraw": Row("act", "act_id", NOTHING),
    "POST /v1/party-acts/{act_id}/confirm": Row("act", "act_id", NOTHING),
    "POST /v1/party-acts/{act_id}/decline": Row("act", "act_id", NOTHING),
    "POST /v1/parties/{party_id}/suspend": Row("party", "party_id", {"reason": "测试"}),
    "POST /v1/parties/{party_id}/return": Row("stopped", "party_id", {"reason": "测试"}),
    "POST /v1/offices/{office_id}/confirm": Row("holding", "office_id", {"staff": "newest staff"}),
    "POST /v1/offices/{office_id}/decline": Row("holding", "office_id", NOTHING),
    "POST /v1/offices/{office_id}/end": Row("held", "office_id", NOTHING),
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
    "GET /v1/traces/jobs": "trace_job",
    "GET /v1/statutory-alarms": "alarm",
    "GET /v1/cases": "case",
    "GET /v1/masks": "mask",
    "GET /v1/disputes": "dispute",
    "GET /v1/data-asks": "data_ask",
    "GET /v1/erasures": "erasure",
    "GET /v1/seals/tasks": "sealing",
    "GET /v1/party-acts": "act",
    "GET /v1/offices": "holding",
    "GET /v1/watch-alarms": "watch",
}
"""Lists of things: they hold what the role reaches and nothing else."""

WITHOUT_A_THING = frozenset(
    {
        "GET /v1/footprints",
        "POST /v1/party-acts",
        "POST /v1/offices",
        "GET /v1/indicators",
        "GET /v1/operations",
        "GET /v1/quality",
        "GET /v1/supervision/flow",
        "GET /v1/indicators/export",
        "POST /v1/cases",
        "POST /v1/disputes",
        "POST /v1/data-asks",
        "GET /v1/data-asks/departments",
        "GET /v1/corrections",
        "POST /v1/erasures",
        "GET /v1/seals/own",
        "POST /v1/seals/own/renewal",
        "GET /v1/seals/plans",
        "POST /v1/seals/plans",
        "POST /v1/seals/plans/end",
        "GET /v1/notifications",
        "POST /v1/notifications/read",
        "GET /v1/notifications/settings",
        "POST /v1/notifications/settings",
        "GET /v1/footprints/export",
        "POST /v1/requests",
        "POST /v1/returns",
        "POST /v1/returns/agent",
        "POST /v1/pull-jobs",
        "POST /v1/webhooks",
        "POST /v1/mandates",
        "POST /v1/mandates/registered",
        "POST /v1/counter/visits",
        "POST /v1/passkeys",
        "POST /v1/passkeys/options",
        "POST /v1/traces",
        "POST /v1/statutory-accesses",
        "POST /v1/traces/jobs",
        "GET /v1/statutory-bases",
        "GET /v1/case-register",
        "POST /v1/case-register",
        "GET /v1/case-registers",
        # Everybody's that are held up or void: not what is somebody's own, but what stands still.
        "GET /v1/supervision/grants",
        "GET /v1/sessions/current",
        "DELETE /v1/sessions/current",
        "POST /v1/sessions/current/acting",
    }
)
"""Routes about the caller itself, or that make something new: they name no thing."""


def reach(thing: str, role: str, state: str) -> Reach:
    """What of these things in this state a role reaches."""
    return REACH_IN.get((thing, role, state), REACH.get((thing, role), Reach.OWN))
