"""What takes long to read, read once for all who ask for the same at about the same time."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from persistence.channel import Channel, Topic
from persistence.database import Database

ValueT = TypeVar("ValueT")

# For how long a reading is given though nothing was written, since states of SLAs go with time; ...
LIFETIME_SECONDS = 1.0
# ... when the next one begins, until whose end this one is given; ...
RENEWAL_SECONDS = 0.5
# ... and for how long at most, should that take so long.
LONGEST_SECONDS = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class _Reading(Generic[ValueT]):
    """`changes` as they were when it began."""

    task: asyncio.Task[ValueT]
    changes: int


@dataclass(frozen=True, slots=True)
class _Found(Generic[ValueT]):
    value: ValueT
    changes: int
    at: float

    @property
    def age(self) -> float:
        return time.monotonic() - self.at


class SharedReadings(Generic[ValueT]):
    """Readings of tickets: who asks gets one that began after all that this process knows of.

    That is what it has committed, and what the channel has told of other processes' commits, which
    takes milliseconds. While the channel does not hear, each reads for themselves. Of the same
    question there is one reading at a time: who needs a newer one waits for its end.
    """

    def __init__(self, database: Database, channel: Channel) -> None:
        self._database = database
        self._channel = channel
        self._heard = channel.signal(Topic.TICKET_EVENTS)
        self._running: dict[Hashable, _Reading[ValueT]] = {}
        self._latest: dict[Hashable, _Found[ValueT]] = {}

    async def get(self, asked: Hashable, read: Callable[[], Coroutine[Any, Any, ValueT]]) -> ValueT:
        """What `read` gives for `asked`. Raises what it raises, which nobody later is told."""
        if not self._channel.is_alive:
            return await read()
        changes = self._changes()
        while True:
            latest, running = self._latest.get(asked), self._running.get(asked)
            lifetime = LIFETIME_SECONDS if running is None else LONGEST_SECONDS
            if latest is not None and (latest.changes < changes or latest.age > lifetime):
                del self._latest[asked]
                latest = None
            if running is None and (latest is None or latest.age > RENEWAL_SECONDS):
                running = self._begin(asked, read)
            if latest is not None:
                return latest.value
            assert running is not None
            if running.changes >= changes:
                # Whoever goes away leaves it to the others.
                return await asyncio.shield(running.task)
            await asyncio.wait([running.task])

    def _changes(self) -> int:
        return self._database.transactions + self._heard.count

    def _begin(
        self, asked: Hashable, read: Callable[[], Coroutine[Any, Any, ValueT]]
    ) -> _Reading[ValueT]:
        changes = self._changes()
        reading = _Reading(asyncio.create_task(read(), name="shared reading"), changes)
        self._running[asked] = reading
        reading.task.add_done_callback(lambda _: self._ended(asked, reading))
        return reading

    def _ended(self, asked: Hashable, reading: _Reading[ValueT]) -> None:
        # Of others' too, what is not to be given any more.
        self._latest = {
            key: latest
            for key, latest in self._latest.items()
            if latest.age < LIFETIME_SECONDS or key in self._running
        }
        del self._running[asked]
        if not reading.task.cancelled() and reading.task.exception() is None:
            self._latest[asked] = _Found(reading.task.result(), reading.changes, time.monotonic())
