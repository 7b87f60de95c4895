"""Models to stored documents and back, without anything lost on the way."""

from datetime import UTC
from typing import Any

import pytest
from bson import BSON
from bson.codec_options import CodecOptions
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticUndefined

from persistence.documents import Document, evolve, from_document, to_document
from persistence.models import MODELS, Customer, SlaState, Ticket, TicketPriority
from persistence.odm import Model
from tests import examples


def stored(document: Document) -> Document:
    """As the database gives it back, its zone spelled as ours is."""
    return BSON.encode(document).decode(CodecOptions(tz_aware=True, tzinfo=UTC))


@st.composite
def stored_models(draw: st.DrawFn) -> Model:
    return draw(examples.models(draw(st.sampled_from(MODELS))))


@given(stored_models())
def test_a_model_comes_back_from_the_database_as_it_was(model: Model) -> None:
    back = from_document(type(model), stored(to_document(model)))
    assert back == model
    # A string equals the member of the enum that it stands for, and does not look like it.
    assert repr(back) == repr(model)
    assert to_document(back) == to_document(model)


@given(stored_models())
def test_all_of_a_model_is_stored_and_nothing_of_it_shared(model: Model) -> None:
    document = to_document(model)
    key = {"_id": document["_id"]} if "_id" in document else {}
    dumped = model.model_dump()
    assert document == {name: each for name, each in dumped.items() if name != "id"} | key
    for name, value in document.items():
        is_mutable = isinstance(value, list | dict)
        assert not (is_mutable and value is getattr(model, name, None))


@given(stored_models(), st.data())
def test_a_field_that_an_older_document_lacks_has_its_default(
    model: Model, data: st.DataObject
) -> None:
    fields = type(model).model_fields
    optional = [name for name, field in fields.items() if field.default is not PydanticUndefined]
    missing = data.draw(st.sets(st.sampled_from(optional)) if optional else st.just(set[str]()))
    older = {name: value for name, value in to_document(model).items() if name not in missing}
    back = from_document(type(model), stored(older))
    for name, field in fields.items():
        expected = field.default if name in missing else getattr(model, name)
        assert getattr(back, name) == expected


@given(examples.models(Ticket))
def test_defaults_are_not_shared(ticket: Ticket) -> None:
    document = stored(to_document(ticket))
    del document["tags"]
    one, other = (from_document(Ticket, document) for _ in range(2))
    one.tags.append("x")
    assert other.tags == []


@given(examples.models(Customer), st.text(), examples.instants)
def test_what_evolves_is_a_copy_with_only_those_fields_changed(
    customer: Customer, name: str, at: Any
) -> None:
    before = to_document(customer)
    evolved = evolve(customer, name=name, updated_at=at)
    assert to_document(customer) == before
    assert to_document(evolved) == before | {"name": name, "updated_at": at}
    assert evolved == from_document(Customer, to_document(evolved))


@given(examples.models(Ticket))
def test_a_document_holds_its_key_and_no_other_name_for_it(ticket: Ticket) -> None:
    document = stored(to_document(ticket))
    assert document["_id"] == ticket.id
    assert document.keys() - {"_id"} == Ticket.model_fields.keys() - {"id"}


@pytest.mark.parametrize("enum", [TicketPriority, SlaState])
def test_enums_are_stored_as_their_values(enum: Any) -> None:
    assert [stored({"value": member})["value"] for member in enum] == [m.value for m in enum]
