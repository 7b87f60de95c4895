"""What the database itself says happened: whether its tickets, events and notes agree.

Reads documents and nothing of the system's own code, so that it cannot be wrong in the same way.
"""

from collections import defaultdict
from typing import Any

from persistence.database import Database

Document = dict[str, Any]
# Of a ticket as it was at one version; these the event's `after` has under the ticket's own names.
FACTS = (
    "status",
    "priority",
    "category",
    "tags",
    "source",
    "customer_id",
    "conversation_id",
    "assignee_id",
    "audience",
    "created_at",
    "updated_at",
)


class Ledger:
    def __init__(
        self, tickets: list[Document], events: list[Document], notes: list[Document]
    ) -> None:
        self.tickets = {ticket["_id"]: ticket for ticket in tickets}
        self.notes = notes
        self.histories: dict[Any, list[Document]] = defaultdict(list)
        for event in sorted(events, key=lambda event: event["version"]):
            self.histories[event["ticket_key"]].append(event)

    @classmethod
    async def read(cls, database: Database) -> "Ledger":
        return cls(
            *[
                await database.named_collection(name).find({}).to_list(None)
                for name in ("tickets", "ticket_events", "notes")
            ]
        )

    @property
    def numbers(self) -> list[str]:
        return [ticket["ticket_id"] for ticket in self.tickets.values()]

    def check(self) -> None:
        """No ticket without its events, no event without its change, no number twice."""
        assert len(self.numbers) == len(set(self.numbers))
        assert self.histories.keys() == self.tickets.keys()
        for key, ticket in self.tickets.items():
            self._check_history(ticket, self.histories[key])
        added = {
            event["note_key"]: (key, event["version"], event["note_visibility"])
            for key, history in self.histories.items()
            for event in history
            if event["type"] == "NOTE_ADDED"
        }
        assert added == {
            note["_id"]: (note["ticket_key"], note["position"], note["visibility"])
            for note in self.notes
        }

    def _check_history(self, ticket: Document, history: list[Document]) -> None:
        assert [event["version"] for event in history] == list(range(1, ticket["version"] + 1))
        assert [event["type"] == "CREATED" for event in history] == [True] + [False] * (
            len(history) - 1
        )
        assert {event["ticket_id"] for event in history} == {ticket["ticket_id"]}
        before = None
        for event in history:
            assert event["before"] == before, (event["before"], before)
            before = event["after"]
        assert before == {
            **{name: ticket[name] for name in FACTS},
            "escalated": ticket["escalation"] is not None,
            "sla_targets": ticket["sla"]["targets"],
        }
