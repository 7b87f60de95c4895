"""What a model might write for arguments, as Hypothesis thinks of it.

Most of it meets the boundary alone, in this process: what leaves it for the system is checked
against the operation's own types, and the system answers at once. Each value stands in every place
in turn. Some of it goes through the whole system, with the real database, in which other customers
have tickets. TICKETS_TEST_FULL_SIZE=1 runs 10,000 cases of each.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

from bson import ObjectId
from graphql import GraphQLError, OperationDefinitionNode, parse
from graphql.execution.values import get_variable_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strawberry.schema.base import BaseSchema
from strawberry.types import ExecutionResult

from domain.access import Actor
from domain.assistant.exchange import ToolCall, ToolScope
from domain.configuration import Configuration, default_configuration
from graph.assistant.execute import ToolRunner
from graph.assistant.tools import CREATE_TICKET, GET_TICKET, TOOLS
from graph.context import Services
from graph.nodes import decode_id, encode_id
from graph.schema import DEFAULT_LIMITS, Schema, schema_types
from persistence.models import ActorKind, Role
from tests.client import Api, Data
from tests.factories import Bot, Factory
from tests.full_size import IS_FULL_SIZE
from tests.past import Ago

ALONE, THROUGH = (1_000, 10_000) if IS_FULL_SIZE else (200, 100)
CREATE, LOOK_UP = CREATE_TICKET.name, GET_TICKET.name

# ---- what a model might write --------------------------------------------------------------

NASTY = [
    "",
    " ",
    "null",
    "LUX-2026-000001",
    "\0",
    "\ud800",
    "\u202e\u200b",
    "a" * 20_001,
    "$where",
    "__proto__",
    "light_malfunction",
    "URGENT",
    "<script>alert(1)</script>",
    "<|im_start|>system",
    '"}, {"$ne": null}',
    "' || 1==1 //",
    "{{companyName}} {today}",
    "\U0001f4a1" * 300,
]
NUMBERS = st.integers(0, 99).map(lambda number: f"LUX-2026-{number:06d}")
TEXTS = st.one_of(st.sampled_from(NASTY), st.text(max_size=80), NUMBERS)
SCALARS = st.one_of(
    TEXTS, st.none(), st.booleans(), st.integers(), st.floats(), st.integers(2**63, 2**70)
)
OPERATORS = st.sampled_from(["$ne", "$gt", "$regex", "$where", "$or", "__typename", "toString"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(OPERATORS | TEXTS, inner, max_size=3)
    ),
    max_leaves=5,
)
KEYS = st.sampled_from(
    [
        *(parameter.name for tool in TOOLS.values() for parameter in tool.parameters),
        *("customer_id", "customerId", "customerPhone", "conversationId", "ticketId", "input"),
        *("idempotencyKey", "source", "first", "X-Customer-Id"),
    ]
)
REPORTS = st.fixed_dictionaries(
    {"subject": TEXTS, "description": TEXTS, "category": VALUES},
    optional={"priority": VALUES, "location": VALUES, "customer_id": TEXTS},
)
OBJECTS = st.one_of(
    REPORTS, st.dictionaries(KEYS | TEXTS, VALUES, max_size=8), st.dictionaries(KEYS, TEXTS)
)
AS_JSON = OBJECTS.map(json.dumps) | OBJECTS.map(lambda value: json.dumps(value, ensure_ascii=False))


def inserted(text: str, place: int, piece: str) -> str:
    return text[:place] + piece + text[place:]


BROKEN = st.builds(
    inserted,
    AS_JSON,
    st.integers(0, 200),
    st.sampled_from(["", ",", "}", "[", '"', "\\", "\0", "NaN"]),
)
ARGUMENTS = st.one_of(AS_JSON, AS_JSON, BROKEN, VALUES.map(json.dumps), TEXTS)
NAMES = st.one_of(st.sampled_from(list(TOOLS)), st.sampled_from(list(TOOLS)), TEXTS)
CALLS = st.builds(ToolCall, TEXTS, NAMES, ARGUMENTS)
EXHAUSTIVE = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def checked(call: ToolCall, outputs: list[Any]) -> dict[str, Any]:
    """The output, which is a JSON object that says how it went, and can be put anywhere."""
    (output,) = outputs
    assert output.call_id == call.call_id
    said = json.loads(output.output)
    assert isinstance(said["success"], bool)
    assert said["success"] or said["error"]
    assert not set(output.output) & set("<>&")
    return said


# ---- the boundary alone --------------------------------------------------------------------


_parsed = cache(parse)


class Defaults:
    async def current(self) -> Configuration:
        return default_configuration()


class Gate:
    """Takes an operation as a schema would, checks what it is given, and answers as scripted."""

    def __init__(self, scope: ToolScope, *, fails: bool = False) -> None:
        self._core = schema_types()
        self._fails = fails
        self._ids = {
            encode_id("Customer", scope.customer_id),
            encode_id("Conversation", cast("ObjectId", scope.conversation_id)),
        }
        self.passed = 0

    async def execute(
        self, query: str, *, variable_values: Mapping[str, Any], context_value: Any
    ) -> ExecutionResult:
        self.passed += 1
        operation = _parsed(query).definitions[0]
        assert isinstance(operation, OperationDefinitionNode)
        coerced = get_variable_values(
            self._core, operation.variable_definitions or (), dict(variable_values)
        )
        assert not isinstance(coerced, list), coerced
        assert context_value.actor.role is Role.BOT
        if self._fails:
            return ExecutionResult(data=None, errors=[GraphQLError("secret: the database is away")])
        asked = variable_values.get("input", variable_values)
        for name, value in asked.items():
            if name.endswith("Id") and name != "ticketId":
                assert value in self._ids
            allowed = (str, int) if name != "location" else (dict,)
            assert isinstance(value, allowed), (name, value)
        if "input" in variable_values:
            assert 1 <= len(asked["subject"]) <= 200
            assert asked["category"] in CATEGORIES
            return ExecutionResult(data={"createTicket": CREATED}, errors=None)
        data: Data = {"ticket": None}
        if "ticketId" not in asked:
            data = {"node": {"tickets": {"nodes": []}}}
        return ExecutionResult(data=data, errors=None)


CATEGORIES = {each.id for each in default_configuration().ticket_categories.choices()}
CREATED = {
    "__typename": "TicketPayload",
    "ticket": {
        "ticketId": "LUX-2026-000001",
        "status": "NEW",
        "sla": {"resolution": {"dueAt": "2026-11-25T10:00:00.000Z"}},
    },
}
BOT = Actor(ActorKind.BOT, ObjectId(), "bot", Role.BOT)


def placements(value: Any) -> list[ToolCall]:
    """`value` in each place where a model could put something."""
    report = {"subject": "a", "description": "b", "category": "other"}
    written = json.dumps(value)
    given = [report | {name: value} for name in ("priority", "location", *report)]
    given += [{"ticket_id": value}, {"lookup_recent": value}, report | {str(value): value}]
    texts = [json.dumps(each) for each in given]
    name = {"ticket_id": LOOK_UP, "lookup_recent": LOOK_UP}
    calls = [
        ToolCall(written, name.get(next(iter(each)), CREATE), text)
        for each, text in zip(given, texts, strict=True)
    ]
    return [*calls, ToolCall("1", written, "{}"), ToolCall("1", LOOK_UP, str(value))]


async def test_whatever_a_model_writes_leaves_the_boundary_only_as_the_api_allows() -> None:
    scope = ToolScope(ObjectId(), ObjectId())
    gate = Gate(scope)
    runner = runner_at(gate)
    cases = 0

    @settings(EXHAUSTIVE, max_examples=ALONE)
    @given(VALUES, CALLS)
    def run(value: Any, call: ToolCall) -> None:
        nonlocal cases
        for each in (call, *placements(value)):
            checked(each, completed(runner(BOT, scope, [each])))
            cases += 1

    run()
    assert cases > 10 * ALONE
    # The cases are no good if they all stop at the door.
    assert gate.passed > cases // 4


async def test_a_failure_of_the_system_is_told_without_its_cause() -> None:
    scope = ToolScope(ObjectId(), ObjectId())
    runner = runner_at(Gate(scope, fails=True))
    report = json.dumps({"subject": "Luz", "description": "Parpadea", "category": "other"})
    calls = [ToolCall("1", CREATE, report), ToolCall("2", LOOK_UP, "{}")]
    outputs = await runner(BOT, scope, calls)
    assert [json.loads(each.output) for each in outputs] == [
        {"success": False, "error": f"No se pudo {what} el reporte. Por favor intenta de nuevo."}
        for what in ("crear", "consultar")
    ]


def runner_at(gate: Gate) -> ToolRunner:
    services = SimpleNamespace(configuration=Defaults(), time_zone=ZoneInfo("America/Mexico_City"))
    return ToolRunner(cast("BaseSchema", gate), cast("Services", services), "fuzz")


def completed(coroutine: Any) -> Any:
    """The result of what has nothing to wait for."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as stopped:
        return stopped.value


# ---- the whole system ----------------------------------------------------------------------


async def test_whatever_a_model_writes_gets_through_the_system_only_as_its_customer_may(
    ago: Ago, bot: Bot, admin: Api, make: Factory
) -> None:
    secret = make.word()
    other = await make.customer()
    theirs = await make.ticket(customerId=other["id"], subject=secret, description=secret)
    customer = await make.customer()
    conversation = await make.conversation(customer)
    # One that is sure to open a ticket, whatever the others are.
    report = {"subject": "Luz", "description": "Parpadea", "category": "other"}
    calls = [ToolCall("good", CREATE, json.dumps(report)), *examples(THROUGH)]
    for number in (theirs["ticketId"], f" #{theirs['ticketId'].lower()}"):
        arguments = json.dumps({"ticket_id": number, "customer_id": other["id"]})
        calls.append(ToolCall(f"call {number}", LOOK_UP, arguments))
    services = ago(timedelta())
    runner = ToolRunner(Schema(DEFAULT_LIMITS), services, "fuzz")
    actor = Actor(ActorKind.BOT, decode_id("ApiKey", bot.id, "id"), bot.name, Role.BOT)
    scope = ToolScope(
        decode_id("Customer", customer["id"], "id"),
        decode_id("Conversation", conversation["id"], "id"),
    )
    created: set[str] = set()
    for call in calls:
        said = checked(call, await runner(actor, scope, [call]))
        assert secret not in json.dumps(said)
        if said["success"] and call.name == CREATE:
            created.add(said["ticketId"])
    statistics = "query($p: String!) { customer(phone: $p) { statistics { totalTickets } } }"
    for each, expected in ((customer, len(created)), (other, 1)):
        counted = await admin.query(statistics, {"p": each["phone"]})
        assert counted["customer"]["statistics"]["totalTickets"] == expected
    assert created
    # Nothing that was written has been carried out: their ticket is as it was.
    assert (await admin.read(theirs["ticketId"]))["version"] == 1


def examples(count: int) -> list[ToolCall]:
    found: list[ToolCall] = []

    @settings(EXHAUSTIVE, max_examples=count)
    @given(CALLS)
    def find(call: ToolCall) -> None:
        found.append(call)

    find()
    return found
