"""Those who ask for what is being read already share the reading after it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from contextvars import copy_context
from typing import Any, TypeVar, cast

from bson import encode

from persistence.documents import Document

T = TypeVar("T")

# After how long nobody waits any more for a reading to end, before theirs begins: its connection
# may be broken without the driver's having noticed.
LATE_SECONDS = 1.0


class CoalescedReads:
    """Spares a database that is asked the same by many at once, and those who ask the waiting.

    Nobody is given what was read before they asked: each finds what was committed by then, whoever
    committed it. What is read for several is the same object for all, and not to be changed.
    """

    def __init__(self) -> None:
        # The latest of each kind that has begun and not ended.
        self._running: dict[Hashable, _Reading] = {}
        # What begins next: in a moment, or where the same is being read, when that has ended.
        self._next: dict[Hashable, _Reading] = {}

    async def read(self, read: Callable[[], Awaitable[T]], *asked: Hashable | Document) -> T:
        """What `read` gives, or that of another who asked for the same, word for word.

        `asked` must hold all that the answer depends on. Raises what `read` raises.
        """
        key = tuple(encode(part) if isinstance(part, dict) else part for part in asked)
        reading = self._next.get(key)
        if reading is None:
            reading = self._next[key] = _Reading(read)
        running = self._running.get(key)
        if running is None or running.is_late:
            self._begin(key, reading)
        reading.waiting += 1
        try:
            # Who stops waiting does not stop others from it.
            return cast("T", await asyncio.shield(reading.result))
        finally:
            reading.waiting -= 1

    def _begin(self, key: Hashable, reading: "_Reading") -> None:
        """In a moment: whoever asks until then shares it."""
        if reading.task is None:
            reading.task = asyncio.create_task(
                self._carry_out(key, reading), name="coalesced read", context=reading.context
            )

    async def _carry_out(self, key: Hashable, reading: "_Reading") -> None:
        del self._next[key]
        self._running[key] = reading
        reading.began_at = time.monotonic()
        try:
            if reading.waiting:
                reading.result.set_result(await reading.read())
        except Exception as error:  # noqa: BLE001 -- whoever waits is to get it
            reading.result.set_exception(error)
            # That nobody waits any more is no failure.
            reading.result.exception()
        finally:
            # Where nobody waited, or all is being ended.
            reading.result.cancel()
            if self._running.get(key) is reading:
                del self._running[key]
                if following := self._next.get(key):
                    self._begin(key, following)


class _Reading:
    """One for all who wait for it, as the first of them would have done it."""

    def __init__(self, read: Callable[[], Awaitable[Any]]) -> None:
        self.read = read
        self.context = copy_context()
        self.task: asyncio.Task[None] | None = None
        self.began_at = 0.0
        self.waiting = 0
        self.result = asyncio.get_running_loop().create_future()

    @property
    def is_late(self) -> bool:
        return time.monotonic() - self.began_at > LATE_SECONDS
