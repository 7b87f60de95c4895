"""Who asks too often is told so, and when to come back; whoever it was done to is not."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tests.client import Answer, Api
from tests.factories import Factory
from tests.feed.socket import connected
from tests.servers import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    Server,
    Servers,
    new_database_name,
    running_server,
    settings,
)

REQUESTS = 40
VIEWER = "{ viewer { name } }"
HOME, AWAY, ATTACKER = "203.0.113.7", "203.0.113.8", "198.51.100.9"


@pytest.fixture(scope="module")
async def strict(
    mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Server]:
    environment = settings(mongodb_uri=mongodb_uri, database_name=new_database_name()) | {
        "TICKETS_LOGIN_RATE": "3 per hour",
        "TICKETS_LOGIN_RATE_PER_ACCOUNT": "8 per hour",
        "TICKETS_LOGIN_RATE_PER_ADDRESS": "20 per hour",
        "TICKETS_REQUEST_RATE_PER_ADDRESS": f"{REQUESTS} per hour",
        "TICKETS_REQUEST_RATE_PER_KEY": f"{REQUESTS} per hour",
    }
    async with running_server(environment, tmp_path_factory.mktemp("strict") / "log") as server:
        # So that its address is known, whatever is tried from others.
        await server.sign_in()
        yield server


async def sign_in(server: Server, password: str, *, at: str, email: str = ADMIN_EMAIL) -> str:
    """The code of the refusal, or OK. `at` is the address, as a proxy on this machine says it."""
    api = server.api()
    api.headers["X-Forwarded-For"] = at
    result = await api.mutate("login", email=email, password=password)
    return result.get("code", "OK")


async def test_who_guesses_is_stopped_and_whose_account_it_is_is_not(strict: Server) -> None:
    assert await sign_in(strict, ADMIN_PASSWORD, at=HOME) == "OK"
    guesses = [await sign_in(strict, "wrong", at=ATTACKER) for _ in range(5)]
    assert guesses == ["UNAUTHENTICATED"] * 3 + ["RATE_LIMITED"] * 2
    assert await sign_in(strict, ADMIN_PASSWORD, at=ATTACKER) == "RATE_LIMITED"
    # From many addresses: all that the account does not know have a limit together.
    crowd = [await sign_in(strict, "wrong", at=f"198.51.100.{host}") for host in range(20, 30)]
    assert crowd[-1] == "RATE_LIMITED"
    assert await sign_in(strict, ADMIN_PASSWORD, at=AWAY) == "RATE_LIMITED"
    assert await sign_in(strict, ADMIN_PASSWORD, at=HOME) == "OK"


async def test_signing_in_forgets_the_failures_before(strict: Server) -> None:
    for _ in range(3):
        assert await sign_in(strict, "wrong", at=HOME) == "UNAUTHENTICATED"
        assert await sign_in(strict, "wrong", at=HOME) == "UNAUTHENTICATED"
        assert await sign_in(strict, ADMIN_PASSWORD, at=HOME) == "OK"


async def test_an_address_that_tries_many_accounts_is_stopped(strict: Server) -> None:
    tried = [
        await sign_in(strict, "wrong", at="2001:db8::1:0", email=f"{place}@example.com")
        for place in range(20)
    ]
    assert tried == ["UNAUTHENTICATED"] * 20
    # Its neighbour in the same network, which one house has to itself, is the same to us.
    assert await sign_in(strict, "wrong", at="2001:db8::2:0", email="x@example.com") == (
        "RATE_LIMITED"
    )
    assert await sign_in(strict, "wrong", at="2001:db8:0:1::", email="x@example.com") == (
        "UNAUTHENTICATED"
    )


async def test_the_refusal_says_when_to_try_again(strict: Server) -> None:
    api = strict.api()
    api.headers["X-Forwarded-For"] = "192.0.2.1"
    results = [await api.mutate("login", email="a@example.com", password="wrong") for _ in range(4)]
    result = results[-1]
    assert result["__typename"] == "SimpleProblem"
    assert result["message"] == "Too many attempts to sign in. Try again in 60 minutes."


async def asked(api: Api, times: int) -> list[Answer]:
    return [await api.execute(VIEWER) for _ in range(times)]


async def test_requests_of_nobody_are_limited_by_their_address(strict: Server) -> None:
    api = strict.api()
    api.headers["X-Forwarded-For"] = "192.0.2.50"
    answers = await asked(api, REQUESTS + 2)
    assert [answer.status for answer in answers] == [200] * REQUESTS + [429] * 2
    error = answers[-1].errors[0]
    assert error["message"] == "Too many requests. Try again in 60 minutes."
    extensions = error["extensions"]
    assert extensions["code"] == "RATE_LIMITED"
    assert extensions["limit"] == {
        "name": "requestsPerAddress",
        "value": f"{REQUESTS} per 1 hour",
    }
    assert 0 < extensions["retryAfterSeconds"] <= 3600
    assert int(answers[-1].headers["retry-after"]) <= 3600
    # Nor is anything read of what they ask.
    reader, writer = await asyncio.open_connection(
        *strict.address.removeprefix("http://").split(":")
    )
    writer.write(
        b"POST /graphql HTTP/1.1\r\nHost: here\r\nX-Forwarded-For: 192.0.2.50\r\n"
        b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    )
    async with asyncio.timeout(60):
        assert b" 429 " in await reader.readline()
    writer.close()
    api.headers["X-Forwarded-For"] = "192.0.2.51"
    assert (await asked(api, 1))[0].status == 200


async def test_a_key_has_one_limit_on_whatever_way_and_process(
    strict: Server, servers: Servers
) -> None:
    admin = await strict.sign_in()
    bot = await Factory(strict, admin).bot()
    other = await servers.start_beside(strict, TICKETS_REQUEST_RATE_PER_KEY=f"{REQUESTS} per hour")
    api, elsewhere = strict.api(bot.secret), other.api(bot.secret)
    share = REQUESTS // 20
    assert {answer.status for answer in await asked(api, REQUESTS // 2)} == {200}
    there = [answer.status for answer in await asked(elsewhere, REQUESTS)]
    assert there == [200] * there.count(200) + [429] * there.count(429)
    assert REQUESTS // 2 - share <= there.count(200) <= REQUESTS // 2
    async with connected(other, bot.secret) as socket:
        message = await (await socket.subscribe("{ viewer { name } }")).message()
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    mcp = await other.http.post("/mcp", headers={"Authorization": f"Bearer {bot.secret}"}, json={})
    assert mcp.status_code == 429
    assert int(mcp.headers["retry-after"]) > 0


async def test_those_who_ask_at_the_same_time_are_not_refused_together(servers: Servers) -> None:
    server = await servers.start(TICKETS_REQUEST_RATE_PER_ACCOUNT="100 per hour")
    admin = await server.sign_in()
    answers = await asyncio.gather(*(admin.execute(VIEWER) for _ in range(60)))
    assert {answer.status for answer in answers} == {200}
