"""What is found out about a document once, however often it is sent.

Clients send the same few documents with other variables, again and again. Parsing one, validating
it and measuring it costs several times what most answers do.
"""

from collections import OrderedDict
from functools import cached_property

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    specified_rules,
)
from strawberry.schema.schema import validate_document

from graph.compiled import Plans
from graph.limits import Measures

# How many tokens all that is remembered may have: each takes about 1 KB.
KEPT_TOKENS = 50_000


class Document:
    """A document that has been parsed; the same for whoever sends it, with whatever variables."""

    def __init__(self, tree: DocumentNode, schema: GraphQLSchema) -> None:
        self.tree = tree
        self._schema = schema
        self._operations = [
            each for each in tree.definitions if isinstance(each, OperationDefinitionNode)
        ]

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The one with that name; without a name, the first."""
        for operation in self._operations:
            if name is None or (operation.name is not None and operation.name.value == name):
                return operation
        return None

    @cached_property
    def faults(self) -> list[GraphQLError]:
        """What is wrong with it, if anything is."""
        return validate_document(self._schema, self.tree, tuple(specified_rules))

    @cached_property
    def measures(self) -> Measures:
        return Measures(self._schema, self.tree)

    @cached_property
    def plans(self) -> Plans:
        return Plans(self.tree)

    @cached_property
    def asks_for_schema(self) -> bool:
        return any(
            _has_schema(definition.selection_set)
            for definition in self.tree.definitions
            if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode)
        )


class Documents:
    """The documents that were sent last, as far as they are few and small enough."""

    def __init__(self, schema: GraphQLSchema, *, max_tokens: int, kept_tokens: int = KEPT_TOKENS):
        self._schema = schema
        self._max_tokens = max_tokens
        self._kept_tokens = kept_tokens
        self._tokens = 0
        # The one that was not sent for longest comes first.
        self._known: OrderedDict[tuple[str, bool], Document] = OrderedDict()

    def read(self, text: str, *, limited: bool = True) -> Document:
        """Raises GraphQLError for what is no document or, where `limited`, too long."""
        key = (text, limited)
        if (known := self._known.get(key)) is not None:
            self._known.move_to_end(key)
            return known
        tree = parse(text, max_tokens=self._max_tokens if limited else None)
        document = self._known[key] = Document(tree, self._schema)
        self._tokens += _size(key, document)
        while self._tokens > self._kept_tokens:
            self._tokens -= _size(*self._known.popitem(last=False))
        return document


def _size(key: tuple[str, bool], document: Document) -> int:
    """In tokens, among which long comments and strings count for more."""
    return document.tree.token_count + len(key[0]) // 100


def _has_schema(selections: SelectionSetNode) -> bool:
    """Whether `__schema` or `__type` is selected here, where alone they are valid: at the root."""
    return any(
        (isinstance(each, FieldNode) and each.name.value in ("__schema", "__type"))
        or (isinstance(each, InlineFragmentNode) and _has_schema(each.selection_set))
        for each in selections.selections
    )
