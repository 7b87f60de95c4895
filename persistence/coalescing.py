"""Those who ask for what is being read already share the reading after it."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextvars import copy_context
from typing import Any, TypeVar, cast

from bson import encode

from persistence.documents import Document

T = TypeVar("T")


class CoalescedReads:
    """Spares a database that is asked the same by many at once, and those who ask the waiting.

    Nobody is given what was read before they asked: each finds what was committed by then, whoever
    committed it. What is read for several is the same object for all, and not to be changed.
    """

    def __init__(self) -> None:
        self._running: dict[Hashable, _Reading] = {}
        # What begins next: at once, or where the same is being read, when that has ended.
        self._next: dict[Hashable, _Reading] = {}

    async def read(self, read: Callable[[], Awaitable[T]], *asked: Hashable | Document) -> T:
        """What `read` gives, or that of another who asked for the same, word for word.

        `asked` must hold all that the answer depends on. Raises what `read` raises.
        """
        key = tuple(encode(part) if isinstance(part, dict) else part for part in asked)
        reading = self._next.get(key)
        if reading is None:
            reading = self._next[key] = _Reading(read)
            if key not in self._running:
                self._begin(key)
        # Who stops waiting does not stop others from it.
        return cast("T", await asyncio.shield(reading.result))

    def _begin(self, key: Hashable) -> None:
        """In a moment: whoever asks until then shares it."""
        reading = self._next[key]
        reading.task = asyncio.create_task(
            self._carry_out(key), name="coalesced read", context=reading.context
        )

    async def _carry_out(self, key: Hashable) -> None:
        reading = self._running[key] = self._next.pop(key)
        try:
            reading.result.set_result(await reading.read())
        except Exception as error:  # noqa: BLE001 -- whoever waits is to get it
            reading.result.set_exception(error)
            # That nobody waits any more is no failure.
            reading.result.exception()
        finally:
            reading.result.cancel()
            del self._running[key]
            if key in self._next:
                self._begin(key)


class _Reading:
    """One for all who wait for it, as the first of them would have done it."""

    def __init__(self, read: Callable[[], Awaitable[Any]]) -> None:
        self.read = read
        self.context = copy_context()
        self.task: asyncio.Task[None] | None = None
        self.result = asyncio.get_running_loop().create_future()
