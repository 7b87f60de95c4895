"""What a process remembers of accounts, when another one changes them."""

from tests.factories import Factory
from tests.servers import Servers, until_shown


async def test_a_new_name_is_shown_by_every_process_soon(servers: Servers) -> None:
    one = await servers.start()
    other = await servers.start_beside(one)
    admin = await one.sign_in()
    elsewhere = other.api(admin.credential)
    make = Factory(one, admin)
    agent = await make.person("AGENT")
    ticket = await make.ticket()
    await admin.succeed("assignTicket", ticketId=ticket["ticketId"], assigneeId=agent.id)

    async def shown() -> str:
        answer = await elsewhere.query("{ tickets { nodes { assignee { name } } } }")
        return answer["tickets"]["nodes"][0]["assignee"]["name"]

    # Remembered there from now on.
    assert await shown() != "Another Name"
    await admin.succeed("updateAgent", id=agent.id, name="Another Name")
    await until_shown("Another Name", shown)
