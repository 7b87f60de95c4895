"""What is stored is changed once, whoever starts and however often."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId

from persistence import leases, migrations
from persistence.database import Database, connected
from persistence.documents import to_document
from persistence.migrations import Migration, Migrations, NewerDatabase
from persistence.models import ActorKind, ActorRef, TicketLink, TicketLinkKind
from persistence.tickets import TicketStore
from tests.client import Data
from tests.commands import run, succeed
from tests.examples import NOW
from tests.factories import Factory
from tests.servers import Servers, new_database_name, settings


@pytest.fixture
async def empty(mongodb_uri: str) -> AsyncGenerator[Database]:
    async with connected(mongodb_uri, new_database_name()) as database:
        yield database


def noting(name: str, *, takes: float = 0.0) -> Migration:
    """A migration that writes down each of its runs."""

    async def note(database: Database) -> None:
        await database.named_collection("runs").insert_one({"name": name})
        await asyncio.sleep(takes)

    return Migration(name, note)


async def runs(database: Database) -> list[str]:
    found = database.named_collection("runs").find({}).sort([("_id", 1)])
    return [document["name"] async for document in found]


async def test_each_is_made_once_in_order_and_recorded(empty: Database) -> None:
    steps = [noting("b"), noting("a")]
    assert [step.name for step in await Migrations(empty, steps).pending()] == ["b", "a"]
    await Migrations(empty, steps).run()
    await Migrations(empty, [*steps, noting("c")]).run()
    assert await runs(empty) == ["b", "a", "c"]
    recorded = await empty.named_collection("migrations").find({}).to_list(None)
    assert {each["_id"] for each in recorded} == {"a", "b", "c"}
    assert all(each["milliseconds"] >= 0 and each["applied_at"].tzinfo for each in recorded)


async def test_processes_that_start_at_once_make_each_once_and_all_wait_for_it(
    empty: Database,
) -> None:
    async def start() -> list[str]:
        await Migrations(empty, [noting("a", takes=0.3), noting("b")]).run()
        return await runs(empty)

    assert await asyncio.gather(*[start() for _ in range(4)]) == [["a", "b"]] * 4


async def test_one_that_failed_is_made_by_the_next_start(empty: Database) -> None:
    async def fail(_: Database) -> None:
        raise RuntimeError("half of it")

    with pytest.raises(RuntimeError):
        await Migrations(empty, [noting("a"), Migration("b", fail)]).run()
    await Migrations(empty, [noting("a"), noting("b")]).run()
    assert await runs(empty) == ["a", "b"]


async def test_what_a_process_that_died_held_is_taken_over(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "HELD", timedelta(seconds=0.2))
    held_until = datetime.now(UTC) + leases.HELD
    await empty.named_collection("leases").insert_one(
        {"_id": "migrations", "token": "of a process that died", "held_until": held_until}
    )
    await Migrations(empty, [noting("a")]).run()
    assert await runs(empty) == ["a"]


async def test_a_lease_is_kept_for_as_long_as_the_work_lasts(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "HELD", timedelta(seconds=0.3))
    async with leases.Leases(empty).held("work") as is_ours:
        assert is_ours
        await asyncio.sleep(0.6)
        async with leases.Leases(empty).held("work") as is_theirs:
            assert not is_theirs
    async with leases.Leases(empty).held("work") as is_theirs:
        assert is_theirs


async def test_a_newer_database_is_left_alone(empty: Database) -> None:
    await Migrations(empty, [noting("a"), noting("z")]).run()
    with pytest.raises(NewerDatabase, match=r"newer version .*\(z\)"):
        await Migrations(empty, [noting("a"), noting("b")]).run()
    assert await runs(empty) == ["a", "z"]


async def test_the_server_refuses_a_newer_database_and_check_says_so(mongodb_uri: str) -> None:
    name = new_database_name()
    environment = settings(mongodb_uri=mongodb_uri, database_name=name)
    async with connected(mongodb_uri, name) as database:
        await Migrations(database, [noting("2099-from-afar")]).run()
        for command in ("serve", "check"):
            done = await run(command, environment=environment)
            assert done.status == 1, done.output
            assert "newer version of tickets" in done.output
            assert "2099-from-afar" in done.output
        assert "tickets" not in await database.native.list_collection_names()


# ---- each of them --------------------------------------------------------------------------


def link_of(one: ObjectId, other: ObjectId) -> TicketLink:
    return TicketLink(
        ticket_key=one,
        other_key=other,
        ends=[one, other],
        kind=TicketLinkKind.RELATED,
        created_by=ActorRef(kind=ActorKind.SYSTEM, name="system"),
        created_at=NOW,
    )


def without_ends(link: TicketLink) -> Data:
    """As it was stored before links had both."""
    document = to_document(link)
    del document["ends"]
    return document


async def test_older_links_get_both_their_ends(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "STATEMENT_DOCUMENTS", 2)
    tickets = [ObjectId() for _ in range(6)]
    made = [link_of(tickets[0], other) for other in tickets[1:]]
    links = empty.collection(TicketLink)
    # One is done already, as after a migration that was cut off.
    await links.insert_many([to_document(made[0]), *map(without_ends, made[1:])])
    await links.create_index([("other_key", 1)])
    for _ in range(2):
        await Migrations(empty).run()
        stored = await links.find({}).sort([("_id", 1)]).to_list(None)
        assert stored == [to_document(link) for link in made]
        assert set(await links.index_information()) == {"_id_"}
        # Cut off after its work, and before that was recorded.
        await empty.named_collection("migrations").delete_many({})


async def test_links_made_by_a_server_of_the_version_before_are_found(database: Database) -> None:
    """It may still run after the migration."""
    one, other, third = (ObjectId() for _ in range(3))
    old, new = link_of(one, other), link_of(third, one)
    await database.collection(TicketLink).insert_many([without_ends(old), to_document(new)])
    store = TicketStore(database)
    for keys, expected in (
        ([one], [old, new]),
        ([other], [old]),
        ([third, one, third], [old, new]),
        ([third], [new]),
        ([ObjectId()], []),
    ):
        assert [link.id for link in await store.links_of(keys)] == [each.id for each in expected]


async def test_both_ends_list_an_older_link_once_a_server_has_started(servers: Servers) -> None:
    old = await servers.start()
    name, uri = (old.environment[f"TICKETS_{each}"] for each in ("DATABASE_NAME", "MONGODB_URI"))
    admin = await old.sign_in()
    make = Factory(old, admin)
    near, far = [(await make.ticket())["ticketId"] for _ in range(2)]
    await admin.succeed("linkTickets", ticketId=near, otherTicketId=far, kind="DUPLICATE_OF")
    await old.stop()
    async with connected(uri, name) as database:
        links = database.collection(TicketLink)
        await links.update_many({}, {"$unset": {"ends": ""}})
        await links.drop_index("ends_1")
        await database.named_collection("migrations").delete_many({})
        said = (await run("check", environment=old.environment)).output
        assert "migrations are pending" in said
        assert "ticket_links: ends" in said
        new = await servers.start(database_name=name)
        assert "every migration has been made" in await succeed(
            "check", environment=new.environment
        )
        (link,) = await links.find({}).to_list(None)
        assert link["ends"] == [link["ticket_key"], link["other_key"]]
    admin = await new.sign_in()
    for ticket_id, is_outgoing, other in ((near, True, far), (far, False, near)):
        (shown,) = (await admin.read(ticket_id))["links"]
        assert (shown["isOutgoing"], shown["ticket"]["ticketId"]) == (is_outgoing, other)
