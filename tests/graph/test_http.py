"""What the server says besides GraphQL, and beside each of its answers."""

import asyncio
import re

import pytest

from tests.client import Api
from tests.servers import Server

VIEWER = "{ viewer { name } }"


async def until_logged(server: Server, text: str) -> str:
    """The log, as soon as it says so: an answer is sent before its line is written."""
    async with asyncio.timeout(60):
        while text not in (log := server.log(100_000)):  # noqa: ASYNC110 -- a file does not call
            await asyncio.sleep(0.05)
    return log


async def test_a_server_says_that_it_is_there_and_what_it_is_ready_for(server: Server) -> None:
    live = await server.http.get("/health/live")
    ready = await server.http.get("/health/ready")

    assert (live.status_code, live.json()) == (200, {"status": "live"})
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert re.fullmatch(r"answers in [\d.]+ ms", ready.json()["checks"]["database"])


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/graphql"])
async def test_every_answer_has_an_id_of_its_own(path: str, server: Server) -> None:
    ids = {(await server.http.get(path)).headers["X-Request-Id"] for _ in range(3)}

    assert len(ids) == 3


@pytest.mark.parametrize(
    "path",
    ["/health/live", "/metrics", "/nowhere", "/graphql?query={__typename}", "/attachments/x"],
)
async def test_every_answer_says_that_it_is_what_it_is(path: str, server: Server) -> None:
    headers = (await server.http.get(path, headers={"Accept": "application/json"})).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"]


async def test_a_callers_own_id_is_kept_and_logged(server: Server, admin: Api) -> None:
    answer = await admin.execute(VIEWER, headers={"X-Request-Id": "trace.me-2_a"})

    assert answer.headers["X-Request-Id"] == "trace.me-2_a"
    await until_logged(server, "request_id=trace.me-2_a")


@pytest.mark.parametrize("given", ["", "a b", "a" * 101, "<script>", "a=b"])
async def test_an_id_that_could_upset_a_log_is_replaced(given: str, admin: Api) -> None:
    answer = await admin.execute(VIEWER, headers={"X-Request-Id": given})

    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-Id"])


async def test_nothing_that_is_said_to_the_server_is_logged(server: Server, admin: Api) -> None:
    document = '{ customer(phone: "+52 55 0000 9999") { id } }'
    await admin.execute(document, headers={"X-Request-Id": "looked-up"})

    log = await until_logged(server, "request_id=looked-up")
    assert "0000 9999" not in log
    assert str(admin.credential) not in log


async def test_graphiql_is_served_to_a_browser_and_nobody_else(server: Server) -> None:
    page = await server.http.get("/graphql", headers={"Accept": "text/html"})
    other = await server.http.get("/graphql", headers={"Accept": "application/json"})

    assert page.headers["Content-Type"].startswith("text/html")
    assert "content-security-policy" in page.headers
    assert other.status_code == 400
    assert other.json()["errors"][0]["extensions"]["code"] == "VALIDATION"


async def test_a_query_can_be_got(server: Server, admin: Api) -> None:
    answer = await server.http.get(
        "/graphql",
        params={"query": VIEWER},
        headers={**admin.headers, "Accept": "application/json"},
    )

    assert answer.json() == {"data": {"viewer": {"name": "Admin"}}}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_who_asks_for_a_subscription_is_told_how_to_follow_it(
    method: str, admin: Api
) -> None:
    query = {"query": "subscription { ticketEvents { __typename } }"}
    response = await admin.http.request(
        method,
        "/graphql",
        headers={**admin.headers, "Accept": "application/json"},
        params=query if method == "GET" else None,
        json=query if method == "POST" else None,
    )
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "VALIDATION"
    assert "text/event-stream" in error["message"]
    assert "WebSocket" in error["message"]


async def test_there_is_nothing_elsewhere_but_pages_of_the_dashboard(server: Server) -> None:
    assert (await server.http.get("/unheard-of.js")).status_code == 404
    assert (await server.http.post("/unheard/of")).status_code == 405
    page = await server.http.get("/unheard/of", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "server" not in (await server.http.get("/health/live")).headers
