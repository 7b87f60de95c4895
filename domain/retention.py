"""How long the events of tickets are kept that nobody works on any more.

Only a ticket that has been CLOSED, and left alone, for long enough loses events, and only those
that did not change its status: `statusHistory` stays whole, and figures are kept on the ticket.
What is lost is who assigned, edited, escalated, linked or annotated it, and when.
"""

import asyncio
from datetime import timedelta

import structlog

from domain.clock import Clock, milliseconds
from persistence.tickets import TicketStore

log = structlog.stdlib.get_logger("tickets.retention")

# Tickets whose events are removed at once, and how long the database then rests.
BATCH = 50
REST_SECONDS = 0.1


class EventRetention:
    def __init__(self, *, store: TicketStore, clock: Clock, kept: timedelta) -> None:
        """`kept`: after a ticket was closed and last changed."""
        self._store = store
        self._clock = clock
        self._kept = kept

    async def prune(self) -> None:
        """Removes what is due. What was done is known to the next call, in whichever process."""
        until = f"{milliseconds(self._clock() - self._kept):013x}"
        pruned = 0
        while (removed := await self._store.prune_events(until, tickets=BATCH)) is not None:
            pruned += removed
            await asyncio.sleep(REST_SECONDS)
        if pruned:
            log.info("pruned events", events=pruned)
