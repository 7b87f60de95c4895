"""What is stored is changed once, whoever starts and however often."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest

from persistence import leases
from persistence.database import Database, connected
from persistence.migrations import Migration, Migrations, NewerDatabase
from tests.commands import run
from tests.servers import new_database_name, settings


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
