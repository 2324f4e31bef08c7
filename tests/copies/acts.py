"""What tests of copies do and look at."""

import time
from datetime import timedelta, timezone
from typing import Any

import pytest

from api.errors import ApiError
from api.services import copies_life
from api.store import fsck as store_check
from api.wiring import log_key
from tests.town import HARBOUR, Service

CITY = timezone(timedelta(hours=8))
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
    return max(int(time.time()), int(service.rows("SELECT max(high_ms) FROM clock_mark")[0][0]) // 1000)


def revoke(service: Service, grant: str, at: int = 0) -> None:
    service.citizen(service.driver(at)).post(f"/v1/grants/{grant}/revoke")


def refused(code: str, call: Any, *args: Any, **more: Any) -> None:
    with pytest.raises(ApiError) as caught:
        call(*args, **more)
    assert caught.value.code == code


def findings(service: Service) -> list[tuple[str, str, str]]:
    """What the check of the whole store finds."""
    ctx = service.ctx
    public_key = log_key(ctx.keys).public_key().public_bytes_raw()
    report = store_check.fsck(ctx.db, ctx.vault, public_key, identity=ctx.chain)
    assert report.checked["copy_events"] > 0
    return [(found.table, found.id, found.code) for found in report.findings]


def deliveries(service: Service, copy: str) -> list[str]:
    query = "SELECT id FROM receipts WHERE copy_id = :copy AND kind = 'delivery' ORDER BY number"
    return [str(row[0]) for row in service.rows(query, copy=copy)]
