"""Those who ask for what is being read already share the reading after it."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextvars import Context, copy_context
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
        # What is being read, with who waits to have it read again.
        self._running: dict[Hashable, _Next | None] = {}

    async def read(self, read: Callable[[], Awaitable[T]], *asked: Hashable | Document) -> T:
        """What `read` gives, or that of another who asked for the same, word for word.

        `asked` must hold all that the answer depends on. Raises what `read` raises.
        """
        key = tuple(encode(part) if isinstance(part, dict) else part for part in asked)
        if key not in self._running:
            self._running[key] = None
            try:
                return await read()
            finally:
                self._go_on(key)
        following = self._running[key]
        if following is None:
            following = self._running[key] = _Next(read)
        # Who stops waiting does not stop others from it.
        return cast("T", await asyncio.shield(following.result))

    def _go_on(self, key: Hashable) -> None:
        following = self._running.pop(key)
        if following is not None:
            self._running[key] = None
            following.begin(lambda: self._go_on(key))


class _Next:
    """One reading for all who wait for it, as the first of them would have done it."""

    def __init__(self, read: Callable[[], Awaitable[Any]]) -> None:
        self._read = read
        self._context: Context = copy_context()
        self._task: asyncio.Task[None] | None = None
        self.result = asyncio.get_running_loop().create_future()

    def begin(self, at_end: Callable[[], None]) -> None:
        self._task = asyncio.create_task(
            self._fulfil(at_end), name="coalesced read", context=self._context
        )

    async def _fulfil(self, at_end: Callable[[], None]) -> None:
        try:
            self.result.set_result(await self._read())
        except Exception as error:  # noqa: BLE001 -- whoever waits is to get it
            self.result.set_exception(error)
            # That nobody waits any more is no failure.
            self.result.exception()
        finally:
            self.result.cancel()
            at_end()
