"""Server-sent events: the same feed, one connection per subscription."""

import asyncio
import json
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.client import Api, Data
from tests.factories import Bot, Factory
from tests.feed.conftest import Settle
from tests.feed.socket import EVENTS, PATIENCE_SECONDS
from tests.feed.test_access import lasting
from tests.servers import STOP_SECONDS, Server, Servers


@dataclass(frozen=True, slots=True)
class Sent:
    event: str
    data: str
    id: str | None

    @property
    def item(self) -> Data:
        """An item of `ticketEvents`."""
        assert self.event == "next", self
        payload = json.loads(self.data)
        assert "errors" not in payload, self
        return payload["data"]["ticketEvents"]

    @property
    def codes(self) -> list[str]:
        return [each["extensions"]["code"] for each in json.loads(self.data)["errors"]]


class Stream:
    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self, *, within: float = PATIENCE_SECONDS) -> Sent | None:
        """None at the end."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(within):
            async for line in self._lines:
                name, _, value = line.partition(":")
                if name:
                    fields[name] = value.removeprefix(" ")
                elif "event" in fields:
                    return Sent(fields["event"], fields["data"], fields.get("id"))
        return None

    async def item(self) -> Data:
        sent = await self.next()
        assert sent is not None
        assert sent.id == sent.item["cursor"]
        return sent.item


@asynccontextmanager
async def streaming(
    api: Api,
    document: str = EVENTS,
    *,
    get: bool = False,
    headers: Data | None = None,
    **variables: Any,
) -> AsyncGenerator[Stream]:
    body = {"query": document, "variables": variables}
    sent = {**api.headers, "Accept": "text/event-stream", **(headers or {})}
    request = (
        api.http.stream(
            "GET",
            "/graphql",
            params={"query": document, "variables": json.dumps(variables), "extensions": "{}"},
            headers=sent,
        )
        if get
        else api.http.stream("POST", "/graphql", json=body, headers=sent)
    )
    async with request as response:
        yield Stream(response)


@pytest.mark.parametrize("get", [False, True], ids=["post", "get"])
async def test_a_stream_follows_the_feed_and_each_event_has_its_cursor_as_id(
    admin: Api, make: Factory, settle: Settle, *, get: bool
) -> None:
    await settle()
    async with streaming(admin, get=get) as stream:
        assert stream.response.status_code == 200
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        ticket = await make.ticket()
        item = await stream.item()
        assert (item["ticketId"], item["listChange"]) == (ticket["ticketId"], "ENTERED")


async def test_last_event_id_resumes_a_stream(admin: Api, make: Factory, settle: Settle) -> None:
    """As an EventSource sends it, whatever its first request said."""
    await settle()
    async with streaming(admin) as stream:
        await make.ticket()
        first = await stream.item()
    missed = [await make.ticket() for _ in range(3)]
    async with streaming(
        admin, headers={"Last-Event-ID": first["cursor"]}, after="nonsense"
    ) as stream:
        assert [(await stream.item())["ticketId"] for _ in missed] == [
            ticket["ticketId"] for ticket in missed
        ]
        live = await make.ticket()
        assert (await stream.item())["ticketId"] == live["ticketId"]


async def test_figures_are_a_stream_too(admin: Api, make: Factory) -> None:
    document = "subscription { ticketStatistics(days: 7) { total perDay { date } } }"
    async with streaming(admin, document) as stream:
        first = await stream.next()
        assert first is not None
        assert first.id is None
        figures = json.loads(first.data)["data"]["ticketStatistics"]
        assert len(figures["perDay"]) == 7
        total = figures["total"]
        await make.ticket()
        second = await stream.next()
        assert second is not None
        assert json.loads(second.data)["data"]["ticketStatistics"]["total"] == total + 1


async def refusal(api: Api, document: str = EVENTS, **variables: Any) -> tuple[int, list[str]]:
    async with streaming(api, document, **variables) as stream:
        text = (await stream.response.aread()).decode()
        assert stream.response.headers["content-type"] == "application/json"
        return stream.response.status_code, Sent("next", text, None).codes


async def test_what_cannot_begin_is_refused_with_a_status_that_ends_an_event_source(
    server: Server, admin: Api, anonymous: Api, bot: Bot
) -> None:
    figures = "subscription { ticketStatistics { total } }"
    assert await refusal(anonymous) == (401, ["UNAUTHENTICATED"])
    assert await refusal(server.api("tk_unknown")) == (401, ["UNAUTHENTICATED"])
    assert await refusal(server.api(lasting(admin.credential, -1))) == (401, ["UNAUTHENTICATED"])
    assert await refusal(admin, after="nonsense") == (400, ["VALIDATION"])
    assert await refusal(admin, filter={"status": "LOST"}) == (400, ["VALIDATION"])
    assert await refusal(admin, "subscription { nothing }") == (400, ["VALIDATION"])
    assert await refusal(server.api(bot.secret, customer_id="no"), figures) == (400, ["VALIDATION"])


async def test_a_query_is_answered_as_ever(admin: Api) -> None:
    async with streaming(admin, "{ viewer { name } }") as stream:
        assert json.loads(await stream.response.aread()) == {"data": {"viewer": {"name": "Admin"}}}


async def test_credentials_that_lose_their_worth_end_the_stream(
    server: Server, admin: Api, make: Factory, settle: Settle
) -> None:
    person = await make.person("SUPERVISOR")
    for end in ("deactivated", "expired"):
        # Of what was written before, the server may hear only now.
        await settle()
        api = person.api if end == "deactivated" else server.api(lasting(admin.credential, 2))
        async with streaming(api) as stream:
            if end == "deactivated":
                await admin.succeed("updateAgent", id=person.id, isActive=False)
                await make.ticket()
            last = await stream.next()
            assert last is not None
            assert last.codes == ["UNAUTHENTICATED"], end
            complete = await stream.next()
            assert complete is not None
            assert complete.event == "complete"
            assert await stream.next() is None


async def test_a_stream_gives_signs_of_life_and_makes_room_when_it_ends(servers: Servers) -> None:
    server = await servers.start(TICKETS_MAX_CONNECTIONS="1", TICKETS_PING_SECONDS="0.3")
    admin = await server.sign_in()
    async with streaming(admin) as stream:
        assert stream.response.status_code == 200
        assert await refusal(admin) == (429, ["RATE_LIMITED"])
        async with asyncio.timeout(PATIENCE_SECONDS):
            comments = 0
            async for line in stream.response.aiter_lines():
                comments += line == ":"
                if comments == 3:
                    break
    await until_there_is_room(admin)

    async with streaming(admin) as stream:
        server.process.send_signal(signal.SIGTERM)
        # Without a word, so that an EventSource connects again.
        assert await stream.next() is None
        assert await asyncio.wait_for(server.process.wait(), STOP_SECONDS) is not None
    assert "graceful shutdown exceeded" not in server.log(1_000), "nobody had to be waited for"
    assert "Traceback" not in server.log(1_000)


async def until_there_is_room(api: Api) -> None:
    status = 429
    async with asyncio.timeout(PATIENCE_SECONDS):
        while status == 429:
            async with streaming(api) as stream:
                status = stream.response.status_code
