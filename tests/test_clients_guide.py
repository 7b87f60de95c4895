"""docs/clients.md: every operation in it runs, in order, each with what those before it gave."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.client import Data
from tests.factories import Factory
from tests.feed.socket import connected
from tests.servers import ADMIN_EMAIL, ADMIN_PASSWORD, Servers

GUIDE = Path(__file__).parents[1] / "docs" / "clients.md"
_BLOCK = re.compile(
    r"^```graphql\n(?P<document>.*?)^```$(?:\n\n^```json variables\n(?P<variables>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)


def steps() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The name of each operation, the operation, and its variables where the guide has them."""
    for found in _BLOCK.finditer(GUIDE.read_text("utf-8")):
        name = re.search(r"\w+ (\w+)", found["document"])
        assert name is not None, "every operation has a name"
        yield name[1], found["document"], json.loads(found["variables"] or "{}")


async def test_every_operation_of_the_guide_runs(servers: Servers) -> None:
    server = await servers.start()
    operations = {name: (document, variables) for name, document, variables in steps()}
    follow, filtered = operations.pop("Follow")
    talk, _ = operations.pop("Talk")
    rename, wanted = operations["Rename"]
    _, refresh = operations["Refresh"]
    operations["SignIn"][1]["input"] = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    api = await server.sign_in()
    conversation = await Factory(server, api).conversation()
    done: dict[str, Data] = {}

    async with connected(server, api.credential) as socket:
        feed = await socket.subscribe(follow, **filtered)
        await socket.until_served()
        # What opens a ticket comes before what reads it.
        for name in sorted(operations, key=lambda name: name == "Ticket"):
            document, variables = operations[name]
            if name == "Ticket" or variables.get("input", {}).get("ticketId"):
                place = variables if name == "Ticket" else variables["input"]
                place["ticketId"] = done["Open"]["ticket"]["ticketId"]
            result = next(iter((await api.query(document, variables)).values()))
            assert "code" not in result, result
            done[name] = result
            if name == "SignIn":
                refresh["input"] = {"refreshToken": result["refreshToken"]}
            if name == "Refresh":
                api = server.api(result["accessToken"])
        entered = await feed.event()
        talking = await socket.subscribe(talk, conversationId=conversation["id"])
        told = (await talking.data())["conversationChanged"]

    assert told["id"] == conversation["id"]
    assert entered["listChange"] == "ENTERED"
    assert entered["ticketId"] == done["Open"]["ticket"]["ticketId"]
    assert done["Begin"]["ticket"]["status"] == done["Ticket"]["status"] == "OPEN"
    conflict = (await api.query(rename, wanted))["updateTicket"]
    assert conflict["changedFields"] == ["subject", "status"]
    assert conflict["current"]["version"] == conflict["currentVersion"] == 3
