"""Receipts of deletions and retentions for the golden vectors: what a recipient stated, and its signed request."""

import base64
import hashlib
import json
from typing import Any

from chain.bundle import Bundle
from chain.receipt import ReceiptKind
from chain.strict import hex0x
from tests.vectors.world import ENTITY_ID, FILE, World

DELETED: dict[str, Any] = {"method": "erased", "deleted_at": 1_760_000_000}
RETAINED: dict[str, Any] = {"basis": "insurance_records", "until": "2030-01-01"}


def statement_bundle(
    world: World,
    act: str = "deleted",
    *,
    said: dict[str, Any] | None = None,
    stated: str | None = None,
    method: str = "POST",
    path: str | None = None,
) -> Bundle:
    """Evidence that the recipient signed a statement on a copy; each parameter is one thing to get wrong.

    `said` is what the request's body held where it differs from the receipt, `stated` the body as the receipt has it.
    """
    members = DELETED if act == "deleted" else RETAINED
    body = json.dumps(members if said is None else said)
    digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
    segment = "deletion" if act == "deleted" else "retention"
    request = world.request(
        method=method, target=f"https://service.test{path or f'/v1/copies/copy_1/{segment}'}", digest=digest
    )
    details = members | {
        "act": act,
        "grant": hex0x(world.grant_digest),
        "entity": ENTITY_ID,
        "copy": "copy_1",
        "file_sha256": hex0x(hashlib.sha256(FILE).digest()),
        "through": 3,
        "by": "machine",
        "statement": body if stated is None else stated,
        "request": hex0x(hashlib.sha256(request.base.encode()).digest()),
    }
    receipt, log, _ = world.receipt(details, kind=ReceiptKind.DELETION)
    return Bundle(world.chain_id, world.contracts, (), None, receipt, None, log, request)
