"""What is done now and then without anybody asking, by one process at a time."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import NoReturn

import structlog

from persistence.errors import is_unavailable
from persistence.leases import Leases

log = structlog.stdlib.get_logger("tickets.housekeeping")

EVERY = timedelta(hours=1)

# May be cut off at any point, and begun again by another process.
Chore = Callable[[], Awaitable[None]]


class Housekeeping:
    def __init__(self, *, leases: Leases, chores: Mapping[str, Chore]) -> None:
        self._leases = leases
        self._chores = chores

    async def run(self) -> NoReturn:
        """Now, and then every hour or so. A chore that fails is left for the next time."""
        while True:
            for name, chore in self._chores.items():
                try:
                    async with self._leases.held(name) as is_ours:
                        if is_ours:
                            await chore()
                except Exception as error:
                    # The others are to be done all the same.
                    failure = None if is_unavailable(error) else error
                    log.warning("a chore failed", chore=name, error=str(error), exc_info=failure)
            # Processes that were started together do not go on together.
            await asyncio.sleep(EVERY.total_seconds() * random.uniform(0.9, 1.1))  # noqa: S311 -- jitter, no secret
