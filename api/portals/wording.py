"""Codes into words: every state with its icon and tone, every technical name; messages are marked for the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from api.locale import N_, Lang

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
        "expired": Badge("plain", "stop", N_("Expired")),
        "superseded": Badge("plain", "copies", N_("Replaced by a newer one")),
        "revoked": Badge("stop", "stop", N_("Withdrawn by the issuer")),
    },
    "proof": {
        "anchored": Badge("good", "shield", N_("Recorded")),
        "pending": Badge("wait", "clock", N_("Being recorded")),
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
        "delivered": Badge("good", "check", N_("Received")),
        "dead": Badge("stop", "stop", N_("Given up")),
    },
    "job": {
        "checking": Badge("wait", "clock", N_("Looking")),
        "ready": Badge("good", "check", N_("Ready to take")),
        "cancelled": Badge("plain", "stop", N_("Cancelled")),
        "expired": Badge("plain", "stop", N_("Expired")),
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
        "frozen": Badge("stop", "warn", N_("Held up by a dispute")),
        "unfrozen": Badge("good", "check", N_("No longer held up")),
    },
    "return": {
        "received": Badge("wait", "clock", N_("Arrived · to be checked")),
        "checking": Badge("wait", "clock", N_("Being checked")),
        "checked": Badge("info", "seal", N_("Checked · to be sealed")),
        "sealed": Badge("wait", "clock", N_("Sealed · being recorded")),
        "anchored": Badge("good", "shield", N_("Recorded")),
        "failed": Badge("stop", "stop", N_("Not taken")),
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
    },
    "access": {
        "asked": Badge("wait", "question", N_("Not finished")),
        "delivered": Badge("good", "check", N_("Copy taken")),
        "nothing": Badge("plain", "stop", N_("Nothing could be given")),
        "refused": Badge("stop", "cross", N_("Refused")),
    },
    "alarm": {
        "open": Badge("stop", "warn", N_("To be looked at")),
        "closed": Badge("plain", "check", N_("Looked at")),
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
        "PENDING": Badge("wait", "clock", N_("Not recorded yet")),
        "UNKNOWN": Badge("wait", "question", N_("Cannot be told now")),
        "NOT_CLAIMED": Badge("plain", "next", N_("Not part of this file")),
    },
    "verdict": {
        "VALID": Badge("good", "check", N_("Genuine")),
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
    },
    "mask": {
        "masked": Badge("info", "lock", N_("Looked, by law without details yet")),
    },
    "case": {
        "opened": Badge("wait", "clock", N_("Opened")),
        "under_review": Badge("info", "search", N_("Under review")),
        "upheld": Badge("stop", "check", N_("Upheld")),
        "dismissed": Badge("plain", "cross", N_("Dismissed")),
        "withdrawn": Badge("plain", "back", N_("Withdrawn")),
        "overdue": Badge("stop", "warn", N_("Not decided in time")),
    },
}

AUTHORS: Mapping[str, str] = {
    "regulator": N_("Regulator"),
    "department": N_("Department"),
    "operator": N_("Operator"),
    "holder": N_("The person concerned"),
    "platform": N_("By itself"),
    "chain": N_("As publicly recorded"),
}

INVALID_REASONS: Mapping[str, str] = {
    "court": N_("by order of a court"),
    "regulator": N_("by order of the regulator"),
    "guardianship_ended": N_("the guardianship has ended"),
    "mandate_ended": N_("the representative's authority has ended"),
    "purpose_withdrawn": N_("the purpose was withdrawn"),
    "holder_erased": N_("the person's data were erased"),
}

PROOF_FACTS: Mapping[str, str] = {
    "fingerprint": N_("Fingerprint of the certificate"),
    "root": N_("Fingerprint of the batch"),
    "place": N_("Place in the batch"),
    "issuer": N_("Issuer's registered address"),
    "grant": N_("Number of the consent"),
    "key": N_("Key used for this consent only"),
    "receipt": N_("Receipt number"),
    "leaf": N_("Fingerprint of the receipt"),
    "promise": N_("Signed promise of the log"),
    "checkpoint": N_("Size of the log when recorded"),
    "record": N_("Where it is recorded"),
    "copy": N_("Number of the copy"),
    "file": N_("Fingerprint of the file"),
    "log": N_("Log"),
    "batches": N_("Batches"),
}

CUSTODY: Mapping[str, str] = {
    "demo": N_("Sealed by this service for the department (demonstration)"),
    "signer": N_("Sealed by the department's own signer"),
    "agent": N_("Computed and sealed by the department itself"),
    "custody": N_("Authorised by you, signed on your behalf"),
    "own_key": N_("Signed with your own key"),
    "authority": N_("Looked up by statutory duty: nobody's consent was asked"),
}

COPY_ACTORS: Mapping[str, str] = {
    "worker": N_("By date or because the consent ended"),
    "machine": N_("Signed by the recipient's system"),
    "staff": N_("Confirmed by the recipient's staff"),
    "delivery": N_("Delivered again"),
}

NOTICE_KINDS: Mapping[str, str] = {
    "granted": N_("Consent given"),
    "paused": N_("Consent paused"),
    "resumed": N_("Consent resumed"),
    "revoked": N_("Consent taken back"),
    "ended": N_("Consent ended otherwise"),
    "corrected": N_("Data corrected"),
    "deletion_due": N_("Copy to be destroyed"),
}

FORMATS: Mapping[str, str] = {
    "application/json": "JSON",
    "text/csv": "CSV",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel",
    "application/pdf": "PDF",
}

FORMAT_HINTS: Mapping[str, str] = {
    "application/json": N_("for systems"),
    "text/csv": N_("for programs that read tables"),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": N_("for spreadsheets"),
    "application/pdf": N_("for people, with a visible line"),
}

ROLES: Mapping[str, str] = {
    "citizen": N_("Residents and enterprises"),
    "department": N_("Departments"),
    "entity": N_("Insurers, employers, banks"),
    "regulator": N_("Regulators"),
    "operator": N_("Operator"),
}

PARTS: Mapping[str, str] = {
    "database": N_("Database"),
    "log_writer": N_("Log writer"),
    "outbox": N_("Tasks for the worker"),
    "receipts": N_("Receipts"),
    "chain": N_("Proof network"),
}

ALARMS: Mapping[str, str] = {
    "neighbouring": N_("%(seen)s neighbouring numbers within an hour; from %(limit)s on somebody counts up."),
    "distinct": N_("%(seen)s different numbers within ten minutes; from %(limit)s on no officer types as fast."),
    "absent": N_("%(seen)s queries in a day that found nothing; %(limit)s are one too many."),
    "hours": N_("%(seen)s times at night, when nobody should be at a desk."),
    "quota": N_("A quota was reached: query %(seen)s of at most %(limit)s."),
}

LAYERS: Mapping[str, str] = {
    "rows": N_("Order of rows"),
    "names": N_("Order of fields"),
    "spelling": N_("Spelling of values"),
    "layout": N_("Fine layout"),
    "label": N_("Hidden number"),
}

COLUMN_RULES: Mapping[str, str] = {
    "text": N_("Text"),
    "name": N_("Name of a person"),
    "organisation": N_("Name of an organisation"),
    "address": N_("Address"),
    "serial": N_("Number or code"),
    "date": N_("Date, such as 2026-11-22"),
    "id_number": N_("Resident identity number"),
    "uscc": N_("Unified social credit code"),
    "enum": N_("One of: %(choices)s"),
    "amount": N_("Amount"),
    "integer": N_("Whole number"),
}

ASPECTS: Mapping[str, str] = {
    "integrity": N_("Nothing was changed"),
    "issuer": N_("The issuer is admitted"),
    "grant": N_("The holder agreed"),
    "status": N_("Not withdrawn since"),
    "time": N_("Recorded in time"),
}

RELATIONS: Mapping[str, str] = {
    "self": N_("the person concerned"),
    "legal_representative": N_("legal representative"),
    "agent": N_("agent"),
    "guardian": N_("guardian"),
    "counter": N_("service window"),
}

ACTIONS: Mapping[str, str] = {
    "look": N_("See certificates, requests and footprints"),
    "decide": N_("Answer requests"),
    "end": N_("Take consents back"),
    "export": N_("Download originals and proof files"),
    "appoint": N_("Appoint agents"),
}

END_REASONS: Mapping[str, str] = {
    "declined": N_("not accepted"),
    "withdrawn": N_("ended by the person represented"),
    "resigned": N_("given back by the representative"),
    "replaced": N_("another representative was registered"),
    "register": N_("no longer in the register"),
    "court": N_("taken away by a court"),
    "mistake": N_("registered by mistake"),
    "time": N_("its last day has passed"),
    "majority": N_("the child has turned 18"),
    "erased": N_("one of the two had all data erased"),
}

PAPERS: Mapping[str, str] = {
    "enterprise_register": N_("Enterprise register"),
    "household_register": N_("Household register"),
    "birth_certificate": N_("Birth certificate"),
    "court_ruling": N_("Court ruling"),
    "designation": N_("Designation of a guardian"),
}

BASES: Mapping[str, str] = {
    "consent": N_("by your consent"),
    "statutory": N_("by a duty in law, without consent"),
    "mandate": N_("somebody who may act for you"),
    "counter": N_("at a service window, in your presence"),
    "supervision": N_("supervision by a regulator"),
    "own": N_("by yourself"),
}

GROUPS: Mapping[str, str] = {
    "all": N_("All"),
    "delivered": N_("Data taken"),
    "refused": N_("Refused only"),
    "official": N_("Looks by officials and representatives"),
    "own": N_("My own downloads"),
    "changes": N_("Changes"),
}

CASE_ACTORS: Mapping[str, str] = {
    "holder": N_("The person concerned"),
    "regulator": N_("The regulator"),
    "platform": N_("The service"),
}

TOPICS: Mapping[str, str] = {
    "request": N_("Somebody asks for data"),
    "granted": N_("A consent was given"),
    "expiring": N_("A consent ends within seven days"),
    "ended": N_("A consent ended"),
    "corrected": N_("A certificate was replaced by a newer one"),
    "looked": N_("Somebody looked"),
    "case": N_("How a case stands"),
    "overdue": N_("A copy was not destroyed in time"),
    "mandate": N_("Somebody asks you to act for them"),
}

NOTICES: Mapping[str, str] = {
    "request": N_("%(who)s asks for some of your data. Nothing is given until you agree."),
    "request_child": N_("%(who)s asks for data of a child whose guardian you are. Act for the child to answer."),
    "granted": N_("A consent for %(who)s was given."),
    "expiring": N_("The consent for %(who)s ends on %(day)s."),
    "ended": N_("The consent for %(who)s has ended."),
    "corrected": N_("Data that %(who)s holds were replaced by newer ones."),
    "corrected_own": N_("Your certificate was replaced by a newer one: %(what)s."),
    "looked": N_("%(day)s: somebody looked at your data or was refused, %(count)s times in all."),
    "case": N_("Case %(number)s: %(state)s."),
    "overdue": N_("%(who)s did not say in time that a copy was destroyed."),
    "mandate": N_("Somebody asks you to act for them."),
}

MODES: Mapping[str, str] = {
    "quiet": N_("in the list only"),
    "portal": N_("with the bell"),
    "digest": N_("a reminder once a day"),
    "once": N_("a reminder at once"),
}

_GROUPS_ZH = ("", "万", "亿", "万亿")
_STEPS_ZH = ("", "十", "百", "千")


def odds_in_words(log10_bound: float, lang: Lang) -> str:
    """A probability bound 10**log10_bound as people say it: 十亿分之一, one in 1,000,000,000.

    Rounded towards the weaker claim; a bound that is not below one half is no claim and gives "".
    """
    exponent = int(-log10_bound + 1e-9)
    if exponent < 1:
        return ""
    if exponent > 15:
        return "10" + _superscript(-exponent)
    if lang == "en":
        return f"one in {10**exponent:,}"
    group, step = divmod(exponent, 4)
    return f"{_STEPS_ZH[step] or ('一' if group else '')}{_GROUPS_ZH[group]}分之一"


def _superscript(number: int) -> str:
    return str(number).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def power_of_ten(log10: float) -> str:
    """Evidence as a figure, 10^x with one decimal kept in words of the exponent: 12.34 -> 10¹²·³."""
    return "10" + _superscript(round(log10)) if abs(log10) < 1000 else "10^∞"
