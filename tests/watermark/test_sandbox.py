"""Untrusted files: clear errors, no crash, no secrets, and the next file is read as if nothing had happened."""

import contextlib
import io
import json
import signal
import subprocess
import sys
import zlib

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pikepdf import Name

from tests.watermark import locked
from tests.watermark.cases import JSON, Content, licence, plain_pdf, table_content
from watermark import WatermarkError, sniff
from watermark.carriers.reading import MAX_BYTES, read
from watermark.confinement import Confined
from watermark.reading import Reading
from watermark.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    with Sandbox(timeout_s=25) as box:
        yield box


def _refusal(sandbox: Sandbox, data: bytes, name: str = "") -> str:
    with pytest.raises(WatermarkError) as refused:
        sandbox.read(data, name)
    return refused.value.code


def _bomb() -> bytes:
    """A 4 MB file whose page is 4 GB of operators: one flushed block, repeated."""
    packer = zlib.compressobj(9)
    chunk = b"0 " * (1 << 20)
    blocks = [packer.compress(chunk) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2)]
    raw = blocks[0] + blocks[1] * 2000 + packer.flush()
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page()
        stream = pdf.make_stream(b"")
        stream.write(raw, filter=Name.FlateDecode)
        page.Contents = stream
        out = io.BytesIO()
        pdf.save(out)
    return out.getvalue()


def _locked() -> bytes:
    with pikepdf.open(io.BytesIO(plain_pdf())) as pdf:
        out = io.BytesIO()
        pdf.save(out, encryption=pikepdf.Encryption(owner="a", user="b"))
    return out.getvalue()


def _many_pages() -> bytes:
    with pikepdf.new() as pdf:
        for _ in range(201):
            pdf.add_blank_page()
        out = io.BytesIO()
        pdf.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.csv", "watermark.empty"),
        (b" \r\n\t", "a.json", "watermark.empty"),
        (b"%PDF-1.7 and nothing else", "a.pdf", "watermark.bad_pdf"),
        (b'{"a": [1, 2', "a.json", "watermark.bad_json"),
        (b"[" * 200_000, "a.json", "watermark.bad_json"),
        (b'{"a":' * 200_000, "a.json", "watermark.bad_json"),
        (b'{"a": 1}', "a.pdf", "watermark.wrong_extension"),
        (plain_pdf(), "a.csv", "watermark.wrong_extension"),
        (b"PK\x03\x04rest", "a.xlsx", "watermark.bad_zip"),
        (b"\x89PNG\r\n", "a.png", "watermark.bad_image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a.heic", "watermark.unsupported_kind"),
        (b"\x00\x01\x02" * 50, "a", "watermark.unsupported_kind"),
        (b",\n" * 600_000, "a.csv", "watermark.too_many_cells"),
        (b"x" * (MAX_BYTES + 1), "a.txt", "watermark.too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("watermark") else "",
)
def test_refusals_are_clear_and_leave_the_sandbox_working(sandbox: Sandbox, data: bytes, name: str, code: str) -> None:
    assert _refusal(sandbox, data, name) == code
    assert sandbox.read(b'{"a": "1"}').kind == "json"


def test_locked_and_long_pdfs(sandbox: Sandbox) -> None:
    assert _refusal(sandbox, _locked(), "a.pdf") == "watermark.encrypted_pdf"
    assert _refusal(sandbox, _many_pages(), "a.pdf") == "watermark.too_many_pages"


@pytest.mark.slow
def test_a_bomb_is_stopped(sandbox: Sandbox) -> None:
    assert _refusal(sandbox, _bomb(), "bomb.pdf") in {"watermark.too_complex", "watermark.timeout"}
    assert sandbox.read(plain_pdf(), "good.pdf").kind == "pdf"


def test_a_worker_that_hangs_is_killed_in_time() -> None:
    with Sandbox(timeout_s=0.2) as box:
        box._start()
        assert box._worker is not None
        # Stopped, not merely slow: how long a large file takes depends on the machine.
        box._worker.send_signal(signal.SIGSTOP)
        assert _refusal(box, b'[{"a": "1"}]', "slow.json") == "watermark.timeout"
        assert box._worker is None


def test_a_killed_worker_is_replaced() -> None:
    with Sandbox() as box:
        box.read(b'{"a": "1"}')
        assert box._worker is not None
        box._worker.kill()
        assert _refusal(box, b'{"a": "1"}') == "watermark.too_complex"
        assert box.read(b'{"a": "1"}').kind == "json"


def _inside(code: str) -> str:
    """Run `code` where a file would be read, after the worker has locked itself down; what it returns as JSON."""
    script = (
        "import sys, json, os, socket; sys.path[:] = " + repr(sys.path) + "\n"
        "from watermark import sandbox\n"
        f"def probe(data, name):\n    {code}\n"
        "sandbox._answer = lambda data, name: {'error': str(probe(data, name)), 'facts': {}}\n"
        "sandbox.serve()\n"
    )
    box = Sandbox()
    worker = subprocess.Popen(
        [sys.executable, "-I", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={}, bufsize=0
    )
    box._worker = worker
    assert worker.stdout is not None
    assert worker.stdout.read(1) == b"+"
    try:
        return _refusal(box, b"{}")
    finally:
        box.close()


def test_worker_can_open_neither_files_nor_sockets_nor_see_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    # By the locks where the kernel has them, else by the number of descriptors (`test_confinement.py` tries more).
    refused = ("Operation not permitted", "Permission denied", "Too many open files")
    for attempt in ("open('/etc/hostname')", "socket.socket()"):
        said = _inside(f"try: return {attempt}\n    except OSError as e: return e")
        assert any(words in said for words in refused), said
    monkeypatch.setenv("MYDATA_MASTER_KEY", "secret")
    with Confined("tests.watermark.locked", locked.LIMITS) as child:
        done, names = json.loads(child.ask(b"{}", b"own environment"))
        assert done
        assert "PATH" in names
        assert not [name for name in names if name.startswith("MYDATA")]


def test_worker_memory_is_bounded() -> None:
    assert _inside("try: return len(bytearray(3 << 30))\n    except MemoryError: return 'no memory'") == "no memory"


def test_a_lying_worker_gives_an_error_and_no_reading() -> None:
    for answer in ("{'reading': {'kind': 'json'}}", "[]"):
        assert _lying(answer) == "watermark.too_complex"
    shapes = [7, {"kind": "json", "sheets": [[["a", "b"]]], "claims": [], "pages": []}]
    for shape in shapes:
        with pytest.raises((TypeError, ValueError, KeyError)):
            Reading.from_json(shape)


def _lying(answer: str) -> str:
    script = (
        "import sys, json; sys.path[:] = " + repr(sys.path) + "\nfrom watermark import sandbox\n"
        f"sandbox._answer = lambda data, name: {answer}\nsandbox.serve()\n"
    )
    with Sandbox() as box:
        box._worker = subprocess.Popen(
            [sys.executable, "-I", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={}, bufsize=0
        )
        assert box._worker.stdout is not None
        assert box._worker.stdout.read(1) == b"+"
        return _refusal(box, b"{}")


def test_sandbox_reads_what_this_process_reads(sandbox: Sandbox, sixteen_json: Content, page: Content) -> None:
    files = [*sixteen_json.files.values(), sixteen_json.original, *page.files.values()]
    files.append(table_content([licence(1)], JSON).original)
    for data in files:
        assert sandbox.read(data) == read(data)


@settings(max_examples=120, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """In this process, to see what the readers raise: nothing but their own errors."""
    try:
        reading = read(data)
    except WatermarkError:
        return
    assert reading.kind == sniff(data)
    assert Reading.from_json(json.loads(json.dumps(reading.to_json()))) == reading


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_broken_copies_are_read_or_refused(data: st.DataObject) -> None:
    source = bytearray(data.draw(st.sampled_from([plain_pdf(), table_content([licence(0)], JSON).original])))
    for _ in range(data.draw(st.integers(1, 8))):
        source[data.draw(st.integers(0, len(source) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(source)))
    with contextlib.suppress(WatermarkError):
        read(bytes(source[:cut]))
