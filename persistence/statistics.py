"""Figures over tickets, gathered in one round trip."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

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


class StatisticsStore:
    def __init__(self, database: Database) -> None:
        self._tickets = database.collection(Ticket)

    async def gather(
        self, query: TicketQuery, scope: TicketScope, *, since: datetime, time_zone: str
    ) -> Figures:
        """Counts of every ticket of `query` in `scope`; days and durations of those `since` then.

        `time_zone` is an IANA name. Needs $percentile: MongoDB 7.0 or the embedded server.
        """
        pipeline: list[Document] = [
            {"$match": {**conditions_of(query, scope), **whole("sort.created")}},
            {
                "$facet": {
                    "totals": [
                        {
                            "$group": {
                                "_id": None,
                                "total": {"$sum": 1},
                                "unassigned": _count_where({"$eq": ["$assignee_id", None]}),
                                "escalated": _count_where({"$ne": ["$escalation", None]}),
                                "rating": {"$avg": "$feedback.rating"},
                                "ratings": _count_where({"$gt": ["$feedback.rating", None]}),
                            }
                        }
                    ],
                    "status": _counts_by("$status"),
                    "priority": _counts_by("$priority"),
                    "category": _counts_by("$category"),
                    "assignee": _counts_by("$assignee_id"),
                    "sla": [
                        # Else all of a ticket is copied for each of its targets.
                        {"$project": {"sla.targets": 1}},
                        {"$unwind": "$sla.targets"},
                        {
                            "$group": {
                                "_id": {
                                    "kind": "$sla.targets.kind",
                                    "state": _state_of("$sla.targets", query.now),
                                },
                                "count": {"$sum": 1},
                            }
                        },
                    ],
                    "created": _per_day("created_at", since, time_zone),
                    "resolved": _per_day("resolution.resolved_at", since, time_zone),
                    "first_response": _durations("first_response_seconds", since),
                    "resolution": _durations("resolution_seconds", since),
                }
            },
        ]
        (found,) = await self._tickets.aggregate(pipeline).to_list(1)
        totals: Document = found["totals"][0] if found["totals"] else {}
        sla: dict[SlaTargetKind, dict[SlaState, int]] = {kind: {} for kind in SlaTargetKind}
        for row in found["sla"]:
            sla[SlaTargetKind(row["_id"]["kind"])][SlaState(row["_id"]["state"])] = row["count"]
        return Figures(
            total=totals.get("total", 0),
            unassigned=totals.get("unassigned", 0),
            escalated=totals.get("escalated", 0),
            by_status={TicketStatus(row["_id"]): row["count"] for row in found["status"]},
            by_priority={TicketPriority(row["_id"]): row["count"] for row in found["priority"]},
            by_category={row["_id"]: row["count"] for row in found["category"]},
            by_assignee={row["_id"]: row["count"] for row in found["assignee"]},
            by_sla_state=sla,
            created_per_day={row["_id"]: row["count"] for row in found["created"]},
            resolved_per_day={row["_id"]: row["count"] for row in found["resolved"]},
            first_response=_as_durations(found["first_response"]),
            resolution=_as_durations(found["resolution"]),
            average_rating=totals.get("rating"),
            ratings=totals.get("ratings", 0),
        )


def _count_where(condition: Document) -> Document:
    return {"$sum": {"$cond": [condition, 1, 0]}}


def _counts_by(expression: str) -> list[Document]:
    return [{"$group": {"_id": expression, "count": {"$sum": 1}}}]


def _per_day(field: str, since: datetime, time_zone: str) -> list[Document]:
    day = {"$dateToString": {"date": f"${field}", "format": "%Y-%m-%d", "timezone": time_zone}}
    return [
        {"$match": {field: {"$gte": since}}},
        {"$group": {"_id": day, "count": {"$sum": 1}}},
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


def _state_of(target: str, now: datetime) -> Document:
    """`domain.sla.target_state`, as an expression."""
    branches = [
        ({"$eq": [f"{target}.met", True]}, SlaState.MET),
        ({"$eq": [f"{target}.met", False]}, SlaState.MISSED),
        ({"$eq": [f"{target}.paused", True]}, SlaState.PAUSED),
        ({"$gt": [now, f"{target}.due_at"]}, SlaState.BREACHED),
        ({"$gte": [now, f"{target}.at_risk_at"]}, SlaState.AT_RISK),
    ]
    return {
        "$switch": {
            "branches": [{"case": case, "then": state.value} for case, state in branches],
            "default": SlaState.PENDING.value,
        }
    }
