"""A transaction: what is sent in it, and how it ends, which holds nobody else up.

The driver's own session, where it is left in the middle of a transaction, tells the server so from
the thread that leaves it, which is the event loop's, and waits for the answer.
"""

from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar, cast

from motor.core import AgnosticClient
from motor.frameworks import asyncio as driver_threads
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.client_session import ClientSession
from pymongo.errors import ConnectionFailure

from persistence.documents import Document

T = TypeVar("T")


class Transaction(AsyncIOMotorClientSession):
    """One, from its beginning on; `Database.transaction` makes it and ends it."""

    def __init__(self, client: AgnosticClient[Document], **options: Any) -> None:
        super().__init__(client.delegate.start_session(), client)  # pyright: ignore[reportUnknownMemberType]  # it leaves open of what documents the client is
        self.delegate.start_transaction(**options)
        self._in_use = Lock()
        self._last: list[Callable[[ClientSession], object]] = []
        self._is_given_up = False
        # Whether what fails now may have been committed nevertheless.
        self.is_committing = False

    async def run(self, work: Callable[[ClientSession], T]) -> T:
        """What `work` comes to, which sends several statements in a row with the driver's session.

        In one of the driver's threads, which costs less than a way there and back for each. Raises
        what `work` raises, and as every call does a ConnectionFailure as soon as the server is
        known to be away; `work` may then go on for a while, but not beyond the transaction.
        """

        def send() -> T:
            with self._in_use:
                return work(self.delegate)

        return await self._in_a_thread(send)

    def run_last(self, work: Callable[[ClientSession], object]) -> None:
        """As `run`, in one turn with the commit, which raises what `work` raises.

        For statements whose results nothing in the transaction depends on.
        """
        self._last.append(work)

    async def commit(self) -> None:
        await self.run(self._commit)
        self.delegate.end_session()

    def _commit(self, session: ClientSession) -> None:
        for work in self._last:
            work(session)
        # Whoever wanted it may have been told meanwhile that the server is away.
        if not self._is_given_up:
            self.is_committing = True
            session.commit_transaction()

    async def give_up(self) -> bool:
        """Tells the server, if it has heard of it.

        False where that has to be tried again: what was given to `run` is still being sent, or the
        server is away.
        """
        self._is_given_up = True
        if self._in_use.locked():
            return False
        try:
            return await self._in_a_thread(self._end)
        except ConnectionFailure:
            return False

    def _end(self) -> bool:
        # What is sent after the end of a transaction, but before that of its session, the driver
        # sends outside of it.
        if not self._in_use.acquire(blocking=False):
            return False
        try:
            self.delegate.end_session()
        finally:
            self._in_use.release()
        return True

    async def _in_a_thread(self, work: Callable[[], T]) -> T:
        return await cast(Any, driver_threads).run_on_executor(self.get_io_loop(), work)


# By which Motor knows a session that is given to a call.
Transaction.__name__ = AsyncIOMotorClientSession.__name__
