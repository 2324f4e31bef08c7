"""The machines' short way in: a signed POST with a JSON body, answered in one trip to a thread.

The framework walks nested routers, resolves each parameter, and sends the policy and the route to a thread each; for a
pull, of which machines make hundreds a second, that costs as much as the pull's own transaction. A route that is also
offered here keeps its place in the framework (description, policy, people's sessions, whatever is not plain), and both
ways end in the same function. What this one does not take, it leaves to the framework: `matches` says so.
"""

import re
from collections.abc import Callable
from typing import Generic, TypeVar

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from api.http.auth import Allow, Credentials, context
from api.http.forms import KEY_LENGTHS
from api.http.strict_json import strict_json
from api.services.context import Actor, Context

Body = TypeVar("Body", bound=BaseModel)
Work = Callable[[Context, Request, Actor, str, Body, str], Response]


class ExpressRoute(BaseRoute, Generic[Body]):
    """`POST prefix{id}suffix` of a signed request with a JSON body and an idempotency key.

    `policy` is the one of the framework's route; `work` is given context, request, actor, the path's id, the body read
    as `model`, and the key.
    """

    def __init__(self, prefix: str, suffix: str, policy: Allow, model: type[Body], work: Work[Body]) -> None:
        self.policy = policy
        self.model = model
        self.work = work
        self._path = re.compile(re.escape(prefix) + "([^/]+)" + re.escape(suffix))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Full for what is plainly ours, none for everything else."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return Match.NONE, {}
        found = self._path.fullmatch(scope["path"])
        if found is None:
            return Match.NONE, {}
        headers = Headers(scope=scope)
        key = headers.get("idempotency-key", "")
        if (
            len(key) not in KEY_LENGTHS
            or "signature-input" not in headers
            or headers.get("content-type") != "application/json"
        ):
            return Match.NONE, {}
        return Match.FULL, {"path_params": {"id": found[1], "key": key}}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        body = await request.body()
        response = await run_in_threadpool(self._answer, request, body)
        await response(scope, receive, send)

    def _answer(self, request: Request, body: bytes) -> Response:
        # The signature first: nobody else's body is read.
        with context(request).precedence.place():
            actor = self.policy(request, Credentials("", body))
        if not body:
            raise RequestValidationError([{"type": "missing", "loc": ("body",), "msg": "", "input": None}])
        try:
            read = self.model.model_validate(strict_json(body))
        except ValidationError as error:
            raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from None
        params = request.path_params
        return self.work(context(request), request, actor, params["id"], read, params["key"])
