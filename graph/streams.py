"""Subscriptions, executed so that each result is rendered once for all who get the same.

Strawberry executes a subscription for each subscriber. Here a subscription's field may yield
`Shared` values instead of its type's own: whoever selects the same of the same value gets the same
text, and the work for one more subscriber is to send it.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Hashable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

import orjson
from graphql import (
    SKIP,
    ExecutionResult,
    Executor,
    FieldNode,
    GraphQLError,
    Node,
    VariableNode,
    Visitor,
    VisitorAction,
    create_source_event_stream,  # pyright: ignore[reportUnknownVariableType]  # executors are generic
    execute_subscription_event,  # pyright: ignore[reportUnknownVariableType]  # as above
    visit,
)

from domain.errors import ProblemCode
from domain.sessions import Identity
from graph.context import Context
from graph.errors import Refused, coded
from graph.journal import Journal
from graph.operations import Operation
from graph.schema import Schema
from graph.sharing import Shared

# For how long a rendering is given to others. Not for long: it is bound to its ticket's version,
# and what else it shows, such as the customer's name, has none.
RENDERING_SECONDS = 2.0
# How long a rendering waits for a database that cannot be reached.
RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Payload:
    """An execution result as JSON."""

    text: str
    cursor: str | None = None


class Streams:
    def __init__(self, schema: Schema, journal: Journal) -> None:
        self._schema = schema
        self._journal = journal
        self._renderings = Renderings()

    async def open(self, operation: Operation, context: Context) -> AsyncGenerator[Payload]:
        """The results of a subscription from now on. Raises Refused, also while they come."""
        began = time.perf_counter()
        try:
            executor, source = await self._begin(operation, context)
        except Refused as refused:
            self._journal.refused(context, refused, began)
            raise
        variables = _selected_variables(executor, operation.variables or {})
        selection = (operation.query, operation.name, variables)
        return self._payloads(executor, source, selection)

    async def _begin(
        self, operation: Operation, context: Context
    ) -> tuple[Executor[Any], AsyncIterable[object]]:
        executor = self._schema.prepare(operation, context)
        source = create_source_event_stream(executor)
        if isinstance(source, Awaitable):
            source = await source
        if isinstance(source, ExecutionResult):
            raise Refused(source.errors or ())
        return executor, source

    async def _payloads(
        self, executor: Executor[Any], source: AsyncIterable[object], selection: Hashable
    ) -> AsyncGenerator[Payload]:
        name = executor.operation.name.value if executor.operation.name else None
        with self._journal.following(name, executor.context_value):
            try:
                async with aclosing(cast("AsyncGenerator[object]", source)) as values:
                    async for value in values:
                        if isinstance(value, Shared):
                            yield await self._shared(executor, value, selection)
                        else:
                            result = await _execute(executor, value, executor.context_value)
                            yield Payload(_to_json(result))
            except Exception as error:
                raise Refused([GraphQLError(str(error), original_error=error)]) from error

    async def _shared(self, executor: Executor[Any], value: Shared, selection: Hashable) -> Payload:
        context: Context = executor.context_value

        async def render() -> str:
            while True:
                # A context for each value: what its loaders read is read anew for the next one.
                seen = context.seen_by(Identity(value.viewer, expires_at=None))
                result = await _execute(executor, value.make(), seen)
                if not _lacks_database(result):
                    return _to_json(result)
                await asyncio.sleep(RETRY_SECONDS)

        return Payload(await self._renderings.get((selection, value.key), render), value.cursor)


class Renderings:
    """Texts by what they render: each made once, and kept for those who come a moment later."""

    def __init__(self) -> None:
        # Oldest first.
        self._made: dict[Hashable, tuple[float, asyncio.Task[str]]] = {}

    async def get(self, key: Hashable, render: Callable[[], Awaitable[str]]) -> str:
        now = time.monotonic()
        while self._made and next(iter(self._made.values()))[0] < now - RENDERING_SECONDS:
            del self._made[next(iter(self._made))]
        if key not in self._made:
            self._made[key] = (now, asyncio.create_task(_text(render)))
        # Who leaves must not take the text from those who wait for it too.
        return await asyncio.shield(self._made[key][1])


async def _text(render: Callable[[], Awaitable[str]]) -> str:
    return await render()


async def _execute(executor: Executor[Any], value: object, context: Context) -> ExecutionResult:
    event_executor = cast("Executor[Any]", executor.build_per_event_executor(value))  # pyright: ignore[reportUnknownMemberType]  # as above
    event_executor.context_value = context
    # Shared by all events, it would keep what each of them has collected: a leak of graphql-core's.
    event_executor._relevant_sub_fields = {}  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    result = execute_subscription_event(event_executor)
    if isinstance(result, Awaitable):
        result = await result
    if result.errors:
        result.errors = [coded(error) for error in result.errors]
    return result


def _lacks_database(result: ExecutionResult) -> bool:
    return any(
        (error.extensions or {})["code"] == ProblemCode.UNAVAILABLE.value
        for error in result.errors or ()
    )


def _to_json(result: ExecutionResult) -> str:
    return orjson.dumps(result.formatted).decode()


class _VariableNames(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: object) -> VisitorAction:
        self.found.add(node.name.value)
        return SKIP


def _selected_variables(executor: Executor[Any], given: Mapping[str, Any]) -> str:
    """The variables upon which it depends what is selected of a value, with their values.

    Not those that only choose the values, such as the cursor that each client has of its own.
    """
    names = _VariableNames()
    nodes: list[Node] = list(executor.fragment_definitions.values())
    for root in executor.operation.selection_set.selections:
        nodes += root.directives or ()
        if isinstance(root, FieldNode) and root.selection_set is not None:
            nodes.append(root.selection_set)
    for node in nodes:
        visit(node, names)
    return orjson.dumps({name: given[name] for name in sorted(names.found & given.keys())}).decode()
