"""The configuration in a real database: its first seeding, its cache, and who hears of changes."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

import pytest

from domain.access import SYSTEM
from domain.clock import utc_now
from domain.configuration import Configuration, ConfigurationSection, default_configuration
from domain.configuration.editor import ConfigurationChanged, ConfigurationEditor
from domain.configuration.stored import StoredConfiguration
from domain.errors import Forbidden, ValidationFailed
from persistence.configuration import ConfigurationStore, StoredSetting
from persistence.database import Database, Transaction, connected
from persistence.models import ConfigurationAction, ConfigurationChange, SystemSetting
from persistence.pages import Window
from persistence.tickets import TicketStore
from tests.servers import new_database_name

LIFETIME = timedelta(minutes=5)


@dataclass(slots=True)
class Process:
    """What one server process has of the configuration; `monotonic` is its clock of the cache."""

    database: Database
    store: ConfigurationStore
    source: StoredConfiguration
    editor: ConfigurationEditor
    monotonic: list[float]

    async def prefix(self) -> str:
        return (await self.source.current()).ticket_id_format.prefix

    async def set_prefix(self, prefix: str) -> Configuration:
        section = ConfigurationSection.TICKET_ID_FORMAT
        current = await self.source.current()
        value = {**current.ticket_id_format.to_stored(), "prefix": prefix}
        version = current.states[section].version
        return await self.editor.update(SYSTEM, section, value, expected_version=version)


def process(database: Database) -> Process:
    store, monotonic = ConfigurationStore(database), [0.0]
    source = StoredConfiguration(store, lifetime=LIFETIME, monotonic=lambda: monotonic[0])
    editor = ConfigurationEditor(
        database=database,
        store=store,
        source=source,
        tickets=TicketStore(database),
        clock=utc_now,
    )
    return Process(database, store, source, editor, monotonic)


@pytest.fixture
async def processes(mongodb_uri: str) -> AsyncGenerator[list[Process]]:
    """Four on one empty database, each with a connection of its own and no channel."""
    name = new_database_name()
    async with AsyncExitStack() as stack:
        databases = [
            await stack.enter_async_context(connected(mongodb_uri, name)) for _ in range(4)
        ]
        await databases[0].prepare()
        yield [process(each) for each in databases]


# ---- the first start -----------------------------------------------------------------------


async def test_of_several_that_start_at_once_one_seeds(processes: list[Process]) -> None:
    await asyncio.gather(
        *(
            each.editor.seed({"TICKET_PREFIX": f"P{number}", "TICKET_NOUN": f"caso {number}"})
            for number, each in enumerate(processes)
        )
    )

    first = await processes[0].source.current()
    history = await processes[0].editor.history_page(SYSTEM, None, Window(100))
    assert first.ticket_id_format.prefix[1:] == first.terminology.ticket_singular[-1]
    assert [await each.source.current() for each in processes] == [first] * 4
    assert sorted((each.key, each.version) for each in history.items) == sorted(
        (section.value, 1) for section in ConfigurationSection
    )
    assert {each.action for each in history.items} == {ConfigurationAction.SEEDED}
    assert {state.version for state in first.states.values()} == {1}


async def test_later_starts_change_nothing(processes: list[Process]) -> None:
    first, second, *_ = processes
    await first.editor.seed({"COMPANY_NAME": "Uno"})
    await first.set_prefix("UNO")
    before = await first.source.current()

    await second.editor.seed({"COMPANY_NAME": "Dos", "TICKET_PREFIX": "not looked at"})

    assert await second.source.current() == before
    assert before.assistant.company_name == "Uno"
    assert before.ticket_id_format.prefix == "UNO"


async def test_an_unfit_override_stops_the_first_start(processes: list[Process]) -> None:
    with pytest.raises(ValidationFailed, match="TICKET_PREFIX: must be 1 to 12"):
        await processes[0].editor.seed({"TICKET_PREFIX": "not a prefix"})

    assert not await processes[0].store.settings()


async def test_a_setting_is_stored_with_what_people_need_to_know(processes: list[Process]) -> None:
    await processes[0].editor.seed({})

    documents = await processes[0].database.collection(SystemSetting).find({}).to_list(None)
    categories = {document["key"]: document["category"] for document in documents}
    assert categories == {
        "ticket_categories": "tickets",
        "assistant_configuration": "assistant",
        "ticket_terminology": "tickets",
        "ticket_id_format": "tickets",
        "assistant_instructions_template": "assistant",
        "sla_targets": "general",
        "configuration_presets": "presets",
    }
    assert all(document["description"] and document["is_editable"] for document in documents)


# ---- the cache -----------------------------------------------------------------------------


async def test_whoever_changes_sees_the_change_at_once(processes: list[Process]) -> None:
    first = processes[0]
    await first.editor.seed({})
    assert await first.prefix() == "LUX"

    changed = await first.set_prefix("ACME")

    assert changed.ticket_id_format.prefix == "ACME"
    assert await first.source.current() is changed


async def test_without_word_of_a_change_it_is_seen_when_the_copy_expires(
    processes: list[Process],
) -> None:
    first, second, *_ = processes
    await first.editor.seed({})
    assert await second.prefix() == "LUX"
    await first.set_prefix("ACME")

    second.monotonic[0] = LIFETIME.total_seconds() - 1
    before = await second.prefix()
    second.monotonic[0] = LIFETIME.total_seconds()

    assert (before, await second.prefix()) == ("LUX", "ACME")


async def test_with_word_of_a_change_it_is_seen_at_once(processes: list[Process]) -> None:
    first, second, *_ = processes
    await first.editor.seed({})
    assert await second.prefix() == "LUX"
    await first.set_prefix("ACME")

    second.source.forget()

    assert await second.prefix() == "ACME"


async def test_a_read_that_began_before_the_word_is_not_kept(
    processes: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, *_ = processes
    await first.editor.seed({})
    read = second.store.settings
    has_read, may_return = asyncio.Event(), asyncio.Event()

    async def read_and_wait() -> Mapping[str, StoredSetting]:
        found = await read()
        has_read.set()
        await may_return.wait()
        return found

    monkeypatch.setattr(second.store, "settings", read_and_wait)
    early = asyncio.create_task(second.source.current())
    await has_read.wait()
    await first.set_prefix("ACME")
    second.source.forget()
    late = asyncio.create_task(second.source.current())
    may_return.set()

    assert (await early).ticket_id_format.prefix == "LUX"
    assert (await late).ticket_id_format.prefix == "ACME"
    assert await second.prefix() == "ACME"


async def test_who_asks_together_shares_one_read(processes: list[Process]) -> None:
    first = processes[0]
    await first.editor.seed({})

    answers = await asyncio.gather(*(first.source.current() for _ in range(50)))

    assert all(each is answers[0] for each in answers)


async def test_who_stops_waiting_stops_nobody_else(processes: list[Process]) -> None:
    first = processes[0]
    await first.editor.seed({})
    waiting = [asyncio.create_task(first.source.current()) for _ in range(2)]
    await asyncio.sleep(0)

    waiting[0].cancel()

    assert (await waiting[1]).ticket_id_format.prefix == "LUX"


# ---- damage --------------------------------------------------------------------------------


async def test_damage_is_logged_once_and_so_is_its_repair(
    processes: list[Process], caplog: pytest.LogCaptureFixture
) -> None:
    first = processes[0]
    await first.editor.seed({})
    settings = first.database.collection(SystemSetting)
    await settings.update_one({"key": "ticket_id_format"}, {"$set": {"value": "LUX"}})

    with caplog.at_level(logging.INFO, "domain.configuration"):
        problems = await first.source.problems()
        first.source.forget()
        assert await first.source.problems() == problems
        await first.editor.reset(SYSTEM, ConfigurationSection.TICKET_ID_FORMAT)

    assert problems == ["ticket_id_format runs on its default: value: must be an object"]
    assert [record.message for record in caplog.records] == [
        f"the configuration is damaged: {problems[0]}",
        "the configuration is whole again",
    ]
    assert await first.source.problems() == []


async def test_without_anything_stored_the_defaults_serve(processes: list[Process]) -> None:
    first = processes[0]

    current = await first.source.current()

    assert current.model_copy(update={"states": {}}) == default_configuration()
    assert len(await first.source.problems()) == len(ConfigurationSection)


async def test_a_section_that_was_deleted_goes_on_from_its_last_version(
    processes: list[Process],
) -> None:
    first = processes[0]
    await first.editor.seed({})
    await first.set_prefix("ACME")
    await first.database.collection(SystemSetting).delete_one({"key": "ticket_id_format"})
    first.source.forget()
    assert await first.prefix() == "LUX"

    repaired = await first.set_prefix("NEW")

    assert repaired.states[ConfigurationSection.TICKET_ID_FORMAT].version == 3
    assert await first.source.problems() == []


# ---- listeners -----------------------------------------------------------------------------


async def test_a_listener_takes_part_in_the_change(processes: list[Process]) -> None:
    first = processes[0]
    await first.editor.seed({})
    heard: list[ConfigurationChanged] = []
    notes = first.database.named_collection("heard")
    await notes.insert_one({"_id": "earlier"})

    async def listen(change: ConfigurationChanged, session: Transaction) -> None:
        heard.append(change)
        await notes.insert_one({"_id": "later"}, session=session)

    first.editor.on_change(listen)
    await first.set_prefix("ACME")

    (change,) = heard
    assert change.sections == {ConfigurationSection.TICKET_ID_FORMAT}
    assert change.before.ticket_id_format.prefix == "LUX"
    assert change.after.ticket_id_format.prefix == "ACME"
    assert change.after.states[ConfigurationSection.TICKET_ID_FORMAT].version == 2
    assert await notes.count_documents({}) == 2


async def test_what_a_listener_refuses_does_not_happen(processes: list[Process]) -> None:
    first = processes[0]
    await first.editor.seed({})

    async def refuse(_change: ConfigurationChanged, _session: Transaction) -> None:
        raise Forbidden("no")

    first.editor.on_change(refuse)
    with pytest.raises(Forbidden):
        await first.editor.apply_preset(SYSTEM, "restaurant")

    assert await first.prefix() == "LUX"
    assert (
        await first.database.collection(ConfigurationChange).count_documents(
            {"version": {"$gt": 1}}
        )
        == 0
    )


async def test_what_changes_nothing_is_not_recorded(processes: list[Process]) -> None:
    first = processes[0]
    await first.editor.seed({})
    before = await first.source.current()

    await first.editor.reset(SYSTEM, None)

    assert await first.source.current() == before
    assert await first.editor.count_history(SYSTEM, None) == len(ConfigurationSection)
