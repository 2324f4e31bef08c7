"""What anybody does about epochs of marking keys: read which there are, and fetch the evidence of an opening."""

from typing import Any

from api.demo.client import Person


def marking_epochs(who: Person) -> list[dict[str, Any]]:
    """All epochs, newest first."""
    found: list[dict[str, Any]] = who.get("/v1/log/epochs")["items"]
    return found


def epoch_evidence(who: Person, epoch: str) -> bytes:
    """The evidence bundle of an epoch's opening."""
    return who.get_bytes(f"/v1/log/epochs/{epoch}/evidence")
