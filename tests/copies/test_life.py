"""A copy's life over HTTP: due when its grant ends, deleted by a signed statement, kept by law, overdue, escalated."""

import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from api.errors import ApiError
from api.services import copies_life
from api.store import fsck as store_check
from api.wiring import log_key
from tests.town import HARBOUR, Service

ROUNDS = copies_life.Rounds
JSON = "application/json"


def turn(service: Service) -> int:
    return copies_life.turn(service.ctx, ROUNDS())


def taken(service: Service, at: int = 0, **terms: Any) -> tuple[str, str]:
    """A grant and the copy that was taken under it."""
    grant = service.grant(service.driver(at), **terms)
    return grant, service.town.machine(HARBOUR).pull(grant, JSON).headers["copy-id"]


def seen(service: Service, copy: str) -> dict[str, Any]:
    found: dict[str, Any] = service.town.machine(HARBOUR).get(f"/v1/copies/{copy}")
    return found


def delete(service: Service, copy: str, **body: Any) -> Any:
    stated = {"method": "erased", "deleted_at": now_s(service), **body}
    return service.town.machine(HARBOUR).post(f"/v1/copies/{copy}/deletion", stated)


def now_s(service: Service) -> int:
    """The service's time: tests wind it forward."""
    return max(int(time.time()), int(service.rows("SELECT high_ms FROM clock_mark")[0][0]) // 1000)


def revoke(service: Service, grant: str, at: int = 0) -> None:
    service.citizen(service.driver(at)).post(f"/v1/grants/{grant}/revoke")


def refused(code: str, call: Any, *args: Any, **more: Any) -> None:
    with pytest.raises(ApiError) as caught:
        call(*args, **more)
    assert caught.value.code == code


def sound(service: Service) -> None:
    ctx = service.ctx
    public_key = log_key(ctx.keys).public_key().public_bytes_raw()
    report = store_check.fsck(ctx.db, ctx.vault, public_key, identity=ctx.chain)
    assert report.findings == ()
    assert report.checked["copy_events"] > 0


def test_from_held_to_deleted(service: Service) -> None:
    grant, copy = taken(service)
    assert seen(service, copy)["state"] == "held"
    assert turn(service) == 0, "nothing orders a copy of a live grant to be deleted"
    revoke(service, grant)
    turn(service)
    due = seen(service, copy)
    assert due["state"] == "delete_due"
    assert due["events"][-1]["reason"] == "grant_revoked"
    left = datetime.fromisoformat(due["due_at"]) - datetime.fromisoformat(due["events"][-1]["at"])
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    answer = delete(service, copy)
    assert (answer["state"], answer["copy"]) == ("deleted", copy)
    gone = seen(service, copy)
    assert gone["state"] == "deleted"
    assert gone["events"][-1] | {"at": 0, "stated_at": 0} == {
        "seq": 1, "state": "deleted", "actor": "machine", "reason": "erased", "due_at": None, "at": 0,
        "stated_at": 0, "receipt": answer["receipt"],
    }  # fmt: skip
    refused("copies.transition", delete, service, copy)
    assert turn(service) == 1, "the platform forgets its own marked bytes"
    assert service.rows("SELECT length(file_enc), length(mark_salt_enc) > 0 FROM copies WHERE id = :c", c=copy) == [
        (0, 1)
    ]
    assert turn(service) == 0
    sound(service)
