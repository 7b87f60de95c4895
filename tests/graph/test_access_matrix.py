"""Every role tries every query, field and mutation on what it may and may not see.

The operations are generated from the schema and judged by the table in `visibility`, which says how
to extend it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, islice
from typing import Any, cast

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

from graph.nodes import encode_cursor, encode_id
from graph.schema import schema_types
from tests.client import WHOLE_TICKET, Answer, Api, Data, mutation_document
from tests.factories import Factory, Person
from tests.graph.visibility import (
    ARGUMENTS,
    EMPTY_ON_STAGE,
    EVERYBODY,
    MUTATIONS,
    VISIBILITY,
    Target,
    readers_of,
)

ROLES = ("ADMIN", "SUPERVISOR", "AGENT", "BOT")
SCHEMA = schema_types()
Composite = GraphQLObjectType | GraphQLInterfaceType


# ---- the table -----------------------------------------------------------------------------


def composites() -> Iterator[Composite]:
    for name, each in SCHEMA.type_map.items():
        if isinstance(each, GraphQLObjectType | GraphQLInterfaceType) and not name.startswith("__"):
            yield each


def type_of(each: GraphQLField) -> GraphQLNamedType:
    return cast(GraphQLNamedType, get_named_type(cast(Any, each).type))


def readers(parent: Composite, name: str) -> frozenset[str] | None:
    return readers_of(parent.name, name, tuple(each.name for each in parent.interfaces))


def test_every_field_says_who_may_read_it() -> None:
    unsaid = [
        f"{each.name}.{name}"
        for each in composites()
        if each is not SCHEMA.mutation_type
        for name in each.fields
        if readers(each, name) is None
    ]

    assert not unsaid, "give each a line in tests/graph/visibility.py"


def test_every_mutation_says_who_may_call_it() -> None:
    assert SCHEMA.mutation_type
    assert MUTATIONS.keys() == SCHEMA.mutation_type.fields.keys()


def test_the_table_speaks_of_nothing_that_is_gone() -> None:
    known = {each.name for each in composites()}
    known |= {f"{each.name}.{name}" for each in composites() for name in each.fields}
    for suffix in ("Connection", "Edge"):
        some = next(each for each in composites() if each.name.endswith(suffix))
        known |= {f"*{suffix}.{name}" for name in some.fields}

    assert not VISIBILITY.keys() - known
    assert not ARGUMENTS.keys() - known
    assert not EMPTY_ON_STAGE - known


# ---- the stage -----------------------------------------------------------------------------


@dataclass
class Stage:
    """Who tries, and on what.

    Everybody sees the ticket `seen`, which has everything that a ticket can have. Neither the
    agent nor the bot may see `hidden`, nor the bot the customer whose it is. `markers` are words
    that stand where the named role may not look; `heard` is every answer that a role got.
    """

    make: Factory
    actors: Mapping[str, Api]
    people: Mapping[str, Person]
    outsider: Person
    customer: Data
    conversation: Data
    other_customer: Data
    other_conversation: Data
    seen: Data
    hidden: Data
    nodes: Mapping[str, list[str]]
    markers: Mapping[str, Mapping[str, str]]
    heard: dict[str, list[str]] = field(default_factory=lambda: {role: [] for role in ROLES})

    async def ask(
        self, role: str, document: str, variables: Mapping[str, Any] | None = None
    ) -> Answer:
        answer = await self.actors[role].execute(document, variables)
        self.heard[role].append(answer.text)
        return answer

    def sees_everything(self, role: str) -> bool:
        return role in ("ADMIN", "SUPERVISOR")

    async def visible(self, kind: str, role: str) -> str:
        """A thing of that kind that `role` may see, new where an attempt would change it."""
        match kind:
            case "ticket":
                return (await self._ticket(role))["ticketId"]
            case "resolved ticket":
                ticket_id = (await self._ticket(role))["ticketId"]
                await self.actors["ADMIN"].succeed(
                    "resolveTicket", ticketId=ticket_id, summary="Done."
                )
                return ticket_id
            case "note":
                author = self.actors["ADMIN" if role == "BOT" else role]
                noted = await author.succeed(
                    "addTicketNote",
                    ticketId=(await self._ticket(role))["ticketId"],
                    content="Mine.",
                    visibility="PUBLIC",
                )
                return noted["ticket"]["notes"]["nodes"][0]["id"]
            case "agent":
                return (await self.make.account())["id"]
            case "api key":
                return (await self.make.bot()).id
            case _:
                return {
                    "customer": self.customer["id"],
                    "phone": self.customer["phone"],
                    "conversation": self.conversation["id"],
                    "node": self.seen["id"],
                }[kind]

    async def _ticket(self, role: str) -> Data:
        if role == "AGENT":
            return await self.make.assigned_ticket(self.people["AGENT"])
        return await self.make.ticket(customerId=self.customer["id"])

    async def invisible(self, kind: str, role: str) -> str | None:
        """A thing of that kind that is there and not for `role`; None where there is no such."""
        if self.sees_everything(role):
            return None
        match kind:
            case "ticket" | "resolved ticket":
                return self.hidden["ticketId"]
            case "note":
                return self.nodes["Note"][0]
            case _ if role == "BOT":
                return {
                    "customer": self.other_customer["id"],
                    "phone": self.other_customer["phone"],
                    "conversation": self.other_conversation["id"],
                }.get(kind)
            case _:
                return None

    def unknown(self, kind: str, role: str) -> str | None:
        """What is nothing's; None where naming it makes it."""
        match kind:
            case "ticket" | "resolved ticket":
                return "LUX-2020-999999"
            case "phone":
                return self.make.phone() if role == "BOT" else None
            case _:
                type_name = {"api key": "ApiKey"}.get(kind, kind.title())
                return encode_id(type_name, NOBODY)


@pytest.fixture(scope="module")
async def stage(make: Factory, admin: Api) -> Stage:
    staff = {word: make.word() for word in ("agent", "supervisor", "colleague")}
    agent, supervisor, outsider = [
        await make.person(role, name=f"Name {mark}", email=f"{mark}@example.com")
        for role, mark in zip(("AGENT", "SUPERVISOR", "AGENT"), staff.values(), strict=True)
    ]
    bot = await make.bot(expires_at="2099-01-01T00:00:00Z")
    await admin.succeed("revokeApiKey", id=(await make.bot()).id)
    customer = await make.customer(
        email="seen@example.com", language="es-MX", externalId=make.word()
    )
    conversation = await make.conversation(customer, externalId=make.word())
    speaking = bot.api.speaking_for(customer["id"])
    hidden = {
        word: make.word()
        for word in ("subject", "description", "tag", "public note", "internal note", "reason")
    }
    internal = {word: make.word() for word in ("note", "escalation", "lifted", "step")}
    private = {word: make.word() for word in ("customer", "message", "key")}

    other_customer = await make.customer(name=private["customer"])
    other_conversation = await make.conversation(other_customer)
    hidden_ticket = await make.assigned_ticket(
        outsider,
        subject=hidden["subject"],
        description=hidden["description"],
        tags=[hidden["tag"]],
        customerId=other_customer["id"],
        conversationId=other_conversation["id"],
    )
    for visibility, text in (("PUBLIC", "public note"), ("INTERNAL", "internal note")):
        hidden_ticket = (
            await outsider.api.succeed(
                "addTicketNote",
                ticketId=hidden_ticket["ticketId"],
                content=hidden[text],
                visibility=visibility,
            )
        )["ticket"]
    await outsider.api.succeed(
        "escalateTicket", ticketId=hidden_ticket["ticketId"], reason=hidden["reason"]
    )
    other_said = await bot.api.speaking_for(other_customer["id"]).succeed(
        "recordMessage", conversationId=other_conversation["id"], text=private["message"]
    )
    named_key = await make.bot(name=private["key"])

    seen = await _ticket_with_everything(
        make,
        bot=speaking,
        agent=agent,
        supervisor=supervisor,
        conversation=conversation,
        internal=internal,
        hidden_ticket_id=hidden_ticket["ticketId"],
    )
    own_internal = next(
        note["id"] for note in seen["notes"]["nodes"] if note["visibility"] == "INTERNAL"
    )
    return Stage(
        make=make,
        actors={
            "ADMIN": admin,
            "SUPERVISOR": supervisor.api,
            "AGENT": agent.api,
            "BOT": speaking,
        },
        people={"AGENT": agent, "SUPERVISOR": supervisor},
        outsider=outsider,
        customer=customer,
        conversation=conversation,
        other_customer=other_customer,
        other_conversation=other_conversation,
        seen=seen,
        hidden=hidden_ticket,
        nodes={
            "Note": [note["id"] for note in hidden_ticket["notes"]["nodes"]],
            "own internal Note": [own_internal],
            "Ticket": [hidden_ticket["id"]],
            "Customer": [other_customer["id"]],
            "Conversation": [other_conversation["id"]],
            "Message": [other_said["message"]["id"]],
            "Agent": [agent.id, outsider.id],
            "ApiKey": [named_key.id],
        },
        markers={"AGENT": hidden, "BOT": hidden | internal | private | staff},
    )


async def _ticket_with_everything(
    make: Factory,
    *,
    bot: Api,
    agent: Person,
    supervisor: Person,
    conversation: Data,
    internal: Mapping[str, str],
    hidden_ticket_id: str,
) -> Data:
    place = {"address": "Reforma 1", "reference": "Corner", "latitude": 19.4, "longitude": -99.1}
    details: Data = {"subcategory": "street", "tags": ["led"], "location": place}
    ticket = await make.ticket(
        by=bot, category="light_malfunction", conversationId=conversation["id"], **details
    )
    ticket_id = ticket["ticketId"]
    about = {"ticketId": ticket_id}
    await supervisor.api.succeed("assignTicket", **about, assigneeId=agent.id)
    api = agent.api
    await api.succeed("updateTicket", **about, subject="Seen", priority="HIGH")
    await api.succeed(
        "changeTicketStatus", **about, status="PENDING_CUSTOMER", reason=internal["step"]
    )
    said = {"conversationId": conversation["id"], "externalId": make.word()}
    await bot.succeed("recordMessage", **said, text="It is dark.")
    await api.succeed("recordMessage", conversationId=conversation["id"], text="We come.")
    await api.succeed("takeOverConversation", conversationId=conversation["id"])
    await api.succeed("addTicketNote", **about, content="Public.", visibility="PUBLIC")
    await api.succeed("addTicketNote", **about, content=internal["note"], visibility="INTERNAL")
    await api.succeed("escalateTicket", **about, reason=internal["lifted"])
    await api.succeed("liftEscalation", **about)
    await api.succeed("resolveTicket", **about, summary="New bulb.")
    await bot.succeed("recordMessage", conversationId=conversation["id"], text="Dark again.")
    await api.succeed("resolveTicket", **about, summary="Newer bulb.")
    await bot.succeed("recordFeedback", **about, rating=4, comment="At last.")
    await api.succeed(
        "escalateTicket", **about, reason=internal["escalation"], escalateToId=agent.id
    )
    beside = await make.ticket(by=bot, subject="Beside")
    for other, kind in ((beside["ticketId"], "FOLLOW_UP_OF"), (hidden_ticket_id, "RELATED")):
        await supervisor.api.succeed("linkTickets", **about, otherTicketId=other, kind=kind)
    closed = await api.succeed(
        "changeTicketStatus", **about, status="CLOSED", reason=internal["step"]
    )
    return closed["ticket"]


# ---- the ways to every type ----------------------------------------------------------------

NOBODY = cast(Any, "0" * 24)


@dataclass(frozen=True, slots=True)
class Step:
    """A field, what is passed to it, and the type to which its value is narrowed, if it is."""

    parent: str
    field: str
    narrowed: str | None = None


Way = tuple[Step, ...]


@cache
def ways(role: str) -> Mapping[str, Way]:
    """The shortest way to each type, by fields that `role` may read."""
    assert SCHEMA.query_type
    found: dict[str, Way] = {"Query": ()}
    queue: list[Composite] = [SCHEMA.query_type]
    for parent in queue:
        if parent.name in EMPTY_ON_STAGE:
            continue
        for name, each in parent.fields.items():
            may = role in (readers(parent, name) or ()) and can_pass(parent, name, each)
            if not may or f"{parent.name}.{name}" in EMPTY_ON_STAGE:
                continue
            for target, narrowed in targets(type_of(each)):
                may = role in VISIBILITY.get(target.name, EVERYBODY)
                if may and target.name not in found:
                    step = Step(parent.name, name, target.name if narrowed else None)
                    found[target.name] = (*found[parent.name], step)
                    queue.append(target)
    return found


def can_pass(parent: Composite, name: str, each: GraphQLField) -> bool:
    given = ARGUMENTS.get(f"{parent.name}.{name}", {})
    return all(key in given for key, each in each.args.items() if is_required_argument(each))


def targets(of_type: GraphQLNamedType) -> Iterator[tuple[Composite, bool]]:
    """What a field of that type can lead to, and whether one must narrow it."""
    if isinstance(of_type, GraphQLObjectType | GraphQLInterfaceType):
        yield of_type, False
    # `node` can lead to anything and leads to one ticket.
    if isinstance(of_type, GraphQLInterfaceType | GraphQLUnionType) and of_type.name != "Node":
        for each in SCHEMA.get_possible_types(of_type):
            yield each, True


async def document_for(
    stage: Stage,
    role: str,
    way: Way,
    selection: str = "__typename",
    *,
    declared: Mapping[str, Any] | None = None,
) -> tuple[str, Data]:
    """A query that goes `way` and selects there, and its variables, but for those `declared`."""
    variables: Data = {}
    types = dict(declared or {})
    text = selection
    for step in reversed(way):
        if step.narrowed:
            text = f"... on {step.narrowed} {{ {text} }}"
        passed: list[str] = []
        for key, value in ARGUMENTS.get(f"{step.parent}.{step.field}", {}).items():
            field_of = cast(Composite, SCHEMA.type_map[step.parent]).fields[step.field]
            types[key] = field_of.args[key].type
            passed.append(f"{key}: ${key}")
            variables[key] = await seen_value(stage, role, value)
        arguments = f"({', '.join(passed)})" if passed else ""
        text = f"{step.field}{arguments}" + (f" {{ __typename {text} }}" if text else "")
    heads = ", ".join(f"${key}: {of_type}" for key, of_type in types.items())
    head = f"query({heads})" if heads else "query"
    return f"{head} {{ {text} }}", variables


async def query_for(stage: Stage, role: str, name: str) -> tuple[str, Data]:
    """The shortest query that has that field."""
    assert SCHEMA.query_type
    is_leaf = is_leaf_type(type_of(SCHEMA.query_type.fields[name]))
    way = (Step("Query", name),)
    return await document_for(stage, role, way, "" if is_leaf else "__typename")


async def seen_value(stage: Stage, role: str, value: Any) -> Any:
    if value == Target("ticket"):
        return stage.seen["ticketId"]
    return await stage.visible(value.kind, role) if isinstance(value, Target) else value


def objects_at(data: Data | None, way: Way) -> list[Data]:
    level: list[Data] = [data or {}]
    for step in way:
        values = [each.get(step.field) for each in level]
        level = [each for each in flattened(values) if each is not None]
        if step.narrowed:
            level = [each for each in level if each["__typename"] == step.narrowed]
    return level


def flattened(values: list[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from flattened(cast(list[Any], value))
        else:
            yield value


def selected(name: str, each: GraphQLField) -> str:
    return name if is_leaf_type(type_of(each)) else f"{name} {{ __typename }}"


# ---- reading -------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
async def test_role_reads_every_field_that_it_may_and_no_other(role: str, stage: Stage) -> None:
    wrong: list[str] = []
    reached = ways(role)
    for type_name, way in reached.items():
        parent = cast(Composite, SCHEMA.type_map[type_name])
        if type_name == "Query" or type_name in EMPTY_ON_STAGE:
            continue
        fields = " ".join(selected(name, each) for name, each in parent.fields.items())
        answer = await stage.ask(role, *await document_for(stage, role, way, fields))
        found = objects_at(answer.data, way)
        if answer.errors or not found:
            wrong.append(f"{type_name}: {answer.text}")
            continue
        for name in parent.fields:
            may = role in (readers(parent, name) or ())
            has_value = any(each[name] not in (None, []) for each in found)
            if has_value and not may:
                wrong.append(f"{type_name}.{name} is read")
            if may and not has_value and must_have_value(parent, name, reached):
                wrong.append(f"{type_name}.{name} is empty")
    assert not wrong


def must_have_value(parent: Composite, name: str, reached: Mapping[str, Way]) -> bool:
    """Whether the field has a value on the stage, unless it is hidden.

    Of what an interface declares, some type that implements it has one.
    """
    declarers = [each.name for each in parent.interfaces if name in each.fields]
    keys = {f"{each}.{name}" for each in (parent.name, *declarers)}
    return not keys & EMPTY_ON_STAGE and not any(each in reached for each in declarers)


@pytest.mark.parametrize("role", ROLES)
async def test_role_asks_every_query_and_is_forbidden_what_is_not_its_own(
    role: str, stage: Stage
) -> None:
    assert SCHEMA.query_type
    wrong: list[str] = []
    for name, each in SCHEMA.query_type.fields.items():
        answer = await stage.ask(role, *await query_for(stage, role, name))
        may = role in (readers(SCHEMA.query_type, name) or ())
        if may and (answer.errors or (answer.data or {})[name] is None):
            wrong.append(f"{name}: {answer.text}")
        if not may and answer.codes != ["FORBIDDEN"]:
            wrong.append(f"{name} ({each.type}): {answer.text}")
    assert not wrong


@pytest.mark.parametrize("role", ["SUPERVISOR", "AGENT", "BOT"])
async def test_types_that_a_role_may_not_see_never_come_to_it(role: str, stage: Stage) -> None:
    own = ways(role)
    for type_name, way in ways("ADMIN").items():
        if type_name not in own:
            answer = await stage.ask(role, *await document_for(stage, role, way))
            assert not objects_at(answer.data, way), answer.text


@pytest.mark.parametrize("role", ["AGENT", "BOT"])
async def test_what_may_not_be_seen_and_what_is_not_there_answer_alike(
    role: str, stage: Stage
) -> None:
    assert SCHEMA.query_type
    for key, arguments in ARGUMENTS.items():
        name = key.removeprefix("Query.")
        for argument, target in arguments.items():
            declared = SCHEMA.query_type.fields[name].args[argument].type
            document = f"query($it: {declared}) {{ {name}({argument}: $it) {{ __typename }} }}"
            for hidden, unknown in pairs(stage, role, target.kind):
                one = await stage.ask(role, document, {"it": hidden})
                other = await stage.ask(role, document, {"it": unknown})
                assert one.data == {name: None}, one.text
                assert one.text == other.text


def pairs(stage: Stage, role: str, kind: str) -> Iterator[tuple[str, str]]:
    """Ids that are there and not for `role`, each with one like it that is nothing's."""
    if kind == "node":
        for name, ids in stage.nodes.items():
            type_name = name.rpartition(" ")[2]
            if role == "BOT" or name in ("Note", "Ticket", "ApiKey"):
                yield from ((each, encode_id(type_name, NOBODY)) for each in ids)
        return
    hidden = {
        "ticket": stage.hidden["ticketId"],
        "phone": stage.other_customer["phone"] if role == "BOT" else None,
        "conversation": stage.other_conversation["id"] if role == "BOT" else None,
    }[kind]
    if hidden is not None:
        unknown = stage.unknown(kind, "BOT")
        assert unknown is not None
        yield hidden, unknown


# ---- changing ------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
async def test_role_calls_every_mutation_on_what_it_may_and_may_not_see(
    role: str, stage: Stage
) -> None:
    wrong: list[str] = []
    for name, attempt in MUTATIONS.items():
        if attempt.elsewhere:
            continue
        may = role in attempt.who
        arguments = {
            key: await stage.visible(value.kind, role) if isinstance(value, Target) else value
            for key, value in attempt.arguments.items()
        }
        expected = attempt.code if may else "FORBIDDEN"
        answer = await call(stage, role, name, arguments)
        if code_of(answer, name) != expected:
            wrong.append(f"{name}: expected {expected}: {answer.text}")
        for key, value in attempt.arguments.items():
            if not isinstance(value, Target):
                continue
            texts: set[str] = set()
            for other in (await stage.invisible(value.kind, role), stage.unknown(value.kind, role)):
                if other is None:
                    continue
                answer = await call(stage, role, name, arguments | {key: other})
                expected = "NOT_FOUND" if may else "FORBIDDEN"
                if code_of(answer, name) != expected:
                    wrong.append(f"{name}({key}: {other}): expected {expected}: {answer.text}")
                texts.add(answer.text.replace(other, "it"))
            if len(texts) > 1:
                wrong.append(f"{name}({key}) tells what is hidden: {texts}")
    assert not wrong


async def call(stage: Stage, role: str, name: str, arguments: Data) -> Answer:
    # The whole ticket where somebody looks through the answer.
    document, has_input = mutation_document(
        name, "...WholeTicket" if role in stage.markers else "ticketId"
    )
    return await stage.ask(role, document, {"input": arguments} if has_input else arguments)


def code_of(answer: Answer, name: str) -> str | None:
    if answer.errors or answer.data is None:
        return str(answer.codes)
    return answer.data[name].get("code")


# ---- pages ---------------------------------------------------------------------------------


async def test_every_list_refuses_a_page_that_it_cannot_have(stage: Stage) -> None:
    lists = 0
    for type_name, way in ways("ADMIN").items():
        parent = cast(Composite, SCHEMA.type_map[type_name])
        for name, each in parent.fields.items():
            if "first" not in each.args:
                continue
            lists += 1
            for key, value in (
                *(("first", size) for size in (101, 0, -1)),
                *(("after", cursor) for cursor in ("x", encode_cursor("other", "x"))),
            ):
                selection = f"{name}({key}: {json.dumps(value)}) {{ totalCount }}"
                document, variables = await document_for(stage, "ADMIN", way, selection)
                answer = await stage.ask("ADMIN", document, variables)
                assert answer.errors, f"{type_name}.{name}({key}: {value})"
                for error in answer.errors:
                    assert error["extensions"]["code"] == "VALIDATION", answer.text
                    assert error["extensions"]["fields"][0]["path"] == key, answer.text
    assert lists > 10


# ---- nobody --------------------------------------------------------------------------------


async def test_without_credentials_nothing_is_answered_but_how_to_get_some(
    stage: Stage, anonymous: Api
) -> None:
    assert SCHEMA.query_type
    for name in SCHEMA.query_type.fields:
        answer = await anonymous.execute(*await query_for(stage, "ADMIN", name))
        expected = [] if name == "viewer" else ["UNAUTHENTICATED"]
        assert (name, answer.codes) == (name, expected)
        assert not (answer.data or {}).get(name)
    for name, attempt in MUTATIONS.items():
        # The last is a form, of which nothing is read.
        if name in ("login", "refreshSession", "attachToTicket"):
            continue
        arguments = {
            key: stage.unknown(value.kind, "BOT") if isinstance(value, Target) else value
            for key, value in attempt.arguments.items()
        }
        document, has_input = mutation_document(name, "ticketId")
        answer = await anonymous.execute(document, {"input": arguments} if has_input else arguments)
        assert (name, code_of(answer, name)) == (name, "UNAUTHENTICATED")


# ---- what must never be heard --------------------------------------------------------------


@pytest.mark.parametrize("role", ["AGENT", "BOT"])
async def test_no_argument_brings_out_what_is_hidden(role: str, stage: Stage) -> None:
    """Runs after the tests above, whose answers it looks through too."""
    for type_name in ways(role):
        parent = cast(Composite, SCHEMA.type_map[type_name])
        for name, each in parent.fields.items():
            may = role in (readers(parent, name) or ()) and can_pass(parent, name, each)
            if not may or f"{type_name}.{name}" in ARGUMENTS:
                continue
            for key, argument in each.args.items():
                tried = values_to_try(stage, role, argument.type)
                while values := list(islice(tried, 10)):
                    await try_values(stage, role, (type_name, name, key), values)

    heard = "\n".join(stage.heard[role])
    leaked = [what for what, marker in stage.markers[role].items() if marker in heard]
    assert not leaked
    assert len(stage.heard[role]) > 100


async def try_values(
    stage: Stage, role: str, argument: tuple[str, str, str], values: list[Any]
) -> None:
    """Passes each value to the argument: a type, a field of it, and a name.

    All at once, unless one is refused, which may take the answers to the others away.
    """
    type_name, name, key = argument
    field_of = cast(Composite, SCHEMA.type_map[type_name]).fields[name]
    inner = whole(type_of(field_of))
    variables = {f"tried{number}": value for number, value in enumerate(values)}
    selection = " ".join(f"{each}: {name}({key}: ${each}) {{ {inner} }}" for each in variables)
    declared = dict.fromkeys(variables, field_of.args[key].type)
    way = ways(role)[type_name]
    document, more = await document_for(stage, role, way, selection, declared=declared)
    answer = await stage.ask(role, document, variables | more)
    if answer.errors and len(values) > 1:
        for value in values:
            await try_values(stage, role, argument, [value])


def values_to_try(stage: Stage, role: str, of_type: Any) -> Iterator[Any]:
    """Every value of an enum, every field of an input, and what is hidden, by its beginning."""
    named = cast(GraphQLNamedType, get_named_type(of_type))
    if isinstance(named, GraphQLEnumType):
        values = list[Any](named.values)
    elif named.name == "Boolean":
        values = [True, False]
    elif named.name == "String":
        # Not the whole word: an answer may well repeat what was asked.
        values = [marker[:-1] for marker in stage.markers[role].values()]
    elif named.name == "ID":
        values = list(chain.from_iterable(stage.nodes.values()))
    elif isinstance(named, GraphQLInputObjectType):
        values = list(inputs_to_try(stage, role, named))
    else:
        values = []
    is_list = str(of_type).startswith("[")
    yield from ([value] if is_list else value for value in values)


def inputs_to_try(stage: Stage, role: str, of_type: GraphQLInputObjectType) -> Iterator[Data]:
    """Inputs with one field, where one is enough."""
    for key, each in of_type.fields.items():
        others = (other for name, other in of_type.fields.items() if name != key)
        if not any(is_required_input_field(other) for other in others):
            yield from ({key: value} for value in values_to_try(stage, role, each.type))


def whole(of_type: GraphQLNamedType) -> str:
    """A selection of what a value says of itself, and a page of its items."""
    if not isinstance(of_type, GraphQLObjectType | GraphQLInterfaceType):
        return "__typename"
    fields = of_type.fields.items()
    leaves = [name for name, each in fields if is_leaf_type(type_of(each))]
    nodes = of_type.fields.get("nodes")
    inner = f"nodes {{ {whole(type_of(nodes))} }}" if nodes else ""
    beside = "assignee { name email } escalation { reason }" if of_type.name == "Ticket" else ""
    return " ".join(["__typename", *leaves, inner, beside])


async def test_what_is_hidden_is_there_to_be_found(stage: Stage) -> None:
    """Without which the test above would claim nothing."""
    supervisor = stage.actors["SUPERVISOR"]
    heard = [
        (await supervisor.execute(document, variables)).text
        for document, variables in (
            (
                "query($one: String!, $other: String!) { one: ticket(ticketId: $one) {"
                "...WholeTicket assignee { email } } other: ticket(ticketId: $other) {"
                "...WholeTicket customer { name } conversation { messages { nodes { text } } } } }"
                + WHOLE_TICKET,
                {"one": stage.seen["ticketId"], "other": stage.hidden["ticketId"]},
            ),
            ("{ agents(first: 100) { nodes { name } } }", {}),
        )
    ]
    keys = await stage.actors["ADMIN"].execute("{ apiKeys(first: 100) { nodes { name } } }")
    heard.append(keys.text)

    everything = "".join(heard)
    for markers in stage.markers.values():
        assert [what for what, marker in markers.items() if marker not in everything] == []
