"""A log's service as a witness meets it, and a witness's folder."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain.cosign import NoteKey
from chain.errors import FormatError, ProofError
from chain.tiles import parse_path
from chain.witness.folder import (
    RECORD_FILE,
    WitnessFolder,
    create,
    read_state,
)
from chain.witness.follow import Round, Witness
from chain.witness.source import LogSource
from tests.unit.chain.tile_log import TileLog

STRANGER = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)
NOW_S = 1_800_000_000


class Operator:
    """A log's service: shows `note` and the tiles of `log`, and takes cosignatures unless told not to."""

    def __init__(self, log: TileLog) -> None:
        self.log = log
        self.note: str | None = log.note()
        self.taken: list[str] = []
        self.takes = 200
        self.status = 200
        self.noise: bytes | None = None
        operator = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                operator.show(self)

            def do_POST(self) -> None:
                operator.take(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1/log"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(60)

    def show(self, asked: BaseHTTPRequestHandler) -> None:
        path = asked.path.removeprefix("/v1/log/")
        status, body = self.status, b""
        if self.noise is not None:
            body = self.noise
        elif path == "checkpoint":
            status, body = (404, b"") if self.note is None else (status, self.note.encode())
        else:
            try:
                body = self.log.tile(parse_path(path.removeprefix("tile/")))
            except (ProofError, FormatError):
                status = 404
        asked.send_response(status)
        asked.send_header("Content-Length", str(len(body)))
        asked.end_headers()
        asked.wfile.write(body)

    def take(self, asked: BaseHTTPRequestHandler) -> None:
        assert asked.path == "/v1/log/cosignatures"
        given = json.loads(asked.rfile.read(int(asked.headers["Content-Length"])))
        if self.takes == 200:
            self.taken.append(given["note"])
        asked.send_response(self.takes)
        asked.send_header("Content-Length", "2")
        asked.end_headers()
        asked.wfile.write(b"{}")


class Desk:
    """A witness's folder, and rounds over it; each round is a process's life of its own unless it is kept open."""

    def __init__(self, folder: Path, operator: Operator) -> None:
        self.folder = folder
        self.operator = operator
        self.key: NoteKey = create(folder, "witness.example/w1")

    def round(self, **options: object) -> Round:
        source = LogSource(str(options.pop("url", self.operator.url)))
        try:
            with WitnessFolder(self.folder, self.operator.log.public, source.prefix) as opened:
                return Witness(opened, source, lambda: NOW_S, **options).round()
        finally:
            source.close()

    @property
    def size(self) -> int | None:
        state = read_state(self.folder)
        return None if state is None or state.note is None else int(state.note.split("\n")[1])

    @property
    def record(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.folder / RECORD_FILE).read_text("utf-8").splitlines()]


def grow(operator: Operator, size: int) -> None:
    operator.log = TileLog.of(size)
    operator.note = operator.log.note()
