"""Queries by statutory duty as those who make and watch them do, over HTTP."""

import base64
from collections.abc import Sequence
from typing import Any

from api.demo.client import Machine, Person
from api.demo.flow import Envelope
from api.http.v1.grants import ENVELOPE

QUERIES = "/v1/statutory-accesses"
ALARMS = "/v1/statutory-alarms"


def query(
    who: Person | Machine,
    basis: str,
    case_no: str,
    number: str,
    fields: Sequence[str],
    *,
    kind: str = "person",
    extension: str = "json",
    hidden_days: int = 0,
    idempotency_key: str | None = None,
) -> Envelope:
    """Query somebody's fields (`type/field`) under a basis and a case number; the marked copy in the envelope form.

    An officer asks with a session, a court's system with a signature. For `hidden_days` the person sees only that an
    authority looked. Raises what the service refuses.
    """
    body = {
        "basis": basis,
        "case_no": case_no,
        "holder": {"kind": kind, "number": number},
        "fields": list(fields),
        "hidden_days": hidden_days,
    }
    answer = who.fetch(QUERIES, body, f"{ENVELOPE};format={extension}", idempotency_key=idempotency_key)
    document = answer.json()
    return Envelope(
        document["copy"],
        document["receipt"]["id"],
        base64.b64decode(document["file"]["base64"]),
        document["file"]["media_type"],
        document["certificates"],
    )


def queries(who: Person | Machine) -> list[dict[str, Any]]:
    """What one's own organisation queried lately, newest first."""
    found: list[dict[str, Any]] = who.get(QUERIES)["items"]
    return found


def open_alarms(regulator: Person) -> list[dict[str, Any]]:
    """What looks like enumeration and nobody has looked at."""
    found: list[dict[str, Any]] = regulator.get(ALARMS, state="open")["items"]
    return found


def close_alarm(regulator: Person, alarm_id: str, remark: str) -> dict[str, Any]:
    """Close an alarm with a remark."""
    answer: dict[str, Any] = regulator.post(f"{ALARMS}/{alarm_id}/close", {"remark": remark})
    return answer
