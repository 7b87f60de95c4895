"""GraphQL over HTTP and WebSocket: who asks, and how requests and answers are written."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import orjson
from cross_web import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL

from domain.errors import DomainError, ProblemCode, Unauthenticated, Unavailable
from domain.sessions import Identity
from graph.context import Context, Services
from graph.errors import UNAVAILABLE
from graph.graphiql_page import graphiql_page
from graph.http import refusal
from graph.nodes import decode_id
from graph.schema import Schema
from persistence.errors import STORAGE_ERRORS, is_unavailable

CUSTOMER_HEADER = "X-Customer-Id"


class GraphQLEndpoint(GraphQL[Context, None]):
    def __init__(
        self,
        schema: Schema,
        services: Services,
        *,
        connection_init_wait_timeout: timedelta,
        max_subscriptions_per_connection: int,
        allowed_origins: Sequence[str],
    ) -> None:
        super().__init__(
            schema,
            graphql_ide="graphiql",
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=connection_init_wait_timeout,
            max_subscriptions_per_connection=max_subscriptions_per_connection,
            allowed_origins=allowed_origins,
        )
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        try:
            response = await self.run(Request(scope, receive))
        except HTTPException as error:
            response = refusal(
                error.reason, status=error.status_code, code=ProblemCode.VALIDATION.value
            )
        await response(scope, receive, send)

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Context:
        # On a WebSocket the credentials come later, in connection_init.
        identity = await self._identify(request) if isinstance(request, Request) else None
        return Context(self._services, identity, request.state.request_id)

    async def on_ws_connect(self, context: Context) -> Any:
        parameters = cast(dict[str, object], context.connection_params or {})
        if "authorization" not in parameters:
            raise ConnectionRejectionError
        identity = await self._identity_of(
            str(parameters["authorization"]), str(parameters.get("customerId") or "")
        )
        if not isinstance(identity, Identity):
            raise ConnectionRejectionError
        context.sign_in(identity)
        return await super().on_ws_connect(context)

    async def _identify(self, request: HTTPConnection) -> Identity | DomainError | None:
        credential = request.headers.get("authorization")
        if credential is None:
            return None
        return await self._identity_of(credential, request.headers.get(CUSTOMER_HEADER, ""))

    async def _identity_of(self, authorization: str, customer_id: str) -> Identity | DomainError:
        """Who sent it, or the refusal that every field needing credentials is to give."""
        scheme, _, credential = authorization.partition(" ")
        if scheme.lower() != "bearer" or not credential:
            return Unauthenticated("Credentials are sent as Authorization: Bearer …")
        try:
            customer = decode_id("Customer", customer_id, CUSTOMER_HEADER) if customer_id else None
            return await self._services.sessions.identify(credential.strip(), customer)
        except DomainError as refused:
            return refused
        except STORAGE_ERRORS as error:
            if not is_unavailable(error):
                raise
            return Unavailable(UNAVAILABLE)

    def decode_json(self, data: str | bytes) -> object:
        # Stricter than the standard library's: no NaN, and no lone surrogates, which no
        # encoding can store.
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        return orjson.dumps(data).decode()

    async def render_graphql_ide(self, request: Request) -> Response:
        return graphiql_page()
