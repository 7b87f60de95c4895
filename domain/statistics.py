"""Figures about the tickets that an actor may see."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.access import Actor, Permission, readable_tickets
from domain.errors import ValidationFailed
from domain.shared_readings import SharedReadings
from persistence.statistics import Figures, StatisticsStore
from persistence.tickets import TicketQuery

MAX_DAYS = 366


@dataclass(frozen=True, slots=True)
class Day:
    date: date
    created: int
    resolved: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """`days` are in order and without gaps, the last one today."""

    figures: Figures
    days: list[Day]


class StatisticsReader:
    def __init__(
        self, *, store: StatisticsStore, shared: SharedReadings[Figures], time_zone: ZoneInfo
    ) -> None:
        self._store = store
        self._shared = shared
        self._time_zone = time_zone

    async def read(
        self, actor: Actor, query: TicketQuery, *, time_zone: str | None, days: int
    ) -> Statistics:
        """`time_zone` an IANA name, by default the business's; `days` 1 to MAX_DAYS.

        Raises ValidationFailed, Forbidden.
        """
        actor.require(Permission.READ_STATISTICS)
        if not 1 <= days <= MAX_DAYS:
            raise ValidationFailed.of("days", f"must be between 1 and {MAX_DAYS}")
        zone = self._zone(time_zone)
        today = query.now.astimezone(zone).date()
        first = today - timedelta(days=days - 1)
        scope = readable_tickets(actor)
        since = datetime.combine(first, time(), zone).astimezone(query.now.tzinfo)
        figures = await self._shared.get(
            (query, scope, since, zone.key),
            lambda: self._store.gather(query, scope, since=since, time_zone=zone.key),
        )
        calendar = (first + timedelta(days=passed) for passed in range(days))
        return Statistics(
            figures,
            [
                Day(
                    day,
                    figures.created_per_day.get(day.isoformat(), 0),
                    figures.resolved_per_day.get(day.isoformat(), 0),
                )
                for day in calendar
            ],
        )

    def _zone(self, name: str | None) -> ZoneInfo:
        if name is None:
            return self._time_zone
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValidationFailed.of(
                "timeZone", "is not an IANA time zone; write it like America/Mexico_City"
            ) from None
