"""What is measured: each workload's operation, and where the floor gives the same answer."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from bench.load import Request
from bench.seed import Seeded

_LIST_FIELDS = """
  ticketId subject status priority source version createdAt updatedAt
  category { label color } tags customer { name phone } assignee { name }
"""

_ONE_TICKET = """query One($id: String!) {
  ticket(ticketId: $id) {
    id ticketId subject description status priority source version createdAt updatedAt
    allowedTransitions tags
    category { id label color icon isRetired }
    customer { id name phone email }
    assignee { id name role }
    conversation { id channel handler }
    sla {
      firstResponse { completedAt }
      resolution { completedAt }
      pausedIntervals { from to }
    }
    statusHistory { from to changedAt changedBy { kind name } }
    notes(first: 20) { nodes { id content visibility createdAt author { kind name } } }
    history(first: 20) {
      nodes { id version occurredAt actor { kind name } changes { field from to } }
    }
    links { kind isOutgoing ticket { ticketId subject status } }
  }
}"""

_LIST = f"""query List($first: Int!) {{
  tickets(first: $first) {{ nodes {{ {_LIST_FIELDS} }} pageInfo {{ hasNextPage }} }}
}}"""

_SEARCH = f"""query Search($text: String!) {{
  tickets(first: 20, search: $text) {{ nodes {{ {_LIST_FIELDS} }} pageInfo {{ hasNextPage }} }}
}}"""

_CREATE = """mutation Create($input: CreateTicketInput!) {
  createTicket(input: $input) {
    ... on TicketPayload { ticket { subject status version } }
    ... on Problem { code message }
  }
}"""

_STATISTICS = """query Statistics {
  ticketStatistics(days: 30) {
    total unassigned escalated byStatus { status count } byPriority { priority count }
    perDay { date created resolved }
  }
}"""

_TOOL_CALL = """mutation Call($conversation: ID!, $calls: [ToolCallInput!]!) {
  executeToolCalls(conversationId: $conversation, calls: $calls) {
    ... on ToolCallsPayload { outputs { callId output } }
    ... on Problem { code message }
  }
}"""


@dataclass(frozen=True, slots=True)
class Workload:
    """`floor` is where the floor answers the same, None where there is nothing to compare with.

    `promised` is the greatest ratio to the floor's CPU that the project promises.
    """

    name: str
    document: str
    variables: dict[str, Any]
    floor: str | None = None
    promised: float | None = None
    credential: str = field(kw_only=True)

    def of_server(self) -> Request:
        body = orjson.dumps({"query": self.document, "variables": self.variables})
        return Request("/graphql", body, {"Authorization": f"Bearer {self.credential}"})

    def of_floor(self) -> Request | None:
        if self.floor is None:
            return None
        return Request(self.floor, orjson.dumps(self.variables), {})


def workloads(seeded: Seeded, access_token: str) -> list[Workload]:
    def by_admin(
        name: str,
        document: str,
        variables: Mapping[str, Any],
        floor: str | None = None,
        promised: float | None = None,
    ) -> Workload:
        given = dict(variables)
        return Workload(name, document, given, floor, promised, credential=access_token)

    new_ticket = {
        "subject": "La lámpara del poste no enciende",
        "description": "Se apagó anoche y no ha vuelto a encender.",
        "category": "light_malfunction",
        "customerId": seeded.customer_id,
    }
    look_up = {
        "callId": secrets.token_hex(8),
        "name": "get_ticket_information",
        "arguments": orjson.dumps({"ticket_id": seeded.ticket_id}).decode(),
    }
    calls = {"conversation": seeded.conversation_id, "calls": [look_up]}
    return [
        by_admin("one ticket", _ONE_TICKET, {"id": seeded.ticket_id}, "/one", 1.3),
        by_admin("list of 20", _LIST, {"first": 20}, "/list", 1.3),
        by_admin("list of 100", _LIST, {"first": 100}, "/list", 1.3),
        by_admin("search", _SEARCH, {"text": "luminaria centro"}, "/search"),
        by_admin("statistics", _STATISTICS, {}),
        Workload("a tool call", _TOOL_CALL, calls, credential=seeded.api_key),
        # Last: for all others there are to be as many tickets as were seeded.
        by_admin("create a ticket", _CREATE, {"input": new_ticket}, "/create", 1.5),
    ]
