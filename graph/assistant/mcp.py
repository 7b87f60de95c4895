"""The same tools for any client of the Model Context Protocol, at `/mcp`.

Streamable HTTP without sessions: every request carries its API key and says for whom it speaks,
`X-Customer-Id` or `X-Conversation-Id`, which no argument of a tool can change.
"""

import json
import secrets
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import orjson
from bson import ObjectId
from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from domain.access import Actor, Permission
from domain.assistant.exchange import ToolCall
from domain.configuration import Configuration
from domain.errors import DomainError, ProblemCode, Unauthenticated
from graph.assistant.execute import ToolRunner
from graph.assistant.tools import define_tools
from graph.context import Services
from graph.credentials import CUSTOMER_HEADER, identity_or_refusal
from graph.enums import ToolFormat
from graph.http import refusal
from graph.nodes import decode_id
from graph.schema import Schema

CONVERSATION_HEADER: Final = "X-Conversation-Id"
# Of a tool's call, in its `_meta`: makes it safe to send again, as `callId` of `executeToolCalls`.
CALL_ID: Final = "tickets/callId"
CONFIGURATION_URI: Final = "tickets://configuration"

_STATUSES: Final = {
    ProblemCode.UNAUTHENTICATED: 401,
    ProblemCode.FORBIDDEN: 403,
    ProblemCode.UNAVAILABLE: 503,
}

_RequestContext = ServerRequestContext[Any, Request]


class McpEndpoint:
    """An ASGI application; `run` surrounds its use."""

    def __init__(self, schema: Schema, services: Services) -> None:
        self._schema = schema
        self._services = services
        server: Server[Any] = Server(
            "tickets",
            title="Support tickets",
            instructions="Opens and looks up tickets for the customer that the request names with "
            f"the header {CUSTOMER_HEADER} or {CONVERSATION_HEADER}.",
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_read_resource=self._read_resource,
        )
        self._manager = StreamableHTTPSessionManager(server, stateless=True, json_response=True)

    def run(self) -> AbstractAsyncContextManager[None]:
        return self._manager.run()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        try:
            await self._admit(request)
        except DomainError as error:
            response = refusal(
                error.message, status=_STATUSES.get(error.code, 400), code=error.code.value
            )
            if isinstance(error, Unauthenticated):
                response.headers["WWW-Authenticate"] = "Bearer"
            await response(scope, receive, send)
            return
        await self._manager.handle_request(scope, receive, send)

    async def _admit(self, request: Request) -> None:
        """Leaves in the request's state who speaks and where. Raises DomainError."""
        authorization = request.headers.get("authorization")
        if authorization is None:
            raise Unauthenticated("Send an API key: Authorization: Bearer …")
        identity = await identity_or_refusal(
            self._services.sessions, authorization, request.headers.get(CUSTOMER_HEADER, "")
        )
        if isinstance(identity, DomainError):
            raise identity
        identity.actor.require(Permission.USE_ASSISTANT)
        conversation = request.headers.get(CONVERSATION_HEADER)
        request.state.actor = identity.actor
        request.state.conversation_id = (
            decode_id("Conversation", conversation, CONVERSATION_HEADER) if conversation else None
        )

    # ---- requests --------------------------------------------------------------------------

    async def _list_tools(
        self, context: _RequestContext, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        configuration = await self._services.configuration.current()
        defined = define_tools(self._schema.core, configuration, ToolFormat.MCP)
        return types.ListToolsResult(tools=[types.Tool.model_validate(each) for each in defined])

    async def _call_tool(
        self, context: _RequestContext, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        actor, conversation_id = _speaker(context)
        call_id = (context.meta or {}).get(CALL_ID)
        call = ToolCall(
            call_id=str(call_id) if call_id else secrets.token_hex(16),
            name=params.name,
            arguments=json.dumps(params.arguments or {}),
        )
        request_id = context.request.state.request_id if context.request else ""
        try:
            (answered,) = await self._services.assistant.execute(
                actor,
                [call],
                conversation_id=conversation_id,
                run_tools=ToolRunner(self._schema, self._services, request_id),
            )
        except DomainError as error:
            raise MCPError(types.INVALID_PARAMS, error.message) from error
        output: dict[str, Any] = orjson.loads(answered.output)
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=answered.output)],
            structured_content=output,
            is_error=not output["success"],
        )

    async def _list_resources(
        self, context: _RequestContext, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        resource = types.Resource(
            uri=CONFIGURATION_URI,
            name="configuration",
            description="What things are called here: nouns, categories, language.",
            mime_type="application/json",
        )
        return types.ListResourcesResult(resources=[resource])

    async def _read_resource(
        self, context: _RequestContext, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        if params.uri != CONFIGURATION_URI:
            raise MCPError(types.INVALID_PARAMS, f"The only resource is {CONFIGURATION_URI}.")
        contents = types.TextResourceContents(
            uri=CONFIGURATION_URI,
            mime_type="application/json",
            text=json.dumps(_nouns(await self._services.configuration.current())),
        )
        return types.ReadResourceResult(contents=[contents])


def _speaker(context: _RequestContext) -> tuple[Actor, ObjectId | None]:
    assert context.request is not None, "this server speaks HTTP alone"
    return context.request.state.actor, context.request.state.conversation_id


def _nouns(configuration: Configuration) -> dict[str, Any]:
    language = configuration.assistant.language
    return {
        "language": language,
        "terminology": configuration.terminology.model_dump(by_alias=True),
        "categories": [
            {"id": each.id, "label": each.label_in(language)}
            for each in configuration.ticket_categories.choices()
        ],
    }
