"""Figures as they change: computed once for all who see the same tickets, and not too often."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from domain.access import Actor
from domain.clock import Clock
from domain.feed import RETRY_SECONDS, Feed, Viewpoint
from domain.statistics import Statistics, StatisticsReader
from domain.watches import Watch
from persistence.errors import is_unavailable
from persistence.tickets import TicketQuery

# The least time between two readings of the same figures.
INTERVAL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Span:
    """The days that figures are of: how many up to today, and where they begin."""

    days: int
    time_zone: str | None


_Asked = tuple[Viewpoint, Span]


@dataclass(frozen=True, slots=True, eq=False)
class LiveFigures:
    """Figures of one moment: the same object for everyone who sees the same."""

    viewer: Actor
    statistics: Statistics


class LiveStatistics:
    def __init__(self, *, feed: Feed, reader: StatisticsReader, clock: Clock) -> None:
        self._feed = feed
        self._reader = reader
        self._clock = clock
        self._gauges: dict[_Asked, tuple[_Gauge, int]] = {}

    async def follow(
        self, watch: Watch, query: TicketQuery, span: Span
    ) -> AsyncGenerator[LiveFigures]:
        """The figures as they are, then as events change them.

        Raises what `StatisticsReader.read` and `Watch.identity` raise.
        """
        while True:
            identity = await watch.identity()
            async with self._gauge(identity.actor, query, span) as gauge:
                figures: LiveFigures | None = None
                while True:
                    figures = await gauge.after(figures)
                    if await watch.identity() is not identity:
                        break
                    yield figures

    @asynccontextmanager
    async def _gauge(
        self, actor: Actor, query: TicketQuery, span: Span
    ) -> AsyncGenerator["_Gauge"]:
        asked = (Viewpoint.of(actor, query), span)
        gauge, users = self._gauges.get(asked) or (_Gauge(), 0)
        if users == 0:
            gauge.task = asyncio.create_task(self._measure(gauge, actor, query, span))
        self._gauges[asked] = (gauge, users + 1)
        try:
            yield gauge
        finally:
            _, users = self._gauges.pop(asked)
            if users > 1:
                self._gauges[asked] = (gauge, users - 1)
            elif gauge.task is not None:
                gauge.task.cancel()

    async def _measure(self, gauge: "_Gauge", actor: Actor, query: TicketQuery, span: Span) -> None:
        has_changed = asyncio.Event()
        with self._feed.viewed(actor, query) as view:
            view.listeners.add(has_changed.set)
            try:
                while True:
                    has_changed.clear()
                    now = replace(query, now=self._clock())
                    try:
                        statistics = await self._reader.read(
                            actor, now, time_zone=span.time_zone, days=span.days
                        )
                    except Exception as error:  # noqa: BLE001 -- whoever waits is to get it
                        if not is_unavailable(error):
                            gauge.show(error)
                            return
                        await asyncio.sleep(RETRY_SECONDS)
                        continue
                    gauge.show(LiveFigures(actor, statistics))
                    await asyncio.sleep(INTERVAL_SECONDS)
                    await has_changed.wait()
            finally:
                view.listeners.discard(has_changed.set)


class _Gauge:
    """The latest figures, or why there are none, for all who wait for them."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self._latest: LiveFigures | Exception | None = None
        self._shown = asyncio.Event()

    def show(self, latest: LiveFigures | Exception) -> None:
        self._latest = latest
        self._shown.set()
        self._shown = asyncio.Event()

    async def after(self, figures: LiveFigures | None) -> LiveFigures:
        """The latest, as soon as they are others than `figures`."""
        while self._latest is figures:
            await self._shown.wait()
        if isinstance(self._latest, LiveFigures):
            return self._latest
        assert self._latest is not None
        raise self._latest
