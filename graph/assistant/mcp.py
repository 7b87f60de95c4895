"""The same tools for any client of the Model Context Protocol, at `/mcp`.

Every request carries its API key and says for whom it speaks, `X-Customer-Id` or
`X-Conversation-Id`, which no argument of a tool can change.
"""

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from domain.access import Permission
from domain.errors import DomainError, ProblemCode, Unauthenticated
from domain.rates import TooMany
from graph.context import Services
from graph.credentials import CUSTOMER_HEADER, address_of, identity_or_refusal
from graph.http import refusal, too_many
from graph.nodes import decode_id
from graph.schema import Schema

if TYPE_CHECKING:
    from graph.assistant.mcp_server import McpServer

CONVERSATION_HEADER: Final = "X-Conversation-Id"

_STATUSES: Final = {
    ProblemCode.UNAUTHENTICATED: 401,
    ProblemCode.FORBIDDEN: 403,
    ProblemCode.UNAVAILABLE: 503,
}


class McpEndpoint:
    """An ASGI application: admits a request, and leaves in its state who speaks and where."""

    def __init__(self, schema: Schema, services: Services) -> None:
        self._schema = schema
        self._services = services
        self._server: McpServer | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if request.method != "POST":
            response = refusal(
                "Send POST: there are no sessions here to listen to or to end.",
                status=405,
                code=ProblemCode.VALIDATION.value,
            )
            response.headers["Allow"] = "POST"
            await response(scope, receive, send)
            return
        try:
            await self._admit(request)
        except TooMany as refused:
            await too_many(refused)(scope, receive, send)
            return
        except DomainError as error:
            response = refusal(
                error.message, status=_STATUSES.get(error.code, 400), code=error.code.value
            )
            if isinstance(error, Unauthenticated):
                response.headers["WWW-Authenticate"] = "Bearer"
            await response(scope, receive, send)
            return
        if self._server is None:
            # The protocol's SDK takes a third of all that there is to import, which only those pay
            # who use it; and in a thread, so that others are served meanwhile.
            self._server = await asyncio.to_thread(self._load)
        await self._server.handle(scope, receive, send)

    def _load(self) -> "McpServer":
        from graph.assistant.mcp_server import McpServer

        return McpServer(self._schema, self._services)

    async def _admit(self, request: Request) -> None:
        """Raises DomainError."""
        authorization = request.headers.get("authorization")
        if authorization is None:
            raise Unauthenticated("Send an API key: Authorization: Bearer …")
        identity = await identity_or_refusal(
            self._services.sessions, authorization, request.headers.get(CUSTOMER_HEADER, "")
        )
        if isinstance(identity, DomainError):
            raise identity
        identity.actor.require(Permission.USE_ASSISTANT)
        await self._services.rates.take(identity.actor, address_of(request))
        conversation = request.headers.get(CONVERSATION_HEADER)
        request.state.actor = identity.actor
        request.state.conversation_id = (
            decode_id("Conversation", conversation, CONVERSATION_HEADER) if conversation else None
        )
