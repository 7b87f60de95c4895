from collections.abc import Awaitable, Callable

import pytest

from tests.client import Api
from tests.factories import Factory
from tests.feed.socket import connected
from tests.servers import Server

Settle = Callable[[], Awaitable[None]]


@pytest.fixture
def settle(server: Server, admin: Api, make: Factory) -> Settle:
    """Waits until the server has heard of everything so far: "from now on" is then from here."""

    async def wait() -> None:
        async with connected(server, admin.credential) as socket:
            events = await socket.follow()
            ticket = await make.ticket()
            while (await events.event())["ticketId"] != ticket["ticketId"]:
                pass

    return wait
