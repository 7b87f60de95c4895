"""Figures about tickets."""

import datetime as dt
from typing import Annotated

import strawberry

from domain import statistics as domain
from domain.statistics import MAX_DAYS
from graph.accounts import Agent
from graph.context import Info
from graph.enums import SlaState, TicketPriority, TicketStatus
from graph.tickets import TicketCategory, TicketFilter, query_from
from persistence import models
from persistence import statistics as stored


@strawberry.type(description="How many tickets are in one state.")
class StatusCount:
    status: TicketStatus = strawberry.field(description="The state.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="How many tickets have one priority.")
class PriorityCount:
    priority: TicketPriority = strawberry.field(description="The priority.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="How many tickets are in one category.")
class CategoryCount:
    category: TicketCategory = strawberry.field(description="The category.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="How many tickets one agent has.")
class AssigneeCount:
    assignee: Agent | None = strawberry.field(description="The agent; null: nobody.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="How many tickets have a target in one SLA state.")
class SlaStateCount:
    state: SlaState = strawberry.field(description="The SLA state.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="What happened on one day.")
class DayCount:
    date: dt.date = strawberry.field(description="The day, in the time zone asked for.")
    created: int = strawberry.field(description="Tickets opened on it.")
    resolved: int = strawberry.field(description="Tickets resolved on it that still are.")


@strawberry.type(description="How long something took.")
class DurationStatistics:
    count: int = strawberry.field(description="Over how many tickets.")
    median_seconds: int | None = strawberry.field(
        description="Seconds that half of them took at most; null for none."
    )
    percentile90_seconds: int | None = strawberry.field(
        description="Seconds that nine in ten took at most; null for none."
    )

    @classmethod
    def from_stored(cls, durations: stored.Durations) -> "DurationStatistics":
        return cls(
            count=durations.count,
            median_seconds=_rounded(durations.median),
            percentile90_seconds=_rounded(durations.percentile_90),
        )


def _rounded(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)


@strawberry.type(description="Figures about the tickets that the viewer may see.")
class TicketStatistics:
    total: int = strawberry.field(description="All of them.")
    unassigned: int = strawberry.field(description="Those assigned to nobody.")
    escalated: int = strawberry.field(description="Those escalated.")
    by_status: list[StatusCount] = strawberry.field(description="By state; every state once.")
    by_priority: list[PriorityCount] = strawberry.field(
        description="By priority; every priority once."
    )
    first_response_sla: list[SlaStateCount] = strawberry.field(
        description="By how the first response stands; every SLA state once."
    )
    resolution_sla: list[SlaStateCount] = strawberry.field(
        description="By how the resolution stands; every SLA state once."
    )
    per_day: list[DayCount] = strawberry.field(
        description="Day by day without gaps, today last; as many as `days`."
    )
    first_response_time: DurationStatistics = strawberry.field(
        description="From opening to the first public note, of tickets opened within `days`."
    )
    resolution_time: DurationStatistics = strawberry.field(
        description="Of the resolution clock, without its pauses, of tickets opened within `days`."
    )
    average_rating: float | None = strawberry.field(
        description="Of the customers' ratings, 1 to 5; null for none."
    )
    rating_count: int = strawberry.field(description="How many ratings there are.")
    figures: strawberry.Private[stored.Figures]

    @strawberry.field(description="By category, in the configured order; those with tickets.")
    async def by_category(self, info: Info) -> list[CategoryCount]:
        categories = (await info.context.configuration()).ticket_categories
        counts = dict(self.figures.by_category)
        known = [
            CategoryCount(
                category=TicketCategory.from_model(category), count=counts.pop(category.id)
            )
            for category in categories.categories
            if category.id in counts
        ]
        return known + [
            CategoryCount(category=TicketCategory.unknown(category_id), count=count)
            for category_id, count in sorted(counts.items())
        ]

    @strawberry.field(description="By assignee, most tickets first.")
    async def by_assignee(self, info: Info) -> list[AssigneeCount]:
        counts = self.figures.by_assignee
        keys = [key for key in counts if key is not None]
        agents = await info.context.loaders.agents.load_many(keys)
        found = dict(zip(keys, agents, strict=True))
        rows = [
            AssigneeCount(assignee=Agent.from_model(agent) if agent else None, count=count)
            for key, count in counts.items()
            if (agent := found.get(key) if key else None) or key is None
        ]
        return sorted(rows, key=lambda row: -row.count)

    @classmethod
    def from_domain(cls, statistics: domain.Statistics) -> "TicketStatistics":
        figures = statistics.figures
        response, resolution = (figures.by_sla_state[kind] for kind in models.SlaTargetKind)
        return cls(
            total=figures.total,
            unassigned=figures.unassigned,
            escalated=figures.escalated,
            by_status=[
                StatusCount(status=status, count=figures.by_status.get(status, 0))
                for status in models.TicketStatus
            ],
            by_priority=[
                PriorityCount(priority=priority, count=figures.by_priority.get(priority, 0))
                for priority in models.TicketPriority
            ],
            first_response_sla=_by_state(response),
            resolution_sla=_by_state(resolution),
            per_day=[
                DayCount(date=day.date, created=day.created, resolved=day.resolved)
                for day in statistics.days
            ],
            first_response_time=DurationStatistics.from_stored(figures.first_response),
            resolution_time=DurationStatistics.from_stored(figures.resolution),
            average_rating=figures.average_rating,
            rating_count=figures.ratings,
            figures=figures,
        )


def _by_state(counts: dict[models.SlaState, int]) -> list[SlaStateCount]:
    return [SlaStateCount(state=state, count=counts.get(state, 0)) for state in models.SlaState]


@strawberry.type
class StatisticsQueries:
    @strawberry.field(
        description="Figures about the tickets that the viewer may see, gathered in one round "
        "trip. Not for bots."
    )
    async def ticket_statistics(
        self,
        info: Info,
        filter: Annotated[
            TicketFilter | None, strawberry.argument(description="Only tickets that meet it.")
        ] = None,
        time_zone: Annotated[
            str | None,
            strawberry.argument(
                description="An IANA name, as in America/Mexico_City, for where days begin; the "
                "business's own where it is left out."
            ),
        ] = None,
        days: Annotated[
            int | None,
            strawberry.argument(description=f"How many days `perDay` covers, 1 to {MAX_DAYS}."),
        ] = 30,
    ) -> TicketStatistics:
        statistics = await info.context.services.statistics.read(
            info.context.actor,
            query_from(info, filter),
            time_zone=time_zone,
            days=30 if days is None else days,
        )
        return TicketStatistics.from_domain(statistics)
