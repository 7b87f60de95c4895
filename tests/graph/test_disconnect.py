"""Clients that go away in the middle of a request."""

import asyncio

import pytest

from tests.client import Api
from tests.servers import Server


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_who_leaves_before_the_end_of_a_request_is_no_news(
    server: Server, anonymous: Api, accept: str
) -> None:
    before = len(server.log_file.read_text())
    reader, writer = await asyncio.open_connection(
        server.http.base_url.host, server.http.base_url.port
    )
    writer.write(
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Accept: " + accept.encode() + b"\r\nContent-Length: 100\r\n\r\n" + b'{"query": "{ v'
    )
    await writer.drain()
    writer.close()
    assert await reader.read() == b""
    assert await anonymous.query("{ __typename }") == {"__typename": "Query"}
    assert "Traceback" not in server.log_file.read_text()[before:]
