"""Figures about tickets, exact and limited to what the viewer may see."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.access import SYSTEM
from persistence.models import NoteVisibility
from tests.client import Api, Data
from tests.factories import Factory, Person
from tests.past import Ago, actor_of, ticket_of

STATISTICS = """
query($filter: TicketFilter, $days: Int, $timeZone: String) {
  ticketStatistics(filter: $filter, days: $days, timeZone: $timeZone) {
    total unassigned escalated averageRating ratingCount
    byStatus { status count }
    byPriority { priority count }
    byCategory { category { id label } count }
    byAssignee { assignee { id } count }
    firstResponseSla { state count }
    resolutionSla { state count }
    perDay { date created resolved }
    firstResponseTime { count medianSeconds percentile90Seconds }
    resolutionTime { count medianSeconds percentile90Seconds }
  }
}
"""


async def statistics(api: Api, tag: str, **variables: object) -> Data:
    return (await api.query(STATISTICS, {"filter": {"tag": tag}} | variables))["ticketStatistics"]


def counts(rows: list[Data], key: str) -> dict[str, int]:
    """The rows that count anything."""
    return {row[key]: row["count"] for row in rows if row["count"]}


@pytest.fixture(scope="module")
async def tag(make: Factory, admin: Api, agent: Person, colleague: Person, ago: Ago) -> str:
    tag = make.word()
    late = await ticket_of(ago(timedelta(days=8)), tags=[tag], category="billing")
    await ago(timedelta(days=3)).tickets.resolve(SYSTEM, late.ticket_id, "At last.")
    quick = await ticket_of(ago(timedelta(hours=3)), tags=[tag])
    answering = ago(timedelta(hours=2)).tickets
    await answering.assign(SYSTEM, quick.ticket_id, assignee_id=actor_of(agent).key)
    await answering.add_note(
        actor_of(agent), quick.ticket_id, "Coming.", visibility=NoteVisibility.PUBLIC
    )
    await ago(timedelta(hours=1)).tickets.resolve(actor_of(agent), quick.ticket_id, "Done.")
    await make.ticket(tags=[tag], priority="URGENT")
    escalated = await make.assigned_ticket(colleague, tags=[tag])
    await admin.succeed("escalateTicket", ticketId=escalated["ticketId"], reason="Angry")
    for ticket, rating in ((late, 2), (quick, 5)):
        await admin.succeed("recordFeedback", ticketId=ticket.ticket_id, rating=rating)
    return tag


async def test_every_figure_of_a_known_set(
    tag: str, admin: Api, agent: Person, colleague: Person
) -> None:
    found = await statistics(admin, tag)

    assert (found["total"], found["unassigned"], found["escalated"]) == (4, 2, 1)
    assert counts(found["byStatus"], "status") == {"NEW": 1, "OPEN": 1, "RESOLVED": 2}
    assert counts(found["byPriority"], "priority") == {"MEDIUM": 3, "URGENT": 1}
    assert [row["category"]["id"] for row in found["byCategory"]] == ["billing", "other"]
    assert [row["count"] for row in found["byCategory"]] == [1, 3]
    by_assignee = {
        row["assignee"] and row["assignee"]["id"]: row["count"] for row in found["byAssignee"]
    }
    assert by_assignee == {None: 2, agent.id: 1, colleague.id: 1}
    assert counts(found["firstResponseSla"], "state") == {"PENDING": 2, "MET": 1, "MISSED": 1}
    assert counts(found["resolutionSla"], "state") == {"PENDING": 2, "MET": 1, "MISSED": 1}
    assert (found["averageRating"], found["ratingCount"]) == (3.5, 2)
    assert found["firstResponseTime"]["count"] == 1
    assert found["firstResponseTime"]["medianSeconds"] == pytest.approx(3600, abs=10)
    assert found["resolutionTime"]["count"] == 2


async def test_every_state_and_priority_is_counted_once(tag: str, admin: Api) -> None:
    found = await statistics(admin, tag)

    assert [row["status"] for row in found["byStatus"]] == [
        "NEW",
        "OPEN",
        "IN_PROGRESS",
        "PENDING_CUSTOMER",
        "WAITING_INTERNAL",
        "RESOLVED",
        "CLOSED",
    ]
    assert [row["priority"] for row in found["byPriority"]] == ["LOW", "MEDIUM", "HIGH", "URGENT"]
    assert len(found["firstResponseSla"]) == len(found["resolutionSla"]) == 6


async def test_days_have_no_gaps_and_end_today(tag: str, admin: Api) -> None:
    zone = ZoneInfo("Asia/Tokyo")
    today = datetime.now(zone).date()

    days = (await statistics(admin, tag, days=10, timeZone=zone.key))["perDay"]

    assert [day["date"] for day in days] == [
        str(today - timedelta(days=passed)) for passed in reversed(range(10))
    ]
    assert sum(day["created"] for day in days) == 4
    assert sum(day["resolved"] for day in days) == 2
    opened = (datetime.now(UTC) - timedelta(days=8)).astimezone(zone).date()
    assert [day["created"] for day in days if day["date"] == str(opened)] == [1]


async def test_what_lies_before_the_days_is_in_the_totals_alone(tag: str, admin: Api) -> None:
    found = await statistics(admin, tag, days=2)

    assert found["total"] == 4
    assert len(found["perDay"]) == 2
    assert sum(day["created"] for day in found["perDay"]) == 3
    assert found["resolutionTime"]["count"] == 1
    assert found["resolutionTime"]["medianSeconds"] == pytest.approx(7200, abs=10)


async def test_an_agents_figures_are_of_what_they_may_see(
    tag: str, agent: Person, supervisor: Person
) -> None:
    own = await statistics(agent.api, tag)

    assert (own["total"], own["escalated"]) == (3, 0)
    assert (await statistics(supervisor.api, tag))["total"] == 4


async def test_of_nothing_there_are_no_averages(make: Factory, admin: Api) -> None:
    found = await statistics(admin, make.word())

    assert (found["total"], found["byCategory"], found["byAssignee"]) == (0, [], [])
    assert (found["averageRating"], found["ratingCount"]) == (None, 0)
    assert found["resolutionTime"] == {
        "count": 0,
        "medianSeconds": None,
        "percentile90Seconds": None,
    }


@pytest.mark.parametrize(
    ("variables", "path"),
    [
        ({"days": 0}, "days"),
        ({"days": 367}, "days"),
        ({"timeZone": "Mars/Olympus"}, "timeZone"),
        ({"timeZone": "../../etc/passwd"}, "timeZone"),
        ({"timeZone": ""}, "timeZone"),
        ({"timeZone": "\x00"}, "timeZone"),
    ],
)
async def test_days_and_time_zones_that_cannot_be_are_refused(
    variables: Data, path: str, admin: Api
) -> None:
    (error,) = await admin.errors(STATISTICS, variables)

    assert error["extensions"]["code"] == "VALIDATION"
    assert error["extensions"]["fields"][0]["path"] == path
