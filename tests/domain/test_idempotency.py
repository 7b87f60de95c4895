"""Fingerprints: the same request is the same, and any other is another."""

import json
from typing import Any

from bson import ObjectId
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.access import Actor
from domain.idempotency import KeyedRequest
from persistence.models import ActorKind, Role

values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
inputs = st.dictionaries(st.text(max_size=5), values, max_size=4)
keys = st.text(min_size=1, max_size=10)


def bot() -> Actor:
    return Actor(ActorKind.BOT, ObjectId(), "bot", Role.BOT)


BOT = bot()


@given(key=keys, sent=inputs)
def test_the_same_request_is_known_whatever_the_order_of_its_fields(
    key: str, sent: dict[str, Any]
) -> None:
    again = dict(reversed(sent.items()))
    assert KeyedRequest.of(BOT, "createTicket", key, sent) == KeyedRequest.of(
        BOT, "createTicket", key, again
    )


@given(key=keys, one=inputs, other=inputs)
def test_another_input_has_another_fingerprint(
    key: str, one: dict[str, Any], other: dict[str, Any]
) -> None:
    # Python takes true for equal to 1.
    assume(json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True))
    first, second = (KeyedRequest.of(BOT, "createTicket", key, sent) for sent in (one, other))
    assert first.record_id == second.record_id
    assert first.fingerprint != second.fingerprint


@given(key=keys, other=keys)
def test_keys_are_of_one_actor_and_one_operation(key: str, other: str) -> None:
    own = KeyedRequest.of(BOT, "createTicket", key, {})
    assert own.record_id != KeyedRequest.of(bot(), "createTicket", key, {}).record_id
    assert own.record_id != KeyedRequest.of(BOT, "addTicketNote", key, {}).record_id
    same = own.record_id == KeyedRequest.of(BOT, "createTicket", other, {}).record_id
    assert same is (key == other)


def test_whom_a_bot_speaks_for_is_part_of_what_it_asks() -> None:
    own, for_another = (
        KeyedRequest.of(BOT.speaking_for(ObjectId()), "createTicket", "k", {}) for _ in range(2)
    )
    assert own.record_id == for_another.record_id
    assert own.fingerprint != for_another.fingerprint
