"""What is remembered of documents: nothing of who sent them, and not too much."""

import pytest
from graphql import GraphQLError

from graph.documents import Documents
from graph.limits import OperationLimits
from graph.schema import schema_types

LIST = "query($first: Int!) { tickets(first: $first) { nodes { links { kind } } } }"
NESTED = """query($outer: Int!, $inner: Int!) { customers(first: $outer) { ...Theirs } }
fragment Theirs on CustomerConnection { nodes { tickets(first: $inner) { nodes { subject } } } }"""


@pytest.fixture
def documents() -> Documents:
    return Documents(schema_types(), max_tokens=100, kept_tokens=200)


def test_a_document_is_parsed_validated_and_measured_once(documents: Documents) -> None:
    first, again = documents.read(LIST), documents.read(LIST)

    assert again is first
    assert again.faults is first.faults
    assert first.faults == []


def test_the_ones_that_were_not_sent_for_longest_are_forgotten(documents: Documents) -> None:
    often, once = documents.read(LIST), documents.read(NESTED)
    for number in range(50):
        documents.read(f"{{ viewer {{ name{number} }} }}")
        assert documents.read(LIST) is often
    assert documents.read(NESTED) is not once


def test_a_long_document_is_not_kept(documents: Documents) -> None:
    long = "{ viewer { name } } #" + "x" * 100_000

    assert documents.read(long) is not documents.read(long)


def test_our_own_documents_may_be_longer_and_others_not_for_that(documents: Documents) -> None:
    long = "{ viewer {" + "name " * 150 + "} }"

    assert documents.read(long, limited=False).faults == []
    with pytest.raises(GraphQLError, match="more than 100 tokens"):
        documents.read(long)


def test_a_document_costs_what_its_variables_make_of_it(documents: Documents) -> None:
    limits = OperationLimits(depth=15, aliases=50, tokens=4_000, cost=20 + 20 * 50)
    measures = documents.read(NESTED).measures

    assert limits.refusal_of(measures, None, {"outer": 20, "inner": 50}) is None
    refused = limits.refusal_of(measures, None, {"outer": 20, "inner": 51})
    assert refused is not None
    assert refused.extensions
    assert refused.extensions["limit"] == {"name": "cost", "value": 1020, "actual": 1040}
    # What is no size counts as the largest.
    assert measures.of(None, {"outer": "20"}).cost == 100 + 100 * 100
