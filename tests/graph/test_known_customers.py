"""What a process remembers of customers, when it or another one changes them."""

import asyncio

from tests.client import Api, Data
from tests.factories import Factory
from tests.servers import Servers

SHOWN = "{ tickets { nodes { customer { name phone erasedAt } } } }"


async def shown_to(api: Api) -> Data:
    return (await api.query(SHOWN))["tickets"]["nodes"][0]["customer"]


async def test_who_changes_a_customer_sees_that_at_once(servers: Servers) -> None:
    own = await servers.start()
    admin = await own.sign_in()
    make = Factory(own, admin)
    customer = await make.customer()
    await make.ticket(customerPhone=customer["phone"])
    for name in ("Ana", "Berta", "Carla"):
        await admin.succeed("upsertCustomer", phone=customer["phone"], name=name)
        assert (await shown_to(admin))["name"] == name
    await admin.succeed("eraseCustomer", customerId=customer["id"])
    shown = await shown_to(admin)
    assert (shown["name"], shown["phone"]) == (None, None)
    assert shown["erasedAt"] is not None


async def test_every_process_shows_it_soon(servers: Servers) -> None:
    one = await servers.start()
    other = await servers.start(database_name=one.environment["TICKETS_DATABASE_NAME"])
    admin = await one.sign_in()
    elsewhere = other.api(admin.credential)
    make = Factory(one, admin)
    customer = await make.customer()
    await make.ticket(customerPhone=customer["phone"])

    # Remembered there from now on.
    assert (await shown_to(elsewhere))["name"] != "Another Name"
    await admin.succeed("upsertCustomer", phone=customer["phone"], name="Another Name")
    async with asyncio.timeout(30):
        while (await shown_to(elsewhere))["name"] != "Another Name":  # noqa: ASYNC110 -- another process hears of it
            await asyncio.sleep(0.01)
    await admin.succeed("eraseCustomer", customerId=customer["id"])
    async with asyncio.timeout(30):
        while (await shown_to(elsewhere))["name"] is not None:  # noqa: ASYNC110 -- as above
            await asyncio.sleep(0.01)
