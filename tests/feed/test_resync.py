"""What a follower is told when it cannot be told everything."""

from pathlib import Path

import pytest

from graph.app import build_services
from graph.settings import Settings
from persistence.database import Database, connected
from tests.factories import Factory
from tests.feed import socket
from tests.persistence.test_channel import fill, short_of_memory
from tests.servers import SECRET_KEY, Servers, new_database_name


async def cursor_of_now(database: Database) -> str:
    services = build_services(database, Settings.model_construct(), secret_key=SECRET_KEY)
    await services.channel.start()
    try:
        return services.feed.cursor(services.channel.position)
    finally:
        await services.channel.stop()


async def test_where_the_log_does_not_reach_back_one_resync_comes_and_then_live_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = new_database_name()
    async with short_of_memory(tmp_path, monkeypatch) as uri, connected(uri, name) as database:
        await database.native.create_collection("ticket_events")
        forgotten = await cursor_of_now(database)
        await fill(database)
        servers = Servers(tmp_path, uri)
        try:
            server = await servers.start(database_name=name)
            admin = await server.sign_in()
            async with socket.connected(server, admin.credential) as follower:
                events = await follower.follow(after=forgotten)
                resync = await events.event()
                assert resync["__typename"] == "FeedResyncRequired"
                assert "does not reach back" in resync["why"]
                ticket = await Factory(server, admin).ticket()
                assert (await events.event())["ticketId"] == ticket["ticketId"]

                resumed = await follower.follow(after=resync["cursor"])
                assert (await resumed.event())["ticketId"] == ticket["ticketId"]
        finally:
            await servers.stop()
