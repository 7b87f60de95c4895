"""What a process remembers of customers, when it or another one changes them."""

from tests.client import Api
from tests.factories import Factory
from tests.servers import Servers, until_shown

SHOWN = "{ tickets { nodes { customer { name phone erasedAt } } } }"


async def shown_to(api: Api, field: str) -> object:
    return (await api.query(SHOWN))["tickets"]["nodes"][0]["customer"][field]


async def test_who_changes_a_customer_sees_that_at_once(servers: Servers) -> None:
    own = await servers.start()
    admin = await own.sign_in()
    make = Factory(own, admin)
    customer = await make.customer()
    await make.ticket(customerPhone=customer["phone"])
    for name in ("Ana", "Berta", "Carla"):
        await admin.succeed("upsertCustomer", phone=customer["phone"], name=name)
        assert await shown_to(admin, "name") == name
    await admin.succeed("eraseCustomer", customerId=customer["id"])
    assert await shown_to(admin, "name") is None
    assert await shown_to(admin, "phone") is None
    assert await shown_to(admin, "erasedAt") is not None


async def test_every_process_shows_it_soon(servers: Servers) -> None:
    one = await servers.start()
    other = await servers.start_beside(one)
    admin = await one.sign_in()
    elsewhere = other.api(admin.credential)
    make = Factory(one, admin)
    customer = await make.customer()
    await make.ticket(customerPhone=customer["phone"])

    # Remembered there from now on.
    assert await shown_to(elsewhere, "name") != "Another Name"
    await admin.succeed("upsertCustomer", phone=customer["phone"], name="Another Name")
    await until_shown("Another Name", lambda: shown_to(elsewhere, "name"))
    await admin.succeed("eraseCustomer", customerId=customer["id"])
    await until_shown(None, lambda: shown_to(elsewhere, "name"))
