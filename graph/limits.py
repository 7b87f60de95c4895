"""What one operation may cost, decided before anything is executed.

A document is measured in one walk: how deep it nests, how many aliases it uses, and which lists
it asks for. With the variables, those say how many rows that can be, where a list of 100 with a
list of 100 inside counts 10,000. Fragments are measured once each, so a document cannot make the
measuring itself expensive.
"""

from collections.abc import Mapping
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

from domain.errors import ProblemCode
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
        self, measures: "Measures", operation_name: str | None, variables: Mapping[str, Any]
    ) -> GraphQLError | None:
        """The first limit that the operation goes beyond, other than that of tokens."""
        measure = measures.of(operation_name, variables)
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


@dataclass(frozen=True, slots=True)
class Measure:
    depth: int
    aliases: int
    cost: int


@dataclass(frozen=True, slots=True)
class _Shape:
    """A selection before its variables are known.

    `lists` are those that it asks for of each row that it is made on: the size of a page, or the
    variable that says it, and what is asked for of each of its rows. `fragments` may ask for more.
    """

    depth: int = 0
    aliases: int = 0
    lists: tuple[tuple[int | str, "_Shape"], ...] = ()
    fragments: tuple[str, ...] = ()

    def beside(self, other: "_Shape") -> "_Shape":
        return _Shape(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.lists + other.lists,
            self.fragments + other.fragments,
        )


_NOTHING = _Shape()


class Measures:
    """What each operation of a document may cost."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._definitions = {
            each.name.value: each
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self._fragments: dict[str, _Shape] = {}
        self._operations = [
            (
                each.name.value if each.name else None,
                self._of_selections(each.selection_set, schema.get_root_type(each.operation)),
            )
            for each in document.definitions
            if isinstance(each, OperationDefinitionNode)
        ]

    def of(self, operation_name: str | None, variables: Mapping[str, Any]) -> Measure:
        """Of the operation with that name; without a name, of the first."""
        for name, shape in self._operations:
            if operation_name in (None, name):
                return Measure(shape.depth, shape.aliases, self._cost(shape, variables, {}))
        return Measure(0, 0, 0)

    def _cost(self, shape: _Shape, variables: Mapping[str, Any], known: dict[str, int]) -> int:
        """The rows for each row of the selection; `known` are those of fragments."""
        total = 0
        for page, inner in shape.lists:
            size = _in_bounds(variables.get(page)) if isinstance(page, str) else page
            total += size * (1 + self._cost(inner, variables, known))
        for name in shape.fragments:
            if name not in known:
                # A fragment within itself asks for nothing, which validation will say.
                known[name] = 0
                known[name] = self._cost(self._fragments[name], variables, known)
            total += known[name]
        return total

    def _of_selections(
        self, selections: SelectionSetNode | None, parent: GraphQLNamedType | None
    ) -> _Shape:
        total = _NOTHING
        for selection in selections.selections if selections else ():
            match selection:
                case FieldNode():
                    shape = self._of_field(selection, parent)
                case InlineFragmentNode(type_condition=condition, selection_set=inner):
                    narrowed = self._schema.get_type(condition.name.value) if condition else parent
                    shape = self._of_selections(inner, narrowed)
                case FragmentSpreadNode():
                    shape = self._of_fragment(selection.name.value)
                case _:
                    shape = _NOTHING
            total = total.beside(shape)
        return total

    def _of_fragment(self, name: str) -> _Shape:
        if name not in self._fragments:
            self._fragments[name] = _NOTHING
            fragment = self._definitions.get(name)
            if fragment is not None:
                on = self._schema.get_type(fragment.type_condition.name.value)
                self._fragments[name] = self._of_selections(fragment.selection_set, on)
        shape = self._fragments[name]
        return _Shape(shape.depth, shape.aliases, fragments=(name,))

    def _of_field(self, field: FieldNode, parent: GraphQLNamedType | None) -> _Shape:
        aliases = 1 if field.alias else 0
        definition = _definition(parent, field.name.value)
        if definition is None:
            # Unknown to the schema, which validation will say; or introspection, which is free.
            return _Shape(1, aliases)
        inner_type = get_named_type(definition.type)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  # graphql-core leaves its wrappers' parameters open
        inner = self._of_selections(field.selection_set, inner_type)
        depth, aliases = inner.depth + 1, inner.aliases + aliases
        page = _page_size(field, definition)
        if page is None:
            return _Shape(depth, aliases, inner.lists, inner.fragments)
        return _Shape(depth, aliases, lists=((page, inner),))


def _page_size(field: FieldNode, definition: GraphQLField) -> int | str | None:
    """Or the variable that says it; None for what is no connection."""
    if not any(name in definition.args for name in _PAGING_ARGUMENTS):
        return None
    given = {argument.name.value: argument.value for argument in field.arguments or ()}
    size: int | str = DEFAULT_PAGE
    for name in _PAGING_ARGUMENTS:
        node = given.get(name)
        if isinstance(node, IntValueNode):
            # Longer than any size that is allowed: int() would take its time over it.
            fits = len(node.value) <= len(str(LARGEST_PAGE))
            size = _in_bounds(int(node.value)) if fits else LARGEST_PAGE
        elif isinstance(node, VariableNode):
            size = node.name.value
    return size


def _in_bounds(size: object) -> int:
    """A size out of bounds counts as the largest page."""
    return size if isinstance(size, int) and 1 <= size <= LARGEST_PAGE else LARGEST_PAGE


def _definition(parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        return parent.fields.get(name)
    return None
