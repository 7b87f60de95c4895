"""The schema: every subject's root fields in one."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.scalar import ScalarDefinition

from graph.accounts import AccountMutations, AccountQueries, Agent
from graph.configuration import ConfigurationQueries
from graph.context import Info
from graph.customers import Conversation, Customer, CustomerMutations, CustomerQueries
from graph.errors import (
    CodedErrors,
    DomainErrorHandler,
    StorageErrorHandler,
    ValidationHandler,
    coded,
    is_coded,
)
from graph.events import EVENT_TYPES
from graph.limits import LimitOperations, OperationLimits
from graph.nodes import Node, split_id
from graph.statistics import StatisticsQueries
from graph.tickets import (
    ConflictHandler,
    Note,
    Ticket,
    TicketMutations,
    TicketQueries,
    TransitionHandler,
)


@strawberry.type(description="What can be read.")
class Query(
    AccountQueries, TicketQueries, StatisticsQueries, CustomerQueries, ConfigurationQueries
):
    @strawberry.field(
        description="Anything with a global id; null where there is none that the viewer may see."
    )
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="A global id.")],
    ) -> Node | None:
        loaders, found = info.context.loaders, split_id(id)
        if found is None:
            return None
        type_name, key = found
        match type_name:
            case "Ticket":
                ticket = await loaders.tickets.load(key)
                return Ticket.from_model(ticket) if ticket else None
            case "Customer":
                customer = await loaders.customers.load(key)
                return Customer.from_model(customer) if customer else None
            case "Conversation":
                conversation = await loaders.conversations.load(key)
                return Conversation.from_model(conversation) if conversation else None
            case "Agent":
                agent = await loaders.agents.load(key)
                return Agent.from_model(agent) if agent else None
            case "Note":
                note = await info.context.services.tickets.find_note(info.context.actor, key)
                return Note.from_model(note) if note else None
            case _:
                return None


@strawberry.type(
    description="What can be done. Each answers with a union: its payload, or the Problem that "
    "says why nothing was changed."
)
class Mutation(AccountMutations, TicketMutations, CustomerMutations):
    pass


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        instant = None
    if instant is None or instant.tzinfo is None:
        raise GraphQLError(
            "A DateTime is written as in 2026-11-22T10:00:00Z, with its offset from UTC."
        )
    return instant


_DATE_TIME = ScalarDefinition(
    name="DateTime",
    description="An instant in ISO 8601 with its offset; answers are in UTC to the millisecond.",
    specified_by_url=None,
    serialize=lambda instant: instant.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    parse_value=_instant,
    parse_literal=None,
)


class Schema(strawberry.Schema):
    async def execute(self, *args: Any, **kwargs: Any) -> ExecutionResult:
        """As Strawberry's, with every error coded, those raised by its extensions too."""
        result = await super().execute(*args, **kwargs)
        if result.errors:
            result.errors = [each if is_coded(each) else coded(each) for each in result.errors]
        return result

    def process_errors(
        self, errors: Iterable[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Nothing: `CodedErrors` logs what was not foreseen, and refusals are no news."""


def build_schema(limits: OperationLimits, *, introspection: bool = True) -> Schema:
    return Schema(
        query=Query,
        mutation=Mutation,
        types=[*EVENT_TYPES.values()],
        config=StrawberryConfig(scalar_map={datetime: _DATE_TIME}),
        extensions=[
            CodedErrors,
            lambda: LimitOperations(limits, introspection=introspection),
        ],
        exception_handlers=[
            ValidationHandler(),
            ConflictHandler(),
            TransitionHandler(),
            DomainErrorHandler(),
            StorageErrorHandler(),
        ],
    )


# Every default, for printing and for tests that need no server.
DEFAULT_LIMITS = OperationLimits(depth=15, aliases=50, tokens=4_000, cost=20_000)


def sdl() -> str:
    """The schema as `schema.graphql` holds it."""
    return build_schema(DEFAULT_LIMITS).as_str() + "\n"


def schema_types() -> Any:
    """The graphql-core schema behind ours, for tools that walk it."""
    return build_schema(DEFAULT_LIMITS)._schema  # pyright: ignore[reportPrivateUsage]  # Strawberry offers no other way
