"""Queries and events answered by functions that are compiled from what is selected.

graphql-core decides for each field of each row anew what it is, with a path, an info and a task of
its own. Here that is decided once for a document: a selection becomes one function, which makes the
answer's dictionary of an object. The resolvers are the same, and so is what they are given.

Only answers without errors come from here. Whatever would be an error, and whatever is not
supported, is graphql-core's: neither has effects, so it can be executed again, by what knows how to
say what went wrong and where. Without this module everything works as it does with it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType
from typing import Any, cast

from graphql import (
    DirectiveNode,
    DocumentNode,
    Executor,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    OperationType,
    VariableNode,
    Visitor,
    get_argument_values,
    is_leaf_type,
    visit,
)
from graphql.execution.collect_fields import FieldDetails, collect_fields
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types import Info
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from graph.fields import Relation, is_of_model, relation_of, shared_key_of
from graph.inputs import ArgumentsReader
from graph.loaders import Loader

_UNKNOWN = object()
_NOTHING: dict[str, Any] = {}

# The longest source that is compiled but once, in characters.
KEPT_SOURCE = 2_000

# How many plans of one document are kept: one for each of the choices that its directives left.
KEPT_PLANS = 16

Answer = dict[str, Any]
# Makes of what a resolver gave what the answer holds.
Complete = Callable[[Any, "_Run"], Any]
# Reads the value under a key of an answer, which may come later; None until then.
_Read = Callable[[Any, "_Run", Answer], Any]
# Asks a resolver, and makes of it what the answer holds, or a `_Waiting`.
_Ask = Callable[[Any, "_Run"], Any]
_Selected = list[FieldDetails]
_Core = Executor[Any]
_Resolver = StrawberryResolver[Any]


class Unsupported(Exception):
    """That graphql-core is to execute this."""


class Compiler:
    """The plans of one schema."""

    def __init__(self, schema: GraphQLSchema, converter: GraphQLCoreConverter) -> None:
        self._schema = schema
        self._converter = converter
        self._types_of = _types_by_class(schema)
        # By the type and the name of their field.
        self._known_arguments: dict[tuple[str, str], ArgumentsReader] = {}

    async def answer(self, core: _Core, plans: "Plans") -> Answer | None:
        """The data that `core` would come to by executing its operation; None where it has to.

        `core` is for a query, or for one event of a subscription, which is its root value. `plans`
        are those of the document, which this adds to.
        """
        if core.operation.operation is OperationType.MUTATION:
            return None
        run = _Run(core)
        try:
            plan = plans.of(core, self._plan)
            answer = plan(core.root_value, run)
            await run.until_complete()
        except Exception:  # noqa: BLE001 -- of which graphql-core will tell
            await run.settle()
            return None
        return answer

    def _plan(self, core: _Core) -> Complete:
        is_query = core.operation.operation is OperationType.QUERY
        root = self._schema.query_type if is_query else self._schema.subscription_type
        assert root is not None
        grouped, deferred, _ = collect_fields(
            self._schema, core.fragments, core.variable_values, root, core.operation
        )
        if deferred:
            raise Unsupported
        return self._object(root, grouped, core) if is_query else self._event(root, grouped, core)

    def _event(
        self, root: GraphQLObjectType, grouped: Mapping[str, _Selected], core: _Core
    ) -> Complete:
        """An event is the value of the one field that was subscribed to."""
        ((key, selected),) = grouped.items()
        definition = root.fields[selected[0].node.name.value]
        complete = self._completion(definition.type, selected, core)
        return lambda event, run: {key: complete(event, run)}

    # ---- objects ---------------------------------------------------------------------------

    def _object(
        self, on: GraphQLObjectType, grouped: Mapping[str, _Selected], core: _Core
    ) -> Complete:
        source = _Source()
        for key, selected in grouped.items():
            name = selected[0].node.name.value
            if name == "__typename":
                source.constant(key, on.name)
                continue
            definition = on.fields.get(name)
            if definition is None:
                # Introspection.
                raise Unsupported
            resolved = cast("StrawberryField", definition.extensions["strawberry-definition"])
            if resolved.extensions:
                raise Unsupported
            complete = self._completion(definition.type, selected, core)
            resolver = cast("_Resolver | None", resolved.base_resolver)  # pyright: ignore[reportUnknownMemberType]  # resolvers are generic
            if resolver is None:
                prefix = "model." if is_of_model(resolved) else ""
                source.attribute(key, prefix + resolved.python_name, definition.type, complete)
            else:
                info = resolver.info_parameter
                info_name = info.name if info else None
                arguments = self._arguments_of(on, resolved)
                call = _Call(key, on, definition, resolved, selected, arguments, info_name)
                source.read(key, self._resolver(call, resolver, complete))
        return source.compiled()

    def _arguments_of(self, on: GraphQLObjectType, resolved: StrawberryField) -> ArgumentsReader:
        key = on.name, resolved.python_name
        if key not in self._known_arguments:
            self._known_arguments[key] = ArgumentsReader(resolved, self._converter)
        return self._known_arguments[key]

    def _resolver(self, call: "_Call", resolver: "_Resolver", complete: Complete) -> "_Read":
        if resolver.parent_parameter or resolver.root_parameter or not resolver.self_parameter:
            raise Unsupported
        function = cast("Callable[..., Any]", resolver.wrapped_func)  # pyright: ignore[reportUnknownMemberType]  # as above
        if relation := relation_of(function):
            return _read_once(call, relation.key_of, _look_up(call, relation, complete))
        key, is_async = call.key, resolver.is_async
        takes_something = bool(call.definition.args) or call.info_name is not None

        def ask(source: Any, run: _Run) -> Any:
            arguments = run.arguments.get(call, _NOTHING)
            if takes_something and arguments is _NOTHING:
                arguments = run.arguments[call] = self._arguments(call, run.core)
            value = function(source, **arguments)
            if is_async:
                begun = _Begun(value)
                if not begun.is_done:
                    waiting = _Waiting(begun, key, complete)
                    run.waiting.append(waiting)
                    return waiting
                if begun.error is not None:
                    raise begun.error
                value = begun.value
            return complete(value, run)

        key_of = shared_key_of(function)
        return _read_each(ask) if key_of is None else _read_once(call, key_of, ask)

    def _arguments(self, call: "_Call", core: _Core) -> dict[str, Any]:
        """The same for each object of a request, as is the info."""
        node = call.selected[0].node
        raw = cast(
            "GraphQLResolveInfo[Any]",
            core.build_resolve_info(  # pyright: ignore[reportUnknownMemberType]  # executors are generic
                call.definition,
                [each.node for each in call.selected],
                call.parent,
                cast("Any", None),
            ),
        )
        info = Info(_raw_info=raw, _field=call.resolved)
        arguments: dict[str, Any] = {}
        if call.definition.args:
            given = get_argument_values(call.definition, node, core.variable_values)
            arguments = call.arguments.read(given, info) if given else {}
        if call.info_name:
            arguments[call.info_name] = info
        return arguments

    # ---- values ----------------------------------------------------------------------------

    def _completion(self, of: Any, selected: _Selected, core: _Core) -> Complete:
        named = _nullable(of)
        given = self._given(named, selected, core)
        if named is of:
            return _optional(given)
        # A leaf or a list is never made of nothing.
        return given if is_leaf_type(named) or isinstance(named, GraphQLList) else _required(given)

    def _given(self, of: Any, selected: _Selected, core: _Core) -> Complete:
        """Of a value that is there."""
        if isinstance(of, GraphQLList):
            item = cast("GraphQLList[Any]", of).of_type
            return _each(self._completion(item, selected, core), _PLAIN.get(_nullable(item)))
        if is_leaf_type(of):
            return _leaf(of)
        if isinstance(of, GraphQLObjectType):
            return self._selection(of, selected, core)
        assert isinstance(of, GraphQLInterfaceType | GraphQLUnionType)
        return self._abstract(of, selected)

    def _selection(self, on: GraphQLObjectType, selected: _Selected, core: _Core) -> Complete:
        grouped, deferred, _ = core.collect_subfields(on, selected)
        if deferred:
            raise Unsupported
        return self._object(on, grouped, core)

    def _abstract(
        self, of: GraphQLInterfaceType | GraphQLUnionType, selected: _Selected
    ) -> Complete:
        """By what the value is, of which a schema may know many more than ever come."""
        completions: dict[type, Complete] = {}

        def complete(value: object, run: _Run) -> Any:
            known = completions.get(type(value))
            if known is None:
                on = self._types_of[type(value)]
                if not self._schema.is_sub_type(of, on):
                    raise Unsupported
                known = completions[type(value)] = self._selection(on, selected, run.core)
            return known(value, run)

        return complete


def _types_by_class(schema: GraphQLSchema) -> Mapping[type, GraphQLObjectType]:
    """Without generic classes, which stand for several types."""
    return {
        definition.origin: each
        for each in schema.type_map.values()
        if isinstance(each, GraphQLObjectType)
        and (definition := each.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF))
        and definition.concrete_of is None
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """One selection of a field that has a resolver."""

    key: str
    parent: GraphQLObjectType
    definition: GraphQLField
    resolved: StrawberryField
    selected: _Selected
    arguments: ArgumentsReader
    # What the resolver calls the info that it wants.
    info_name: str | None


# ---- plans ---------------------------------------------------------------------------------


class Plans:
    """How to answer the operations of one document, for each choice that its directives leave."""

    def __init__(self, document: DocumentNode) -> None:
        conditions = _Conditions()
        visit(document, conditions)
        self._variables = sorted(conditions.variables)
        self._known: dict[Hashable, Complete | None] = {}

    def of(self, core: _Core, make: Callable[[_Core], Complete]) -> Complete:
        """Raises Unsupported, and remembers that too."""
        coerced = core.variable_values.coerced
        key = (id(core.operation), *(coerced.get(name) for name in self._variables))
        if key not in self._known:
            if len(self._known) == KEPT_PLANS:
                self._known.clear()
            self._known[key] = None
            self._known[key] = make(core)
        if (plan := self._known[key]) is None:
            raise Unsupported
        return plan


class _Conditions(Visitor):
    """Finds the variables that @skip and @include read."""

    def __init__(self) -> None:
        super().__init__()
        self.variables: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.variables.add(argument.value.name.value)


# ---- source --------------------------------------------------------------------------------


# What JSON knows as it is.
_PLAIN: Mapping[Any, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}


class _Source:
    """Of a function that makes an object's part of an answer.

    Written out it costs half of what a loop over the fields does. All that is written are names of
    a valid document and of our own classes.
    """

    def __init__(self) -> None:
        self._entries: list[str] = []
        self._reads: list[str] = []
        # What is referred to.
        self._names: dict[str, Any] = {}

    def constant(self, key: str, value: str) -> None:
        self._entries.append(f"{key!r}: {value!r}")

    def attribute(self, key: str, path: str, of: Any, complete: Complete) -> None:
        """Completed without a call where it is what most values are."""
        nullable, value = _nullable(of), f"value := source.{path}"
        function = self._named(complete)
        completed = f"{function}(value, run)"
        if plain := _PLAIN.get(nullable):
            entry = f"value if type({value}) is {plain.__name__} else {completed}"
        elif nullable is GraphQLInt:
            is_in_range = f"type({value}) is int and -0x80000000 <= value <= 0x7FFFFFFF"
            entry = f"value if {is_in_range} else {completed}"
        elif isinstance(nullable, GraphQLEnumType):
            # Searched for by graphql-core each time. Our enums are strings, and equal to their
            # values.
            names = {member.value: each for each, member in nullable.values.items()}
            entry = f"{self._named(names)}.get({value}) or {completed}"
        elif nullable is of:
            entry = f"None if ({value}) is None else {completed}"
        else:
            entry = f"{function}(source.{path}, run)"
        self._entries.append(f"{key!r}: {entry}")

    def read(self, key: str, read: _Read) -> None:
        # In its place, even where the value comes later.
        self._entries.append(f"{key!r}: None")
        self._reads.append(f"answer[{key!r}] = {self._named(read)}(source, run, answer)")

    def compiled(self) -> Complete:
        answer = f"answer = {{{', '.join(self._entries)}}}"
        lines = ["def complete(source, run):", answer, *self._reads, "return answer"]
        exec(_code_of("\n    ".join(lines)), self._names)  # noqa: S102 -- see above
        # It holds on to them, and is not to be held by them, which would leave the collector a
        # cycle to find.
        return cast("Complete", self._names.pop("complete"))

    def _named(self, value: object) -> str:
        name = f"_{len(self._names)}"
        self._names[name] = value
        return name


def _code_of(source: str) -> CodeType:
    """Most of what a plan costs, and the same wherever the same is selected."""
    return _kept_code_of(source) if len(source) <= KEPT_SOURCE else _compiled(source)


def _compiled(source: str) -> CodeType:
    return compile(source, "<selection>", "exec")


_kept_code_of = lru_cache(maxsize=1_000)(_compiled)


def _nullable(of: Any) -> Any:
    return cast("GraphQLNonNull[Any]", of).of_type if isinstance(of, GraphQLNonNull) else of


# ---- resolvers -----------------------------------------------------------------------------


def _read_each(ask: _Ask) -> _Read:
    def read(source: Any, run: _Run, answer: Answer) -> Any:
        found = ask(source, run)
        return found.in_place(answer) if type(found) is _Waiting else found

    return read


def _read_once(call: _Call, key_of: Callable[[Any], Hashable], ask: _Ask) -> _Read:
    """Asks once in a run for all objects that have the same key."""

    def read(source: Any, run: _Run, answer: Answer) -> Any:
        known = run.shared.get(call)
        if known is None:
            known = run.shared[call] = {}
        key = key_of(source)
        found = known.get(key, _UNKNOWN)
        if found is _UNKNOWN:
            found = known[key] = ask(source, run)
        return found.in_place(answer) if type(found) is _Waiting else found

    return read


def _look_up(call: _Call, relation: Relation, complete: Complete) -> _Ask:
    """As the relation's own resolver, without a coroutine for each key."""
    key_of, loader_of, make = relation.key_of, relation.loader_of, relation.make

    def ask(source: Any, run: _Run) -> Any:
        key = key_of(source)
        if key is None:
            return complete(None, run)
        looked_up = _LookedUp(loader_of(run.core.context_value.loaders), key, make)
        if looked_up.error is not None:
            raise looked_up.error
        if looked_up.is_done:
            return complete(looked_up.value, run)
        waiting = _Waiting(looked_up, call.key, complete)
        run.waiting.append(waiting)
        return waiting

    return ask


# ---- values --------------------------------------------------------------------------------


def _required(complete: Complete) -> Complete:
    def complete_required(value: Any, run: _Run) -> Any:
        if value is None:
            raise Unsupported
        return complete(value, run)

    return complete_required


def _optional(complete: Complete) -> Complete:
    return lambda value, run: None if value is None else complete(value, run)


def _each(complete: Complete, plain: type | None) -> Complete:
    """`plain` is the class of items that are complete as they are."""

    def complete_each(values: Any, run: _Run) -> Any:
        if not isinstance(values, list | tuple):
            raise Unsupported
        items = cast("Iterable[Any]", values)
        return [item if type(item) is plain else complete(item, run) for item in items]

    return complete_each


def _leaf(of: GraphQLLeafType) -> Complete:
    coerce = cast("Callable[[Any], Any]", of.coerce_output_value)

    def complete(value: Any, _run: _Run) -> Any:
        coerced = coerce(value)
        if coerced is None:
            raise Unsupported
        return coerced

    return complete


# ---- what takes its time -------------------------------------------------------------------


class _Begun:
    """A coroutine that has been begun, without a task.

    Most of what is awaited for each row of a list has been read already, or is read for all of them
    at once. A task for each would cost more than all the rest of the row.
    """

    __slots__ = ("_coroutine", "error", "is_done", "value", "waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        self.is_done = False
        self.value: Any = None
        self.error: BaseException | None = None
        self.waits_for: asyncio.Future[Any] | None = None
        self.go_on()

    def go_on(self, error: BaseException | None = None) -> None:
        """As far as it comes; `error` is that of what it waited for."""
        try:
            if error is None:
                waits_for = self._coroutine.send(None)
            else:
                waits_for = self._coroutine.throw(error)
        except StopIteration as end:
            self.is_done, self.value = True, end.value
        except BaseException as raised:  # noqa: BLE001 -- for whoever wants the value
            self.is_done, self.error = True, raised
        else:
            if waits_for is not None:
                # As a task does with what it is to wait for, so that others can await it too.
                waits_for._asyncio_future_blocking = False  # noqa: SLF001 -- asyncio's protocol
            self.waits_for = waits_for


class _LookedUp:
    """As `_Begun`, for what a loader finds."""

    __slots__ = ("_key", "_make", "error", "is_done", "value", "waits_for")

    def __init__(self, loader: Loader[Any, Any], key: Hashable, make: Callable[[Any], Any]) -> None:
        self._key = key
        self._make = make
        self.is_done = False
        self.value: Any = None
        self.error: BaseException | None = None
        self.waits_for = loader.reading(key)
        if self.waits_for.done():
            self.go_on(self.waits_for.exception())

    def go_on(self, error: BaseException | None = None) -> None:
        self.is_done, self.error = True, error
        if error is None:
            try:
                self.value = self._make(self.waits_for.result()[self._key])
            except Exception as raised:  # noqa: BLE001 -- for whoever wants the value
                self.error = raised


async def _finish(begun: Sequence[_Begun | _LookedUp]) -> None:
    """Until each is done. Those who wait for the same go on together, in one task."""
    groups: dict[asyncio.Future[Any] | None, list[_Begun | _LookedUp]] = {}
    for each in begun:
        groups.setdefault(each.waits_for, []).append(each)
    if len(groups) == 1:
        await _finish_group(*groups.popitem())
    elif groups:
        await asyncio.gather(*(_finish_group(*group) for group in groups.items()))


async def _finish_group(
    waits_for: asyncio.Future[Any] | None, group: list[_Begun | _LookedUp]
) -> None:
    error = None
    try:
        # Nothing at all is for letting others go first.
        await (asyncio.sleep(0) if waits_for is None else waits_for)
    except BaseException as raised:  # noqa: BLE001 -- it is theirs
        error = raised
    for each in group:
        each.go_on(error)
    await _finish([each for each in group if not each.is_done])
    if isinstance(error, asyncio.CancelledError):
        raise error


class _Waiting:
    """A value that is still to come, and its places in the answer."""

    __slots__ = ("_complete", "_completed", "_key", "_places", "value")

    def __init__(self, value: _Begun | _LookedUp, key: str, complete: Complete) -> None:
        self.value = value
        self._key = key
        self._complete = complete
        # None once there is nothing to wait for.
        self._places: list[Answer] | None = []
        self._completed: Any = None

    def in_place(self, answer: Answer) -> Any:
        """What the answer gets for now: None until the value comes."""
        if self._places is not None:
            self._places.append(answer)
        return self._completed

    def end(self, run: "_Run") -> None:
        """Raises what went wrong."""
        if self.value.error is not None:
            raise self.value.error
        self._completed = self._complete(self.value.value, run)
        places, self._places = self._places, None
        for answer in places or ():
            answer[self._key] = self._completed


@dataclass(slots=True)
class _Run:
    """One execution of a plan."""

    core: _Core
    arguments: dict[_Call, dict[str, Any]] = field(default_factory=dict[_Call, dict[str, Any]])
    # Of what is the same for many: by their key, what it came to or what they wait for.
    shared: dict[_Call, dict[Hashable, Any]] = field(
        default_factory=dict[_Call, dict[Hashable, Any]]
    )
    waiting: list[_Waiting] = field(default_factory=list[_Waiting])

    async def until_complete(self) -> None:
        """Level by level, so that what a level asks for by key can be found at once."""
        while self.waiting:
            await self.settle()
            level, self.waiting = self.waiting, []
            for each in level:
                each.end(self)

    async def settle(self) -> None:
        """Lets what has begun come to its end, whatever that is."""
        await _finish([each.value for each in self.waiting])
