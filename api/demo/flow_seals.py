"""Seals as their users do them, over HTTP: save a sealed certificate, check a file, seal together."""

from typing import Any

import httpx

from api.demo.client import Person, raise_problem


def sealed_certificate(holder: Person, record_id: str) -> bytes:
    """The holder saves the sealed PDF of a certificate."""
    return holder.get_bytes(f"/v1/certificates/{record_id}/original")


def check_sealed(url: str, file: bytes) -> dict[str, Any]:
    """Anybody has a file checked."""
    files = {"file": ("sealed.pdf", file, "application/pdf")}
    with httpx.Client(base_url=url, timeout=120) as anybody:
        answer: dict[str, Any] = raise_problem(anybody.post("/v1/seals/check", files=files)).json()
    return answer


def agree_on_seals(office: Person, type_code: str, cosigners: list[str], needed: int) -> dict[str, Any]:
    """A department names who seals a type beside it, by party ids in order, and how many of them must."""
    body = {"type": type_code, "cosigners": cosigners, "needed": needed}
    plan: dict[str, Any] = office.post("/v1/seals/plans", body)
    return plan


def end_agreement(office: Person, type_code: str) -> None:
    """A department seals a type alone again."""
    office.post("/v1/seals/plans/end", {"type": type_code})


def seal_tasks(office: Person) -> list[dict[str, Any]]:
    """A department's joint sealings, newest first."""
    found: list[dict[str, Any]] = office.get("/v1/seals/tasks")["items"]
    return found


def set_seal(office: Person, document: str) -> dict[str, Any]:
    """A department sets its seal."""
    task: dict[str, Any] = office.post(f"/v1/seals/tasks/{document}/seal", {})
    return task


def decline_seal(office: Person, document: str) -> dict[str, Any]:
    """A department does not seal."""
    task: dict[str, Any] = office.post(f"/v1/seals/tasks/{document}/decline", {})
    return task
