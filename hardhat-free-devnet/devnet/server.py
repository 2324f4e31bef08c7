"""HTTP for the dispatcher: POST of JSON, bounded in size, time and connections; nothing else.

Two guards against web pages that a developer happens to have open: the body must say that it is JSON (a page's
cross-origin request then needs a preflight, which is refused), and the Host header must name an address, localhost, or
the name that the node was told to listen on (otherwise a page could reach it by a name of its own that resolves here).
"""

import contextlib
import ipaddress
import json
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from devnet.rpc import Dispatcher

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_CONNECTIONS = 128
IDLE_S = 120.0
READ_S = 15.0
# An EVM call may nest 1,024 deep, and JSON to Python's limit; measured: 1 MiB is too little for the latter, 2 MiB do.
THREAD_STACK_BYTES = 16 * 1024 * 1024


class Server(ThreadingHTTPServer):
    """Listens on `host`:`port` (0 chooses a port) and answers by `dispatcher`."""

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, host: str, port: int, dispatcher: Dispatcher) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        self.dispatcher = dispatcher
        self.host = host
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """Where a client on this machine reaches the node."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.server_port}"

    def server_bind(self) -> None:
        """Bind without the base class's reverse look-up of the host's name."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.host, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base class has it
        """One thread for each connection, up to the bound; the next is closed at once."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread to be had
            self._places.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base class has it
        """Serve the connection and give its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base class has it
        """A client that went away is no event."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    server_version = "devnet"
    sys_version = ""
    timeout = IDLE_S
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer one JSON-RPC body."""
        self.connection.settimeout(READ_S)
        body = self._body()
        if body is None:
            return
        answer = self.server.dispatcher.answer(body)
        self._send(HTTPStatus.NO_CONTENT if answer is None else HTTPStatus.OK, answer or b"")
        self.connection.settimeout(IDLE_S)

    def do_GET(self) -> None:
        """Say what this is, to whoever opens it in a browser."""
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "JSON-RPC by POST; a chain for development only")

    def _body(self) -> bytes | None:
        """The body, or None when the request was refused."""
        kind = self.headers.get_content_type() if "Content-Type" in self.headers else ""
        length = self.headers.get("Content-Length", "")
        if not _names_this_machine(self.headers.get("Host", ""), self.server.host):
            self._refuse(HTTPStatus.FORBIDDEN, "unknown host")
        elif kind != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content type must be application/json")
        elif not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is needed")
        elif len(length) > len(str(MAX_BODY_BYTES)) or int(length) > MAX_BODY_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_BODY_BYTES} bytes")
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                return body
            self.close_connection = True
        return None

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        # What was sent of the body is not read, so the connection cannot go on.
        self.close_connection = True
        self._send(status, json.dumps({"error": message}).encode())

    def _send(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if body:
            self.send_header("Content-Type", "application/json")
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "POST")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Requests are not logged."""


def _names_this_machine(header: str, own: str) -> bool:
    name = header.rpartition(":")[0] if header.rpartition(":")[2].isdigit() else header
    name = name.strip("[]").lower()
    if name in {"localhost", own.lower()}:
        return True
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(name)
        return True
    return False
