"""The one place where a kind becomes an HTTP status, and an error a problem document (RFC 9457)."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from api.errors import ApiError, Kind, place_of
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

BY_STATUS: Mapping[int, tuple[str, Kind]] = {
    HTTPStatus.NOT_FOUND: ("http.not_found", Kind.NOT_FOUND),
    HTTPStatus.METHOD_NOT_ALLOWED: ("http.method_not_allowed", Kind.INVALID),
}
"""What the framework itself answers, as codes of ours; its status stays, for 405 has no kind of its own."""


FRAMEWORK_CODES = frozenset({"http.bad_request", *(code for code, _ in BY_STATUS.values())})


def as_api_error(error: Exception) -> ApiError:
    """Any error of ours, the framework's or a stranger's as one `ApiError`, without carrying over its message."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, ChainError):
        return ApiError(error.code, FROM_CHAIN[error.kind])
    if isinstance(error, WatermarkError):
        return ApiError(error.code, Kind.INVALID, **error.facts)
    if isinstance(error, HTTPException):
        if isinstance(error.__cause__, ApiError | ChainError):
            # The framework wraps what reading a body raised.
            return as_api_error(error.__cause__)
        return ApiError(*BY_STATUS.get(error.status_code, ("http.bad_request", Kind.INVALID)))
    if isinstance(error, RequestValidationError):
        return ApiError("http.invalid_input", Kind.INVALID, place=_place(error))
    return ApiError("http.internal", Kind.INTERNAL)


def _place(error: RequestValidationError) -> str:
    """Where the first fault is.

    The framework would echo the input, which may be an ID number; so may be the name of a member that we do not know,
    which is left out.
    """
    first = error.errors()[0]
    known = first["loc"][:-1] if first["type"] == "extra_forbidden" else first["loc"]
    return ".".join(str(part) for part in known[:4])[:80]


def problem(request: Request, error: ApiError, status: int | None = None) -> JSONResponse:
    """Build the problem document in the caller's language, with the code that support can be told."""
    lang = preferred_language(request)
    status = status or int(STATUS[error.kind])
    other: Language = "en" if lang == "zh-Hans" else "zh-Hans"
    body = {
        "type": f"/help/errors#{error.code}",
        "title": error_text(error.code, lang, error.facts),
        "title_" + ("en" if other == "en" else "zh"): error_text(error.code, other, error.facts),
        "status": status,
        "code": error.code,
        "facts": dict(error.facts),
    }
    headers = {"Content-Language": lang, "Cache-Control": "no-store"}
    if error.kind is Kind.UNAVAILABLE:
        headers["Retry-After"] = "5"
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def answer(request: Request, error: ApiError, page: PageForError | None, status: int | None = None) -> Response:
    """A page for people's browsers outside /v1, a problem document for everybody else."""
    wants_page = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1")
    if page is not None and wants_page:
        return page(request, error, status or int(STATUS[error.kind]))
    return problem(request, error, status)


def log_unexpected(error: Exception) -> None:
    """Log class and place only."""
    log.error("unexpected %s", place_of(error))


def install(app: FastAPI, page: PageForError | None = None) -> None:
    """Register the handlers. `page` answers people's browsers with a page in place of a problem document."""

    def handle(request: Request, error: Exception) -> Response:
        known = as_api_error(error)
        if isinstance(error, HTTPException) and known.code in FRAMEWORK_CODES:
            response = answer(request, known, page, error.status_code)
            if error.headers is not None and "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
            return response
        return answer(request, known, page)

    for kind in (ApiError, ChainError, WatermarkError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, handle)
