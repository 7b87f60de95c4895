"""What one operation may cost, decided before anything is executed.

A document is measured in one walk: how deep it nests, how many aliases it uses, and how many rows
it can ask for, where a list of 100 with a list of 100 inside counts 10,000. Fragments are measured
once each, so a document cannot make the measuring itself expensive.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)
from strawberry.extensions import SchemaExtension

from domain.errors import ProblemCode
from graph.context import Context
from graph.nodes import DEFAULT_PAGE, LARGEST_PAGE

# Fields through which a connection passes its rows on; they multiply nothing themselves.
_PAGING_ARGUMENTS = ("first", "last")


@dataclass(frozen=True, slots=True)
class OperationLimits:
    """Bounds of one operation; `cost` is in rows."""

    depth: int
    aliases: int
    tokens: int
    cost: int

    def refusal_of(
        self,
        document: DocumentNode,
        variables: Mapping[str, Any],
        operation_name: str | None,
        schema: GraphQLSchema,
    ) -> GraphQLError | None:
        """The first limit that the operation goes beyond, other than that of tokens."""
        measure = _Measurer(schema, document, variables).measure(operation_name)
        for name in ("depth", "aliases", "cost"):
            actual, allowed = getattr(measure, name), getattr(self, name)
            if actual > allowed:
                return limit_error(name, allowed, actual)
        return None

    def explained(self, error: GraphQLError) -> GraphQLError:
        """`error`; where the parser stopped at the limit of tokens, in our words for that."""
        if f"more than {self.tokens} tokens" in error.message:
            return limit_error("tokens", self.tokens)
        return error


@dataclass(frozen=True, slots=True)
class Measure:
    depth: int
    aliases: int
    cost: int

    def beside(self, other: "Measure") -> "Measure":
        return Measure(
            max(self.depth, other.depth), self.aliases + other.aliases, self.cost + other.cost
        )


_NOTHING = Measure(0, 0, 0)


class LimitOperations(SchemaExtension):
    """Refuses what goes beyond `limits` with a coded error that names the limit and its value."""

    def __init__(
        self, limits: OperationLimits, schema: GraphQLSchema, *, introspection: bool
    ) -> None:
        self._limits = limits
        self._schema = schema
        self._introspection = introspection

    def on_operation(self) -> Iterator[None]:
        if self._is_internal:
            yield
            return
        self.execution_context.parse_options["max_tokens"] = self._limits.tokens
        yield

    def on_validate(self) -> Iterator[None]:
        if self._is_internal:
            yield
            return
        context = self.execution_context
        document = context.graphql_document
        assert document is not None, "validation follows parsing"
        refusal = self._limits.refusal_of(
            document, context.variables or {}, context.operation_name, self._schema
        )
        if refusal is not None:
            context.pre_execution_errors = [refusal]
        elif not self._introspection and _asks_for_schema(document):
            context.pre_execution_errors = [
                GraphQLError(
                    "Introspection is off here: TICKETS_INTROSPECTION.",
                    extensions={"code": ProblemCode.FORBIDDEN.value},
                )
            ]
        yield

    @property
    def _is_internal(self) -> bool:
        context: Context = self.execution_context.context
        return context.is_internal


def limit_error(name: str, allowed: int, actual: int | None = None) -> GraphQLError:
    found = "" if actual is None else f", this has {actual:,}"
    return GraphQLError(
        f"At most {allowed:,} {_UNITS[name]}{found}. Ask for less at once.",
        extensions={
            "code": ProblemCode.VALIDATION.value,
            "limit": {"name": name, "value": allowed, "actual": actual},
        },
    )


_UNITS = {
    "depth": "levels of fields are allowed",
    "aliases": "aliases are allowed",
    "cost": "rows may be asked for",
    "tokens": "tokens are allowed in a document",
}


def _asks_for_schema(document: DocumentNode) -> bool:
    return any(
        _has_schema(definition.selection_set)
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode)
    )


def _has_schema(selections: SelectionSetNode) -> bool:
    """Whether `__schema` or `__type` is selected here, where alone they are valid: at the root."""
    return any(
        (isinstance(each, FieldNode) and each.name.value in ("__schema", "__type"))
        or (isinstance(each, InlineFragmentNode) and _has_schema(each.selection_set))
        for each in selections.selections
    )


class _Measurer:
    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]
    ) -> None:
        self._schema = schema
        self._variables = variables
        self._operations = [
            each for each in document.definitions if isinstance(each, OperationDefinitionNode)
        ]
        self._fragments = {
            each.name.value: each
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self._measured: dict[str, Measure] = {}

    def measure(self, operation_name: str | None) -> Measure:
        for operation in self._operations:
            if operation_name is None or (
                operation.name is not None and operation.name.value == operation_name
            ):
                root = self._schema.get_root_type(operation.operation)
                return self._of_selections(operation.selection_set, root, rows=1)
        return _NOTHING

    def _of_selections(
        self, selections: SelectionSetNode | None, parent: GraphQLNamedType | None, *, rows: int
    ) -> Measure:
        """`rows`: how many items of the list that the selections are made on there can be."""
        total = _NOTHING
        for selection in selections.selections if selections else ():
            match selection:
                case FieldNode():
                    measure = self._of_field(selection, parent, rows)
                case InlineFragmentNode(type_condition=condition, selection_set=inner):
                    narrowed = self._schema.get_type(condition.name.value) if condition else parent
                    measure = self._of_selections(inner, narrowed, rows=rows)
                case FragmentSpreadNode():
                    measure = self._of_fragment(selection.name.value, rows)
                case _:
                    measure = _NOTHING
            total = total.beside(measure)
        return total

    def _of_fragment(self, name: str, rows: int) -> Measure:
        """Measured for one row and multiplied; a fragment within itself measures nothing."""
        if name not in self._measured:
            self._measured[name] = _NOTHING
            fragment = self._fragments.get(name)
            if fragment is not None:
                on = self._schema.get_type(fragment.type_condition.name.value)
                self._measured[name] = self._of_selections(fragment.selection_set, on, rows=1)
        measured = self._measured[name]
        return Measure(measured.depth, measured.aliases, measured.cost * rows)

    def _of_field(self, field: FieldNode, parent: GraphQLNamedType | None, rows: int) -> Measure:
        aliases = 1 if field.alias else 0
        definition = _definition(parent, field.name.value)
        if definition is None:
            # Unknown to the schema, which validation will say; or introspection, which is free.
            return Measure(1, aliases, 0)
        page = self._page_size(field, definition)
        asked = rows if page is None else rows * page
        inner_type = get_named_type(definition.type)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  # graphql-core leaves its wrappers' parameters open
        inner = self._of_selections(field.selection_set, inner_type, rows=asked)
        own = 0 if page is None else asked
        return Measure(inner.depth + 1, inner.aliases + aliases, inner.cost + own)

    def _page_size(self, field: FieldNode, definition: GraphQLField) -> int | None:
        """None for what is no connection. A size out of bounds counts as the largest page."""
        if not any(name in definition.args for name in _PAGING_ARGUMENTS):
            return None
        given = {argument.name.value: argument.value for argument in field.arguments or ()}
        value: Any = DEFAULT_PAGE
        for name in _PAGING_ARGUMENTS:
            node = given.get(name)
            if isinstance(node, IntValueNode):
                # Longer than any size that is allowed: int() would take its time over it.
                fits = len(node.value) <= len(str(LARGEST_PAGE))
                value = int(node.value) if fits else LARGEST_PAGE
            elif isinstance(node, VariableNode):
                value = self._variables.get(node.name.value, LARGEST_PAGE)
        return value if isinstance(value, int) and 1 <= value <= LARGEST_PAGE else LARGEST_PAGE


def _definition(parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        return parent.fields.get(name)
    return None
