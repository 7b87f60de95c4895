"""Instants and the strings that sort like them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.clock import sort_key, to_utc, utc_now

instants = st.datetimes(
    datetime.fromisoformat("1970-01-02"),
    datetime.fromisoformat("2500-01-01"),
    timezones=st.timezones(),
)


@given(instants)
def test_an_instant_stays_the_same_to_the_millisecond(at: datetime) -> None:
    stored = to_utc(at)
    assert stored.tzinfo is UTC
    assert stored.microsecond % 1000 == 0
    assert timedelta() <= at.astimezone(UTC) - stored < timedelta(milliseconds=1)
    assert to_utc(stored) == stored


def test_now_is_such_an_instant() -> None:
    now = utc_now()
    assert now.tzinfo is UTC
    assert to_utc(now) == now


@given(instants, instants | st.integers(-5, 5))
def test_keys_sort_as_instants_do_to_the_millisecond(one: datetime, other: datetime | int) -> None:
    one = to_utc(one)
    other = one + timedelta(milliseconds=other) if isinstance(other, int) else to_utc(other)
    # Whatever stands behind decides only between equal instants.
    assert (sort_key(one, "z") < sort_key(other, "a")) is (one < other)
    assert (sort_key(one, "a") < sort_key(other, "z")) is (one <= other)
