"""A client of the API, as one actor would use it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import httpx
from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

from graph.schema import schema_types

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered. `text` is its body as it came."""

    status: int
    headers: Mapping[str, str]
    text: str
    data: Data | None
    errors: list[Data]

    @property
    def codes(self) -> list[str]:
        """Of each error its `extensions.code`."""
        return [error["extensions"]["code"] for error in self.errors]


class Api:
    """One actor's way to a server; `credential` is an access token or an API key."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        credential: str | None = None,
        *,
        customer_id: str | None = None,
    ) -> None:
        self.http = http
        self.credential = credential
        self.headers: dict[str, str] = {}
        if credential is not None:
            self.headers["Authorization"] = f"Bearer {credential}"
        if customer_id is not None:
            self.headers["X-Customer-Id"] = customer_id

    def speaking_for(self, customer_id: str) -> "Api":
        """This bot, naming a customer with each request."""
        return Api(self.http, self.credential, customer_id=customer_id)

    async def post(
        self, content: bytes | str, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """For bodies that no client would write; `execute` writes proper ones."""
        response = await self.http.post(
            "/graphql",
            content=content,
            headers={"Content-Type": "application/json", **self.headers, **(headers or {})},
        )
        return _answer(response)

    async def execute(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        body: Data = {"query": document}
        if variables is not None:
            body["variables"] = dict(variables)
        response = await self.http.post(
            "/graphql", json=body, headers={**self.headers, **(headers or {})}
        )
        return _answer(response)

    async def query(self, document: str, variables: Mapping[str, Any] | None = None) -> Data:
        """The data; any error fails the test."""
        answer = await self.execute(document, variables)
        assert answer.status == 200, answer.text
        assert not answer.errors, answer.text
        assert answer.data is not None, answer.text
        return answer.data

    async def errors(self, document: str, variables: Mapping[str, Any] | None = None) -> list[Data]:
        """The errors; none fails the test."""
        answer = await self.execute(document, variables)
        assert answer.errors, answer.text
        return answer.errors

    async def mutate(
        self, mutation: str, /, *, ticket: str = "...WholeTicket", **arguments: Any
    ) -> Data:
        """The member of the result that `mutation` gave, with its `__typename`.

        `arguments` that are not the mutation's own go into its `input`, as in
        `mutate("assignTicket", ticketId=…, assigneeId=…)`. See `PAYLOADS` for what is selected,
        and `ticket` of a ticket.
        """
        document, has_input = mutation_document(mutation, ticket)
        variables = {"input": arguments} if has_input else arguments
        result = (await self.query(document, variables))[mutation]
        return {name.rpartition(_OF)[2]: value for name, value in result.items()}

    async def succeed(self, mutation: str, /, **arguments: Any) -> Data:
        """As `mutate`, where a Problem fails the test."""
        result = await self.mutate(mutation, **arguments)
        assert "code" not in result, result
        return result

    async def problem(self, mutation: str, /, **arguments: Any) -> Data:
        """As `mutate`, where success fails the test."""
        result = await self.mutate(mutation, ticket=TICKET, **arguments)
        assert "code" in result, result
        return result

    async def attach(
        self, ticket_id: str, name: str, content: bytes, **arguments: Any
    ) -> httpx.Response:
        """The file, as a request of multipart/form-data brings it: see `attached`."""
        document, _ = mutation_document("attachToTicket", TICKET)
        inputs = {"ticketId": ticket_id, "file": None, **arguments}
        operation = {"query": document, "variables": {"input": inputs}}
        return await self.http.post(
            "/graphql",
            data={"operations": json.dumps(operation), "map": '{"0": ["variables.input.file"]}'},
            files={"0": (name, content)},
            headers=self.headers,
        )

    async def attached(self, ticket_id: str, name: str, content: bytes, **arguments: Any) -> Data:
        """What `attachToTicket` gave, payload or problem."""
        answer = _answer(await self.attach(ticket_id, name, content, **arguments))
        assert answer.data, answer.text
        result = answer.data["attachToTicket"]
        return {name.rpartition(_OF)[2]: value for name, value in result.items()}

    async def ticket(self, ticket_id: str, selection: str = "...WholeTicket") -> Data | None:
        fragment = WHOLE_TICKET if "WholeTicket" in selection else ""
        document = f"query($id: String!) {{ ticket(ticketId: $id) {{ {selection} }} }} {fragment}"
        return (await self.query(document, {"id": ticket_id}))["ticket"]

    async def read(self, ticket_id: str, selection: str = "...WholeTicket") -> Data:
        """As `ticket`, where null fails the test."""
        ticket = await self.ticket(ticket_id, selection)
        assert ticket is not None, f"{ticket_id} is not visible"
        return ticket


def _answer(response: httpx.Response) -> Answer:
    is_json = response.headers.get("content-type", "").startswith(
        ("application/json", "application/graphql-response+json")
    )
    body: Data = response.json() if is_json else {}
    return Answer(
        status=response.status_code,
        headers=response.headers,
        text=response.text,
        data=body.get("data"),
        errors=body.get("errors") or [],
    )


TICKET = """
  id ticketId subject description subcategory priority status allowedTransitions tags source version
  createdAt updatedAt
  category { id label isRetired }
  location { address reference latitude longitude }
  customer { id name phone }
  conversation { id channel handler }
  assignee { id name }
"""
TICKET_DETAILS = """
  customer { statistics { totalTickets openTickets } }
  escalation { reason escalatedAt escalatedBy { kind name } escalatedTo { id name } }
  resolution { summary resolvedAt resolvedBy { kind name } }
  feedback { rating comment givenAt }
  sla { firstResponse { ...Target } resolution { ...Target } pausedIntervals { from to } }
  statusHistory { from to reason changedAt changedBy { kind name } }
  links { kind isOutgoing ticket { ticketId } }
  notes(first: 100) { nodes { id content visibility createdAt author { kind name } } }
  history(first: 100) {
    nodes { __typename id ticketId version reason occurredAt actor { kind name }
      changes { field from to } }
  }
"""
WHOLE_TICKET = f"""
fragment WholeTicket on Ticket {{ {TICKET} {TICKET_DETAILS} }}
fragment Target on SlaTarget {{ state dueAt completedAt elapsedSeconds remainingSeconds }}
"""
WHOLE_CONFIGURATION = """
fragment WholeConfiguration on Configuration {
  ticketCategories {
    ...Version categories { id label labelEn description icon color isRetired }
  }
  assistant {
    ...Version
    assistantName companyName primaryServiceIssue serviceType greetingMessage language
  }
  terminology {
    ...Version ticketSingular ticketPlural createVerb customerNoun agentNoun resolveVerb
  }
  ticketIdFormat { ...Version prefix includeYear padLength separator example }
  instructionsTemplate { ...Version template variables }
  slaTargets {
    ...Version urgent { ...Minutes } high { ...Minutes } medium { ...Minutes } low { ...Minutes }
  }
  presetsSection {
    ...Version presets { id label labelEn isBuiltIn sections document }
  }
}
fragment Version on VersionedSection {
  version isDefault isEditable updatedAt updatedBy { kind name } problem
}
fragment Minutes on SlaMinutes { firstResponseMinutes resolutionMinutes }
"""

# What `Api.mutate` selects of a payload's objects; their leaves are all selected.
PAYLOADS = {
    "Customer": "id name phone email language externalId",
    "Conversation": "id channel externalId handler handledBy { id name }",
    "Message": "id author text externalId sentAt writtenBy { kind name }",
    "Agent": "id name email role isActive",
    "ApiKey": "id name prefix createdAt expiresAt revokedAt lastUsedAt",
    "Configuration": "...WholeConfiguration",
    "Viewer": "id name role permissions",
    "FieldProblem": "path message",
    "AnswerUsage": "model rounds inputTokens cachedTokens outputTokens milliseconds revision",
    "ToolOutput": "callId output",
    "RevisionChange": "path from to",
    "AssistantRevision": "hash content tools instructions activatedAt changes { path from to } "
    "hostedAgent { agentId problem syncedAt }",
}


# Two members of a union cannot give one name to fields of two types, as a payload's `ticket`, which
# is never null, and a problem's; so each object is asked for under its member's name.
_OF = "__of__"


@cache
def _schema() -> GraphQLSchema:
    return schema_types()


@cache
def mutation_document(name: str, ticket: str) -> tuple[str, bool]:
    """A mutation that selects every member of its result; whether it takes one `input`."""
    mutations = _schema().mutation_type
    assert mutations is not None
    field = mutations.fields[name]
    variables = ", ".join(f"${key}: {argument.type}" for key, argument in field.args.items())
    passed = ", ".join(f"{key}: ${key}" for key in field.args)
    result = cast("GraphQLUnionType", get_named_type(field.type))
    members = " ".join(
        f"... on {member.name} {{ {_selection(member, ticket)} }}" for member in result.types
    )
    call = f"{name}({passed})" if passed else name
    head = f"mutation({variables})" if variables else "mutation"
    document = f"{head} {{ {call} {{ __typename {members} }} }}"
    if "...WholeTicket" in document:
        document += WHOLE_TICKET
    if "...WholeConfiguration" in document:
        document += WHOLE_CONFIGURATION
    is_input = "input" in field.args and isinstance(
        get_named_type(field.args["input"].type), GraphQLInputObjectType
    )
    return document, is_input


def _selection(member: GraphQLObjectType, ticket: str) -> str:
    objects = {**PAYLOADS, "Ticket": ticket}
    selected: list[str] = []
    for name, field in member.fields.items():
        of_type = cast("GraphQLNamedType", get_named_type(field.type))
        if is_leaf_type(of_type):
            selected.append(name)
        elif isinstance(of_type, GraphQLObjectType | GraphQLInterfaceType) and (
            inner := objects.get(of_type.name)
        ):
            selected.append(f"{member.name}{_OF}{name}: {name} {{ {inner} }}")
    return " ".join(selected) or "__typename"
