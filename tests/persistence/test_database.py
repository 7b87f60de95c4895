"""Transactions, indexes, and how long a database that is away is waited for."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator

import pytest
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from persistence import models
from persistence.database import TRIES_AGAIN, Database, Transaction, connected
from persistence.errors import STORAGE_ERRORS, is_unavailable
from persistence.models import MODELS
from persistence.odm import Model
from tests.examples import NOW
from tests.servers import free_port, new_database_name

# Of `unreachable`: enough for the embedded server under load, and far less than a test may take.
PATIENCE_SECONDS = 0.5


@pytest.fixture(params=["refuses connections", "never answers"])
async def unreachable(request: pytest.FixtureRequest) -> AsyncGenerator[Database]:
    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    port = free_port()
    silent = await asyncio.start_server(stay_silent, "127.0.0.1", port)
    if request.param == "refuses connections":
        silent.close()
    database = Database(
        f"mongodb://127.0.0.1:{port}/?directConnection=true",
        "tickets",
        timeout_seconds=PATIENCE_SECONDS,
    )
    yield database
    await database.close()
    silent.close()


# ---- transactions --------------------------------------------------------------------------


async def test_twenty_who_add_to_one_document_at_once_all_count(database: Database) -> None:
    totals = database.named_collection("totals")
    await totals.insert_one({"_id": "all", "value": 0})

    async def add_one(session: Transaction) -> None:
        # Read and written apart, so that two who do not notice each other count as one.
        found = await totals.find_one({"_id": "all"}, session=session)
        assert found is not None
        await totals.update_one(
            {"_id": "all"}, {"$set": {"value": found["value"] + 1}}, session=session
        )

    await asyncio.gather(*(database.transaction(add_one) for _ in range(20)))
    assert await totals.find_one({"_id": "all"}) == {"_id": "all", "value": 20}


async def test_contention_is_tried_again_even_where_one_try_took_all_the_time(
    mongodb_uri: str,
) -> None:
    tries = 0

    async def collide(session: Transaction) -> None:
        nonlocal tries
        tries += 1
        await totals.update_one({"_id": "all"}, {"$inc": {"value": 1}}, session=session)
        if tries == 1:
            # As on a machine that was halted.
            await asyncio.sleep(1.5 * PATIENCE_SECONDS)
        if tries <= TRIES_AGAIN:
            raise PyMongoError("conflict", error_labels=["TransientTransactionError"])

    async with connected(
        mongodb_uri, new_database_name(), patience_seconds=PATIENCE_SECONDS
    ) as database:
        totals = database.named_collection("totals")
        await totals.insert_one({"_id": "all", "value": 0})
        await database.transaction(collide)
        assert await totals.find_one({"_id": "all"}) == {"_id": "all", "value": 1}


async def test_what_raises_leaves_nothing_and_is_not_tried_again(database: Database) -> None:
    one, other = database.named_collection("one"), database.named_collection("other")
    tries = 0

    async def fail(session: Transaction) -> None:
        nonlocal tries
        tries += 1
        await one.insert_one({"_id": tries}, session=session)
        await other.insert_one({"_id": tries}, session=session)
        raise LookupError("between two writes")

    with pytest.raises(LookupError):
        await database.transaction(fail)
    assert tries == 1
    assert await one.count_documents({}) == await other.count_documents({}) == 0


async def test_what_is_cancelled_leaves_nothing(database: Database) -> None:
    written = database.named_collection("cancelled")
    wrote = asyncio.Event()

    async def write_and_wait(session: Transaction) -> None:
        await written.insert_one({"_id": 1}, session=session)
        wrote.set()
        await asyncio.Event().wait()

    writing = asyncio.create_task(database.transaction(write_and_wait))
    await wrote.wait()
    writing.cancel()
    await asyncio.wait([writing])
    assert await written.count_documents({}) == 0
    # Nor does it stand in the way of the next one.
    await database.transaction(lambda session: written.insert_one({"_id": 1}, session=session))


@pytest.mark.parametrize("sent", ["at once", "with the commit"])
async def test_what_is_cancelled_between_two_statements_of_a_row_leaves_nothing(
    database: Database, sent: str
) -> None:
    words = database.named_collection(f"words sent {sent}")
    await words.insert_one({"_id": "ours"})
    loop = asyncio.get_running_loop()
    first_is_written, go_on = asyncio.Event(), threading.Event()

    def write(session: ClientSession) -> None:
        words.delegate.update_one({"_id": "ours"}, {"$set": {"by": "one"}}, session=session)
        loop.call_soon_threadsafe(first_is_written.set)
        go_on.wait(10)
        words.delegate.insert_one({"_id": "second"}, session=session)

    async def work(session: Transaction) -> None:
        if sent == "with the commit":
            session.run_last(write)
        else:
            await session.run(write)

    one = asyncio.create_task(database.transaction(work))
    try:
        await first_is_written.wait()
        one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one
    finally:
        go_on.set()
    # As soon as the driver can be told, though the server would end it only ten seconds later.
    async with asyncio.timeout(5):
        await database.transaction(
            lambda session: words.update_one(
                {"_id": "ours"}, {"$set": {"by": "another"}}, session=session
            )
        )
    assert await words.find({}).to_list(None) == [{"_id": "ours", "by": "another"}]


async def test_nobody_sees_half_of_a_transaction(database: Database) -> None:
    halves = database.named_collection("halves")
    await halves.insert_many([{"_id": side, "value": 0} for side in ("left", "right")])
    done = asyncio.Event()

    async def raise_both(session: Transaction) -> None:
        for side in ("left", "right"):
            await halves.update_one({"_id": side}, {"$inc": {"value": 1}}, session=session)

    async def watch() -> None:
        while not done.is_set():
            values = [each["value"] async for each in halves.find({})]
            assert values[0] == values[1]

    watching = asyncio.create_task(watch())
    for _ in range(10):
        await database.transaction(raise_both)
    done.set()
    await watching


# ---- a database that is away ---------------------------------------------------------------


async def test_one_that_is_away_is_not_waited_for_long(unreachable: Database) -> None:
    async def read(session: Transaction) -> None:
        await unreachable.named_collection("any").find_one({}, session=session)

    for work in (unreachable.ping, lambda: unreachable.transaction(read), unreachable.prepare):
        began = time.monotonic()
        with pytest.raises(STORAGE_ERRORS) as failure:
            await work()
        assert is_unavailable(failure.value)
        # The driver tries once more, and a transaction is then to be given up.
        assert time.monotonic() - began < 20 * PATIENCE_SECONDS


# ---- the rest ------------------------------------------------------------------------------


async def test_instants_come_back_aware(database: Database) -> None:
    instants = database.named_collection("instants")
    await instants.insert_one({"_id": 1, "at": NOW})
    assert await instants.find_one({}) == {"_id": 1, "at": NOW}


def test_every_model_has_its_indexes_made() -> None:
    declared = {
        each
        for each in vars(models).values()
        if isinstance(each, type) and issubclass(each, Model) and each is not Model
    }
    assert declared == set(MODELS)


async def test_several_processes_may_prepare_one_database_at_once(mongodb_uri: str) -> None:
    name = new_database_name()
    async with connected(mongodb_uri, name) as one, connected(mongodb_uri, name) as other:
        await asyncio.gather(one.prepare(), other.prepare(), one.prepare())
        assert await one.missing_indexes() == []


async def test_a_missing_index_is_named_and_made_again(mongodb_uri: str) -> None:
    async with connected(mongodb_uri, new_database_name()) as database:
        assert len(await database.missing_indexes()) == sum(
            len(list(model.__indexes__())) for model in MODELS
        )
        await database.prepare()
        await database.named_collection("tickets").drop_index("ticket_id_1")
        assert await database.missing_indexes() == ["tickets: ticket_id"]
        await database.prepare()
        assert await database.missing_indexes() == []
