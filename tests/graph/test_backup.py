"""What is backed up comes back as it was, or not at all."""

import json
import stat
import zipfile
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
from bson import ObjectId
from pymongo import MongoClient

from persistence.backup import (
    DamagedBackup,
    DatabaseNotEmpty,
    RestoredOtherwise,
    restore_backup,
    verify_backup,
    write_backup,
)
from persistence.database import Database, connected
from persistence.migrations import Migrations, NewerDatabase, UnfinishedRestore
from tests.client import Api, Data
from tests.commands import run, succeed
from tests.factories import Factory
from tests.feed import socket
from tests.ledger import Ledger
from tests.servers import new_database_name, running_server, settings

EVERYTHING = """{
  tickets(first: 100) { totalCount nodes { ticketId subject status version tags updatedAt
    customer { phone } notes { nodes { content } } attachments { url }
    history(first: 100) { nodes { id version } } } }
  customers(first: 100) { nodes { id name phone } }
  agents(first: 100) { nodes { id name email role } }
  apiKeys(first: 100) { nodes { id prefix } }
  configuration { ticketIdFormat { example version } }
}"""


def quiet(*_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Office:
    """A server with something in its database, and the backup that was made meanwhile."""

    file: Path
    output: str
    ledger: Ledger
    answers: Data
    cursor: str
    bot_secret: str
    admin: Api
    name: str


async def documents(database: Database, *, left_out: tuple[str, ...] = ()) -> dict[str, Any]:
    names = set(await database.native.list_collection_names()) - set(left_out)
    found = {
        name: await database.named_collection(name).find({}).sort([("_id", 1)]).to_list(None)
        for name in names
    }
    return {name: kept for name, kept in found.items() if kept}


@pytest.fixture(scope="module")
async def office(
    mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Office]:
    directory = tmp_path_factory.mktemp("office")
    name = new_database_name()
    environment = settings(mongodb_uri=mongodb_uri, database_name=name)
    async with (
        running_server(environment, directory / "server.log") as server,
        connected(mongodb_uri, name) as database,
    ):
        admin = await server.sign_in()
        make = Factory(server, admin)
        bot = await make.bot()
        customer = await make.customer(name="Ánima Ñandú")
        async with socket.connected(server, admin.credential) as follower:
            events = await follower.follow()
            ticket = await make.ticket(customerId=customer["id"], tags=["b", "a"])
            cursor = (await events.event())["cursor"]
        await admin.succeed("addTicketNote", ticketId=ticket["ticketId"], content="¡Ya!")
        await make.resolved_ticket()
        await admin.attached(ticket["ticketId"], "lamp.txt", b"dark " * 100_000)
        file = directory / "office.backup"
        output = await succeed("backup", str(file), environment=environment)
        yield Office(
            file,
            output,
            await Ledger.read(database),
            await admin.query(EVERYTHING),
            cursor,
            bot.secret,
            admin,
            name,
        )


@pytest.fixture
async def empty(mongodb_uri: str) -> AsyncGenerator[Database]:
    async with connected(mongodb_uri, new_database_name()) as database:
        yield database


async def restore(database: Database, file: Path, *, replace: bool = False) -> None:
    manifest = verify_backup(file, quiet)
    await restore_backup(database, file, manifest, replace=replace, progress=quiet)


async def test_a_restored_office_answers_as_before(office: Office, tmp_path: Path) -> None:
    """In a data directory of its own, by the commands that an operator has."""
    environment = settings(data_dir=tmp_path / "data")
    output = await succeed("restore", str(office.file), environment=environment)
    assert "are back" in output
    async with running_server(environment, tmp_path / "server.log") as server:
        refused = await server.api(office.admin.credential).errors("{ apiKeys { totalCount } }")
        assert refused[0]["extensions"]["code"] == "UNAUTHENTICATED", "sessions are left out"
        admin = await server.sign_in()
        assert await admin.query(EVERYTHING) == office.answers
        assert (await server.api(office.bot_secret).query("{ viewer { role } }"))["viewer"]

        (url,) = [
            attachment["url"]
            for ticket in office.answers["tickets"]["nodes"]
            for attachment in ticket["attachments"]
        ]
        assert (await server.http.get(url, headers=admin.headers)).content == b"dark " * 100_000

        async with socket.connected(server, admin.credential) as follower:
            events = await follower.follow(after=office.cursor)
            resync = await events.event()
            assert resync["__typename"] == "FeedResyncRequired"
            ticket = await Factory(server, admin).ticket()
            assert (await events.event())["ticketId"] == ticket["ticketId"]
            assert ticket["ticketId"] not in json.dumps(office.answers), "numbers go on"

        done = await run("restore", str(office.file), "--replace", environment=environment)
        assert done.status == 1
        assert "stop it first" in done.output


async def test_every_document_comes_back_as_it_was(
    office: Office, empty: Database, mongodb_uri: str
) -> None:
    await restore(empty, office.file)
    restored = await Ledger.read(empty)
    restored.check()
    assert (restored.tickets, restored.notes) == (office.ledger.tickets, office.ledger.notes)
    assert restored.histories == office.ledger.histories
    async with connected(mongodb_uri, office.name) as database:
        kept = await documents(database, left_out=("sessions", "leases", "rate_windows", "logs"))
    assert await documents(empty) == kept
    await empty.prepare()
    assert await empty.missing_indexes() == []
    chunks = empty.named_collection("attachment_contents.chunks")
    assert "files_id_1_n_1" in await chunks.index_information()


def test_the_file_is_for_its_owner_and_says_what_is_in_it(office: Office) -> None:
    assert stat.S_IMODE(office.file.stat().st_mode) == 0o600
    assert "keep it safe" in office.output
    with zipfile.ZipFile(office.file) as archive:
        names = archive.namelist()
    assert "tickets.bson" in names
    assert "sessions.bson" not in names
    assert not office.file.with_name("office.backup.part").exists()


async def test_a_backup_is_of_one_instant(
    empty: Database, mongodb_uri: str, tmp_path: Path
) -> None:
    """Whatever is written while it is made is in all of it or in none of it."""
    first, last = empty.named_collection("a"), empty.named_collection("z")
    await first.insert_many([{"_id": number} for number in range(3)])
    await last.insert_one({"_id": 0})

    def write(collection: str, *_: int) -> None:
        if collection == "a":
            with MongoClient[Data](mongodb_uri) as client:
                client[empty.name]["a"].insert_one({"_id": 100})
                client[empty.name]["z"].delete_one({"_id": 0})

    manifest = await write_backup(empty, tmp_path / "one.backup", write)
    assert [(part.collection, part.documents) for part in manifest.parts] == [("a", 3), ("z", 1)]
    assert await last.count_documents({}) == 0, "it was written meanwhile"


async def test_a_file_that_is_there_stays(tmp_path: Path, empty: Database) -> None:
    file = tmp_path / "precious"
    file.write_text("precious")
    with pytest.raises(FileExistsError):
        await write_backup(empty, file, quiet)
    assert file.read_text() == "precious"
    assert not file.with_name("precious.part").exists()


async def test_what_is_in_a_database_stays_unless_told(office: Office, empty: Database) -> None:
    await empty.named_collection("tickets").insert_one({"_id": 1})
    with pytest.raises(DatabaseNotEmpty, match="not empty"):
        await restore(empty, office.file)
    assert await documents(empty) == {"tickets": [{"_id": 1}]}
    await restore(empty, office.file, replace=True)
    assert (await Ledger.read(empty)).tickets == office.ledger.tickets


@pytest.mark.parametrize("kept", [0, 0.3, 0.99])
async def test_a_truncated_file_is_refused_before_anything_is_written(
    office: Office, empty: Database, tmp_path: Path, kept: float
) -> None:
    whole = office.file.read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(DamagedBackup):
        await restore(empty, cut, replace=True)
    assert await empty.native.list_collection_names() == []


def test_a_changed_byte_is_noticed_wherever_it_is(office: Office, tmp_path: Path) -> None:
    whole = office.file.read_bytes()
    with zipfile.ZipFile(office.file) as archive:
        data_end = archive.start_dir
    damaged = tmp_path / "damaged"
    for place in range(60, data_end - 60, max(data_end // 25, 1)):
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ 0x40]) + whole[place + 1 :])
        try:
            verify_backup(damaged, quiet)
        except DamagedBackup:
            continue
        # Between the entries are names and dates that nobody reads.
        with zipfile.ZipFile(damaged) as archive, zipfile.ZipFile(office.file) as original:
            assert {name: archive.read(name) for name in archive.namelist()} == {
                name: original.read(name) for name in original.namelist()
            }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2"),
        ({"parts": []}, "collections of its manifest"),
        ({"taken_at": None}, "not a backup"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    office: Office, tmp_path: Path, change: Data, message: str
) -> None:
    altered = tmp_path / "altered"
    with zipfile.ZipFile(office.file) as source, zipfile.ZipFile(altered, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "manifest.json":
                content = json.dumps(json.loads(content) | change).encode()
            target.writestr(name, content)
    with pytest.raises(DamagedBackup, match=message):
        verify_backup(altered, quiet)


async def test_a_restore_that_was_cut_short_keeps_servers_away(
    office: Office, empty: Database
) -> None:
    def fail(collection: str, *_: int) -> None:
        if collection == "notes":
            raise KeyboardInterrupt

    manifest = verify_backup(office.file, quiet)
    with pytest.raises(KeyboardInterrupt):
        await restore_backup(empty, office.file, manifest, replace=False, progress=fail)
    with pytest.raises(UnfinishedRestore, match="--replace"):
        await Migrations(empty).run()
    await restore(empty, office.file, replace=True)
    await Migrations(empty).run()


async def test_somebody_who_writes_meanwhile_is_noticed(
    office: Office, empty: Database, mongodb_uri: str
) -> None:
    def write(collection: str, *_: int) -> None:
        if collection == "agents":
            with MongoClient[Data](mongodb_uri) as client:
                client[empty.name]["agents"].insert_one({"_id": "somebody"})

    manifest = verify_backup(office.file, quiet)
    with pytest.raises(RestoredOtherwise, match="agents"):
        await restore_backup(empty, office.file, manifest, replace=False, progress=write)


async def test_a_backup_of_an_older_version_is_migrated_by_the_next_start(
    empty: Database, tmp_path: Path
) -> None:
    links = empty.named_collection("ticket_links")
    old = {"_id": 1, "ticket_key": ObjectId(), "other_key": ObjectId()}
    await links.insert_one(old)
    file = tmp_path / "older"
    await write_backup(empty, file, quiet)
    # And with what is there: a database that is migrated already.
    await Migrations(empty).run()
    await restore(empty, file, replace=True)
    assert await documents(empty) == {"ticket_links": [old]}
    await Migrations(empty).run()
    ends = [old["ticket_key"], old["other_key"]]
    assert await links.find_one({}) == {**old, "ends": ends}


async def test_a_backup_of_a_newer_version_is_refused_before_anything_is_removed(
    empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await empty.named_collection("migrations").insert_one({"_id": "2099"})
    file = tmp_path / "newer"
    with monkeypatch.context() as newer:
        newer.setattr(Migrations, "pending", AsyncMock())
        await write_backup(empty, file, quiet)
    await empty.named_collection("migrations").delete_many({})
    await empty.named_collection("tickets").insert_one({"_id": 1})
    with pytest.raises(NewerDatabase, match="2099"):
        await restore(empty, file, replace=True)
    assert await documents(empty) == {"tickets": [{"_id": 1}]}
