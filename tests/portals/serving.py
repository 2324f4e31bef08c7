"""Serves the sample pages on loopback with the product's security headers, for a real browser."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from api.http.middleware import SecurityHeaders
from api.portals.render import StaticPages, render_page
from tests.portals.samples import samples


def sample_page(request: Request) -> Response:
    """One sample: /<lang>/<standard|elder>/<name>."""
    lang, size, name = (request.path_params[key] for key in ("lang", "size", "name"))
    found = next(one for one in samples(lang, size == "elder") if one.name == name)
    return HTMLResponse(render_page(found.template, found.view, found.page))


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """The base address of a running server; it stops at the end."""
    app = Starlette(routes=[Mount("/static", StaticPages()), Route("/{lang}/{size}/{name}", sample_page)])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(SecurityHeaders(app), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
