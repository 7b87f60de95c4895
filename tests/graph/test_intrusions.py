"""Ways in that a browser, a proxy or a crowd could open, beside those that other tests try."""

import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.client import Api
from tests.servers import Server, Servers

FORBIDDEN = 403
PROTOCOL = [Subprotocol("graphql-transport-ws")]


async def opens(server: Server, origin: str | None) -> bool:
    url = server.address.replace("http://", "ws://") + "/graphql"
    try:
        async with connect(
            url,
            subprotocols=PROTOCOL,
            origin=Origin(origin) if origin else None,
            proxy=None,
        ):
            return True
    except InvalidStatus as refused:
        if refused.response.status_code != FORBIDDEN:
            raise
        return False


async def test_another_sites_page_opens_no_socket_unless_it_is_named(
    server: Server, servers: Servers
) -> None:
    assert await opens(server, None), "no browser"
    assert await opens(server, server.address)
    for other in ("https://evil.example", "null", server.address.replace("127.0.0.1", "localhost")):
        assert not await opens(server, other)
    friendly = await servers.start(TICKETS_ALLOWED_ORIGINS="https://desk.example")
    assert await opens(friendly, "https://desk.example")
    assert not await opens(friendly, "https://desk.example.evil.example")


async def test_no_page_of_another_site_may_read_an_answer(server: Server) -> None:
    """Nor ask first: without a word of CORS a browser keeps both from it."""
    evil = {"Origin": "https://evil.example"}
    asked = await server.http.options(
        "/graphql", headers=evil | {"Access-Control-Request-Method": "POST"}
    )
    answered = await server.http.post("/graphql", headers=evil, json={"query": "{ __typename }"})
    for answer in (asked, answered):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_nobody_is_signed_in_by_a_cookie(server: Server, admin: Api) -> None:
    """What a browser sends by itself, for whatever page, is worth nothing here."""
    login = await server.api().execute("{ viewer { name } }")
    assert "set-cookie" not in login.headers
    cookies = {"Cookie": f"token={admin.credential}; Authorization=Bearer {admin.credential}"}
    answer = await server.api().execute("{ tickets { totalCount } }", headers=cookies)
    assert answer.codes == ["UNAUTHENTICATED"]


@pytest.mark.parametrize("count", [1, 2, 1_000])
async def test_many_operations_in_one_request_are_refused(count: int, server: Server) -> None:
    """However small each of them is: limits are on operations, and rates on requests."""
    batch = json.dumps([{"query": "{ __typename }"}] * count)
    answer = await server.http.post(
        "/graphql", content=batch, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "VALIDATION"
