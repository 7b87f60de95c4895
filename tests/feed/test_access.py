"""Who may listen is decided at each event: whatever changes acts before the next one."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import pytest

from tests.client import Api
from tests.factories import Factory
from tests.feed.conftest import Settle
from tests.feed.socket import Socket, SocketClosed, Subscription, connected
from tests.servers import SECRET_KEY, Server

UNAUTHORIZED, FORBIDDEN = 4401, 4403


@asynccontextmanager
async def following(
    server: Server, credential: str | None, **variables: Any
) -> AsyncGenerator[tuple[Socket, Subscription]]:
    async with connected(server, credential) as socket:
        yield socket, await socket.follow(**variables)


async def refusal(server: Server, credential: str | None) -> SocketClosed:
    with pytest.raises(SocketClosed) as refused:
        async with connected(server, credential):
            pass
    return refused.value


async def told_until_closed(events: Subscription) -> tuple[list[str], SocketClosed]:
    """The tickets that were told of, and how it ended."""
    told: list[str] = []
    while True:
        try:
            told.append((await events.event())["ticketId"])
        except SocketClosed as closed:
            return told, closed


async def test_a_revoked_key_hears_nothing_of_what_came_later(
    server: Server, admin: Api, make: Factory, settle: Settle
) -> None:
    bot = await make.bot()
    customer = await make.customer()
    await settle()
    async with connected(server, bot.secret, customer_id=customer["id"]) as socket:
        events = await socket.follow()
        before = await make.ticket(customerId=customer["id"])
        await admin.succeed("revokeApiKey", id=bot.id)
        await make.ticket(customerId=customer["id"])
        told, closed = await told_until_closed(events)
    assert told in ([before["ticketId"]], [])
    assert closed.code == UNAUTHORIZED
    assert (await refusal(server, bot.secret)).code == FORBIDDEN


async def test_a_deactivated_agent_hears_nothing_of_what_came_later(
    server: Server, admin: Api, make: Factory, settle: Settle
) -> None:
    person = await make.person("SUPERVISOR")
    await settle()
    async with following(server, person.api.credential) as (_, events):
        await admin.succeed("updateAgent", id=person.id, isActive=False)
        await make.ticket()
        told, closed = await told_until_closed(events)
    assert told == []
    assert closed.code == UNAUTHORIZED


async def test_signing_out_ends_what_the_session_follows_and_no_more(
    server: Server, make: Factory, settle: Settle
) -> None:
    person = await make.person("SUPERVISOR")
    elsewhere = await server.sign_in(person.email, "correct horse battery")
    await settle()
    async with (
        following(server, person.api.credential) as (_, ended),
        following(server, elsewhere.credential) as (_, other),
    ):
        await person.api.query("mutation { logout { __typename } }")
        ticket = await make.ticket()
        told, closed = await told_until_closed(ended)
        assert (await other.event())["ticketId"] == ticket["ticketId"]
    assert told == []
    assert closed.code == UNAUTHORIZED


async def test_another_role_sees_with_other_eyes_from_the_next_event_on(
    server: Server, admin: Api, make: Factory, settle: Settle
) -> None:
    person, other = await make.person("AGENT"), await make.person("AGENT")
    await settle()
    async with following(server, person.api.credential) as (_, events):
        await make.assigned_ticket(other)
        opened = await events.event()
        assert (opened["listChange"], opened["__typename"]) == ("ENTERED", "TicketCreated")
        assert (await events.event())["listChange"] == "LEFT"

        await admin.succeed("updateAgent", id=person.id, role="SUPERVISOR")
        theirs = await make.assigned_ticket(other)
        resync = await events.event()
        assert resync["__typename"] == "FeedResyncRequired"
        assert "role" in resync["why"]
        seen = [await events.event() for _ in range(2)]
        assert [each["ticketId"] for each in seen] == [theirs["ticketId"]] * 2
        assert [each["listChange"] for each in seen] == ["ENTERED", "UPDATED"]
        assert seen[1]["ticket"]["assignee"]["id"] == other.id

        await admin.succeed("updateAgent", id=person.id, role="AGENT")
        await admin.succeed("updateTicket", ticketId=theirs["ticketId"], subject="Not yours")
        mine = await make.assigned_ticket(person)
        resync = await events.event()
        assert resync["__typename"] == "FeedResyncRequired"
        assert (await events.event())["ticketId"] == mine["ticketId"]


async def test_a_name_that_changes_disturbs_nobody(
    server: Server, admin: Api, make: Factory, settle: Settle
) -> None:
    person = await make.person("SUPERVISOR")
    await settle()
    async with following(server, person.api.credential) as (_, events):
        await admin.succeed("updateAgent", id=person.id, name="Another Name")
        ticket = await make.ticket()
        assert (await events.event())["ticketId"] == ticket["ticketId"]


def lasting(credential: str | None, seconds: float) -> str:
    """The same session's access token, expiring sooner."""
    assert credential is not None
    claims = jwt.decode(credential, options={"verify_signature": False})
    return jwt.encode({**claims, "exp": int(time.time() + seconds)}, SECRET_KEY, "HS256")


async def test_an_expiring_token_is_announced_and_then_ends_the_connection(
    server: Server, admin: Api
) -> None:
    token = lasting(admin.credential, 3)
    async with following(server, token) as (socket, events):
        closed = await socket.closing()
        assert closed.code == UNAUTHORIZED
        assert "expired" in closed.reason
        (notice,) = [ping for ping in socket.pings if "payload" in ping]
        assert notice["payload"]["type"] == "TokenExpiring"
        expires_at = jwt.decode(token, options={"verify_signature": False})["exp"]
        assert abs(time.time() - expires_at) < 2
        assert events.messages.qsize() == 1, "nothing but the end"


@pytest.mark.parametrize("payload", [None, "tk_unknown_key", "no.valid.token"])
async def test_who_has_no_credentials_is_turned_away(server: Server, payload: str | None) -> None:
    assert (await refusal(server, payload)).code == FORBIDDEN


async def test_an_expired_token_is_turned_away(server: Server, admin: Api) -> None:
    refused = await refusal(server, lasting(admin.credential, -1))
    assert refused.code == FORBIDDEN
    assert "expired" in refused.reason


async def test_queries_and_mutations_on_a_socket_are_checked_each_time(
    server: Server, admin: Api, make: Factory
) -> None:
    person = await make.person("SUPERVISOR")
    async with connected(server, person.api.credential) as socket:
        viewer = await socket.subscribe("{ viewer { name } }")
        assert await viewer.data() == {"viewer": {"name": person.name}}
        assert (await viewer.message())["type"] == "complete"
        ticket = await make.ticket()
        changed = await socket.subscribe(
            "mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { __typename } }",
            input={"ticketId": ticket["ticketId"], "subject": "By socket"},
        )
        assert await changed.data() == {"updateTicket": {"__typename": "TicketPayload"}}
    assert (await admin.read(ticket["ticketId"], "subject"))["subject"] == "By socket"


async def test_a_credential_is_watched_as_long_as_one_of_its_sockets_is_open(
    server: Server, admin: Api, make: Factory
) -> None:
    person = await make.person("SUPERVISOR")
    async with connected(server, person.api.credential) as socket:
        async with connected(server, person.api.credential) as short:
            await short.until_served()
        await admin.succeed("updateAgent", id=person.id, isActive=False)
        assert (await socket.closing()).code == UNAUTHORIZED
