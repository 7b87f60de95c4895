"""Subscriptions, executed so that each result is rendered once for all who get the same.

Strawberry executes a subscription for each subscriber. Here a subscription's field may yield
`Shared` values instead of its type's own: whoever selects the same of the same value gets the same
text, and the work for one more subscriber is to send it.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Coroutine,
    Hashable,
    Mapping,
)
from contextlib import aclosing
from functools import partial
from typing import Any, cast
from weakref import WeakValueDictionary

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
    visit,
)

from domain.errors import ProblemCode
from domain.sessions import Identity
from graph.context import Context
from graph.errors import Refused
from graph.journal import Journal
from graph.operations import Operation
from graph.schema import PreparedSubscription, Schema
from graph.sharing import Payload, Relay, Shared

# For how long a rendering is given to others. Not for long: it is bound to its ticket's version,
# and what else it shows, such as the customer's name, has none.
RENDERING_SECONDS = 2.0
# How much of them is kept: long tickets that change fast would come to many megabytes.
RENDERINGS_BYTES = 4_000_000
# How long a rendering waits for a database that cannot be reached.
RETRY_SECONDS = 0.5


class Streams:
    def __init__(
        self, schema: Schema, journal: Journal, *, on_rendering: Callable[[], None]
    ) -> None:
        """`on_rendering` is called once for all who are given the same rendering."""
        self._schema = schema
        self._journal = journal
        self._on_rendering = on_rendering
        self._renderings = Renderings()
        self._selections = WeakValueDictionary[Hashable, Selection]()

    async def open(
        self,
        operation: Operation,
        context: Context,
        *,
        hand: Callable[[Payload], bool] | None = None,
    ) -> AsyncGenerator[Payload]:
        """The results of a subscription from now on. Raises Refused, also while they come.

        Those that `hand` has taken do not come; it returns False for one that is to come.
        """
        began = time.perf_counter()
        try:
            subscription = self._schema.prepare(operation, context)
            with self._schema.executor(subscription, context) as executor:
                variables = _selected_variables(executor, operation.variables or {})
                selection = self._selection(operation, variables)
                render = partial(self._shared, subscription, context, selection)
                relay = Relay(selection, render, hand) if hand is not None else None
                source = await self._begin(executor, relay)
        except Refused as refused:
            self._journal.refused(context, refused, began)
            raise
        return self._payloads(subscription, context, source, selection)

    def _selection(self, operation: Operation, variables: str) -> "Selection":
        asked = (operation.query, operation.name, variables)
        return self._selections.setdefault(asked, Selection())

    async def _begin(self, executor: Executor[Any], relay: Relay | None) -> AsyncIterable[object]:
        stream = cast("Context", executor.context_value).stream
        stream.relay = relay
        try:
            source = create_source_event_stream(executor)
            if isinstance(source, Awaitable):
                source = await source
        finally:
            # It leads back here, and would leave the collector a cycle to find.
            stream.relay = None
        if isinstance(source, ExecutionResult):
            raise Refused(source.errors or ())
        return source

    async def _payloads(
        self,
        subscription: PreparedSubscription,
        context: Context,
        source: AsyncIterable[object],
        selection: Hashable,
    ) -> AsyncGenerator[Payload]:
        with self._journal.following(subscription.name, context):
            try:
                async with aclosing(cast("AsyncGenerator[object]", source)) as values:
                    async for value in values:
                        if isinstance(value, Shared):
                            yield await self._shared(subscription, context, selection, value)
                        else:
                            result = await self._schema.execute_event(subscription, value, context)
                            yield Payload(_to_json(result))
            except Exception as error:
                raise Refused([GraphQLError(str(error), original_error=error)]) from error

    async def _shared(
        self,
        subscription: PreparedSubscription,
        context: Context,
        selection: Hashable,
        value: Shared,
    ) -> Payload:
        async def render() -> Payload:
            self._on_rendering()
            while True:
                # A context for each value: what its loaders read is read anew for the next one.
                seen = context.seen_by(Identity(value.viewer, expires_at=None))
                result = await self._schema.execute_event(subscription, value.make(), seen)
                if not _lacks_database(result):
                    return Payload(_to_json(result), value.cursor)
                await asyncio.sleep(RETRY_SECONDS)

        return await self._renderings.get((selection, value.key), render)


class Selection:
    """What is selected: the same object for all who select the same of what they are told.

    With each event it is compared for each of them, and their documents are long.
    """

    __slots__ = ("__weakref__",)


class Renderings:
    """Payloads by what they render: each made once, and kept for those who come a moment later."""

    def __init__(self) -> None:
        self._making: dict[Hashable, asyncio.Task[Payload]] = {}
        # With the time at which it was made; the oldest first.
        self._kept: OrderedDict[Hashable, tuple[float, Payload]] = OrderedDict()
        self._bytes = 0

    async def get(
        self, key: Hashable, render: Callable[[], Coroutine[Any, Any, Payload]]
    ) -> Payload:
        self._forget()
        if key in self._kept:
            return self._kept[key][1]
        if key not in self._making:
            self._making[key] = asyncio.create_task(self._make(key, render()))
        # Who leaves must not take it from those who wait for it too.
        return await asyncio.shield(self._making[key])

    async def _make(self, key: Hashable, rendering: Coroutine[Any, Any, Payload]) -> Payload:
        try:
            payload = await rendering
        finally:
            del self._making[key]
        self._kept[key] = (time.monotonic(), payload)
        self._bytes += _size_of(payload)
        self._forget()
        return payload

    def _forget(self) -> None:
        """What is too old, or too much."""
        while self._kept:
            key, (made, payload) = next(iter(self._kept.items()))
            is_fresh = time.monotonic() - made < RENDERING_SECONDS
            if is_fresh and self._bytes <= RENDERINGS_BYTES:
                return
            del self._kept[key]
            self._bytes -= _size_of(payload)


def _size_of(payload: Payload) -> int:
    """In bytes, with the ticket to which a rendering holds on, about."""
    return len(payload.json) + 10_000


def _lacks_database(result: ExecutionResult) -> bool:
    return any(
        (error.extensions or {})["code"] == ProblemCode.UNAVAILABLE.value
        for error in result.errors or ()
    )


def _to_json(result: ExecutionResult) -> bytes:
    return orjson.dumps(result.formatted)


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
