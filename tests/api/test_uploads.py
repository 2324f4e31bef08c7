"""What lies on disk while a file comes in: nothing in clear, in any file that the process has open, named or not."""

import contextlib
import io
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette import requests
from starlette.formparsers import MultiPartParser

from api import locale
from api.errors import ApiError
from api.http import uploads
from api.http.uploads import PIECE_BYTES, SealedFile
from tests import town
from tests.api.calls import caller, problem
from tests.flow.files import licences, table
from tests.town import LICENCE, Service, until

NAME = "于谨言慎"
LINE = f"{NAME},370902199001011234\n".encode()
FILE = LINE * (3 * 2**20 // len(LINE))
SENT = 2 * 2**20 + 500_000


@pytest.fixture(scope="module")
def small(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with small limits."""
    folder = tmp_path_factory.mktemp("uploads") / "data"
    shutil.copytree(prepared, folder)
    with town.running(folder, max_upload_bytes=3 * 2**20, max_body_bytes=100_000) as running:
        yield running


def open_files() -> dict[str, bytes]:
    """What is in every regular file that this process has open, deleted ones included; the service runs in it."""
    found: dict[str, bytes] = {}
    for opened in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if opened.is_file():
                found[f"{opened.name} {opened.readlink()}"] = opened.read_bytes()
    return found


def on_disk(before: set[str]) -> int:
    """Bytes in files without a name that were not open before: the upload's."""
    return sum(len(data) for name, data in open_files().items() if "(deleted)" in name and name not in before)


@contextlib.contextmanager
def slow_upload(service: Service, path: str, field: str) -> Iterator[tuple[socket.socket, bytes]]:
    """An upload of which `SENT` bytes were sent; the connection, and what is left to send."""
    who = caller(service, "department" if "returns" in path else "regulator")
    boundary = "x" * 30
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="a.csv"\r\n\r\n'.encode()
    body = head + FILE + f"\r\n--{boundary}--\r\n".encode()
    headers = {
        "Host": httpx.URL(service.url).netloc.decode(),
        "Cookie": "; ".join(f"{name}={value}" for name, value in who.http.cookies.items()),
        "X-CSRF-Token": who.csrf,
        "Idempotency-Key": "k" * 20 + field,
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(body)),
    }
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    url = httpx.URL(service.url)
    with socket.create_connection((url.host, url.port or 80), timeout=60) as wire:
        wire.sendall("\r\n".join(lines).encode() + body[:SENT])
        yield wire, body[SENT:]


@pytest.mark.parametrize(
    ("path", "field"), [("/v1/returns", "file"), ("/v1/traces", "file"), ("/department/returns", "file")]
)
def test_no_open_file_holds_an_upload_in_clear(path: str, field: str, service: Service) -> None:
    before = set(open_files())
    with slow_upload(service, path, field) as (wire, rest):
        until(lambda: on_disk(before) > SENT - 2 * PIECE_BYTES, "the upload is on disk")
        holding = [name for name, data in open_files().items() if NAME.encode() in data]
        assert not holding, holding
        if "traces" not in path:  # that one breaks off: to examine three megabytes takes half a minute
            wire.sendall(rest)
            # It lacks its type: the file was read to its end.
            answer = wire.recv(65536)
            assert answer.startswith(b"HTTP/1.1 422"), answer[:60]
    until(lambda: on_disk(before) == 0, "nothing of it is left")


def test_the_framework_s_own_parser_would_be_found_out(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MultiPartParser", MultiPartParser)
    before = set(open_files())
    with slow_upload(service, "/v1/returns", "file"):
        until(lambda: on_disk(before) > SENT - 2 * PIECE_BYTES, "the upload is on disk")
        assert [name for name, data in open_files().items() if NAME.encode() in data]


def test_a_file_of_several_pieces_comes_in_whole(service: Service) -> None:
    rows = licences(94, 1)
    head, line = table(rows).splitlines(keepends=True)
    data = head + line * (2 * PIECE_BYTES // len(line))
    returned = service.town.department(service.ctx.catalogue.type(LICENCE).department).upload(
        "/v1/returns", "a.csv", data, type=LICENCE, seal="false"
    )
    service.work()
    item = service.town.department(service.ctx.catalogue.type(LICENCE).department).get(f"/v1/returns/{returned['id']}")
    assert (item["rows"]["good"], item["rows"]["total"]) == (1, data.count(b"\n") - 1)


def chunks(total: int) -> Iterator[bytes]:
    """A body without a length: the server learns how long it is as it comes."""
    yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    for _ in range(total // 65536):
        yield LINE * (65536 // len(LINE))


@pytest.mark.parametrize("accept", ["zh-Hans", "en"])
def test_an_upload_over_the_limit_is_refused_as_it_comes(accept: str, small: Service) -> None:
    who = caller(small, "department")
    headers = {
        "X-CSRF-Token": who.csrf,
        "Idempotency-Key": "k" * 20,
        "Content-Type": "multipart/form-data; boundary=b",
        "Accept-Language": accept,
    }
    before = set(open_files())
    with contextlib.suppress(httpx.WriteError):
        answer = who.http.post("/v1/returns", content=chunks(6 * 2**20), headers=headers)
        said = problem(answer, 413, "http.too_large")
        assert said["title"] == locale.error_text(
            "http.too_large", "en" if accept == "en" else "zh-Hans", said["facts"]
        )
    until(lambda: on_disk(before) == 0, "nothing of it is left")
    assert small.rows("SELECT count(*) FROM return_chunks") == [(0,)]


def test_no_room_for_an_upload(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    who = service.town.department(service.ctx.catalogue.type(LICENCE).department)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "TemporaryFile", full)
        with pytest.raises(ApiError) as refused:
            who.upload("/v1/returns", "a.csv", FILE, type=LICENCE, seal="false")
    assert refused.value.code == "http.upload_space"
    assert locale.error_text("http.upload_space", "en", {}) != locale.error_text("http.upload_space", "zh-Hans", {})


# The file itself


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 9), max_size=6),
    st.lists(st.tuples(st.integers(0, 60), st.none() | st.integers(0, 25)), max_size=8),
)
def test_a_sealed_file_reads_like_any_other(writes: list[int], reads: list[tuple[int, int | None]]) -> None:
    unit = PIECE_BYTES // 3 - 7
    with SealedFile() as sealed, io.BytesIO() as plain:
        for at, count in enumerate(writes):
            data = bytes([at + 1]) * (count * unit)
            assert sealed.write(data) == plain.write(data)
        for place, count in reads:
            size = -1 if count is None else count * unit
            assert sealed.seek(place * unit) == plain.seek(place * unit)
            assert sealed.read(size) == plain.read(size)
            assert sealed.tell() == plain.tell()
        assert sealed.seek(0, os.SEEK_END) == plain.seek(0, os.SEEK_END)
        sealed.seek(0)
        assert io.BufferedReader(sealed).read() == plain.getvalue()


def test_pieces_that_were_altered_or_changed_places_do_not_open() -> None:
    stored = PIECE_BYTES + uploads.TAG_BYTES
    for tamper in ("flip", "swap", "cut"):
        with SealedFile() as sealed:
            sealed.write(os.urandom(3 * PIECE_BYTES))
            disk = sealed._disk
            assert disk is not None
            disk.seek(0)
            first, second = disk.read(stored), disk.read(stored)
            disk.seek(0)
            if tamper == "flip":
                disk.write(first[:-1] + bytes([first[-1] ^ 1]))
            elif tamper == "swap":
                disk.write(second + first)
            else:
                disk.truncate(stored - 1)
            sealed.seek(0)
            with pytest.raises(ApiError, match=r"http\.upload_broken"):
                sealed.read()


def test_it_is_written_at_its_end_alone() -> None:
    with SealedFile() as sealed:
        sealed.write(b"abc")
        sealed.seek(1)
        with pytest.raises(io.UnsupportedOperation):
            sealed.write(b"x")
        with pytest.raises(ValueError, match="before"):
            sealed.seek(-1)
