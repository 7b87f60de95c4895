"""Who may act: signing in and out, tokens and keys, and accounts that change meanwhile."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from domain.access import SYSTEM
from tests.client import Api, Data
from tests.factories import PASSWORD, Bot, Factory, Person
from tests.past import Ago
from tests.servers import ADMIN_EMAIL, ADMIN_PASSWORD, SECRET_KEY, Server, Servers

VIEWER = "{ viewer { id name role permissions } }"


async def login(server: Server, account: Data, password: str = PASSWORD) -> Data:
    return await server.api().succeed("login", email=account["email"], password=password)


async def refresh(server: Server, token: str) -> Data:
    return await server.api().mutate("refreshSession", refreshToken=token)


async def is_signed_in(api: Api) -> bool:
    answer = await api.execute(VIEWER)
    assert answer.codes in ([], ["UNAUTHENTICATED"]), answer.text
    return not answer.errors


# ---- signing in ----------------------------------------------------------------------------


async def test_viewer_is_whoever_signed_in(make: Factory, server: Server, anonymous: Api) -> None:
    account = await make.account("SUPERVISOR")

    session = await login(server, {"email": f"  {account['email'].upper()} "})

    viewer = (await server.api(session["accessToken"]).query(VIEWER))["viewer"]
    assert viewer == session["viewer"]
    assert (viewer["id"], viewer["role"]) == (account["id"], "SUPERVISOR")
    assert "tickets:work" in viewer["permissions"]
    assert "accounts:manage" not in viewer["permissions"]
    assert (await anonymous.query(VIEWER))["viewer"] is None


async def test_an_unknown_address_and_a_wrong_password_look_the_same(
    make: Factory, admin: Api, anonymous: Api
) -> None:
    account, left = await make.account(), await make.account()
    await admin.succeed("updateAgent", id=left["id"], isActive=False)

    wrong = [
        await anonymous.problem("login", email=email, password=password)
        for email, password in (
            (account["email"], "not the password"),
            ("nobody@example.com", PASSWORD),
            (left["email"], PASSWORD),
            ("\x00", PASSWORD),
            (account["email"], ""),
        )
    ]

    assert wrong[0]["code"] == "UNAUTHENTICATED"
    assert all(each == wrong[0] for each in wrong)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer x",
        "Bearer tk_00000000_x",
        "Basic YWRtaW46YWRtaW4=",
        "Bearer " + jwt.encode({"sub": "a"}, SECRET_KEY, "HS256"),
        "Bearer " + "x" * 5_000,
    ],
)
async def test_wrong_credentials_are_refused_and_not_taken_for_none(
    authorization: str, anonymous: Api
) -> None:
    answer = await anonymous.execute(VIEWER, headers={"Authorization": authorization})

    assert answer.codes == ["UNAUTHENTICATED"]


async def test_a_token_is_good_until_it_expires_and_only_as_it_was_signed(
    make: Factory, server: Server
) -> None:
    session = await login(server, await make.account())
    claims: Data = jwt.decode(session["accessToken"], SECRET_KEY, ["HS256"])

    def signed(secret_key: str = SECRET_KEY, algorithm: str = "HS256", **changed: Any) -> Api:
        return server.api(jwt.encode(claims | changed, secret_key, algorithm))

    past = int((datetime.now(UTC) - timedelta(seconds=1)).timestamp())
    assert await is_signed_in(signed())
    assert not await is_signed_in(signed(exp=past))
    assert not await is_signed_in(signed(secret_key="x" * 32))
    assert not await is_signed_in(signed(secret_key="", algorithm="none"))
    assert claims["exp"] == datetime.fromisoformat(session["expiresAt"]).timestamp()
    lifetime = datetime.fromisoformat(session["expiresAt"]) - datetime.now(UTC)
    configured = timedelta(minutes=int(server.environment["TICKETS_ACCESS_TOKEN_MINUTES"]))
    assert abs(lifetime - configured) < timedelta(minutes=1)


# ---- refreshing ----------------------------------------------------------------------------


async def test_a_refresh_token_yields_the_next_pair_once(make: Factory, server: Server) -> None:
    first = await login(server, await make.account())

    second = await refresh(server, first["refreshToken"])
    third = await refresh(server, second["refreshToken"])

    assert second["viewer"] == first["viewer"]
    assert len({each["refreshToken"] for each in (first, second, third)}) == 3
    assert await is_signed_in(server.api(third["accessToken"]))


async def test_a_refresh_token_used_twice_ends_the_session(make: Factory, server: Server) -> None:
    account = await make.account()
    first, elsewhere = await login(server, account), await login(server, account)
    second = await refresh(server, first["refreshToken"])

    reused = await refresh(server, first["refreshToken"])

    assert reused["code"] == "UNAUTHENTICATED"
    assert (await refresh(server, second["refreshToken"]))["code"] == "UNAUTHENTICATED"
    assert not await is_signed_in(server.api(second["accessToken"]))
    assert await is_signed_in(server.api(elsewhere["accessToken"]))


async def test_of_two_refreshes_at_once_one_counts_and_is_ended_by_the_other(
    make: Factory, server: Server
) -> None:
    session = await login(server, await make.account())

    answers = await asyncio.gather(*(refresh(server, session["refreshToken"]) for _ in range(5)))

    assert sum("accessToken" in answer for answer in answers) == 1
    assert not await is_signed_in(server.api(session["accessToken"]))


@pytest.mark.parametrize("token", ["", ".", "x", "x.y", "0" * 24, "0" * 24 + ".x", "\x00.\x00"])
async def test_what_is_no_refresh_token_is_refused(token: str, server: Server) -> None:
    assert (await refresh(server, token))["code"] == "UNAUTHENTICATED"


# ---- the end of a session ------------------------------------------------------------------


async def test_logout_ends_this_session_and_no_other(make: Factory, server: Server) -> None:
    account = await make.account()
    here, elsewhere = await login(server, account), await login(server, account)
    api = server.api(here["accessToken"])

    assert (await api.succeed("logout"))["ended"] is True

    assert not await is_signed_in(api)
    assert (await refresh(server, here["refreshToken"]))["code"] == "UNAUTHENTICATED"
    assert (await api.problem("logout"))["code"] == "UNAUTHENTICATED"
    assert await is_signed_in(server.api(elsewhere["accessToken"]))


async def test_a_key_has_no_session_to_end(bot: Bot, anonymous: Api) -> None:
    assert (await bot.api.succeed("logout"))["ended"] is False
    assert await is_signed_in(bot.api)
    assert (await anonymous.problem("logout"))["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("change", [{"isActive": False}, {"password": "another password"}])
async def test_signs_an_account_out_everywhere_at_once(
    change: Data, make: Factory, server: Server, admin: Api
) -> None:
    account = await make.account()
    sessions = [await login(server, account) for _ in range(2)]

    await admin.succeed("updateAgent", id=account["id"], **change)

    for session in sessions:
        assert not await is_signed_in(server.api(session["accessToken"]))
        assert (await refresh(server, session["refreshToken"]))["code"] == "UNAUTHENTICATED"
    old = await server.api().mutate("login", email=account["email"], password=PASSWORD)
    assert old["code"] == "UNAUTHENTICATED"


async def test_coming_back_revives_the_account_and_no_old_session(
    make: Factory, server: Server, admin: Api
) -> None:
    account = await make.account()
    before = await login(server, account)
    await admin.succeed("updateAgent", id=account["id"], isActive=False)
    await admin.succeed("updateAgent", id=account["id"], isActive=True)

    assert not await is_signed_in(server.api(before["accessToken"]))
    assert await is_signed_in(server.api((await login(server, account))["accessToken"]))


async def test_a_new_role_holds_from_the_next_request(
    make: Factory, admin: Api, colleague: Person
) -> None:
    person = await make.person("AGENT")
    hidden = (await make.assigned_ticket(colleague))["ticketId"]
    assert await person.api.ticket(hidden, "ticketId") is None

    await admin.succeed("updateAgent", id=person.id, role="SUPERVISOR")

    assert await person.api.ticket(hidden, "ticketId")


# ---- keys ----------------------------------------------------------------------------------


async def test_a_revoked_key_stops_working_at_once_and_for_good(make: Factory, admin: Api) -> None:
    bot = await make.bot()
    assert await is_signed_in(bot.api)

    first = await admin.succeed("revokeApiKey", id=bot.id)
    again = await admin.succeed("revokeApiKey", id=bot.id)

    assert not await is_signed_in(bot.api)
    assert first["apiKey"]["revokedAt"] == again["apiKey"]["revokedAt"] is not None


async def test_an_expired_key_is_refused(server: Server, ago: Ago) -> None:
    now = datetime.now(UTC)
    accounts = ago(timedelta(days=1)).accounts
    _, expired = await accounts.create_api_key(SYSTEM, name="x", expires_at=now)
    _, good = await accounts.create_api_key(SYSTEM, name="x", expires_at=now + timedelta(hours=1))

    assert not await is_signed_in(server.api(expired))
    assert await is_signed_in(server.api(good))


async def test_a_key_cannot_be_made_that_has_expired(admin: Api) -> None:
    problem = await admin.problem("createApiKey", name=" ", expiresAt="2020-01-01T00:00:00Z")

    assert [fault["path"] for fault in problem["fields"]] == ["name", "expiresAt"]


async def test_a_secret_is_shown_once(admin: Api) -> None:
    made = await admin.succeed("createApiKey", name="Once")
    revoked = await admin.succeed("revokeApiKey", id=made["apiKey"]["id"])
    listed = await admin.execute("{ apiKeys { nodes { id name prefix } } }")

    assert made["secret"].startswith(made["apiKey"]["prefix"] + "_")
    assert revoked["secret"] is None
    assert made["secret"] not in listed.text


async def test_last_use_of_a_key_is_known(make: Factory, admin: Api) -> None:
    bot = await make.bot()
    await bot.api.query(VIEWER)

    listed = await admin.query("{ apiKeys(first: 1) { nodes { id lastUsedAt } } }")

    (key,) = listed["apiKeys"]["nodes"]
    assert key["id"] == bot.id
    used_at = datetime.fromisoformat(key["lastUsedAt"])
    assert datetime.now(UTC) - used_at < timedelta(minutes=1)


# ---- accounts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("details", "path"),
    [
        ({"password": "p" * 9}, "password"),
        ({"password": "p" * 201}, "password"),
        ({"password": "password\x00word"}, "password"),
        ({"email": "nobody"}, "email"),
        ({"email": "a b@example.com"}, "email"),
        ({"email": "a" * 250 + "@example.com"}, "email"),
        ({"name": " "}, "name"),
        ({"name": "n" * 201}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"role": "BOT"}, "role"),
    ],
)
async def test_no_account_is_made_that_cannot_be(details: Data, path: str, admin: Api) -> None:
    good = {"name": "x", "email": "x@example.com", "password": PASSWORD, "role": "AGENT"}

    problem = await admin.problem("createAgent", **(good | details))

    assert [fault["path"] for fault in problem["fields"]] == [path]


@pytest.mark.parametrize("password", ["p" * 10, "p" * 200, " пароль 🎫 ñ"])
async def test_a_password_may_be_anything_of_ten_to_two_hundred_characters(
    password: str, make: Factory, server: Server, admin: Api
) -> None:
    account = await make.account()
    await admin.succeed("updateAgent", id=account["id"], password=password)

    assert (await login(server, account, password))["viewer"]["id"] == account["id"]


async def test_one_address_is_one_account_in_any_case(make: Factory, admin: Api) -> None:
    account = await make.account()

    problem = await admin.problem(
        "createAgent",
        name="x",
        email=account["email"].upper(),
        password=PASSWORD,
        role="AGENT",
    )

    assert [fault["path"] for fault in problem["fields"]] == ["email"]


async def test_accounts_made_at_once_with_one_address_are_one(make: Factory, admin: Api) -> None:
    details = {"name": "x", "email": f"{make.word()}@example.com", "password": PASSWORD}

    made = await asyncio.gather(
        *(admin.mutate("createAgent", role="AGENT", **details) for _ in range(3))
    )

    assert sorted(each["__typename"] for each in made) == [
        "AgentPayload",
        "ValidationProblem",
        "ValidationProblem",
    ]


async def test_an_installation_keeps_an_active_admin(servers: Servers) -> None:
    server = await servers.start()
    first = await server.sign_in()
    first_id = (await first.query(VIEWER))["viewer"]["id"]

    for change in ({"role": "AGENT"}, {"isActive": False}):
        problem = await first.problem("updateAgent", id=first_id, **change)
        assert problem["code"] == "FORBIDDEN"
    other = await Factory(server, first).person("ADMIN")
    second = other.api

    await asyncio.gather(
        first.mutate("updateAgent", id=other.id, role="AGENT"),
        second.mutate("updateAgent", id=first_id, role="AGENT"),
    )

    roles = [(await api.query(VIEWER))["viewer"]["role"] for api in (first, second)]
    assert sorted(roles) == ["ADMIN", "AGENT"]


async def test_first_admin_is_made_where_there_is_no_account(
    server: Server, servers: Servers
) -> None:
    again = await servers.start_beside(server, TICKETS_ADMIN_EMAIL="other@example.com")

    other = await again.api().problem("login", email="other@example.com", password=ADMIN_PASSWORD)
    assert other["code"] == "UNAUTHENTICATED"
    assert await is_signed_in(await again.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD))


# ---- whom a bot names ----------------------------------------------------------------------

SEEN = "query($id: String!) { ticket(ticketId: $id) { ticketId } }"


@pytest.mark.parametrize("customer_id", ["x", "Q3VzdG9tZXI6eA", "null", "{}", "Q3VzdG9tZXI6"])
async def test_a_malformed_customer_is_refused_whatever_is_asked(
    customer_id: str, bot: Bot, make: Factory
) -> None:
    speaking = bot.api.speaking_for(customer_id)

    answer = await speaking.execute(SEEN, {"id": "LUX-2026-000001"})
    problem = await speaking.problem("upsertCustomer", phone=make.phone())

    assert answer.codes == ["VALIDATION"]
    assert problem["code"] == "VALIDATION"
    assert [fault["path"] for fault in problem["fields"]] == ["X-Customer-Id"]


async def test_a_bot_sees_the_tickets_of_the_customer_it_names_and_no_others(
    make: Factory, bot: Bot
) -> None:
    customer, other = await make.customer(), await make.customer()
    ticket_id = (await make.ticket(customerId=customer["id"]))["ticketId"]

    async def sees(api: Api) -> bool:
        return (await api.query(SEEN, {"id": ticket_id}))["ticket"] is not None

    assert await sees(bot.api.speaking_for(customer["id"]))
    assert not await sees(bot.api.speaking_for(other["id"]))
    assert not await sees(bot.api.speaking_for("Q3VzdG9tZXI6MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw"))
    assert not await sees(bot.api)


async def test_an_agent_gains_and_loses_nothing_by_naming_a_customer(
    make: Factory, agent: Person
) -> None:
    ticket_id = (await make.ticket())["ticketId"]
    speaking = agent.api.speaking_for((await make.customer())["id"])

    assert (await speaking.query(SEEN, {"id": ticket_id}))["ticket"]
