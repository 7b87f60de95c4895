"""The model's provider, loaded when it is first needed."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.assistant.provider import Provider


class ProviderOnDemand:
    """Its SDK takes as long to import as all the rest, which only those pay who use it."""

    def __init__(self, load: "Callable[[], Provider]") -> None:
        self._load = load
        self._loading = asyncio.Lock()
        self._provider: Provider | None = None

    async def get(self) -> "Provider":
        async with self._loading:
            if self._provider is None:
                # In a thread, so that others are served meanwhile.
                self._provider = await asyncio.to_thread(self._load)
            return self._provider

    async def close(self) -> None:
        if self._provider is not None:
            await self._provider.close()
