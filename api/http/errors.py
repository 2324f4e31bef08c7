"""The one place where a kind becomes an HTTP status, and an error a problem document (RFC 9457)."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from api.errors import ApiError, Kind
from api.http.language import Language, preferred_language
from api.locale import error_text
from chain.errors import ChainError
from chain.errors import Kind as ChainKind
from watermark.errors import WatermarkError

log = logging.getLogger("mydata.http")

STATUS: Mapping[Kind, HTTPStatus] = {
    Kind.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    Kind.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    Kind.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Kind.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Kind.CONFLICT: HTTPStatus.CONFLICT,
    Kind.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Kind.LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    Kind.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Kind.INTEGRITY: HTTPStatus.CONFLICT,
    Kind.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}

FROM_CHAIN: Mapping[ChainKind, Kind] = {
    ChainKind.INVALID: Kind.INVALID,
    ChainKind.CONFLICT: Kind.CONFLICT,
    ChainKind.UNAVAILABLE: Kind.UNAVAILABLE,
    ChainKind.INTEGRITY: Kind.INTEGRITY,
    ChainKind.INTERNAL: Kind.INTERNAL,
}

PageForError = Callable[[Request, ApiError, int], Response]

BY_STATUS = {
    HTTPStatus.NOT_FOUND: "http.not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "http.method_not_allowed",
}


def as_api_error(error: Exception) -> ApiError:
    """Any error of ours, the framework's or a stranger's as one `ApiError`, without carrying over its message."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, ChainError):
        return ApiError(error.code, FROM_CHAIN[error.kind])
    if isinstance(error, WatermarkError):
        return ApiError(error.code, Kind.INVALID, **error.facts)
    if isinstance(error, HTTPException):
        kind = next((k for k, status in STATUS.items() if status == error.status_code), Kind.INVALID)
        return ApiError(BY_STATUS.get(HTTPStatus(error.status_code), "http.bad_request"), kind)
    if isinstance(error, RequestValidationError):
        # The framework would echo the input, which may be an ID number; the place of the first fault is enough.
        place = ".".join(str(part) for part in error.errors()[0]["loc"][:4])
        return ApiError("http.invalid_input", Kind.INVALID, place=place[:80])
    return ApiError("http.internal", Kind.INTERNAL)


def problem(request: Request, error: ApiError) -> JSONResponse:
    """Build the problem document in the caller's language, with the code that support can be told."""
    lang = preferred_language(request)
    status = STATUS[error.kind]
    other: Language = "en" if lang == "zh-Hans" else "zh-Hans"
    body = {
        "type": f"/help/errors#{error.code}",
        "title": error_text(error.code, lang, error.facts),
        "title_" + ("en" if other == "en" else "zh"): error_text(error.code, other, error.facts),
        "status": int(status),
        "code": error.code,
        "facts": dict(error.facts),
    }
    headers = {"Content-Language": lang, "Cache-Control": "no-store"}
    if error.kind is Kind.UNAVAILABLE:
        headers["Retry-After"] = "5"
    return JSONResponse(body, int(status), headers, media_type="application/problem+json")


def answer(request: Request, error: ApiError, page: PageForError | None) -> Response:
    """A page for people's browsers outside /v1, a problem document for everybody else."""
    wants_page = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1")
    if page is not None and wants_page:
        return page(request, error, int(STATUS[error.kind]))
    return problem(request, error)


def log_unexpected(error: Exception) -> None:
    """Log class and place only: a stranger's message, or a traceback with it, may carry personal data."""
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    where = f"{Path(tb.tb_frame.f_code.co_filename).name}:{tb.tb_lineno}" if tb else "?"
    log.error("unexpected %s at %s", type(error).__name__, where)


def install(app: FastAPI, page: PageForError | None = None) -> None:
    """Register the handlers. `page` answers people's browsers with a page in place of a problem document."""

    def handle(request: Request, error: Exception) -> Response:
        return answer(request, as_api_error(error), page)

    for kind in (ApiError, ChainError, WatermarkError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, handle)
