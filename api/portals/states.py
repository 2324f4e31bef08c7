"""How states look on pages: each with its icon, its tone and its words, which are marked for the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from api.locale import N_

Tone = Literal["good", "wait", "stop", "info", "plain"]


@dataclass(frozen=True, slots=True)
class Badge:
    """How a state looks: never by colour alone."""

    tone: Tone
    icon: str
    message: str


# Keyed by what has the state; the same word may mean different things for a grant and a request.
STATES: Mapping[str, Mapping[str, Badge]] = {
    "mandate": {
        "proposed": Badge("wait", "clock", N_("Waiting to be accepted")),
        "active": Badge("good", "check", N_("In force")),
        "ended": Badge("plain", "stop", N_("Ended")),
        "expired": Badge("plain", "clock", N_("Ended on its date")),
    },
    "certificate": {
        "anchored": Badge("good", "check", N_("Valid")),
        "pending": Badge("wait", "clock", N_("Valid · being recorded")),
        "delayed": Badge("wait", "clock", N_("Valid · recording delayed")),
        "expired": Badge("plain", "stop", N_("Expired")),
        "superseded": Badge("plain", "copies", N_("Replaced by a newer one")),
        "revoked": Badge("stop", "stop", N_("Withdrawn by the issuer")),
    },
    "proof": {
        "anchored": Badge("good", "shield", N_("Recorded")),
        "pending": Badge("wait", "clock", N_("Being recorded")),
        "delayed": Badge("wait", "clock", N_("Recording delayed")),
    },
    "request": {
        "requested": Badge("wait", "clock", N_("Waiting for an answer")),
        "approved": Badge("good", "check", N_("Agreed")),
        "denied": Badge("plain", "cross", N_("Declined")),
        "lapsed": Badge("plain", "clock", N_("Lapsed without an answer")),
    },
    "grant": {
        "active": Badge("good", "check", N_("In force")),
        "revoked": Badge("stop", "stop", N_("Taken back")),
        "expired": Badge("plain", "clock", N_("Ended on its date")),
        "exhausted": Badge("plain", "check", N_("Used up")),
        "paused": Badge("wait", "clock", N_("Paused")),
        "terminated": Badge("plain", "stop", N_("Given back by the recipient")),
        "invalidated": Badge("stop", "stop", N_("Declared void")),
        "superseded": Badge("plain", "copies", N_("Replaced by a newer one")),
    },
    "copy": {
        "held": Badge("info", "copies", N_("Held")),
        "delete_due": Badge("wait", "clock", N_("To be destroyed")),
        "deleted": Badge("good", "check", N_("Destroyed")),
        "retained": Badge("plain", "seal", N_("Kept by law")),
        "overdue": Badge("stop", "warn", N_("Overdue")),
        "escalated": Badge("stop", "warn", N_("Reported to the regulator")),
    },
    "message": {
        "waiting": Badge("wait", "clock", N_("Waiting")),
        "delivered": Badge("good", "check", N_("Has arrived")),
        "dead": Badge("stop", "stop", N_("Given up")),
    },
    "job": {
        "checking": Badge("wait", "clock", N_("Looking")),
        "ready": Badge("good", "check", N_("Ready to take")),
        "cancelled": Badge("plain", "stop", N_("Cancelled")),
        "expired": Badge("plain", "stop", N_("Expired")),
    },
    "trace_job": {
        "open": Badge("plain", "clock", N_("Not begun")),
        "running": Badge("wait", "clock", N_("Being examined")),
        "done": Badge("good", "check", N_("Finished")),
        "cancelled": Badge("plain", "stop", N_("Cancelled")),
    },
    "trace_file": {
        "waiting": Badge("plain", "clock", N_("Waits for its turn")),
        "running": Badge("wait", "search", N_("Being examined")),
        "cancelled": Badge("plain", "stop", N_("Forgotten")),
    },
    "job_item": {
        "waiting": Badge("wait", "clock", N_("Waiting")),
        "ready": Badge("good", "check", N_("Ready to take")),
        "delivered": Badge("good", "download", N_("Taken")),
        "refused": Badge("stop", "cross", N_("Refused")),
    },
    "change": {
        "granted": Badge("good", "grant", N_("Consent given")),
        "paused": Badge("wait", "clock", N_("Paused")),
        "resumed": Badge("good", "check", N_("Resumed")),
        "revoked": Badge("stop", "stop", N_("Taken back")),
        "terminated": Badge("plain", "stop", N_("Given back by the recipient")),
        "invalidated": Badge("stop", "stop", N_("Declared void")),
        "superseded": Badge("plain", "copies", N_("Replaced by a newer one")),
        "expired": Badge("plain", "clock", N_("Ended on its date")),
        "exhausted": Badge("plain", "check", N_("Used up")),
        "frozen": Badge("stop", "warn", N_("Held up")),
        "unfrozen": Badge("good", "check", N_("No longer held up")),
    },
    "return": {
        "mapping": Badge("wait", "warn", N_("Columns to be confirmed")),
        "received": Badge("wait", "clock", N_("Arrived · to be checked")),
        "checking": Badge("wait", "clock", N_("Being checked")),
        "checked": Badge("info", "seal", N_("Checked · to be sealed")),
        "sealed": Badge("wait", "clock", N_("Sealed · being recorded")),
        "anchored": Badge("good", "shield", N_("Recorded")),
        "failed": Badge("stop", "stop", N_("Not taken")),
    },
    "severity": {
        "bad": Badge("stop", "cross", N_("Row left out")),
        "warn": Badge("wait", "warn", N_("Taken, please look")),
        "good": Badge("plain", "info", N_("Taken; a wish")),
    },
    "row": {
        "bad": Badge("stop", "cross", N_("Left out")),
        "warned": Badge("wait", "warn", N_("Taken, please look")),
        "duplicate": Badge("plain", "copies", N_("Already there")),
    },
    "chain": {
        "ok": Badge("good", "check", N_("Working")),
        "delayed": Badge("wait", "clock", N_("Delayed")),
        "halted": Badge("stop", "stop", N_("Stopped")),
        "unknown": Badge("wait", "question", N_("Not seen yet")),
        "unset": Badge("plain", "info", N_("Not set up")),
    },
    "lasts": {
        "good": Badge("good", "check", N_("In force")),
        "soon": Badge("wait", "clock", N_("Ends soon")),
        "ended": Badge("stop", "stop", N_("Ended on its date")),
        "unknown": Badge("stop", "question", N_("Cannot be read")),
    },
    "access": {
        "asked": Badge("wait", "question", N_("Not finished")),
        "delivered": Badge("good", "check", N_("Copy taken")),
        "nothing": Badge("plain", "stop", N_("Nothing could be given")),
        "refused": Badge("stop", "cross", N_("Refused")),
    },
    "watch": {
        "open": Badge("stop", "warn", N_("To be looked at")),
        "taken": Badge("wait", "search", N_("Being looked into")),
        "closed": Badge("plain", "clock", N_("Closed, second look due")),
        "checked": Badge("good", "check", N_("Closed and looked at twice")),
    },
    "alarm": {
        "open": Badge("stop", "warn", N_("To be looked at")),
        "closed": Badge("plain", "check", N_("Looked at")),
    },
    "moment": {
        "returned": Badge("plain", "inbox", N_("Returned")),
        "anchored": Badge("good", "shield", N_("Recorded")),
        "granted": Badge("good", "grant", N_("Consent given")),
        "pulled": Badge("info", "download", N_("Pulled")),
        "ended": Badge("plain", "stop", N_("Consent ended")),
        "deleted": Badge("plain", "check", N_("Copy deleted")),
        "traced": Badge("stop", "search", N_("Named by a trace")),
        "replaced": Badge("plain", "copies", N_("Replaced by a newer version")),
        "revoked": Badge("stop", "cross", N_("Revoked")),
    },
    "act": {
        "admission": Badge("info", "org", N_("Admission")),
        "suspension": Badge("stop", "stop", N_("Suspension")),
        "return": Badge("info", "back", N_("Return to service")),
    },
    "act_state": {
        "proposed": Badge("wait", "clock", N_("Waits for the second person")),
        "confirmed": Badge("wait", "clock", N_("Confirmed · being recorded")),
        "done": Badge("good", "check", N_("Done")),
        "declined": Badge("plain", "cross", N_("Declined by the second person")),
        "withdrawn": Badge("plain", "back", N_("Taken back")),
    },
    "office": {
        "proposed": Badge("wait", "clock", N_("Waits for the second person")),
        "active": Badge("good", "check", N_("In office")),
        "declined": Badge("plain", "cross", N_("Declined by the second person")),
        "ended": Badge("plain", "stop", N_("Office ended")),
    },
    "party": {
        "active": Badge("good", "check", N_("May act")),
        "suspended": Badge("stop", "stop", N_("Suspended")),
    },
    "outcome": {
        "identified": Badge("stop", "search", N_("Source identified")),
        "suspect": Badge("wait", "warn", N_("Suspicion, no proof")),
        "inconclusive": Badge("wait", "question", N_("Inconclusive")),
        "none": Badge("plain", "file", N_("No copy of ours")),
        "erased": Badge("plain", "cross", N_("Erased by law")),
    },
    "verdict_step": {
        "VALID": Badge("good", "check", N_("Holds")),
        "INVALID": Badge("stop", "cross", N_("Does not hold")),
        "REVOKED": Badge("stop", "stop", N_("No longer in force")),
        "EXPIRED": Badge("stop", "clock", N_("Out of force")),
        "PENDING": Badge("wait", "clock", N_("Not recorded yet")),
        "UNKNOWN": Badge("wait", "question", N_("Cannot be told now")),
        "NOT_CLAIMED": Badge("plain", "next", N_("Not part of this file")),
    },
    "sealing": {
        "waiting": Badge("wait", "clock", N_("Waits for seals")),
        "sealed": Badge("good", "check", N_("Sealed and issued")),
        "refused": Badge("stop", "stop", N_("Not issued")),
        "replaced": Badge("plain", "next", N_("Replaced")),
    },
    "seal_step": {
        "waiting": Badge("wait", "clock", N_("Has yet to seal")),
        "sealed": Badge("good", "check", N_("Has sealed")),
        "declined": Badge("stop", "cross", N_("Did not seal")),
    },
    "verdict": {
        "VALID": Badge("good", "check", N_("Genuine")),
        "EXPIRED": Badge("stop", "clock", N_("Out of force")),
        "INVALID": Badge("stop", "cross", N_("Not genuine")),
        "REVOKED": Badge("stop", "stop", N_("Withdrawn")),
        "PENDING": Badge("wait", "clock", N_("Not recorded yet")),
        "UNKNOWN": Badge("wait", "question", N_("Cannot be told now")),
        "NOT_CLAIMED": Badge("plain", "next", N_("Not part of this file")),
    },
    "footprint": {
        "delivery": Badge("info", "download", N_("Took data")),
        "refusal": Badge("stop", "stop", N_("Was refused")),
        "original": Badge("plain", "file", N_("You downloaded the original")),
        "grant": Badge("good", "grant", N_("You agreed")),
        "change": Badge("plain", "grant", N_("A consent changed")),
        "return": Badge("plain", "inbox", N_("A certificate arrived")),
        "trace": Badge("plain", "search", N_("A leak was examined")),
        "deletion": Badge("plain", "check", N_("A copy was deleted")),
        "erasure": Badge("plain", "check", N_("Data were erased")),
        "admission": Badge("plain", "org", N_("An organisation was admitted")),
        "look": Badge("info", "eye", N_("Looked at your data")),
        "mandate": Badge("plain", "person", N_("Who acts for you changed")),
        "credential": Badge("plain", "key", N_("Your passkeys changed")),
        "case": Badge("wait", "warn", N_("A case moved on")),
        "request": Badge("plain", "inbox", N_("Asked for")),
        "count": Badge("info", "eye", N_("Looked at your data")),
        "epoch": Badge("plain", "key", N_("A marking key came into use")),
        "seal": Badge("plain", "check", N_("A certificate was sealed")),
    },
    "epoch": {
        "waits": Badge("wait", "clock", N_("Waits for its entry")),
        "marks": Badge("good", "check", N_("Marks new copies")),
        "traces": Badge("plain", "search", N_("For tracing alone")),
    },
    "mask": {
        "masked": Badge("info", "lock", N_("Looked, by law without details yet")),
    },
    "sharing": {
        "unconditional": Badge("good", "check", N_("Shared without condition")),
        "conditional": Badge("info", "lock", N_("Shared under conditions")),
        "withheld": Badge("plain", "stop", N_("Not shared")),
    },
    "dispute": {
        "opened": Badge("wait", "clock", N_("Waiting for an answer")),
        "overdue": Badge("stop", "warn", N_("Not answered in time")),
        "correcting": Badge("info", "seal", N_("Being corrected")),
        "corrected": Badge("good", "check", N_("Corrected")),
        "upheld": Badge("good", "check", N_("Answered: upheld")),
        "refused": Badge("plain", "cross", N_("Answered: refused")),
        "contested": Badge("wait", "clock", N_("With the regulator")),
        "ordered": Badge("info", "stop", N_("Decided for the person; to be carried out")),
        "dismissed": Badge("plain", "cross", N_("Dismissed")),
        "withdrawn": Badge("plain", "back", N_("Withdrawn")),
        "returned_nothing": Badge("wait", "warn", N_("The correction did not come about")),
    },
    "ask": {
        "matched": Badge("good", "check", N_("Matched by the catalogue")),
        "waiting": Badge("wait", "clock", N_("With a department")),
        "desk": Badge("wait", "search", N_("A department is being sought")),
        "overdue": Badge("stop", "warn", N_("Not answered in time")),
        "ordered": Badge("info", "stop", N_("Ordered by the regulator")),
        "agreed": Badge("good", "check", N_("Answered: provided")),
        "refused": Badge("plain", "cross", N_("Answered: not provided")),
        "withdrawn": Badge("plain", "back", N_("Taken back by whoever asked")),
        "handed": Badge("plain", "next", N_("Given to another department")),
    },
    "recipient": {
        "waiting": Badge("plain", "clock", N_("Not told yet")),
        "told": Badge("wait", "clock", N_("Told, to be confirmed")),
        "escalated": Badge("stop", "warn", N_("Reported to the regulator")),
        "confirmed": Badge("good", "check", N_("Confirmed")),
        "released": Badge("good", "check", N_("Has destroyed its copies")),
    },
    "case": {
        "opened": Badge("wait", "clock", N_("Opened")),
        "under_review": Badge("info", "search", N_("Under review")),
        "upheld": Badge("good", "check", N_("Upheld")),
        "dismissed": Badge("plain", "cross", N_("Dismissed")),
        "withdrawn": Badge("plain", "back", N_("Withdrawn")),
        "overdue": Badge("stop", "warn", N_("Not decided in time")),
    },
}
