"""The connection: collections, transactions, indexes, and what is asked of a server."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from bson.codec_options import CodecOptions
from motor.core import AgnosticClient, AgnosticCollection
from motor.motor_asyncio import AsyncIOMotorClient
from odmantic import AIOEngine
from pymongo import IndexModel
from pymongo.errors import ConnectionFailure, PyMongoError, ServerSelectionTimeoutError
from pymongo.monitoring import ConnectionPoolListener
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from persistence.availability import Availability, CallsLoop, Heartbeats
from persistence.documents import Document
from persistence.errors import UnsuitableServer
from persistence.models import MODELS
from persistence.odm import Model
from persistence.transactions import Transaction

T = TypeVar("T")
Collection = AgnosticCollection[Document]

# Where GridFS keeps the contents of attachments.
CONTENTS = "attachment_contents"

# How long a database is looked for: longer than the embedded one is ever silent, where it shares a
# slow machine with others.
TIMEOUT_SECONDS = 10.0
# How often a transaction is tried again however long that takes: one try may already have lasted
# longer than contention is borne, on a machine that was halted or whose clock was set.
TRIES_AGAIN = 2
# After how long MongoDB ends one by itself, unless told otherwise.
TRANSACTION_SECONDS = 60.0
# How often it is tried again on a connection that broke before anything was committed, or where the
# server says that it failed itself.
BREAKS = 2
_INTERNAL_ERROR, _NO_SUCH_TRANSACTION = 1, 251


class Database:
    """One MongoDB database. Instants go in and come out as UTC-aware datetimes."""

    def __init__(
        self,
        uri: str,
        name: str,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        patience_seconds: float | None = None,
        on_connections: Callable[[str, int], None] | None = None,
        on_calls: Callable[[int], None] | None = None,
    ) -> None:
        """A server that is away is looked for during `timeout_seconds`; then calls fail at once.

        One that was reached may take `patience_seconds` to answer, and so long a transaction is
        tried again where others get in its way: four times the timeout unless told otherwise.
        `on_connections` is told, from any thread, how many are `open` or `busy` more or less;
        `on_calls` how many more or fewer calls have not been answered.
        """
        self._patience_seconds = (
            4 * timeout_seconds if patience_seconds is None else patience_seconds
        )
        milliseconds = int(timeout_seconds * 1000)
        self._transactions = 0
        self._leaving: set[asyncio.Task[None]] = set()
        self._availability = Availability(timeout_seconds, on_calls=on_calls)
        heartbeats = Heartbeats(self._availability)
        pool_listeners = [_PoolListener(on_connections)] if on_connections else []
        self._client: AgnosticClient[Document] = AsyncIOMotorClient(
            uri,
            io_loop=CallsLoop(self._availability, heartbeats),
            tz_aware=True,
            serverSelectionTimeoutMS=milliseconds,
            connectTimeoutMS=milliseconds,
            socketTimeoutMS=int(self._patience_seconds * 1000),
            # A server that hangs is noticed so much later than the timeout; the driver allows no
            # less than half a second.
            heartbeatFrequencyMS=max(milliseconds // 5, 500),
            maxPoolSize=100,
            appname="tickets",
            event_listeners=[heartbeats, *pool_listeners],
        )
        self._database = self._client.get_database(
            name,
            codec_options=CodecOptions[Document](tz_aware=True),
            write_concern=WriteConcern("majority"),
            read_concern=ReadConcern("majority"),
            # Whatever the URI says: a secondary may not have yet what the channel has told of.
            read_preference=ReadPreference.PRIMARY,
        )

    def collection(self, model: type[Model]) -> Collection:
        return self.named_collection(collection_name(model))

    def named_collection(self, name: str) -> Collection:
        return self._database.get_collection(name)

    @property
    def name(self) -> str:
        return self._database.name

    @property
    def native(self) -> Any:
        """The driver's own database, for change streams, GridFS and diagnostics in this package."""
        return self._database

    async def call(self, thread: Executor, work: Callable[[], T]) -> T:
        """What `work` comes to in that thread, which asks the driver itself and may wait for it.

        Raises what `work` raises, and a ConnectionFailure, as every call does, as soon as the
        server is known to be away; the thread may then be waiting still.
        """
        return await self._client.get_io_loop().run_in_executor(thread, work)

    async def ping(self) -> None:
        """Raises a driver error that `is_unavailable` knows when the server does not answer."""
        await self._client.admin.command("ping")

    async def require_suitable_server(self) -> None:
        """Raises UnsuitableServer for a standalone server.

        Transactions and change streams, on which every promise about events rests, exist only on
        replica sets and sharded clusters.
        """
        hello = await self._client.admin.command("hello")
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise UnsuitableServer(
                "This MongoDB is a standalone server, which has no transactions and no change "
                "streams. Start it as a replica set (mongod --replSet rs0, then rs.initiate() "
                "once in mongosh), or leave TICKETS_MONGODB_URI unset to use the embedded database."
            )

    async def prepare(self) -> None:
        """Creates missing collections and indexes; safe to run by several processes at once."""
        engine = AIOEngine(client=self._client, database=self._database.name)  # pyright: ignore[reportArgumentType]  # odmantic's annotation predates Motor's generics
        await engine.configure_database(cast(Any, MODELS), update_existing_indexes=True)
        # GridFS makes its own while it is empty, which after a restore it never was.
        chunks = self.named_collection(f"{CONTENTS}.chunks")
        await chunks.create_index([("files_id", 1), ("n", 1)], unique=True)

    def refuse_replacement(self) -> None:
        """From now on a database that is not prepared is away: it is not the one that was here.

        Where a server began anew with an empty store, people would otherwise be told that there is
        nothing, and what they write would be numbered from one again.
        """
        self._availability.insist(self._is_prepared)

    def _is_prepared(self) -> bool:
        # Each start leaves a configuration, and a backup has one.
        found = self._client.delegate[self.name]["system_settings"].find_one({}, {"_id": 1})
        return found is not None

    async def missing_indexes(self) -> list[str]:
        """The declared indexes that are not there, as `collection: fields`."""
        missing: list[str] = []
        for model in MODELS:
            present = [
                [field for field, _ in index["key"]]
                for index in (await self.collection(model).index_information()).values()
            ]
            declared = cast(tuple[IndexModel, ...], model.__indexes__())
            missing += [
                f"{collection_name(model)}: {', '.join(fields)}"
                for index in declared
                if (fields := list(index.document["key"])) not in present
            ]
        return missing

    @property
    def transactions(self) -> int:
        """How many were tried and have ended; who reads after one has to find what it wrote."""
        return self._transactions

    async def transaction(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Runs `work` in one transaction and commits it, or leaves nothing behind.

        `work` may run several times, when another writer gets in its way, so it reads what it
        decides upon through the session that it is given and has no effect elsewhere. Raises what
        `work` raises, or the driver's error once contention has lasted longer than patience.
        """
        give_up_at = time.monotonic() + self._patience_seconds
        delay = 0.005
        tries = breaks = 0
        while True:
            session = Transaction(self._client)
            tries += 1
            try:
                async with self._until_end(session):
                    result = await work(session)
            except PyMongoError as error:
                # What the embedded server has ended it does not always label as transient.
                code = None if session.is_committing else getattr(error, "code", None)
                was_ended = code in (_INTERNAL_ERROR, _NO_SUCH_TRANSACTION)
                if not (was_ended or error.has_error_label("TransientTransactionError")):
                    raise
                if isinstance(error, ServerSelectionTimeoutError):
                    # That was already as long as a server that is away is waited for.
                    raise
                if isinstance(error, ConnectionFailure) or code == _INTERNAL_ERROR:
                    # After a restart of the server every pooled connection fails once.
                    breaks += 1
                is_over = time.monotonic() > give_up_at and tries > TRIES_AGAIN
                if breaks > BREAKS or is_over:
                    raise
            else:
                return result
            finally:
                # Those that failed too, since that of a commit need not have been one.
                self._transactions += 1
            # Writers that met once would meet again if they all waited the same time.
            await asyncio.sleep(random.uniform(delay / 2, 2 * delay))  # noqa: S311 -- jitter, no secret
            delay = min(delay * 2, 0.25)

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[Transaction]:
        """Whoever reads through the session reads the database as it is at one instant.

        For as long as the server lets a transaction last: a minute on MongoDB unless told.
        """
        session = Transaction(self._client, read_concern=ReadConcern("snapshot"))
        async with self._until_end(session):
            yield session

    @asynccontextmanager
    async def _until_end(self, session: Transaction) -> AsyncGenerator[None]:
        """Commits it, or, where that or the block fails, leaves nothing of it behind."""
        try:
            yield
            await session.commit()
        except BaseException:
            is_left = False
            try:
                is_left = await session.give_up()
            finally:
                # Not, too, where this is cancelled once more.
                if not is_left:
                    leaving = asyncio.create_task(self._leave(session), name="leave a transaction")
                    self._leaving.add(leaving)
                    leaving.add_done_callback(self._leaving.discard)
            raise

    async def _leave(self, session: Transaction) -> None:
        """So that what it wrote is free for others about as soon as the server can be told."""
        give_up_at = time.monotonic() + TRANSACTION_SECONDS
        delay = 0.1
        while time.monotonic() < give_up_at:
            await asyncio.sleep(delay)
            if await session.give_up():
                return
            delay = min(2 * delay, 1.0)

    async def close(self) -> None:
        for leaving in self._leaving:
            leaving.cancel()
        self._availability.end()
        # The driver says goodbye to the server, and waits for its answer.
        await asyncio.to_thread(self._client.close)


class _PoolListener(ConnectionPoolListener):
    """Counts connections; of what else the driver tells, nothing."""

    # ruff: noqa: ARG002 - the driver tells more than has to be known

    def __init__(self, on_connections: Callable[[str, int], None]) -> None:
        self._on_connections = on_connections

    def connection_created(self, event: object) -> None:
        self._on_connections("open", 1)

    def connection_closed(self, event: object) -> None:
        self._on_connections("open", -1)

    def connection_checked_out(self, event: object) -> None:
        self._on_connections("busy", 1)

    def connection_checked_in(self, event: object) -> None:
        self._on_connections("busy", -1)

    def pool_created(self, event: object) -> None: ...
    def pool_ready(self, event: object) -> None: ...
    def pool_cleared(self, event: object) -> None: ...
    def pool_closed(self, event: object) -> None: ...
    def connection_ready(self, event: object) -> None: ...
    def connection_check_out_started(self, event: object) -> None: ...
    def connection_check_out_failed(self, event: object) -> None: ...


def collection_name(model: type[Model]) -> str:
    return model.model_config["collection"]


@asynccontextmanager
async def connected(
    uri: str,
    name: str,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    patience_seconds: float | None = None,
) -> AsyncGenerator[Database]:
    database = Database(
        uri, name, timeout_seconds=timeout_seconds, patience_seconds=patience_seconds
    )
    try:
        yield database
    finally:
        await database.close()
