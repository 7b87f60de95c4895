"""Ways in that a browser, a proxy or a crowd could open, beside those that other tests try."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from bson import ObjectId
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from graph.nodes import encode_id
from tests.client import Api
from tests.factories import Factory
from tests.servers import Server, Servers
from tests.wire import Command, recording

FORBIDDEN = 403
NODE = "query($id: ID!) { node(id: $id) { id } }"
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


async def test_what_is_hidden_takes_no_more_work_than_what_is_not_there(
    tmp_path: Path, mongodb_uri: str
) -> None:
    """Or the time that it takes would tell them apart: the database is asked the same."""
    async with recording(mongodb_uri) as recorder:
        servers = Servers(tmp_path, recorder.uri)
        try:
            server = await servers.start()
            make = Factory(server, await server.sign_in())
            agent, other = await make.person(), await make.person()
            hidden = await make.assigned_ticket(other)

            async def work(ask: Callable[[str, str], Awaitable[object]], *ids: str) -> list[str]:
                recorder.commands.clear()
                answer = await ask(*ids)
                assert answer in (None, "NOT_FOUND")
                return [made for each in recorder.commands if (made := _asked(each))]

            async def read(ticket_id: str, _: str) -> object:
                return await agent.api.ticket(ticket_id, "subject")

            async def node(_: str, key: str) -> object:
                return (await agent.api.query(NODE, {"id": key}))["node"]

            async def change(ticket_id: str, _: str) -> object:
                refused = await agent.api.problem("updateTicket", ticketId=ticket_id, tags=["x"])
                return refused["code"]

            unknown = hidden["ticketId"][:-1] + "9", encode_id("Ticket", ObjectId())
            for ask in (read, node, change):
                # What is read once and kept is read.
                await work(ask, *unknown)
                of_hidden = await work(ask, hidden["ticketId"], hidden["id"])
                assert of_hidden
                assert of_hidden == await work(ask, *unknown)
        finally:
            await servers.stop()


def _asked(command: Command) -> str | None:
    """What a request asked of the database; None of what goes on by itself."""
    name = next(iter(command))
    is_feed = name == "getMore" or "$changeStream" in str(command.get("pipeline"))
    return None if is_feed or command[name] == "rate_windows" else f"{name} {command[name]}"
