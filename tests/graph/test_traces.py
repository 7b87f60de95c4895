"""Spans, as whoever collects them receives them: OTLP over HTTP."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn import Config
from uvicorn import Server as Uvicorn

from graph.settings import SettingsError
from graph.traces import traces_from_environment
from tests.factories import Factory
from tests.feed.socket import connected
from tests.servers import ROOT, Servers, free_port

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


class Collector:
    def __init__(self) -> None:
        self.services: set[str] = set()
        self.spans: list[Span] = []
        self.said = b""
        self._more = asyncio.Event()

    async def receive(self, request: Request) -> Response:
        body = await request.body()
        self.said += body
        received = ExportTraceServiceRequest.FromString(body)
        for resource in received.resource_spans:
            named = _values(resource.resource)
            self.services.add(named["service.name"])
            for scope in resource.scope_spans:
                self.spans += scope.spans
        self._more.set()
        return Response(media_type="application/x-protobuf")

    async def span(self, name: str) -> Span:
        async with asyncio.timeout(60):
            while not (found := [span for span in self.spans if span.name == name]):
                self._more.clear()
                await self._more.wait()
        return found[0]


def _values(of: Any) -> dict[str, Any]:
    return {
        each.key: [one.string_value for one in each.value.array_value.values]
        if each.value.HasField("array_value")
        else each.value.string_value
        for each in of.attributes
    }


@asynccontextmanager
async def collecting() -> AsyncGenerator[tuple[Collector, str]]:
    collector, port = Collector(), free_port()
    app = Starlette(routes=[Route("/v1/traces", collector.receive, methods=["POST"])])
    serving = Uvicorn(Config(app, port=port, log_config=None, lifespan="off"))
    task = asyncio.create_task(serving.serve())
    try:
        yield collector, f"http://127.0.0.1:{port}"
    finally:
        serving.should_exit = True
        await task


async def test_each_operation_is_a_span_without_a_word_of_what_was_said(servers: Servers) -> None:
    async with collecting() as (collector, endpoint):
        server = await servers.start(
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_BSP_SCHEDULE_DELAY="100"
        )
        admin = await server.sign_in()
        ticket = await Factory(server, admin).ticket(subject="Very private indeed")
        await admin.execute(
            "query Mine($id: String!) { ticket(ticketId: $id) { subject } }",
            {"id": ticket["ticketId"]},
            headers={"traceparent": TRACEPARENT},
        )
        await admin.execute("query Wrong { tickets(first: 1000) { totalCount } }")
        await admin.execute(
            'mutation Refused { assignTicket(input: {ticketId: "none"}) '
            "{ ... on Problem { code } } }"
        )
        async with connected(server, admin.credential) as socket:
            events = await socket.subscribe(
                "subscription Followed { ticketEvents { __typename } }", key="1"
            )
            await socket.until_served()
            await events.complete()
            followed = await collector.span("subscription Followed")

        mine = await collector.span("query Mine")
        assert (mine.trace_id.hex(), mine.parent_span_id.hex()) == (TRACE, PARENT)
        assert mine.end_time_unix_nano > mine.start_time_unix_nano
        assert _values(mine) == {
            "graphql.operation.type": "query",
            "graphql.operation.name": "Mine",
            "tickets.outcome": "OK",
            "tickets.error_codes": [],
        }
        wrong = await collector.span("query Wrong")
        assert _values(wrong)["tickets.error_codes"] == ["VALIDATION"]
        # Whoever asked is to blame.
        assert wrong.status.code == 0
        assert not wrong.parent_span_id
        refused = await collector.span("mutation Refused")
        assert _values(refused)["tickets.outcome"] == "NOT_FOUND"
        assert _values(followed)["graphql.operation.type"] == "subscription"
        assert collector.services == {"tickets"}
        for private in (b"private", ticket["ticketId"].encode(), b"admin@example.com"):
            assert private not in collector.said


async def test_nothing_of_it_is_imported_where_nobody_wants_it() -> None:
    script = (
        "import sys, graph.app as app; assert app.traces_from_environment() is None;"
        "print([each for each in sys.modules if each.startswith('opentelemetry.sdk')])"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script), cwd=ROOT, env={}, stdout=PIPE
    )
    printed, _ = await process.communicate()
    assert printed.strip() == b"[]"


def test_a_protocol_that_is_not_spoken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_PROTOCOL"):
        traces_from_environment()
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert traces_from_environment() is None
