"""The tools for clients of the Model Context Protocol, through the official client."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import RequestParamsMeta

from tests.client import Api, Data
from tests.factories import Bot, Factory, Person
from tests.servers import ROOT, Server

REPORT = {
    "subject": "Lámpara apagada",
    "description": "No prende desde ayer.",
    "category": "light_malfunction",
    "priority": None,
    "location": None,
}


@asynccontextmanager
async def client(
    server: Server, secret: str, mode: str = "auto", **headers: str
) -> AsyncGenerator[Client]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    http = httpx2.AsyncClient(
        headers={"Authorization": f"Bearer {secret}", **named}, trust_env=False, timeout=30
    )
    transport = streamable_http_client(f"{server.address}/mcp", http_client=http)
    async with http, Client(transport, mode=mode) as connected:
        yield connected


def structured(result: Any) -> Data:
    (content,) = result.content
    assert json.loads(content.text) == result.structured_content
    return result.structured_content


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_client_lists_and_calls_the_tools(
    server: Server, bot: Bot, admin: Api, make: Factory, mode: str
) -> None:
    """Of the protocol with its handshake, and of the one without."""
    conversation = await make.conversation()
    async with client(server, bot.secret, mode, X_Conversation_Id=conversation["id"]) as mcp:
        tools = (await mcp.list_tools()).tools
        assert [tool.name for tool in tools] == ["create_ticket_report", "get_ticket_information"]
        assert "light_malfunction" in tools[0].input_schema["properties"]["category"]["enum"]
        created = await mcp.call_tool("create_ticket_report", REPORT)
        assert created.is_error is False
        number = structured(created)["ticketId"]
        found = await mcp.call_tool("get_ticket_information", {"ticket_id": number})
        assert structured(found)["subject"] == "Lámpara apagada"
    ticket = await admin.read(number)
    assert ticket["source"] == "ASSISTANT"
    assert ticket["conversation"]["id"] == conversation["id"]


async def test_a_customer_can_be_named_without_a_conversation(
    server: Server, bot: Bot, admin: Api, make: Factory
) -> None:
    customer, other = await make.customer(), await make.customer()
    theirs = await make.ticket(customerId=other["id"])
    async with client(server, bot.secret, X_Customer_Id=customer["id"]) as mcp:
        created = structured(await mcp.call_tool("create_ticket_report", REPORT))
        refused = await mcp.call_tool(
            "get_ticket_information",
            {"ticket_id": theirs["ticketId"], "customer_id": other["id"]},
        )
    assert (await admin.read(created["ticketId"]))["customer"]["id"] == customer["id"]
    assert refused.is_error is True
    assert structured(refused)["error"] == "No se encontró ningún reporte con ese número."


async def test_what_a_model_gets_wrong_is_told_to_it(
    server: Server, bot: Bot, make: Factory
) -> None:
    customer = await make.customer()
    async with client(server, bot.secret, X_Customer_Id=customer["id"]) as mcp:
        result = await mcp.call_tool("create_ticket_report", {"subject": "Solo esto"})
    assert result.is_error is True
    assert structured(result)["error"].startswith("Falta: description, category.")


async def test_a_call_with_an_id_is_carried_out_once(
    server: Server, bot: Bot, make: Factory
) -> None:
    customer = await make.customer()
    identified = cast("RequestParamsMeta", {"tickets/callId": "a"})
    async with client(server, bot.secret, X_Customer_Id=customer["id"]) as mcp:
        first, again, other = [
            structured(await mcp.call_tool("create_ticket_report", REPORT, meta=meta))
            for meta in (identified, identified, None)
        ]
    assert first == again
    assert other["ticketId"] != first["ticketId"]


async def test_the_words_of_the_business_can_be_read(
    server: Server, bot: Bot, make: Factory
) -> None:
    customer = await make.customer()
    async with client(server, bot.secret, X_Customer_Id=customer["id"]) as mcp:
        (resource,) = (await mcp.list_resources()).resources
        (content,) = (await mcp.read_resource(resource.uri)).contents
        words = json.loads(getattr(content, "text", ""))
        with pytest.raises(MCPError, match="only resource"):
            await mcp.read_resource("tickets://other")
    assert words["language"] == "es"
    assert words["terminology"]["ticketSingular"] == "reporte"
    assert {"id": "other", "label": "Otro"} in words["categories"]


async def test_who_names_nobody_is_told_so(server: Server, bot: Bot) -> None:
    async with client(server, bot.secret) as mcp:
        with pytest.raises(MCPError, match="X-Customer-Id"):
            await mcp.call_tool("get_ticket_information", {})


PING = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


async def test_without_a_good_key_nothing_is_served(
    server: Server, agent: Person, make: Factory, bot: Bot, admin: Api
) -> None:
    revoked = await make.bot()
    await admin.succeed("revokeApiKey", id=revoked.id)
    credentials = {
        None: 401,
        "Basic eA==": 401,
        "Bearer nonsense": 401,
        f"Bearer {revoked.secret}": 401,
        f"Bearer {agent.api.credential}": 403,
    }
    for authorization, status in credentials.items():
        headers = {} if authorization is None else {"Authorization": authorization}
        response = await server.http.post("/mcp", json=PING, headers=headers)
        assert response.status_code == status, authorization
        assert ("www-authenticate" in response.headers) is (status == 401)
        assert "result" not in response.text
    malformed = {"Authorization": f"Bearer {bot.secret}", "X-Conversation-Id": "nonsense"}
    assert (await server.http.post("/mcp", json=PING, headers=malformed)).status_code == 400


async def test_there_is_no_session_to_listen_to_or_to_end(server: Server, bot: Bot) -> None:
    for method in ("GET", "DELETE"):
        response = await server.http.request(method, "/mcp", headers=bot.api.headers)
        assert (response.status_code, response.headers["Allow"]) == (405, "POST")


START = """
import sys
from graph.app import create_app
from graph.settings import load_settings

create_app(load_settings(), database_uri="mongodb://127.0.0.1", secret_key="x" * 32)
print({"mcp", "openai"} & sys.modules.keys() or "neither")
"""


async def test_what_only_some_use_is_not_imported_at_a_start(server: Server) -> None:
    """The SDKs of the protocol and of the provider take longer than all else together."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", START),
        cwd=ROOT,
        env=server.environment | {"OPENAI_API_KEY": "x", "OPENAI_AGENT_ID": "x"},
        stdout=asyncio.subprocess.PIPE,
    )
    imported, _ = await process.communicate()
    assert imported.decode().strip() == "neither"
