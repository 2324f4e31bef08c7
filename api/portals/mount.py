"""Hangs the portals on the application: pages, static files, and the page that an error becomes."""

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from api.errors import ApiError


def mount(app: FastAPI) -> None:
    """Add every portal's routes."""


def error_page(request: Request, error: ApiError, status: int) -> Response:
    """An error as a page in the reader's language."""
    return HTMLResponse(error.code, status)
