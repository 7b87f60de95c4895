"""Running a model's tool calls: each is an operation of the API, executed in this process.

This is where what a model wrote meets the system. Who the customer is comes from the caller, never
from the arguments; the operation runs as a bot that speaks for that customer, which is all that it
can see and do. Whatever the arguments hold, a JSON object comes out that tells the model, in the
configured language, what happened or what to mend.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, cast

import orjson
from strawberry.schema.base import BaseSchema

from domain.access import Actor
from domain.assistant.exchange import ToolCall, ToolOutput, ToolScope
from domain.assistant.phrases import Phrase, Phrases
from domain.assistant.text import cut_at_word
from domain.configuration import FALLBACK_CATEGORY, Configuration
from domain.errors import ProblemCode
from domain.sessions import Identity
from domain.validation import SUBJECT_LENGTH
from graph.assistant.strict import JsonObject
from graph.assistant.tools import CREATE_TICKET, GET_TICKET, TOOLS
from graph.context import Context, Services
from graph.nodes import encode_id
from persistence.models import TicketPriority, TicketStatus

# How many of the customer's latest tickets a lookup without a number gives.
RECENT_TICKETS: Final = 5
# How much of each text a model is told, in characters: of one ticket, and of each of several.
WHOLE_TEXT: Final = 2_000
SHORT_TEXT: Final = 300
# How many of the latest public notes.
WHOLE_NOTES: Final = 20
SHORT_NOTES: Final = 3
LONGEST_ARGUMENTS: Final = 50_000

_CREATE: Final = """
mutation CreateTicketReport($input: CreateTicketInput!) {
  createTicket(input: $input) {
    __typename
    ... on TicketPayload { ticket { ticketId status sla { resolution { dueAt } } } }
    ... on Problem { code }
    ... on ValidationProblem { fields { path message } }
  }
}
"""
_FOUND: Final = """
fragment Found on Ticket {
  ticketId subject description status priority createdAt
  category { label labelEn }
  sla { resolution { dueAt } }
  resolution { summary resolvedAt }
  notes(first: 100, visibility: PUBLIC) { nodes { content createdAt author { name } } }
}
"""
_LOOK_UP: Final = (
    "query GetTicketInformation($ticketId: String!) { ticket(ticketId: $ticketId) { ...Found } }"
    + _FOUND
)
_LOOK_UP_RECENT: Final = (
    """
query GetRecentTickets($customerId: ID!, $first: Int!) {
  node(id: $customerId) { ... on Customer { tickets(first: $first) { nodes { ...Found } } } }
}
"""
    + _FOUND
)


class ToolRunner:
    """Runs calls against `schema`; see `domain.assistant.exchange.RunTools`."""

    def __init__(self, schema: BaseSchema, services: Services, request_id: str) -> None:
        self._schema = schema
        self._services = services
        self._request_id = request_id

    async def __call__(
        self, actor: Actor, scope: ToolScope, calls: Sequence[ToolCall]
    ) -> list[ToolOutput]:
        configuration = await self._services.configuration.current()
        model = actor.as_assistant_for(scope.customer_id)
        outputs: list[ToolOutput] = []
        for call in calls:
            # A context of its own: what one call has read must not hide what the next one did.
            identity = Identity(model, None)
            context = Context(self._services, identity, self._request_id, is_internal=True)
            run = _Run(self._schema, context, scope, configuration)
            outputs.append(ToolOutput(call.call_id, _as_json(await run.output_of(call))))
        return outputs


class _Refused(Exception):
    """What the model must do otherwise."""

    def __init__(self, phrase: Phrase, names: Sequence[str] = (), details: Sequence[str] = ()):
        super().__init__(phrase)
        self.phrase = phrase
        self.names = names
        self.details = details


class _Run:
    """One call."""

    def __init__(
        self,
        schema: BaseSchema,
        context: Context,
        scope: ToolScope,
        configuration: Configuration,
    ) -> None:
        self._schema = schema
        self._context = context
        self._scope = scope
        self._configuration = configuration
        self._phrases = Phrases(configuration)

    async def output_of(self, call: ToolCall) -> JsonObject:
        try:
            return await self._run(call)
        except _Refused as refused:
            error = self._phrases.say(refused.phrase, names=", ".join(refused.names))
            details = {"details": list(refused.details)} if refused.details else {}
            return {"success": False, "error": error, **details}

    async def _run(self, call: ToolCall) -> JsonObject:
        match call.name:
            case CREATE_TICKET.name:
                return await self._create(_parsed(call.arguments), call.call_id)
            case GET_TICKET.name:
                return await self._look_up(_parsed(call.arguments))
            case _:
                raise _Refused(Phrase.UNKNOWN_TOOL, list(TOOLS))

    async def _create(self, arguments: JsonObject, call_id: str) -> JsonObject:
        if missing := [
            name for name in ("subject", "description", "category") if _is_blank(arguments, name)
        ]:
            raise _Refused(Phrase.MISSING, missing)
        subject = " ".join(_text(arguments, "subject").split())
        ticket: JsonObject = {
            "subject": cut_at_word(subject, SUBJECT_LENGTH),
            "description": _text(arguments, "description"),
            "category": self._category(arguments["category"]),
            "idempotencyKey": self._idempotency_key(call_id),
        }
        if (priority := arguments.get("priority")) in list(TicketPriority):
            ticket["priority"] = priority
        if not _is_blank(arguments, "location"):
            ticket["location"] = {"address": _text(arguments, "location")}
        if self._scope.conversation_id is not None:
            ticket["conversationId"] = encode_id("Conversation", self._scope.conversation_id)
        data = await self._execute(_CREATE, {"input": ticket}, otherwise=Phrase.NOT_CREATED)
        result = data["createTicket"]
        if result["__typename"] != "TicketPayload":
            raise _refusal_of(result)
        created = result["ticket"]
        return {
            "success": True,
            "ticketId": created["ticketId"],
            "status": created["status"],
            "resolutionDueAt": self._local(created["sla"]["resolution"]["dueAt"]),
            "message": self._phrases.say(Phrase.CREATED),
        }

    async def _look_up(self, arguments: JsonObject) -> JsonObject:
        if _is_blank(arguments, "ticket_id"):
            return await self._look_up_recent()
        number = _text(arguments, "ticket_id").removeprefix("#").upper()
        data = await self._execute(_LOOK_UP, {"ticketId": number}, otherwise=Phrase.NOT_READ)
        if data["ticket"] is None:
            raise _Refused(Phrase.NOT_FOUND)
        found = self._described(data["ticket"], longest=WHOLE_TEXT, notes=WHOLE_NOTES)
        message = self._phrases.say(
            Phrase.FOUND, number=found["ticketId"], status=found["statusText"]
        )
        return {"success": True, **found, "message": message}

    async def _look_up_recent(self) -> JsonObject:
        variables = {
            "customerId": encode_id("Customer", self._scope.customer_id),
            "first": RECENT_TICKETS,
        }
        data = await self._execute(_LOOK_UP_RECENT, variables, otherwise=Phrase.NOT_READ)
        if data["node"] is None:
            raise _Refused(Phrase.NOT_READ)
        tickets = [
            self._described(ticket, longest=SHORT_TEXT, notes=SHORT_NOTES)
            for ticket in data["node"]["tickets"]["nodes"]
        ]
        phrase = Phrase.FOUND_RECENT if tickets else Phrase.NONE_RECENT
        message = self._phrases.say(phrase, count=str(len(tickets)))
        return {"success": True, "tickets": tickets, "message": message}

    async def _execute(
        self, document: str, variables: JsonObject, *, otherwise: Phrase
    ) -> JsonObject:
        """The data; `otherwise` is said where there is none, whose cause has been logged."""
        result = await self._schema.execute(
            document, variable_values=variables, context_value=self._context
        )
        if result.errors or result.data is None:
            raise _Refused(otherwise)
        return result.data

    def _described(self, ticket: JsonObject, *, longest: int, notes: int) -> JsonObject:
        """A ticket as the model may tell the customer of it."""
        resolution, due_at = ticket["resolution"], ticket["sla"]["resolution"]["dueAt"]
        return {
            "ticketId": ticket["ticketId"],
            "status": ticket["status"],
            "statusText": self._phrases.status(TicketStatus(ticket["status"])),
            "subject": ticket["subject"],
            "description": cut_at_word(ticket["description"], longest),
            "category": self._label(ticket["category"]),
            "priority": ticket["priority"],
            "createdAt": self._local(ticket["createdAt"]),
            "resolutionDueAt": None if resolution else self._local(due_at),
            "resolution": resolution and cut_at_word(resolution["summary"], longest),
            "notes": [
                {
                    "at": self._local(note["createdAt"]),
                    "by": note["author"]["name"],
                    "text": cut_at_word(note["content"], longest),
                }
                for note in ticket["notes"]["nodes"][-notes:]
            ],
        }

    def _category(self, wanted: object) -> str:
        choices = [each.id for each in self._configuration.ticket_categories.choices()]
        return cast("str", wanted) if wanted in choices else FALLBACK_CATEGORY

    def _label(self, category: JsonObject) -> str:
        is_english = self._configuration.assistant.language == "en"
        return (is_english and category["labelEn"]) or category["label"]

    def _idempotency_key(self, call_id: str) -> str:
        """The provider's id, within the conversation; digested, since it may be of any length."""
        scope = self._scope.conversation_id or self._scope.customer_id
        return (
            "call:"
            + hashlib.sha256(
                # What came as JSON may hold surrogates, which only this way have an encoding.
                f"{scope}:{call_id}".encode(errors="surrogatepass")
            ).hexdigest()
        )

    def _local(self, instant: str) -> str:
        """As the business reads its clocks, so that the model need not convert anything."""
        at = datetime.fromisoformat(instant).astimezone(self._context.services.time_zone)
        return at.isoformat(timespec="minutes")


def _parsed(arguments: str) -> JsonObject:
    """Nothing at all, which some models write for no arguments, is an empty object."""
    if len(arguments) > LONGEST_ARGUMENTS:
        raise _Refused(Phrase.NOT_JSON)
    if not arguments.strip():
        return {}
    try:
        # No NaN and no lone surrogates, which nothing further in could store.
        parsed: Any = orjson.loads(arguments)
    except ValueError:
        raise _Refused(Phrase.NOT_JSON) from None
    if not isinstance(parsed, dict):
        raise _Refused(Phrase.NOT_JSON)
    return cast("JsonObject", parsed)


def _is_blank(arguments: JsonObject, name: str) -> bool:
    value = arguments.get(name)
    return value is None or (isinstance(value, str) and not value.strip())


def _text(arguments: JsonObject, name: str) -> str:
    value = arguments[name]
    if not isinstance(value, str):
        raise _Refused(Phrase.NOT_OF_TYPE, [name])
    return value.strip()


def _refusal_of(problem: JsonObject) -> _Refused:
    if problem["code"] == ProblemCode.IDEMPOTENCY_MISMATCH:
        return _Refused(Phrase.REPEATED_CALL)
    if problem["code"] != ProblemCode.VALIDATION:
        return _Refused(Phrase.NOT_CREATED)
    faults = problem["fields"]
    return _Refused(
        Phrase.INVALID,
        # Named as the model knows them: `location` for `location.address`.
        list(dict.fromkeys(fault["path"].partition(".")[0] for fault in faults)),
        [f"{fault['path']}: {fault['message']}" for fault in faults],
    )


# Letters by which text could become markup, or a model's own control tokens, wherever it is put.
_ESCAPES: Final = str.maketrans({letter: f"\\u{ord(letter):04x}" for letter in "<>&"})


def _as_json(output: JsonObject) -> str:
    return orjson.dumps(output).decode().translate(_ESCAPES)
