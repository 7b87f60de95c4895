"""`docs/bots.md`: its programs run as they stand, against the real server."""

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx
import pytest

from tests.client import Api, Data
from tests.factories import Bot, Factory, Person
from tests.feed.socket import connected
from tests.graph.assistant.conftest import API_KEY, MODEL
from tests.graph.assistant.test_respond import CREATE, look_up, said_in, tickets_in
from tests.responses_server import Refuse, ResponsesServer, Say, outputs_of
from tests.servers import Server

GUIDE = Path(__file__).parents[3] / "docs" / "bots.md"
WEBHOOK, LOOP = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
BY_HAND = re.findall(r"```graphql\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
APP_SECRET = "app-secret"


async def test_what_is_done_by_hand_answers_as_told(
    answering: Server, admin: Api, model: ResponsesServer
) -> None:
    customer, conversation, tool, watch, answer = BY_HAND
    found = (await admin.query(customer))["upsertCustomer"]
    given = {"customerId": found["customer"]["id"]}
    found = (await admin.query(conversation, given))["startConversation"]
    given = {"conversationId": found["conversation"]["id"]}
    (output,) = (await admin.query(tool, given))["executeToolCalls"]["outputs"]
    number = json.loads(output["output"])["ticketId"]
    model.will(look_up(number), lambda body: Say(outputs_of(body)["call_1"]["message"]))
    async with connected(answering, admin.credential or "") as socket:
        watched = await socket.subscribe(watch, **given)
        await socket.until_served()
        answered = (await answering.api(admin.credential).query(answer, given))["respondToCustomer"]
        while "message" not in (seen := (await watched.data())["answerStream"]):
            assert seen["text"]
    assert answered["message"] == seen["message"] == {"text": f"reporte {number}: recibido"}
    # Without a provider, which this server has not, the problem says so.
    problem = (await admin.query(answer, given))["respondToCustomer"]
    assert problem["code"] == "NOT_CONFIGURED"
    assert "OPENAI_API_KEY" in problem["why"]


def program(source: str, name: str) -> Any:
    """What a program defines, its warnings as errors like all."""
    module = ModuleType(name)
    exec(compile(source, str(GUIDE), "exec"), module.__dict__)  # noqa: S102 - our own guide's
    return module


@asynccontextmanager
async def whatsapp() -> AsyncGenerator[tuple[str, list[Data]]]:
    """An address that takes messages for customers, and those that it took."""
    sent: list[Data] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = head.partition("content-length: ")[2].partition("\r\n")[0]
        sent.append(json.loads(await reader.readexactly(int(length))))
        assert "authorization: bearer wa-token" in head
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", sent


@pytest.fixture
async def sent(
    answering: Server, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[list[Data]]:
    async with whatsapp() as (url, messages):
        for name, value in {
            "TICKETS_URL": answering.address,
            "TICKETS_KEY": bot.secret,
            "WHATSAPP_URL": url,
            "WHATSAPP_TOKEN": "wa-token",
            "WHATSAPP_APP_SECRET": APP_SECRET,
            "WHATSAPP_VERIFY_TOKEN": "verify-me",
            "NO_PROXY": "127.0.0.1",
        }.items():
            monkeypatch.setenv(name, value)
        yield messages


def delivery(phone: str, *texts: str, number: int = 1) -> bytes:
    messages: list[Data] = [
        {
            "from": phone.lstrip("+"),
            "id": f"wamid.{phone}.{number}.{index}",
            "timestamp": "1795000000",
            "type": "text",
            "text": {"body": text},
        }
        for index, text in enumerate(texts)
    ]
    messages.append({"from": phone.lstrip("+"), "id": "wamid.s", "type": "sticker", "sticker": {}})
    statuses = {"value": {"statuses": [{"id": "wamid.0", "status": "delivered"}]}}
    value = {"messaging_product": "whatsapp", "messages": messages}
    entry = {"id": "1", "changes": [statuses, {"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def signed(body: bytes, secret: str = APP_SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}", "Content-Type": "application/json"}


@asynccontextmanager
async def meta(app: Any) -> AsyncGenerator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://webhook.test") as client:
        yield client


async def conversation_of(admin: Api, phone: str) -> Data:
    found = await admin.query(
        "query($p: String!) { customer(phone: $p) { conversations { nodes { id channel } } } }",
        {"p": phone},
    )
    (conversation,) = found["customer"]["conversations"]["nodes"]
    return conversation


async def test_a_whatsapp_customer_is_answered_once_however_often_meta_delivers(
    sent: list[Data], admin: Api, model: ResponsesServer, make: Factory
) -> None:
    assert len(WEBHOOK.splitlines()) <= 60
    phone = make.phone()
    model.will(CREATE, Say("Abrí tu reporte."))
    async with meta(program(WEBHOOK, "webhook").app) as client:
        body = delivery(phone, "Mi lámpara no prende")
        for _ in range(2):
            response = await client.post("/webhook", content=body, headers=signed(body))
            assert response.status_code == 200
    assert sent == [
        {"messaging_product": "whatsapp", "to": phone, "text": {"body": "Abrí tu reporte."}}
    ]
    conversation = await conversation_of(admin, phone)
    assert conversation["channel"] == "WHATSAPP"
    assert len(await tickets_in(admin, conversation)) == 1
    assert await said_in(admin, conversation) == [
        ("CUSTOMER", "Mi lámpara no prende"),
        ("ASSISTANT", "Abrí tu reporte."),
    ]


async def test_the_webhook_retries_and_at_last_hands_over(
    sent: list[Data], admin: Api, agent: Person, model: ResponsesServer, make: Factory
) -> None:
    phone = make.phone()
    webhook = program(WEBHOOK, "webhook")
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    webhook.asyncio = SimpleNamespace(sleep=sleep)
    model.will(otherwise=Refuse())
    async with meta(webhook.app) as client:
        body = delivery(phone, "Se fue la luz")
        await client.post("/webhook", content=body, headers=signed(body))
        (message,) = sent
        assert message["text"]["body"].startswith("Disculpa")
        assert pauses == [5, 20]
        # From then on a person answers, and nothing is sent.
        body = delivery(phone, "¿Hola?", number=2)
        await client.post("/webhook", content=body, headers=signed(body))
    assert len(sent) == 1
    assert (await said_in(agent.api, await conversation_of(admin, phone)))[-1][1] == "¿Hola?"


async def test_the_webhook_is_metas_alone(
    sent: list[Data], model: ResponsesServer, make: Factory
) -> None:
    body = delivery(make.phone(), "Hola")
    async with meta(program(WEBHOOK, "webhook").app) as client:
        for headers in ({}, signed(body, "another"), signed(b"{}")):
            response = await client.post("/webhook", content=body, headers=headers)
            assert response.status_code == 403
        for token, status in (("verify-me", 200), ("guess", 403)):
            asked = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "4711"}
            response = await client.get("/webhook", params=asked)
            assert (response.status_code, response.text) == (status, "4711")
    assert sent == []
    assert model.requests == []


@pytest.fixture
def loop(server: Server, bot: Bot, model: ResponsesServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program, at a server whose own assistant is off."""
    for name, value in {
        "TICKETS_URL": server.address,
        "TICKETS_KEY": bot.secret,
        "OPENAI_API_KEY": API_KEY,
        "OPENAI_BASE_URL": model.url,
        "OPENAI_MODEL": MODEL,
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    module = program(LOOP, "loop")
    yield module
    module.tickets.close()
    module.model.close()


async def test_a_loop_of_ones_own_opens_a_ticket_and_records_its_answer(
    loop: Any, admin: Api, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    model.will(CREATE, lambda body: Say(f"Es el {outputs_of(body)['call_1']['ticketId']}."))
    answer = await asyncio.to_thread(loop.answer, conversation["id"], "No prende")
    (number,) = await tickets_in(admin, conversation)
    assert answer == f"Es el {number}."
    assert await said_in(admin, conversation) == [("CUSTOMER", "No prende"), ("ASSISTANT", answer)]


async def test_a_loop_of_ones_own_is_silent_once_a_person_has_taken_over(
    loop: Any, agent: Person, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    await agent.api.succeed("takeOverConversation", conversationId=conversation["id"])
    model.will(Say("Tarde."))
    assert await asyncio.to_thread(loop.answer, conversation["id"], "¿Hola?") is None
    assert await said_in(agent.api, conversation) == [("CUSTOMER", "¿Hola?")]
