"""What every request passes through before GraphQL: its id, its log line, its size, its headers."""

import re
import secrets
import time

import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import ProblemCode
from domain.rates import TooMany
from graph.uploads import brings_file

log = structlog.stdlib.get_logger("tickets.http")

HTTP_OK = 200
REQUEST_ID_HEADER = "X-Request-Id"
_REQUEST_ID_NAME = REQUEST_ID_HEADER.lower().encode()
TRACEPARENT_HEADER = "traceparent"  # W3C Trace Context
# Of every answer that says nothing else: it is data, and for whoever asked alone.
_HARDENING = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,100}")


def refusal(message: str, *, status: int, code: str, **details: object) -> JSONResponse:
    """A refusal outside of any operation, in the shape in which GraphQL clients read errors."""
    extensions = {"code": code, **details}
    return JSONResponse(
        {"data": None, "errors": [{"message": message, "extensions": extensions}]}, status
    )


def too_many(refused: TooMany) -> JSONResponse:
    response = refusal(refused.message, status=429, code=refused.code.value, **refused.details)
    response.headers["Retry-After"] = str(refused.retry_after)
    return response


async def masked_failure(request: Request, error: Exception) -> Response:
    """For what nobody foresaw outside of an operation: no more than a reference to the log."""
    reference = request.state.request_id
    log.error("unexpected failure", reference=reference, exc_info=error)
    response = refusal(
        f"Something went wrong on our side. Quote the reference {reference}.",
        status=500,
        code="INTERNAL",
        reference=reference,
    )
    # It is sent around `TraceRequests`.
    response.headers[REQUEST_ID_HEADER] = reference
    _harden(response.raw_headers)
    return response


def _harden(headers: list[tuple[bytes, bytes]]) -> None:
    given = {name for name, _ in headers}
    headers += [each for each in _HARDENING if each[0] not in given]


class TraceRequests:
    """Gives each request an id, the caller's own if it sent one, and one line in the log.

    Each answer says besides that browsers are to make nothing else of it than what it is.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        began, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                headers = list(message["headers"])
                headers.append((_REQUEST_ID_NAME, request_id.encode()))
                _harden(headers)
                message = {**message, "headers": headers}
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                if _is_worth_a_line(scope, status):
                    log.info(
                        "request",
                        method=scope["method"],
                        path=scope["path"],
                        status=status,
                        milliseconds=round((time.perf_counter() - began) * 1000, 1),
                    )


def _is_worth_a_line(scope: Scope, status: int) -> bool:
    """An operation has a line of its own; probes come every few seconds."""
    if scope["type"] != "http" or scope["path"] == "/metrics":
        return False
    is_operation = scope["path"] == "/graphql" and scope["method"] == "POST" and status == HTTP_OK
    return not (is_operation or scope["path"].startswith("/health/"))


class LimitBody:
    """Refuses a request body over `max_bytes`, or `max_form_bytes`, and keeps none of it."""

    # How many times the limit of a body are read, and thrown away, before it is cut off.
    PATIENCE = 16

    def __init__(self, app: ASGIApp, *, max_bytes: int, max_form_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._max_form_bytes = max_form_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._max_form_bytes if brings_file(scope) else self._max_bytes
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared) > limit:
            await self._discard_rest(receive, limit)
            await self._refuse(scope, receive, send, limit)
            return
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                if message.get("more_body", False):
                    await self._discard_rest(receive, limit)
                raise _BodyTooLarge
            return message

        try:
            await self._app(scope, receive_within_limit, send)
        except _BodyTooLarge:
            await self._refuse(scope, receive, send, limit)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        response = refusal(
            f"At most {limit:,} bytes are allowed in a request.",
            status=413,
            code=ProblemCode.VALIDATION.value,
            limit={"name": "body", "value": limit},
        )
        response.headers["Connection"] = "close"
        await response(scope, receive, send)

    async def _discard_rest(self, receive: Receive, limit: int) -> None:
        """A client that is cut off while it sends never reads the refusal."""
        patience = self.PATIENCE * limit
        is_more = True
        while is_more and patience > 0:
            message = await receive()
            patience -= len(message.get("body", b""))
            is_more = message.get("more_body", False)


class _BodyTooLarge(Exception):
    pass
