"""The schema: every subject's root fields in one."""

import time
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar, cast

import strawberry
from bson.tz_util import utc as stored_utc
from graphql import ExecutionResult as GraphQLResult
from graphql import (
    Executor,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLSchema,
    execute_subscription_event,  # pyright: ignore[reportUnknownVariableType]  # executors are generic
    get_named_type,
)
from starlette.datastructures import UploadFile
from strawberry.exceptions import MissingQueryError
from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType
from strawberry.types.scalar import ScalarDefinition

from domain.clock import to_utc
from domain.errors import ProblemCode
from graph.accounts import AccountMutations, AccountQueries, Agent
from graph.assistant.answers import AssistantMutations, AssistantQueries
from graph.assistant.stream import AnswerSubscriptions
from graph.assistant.sync import AssistantSyncMutations, AssistantSyncQueries
from graph.attachments import Attachment
from graph.compiled import Answer, Compiler, Plans
from graph.configuration import (
    ConfigurationConflictHandler,
    ConfigurationMutations,
    ConfigurationQueries,
)
from graph.context import Context, Info
from graph.customers import (
    Conversation,
    ConversationSubscriptions,
    Customer,
    CustomerMutations,
    CustomerQueries,
    Message,
)
from graph.documents import Document, Documents
from graph.errors import (
    DomainErrorHandler,
    Refused,
    StorageErrorHandler,
    ValidationHandler,
    coded,
    is_coded,
)
from graph.feed import FeedQueries, FeedSubscriptions
from graph.inputs import read_inputs_quickly
from graph.journal import Journal
from graph.limits import OperationLimits
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
    FeedQueries,
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
            case "Attachment":
                attachment = await services.attachments.find(info.context.actor, key)
                node = _given(Attachment.from_model, attachment)
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
class Subscription(FeedSubscriptions, ConversationSubscriptions, AnswerSubscriptions):
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


def _written(instant: datetime) -> str:
    # A zone is asked for its offset in Python, by `isoformat`: twice the rest of the work.
    if instant.tzinfo is not stored_utc and instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    return instant.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


_DATE_TIME = ScalarDefinition(
    name="DateTime",
    description="An instant in ISO 8601 with its offset; answers are in UTC to the millisecond.",
    specified_by_url=None,
    serialize=_written,
    parse_value=_instant,
    parse_literal=None,
)


INTROSPECTION_OFF = GraphQLError(
    "Introspection is off here: TICKETS_INTROSPECTION.",
    extensions={"code": ProblemCode.FORBIDDEN.value},
)
FOLLOWED_ELSEWHERE = GraphQLError(
    "A subscription is followed: over a WebSocket (graphql-transport-ws), or by a request that "
    "accepts text/event-stream.",
    extensions={"code": ProblemCode.VALIDATION.value},
)


def _upload(value: object) -> UploadFile:
    if isinstance(value, UploadFile):
        return value
    raise GraphQLError(
        "A file is a part of a multipart/form-data request, to which `map` points; the variable "
        "itself is null."
    )


_UPLOAD = ScalarDefinition(
    name="Upload",
    description="A file in a multipart/form-data request, as the GraphQL multipart request "
    "specification has it.",
    specified_by_url=None,
    serialize=str,
    parse_value=_upload,
    parse_literal=None,
)


_SCALARS: dict[object, Any] = {datetime: _DATE_TIME, UploadFile: _UPLOAD}


@dataclass(frozen=True, slots=True)
class PreparedSubscription:
    """To be executed for each event: what that takes of the request, and nothing of its execution.

    An executor is made anew for each rendering, which is made for all who see the same; held by
    each of those who wait, it would be three kilobytes.
    """

    document: Document
    operation: Operation

    @property
    def name(self) -> str | None:
        """The operation's own, which a request need not say."""
        return _name_in(self.document, self.operation)


class Schema(strawberry.Schema):
    """Strawberry's, with `limits` on each operation and every error coded."""

    def __init__(
        self,
        limits: OperationLimits,
        *,
        introspection: bool = True,
        journal: Journal | None = None,
        compiler: type[Compiler] | None = Compiler,
    ) -> None:
        """`journal` is told of each query and mutation; `compiler` None: graphql-core does all."""
        super().__init__(  # pyright: ignore[reportUnknownMemberType]  # Strawberry leaves parameters open
            query=Query,
            mutation=Mutation,
            subscription=Subscription,
            config=StrawberryConfig(scalar_map=_SCALARS),
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
        self._introspection = introspection
        self._journal = journal
        self._compiler = compiler(self.core, self.schema_converter) if compiler else None
        self._documents = Documents(self.core, max_tokens=limits.tokens)
        self._describe_inputs()
        read_inputs_quickly(self.core.type_map.values(), self.config)

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

    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any = None,
        root_value: object = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """As Strawberry's, which would parse and validate what it is given each time."""
        if not query:
            raise MissingQueryError
        operation = Operation(query, variable_values, operation_name)
        began = time.perf_counter()
        result = await self._execute(operation, context_value, allowed_operation_types)
        if self._journal is not None:
            kind, name = self._described(operation, context_value, result)
            codes = _codes(context_value, result)
            self._journal.executed(kind, name, context_value, codes, began)
        return result

    async def _execute(
        self,
        operation: Operation,
        context_value: Context,
        allowed_operation_types: Iterable[OperationType] | None,
    ) -> ExecutionResult:
        try:
            document = self._accepted(operation, context_value, allowed_operation_types)
        except Refused as refused:
            return PreExecutionError(data=None, errors=refused.errors)
        if _is_subscription(document, operation):
            return PreExecutionError(data=None, errors=[FOLLOWED_ELSEWHERE])
        executor = self._executor(document, operation, context_value)
        if isinstance(executor, list):
            return ExecutionResult(data=None, errors=[coded(error) for error in executor])
        with _without_cycle(executor):
            return await self._answer(document, executor)

    async def _answer(self, document: Document, executor: "Executor[Any]") -> ExecutionResult:
        if (data := await self._compiled(executor, document.plans)) is not None:
            return ExecutionResult(data=data, errors=None)
        result = cast("GraphQLResult | Awaitable[GraphQLResult]", executor.execute_operation())
        if isinstance(result, Awaitable):
            result = await result
        errors = [error if is_coded(error) else coded(error) for error in result.errors or ()]
        return ExecutionResult(data=result.data, errors=errors or None)

    def _described(
        self, operation: Operation, context: Context, result: ExecutionResult
    ) -> tuple[str, str | None]:
        """What kind of operation it was, and its name."""
        if isinstance(result, PreExecutionError):
            # Whatever it calls itself is not known to be a name.
            return "invalid", None
        document = self._documents.read(operation.query, limited=not context.is_internal)
        found = document.operation(operation.name)
        assert found is not None, "it was executed"
        kind = "tool" if context.is_internal else found.operation.value
        return kind, _name_in(document, operation)

    def is_subscription(self, operation: Operation) -> bool:
        """False also of what cannot be told, which executing it will."""
        try:
            document = self._documents.read(operation.query)
        except Exception:  # noqa: BLE001 -- of which executing it will tell
            return False
        return _is_subscription(document, operation)

    def prepare(self, operation: Operation, context: Context) -> PreparedSubscription:
        """A subscription that is valid and within the limits.

        Raises Refused.
        """
        document = self._accepted(operation, context, [OperationType.SUBSCRIPTION])
        return PreparedSubscription(document, operation)

    @contextmanager
    def executor(
        self, subscription: PreparedSubscription, context: Context, event: object = None
    ) -> Generator["Executor[Any]"]:
        """What begins a subscription, or tells of one `event`. Raises Refused for its variables."""
        executor = self._executor(
            subscription.document, subscription.operation, context, root_value=event
        )
        if isinstance(executor, list):
            raise Refused(executor)
        with _without_cycle(executor):
            yield executor

    async def execute_event(
        self, subscription: PreparedSubscription, event: object, context: Context
    ) -> GraphQLResult:
        """What the subscription tells of `event` to the viewer of `context`."""
        with self.executor(subscription, context, event) as executor:
            data = await self._compiled(executor, subscription.document.plans)
            if data is not None:
                return GraphQLResult(data)
            result = execute_subscription_event(executor)
            if isinstance(result, Awaitable):
                result = await result
            if result.errors:
                result.errors = [coded(error) for error in result.errors]
            return result

    async def _compiled(self, executor: "Executor[Any]", plans: Plans) -> Answer | None:
        return await self._compiler.answer(executor, plans) if self._compiler else None

    def _accepted(
        self,
        operation: Operation,
        context: Context,
        allowed_types: Iterable[OperationType] | None,
    ) -> Document:
        """The document of an operation that is valid and within the limits.

        Raises Refused, and Strawberry's errors for an operation that is not there, or not of one of
        `allowed_types`.
        """
        try:
            document = self._documents.read(operation.query, limited=not context.is_internal)
        except Exception as error:
            raise Refused([self._limits.explained(_as_graphql(error))]) from error
        found = document.operation(operation.name)
        if found is None:
            raise CannotGetOperationTypeError(operation.name)
        operation_type = OperationType(found.operation.value)
        if allowed_types is not None and operation_type not in allowed_types:
            raise InvalidOperationTypeError(operation_type)
        try:
            errors = self._refusals(document, operation, context) or document.faults
        except Exception as error:
            raise Refused([_as_graphql(error)]) from error
        if errors:
            raise Refused(errors)
        return document

    def _refusals(
        self, document: Document, operation: Operation, context: Context
    ) -> list[GraphQLError]:
        """Before validation, which is the more expensive of what is too large."""
        if context.is_internal:
            return []
        refusal = self._limits.refusal_of(
            document.measures, operation.name, operation.variables or {}
        )
        if refusal is not None:
            return [refusal]
        if document.asks_for_schema and not self._introspection:
            return [INTROSPECTION_OFF]
        return []

    def _executor(
        self,
        document: Document,
        operation: Operation,
        context: Context,
        *,
        root_value: object = None,
    ) -> "Executor[Any] | list[GraphQLError]":
        """Or what is wrong with the variables."""
        return cast(
            "Executor[Any] | list[GraphQLError]",
            self.execution_context_class.build(  # pyright: ignore[reportUnknownMemberType]  # open
                self.core,
                document.tree,
                root_value,
                context,
                operation.variables,
                _name_in(document, operation),
                is_awaitable=cast("Any", optimized_is_awaitable),
            ),
        )


@contextmanager
def _without_cycle(executor: "Executor[Any]") -> Generator[None]:
    """It holds methods of its own, so that only the collector would find what an operation read."""
    try:
        yield
    finally:
        del executor.async_helpers


def _name_in(document: Document, operation: Operation) -> str | None:
    found = document.operation(operation.name)
    return found.name.value if found and found.name else None


def _is_subscription(document: Document, operation: Operation) -> bool:
    found = document.operation(operation.name)
    return found is not None and found.operation.value == OperationType.SUBSCRIPTION.value


def _codes(context: Context, result: ExecutionResult) -> list[str]:
    if result.errors:
        return [(error.extensions or {})["code"] for error in result.errors]
    return [] if context.refusal is None else [context.refusal.value]


def _as_graphql(error: Exception) -> GraphQLError:
    if isinstance(error, GraphQLError):
        return error
    return GraphQLError(str(error), original_error=error)


# The defaults of the settings, for printing the schema, which no limit changes.
DEFAULT_LIMITS = OperationLimits(depth=15, aliases=50, tokens=4_000, cost=20_000)


def sdl() -> str:
    """The schema as `schema.graphql` holds it."""
    return Schema(DEFAULT_LIMITS).as_str() + "\n"


def schema_types() -> GraphQLSchema:
    """The graphql-core schema, for tools that walk it."""
    return Schema(DEFAULT_LIMITS).core
