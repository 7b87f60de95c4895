"""Global ids and cursors: they come back as what they were, and nothing else is taken for one."""

import base64

import pytest
from bson import ObjectId
from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import ValidationFailed
from graph.nodes import decode_cursor, decode_id, encode_cursor, encode_id, split_id, window

type_names = st.sampled_from(["Ticket", "Customer", "Conversation", "Agent", "Note", "ApiKey"])
object_ids = st.binary(min_size=12, max_size=12).map(ObjectId)
list_names = st.sampled_from(["tickets/created", "tickets/due", "notes", "customers", "agents"])
# A name's sort key may hold any letter that a name may.
sort_keys = st.integers(0, 10**12) | st.text(
    st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=300
).map(lambda name: f"{name}\x1f0123456789abcdef01234567")
anything = st.text(st.characters(exclude_categories=[]), max_size=80)
# Well-formed outside, anything within.
disguised = st.binary(max_size=60).map(
    lambda inner: base64.urlsafe_b64encode(inner).decode().rstrip("=")
)


@given(type_name=type_names, key=object_ids)
def test_a_global_id_comes_back(type_name: str, key: ObjectId) -> None:
    global_id = encode_id(type_name, key)
    assert decode_id(type_name, global_id, "id") == key
    assert split_id(global_id) == (type_name, key)
    assert global_id.isascii()


@given(type_name=type_names, other=type_names, key=object_ids)
def test_an_id_of_one_type_is_not_one_of_another(type_name: str, other: str, key: ObjectId) -> None:
    if type_name != other:
        with pytest.raises(ValidationFailed, match=f"filter.x: is not the id of a {other}"):
            decode_id(other, encode_id(type_name, key), "filter.x")


@given(text=anything | disguised)
@example(text="")
@example(text="\ud800")
@example(text=base64.b64encode(b"Ticket:$ne").decode())
@example(text=base64.b64encode(b"Ticket:" + b"0" * 25).decode())
@example(text=base64.b64encode(b"Ticket:" + "\u0660".encode() * 24).decode())
def test_no_other_text_is_an_id(text: str) -> None:
    with pytest.raises(ValidationFailed):
        decode_id("Ticket", text, "id")


@given(list_name=list_names, key=sort_keys)
def test_a_cursor_comes_back(list_name: str, key: str | int) -> None:
    cursor = encode_cursor(list_name, key)
    assert decode_cursor(list_name, "after", cursor) == key
    asked = window(list_name, after=cursor, before=cursor)
    assert (asked.after, asked.before) == (key, key)


@given(list_name=list_names, other=list_names, key=sort_keys)
def test_a_cursor_of_one_list_is_not_one_of_another(
    list_name: str, other: str, key: str | int
) -> None:
    if list_name != other:
        with pytest.raises(ValidationFailed, match="after: is not a cursor of this list"):
            decode_cursor(other, "after", encode_cursor(list_name, key))


@given(text=anything | disguised)
@example(text="")
@example(text="bm90ZXM6aTo5OTk5OTk5OTk5OTk5OTk5OTk5OTk5")
@example(text=base64.b64encode(b"notes:i:" + b"9" * 19).decode())
@example(text=base64.b64encode("notes:i:\u0663".encode()).decode())
@example(text=base64.b64encode(b"notes:s:a\x00b").decode())
@example(text=base64.b64encode(b"notes:s:").decode())
@example(text=base64.b64encode(b"notes:i:-1").decode())
def test_no_other_text_is_a_cursor(text: str) -> None:
    with pytest.raises(ValidationFailed):
        decode_cursor("notes", "after", text)


@pytest.mark.parametrize(("first", "accepted"), [(0, False), (1, True), (100, True), (101, False)])
def test_a_page_has_1_to_100_items(first: int, *, accepted: bool) -> None:
    if accepted:
        assert window("notes", first=first).size == first
        assert window("notes", last=first).size == first
        return
    with pytest.raises(ValidationFailed, match="first: must be between 1 and 100"):
        window("notes", first=first)
    with pytest.raises(ValidationFailed, match="last: must be between 1 and 100"):
        window("notes", last=first)


def test_the_last_items_are_asked_for_from_the_end() -> None:
    assert window("notes", first=None).size == 20
    assert not window("notes").backwards
    assert window("notes", last=5).backwards
