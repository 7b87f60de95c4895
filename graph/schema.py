"""The schema: every subject's root fields in one."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, TypeVar, cast

import strawberry
from graphql import (
    DocumentNode,
    Executor,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLSchema,
    OperationType,
    get_named_type,
    get_operation_ast,
    parse,
    specified_rules,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import validate_document
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.scalar import ScalarDefinition

from domain.clock import to_utc
from graph.accounts import AccountMutations, AccountQueries, Agent
from graph.assistant.answers import AssistantMutations, AssistantQueries
from graph.assistant.stream import AnswerSubscriptions
from graph.assistant.sync import AssistantSyncMutations, AssistantSyncQueries
from graph.configuration import (
    ConfigurationConflictHandler,
    ConfigurationMutations,
    ConfigurationQueries,
)
from graph.context import Context, Info
from graph.customers import Conversation, Customer, CustomerMutations, CustomerQueries, Message
from graph.errors import (
    CodedErrors,
    DomainErrorHandler,
    Refused,
    StorageErrorHandler,
    ValidationHandler,
    coded,
    is_coded,
)
from graph.feed import FeedSubscriptions
from graph.limits import LimitOperations, OperationLimits
from graph.nodes import Node, split_id
from graph.operations import Operation
from graph.statistics import StatisticsQueries
from graph.tickets import (
    ConflictHandler,
    Note,
    Ticket,
    TicketMutations,
    TicketQueries,
    TransitionHandler,
)

ModelT = TypeVar("ModelT")


@strawberry.type(description="What can be read.")
class Query(
    AccountQueries,
    TicketQueries,
    StatisticsQueries,
    CustomerQueries,
    ConfigurationQueries,
    AssistantQueries,
    AssistantSyncQueries,
):
    @strawberry.field(
        description="Anything with a global id; null where there is none that the viewer may see."
    )
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="A global id.")],
    ) -> Node | None:
        found = split_id(id)
        if found is None:
            return None
        type_name, key = found
        loaders, services = info.context.loaders, info.context.services
        node: Node | None = None
        match type_name:
            case "Ticket":
                node = _given(Ticket.from_model, await loaders.tickets.load(key))
            case "Customer":
                node = _given(Customer.from_model, await loaders.customers.load(key))
            case "Conversation":
                node = _given(Conversation.from_model, await loaders.conversations.load(key))
            case "Agent":
                node = _given(Agent.from_model, await loaders.agents.load(key))
            case "Note":
                note = await services.tickets.find_note(info.context.actor, key)
                node = _given(Note.from_model, note)
            case "Message":
                message = await services.customers.find_message(info.context.actor, key)
                node = _given(Message.from_model, message)
            case _:
                pass
        return node


def _given(from_model: Callable[[ModelT], Node], model: ModelT | None) -> Node | None:
    return None if model is None else from_model(model)


@strawberry.type(
    description="What can be done. Each answers with a union: its payload, or the Problem that "
    "says why nothing was changed."
)
class Mutation(
    AccountMutations,
    TicketMutations,
    CustomerMutations,
    ConfigurationMutations,
    AssistantMutations,
    AssistantSyncMutations,
):
    pass


@strawberry.type(
    description="What can be followed, by WebSocket (graphql-transport-ws) or server-sent events. "
    "What a viewer may see is decided anew for each item. Errors end a subscription."
)
class Subscription(FeedSubscriptions, AnswerSubscriptions):
    pass


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return to_utc(instant)
    except (TypeError, ValueError, OverflowError):
        pass
    raise GraphQLError(
        "A DateTime is written as in 2026-11-22T10:00:00Z, with its offset from UTC."
    )


_DATE_TIME = ScalarDefinition(
    name="DateTime",
    description="An instant in ISO 8601 with its offset; answers are in UTC to the millisecond.",
    specified_by_url=None,
    serialize=lambda instant: instant.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    parse_value=_instant,
    parse_literal=None,
)


_SCALARS: dict[object, Any] = {datetime: _DATE_TIME}


class Schema(strawberry.Schema):
    """Strawberry's, with `limits` on each operation and every error coded."""

    def __init__(self, limits: OperationLimits, *, introspection: bool = True) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType]  # Strawberry leaves parameters open
            query=Query,
            mutation=Mutation,
            subscription=Subscription,
            config=StrawberryConfig(scalar_map=_SCALARS),
            extensions=[
                CodedErrors,
                lambda: LimitOperations(limits, self.core, introspection=introspection),
            ],
            exception_handlers=[
                ValidationHandler(),
                ConflictHandler(),
                ConfigurationConflictHandler(),
                TransitionHandler(),
                DomainErrorHandler(),
                StorageErrorHandler(),
            ],
        )
        self._limits = limits
        self._describe_inputs()
        # Many clients subscribe with the same few documents, and after a restart all at once.
        self._parsed = lru_cache(maxsize=32)(self._parse)
        self._validated = lru_cache(maxsize=32)(self._validate)

    @property
    def core(self) -> GraphQLSchema:
        """The graphql-core schema behind this one, for what walks it."""
        return self._schema

    def _describe_inputs(self) -> None:
        """Says of a mutation's `input` what its type says, once for both."""
        assert self.core.mutation_type
        for field in self.core.mutation_type.fields.values():
            for argument in field.args.values():
                of_type = cast("GraphQLNamedType", get_named_type(argument.type))
                if isinstance(of_type, GraphQLInputObjectType) and not argument.description:
                    argument.description = of_type.description

    async def execute(self, *args: Any, **kwargs: Any) -> ExecutionResult:
        """As Strawberry's, with those errors coded too that its extensions raise."""
        result = await super().execute(*args, **kwargs)
        if result.errors:
            errors = [self._limits.explained(each) for each in result.errors]
            result.errors = [each if is_coded(each) else coded(each) for each in errors]
        return result

    def is_subscription(self, operation: Operation) -> bool:
        """False also of what cannot be told, which executing it will."""
        try:
            found = get_operation_ast(self._parsed(operation.query), operation.name)
        except GraphQLError:
            return False
        return found is not None and found.operation is OperationType.SUBSCRIPTION

    def prepare(self, operation: Operation, context: Context) -> "Executor[Any]":
        """A subscription that is valid and within the limits, to be executed for each event.

        Raises Refused.
        """
        document, variables = self._validated(operation.query), operation.variables or {}
        if refusal := self._limits.refusal_of(document, variables, operation.name, self.core):
            raise Refused([refusal])
        executor = cast(
            "Executor[Any] | list[GraphQLError]",
            self.execution_context_class.build(  # pyright: ignore[reportUnknownMemberType]  # open
                self.core, document, None, context, variables, operation.name
            ),
        )
        if isinstance(executor, list):
            raise Refused(executor)
        return executor

    def _parse(self, query: str) -> DocumentNode:
        return parse(query, max_tokens=self._limits.tokens)

    def _validate(self, query: str) -> DocumentNode:
        document = self._parsed(query)
        if errors := validate_document(self.core, document, tuple(specified_rules)):
            raise Refused(errors)
        return document

    def process_errors(
        self, errors: Iterable[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Nothing: `CodedErrors` logs what was not foreseen, and refusals are no news."""


# The defaults of the settings, for printing the schema, which no limit changes.
DEFAULT_LIMITS = OperationLimits(depth=15, aliases=50, tokens=4_000, cost=20_000)


def sdl() -> str:
    """The schema as `schema.graphql` holds it."""
    return Schema(DEFAULT_LIMITS).as_str() + "\n"


def schema_types() -> GraphQLSchema:
    """The graphql-core schema, for tools that walk it."""
    return Schema(DEFAULT_LIMITS).core
