"""JSON bodies read strictly: no repeated members, no fractions or NaN, no deep nesting, no half surrogates.

The framework's own reader accepts all of them; a repeated member means one thing to a checker in front of the service
and another to the service, and deep nesting recurses on the C stack.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from api.errors import ApiError
from chain.errors import FormatError
from chain.strict import parse_json

CODES: Mapping[str, str] = {
    "chain.format.json": "http.json_malformed",
    "chain.format.duplicate_key": "http.json_duplicate_key",
    "chain.format.number": "http.json_number",
    "chain.format.depth": "http.json_depth",
}
"""The reader's reasons as codes of this interface."""


def strict_json(body: bytes) -> Any:  # noqa: ANN401 - whatever JSON says
    """A body, capped by `api.http.middleware.BodyLimit` while it was read, as a JSON value; raises `http.json_…`."""
    try:
        return parse_json(body, len(body))
    except FormatError as error:
        raise ApiError(CODES[error.code]) from None


class StrictJsonRequest(Request):
    """A request whose `json()` refuses what is ambiguous; raises ApiError `http.json_…`."""

    async def json(self) -> Any:  # noqa: ANN401 - the framework's own signature
        """The body as a JSON value."""
        return strict_json(await self.body())


class StrictJsonRoute(APIRoute):
    """A route that reads its JSON body by `StrictJsonRequest`; every router of /v1 uses it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler over the stricter request."""
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(StrictJsonRequest(request.scope, request.receive))

        return strictly
