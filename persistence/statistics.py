"""Figures over tickets, gathered in one round trip."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bson import ObjectId

from persistence.database import Database
from persistence.documents import Document
from persistence.models import SlaState, SlaTargetKind, Ticket, TicketPriority, TicketStatus
from persistence.pages import whole
from persistence.tickets import TicketQuery, TicketScope, conditions_of


@dataclass(frozen=True, slots=True)
class Durations:
    """In seconds; None where nothing has been measured."""

    count: int
    median: float | None
    percentile_90: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    total: int
    unassigned: int
    escalated: int
    by_status: dict[TicketStatus, int]
    by_priority: dict[TicketPriority, int]
    by_category: dict[str, int]
    by_assignee: dict[ObjectId | None, int]
    by_sla_state: dict[SlaTargetKind, dict[SlaState, int]]
    # Keyed by ISO date in the time zone asked for; days without any are left out.
    created_per_day: dict[str, int]
    resolved_per_day: dict[str, int]
    first_response: Durations
    resolution: Durations
    average_rating: float | None
    ratings: int


class StateOf(Protocol):
    """Tells the state of an SLA target by its facts (`domain.sla.state_of`)."""

    def __call__(
        self, *, met: bool | None, paused: bool, overdue: bool, at_risk: bool
    ) -> SlaState: ...


class StatisticsStore:
    def __init__(self, database: Database, *, state_of: StateOf) -> None:
        self._tickets = database.collection(Ticket)
        self._state_of = state_of

    async def gather(
        self, query: TicketQuery, scope: TicketScope, *, since: datetime, time_zone: str
    ) -> Figures:
        """Counts of every ticket of `query` in `scope`; days and durations of those `since` then.

        `time_zone` is an IANA name. Needs $percentile: MongoDB 7.0 or the embedded server.
        """
        pipeline: list[Document] = [
            {"$match": {**conditions_of(query, scope), **whole("sort.created")}},
            {
                # What takes few values is counted together, and added up below: each facet walks
                # all tickets again.
                "$facet": {
                    "kinds": _counts_by(
                        status="$status", priority="$priority", category="$category"
                    ),
                    "care": _counts_by(
                        assignee="$assignee_id",
                        escalated={"$ne": ["$escalation", None]},
                        rating="$feedback.rating",
                    ),
                    # Without $unwind, for which the embedded server copies a ticket per target, and
                    # without telling states apart, which takes it longer than all the rest.
                    "sla": _counts_by(
                        targets={
                            "$map": {
                                "input": "$sla.targets",
                                "as": "target",
                                "in": [
                                    "$$target.kind",
                                    "$$target.met",
                                    "$$target.paused",
                                    {"$lt": ["$$target.due_at", query.now]},
                                    {"$lte": ["$$target.at_risk_at", query.now]},
                                ],
                            }
                        }
                    ),
                    "created": _per_day("created_at", since, time_zone),
                    "resolved": _per_day("resolution.resolved_at", since, time_zone),
                    "first_response": _durations("first_response_seconds", since),
                    "resolution": _durations("resolution_seconds", since),
                }
            },
        ]
        (found,) = await self._tickets.aggregate(pipeline).to_list(1)
        kinds, care = _Counts(found["kinds"]), _Counts(found["care"])
        by_assignee, by_rating = care.by("assignee"), care.by("rating")
        ratings = {rating: count for rating, count in by_rating.items() if rating is not None}
        return Figures(
            total=sum(by_assignee.values()),
            unassigned=by_assignee.get(None, 0),
            escalated=care.by("escalated").get(True, 0),
            by_status={TicketStatus(value): n for value, n in kinds.by("status").items()},
            by_priority={TicketPriority(value): n for value, n in kinds.by("priority").items()},
            by_category=kinds.by("category"),
            by_assignee=by_assignee,
            by_sla_state=self._by_sla_state(found["sla"]),
            created_per_day=_Counts(found["created"]).by("day"),
            resolved_per_day=_Counts(found["resolved"]).by("day"),
            first_response=_as_durations(found["first_response"]),
            resolution=_as_durations(found["resolution"]),
            average_rating=sum(rating * n for rating, n in ratings.items()) / sum(ratings.values())
            if ratings
            else None,
            ratings=sum(ratings.values()),
        )

    def _by_sla_state(self, rows: list[Document]) -> dict[SlaTargetKind, dict[SlaState, int]]:
        counts: dict[SlaTargetKind, Counter[SlaState]] = {kind: Counter() for kind in SlaTargetKind}
        for row in rows:
            for kind, met, paused, overdue, at_risk in row["_id"]["targets"]:
                state = self._state_of(met=met, paused=paused, overdue=overdue, at_risk=at_risk)
                counts[SlaTargetKind(kind)][state] += row["count"]
        return {kind: dict(states) for kind, states in counts.items()}


class _Counts:
    """Rows of `_counts_by`, to be added up by one of the fields that they are by."""

    def __init__(self, rows: list[Document]) -> None:
        self._rows = rows

    def by(self, field: str) -> Counter[Any]:
        counts = Counter[Any]()
        for row in self._rows:
            # MongoDB leaves out what there is nothing of.
            counts[row["_id"].get(field)] += row["count"]
        return counts


def _counts_by(**expressions: Any) -> list[Document]:
    return [{"$group": {"_id": expressions, "count": {"$sum": 1}}}]


def _per_day(field: str, since: datetime, time_zone: str) -> list[Document]:
    day = {"$dateToString": {"date": f"${field}", "format": "%Y-%m-%d", "timezone": time_zone}}
    return [
        {"$match": {field: {"$gte": since}}},
        *_counts_by(day=day),
    ]


def _durations(field: str, since: datetime) -> list[Document]:
    percentiles = {"input": f"${field}", "p": [0.5, 0.9], "method": "approximate"}
    return [
        {"$match": {field: {"$ne": None}, "created_at": {"$gte": since}}},
        {
            "$group": {
                "_id": None,
                "count": {"$sum": 1},
                "percentiles": {"$percentile": percentiles},
            }
        },
    ]


def _as_durations(rows: list[dict[str, Any]]) -> Durations:
    if not rows:
        return Durations(0, None, None)
    median, percentile_90 = rows[0]["percentiles"]
    return Durations(rows[0]["count"], median, percentile_90)
