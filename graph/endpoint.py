"""GraphQL at one address: requests, WebSockets and event streams, each to what serves it."""

from collections.abc import Sequence
from typing import Any, Final

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import process_result
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.graphql import OperationType

from domain.errors import ProblemCode
from domain.rates import TooMany
from domain.sessions import Identity
from graph.context import Context, Services
from graph.credentials import CUSTOMER_HEADER, address_of, identity_or_refusal
from graph.event_stream import EventStreams
from graph.graphiql_page import graphiql_page
from graph.http import TRACEPARENT_HEADER, refusal, too_many
from graph.operations import Malformed, Operation
from graph.schema import Schema
from graph.uploads import FormRequest, brings_file, operation_in
from graph.websocket import Sockets

UNAUTHENTICATED_STATUS: Final = 401
# Of a query string, what is JSON.
_JSON_PARAMETERS = frozenset({"variables", "extensions"})
_POSTED = OperationType.from_http("POST")


class GraphQLEndpoint(GraphQL[Context, None]):
    request_adapter_class = FormRequest

    def __init__(
        self,
        schema: Schema,
        services: Services,
        *,
        sockets: Sockets,
        event_streams: EventStreams,
        allowed_origins: Sequence[str],
    ) -> None:
        super().__init__(
            schema,
            graphql_ide="graphiql",
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            allowed_origins=allowed_origins,
            multipart_uploads_enabled=True,
        )
        self._schema = schema
        self._services = services
        self._sockets = sockets
        self._event_streams = event_streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._serve_socket(WebSocket(scope, receive, send))
            return
        try:
            await self._serve_request(Request(scope, receive), receive, send)
        except ClientDisconnect:
            # Gone before it had said what it wanted.
            return

    async def _serve_request(self, request: Request, receive: Receive, send: Send) -> None:
        if operation := await self._subscription_in(request):
            await self._event_streams.serve(request, operation, receive, send)
            return
        try:
            response = await self._response_to(request)
        except HTTPException as error:
            is_unknown = error.status_code == UNAUTHENTICATED_STATUS
            code = ProblemCode.UNAUTHENTICATED if is_unknown else ProblemCode.VALIDATION
            response = refusal(error.reason, status=error.status_code, code=code.value)
        except TooMany as refused:
            response = too_many(refused)
        finally:
            # A form's file, which may be on the disk.
            await request.close()
        await response(request.scope, receive, send)

    async def _response_to(self, request: Request) -> Response:
        """As `run`, which reads whatever a request may be, at the cost of executing a query."""
        if request.method != "POST" or not _brings_json(request):
            return await self.run(request)
        # Before its body is read: who asks too much is not to cost more than that.
        context = await self._context_of(request)
        operation = await self._plain_operation_in(request)
        if operation is None:
            return await self.run(request, context)
        try:
            result = await self._schema.execute(
                operation.query,
                operation.variables,
                context,
                operation_name=operation.name,
                allowed_operation_types=_POSTED,
            )
        except (CannotGetOperationTypeError, InvalidOperationTypeError):
            # Before anything was done; it says what is wrong.
            return await self.run(request, context)
        return Response(orjson.dumps(process_result(result)), media_type="application/json")

    async def _plain_operation_in(self, request: Request) -> Operation | None:
        """The one operation that nearly all requests bring; None for anything else."""
        try:
            return Operation.read(self.decode_json(await request.body()))
        except (Malformed, orjson.JSONDecodeError):
            return None

    async def _serve_socket(self, websocket: WebSocket) -> None:
        if not self._check_websocket_origin(websocket):
            await self.reject_websocket(websocket)
        elif GRAPHQL_TRANSPORT_WS_PROTOCOL not in websocket["subprotocols"]:
            await websocket.accept()
            await websocket.close(4406, f"Only {GRAPHQL_TRANSPORT_WS_PROTOCOL} is spoken here")
        else:
            await websocket.accept(subprotocol=GRAPHQL_TRANSPORT_WS_PROTOCOL)
            await self._sockets.serve(websocket)

    async def _subscription_in(self, request: Request) -> Operation | None:
        """What the request wants to follow; None where it asks for something else."""
        if "text/event-stream" not in request.headers.get("accept", ""):
            return None
        try:
            if request.method == "GET":
                operation = Operation.read(
                    {
                        name: self.decode_json(text) if name in _JSON_PARAMETERS else text
                        for name, text in request.query_params.items()
                        if text
                    }
                )
            else:
                operation = Operation.read(self.decode_json(await request.body()))
        except (Malformed, orjson.JSONDecodeError):
            # Of which whoever answers requests says what is wrong.
            return None
        return operation if self._schema.is_subscription(operation) else None

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Context:
        return await self._context_of(request)

    async def _context_of(self, request: Request | WebSocket) -> Context:
        identity, address = None, address_of(request)
        if (authorization := request.headers.get("authorization")) is not None:
            identity = await identity_or_refusal(
                self._services.sessions, authorization, request.headers.get(CUSTOMER_HEADER, "")
            )
        actor = identity.actor if isinstance(identity, Identity) else None
        await self._services.rates.take(actor, address)
        if actor is None and brings_file(request.scope):
            raise HTTPException(
                UNAUTHENTICATED_STATUS, "A file is only taken with credentials: Authorization."
            )
        return Context(
            self._services,
            identity,
            request.state.request_id,
            address=address,
            traceparent=request.headers.get(TRACEPARENT_HEADER, ""),
        )

    async def parse_multipart(self, request: AsyncHTTPRequestAdapter) -> dict[str, Any]:
        form = await request.get_form_data()
        return operation_in(form.form, self.decode_json)

    def decode_json(self, data: str | bytes) -> object:
        # Stricter than the standard library's: no NaN, and no lone surrogates, which no
        # encoding can store.
        decoded = orjson.loads(data)
        if not isinstance(decoded, dict | list):
            raise orjson.JSONDecodeError("A request is an object", str(data), 0)
        return decoded  # pyright: ignore[reportUnknownVariableType]  # what is in it is checked later

    def encode_json(self, data: object) -> str:
        return orjson.dumps(data).decode()

    async def render_graphql_ide(self, request: Request) -> Response:
        return graphiql_page()


def _brings_json(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/json")
