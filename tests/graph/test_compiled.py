"""That compiled queries and graphql-core always give the same answer, whoever asks for what.

Hypothesis writes the documents: any fields of the schema, under aliases, in fragments, left out by
directives, on unions and interfaces, with arguments that are right or wrong. Most are answered;
some are refused, in part or as a whole. TICKETS_TEST_FULL_SIZE=1 tries thousands.
"""

import gc
import os
import random
import weakref
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
import pytest
from graphql import (
    GraphQLArgument,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.access import SYSTEM, Actor
from domain.clock import SetClock, utc_now
from domain.configuration import TicketCategory as CategoryModel
from domain.sessions import Identity
from domain.tickets import NewTicket
from graph.app import build_services
from graph.compiled import Compiler, Plans
from graph.context import Context, Services
from graph.enums import ListChange
from graph.errors import Refused
from graph.events import event_from_model
from graph.limits import OperationLimits
from graph.nodes import encode_id
from graph.operations import Operation
from graph.schema import Schema
from graph.settings import Settings
from graph.tickets import Ticket, TicketCategory
from persistence import models
from persistence.database import connected
from persistence.models import ConversationChannel, NoteVisibility, Role, TicketLinkKind
from persistence.pages import Window
from tests.servers import new_database_name

CASES = 3_000 if os.environ.get("TICKETS_TEST_FULL_SIZE") else 150
LIMITS = OperationLimits(depth=20, aliases=10_000, tokens=50_000, cost=10_000_000)
# What takes more than its arguments can say, or gives a new answer each time.
VARIABLES = ("$yes: Boolean! = true", "$no: Boolean!", "$few: Int = 2")
LEFT_OUT = {"ticketStatistics", "previewTicketId"}


@dataclass(frozen=True, slots=True)
class World:
    services: Services
    actors: Mapping[str, Actor | None]
    # Values for arguments, by their names.
    values: Mapping[str, list[str]]
    events: Sequence[tuple[models.Ticket, models.TicketEvent]]


@pytest.fixture(scope="module")
async def world(mongodb_uri: str) -> AsyncGenerator[World]:
    """A small company, at an instant that stays."""
    async with connected(mongodb_uri, new_database_name()) as database:
        await database.prepare()
        services = build_services(
            database,
            Settings.model_construct(),
            secret_key="x" * 32,
            clock=SetClock(utc_now()),
        )
        await services.configuration_editor.seed({})
        world = await _people_it(services)
        # From here on nothing happens, so that the feed too is at one place.
        await services.channel.start()
        try:
            yield world
        finally:
            await services.channel.stop()


async def _people_it(services: Services) -> World:
    agents = [
        await services.accounts.create_agent(
            SYSTEM,
            name=name,
            email=f"{name}@example.com",
            password="correct horse battery",
            role=role,
        )
        for name, role in (("ann", Role.ADMIN), ("bob", Role.AGENT), ("eve", Role.AGENT))
    ]
    admin, agent, stranger = (Actor.agent(each) for each in agents)
    api_key, _ = await services.accounts.create_api_key(SYSTEM, name="bot")
    customers = [
        await services.customers.upsert(admin, phone=f"+52551234000{n}", name=name)
        for n, name in enumerate(["Rosa", None])
    ]
    conversation = await services.customers.start_conversation(
        admin, customer_id=customers[0].id, channel=ConversationChannel.WHATSAPP
    )
    stories = [
        NewTicket("Lamp 0", "Dark.", "other"),
        NewTicket("Lamp 1", "Dark.", "other", tags=("a", "b"), conversation_id=conversation.id),
        NewTicket("Lamp 2", "Dark.", "other", customer_id=customers[1].id),
    ]
    tickets = [(await services.tickets.create(admin, story)).ticket for story in stories]
    first, second, _ = (each.ticket_id for each in tickets)
    await services.tickets.assign(admin, first, assignee_id=agents[1].id)
    for visibility in NoteVisibility:
        await services.tickets.add_note(admin, second, "Seen.", visibility=visibility)
    await services.tickets.link(admin, first, second, TicketLinkKind.RELATED)
    await services.tickets.escalate(admin, second, "Loud.", escalate_to=agents[2].id)
    await services.tickets.resolve(admin, second, "Mended.")
    await services.tickets.record_feedback(admin, second, rating=5, comment=None)
    stored = [await services.tickets.find(admin, each.ticket_id) for each in tickets]
    events = [
        (ticket, event)
        for ticket in stored
        if ticket is not None
        for event in (await services.tickets.events_page(admin, ticket, Window(100))).items
    ]
    ids = [
        *(encode_id("Ticket", each.id) for each in tickets),
        *(encode_id("Customer", each.id) for each in customers),
        *(encode_id("Agent", each.id) for each in agents),
        encode_id("Conversation", conversation.id),
    ]
    return World(
        services,
        {
            "admin": admin,
            "agent": agent,
            "stranger": stranger,
            "bot": Actor.bot(api_key, customers[0].id),
            "bot for nobody": Actor.bot(api_key),
            "nobody": None,
        },
        {
            "id": [*ids, "wrong"],
            "ticketId": [*(each.ticket_id for each in tickets), "NONE-1"],
            "phone": [customers[0].phone, "12"],
            "conversationId": [ids[-1], ids[0]],
            "search": ["lamp", "ros", "nothing"],
            "after": ["wrong"],
        },
        events,
    )


# ---- documents -----------------------------------------------------------------------------


@dataclass
class Writer:
    """Writes a valid document, as its dice fall."""

    schema: GraphQLSchema
    values: Mapping[str, list[str]]
    dice: random.Random
    fragments: list[str] = field(default_factory=list[str])
    names: int = 0

    def query(self) -> str:
        assert self.schema.query_type is not None
        return self.operation("query", self.selection(self.schema.query_type, depth=0))

    def subscription(self, field: str) -> str:
        assert self.schema.subscription_type is not None
        of = _type_of(self.schema.subscription_type.fields[field])
        return self.operation("subscription", f"{field} {{ {self.selection(of, depth=1)} }}")

    def operation(self, kind: str, body: str) -> str:
        text = "\n".join([f"{{ {body} }}", *self.fragments])
        used = [each for each in VARIABLES if f"{each.partition(':')[0]})" in text]
        return f"{kind}({', '.join(used)}) {text}" if used else f"{kind} {text}"

    def selection(self, on: GraphQLNamedType, depth: int) -> str:
        many = self.dice.randint(1, 3 if depth == 0 else 6)
        parts = [self.part(on, depth) for _ in range(many)]
        return " ".join(["__typename", *parts] if self.dice.random() < 0.3 else parts)

    def part(self, on: GraphQLNamedType, depth: int) -> str:
        if isinstance(on, GraphQLUnionType) or (
            isinstance(on, GraphQLInterfaceType) and self.dice.random() < 0.5
        ):
            member = self.dice.choice(self.schema.get_possible_types(on))
            return f"... on {member.name} {self.directive()} {{ {self.selection(member, depth)} }}"
        assert isinstance(on, GraphQLObjectType | GraphQLInterfaceType)
        if self.dice.random() < 0.15 and depth < 5:
            self.names += 1
            name, body = f"F{self.names}", self.selection(on, depth + 1)
            self.fragments.append(f"fragment {name} on {on.name} {{ {body} }}")
            return f"...{name} {self.directive()} ...{name}"
        return self.field(on, depth)

    def field(self, on: GraphQLObjectType | GraphQLInterfaceType, depth: int) -> str:
        fields = {
            name: each
            for name, each in on.fields.items()
            if name not in LEFT_OUT and (depth < 5 or is_leaf_type(_type_of(each)))
        }
        if not fields:
            return "__typename"
        name, chosen = self.dice.choice(list(fields.items()))
        arguments = [
            f"{key}: {value}"
            for key, argument in chosen.args.items()
            if (value := self.argument(key, argument)) is not None
        ]
        # Under a name of its own, since the same one must mean the same.
        self.names += 1
        written = f"{name}_{self.names}: {name}"
        if arguments:
            written += f"({', '.join(arguments)})"
        written += self.directive()
        of = _type_of(chosen)
        if is_leaf_type(of):
            return written if chosen.args or self.dice.random() < 0.5 else name
        return f"{written} {{ {self.selection(of, depth + 1)} }}"

    def argument(self, name: str, argument: GraphQLArgument) -> str | None:
        if name in ("first", "last"):
            return self.dice.choice(["$few", "1", "3", "100", "0", "null", None])
        if name in self.values and (is_required_argument(argument) or self.dice.random() < 0.3):
            return f'"{self.dice.choice(self.values[name])}"'
        if is_required_argument(argument):
            return str(next(iter(getattr(_type_of(argument), "values", {'"x"': None}))))
        return None

    def directive(self) -> str:
        return self.dice.choice(
            ["", "", "", "", " @include(if: $yes)", " @skip(if: $no)", " @skip(if: $yes)"]
        )


def _type_of(definition: Any) -> GraphQLNamedType:
    """Of a field or an argument, without its lists and its being required."""
    return cast("GraphQLNamedType", get_named_type(definition.type))


# ---- claims --------------------------------------------------------------------------------


class Spy(Compiler):
    """Counts what it answers."""

    answered = 0

    async def answer(self, core: Any, plans: Plans) -> dict[str, Any] | None:
        data = await super().answer(core, plans)
        Spy.answered += data is not None
        return data


@pytest.fixture(scope="module")
def compiled() -> Schema:
    return Schema(LIMITS, compiler=Spy)


@pytest.fixture(scope="module")
def plain() -> Schema:
    return Schema(LIMITS, compiler=None)


async def ask(schema: Schema, world: World, actor: str, document: str, **variables: Any) -> Any:
    """The data as text, in which order counts, and the errors."""
    known = world.actors[actor]
    context = Context(world.services, Identity(known, None) if known else None, "request")
    result = await schema.execute(document, variables, context)
    errors: list[Any] = [error.formatted for error in result.errors or ()]
    assert all(error["extensions"]["code"] != "INTERNAL" for error in errors), errors
    return orjson.dumps(result.data).decode(), sorted(errors, key=str)


ACTORS = ("admin", "admin", "admin", "agent", "stranger", "bot", "bot for nobody", "nobody")


# graphql-core leaves unawaited what stands beside a field that fails at once.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(dice=st.randoms(), actor=st.sampled_from(ACTORS), no=st.booleans())
async def test_the_answer_is_the_same_whoever_gives_it(
    *, world: World, compiled: Schema, plain: Schema, dice: random.Random, actor: str, no: bool
) -> None:
    document = Writer(plain.core, world.values, dice).query()
    before = Spy.answered

    expected = await ask(plain, world, actor, document, no=no)
    given_twice = [await ask(compiled, world, actor, document, no=no) for _ in range(2)]

    assert given_twice == [expected, expected]
    # Whatever can be answered without an error is.
    assert Spy.answered == before + (0 if expected[1] else 2)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@settings(
    max_examples=CASES // 3,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    dice=st.randoms(),
    actor=st.sampled_from(["admin", "agent", "stranger", "bot"]),
    no=st.booleans(),
)
async def test_an_event_is_told_alike_whoever_tells_it(
    *, world: World, compiled: Schema, plain: Schema, dice: random.Random, actor: str, no: bool
) -> None:
    document = Writer(plain.core, world.values, dice).subscription("ticketEvents")
    before = Spy.answered

    expected = await tell(plain, world, actor, document, no=no)
    given_twice = [await tell(compiled, world, actor, document, no=no) for _ in range(2)]

    assert given_twice == [expected, expected]
    assert Spy.answered == before + (0 if expected[1] else 2)


async def tell(schema: Schema, world: World, actor: str, document: str, **variables: Any) -> Any:
    """Of one of the events, the same for a document."""
    known = cast("Actor", world.actors[actor])
    context = Context(world.services, Identity(known, None), "request")
    ticket, event = random.Random(document).choice(world.events)  # noqa: S311 -- no secret
    told = event_from_model(
        event,
        known,
        cursor="x",
        list_change=ListChange.UPDATED,
        ticket=Ticket.from_model(ticket) if event.version % 2 else None,
    )
    try:
        subscription = schema.prepare(Operation(document, variables, None), context)
        result = await schema.execute_event(subscription, told, context)
    except Refused as refused:
        return "", [error.formatted for error in refused.errors]
    errors: list[Any] = [error.formatted for error in result.errors or ()]
    assert all(error["extensions"]["code"] != "INTERNAL" for error in errors), errors
    return orjson.dumps(result.data).decode(), sorted(errors, key=str)


async def test_what_a_document_leaves_out_is_decided_for_each_request(
    world: World, compiled: Schema, plain: Schema
) -> None:
    document = """query($no: Boolean!) {
      tickets { nodes { ticketId @skip(if: $no) ... on Ticket @include(if: $no) { subject } } }
    }"""
    for no in (True, False, True):
        ours = await ask(compiled, world, "admin", document, no=no)
        assert ours == await ask(plain, world, "admin", document, no=no)
        assert ("Lamp 1" in ours[0]) is no


async def test_a_list_reads_whatever_is_selected_of_its_tickets(
    world: World, compiled: Schema
) -> None:
    """Each field alone, since a list leaves in the database what nobody asks for."""
    ticket_type = cast("GraphQLObjectType", compiled.core.type_map["Ticket"])
    for name, definition in ticket_type.fields.items():
        of = _type_of(definition)
        inner = "" if is_leaf_type(of) else "{ __typename }"
        if isinstance(of, GraphQLObjectType):
            leaves = [key for key, each in of.fields.items() if is_leaf_type(_type_of(each))]
            inner = f"{{ {' '.join(['__typename', *leaves])} }}"
        listed, errors = await ask(
            compiled, world, "admin", f"{{ tickets {{ nodes {{ id {name} {inner} }} }} }}"
        )
        assert not errors
        for node in orjson.loads(listed)["tickets"]["nodes"]:
            document = (
                f"""query($id: ID!) {{ node(id: $id) {{ ... on Ticket {{ {name} {inner} }} }} }}"""
            )
            alone, _ = await ask(compiled, world, "admin", document, id=node["id"])
            assert orjson.loads(alone)["node"][name] == node[name]


async def test_what_rows_share_is_asked_for_once(
    world: World, compiled: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    make = TicketCategory.from_model

    def count(category: CategoryModel) -> TicketCategory:
        made.append(category.id)
        return make(category)

    monkeypatch.setattr(TicketCategory, "from_model", count)
    listed, _ = await ask(compiled, world, "admin", "{ tickets { nodes { category { label } } } }")
    assert len(orjson.loads(listed)["tickets"]["nodes"]) > 1
    assert made == ["other"]


async def test_what_a_request_has_read_is_freed_without_the_collector(
    world: World, compiled: Schema, plain: Schema
) -> None:
    """Which is made to search seldom, and would take its time over the leavings of thousands."""
    document = "{ tickets { nodes { subject customer { name } assignee { name } } } }"
    for schema in (compiled, plain):
        context = Context(world.services, Identity(cast("Actor", world.actors["admin"]), None), "")
        gc.disable()
        try:
            await schema.execute(document, None, context)
            held = weakref.ref(context)
            del context
            assert held() is None
        finally:
            gc.enable()
