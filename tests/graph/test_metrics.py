"""What an operator sees of a running server: /metrics and one line for each operation."""

import asyncio
import os
import signal

from prometheus_client.parser import text_string_to_metric_families

from graph.metrics import MAX_NAMES, OTHER, Metrics
from tests.client import Api, Data
from tests.factories import Factory
from tests.feed.socket import connected
from tests.graph.test_http import until_logged
from tests.servers import Server, Servers

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def measured(server: Server) -> Samples:
    answer = await server.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return parsed(answer.text)


def value(samples: Samples, name: str, /, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


async def until(server: Server, name: str, expected: float, /, **labels: str) -> None:
    async with asyncio.timeout(60):
        while value(await measured(server), name, **labels) != expected:  # noqa: ASYNC110 -- polled, as Prometheus does
            await asyncio.sleep(0.05)


async def test_operations_are_counted_by_name_and_outcome(
    server: Server, admin: Api, anonymous: Api
) -> None:
    async def count(kind: str, name: str, outcome: str) -> float:
        labels = {"type": kind, "name": name, "outcome": outcome}
        return value(await measured(server), "tickets_operations_total", **labels)

    await admin.query("query CountMe { viewer { name } }")
    await anonymous.execute("query CountMe { tickets { totalCount } }")
    await admin.execute("query CountMe { nothing }")
    refused = 'mutation CountMe { liftEscalation(input: {ticketId: "X"}) { __typename } }'
    await admin.query(refused)

    assert await count("query", "CountMe", "OK") == 1
    assert await count("query", "CountMe", "UNAUTHENTICATED") == 1
    assert await count("mutation", "CountMe", "NOT_FOUND") == 1
    assert await count("invalid", "(anonymous)", "VALIDATION") >= 1
    seconds = value(
        await measured(server), "tickets_operation_seconds_count", type="query", name="CountMe"
    )
    assert seconds == 2


async def test_each_operation_is_one_line_with_who_and_what_came_of_it(
    server: Server, make: Factory
) -> None:
    bot = await make.bot()
    query = 'query Looked { ticket(ticketId: "LUX-2026-999999") { id } }'
    headers = {"X-Request-Id": "one-line"}
    await server.api(bot.secret).execute(query, headers=headers)
    log = await until_logged(server, "request_id=one-line")
    (line,) = [line for line in log.splitlines() if "request_id=one-line" in line]
    for part in ("operation ", "name=Looked", "outcome=OK", "type=query", "actor=bot:"):
        assert part in line
    assert "999999" not in line
    assert bot.name not in line


async def test_what_is_followed_is_counted_while_it_is(server: Server, admin: Api) -> None:
    document = "subscription Counted { ticketEvents { __typename } }"
    before = value(await measured(server), "tickets_connections")
    async with connected(server, admin.credential) as socket:
        await socket.subscribe(document)
        await socket.until_served()
        await until(server, "tickets_subscriptions", 1, name="Counted")
        assert value(await measured(server), "tickets_connections") == before + 1
    await until(server, "tickets_subscriptions", 0, name="Counted")
    await until(server, "tickets_connections", before)
    labels = {"type": "subscription", "name": "Counted", "outcome": "OK"}
    await until(server, "tickets_operations_total", 1, **labels)


async def test_the_feed_and_the_database_are_measured(
    server: Server, make: Factory, admin: Api
) -> None:
    before = value(await measured(server), "tickets_feed_delay_seconds_count")
    async with connected(server, admin.credential) as socket:
        events = await socket.follow()
        ticket = await make.ticket()
        while (await events.event())["ticketId"] != ticket["ticketId"]:
            pass
    after = await measured(server)
    assert value(after, "tickets_feed_delay_seconds_count") > before
    assert value(after, "tickets_database_connections", state="open") >= 1
    # What follows the changes soon asks for more.
    await until(server, "tickets_database_calls", 1)


async def test_with_a_token_nobody_else_reads_them(servers: Servers) -> None:
    server = await servers.start(TICKETS_METRICS_TOKEN="scrape-me")

    async def status(**headers: str) -> int:
        return (await server.http.get("/metrics", headers=headers)).status_code

    assert await status() == 401
    assert await status(Authorization="Bearer scrape-him") == 401
    assert await status(Authorization="Bearer scrape-me") == 200


async def test_whichever_worker_is_asked_tells_of_all_that_live(servers: Servers) -> None:
    server = await servers.start(TICKETS_WORKERS="2")
    admin = await server.sign_in()
    for _ in range(10):
        await server.api(admin.credential).query("query Spread { viewer { name } }")
    labels = {"type": "query", "name": "Spread", "outcome": "OK"}
    await until(server, "tickets_operations_total", 10, **labels)
    async with connected(server, admin.credential) as socket:
        await socket.follow()
        await until(server, "tickets_connections", 1)
        for worker in server.workers:
            os.kill(worker, signal.SIGKILL)
    # Those that take their places.
    await server.until_ready()
    await until(server, "tickets_connections", 0)


def test_clients_cannot_make_up_names_without_end() -> None:
    metrics = Metrics()
    for number in range(MAX_NAMES + 5):
        metrics.executed("query", f"Q{number}", "OK", 0.001)
    samples = parsed(metrics.text().decode())
    counted: Data = {
        dict(labels)["name"]: count
        for (name, labels), count in samples.items()
        if name == "tickets_operations_total"
    }
    assert len(counted) == MAX_NAMES + 1
    assert counted[OTHER] == 5
