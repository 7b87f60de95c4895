"""What one process at a time may do, whichever asks first."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from pymongo.errors import DuplicateKeyError, PyMongoError

from persistence.database import Database

# What a process that died held, another may take after this long.
HELD = timedelta(seconds=30)


class Leases:
    def __init__(self, database: Database) -> None:
        self._leases = database.named_collection("leases")

    @asynccontextmanager
    async def held(self, name: str) -> AsyncGenerator[bool]:
        """Whether it is ours, until the end; False where another process holds it now.

        A process that stood still for longer than HELD may find that another went on with the
        work: what is done under a lease must bear being done twice.
        """
        token = secrets.token_hex(8)
        if not await self._take(name, token):
            yield False
            return
        keeping = asyncio.create_task(self._keep(name, token))
        try:
            yield True
        finally:
            keeping.cancel()
            await self._leases.delete_one({"_id": name, "token": token})

    async def _take(self, name: str, token: str) -> bool:
        now = datetime.now(UTC)
        lease = {"token": token, "held_until": now + HELD}
        taken = await self._leases.update_one(
            {"_id": name, "held_until": {"$lte": now}}, {"$set": lease}
        )
        if taken.matched_count == 1:
            return True
        try:
            await self._leases.insert_one({"_id": name, **lease})
        except DuplicateKeyError:
            return False
        return True

    async def _keep(self, name: str, token: str) -> None:
        while True:
            await asyncio.sleep(HELD.total_seconds() / 3)
            # A database that is away may be back before the lease has run out.
            with suppress(PyMongoError):
                await self._leases.update_one(
                    {"_id": name, "token": token},
                    {"$set": {"held_until": datetime.now(UTC) + HELD}},
                )
