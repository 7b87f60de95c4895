"""What `/mcp` answers: the tools, and the words of the business, through the protocol's SDK.

Streamable HTTP without sessions: a request is all that there is to know. `graph.assistant.mcp`
admits it, and loads this module when the first one comes.
"""

import json
import secrets
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

from domain.access import Actor
from domain.assistant.exchange import ToolCall
from domain.configuration import Configuration
from domain.errors import DomainError
from graph.assistant.execute import ToolRunner
from graph.assistant.mcp import CONVERSATION_HEADER
from graph.assistant.tools import define_tools
from graph.context import Services
from graph.credentials import CUSTOMER_HEADER
from graph.enums import ToolFormat
from graph.schema import Schema

# Of a tool's call, in its `_meta`: makes it safe to send again, as `callId` of `executeToolCalls`.
CALL_ID: Final = "tickets/callId"
CONFIGURATION_URI: Final = "tickets://configuration"

_RequestContext = ServerRequestContext[Any, Request]


class McpServer:
    def __init__(self, schema: Schema, services: Services) -> None:
        self._schema = schema
        self._services = services
        self._server: Server[Any] = Server(
            "tickets",
            title="Support tickets",
            instructions="Opens and looks up tickets for the customer that the request names with "
            f"the header {CUSTOMER_HEADER} or {CONVERSATION_HEADER}.",
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_read_resource=self._read_resource,
        )

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers an admitted request."""
        # A manager can be run once. Without sessions it has nothing to outlive its request for.
        manager = StreamableHTTPSessionManager(self._server, stateless=True, json_response=True)
        async with manager.run():
            await manager.handle_request(scope, receive, send)

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
