"""Changes of what is stored: each is made once to a database, and recorded in it.

Models give a field that an older document lacks its default, and `Database.prepare` makes missing
indexes; a migration is for what neither can do.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from persistence.database import Database
from persistence.errors import StorageError
from persistence.leases import Leases
from persistence.models import TicketLink

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
# How many are changed by one statement: everybody else waits for each on the embedded server.
STATEMENT_DOCUMENTS = 100


@dataclass(frozen=True, slots=True)
class Migration:
    """`run` may be cut off and begun again, and may meet servers of the version before.

    So it leaves alone what is done already, and changes a document in one write.
    """

    name: str
    run: Callable[[Database], Awaitable[None]]


async def _give_links_their_ends(database: Database) -> None:
    links = database.collection(TicketLink)
    lacking = {"ends": {"$exists": False}}
    cursor = links.find(lacking, {"_id": 1})
    while some := await cursor.to_list(STATEMENT_DOCUMENTS):
        await links.update_many(
            {"_id": {"$in": [each["_id"] for each in some]}, **lacking},
            [{"$set": {"ends": ["$ticket_key", "$other_key"]}}],
        )
    # What no model names, `Database.prepare` leaves there.
    if "other_key_1" in await links.index_information():
        await links.drop_index("other_key_1")


# In the order in which they run. One that was released keeps its name and its place for good.
MIGRATIONS: Sequence[Migration] = (Migration("2026-11-ends-of-links", _give_links_their_ends),)


class NewerDatabase(StorageError):
    """The database has been changed by a version of the program that is newer than this one."""


class UnfinishedRestore(StorageError):
    """A restore was cut short, and left a part of what was to come."""


class Migrations:
    COLLECTION = "migrations"
    # Stands among the migrations, so that every start meets it.
    RESTORING = "restoring"

    def __init__(self, database: Database, steps: Sequence[Migration] = MIGRATIONS) -> None:
        self._database = database
        self._steps = steps
        self._applied = database.named_collection(self.COLLECTION)
        self._leases = Leases(database)

    async def pending(self) -> list[Migration]:
        """Those that are still to be made. Raises NewerDatabase, UnfinishedRestore."""
        applied = {found["_id"] async for found in self._applied.find({}, {"_id": 1})}
        if self.RESTORING in applied:
            raise UnfinishedRestore(
                "A restore into this database was cut short: run tickets restore again, with "
                "--replace."
            )
        return self.left_of(applied)

    def left_of(self, applied: set[str]) -> list[Migration]:
        """Those that are still to be made where `applied` are. Raises NewerDatabase."""
        if unknown := sorted(applied - {step.name for step in self._steps}):
            raise NewerDatabase(
                "This database is of a newer version of tickets, which has changed it "
                f"({', '.join(unknown)}). Run that version, or restore a backup from before."
            )
        return [step for step in self._steps if step.name not in applied]

    async def run(self) -> None:
        """Makes those that are pending, or waits while another process does.

        Raises as `pending`, and what a migration raises; those before it stay made.
        """
        while await self.pending():
            async with self._leases.held("migrations") as is_ours:
                if is_ours:
                    for step in await self.pending():
                        await self._make(step)
            if not is_ours:
                await asyncio.sleep(POLL_SECONDS)

    async def _make(self, step: Migration) -> None:
        log.info("migrating the database: %s", step.name)
        began = time.monotonic()
        await step.run(self._database)
        milliseconds = round((time.monotonic() - began) * 1000)
        await self._applied.update_one(
            {"_id": step.name},
            {"$setOnInsert": {"applied_at": datetime.now(UTC), "milliseconds": milliseconds}},
            upsert=True,
        )
        log.info("migrated the database: %s took %s ms", step.name, milliseconds)

    # ---- restoring -------------------------------------------------------------------------

    async def begin_restore(self) -> None:
        """From now on, until `end_restore`, no process starts on this database."""
        await self._applied.update_one(
            {"_id": self.RESTORING}, {"$setOnInsert": {"began_at": datetime.now(UTC)}}, upsert=True
        )

    async def end_restore(self) -> None:
        await self._applied.delete_one({"_id": self.RESTORING})
