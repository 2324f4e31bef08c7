"""What the client does when the way there is bad: same key, new signature, patience; and what it never believes."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import ContentDigest

from api.client import (
    LogKey,
    MydataClient,
    MydataError,
    NoticeKeys,
    RefusedError,
    Retries,
    UnreachableError,
    UntrustedError,
    read_archive,
)
from api.client.errors import TEXTS
from api.http import signatures
from api.locale import error_texts
from api.services import webhooks_wire
from chain.canonical import canonical
from chain.receipt import log_id, sign_promise

KEY = Ed25519PrivateKey.generate()
LOG = Ed25519PrivateKey.generate()
URL = "https://mydata.example"
JOB = {
    "id": "job_1",
    "state": "ready",
    "format": "application/json",
    "fields": None,
    "filter": None,
    "total": 1,
    "counts": {"waiting": 0, "ready": 1, "delivered": 0, "refused": 0},
    "reasons": {},
    "created_at": "2026-11-22T10:00:00.000Z",
    "expires_at": "2026-11-29T10:00:00.000Z",
}


def answer(status: int, body: object = None, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers)


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    body = {"code": code, "title": "中文。", "title_en": "English.", "facts": {"limit": 3}, "status": status}
    return answer(status, body, **headers)


class Road:
    """A service that answers as it is told, and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]) -> None:
        self.answers = list(answers)
        self.seen: list[httpx.Request] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, httpx.Response) else found(request)

    def client(self, **more: Any) -> MydataClient:
        http = httpx.Client(transport=httpx.MockTransport(self))
        return MydataClient(URL, KEY, http=http, retries=Retries(sleep=self.slept.append), **more)


def test_a_retry_has_the_same_key_and_body_and_a_signature_of_its_own() -> None:
    road = Road(
        httpx.ConnectError("away"),
        problem(503, "store.unavailable", **{"Retry-After": "5"}),
        problem(429, "http.limited", **{"Retry-After": "2"}),
        problem(409, "idempotency.running"),
        answer(202, JOB),
    )
    job = road.client().jobs.start(grants=["grant_1"])
    assert job.id == "job_1"
    assert len(road.seen) == 5
    assert len({request.headers["idempotency-key"] for request in road.seen}) == 1
    assert len({request.content for request in road.seen}) == 1
    assert len({request.headers["signature-input"] for request in road.seen}) == 5
    assert len(road.slept) == 4
    assert road.slept[1] >= 5
    assert road.slept[2] >= 2


def test_each_request_verifies_as_the_service_verifies_it() -> None:
    road = Road(answer(202, JOB), answer(200, {"items": [], "next_after": None}))
    client = road.client()
    client.jobs.start(case_prefix="案件 1", form="xlsx")
    list(client.jobs.items("job_1", "refused"))
    jwk = signatures.jwk_of(KEY.public_key())
    for request in road.seen:
        message = signatures.Message(request.method, str(request.url), dict(request.headers))
        checked = signatures.verify(message, request.content, jwk, skew_s=10, life_s=60)
        assert checked.nonce
        request.headers["accept"] = "text/html"
        with pytest.raises(Exception, match=r"signature\.bad"):
            signatures.verify(
                signatures.Message(request.method, str(request.url), dict(request.headers)),
                request.content,
                jwk,
                skew_s=10,
                life_s=60,
            )
    assert json.loads(road.seen[0].content) == {"filter": {"case_prefix": "案件 1"}, "format": "xlsx"}
    assert str(road.seen[1].url) == f"{URL}/v1/pull-jobs/job_1/items?state=refused"


def test_what_is_refused_is_not_asked_again() -> None:
    road = Road(problem(403, "pull.grant_revoked"))
    with pytest.raises(RefusedError) as refused:
        road.client().grants.pull("grant_1")
    assert (refused.value.code, refused.value.status, refused.value.facts) == ("pull.grant_revoked", 403, {"limit": 3})
    assert (refused.value.text(), refused.value.text("en")) == ("中文。", "English.")
    assert len(road.seen) == 1
    assert road.slept == []


def test_patience_ends() -> None:
    road = Road(*[httpx.ReadTimeout("late")] * 6)
    with pytest.raises(UnreachableError, match=r"client\.unreachable"):
        road.client().jobs.get("job_1")
    assert len(road.seen) == 6
    road = Road(*[problem(503, "store.unavailable")] * 6)
    with pytest.raises(RefusedError, match=r"store\.unavailable"):
        road.client().jobs.get("job_1")
    road = Road(httpx.Response(502, text="<html>bad gateway</html>"), answer(200, JOB))
    assert road.client().jobs.get("job_1").state == "ready"


def test_pages_are_fetched_as_they_are_needed() -> None:
    pages = [{"items": [JOB] * 2, "next_cursor": "c 1/2"}, {"items": [JOB], "next_cursor": None}]
    road = Road(*(answer(200, page) for page in pages))
    listed = road.client().jobs.list()
    assert next(listed).id == "job_1"
    assert len(road.seen) == 1
    assert len(list(listed)) == 2
    assert road.seen[1].url.params["cursor"] == "c 1/2"


def pulled(file: bytes = b'{"records":[]}', **headers: str) -> httpx.Response:
    leaf = bytes(32)
    promise = sign_promise(LOG, log_id(LOG.public_key().public_bytes_raw()), 7, leaf)
    found = {
        "Content-Digest": ContentDigest.create(file),
        "Content-Disposition": 'attachment; filename="copy_1.json"',
        "Receipt-Id": "rcpt_1",
        "Receipt-Number": "7",
        "Receipt-Leaf": "0x" + leaf.hex(),
        "Receipt-Promise": "0x" + promise.hex(),
        "Copy-Id": "copy_1",
        **headers,
    }
    return httpx.Response(200, content=file, headers={name: value for name, value in found.items() if value})


def test_a_pull_is_checked_before_it_is_handed_on() -> None:
    key = LogKey(LOG.public_key().public_bytes_raw())
    good = Road(pulled(**{"Claims-Unknown": "a/b, c/d"})).client(log_key=key).grants.pull("grant_1")
    assert (good.copy, good.file_name, good.unknown, good.promise.number) == (
        "copy_1",
        "copy_1.json",
        ("a/b", "c/d"),
        7,
    )
    for headers, code in (
        ({"Content-Digest": ContentDigest.create(b"other")}, "client.bad_digest"),
        ({"Content-Digest": ""}, "client.bad_digest"),
        ({"Receipt-Number": "8"}, "client.bad_promise"),
        ({"Receipt-Promise": "0x" + "00" * 64}, "client.bad_promise"),
        ({"Receipt-Id": ""}, "client.bad_answer"),
        ({"Receipt-Leaf": "nothing"}, "client.bad_answer"),
    ):
        with pytest.raises(UntrustedError) as caught:
            Road(pulled(**headers)).client(log_key=key).grants.pull("grant_1")
        assert caught.value.code == code, headers


@pytest.mark.parametrize(
    "change",
    [{"total": "1"}, {"total": None}, {"counts": 1}, {"created_at": "today"}, {"id": 1}, {"reasons": {"a": "b"}}],
)
def test_an_answer_of_another_form_is_not_used(change: dict[str, Any]) -> None:
    with pytest.raises(UntrustedError, match=r"bad_answer"):
        Road(answer(200, {**JOB, **change})).client().jobs.get("job_1")


def test_members_that_are_new_do_no_harm() -> None:
    assert Road(answer(200, {**JOB, "later": 1})).client().jobs.get("job_1").total == 1


def archive(path: Path, **change: bytes) -> Path:
    import hashlib

    leaf = bytes(32)
    promise = sign_promise(LOG, log_id(LOG.public_key().public_bytes_raw()), 7, leaf)
    file = b"{}"
    receipt = {
        "receipt": "rcpt_1",
        "number": 7,
        "leaf_hash": "0x" + leaf.hex(),
        "promise": "0x" + promise.hex(),
        "copy": "copy_1",
        "media_type": "application/json",
        "file_sha256": "0x" + hashlib.sha256(file).hexdigest(),
        "certificates": [],
    }
    parts = {"copies/1.json": file, "receipts/1.json": json.dumps(receipt).encode()}
    item = {"seq": 1, "grant": "g", "state": "delivered", "reason": None, "file": "copies/1.json"}
    manifest = {
        "schema": "mydata/pull-job/1",
        "job": "job_1",
        "items": [{**item, "receipt_file": "receipts/1.json"}],
        "files": [{"name": n, "sha256": "0x" + hashlib.sha256(d).hexdigest()} for n, d in parts.items()],
    }
    with zipfile.ZipFile(path, "w") as made:
        for name, data in {**parts, "manifest.json": json.dumps(manifest).encode(), **change}.items():
            made.writestr(name, data)
    return path


def test_an_archive_is_what_its_manifest_says(tmp_path: Path) -> None:
    key = LogKey(LOG.public_key().public_bytes_raw())
    good = read_archive(archive(tmp_path / "good.zip"), key)
    assert good.read(good.delivered[0]) == b"{}"
    for name, change in (
        ("changed", {"copies/1.json": b"{ }"}),
        ("more", {"copies/2.json": b"{}"}),
        ("no manifest", {"manifest.json": b"{"}),
    ):
        with pytest.raises(UntrustedError, match=r"client\.bad_a"):
            read_archive(archive(tmp_path / f"{name}.zip", **change), key)
    with pytest.raises(UntrustedError, match=r"bad_promise"):
        read_archive(tmp_path / "good.zip", LogKey(KEY.public_key().public_bytes_raw()))
    cut = tmp_path / "cut.zip"
    cut.write_bytes((tmp_path / "good.zip").read_bytes()[:-40])
    with pytest.raises(UntrustedError, match=r"bad_archive"):
        read_archive(cut)


HOOK = "https://insurer.example/hooks/mydata?x=1"


def notice(**change: object) -> bytes:
    document = {"schema": "mydata/notice/1", "id": "evt_1", "kind": "revoked", "entity": "party_1", "grant": "grant_1"}
    return canonical({**document, "seq": 3, "at": 1_795_000_000, "facts": {"state": "revoked"}, **change})  # type: ignore[dict-item]


def test_a_notice_is_believed_only_as_it_was_sent() -> None:
    keys = NoticeKeys([LOG.public_key()])
    body = notice()
    headers = webhooks_wire.signed_headers(HOOK, body, "evt_1", LOG)
    found = keys.verify(HOOK, headers, body)
    assert (found.id, found.kind, found.grant, found.seq, found.facts) == (
        "evt_1",
        "revoked",
        "grant_1",
        3,
        {"state": "revoked"},
    )
    stranger = webhooks_wire.signed_headers(HOOK, body, "evt_1", KEY)
    other_id = webhooks_wire.signed_headers(HOOK, body, "evt_2", LOG)
    for url, given, data in (
        (HOOK + "2", headers, body),
        (HOOK, headers, notice(seq=4)),
        (HOOK, stranger, body),
        (HOOK, other_id, body),
        (HOOK, {**headers, "idempotency-key": "evt_2"}, body),
        (HOOK, {name: value for name, value in headers.items() if name != "signature"}, body),
    ):
        with pytest.raises(UntrustedError, match=r"bad_notice"):
            keys.verify(url, given, data)
    old = notice(schema="mydata/notice/2")
    with pytest.raises(UntrustedError, match=r"bad_notice"):
        keys.verify(HOOK, webhooks_wire.signed_headers(HOOK, old, "evt_1", LOG), old)
    from datetime import timedelta

    with pytest.raises(UntrustedError, match=r"bad_notice"):
        keys.verify(HOOK, headers, body, oldest=timedelta(seconds=-60))


def test_the_client_s_texts_are_those_of_the_catalogue() -> None:
    known = error_texts()
    for code, (zh, en) in TEXTS.items():
        assert known[code] == {"zh-Hans": zh, "en": en}
        assert MydataError(code).text("en") == en
    assert {code for code in known if code.startswith("client.")} == set(TEXTS)
