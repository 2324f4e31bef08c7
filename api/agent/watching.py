"""The agent's folder: files come in, are returned, computed, signed, and go to `done` or `failed` with their report.

    FOLDER/in/<certificate type>/…   files to return, put there whole (written elsewhere, then moved)
    FOLDER/done/  FOLDER/failed/     the same files afterwards, each with NAME.report.json beside it
    FOLDER/columns.json              what was accepted here of their columns (api.agent.columns)

It keeps no other state: each step is found again from the file. The same content gives the same return unless that
one failed, a sealed one is sealed no second time, and a file is moved last, under a name that is free. So it may be
killed at any point and started again, and a file that failed may be put there again, mended or as it was.
"""

import hashlib
import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.agent import columns
from api.agent.computing import Batch, Told, check, check_day, rows_of
from api.catalogue import Catalogue
from api.client.signing import Message, sign
from api.errors import ApiError, Kind
from chain.grantmsg import anchor_digest
from chain.ports import Signer
from chain.trustfile import TrustFile

ROOTS_A_CALL = 50
TIMEOUT_S = 120.0
POLL_S = 0.2
SETTLED_S = 1.0
"""A file that was written to within this time may still be growing."""
ENDED = frozenset({"sealed", "anchored"})


@dataclass(frozen=True, slots=True)
class Desk:
    """What the agent works with: the folder, the catalogue installed here, its two keys, and whom it trusts."""

    folder: Path
    catalogue: Catalogue
    account: Signer
    trust: TrustFile
    service: "Service"
    demo: bool = False


class Service:
    """The service as the agent calls it: each request signed by the department's key (RFC 9421)."""

    def __init__(self, url: str, key: Ed25519PrivateKey) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._http = httpx.Client(base_url=self._url, timeout=TIMEOUT_S, trust_env=False)

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Signed GET. Raises ApiError of the service's code, `agent.unreachable`."""
        return self._send("GET", path, b"", {})

    def post(self, path: str, content: bytes, media_type: str, key: str) -> Any:  # noqa: ANN401 - JSON
        """Signed POST under an idempotency key."""
        return self._send("POST", path, content, {"content-type": media_type, "idempotency-key": key})

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
        message = Message(method, self._url + path, {"accept": "application/json", **headers})
        sign(message, content, self._key)
        try:
            answer = self._http.request(method, path, content=content or None, headers=message.headers)
            document = answer.json()
        except (httpx.HTTPError, ValueError):
            raise ApiError("agent.unreachable", Kind.UNAVAILABLE) from None
        if answer.is_success:
            return document
        unavailable = answer.status_code >= 500 or answer.status_code == 429
        raise ApiError(str(document.get("code")), Kind.UNAVAILABLE if unavailable else Kind.INVALID)


def turn(desk: Desk, *, settled_s: float = SETTLED_S) -> int:
    """Take every file that waits through to its end; how many went to `done` or `failed`.

    Where the service does not answer the file stays, and the next turn goes on. Raises ApiError of kind UNAVAILABLE.
    """
    moved = 0
    for path in sorted((desk.folder / "in").glob("*/*")):
        if path.name.startswith(".") or not path.is_file() or time.time() - path.stat().st_mtime < settled_s:
            continue
        report, good = _through(desk, path)
        _put_away(desk.folder / ("done" if good else "failed"), path, report)
        moved += 1
    return moved


def watch(desk: Desk, stop: Callable[[], bool], said: Callable[[ApiError], None], every_s: float) -> None:
    """Turn until stopped; a service that does not answer is asked again."""
    while not stop():
        try:
            turn(desk)
        except ApiError as error:
            said(error)
        time.sleep(every_s)


def _through(desk: Desk, path: Path) -> tuple[dict[str, Any], bool]:
    data, seen = path.read_bytes(), path.stat()
    sha256 = hashlib.sha256(data).hexdigest()
    report: dict[str, Any] = {"file": path.name, "type": path.parent.name, "file_sha256": "0x" + sha256}
    try:
        report |= _returned(desk, data, sha256, path.parent.name, seen)
    except ApiError as error:
        if error.kind is Kind.UNAVAILABLE:
            raise
        return report | {"error": error.code}, False
    return report, report["state"] in ENDED


def _returned(desk: Desk, data: bytes, sha256: str, named: str, seen: os.stat_result) -> dict[str, Any]:
    type_code = desk.catalogue.type_named(named).code
    # The service knows the same content again whatever the key; one that failed and is put here again is tried anew.
    put = f"{type_code}/{sha256}/{seen.st_ctime_ns}"
    key = f"agent-{hashlib.sha256(put.encode()).hexdigest()}"
    item = desk.service.post(f"/v1/returns/agent?type={type_code}", data, "application/octet-stream", key)
    if item["file_sha256"] != "0x" + sha256:
        raise ApiError("agent.root_differs", Kind.INTEGRITY)
    item = _wait(desk, item["id"], {"checked", "failed", *ENDED})
    if item["state"] == "failed":
        return _report(desk, item, [])
    if item["state"] == "checked":
        if not item["rows"]["good"]:
            return _report(desk, item, [])
        told = _told(desk, item["id"])
        check_day(told.day, seen.st_mtime, time.time())
        strange = columns.unaccepted(desk.folder, desk.catalogue.ready_type(type_code), told.columns)
        if strange:
            return _report(desk, item, []) | {"error": columns.UNACCEPTED, "columns": strange}
        rows = rows_of(data, desk.catalogue, type_code, demo=desk.demo, sheet=told.sheet, mapping=told.columns or None)
        roots = check(rows, _batches(desk, item["id"]), desk.catalogue, type_code, told)
        body = json.dumps({"signatures": _signatures(desk, roots)}).encode()
        key = f"agent-seal-{item['id']}"
        desk.service.post(f"/v1/returns/{item['id']}/signatures", body, "application/json", key)
    return _report(desk, _wait(desk, item["id"], set(ENDED)), _noted(desk, item["id"]))


def _signatures(desk: Desk, roots: list[tuple[bytes, int]]) -> list[str]:
    anchors = desk.trust.contracts["CertificateAnchors"].address
    signed = []
    for start in range(0, len(roots), ROOTS_A_CALL):
        part = roots[start : start + ROOTS_A_CALL]
        digest = anchor_digest(
            desk.account.address, [root for root, _ in part], [size for _, size in part], desk.trust.chain_id, anchors
        )
        signed.append("0x" + desk.account.sign_digest(digest).hex())
    return signed


def _told(desk: Desk, return_id: str) -> Told:
    first = desk.service.get(f"/v1/returns/{return_id}/commitments?batch=0")
    left = {row["line"] for row in _noted(desk, return_id) if row["state"] in {"bad", "duplicate"}}
    read = first["columns"] or {}
    return Told(str(first["rules"]), date.fromisoformat(first["day"]), frozenset(left), first["sheet"], read)


def _batches(desk: Desk, return_id: str) -> Iterator[Batch]:
    at, count = 0, 1
    while at < count:
        found = desk.service.get(f"/v1/returns/{return_id}/commitments?batch={at}")
        count, at = int(found["batches"]), at + 1
        seeds = [bytes.fromhex(text[2:]) for text in found["seeds"]]
        yield Batch(bytes.fromhex(found["root"][2:]), int(found["size"]), seeds)


def _noted(desk: Desk, return_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    line, seq = -1, -1
    while True:
        path = f"/v1/returns/{return_id}/rows?after_line={line}&after_seq={seq}"
        page = desk.service.get(path)["items"]
        if not page:
            return found
        found += page
        line, seq = page[-1]["line"], page[-1]["seq"]


def _wait(desk: Desk, return_id: str, states: set[str], timeout_s: float = 3600.0) -> dict[str, Any]:
    deadline = time.monotonic() + timeout_s
    while True:
        item: dict[str, Any] = desk.service.get(f"/v1/returns/{return_id}")
        if item["state"] in states:
            return item
        if time.monotonic() > deadline:
            raise ApiError("agent.unreachable", Kind.UNAVAILABLE)
        time.sleep(POLL_S)


def _report(desk: Desk, item: dict[str, Any], noted: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "return": item["id"],
        "state": item["state"],
        "issuer": "0x" + desk.account.address.hex(),
        "file_sha256": item["file_sha256"],
        "rows": item["rows"],
        "error": item["error"],
        "noted": [{name: row[name] for name in ("line", "column", "state", "reason")} for row in noted],
    }


def _put_away(folder: Path, path: Path, report: dict[str, Any]) -> None:
    """The report first, whole or not at all, then the file: whoever finds the file there finds the report."""
    folder.mkdir(parents=True, exist_ok=True)
    name = _free_name(folder, f"{report['file_sha256'][2:10]}.{path.name}")
    fresh = folder / f".{name}.report.new"
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(report, file, ensure_ascii=False, indent=2)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / f"{name}.report.json")
    path.replace(folder / name)


def _free_name(folder: Path, name: str) -> str:
    """The name, or it with a number: what was put away before stays. A report without its file is of a killed agent."""
    tries = itertools.chain([name], (f"{number}.{name}" for number in itertools.count(2)))
    return next(one for one in tries if not (folder / one).exists())
