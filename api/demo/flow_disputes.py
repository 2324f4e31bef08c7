"""Disputes and corrections over HTTP: object, answer, correct, ask the regulator, confirm."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from api.demo.client import Machine, Person
from api.errors import ApiError, Kind

POLL_S = 0.1


def object_to(
    person: Person, statement: str, *, certificate: str = "", field: str = "", receipt: str = ""
) -> dict[str, Any]:
    """Object to a certificate, a field of it, or a line of who looked."""
    named = {"certificate": certificate, "field": field, "receipt": receipt}
    body = {"statement": statement, **{name: value for name, value in named.items() if value}}
    opened: dict[str, Any] = person.post("/v1/disputes", body)
    return opened


def answer(who: Person | Machine, dispute: str, outcome: str, text: str) -> dict[str, Any]:
    """Answer as whoever must: `upheld` or `refused`, and why."""
    answered: dict[str, Any] = who.post(f"/v1/disputes/{dispute}/answer", {"outcome": outcome, "text": text})
    return answered


def correct(officer: Person, dispute: str, values: Mapping[str, str], text: str) -> dict[str, Any]:
    """Correct fields of the certificate, as the department that issued it."""
    body = {"values": dict(values), "text": text}
    corrected: dict[str, Any] = officer.post(f"/v1/disputes/{dispute}/correction", body)
    return corrected


def ask_regulator(person: Person, dispute: str, text: str) -> dict[str, Any]:
    """Contest an answer."""
    contested: dict[str, Any] = person.post(f"/v1/disputes/{dispute}/contest", {"text": text})
    return contested


def decide(regulator: Person, dispute: str, outcome: str, text: str) -> dict[str, Any]:
    """Decide as a regulator: `ordered` or `dismissed`, and why."""
    decided: dict[str, Any] = regulator.post(f"/v1/disputes/{dispute}/decision", {"outcome": outcome, "text": text})
    return decided


def withdraw(person: Person, dispute: str) -> dict[str, Any]:
    """Take a dispute back."""
    withdrawn: dict[str, Any] = person.post(f"/v1/disputes/{dispute}/withdraw")
    return withdrawn


def dispute_of(who: Person | Machine, dispute: str) -> dict[str, Any]:
    """A dispute as whoever asks may see it."""
    found: dict[str, Any] = who.get(f"/v1/disputes/{dispute}")
    return found


def corrections_to_confirm(who: Person | Machine) -> list[dict[str, Any]]:
    """What an organisation was told to put right, or for a regulator what is overdue."""
    found: list[dict[str, Any]] = who.get("/v1/corrections")["items"]
    return found


def correction_of(who: Person | Machine, correction: str) -> dict[str, Any]:
    """How a correction stands."""
    found: dict[str, Any] = who.get(f"/v1/corrections/{correction}")
    return found


def confirm(who: Person | Machine, correction: str) -> dict[str, Any]:
    """State that one's own data are right now; the answer names the receipt."""
    confirmed: dict[str, Any] = who.post(f"/v1/corrections/{correction}/confirmation", {})
    return confirmed


def wait_for_dispute(who: Person, dispute: str, states: Sequence[str], timeout_s: float = 60.0) -> dict[str, Any]:
    """Follow a dispute until it is in one of the states; `demo.too_slow` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = dispute_of(who, dispute)
        if found["state"] in states:
            return found
        if time.monotonic() > deadline:
            raise ApiError("demo.too_slow", Kind.UNAVAILABLE)
        time.sleep(POLL_S)


def wait_for_correction(
    who: Person | Machine, correction: str, *, confirmed: int, timeout_s: float = 60.0
) -> dict[str, Any]:
    """Follow a correction until so many have confirmed; `demo.too_slow` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = correction_of(who, correction)
        if found["confirmed"] >= confirmed:
            return found
        if time.monotonic() > deadline:
            raise ApiError("demo.too_slow", Kind.UNAVAILABLE)
        time.sleep(POLL_S)
