"""Input that nobody sends by accident: a clear refusal, nothing repeated, nothing kept, memory bounded."""

import json
import socket
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.api.calls import caller, nothing_of, problem, protected
from tests.town import LICENCE, Service

NUMBER = "371099199001010011"


def post_raw(service: Service, path: str, body: bytes, **headers: str) -> httpx.Response:
    return httpx.post(
        service.url + path, content=body, headers={"Content-Type": "application/json", **headers}, trust_env=False
    )


JSON_BODIES = [
    (b'{"role": "entity", "role": "operator", "party": "x"}', "http.json_duplicate_key"),
    (b'{"role": "entity", "party": NaN}', "http.json_number"),
    (b'{"role": "entity", "party": Infinity}', "http.json_number"),
    (b'{"role": "entity", "party": 1.5}', "http.json_number"),
    (b'{"role": "entity", "party": 1' + b"0" * 400 + b"}", "http.json_number"),
    (b"[" * 100_000, "http.json_depth"),
    (b"[" * 100_000 + b"]" * 100_000, "http.json_depth"),
    (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "http.json_depth"),
    (b'{"role": "entity", "party": "\\ud800"}', "http.json_malformed"),
    (b'{"role": "entity"', "http.json_malformed"),
    (b"\xff\xfe{}", "http.json_malformed"),
    (b"\xef\xbb\xbf{}", "http.json_malformed"),
    (b"not json", "http.json_malformed"),
]


@pytest.mark.parametrize(("body", "code"), JSON_BODIES, ids=range(len(JSON_BODIES)))
def test_ambiguous_json_is_refused(body: bytes, code: str, service: Service) -> None:
    problem(post_raw(service, "/v1/sessions", body), 422, code)


@pytest.mark.parametrize(("body", "code"), JSON_BODIES[:4], ids=range(4))
def test_ambiguous_json_is_refused_on_every_route_that_takes_json(body: bytes, code: str, service: Service) -> None:
    paths = ["/v1/requests", "/v1/requests/x/decision", "/v1/grants/x/pulls"]
    who = caller(service, "citizen")
    for path in paths:
        answer = who.http.post(path, content=body, headers={"Content-Type": "application/json"})
        problem(answer, 422, code)


@pytest.mark.parametrize(
    "body",
    [
        {"role": "citizen", "kind": "person", "number": NUMBER, "name": "王小明", NUMBER: "x"},
        {"role": "citizen", "kind": "person", "number": NUMBER + "0", "name": "王小明"},
        {"role": "citizen", "kind": "person", "number": int(NUMBER), "name": "王小明"},
        {"role": "citizen", "kind": "person", "number": [NUMBER], "name": "王小明"},
        {"role": "citizen", "kind": NUMBER, "number": NUMBER, "name": "王小明"},
        {"role": NUMBER, "number": NUMBER},
        {"role": "citizen", "kind": "person", "number": NUMBER, "name": False},
        {"role": "citizen", "kind": "person", "number": NUMBER},
        [NUMBER],
        NUMBER,
        None,
    ],
)
def test_wrong_shapes_are_refused_without_an_echo(body: object, service: Service) -> None:
    answer = post_raw(service, "/v1/sessions", json.dumps(body, ensure_ascii=False).encode())
    document = answer.json()
    assert answer.status_code == 422
    # A huge whole number is refused by the reader, everything else by its place.
    assert document["code"] in {"http.invalid_input", "http.json_number"}, document
    nothing_of(NUMBER, answer)
    nothing_of("王小明", answer)


@pytest.mark.parametrize(
    "change",
    [
        {"days": "5"},
        {"days": True},
        {"days": 0},
        {"days": 10**12},
        {"uses": -1},
        {"uses": None},
        {"items": []},
        {"items": [{"type": LICENCE, "field": "licence_class", "necessary": 1}]},
        {"items": [{"type": LICENCE, "field": "licence_class", "sensitive": False}]},
        {"items": [{"type": LICENCE, "field": "x"}] * 65},
        {"holder": {"kind": "person", "number": NUMBER, "name": "x"}},
        {"extra": 1},
        {"case_no": 5},
        {"case_no": ""},
        {"case_no": "x" * 65},
    ],
)
def test_requests_take_exact_types_alone(change: dict[str, object], service: Service) -> None:
    body = {
        "holder": {"kind": "person", "number": service.driver().number},
        "purpose": "insurance.motor.claims",
        "case_no": "CL-1",
        "items": [{"type": LICENCE, "field": "licence_class"}],
        "days": 5,
        "uses": 1,
        **change,
    }
    answer = caller(service, "machine").call("POST", "/v1/requests", body)
    document = problem(answer, 422, "http.invalid_input")
    assert document["facts"]["place"].startswith("body")


def test_a_form_where_json_is_due(service: Service) -> None:
    answer = httpx.post(f"{service.url}/v1/sessions", data={"role": "entity"}, trust_env=False)
    problem(answer, 422, "http.invalid_input")
    # Nor does a text that happens to be JSON: a page of somebody else's could post it without asking.
    text = post_raw(service, "/v1/sessions", b'{"role": "entity", "party": "x"}', **{"Content-Type": "text/plain"})
    problem(text, 422, "http.invalid_input")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/log/entries?start=" + "9" * 30, "http.invalid_input"),
        ("/v1/log/entries?start=-1", "http.invalid_input"),
        ("/v1/log/entries?count=257", "http.invalid_input"),
        ("/v1/log/entries?start=x", "http.invalid_input"),
        ("/v1/log/consistency?old=0&new=1", "http.invalid_input"),
        ("/v1/log/consistency?old=1&new=" + "9" * 25, "http.invalid_input"),
        ("/v1/log/consistency?old=9007199254740991&new=9007199254740991", "log.range"),
        ("/v1/log/consistency?old=3&new=2", "log.range"),
        ("/v1/parties?role=king", "parties.unknown_role"),
        ("/v1/parties?role=" + "x" * 100, "http.invalid_input"),
    ],
)
def test_queries_out_of_range(path: str, code: str, service: Service) -> None:
    problem(httpx.get(service.url + path, trust_env=False), 422, code)


@pytest.mark.parametrize(
    "cursor", ["x", "é", "=" * 20, "MTIz", "MTIzOmFiYw==", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OmE", "LTE6eA", "wrI6eA"]
)
def test_cursors_of_nobody(cursor: str, service: Service) -> None:
    answer = caller(service, "entity").call("GET", f"/v1/grants?cursor={cursor}")
    assert answer.status_code in {200, 422}, answer.text
    if answer.status_code == 422:
        problem(answer, 422, "store.cursor")


@pytest.mark.parametrize("path", ["/v1/nothing", "/nothing", "/v1/../etc/passwd", "/%00", "/static/../../settings.py"])
def test_addresses_of_nothing(path: str, service: Service) -> None:
    answer = httpx.get(service.url + path, headers={"Accept": "application/json"}, trust_env=False)
    problem(answer, 404, "http.not_found")


def test_a_method_that_an_address_does_not_know(service: Service) -> None:
    answer = httpx.put(f"{service.url}/v1/requests", trust_env=False)
    problem(answer, 405, "http.method_not_allowed")
    assert answer.headers["allow"]


@pytest.mark.parametrize("host", ["evil.example", "", "127.0.0.1", "127.0.0.1:1", "LOCALHOST"])
def test_hosts_that_are_not_ours(host: str, service: Service) -> None:
    answer = httpx.get(f"{service.url}/livez", headers={"Host": host}, trust_env=False)
    if answer.headers["content-type"].startswith("application/problem"):
        problem(answer, 422, "http.unknown_host")
    else:
        assert answer.status_code == 400, "the server itself refuses an empty one"
    if host == "evil.example":
        nothing_of(host, answer)


def test_localhost_is_ours(service: Service) -> None:
    host = f"localhost:{service.settings.port}"
    assert httpx.get(f"{service.url}/livez", headers={"Host": host}, trust_env=False).status_code == 200


# Sizes


FORM_HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'


def chunks(total: int, size: int = 65_536) -> Iterator[bytes]:
    """The beginning of a form with a file of that size, which never ends properly."""
    yield FORM_HEAD
    sent = len(FORM_HEAD)
    while sent < total:
        yield b"a" * min(size, total - sent)
        sent += size


def upload(
    service: Service, role: str, path: str, size: int, *, chunked: bool, method: str = "POST"
) -> httpx.Response | None:
    """Send a body; None where the service hung up in the middle of it, which it may."""
    who = caller(service, role)
    headers = {"Content-Type": "multipart/form-data; boundary=x", "X-CSRF-Token": who.csrf, "Idempotency-Key": "k" * 20}
    content = chunks(size) if chunked else b"".join(chunks(size))
    try:
        return who.http.request(method, path, content=content, headers=headers)
    except (httpx.WriteError, httpx.RemoteProtocolError, httpx.ReadError):
        return None


SMALL, LARGE = 1024 * 1024, 32 * 1024 * 1024


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
@pytest.mark.parametrize(
    ("role", "path", "size"),
    [
        ("stranger", "/v1/sessions", SMALL + 1),
        ("stranger", "/v1/returns", SMALL + 1),
        ("stranger", "/v1/traces", 8 * SMALL),
        ("citizen", "/v1/returns", SMALL + 1),
        ("regulator", "/v1/returns", SMALL + 1),
        ("department", "/v1/traces", SMALL + 1),
        ("department", "/v1/traces/jobs", SMALL + 1),
        ("citizen", "/regulator/traces/jobs/tjob_x/files", SMALL + 1),
        ("department", "/v1/requests", SMALL + 1),
        ("department", "/v1/returns", LARGE + SMALL + 1),
        ("stranger", "/verify", SMALL + 1),
    ],
)
def test_bodies_over_their_cap(role: str, path: str, size: int, chunked: bool, service: Service) -> None:
    answer = upload(service, role, path, size, chunked=chunked)
    if answer is not None:
        document = problem(answer, 413, "http.too_large")
        assert document["facts"]["limit_mb"] in {1, 33}


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
@pytest.mark.parametrize(
    ("role", "path", "size"),
    [("department", "/v1/returns", 4 * SMALL), ("regulator", "/v1/traces/jobs/tjob_x/files", LARGE + 4 * SMALL)],
)
def test_a_signed_in_uploader_may_send_more(role: str, path: str, size: int, chunked: bool, service: Service) -> None:
    answer = upload(service, role, path, size, chunked=chunked)
    assert answer is not None
    # It is taken in and found to be no form, or for no job of this regulator's; it was not refused for its size.
    assert answer.status_code in {400, 404, 422}
    assert answer.json()["code"] in {"http.bad_request", "http.invalid_input", "trace_jobs.not_found"}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_body_where_none_is_due_is_capped_as_well(method: str, service: Service) -> None:
    headers = {"Signature-Input": 'sig1=();keyid="x"', "Signature": "sig1=:AA==:"}
    with httpx.Client(base_url=service.url, trust_env=False) as client:
        answer = client.request(method, "/v1/sessions/current", content=b" " * (SMALL + 1), headers=headers)
    problem(answer, 413, "http.too_large")


def test_an_endless_body_of_a_stranger_costs_no_memory(service: Service) -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    connection = socket.create_connection(("127.0.0.1", service.settings.port), timeout=10)
    with connection:
        head = f"POST /v1/returns HTTP/1.1\r\nHost: 127.0.0.1:{service.settings.port}\r\n"
        head += "Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        connection.sendall(f"{len(FORM_HEAD):x}\r\n".encode() + FORM_HEAD + b"\r\n")
        piece = b"10000\r\n" + b"a" * 65_536 + b"\r\n"
        sent = 0
        deadline = time.monotonic() + 10
        try:
            while sent < 64 * SMALL and time.monotonic() < deadline:
                connection.sendall(piece)
                sent += 65_536
        except OSError:
            pass
    grown = process.memory_info().rss - before
    assert grown < 24 * SMALL, f"{grown / SMALL:.0f} MB more after {sent / SMALL:.0f} MB sent"


def test_odd_content_lengths(service: Service) -> None:
    for length in ("-1", "1e9", "9" * 40, "\xb2", "1, 1"):
        with socket.create_connection(("127.0.0.1", service.settings.port), timeout=10) as connection:
            head = f"POST /v1/sessions HTTP/1.1\r\nHost: 127.0.0.1:{service.settings.port}\r\n"
            connection.sendall((head + f"Content-Length: {length}\r\nConnection: close\r\n\r\n{{}}").encode("latin-1"))
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65_536)
        assert b" 500 " not in answer.split(b"\r\n")[0], length


def test_the_limits_leave_the_service_well(service: Service) -> None:
    answer = httpx.get(f"{service.url}/readyz", trust_env=False)
    assert answer.json()["parts"]["database"] == "ok"
    protected(answer)
