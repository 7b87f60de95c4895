"""What was committed, as the server tells of it: a batch at a time.

The driver gives one change for each call, and each call is made by another thread: half of what it
costs to hear of a change, where several have come together.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from pymongo.synchronous.change_stream import DatabaseChangeStream

from persistence.database import Database
from persistence.documents import Document

# How many changes are read at once, at most: whoever hears of them does nothing else meanwhile.
BATCH = 100


class ChangeStream:
    """One cursor on the log, and the thread that waits for what it brings. One reader at a time."""

    def __init__(
        self,
        database: Database,
        stream: DatabaseChangeStream[Document],
        thread: ThreadPoolExecutor,
    ) -> None:
        self._database = database
        self._stream = stream
        self._thread = thread

    @classmethod
    async def open(
        cls,
        database: Database,
        pipeline: Sequence[Document],
        *,
        after: str | None,
        await_seconds: float,
    ) -> "ChangeStream":
        """From now on, or from after the place of the resume token `after`.

        A reading waits `await_seconds` at most for something to have come. Raises what the driver
        raises.
        """
        thread = ThreadPoolExecutor(1, thread_name_prefix="change-stream")

        def watch() -> DatabaseChangeStream[Document]:
            return database.native.delegate.watch(
                pipeline,
                resume_after=None if after is None else {"_data": after},
                max_await_time_ms=int(await_seconds * 1000),
                batch_size=BATCH,
            )

        try:
            return cls(database, await database.call(thread, watch), thread)
        except BaseException:
            thread.shutdown(wait=False)
            raise

    @property
    def token(self) -> str:
        """Where it is: after what was read, and where nothing more had come, at the log's end."""
        token = self._stream.resume_token
        assert token is not None, "the server told where the stream begins"
        return token["_data"]

    async def read(self) -> list[Document]:
        """The changes that came next, none where none came in time. Raises what the driver does."""
        return await self._database.call(self._thread, self._read)

    def _read(self) -> list[Document]:
        found: list[Document] = []
        while (change := self._stream.try_next()) is not None:
            found.append(change)
            if not self._has_more():
                break
        return found

    def _has_more(self) -> bool:
        """Whether the next one has come already, so that nobody need wait for it."""
        cursor = cast("Any", self._stream)._cursor  # noqa: SLF001 -- nothing else tells
        return cursor._has_next()  # noqa: SLF001

    def close(self) -> None:
        """As soon as a reading that is under way is over. A server that is gone cannot be told."""
        self._thread.submit(self._stream.close)
        self._thread.shutdown(wait=False)
