"""Files come in as what they are, are seen by whom they are for, and do nothing in a browser."""

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from domain.clock import utc_now
from persistence.attachments import AttachmentStore
from persistence.database import Database, connected
from tests.client import Api, Data
from tests.factories import Bot, Factory, Person
from tests.feed import socket
from tests.ledger import Ledger
from tests.past import Ago
from tests.servers import Server, Servers

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
CONTENTS = {
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "image/gif": b"GIF89a\x01\x00\x01\x00",
    "image/webp": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
    "application/pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "text/plain": "Lámpara\tapagada\r\n".encode(),
}
ATTACHMENTS = """attachments {
  id fileName contentType sizeBytes visibility url createdAt uploadedBy { kind name } }"""


@pytest.fixture(scope="module")
async def database(server: Server) -> AsyncGenerator[Database]:
    environment = server.environment
    async with connected(
        environment["TICKETS_MONGODB_URI"], environment["TICKETS_DATABASE_NAME"]
    ) as database:
        yield database


async def attachments(api: Api, ticket: Data) -> list[Data]:
    return (await api.read(ticket["ticketId"], ATTACHMENTS))["attachments"]


async def contents(database: Database) -> set[Any]:
    files = database.named_collection("attachment_contents.files")
    chunks = database.named_collection("attachment_contents.chunks")
    keys = {file["_id"] async for file in files.find({})}
    assert {chunk["files_id"] async for chunk in chunks.find({}, {"files_id": 1})} == keys
    return keys


# ---- what comes in -----------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", CONTENTS)
async def test_a_file_is_kept_as_it_came_and_known_by_what_is_in_it(
    agent: Person, make: Factory, content_type: str
) -> None:
    ticket = await make.assigned_ticket(agent)
    content = CONTENTS[content_type]
    result = await agent.api.attached(ticket["ticketId"], "anything.exe", content)
    assert result["ticket"]["version"] == ticket["version"] + 1
    (attachment,) = await attachments(agent.api, ticket)
    assert attachment["contentType"] == content_type
    assert attachment["fileName"] == "anything.exe"
    assert attachment["sizeBytes"] == len(content)
    assert attachment["visibility"] == "INTERNAL"
    assert attachment["uploadedBy"] == {"kind": "AGENT", "name": agent.name}
    response = await agent.api.http.get(attachment["url"], headers=agent.api.headers)
    assert response.content == content
    found = await agent.api.query(
        "query($id: ID!) { node(id: $id) { ... on Attachment { url } } }", {"id": attachment["id"]}
    )
    assert found["node"] == {"url": attachment["url"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must not be empty"),
        (b"MZ\x90\x00\x03", "not known"),
        (b"PK\x03\x04\x14\x00", "not known"),
        (b"\xff\xfe<\x00h\x00", "not known"),
        ("Lámpara".encode("latin-1"), "not known"),
        (b"text with \x1b[31m in it", "not known"),
    ],
)
async def test_other_contents_are_refused(
    admin: Api, make: Factory, database: Database, content: bytes, message: str
) -> None:
    ticket, before = await make.ticket(), await contents(database)
    problem = await admin.attached(ticket["ticketId"], "lamp.png", content)
    assert problem["code"] == "VALIDATION"
    assert message in problem["fields"][0]["message"]
    assert await contents(database) == before
    assert (await admin.read(ticket["ticketId"]))["version"] == ticket["version"]


async def test_a_name_is_stripped_of_folders_and_must_be_printable(
    admin: Api, make: Factory
) -> None:
    ticket = await make.ticket()
    for name in ("../../etc/lamp.png", "C:\\Users\\ana\\lamp.png"):
        await admin.attached(ticket["ticketId"], name, PNG)
    names = [attachment["fileName"] for attachment in await attachments(admin, ticket)]
    assert names == ["lamp.png", "lamp.png"]
    for name in ("x" * 201, "a\x85b"):
        problem = await admin.attached(ticket["ticketId"], name, PNG)
        assert problem["code"] == "VALIDATION"


async def test_size_and_types_are_settings(servers: Servers) -> None:
    server = await servers.start(
        TICKETS_MAX_ATTACHMENT_BYTES="1000", TICKETS_ATTACHMENT_TYPES="text/plain"
    )
    admin = await server.sign_in()
    ticket = await Factory(server, admin).ticket()
    number = ticket["ticketId"]
    assert "ticket" in await admin.attached(number, "a.txt", b"x" * 1000)
    problem = await admin.attached(number, "a.txt", b"x" * 1001)
    assert "at most 1,000 bytes, has 1,001" in problem["message"]
    assert "not one of text/plain" in (await admin.attached(number, "a.png", PNG[:50]))["message"]
    refused = await admin.attach(number, "a.txt", b"x" * 200_000)
    assert refused.status_code == 413
    assert "Traceback" not in server.log()


async def test_a_ticket_has_room_for_fifty(admin: Api, make: Factory, database: Database) -> None:
    ticket, before = await make.ticket(), await contents(database)
    number = ticket["ticketId"]
    await admin.attached(number, "a.txt", b"a")
    stored = database.named_collection("attachments")
    first = await stored.find_one({}, sort=[("_id", -1)])
    assert first is not None
    await stored.insert_many(
        [{**first, "_id": ObjectId(), "position": 1_000 + each} for each in range(48)]
    )
    results = await asyncio.gather(
        *[admin.attached(number, f"{each}.txt", b"a") for each in range(3)]
    )
    assert sorted("code" in result for result in results) == [False, True, True]
    assert len(await contents(database) - before) == 2, "what is refused leaves nothing"
    await stored.delete_many({"ticket_key": first["ticket_key"], "position": {"$gte": 1_000}})


# ---- who sees it -------------------------------------------------------------------------------


async def test_a_bot_and_its_customer_see_what_is_public_alone(
    admin: Api, make: Factory, bot: Bot, agent: Person
) -> None:
    customer, other = await make.customer(), await make.customer()
    speaking = bot.api.speaking_for(customer["id"])
    ticket = await make.ticket(by=speaking)
    number = ticket["ticketId"]
    refused = await speaking.attached(number, "a.png", PNG, visibility="INTERNAL")
    assert refused["code"] == "FORBIDDEN"
    await speaking.attached(number, "theirs.png", PNG, visibility="PUBLIC")
    await agent.api.attached(number, "public.txt", b"public", visibility="PUBLIC")
    await agent.api.attached(number, "secret.txt", b"secret", visibility="INTERNAL")
    assert [each["fileName"] for each in await attachments(admin, ticket)] == [
        "theirs.png",
        "public.txt",
        "secret.txt",
    ]
    seen = await attachments(speaking, ticket)
    assert [each["fileName"] for each in seen] == ["theirs.png", "public.txt"]
    assert agent.name not in json.dumps(seen)
    history = (await speaking.read(number))["history"]["nodes"]
    assert [event["__typename"] for event in history].count("TicketAttachmentAdded") == 2
    secret = (await attachments(admin, ticket))[2]
    for api, attachment, status in (
        (speaking, seen[0], 200),
        (speaking, secret, 404),
        (bot.api.speaking_for(other["id"]), seen[0], 404),
        (bot.api, seen[0], 404),
        (agent.api, secret, 200),
    ):
        response = await api.http.get(attachment["url"], headers=api.headers)
        assert response.status_code == status
        document = "query($id: ID!) { node(id: $id) { id } }"
        node = (await api.query(document, {"id": attachment["id"]}))["node"]
        assert (node is not None) == (status == 200)


async def test_an_agent_sees_files_of_tickets_that_they_see(
    admin: Api, make: Factory, agent: Person, colleague: Person
) -> None:
    ticket = await make.assigned_ticket(colleague)
    await colleague.api.attached(ticket["ticketId"], "a.png", PNG)
    (attachment,) = await attachments(admin, ticket)
    response = await agent.api.http.get(attachment["url"], headers=agent.api.headers)
    unknown = await agent.api.http.get("/attachments/unknown", headers=agent.api.headers)
    assert response.status_code == unknown.status_code == 404
    assert response.json() == unknown.json(), "invisible is absent"
    problem = await agent.api.attached(ticket["ticketId"], "b.png", PNG)
    assert problem["code"] == "NOT_FOUND"


async def test_without_good_credentials_nothing_goes_in_or_out(
    anonymous: Api, server: Server, admin: Api, make: Factory
) -> None:
    """Hence no page of another site can send a form: it has no way to the header."""
    ticket = await make.ticket()
    await admin.attached(ticket["ticketId"], "a.png", PNG)
    (attachment,) = await attachments(admin, ticket)
    for api in (anonymous, server.api("nonsense")):
        refused = await api.attach(ticket["ticketId"], "b.png", PNG + bytes(5_000_000))
        assert refused.status_code == 401
        assert refused.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        response = await api.http.get(attachment["url"], headers=api.headers)
        assert response.status_code == 401
        assert PNG not in response.content
    assert len(await attachments(admin, ticket)) == 1


# ---- how it comes out --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("lamp.txt", "filename=\"lamp.txt\"; filename*=UTF-8''lamp.txt"),
        ("lámpara 1.txt", "filename=\"l_mpara 1.txt\"; filename*=UTF-8''l%C3%A1mpara%201.txt"),
        (
            'a"; x="b%.txt',
            "filename=\"a_22; x=_22b_.txt\"; filename*=UTF-8''a%2522%3B%20x%3D%2522b%25.txt",
        ),
    ],
)
async def test_a_browser_saves_it_and_does_nothing_else(
    admin: Api, make: Factory, name: str, disposition: str
) -> None:
    ticket = await make.ticket()
    hostile = b"<html><script>alert(1)</script>"
    await admin.attached(ticket["ticketId"], name, hostile)
    (attachment,) = await attachments(admin, ticket)
    response = await admin.http.get(attachment["url"], headers=admin.headers)
    headers = response.headers
    assert response.content == hostile
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert headers["content-length"] == str(len(hostile))
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]
    assert headers["cache-control"] == "private, no-store"
    assert headers["content-disposition"] == f"attachment; {disposition}"


# ---- once, and whole ---------------------------------------------------------------------------


async def test_its_event_is_told_with_it(server: Server, admin: Api, make: Factory) -> None:
    ticket = await make.ticket()
    async with socket.connected(server, admin.credential) as follower:
        events = await follower.follow()
        await admin.attached(ticket["ticketId"], "a.png", PNG)
        event = await events.event()
    assert event["__typename"] == "TicketAttachmentAdded"
    assert (event["ticketId"], event["version"]) == (ticket["ticketId"], 2)


async def test_a_file_sent_again_is_one_file(admin: Api, make: Factory, database: Database) -> None:
    ticket, before = await make.ticket(), await contents(database)
    number = ticket["ticketId"]
    sent = await asyncio.gather(
        *[admin.attached(number, "a.png", PNG, idempotencyKey=number) for _ in range(4)]
    )
    assert sorted(result["replayed"] for result in sent) == [False, True, True, True]
    assert len(await attachments(admin, ticket)) == 1
    assert len(await contents(database) - before) == 1
    other = await admin.attached(number, "a.png", PNG + b"x", idempotencyKey=number)
    assert other["code"] == "IDEMPOTENCY_MISMATCH"


async def test_a_content_that_belongs_to_nothing_is_removed_after_a_day(
    database: Database, ago: Ago, admin: Api, make: Factory
) -> None:
    ticket = await make.ticket()
    await admin.attached(ticket["ticketId"], "a.png", PNG)
    kept, store, orphan = await contents(database), AttachmentStore(database), ObjectId()

    async def chunks() -> AsyncGenerator[bytes]:
        yield b"cut off"

    await store.write_content(orphan, chunks())
    await ago(timedelta()).attachments.remove_orphans()
    assert await contents(database) == kept | {orphan}, "it may be about to belong"
    await ago(-timedelta(hours=25)).attachments.remove_orphans()
    assert await contents(database) == kept
    assert await store.remove_orphans(utc_now(), contents=1) is None, "what was seen is remembered"


@pytest.mark.parametrize(
    ("fields", "file"),
    [
        ({}, "0"),
        ({"operations": "{}"}, "0"),
        ({"operations": "[]", "map": "{}"}, "0"),
        ({"operations": '{"query": "{ viewer { name } }"}', "map": "nonsense"}, "0"),
        ({"operations": '{"variables": {}}', "map": '{"0": "variables.file"}'}, "0"),
        ({"operations": '{"variables": {"file": 1}}', "map": '{"0": ["variables.file"]}'}, "0"),
        ({"operations": '{"variables": null}', "map": '{"0": ["variables.a.b"]}'}, "0"),
        ({"operations": '{"query": null}', "map": '{"0": ["query"]}'}, "0"),
        ({"operations": "{}", "map": '{"0": [1]}'}, "0"),
        ({"operations": "{}", "map": '{"1": ["variables.file"]}'}, "0"),
        ({"operations": "{}", "map": "{}", "more": "x"}, "0"),
    ],
)
async def test_a_malformed_form_is_a_fault_of_the_input(
    admin: Api, server: Server, fields: dict[str, str], file: str
) -> None:
    response = await admin.http.post(
        "/graphql", data=fields, files={file: ("a", b"a")}, headers=admin.headers
    )
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "VALIDATION"
    broken = await admin.http.post(
        "/graphql",
        content=b"--x\r\nnonsense",
        headers={**admin.headers, "Content-Type": "multipart/form-data"},
    )
    assert broken.status_code == 400
    assert "Traceback" not in server.log()


async def test_a_file_that_is_none_is_refused(admin: Api, make: Factory) -> None:
    ticket = await make.ticket()
    document = """mutation($input: AttachToTicketInput!) {
        attachToTicket(input: $input) { __typename } }"""
    for file in ("text", 1, None, {"name": "x"}):
        inputs = {"ticketId": ticket["ticketId"], "file": file}
        (error,) = await admin.errors(document, {"input": inputs})
        assert error["extensions"]["code"] == "VALIDATION"


async def test_the_ledger_holds(admin: Api, make: Factory, database: Database) -> None:
    ticket = await make.ticket()
    await asyncio.gather(
        *[admin.attached(ticket["ticketId"], f"{each}.png", PNG) for each in range(3)]
    )
    mine = await database.named_collection("tickets").find_one({"ticket_id": ticket["ticketId"]})
    assert mine is not None
    events = database.named_collection("ticket_events").find({"ticket_key": mine["_id"]})
    Ledger([mine], await events.to_list(None), []).check()
    stored = database.named_collection("attachments").find({"ticket_key": mine["_id"]})
    assert {each["position"] async for each in stored} == {2, 3, 4}
