"""Ticket numbers: how they look, and that no two tickets can have the same one."""

from datetime import MAXYEAR, UTC, datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.configuration import TicketIdFormat, default_configuration
from domain.numbers import business_year, counter_name, format_number

MEXICO = ZoneInfo("America/Mexico_City")

years = st.integers(2020, 2099)
values = st.integers(1, 10**9)
formats = st.fixed_dictionaries(
    {
        "prefix": st.text("ABCXYZ0129", min_size=1, max_size=12),
        "includeYear": st.booleans(),
        "padLength": st.integers(3, 12),
        "separator": st.sampled_from(["-", "_", "/", ""]),
    }
).map(TicketIdFormat.model_validate)


@pytest.mark.parametrize(
    ("changes", "value", "number"),
    [
        ({}, 1, "LUX-2026-000001"),
        ({}, 999_999, "LUX-2026-999999"),
        ({}, 1_000_000, "LUX-2026-1000000"),
        ({"prefix": "FOOD", "include_year": False}, 1, "FOOD-000001"),
        ({"separator": "/", "pad_length": 3}, 7, "LUX/2026/007"),
        ({"separator": ""}, 1, "LUX2026000001"),
    ],
)
def test_numbers_look_as_configured(changes: dict[str, object], value: int, number: str) -> None:
    number_format = default_configuration().ticket_id_format.model_copy(update=changes)
    assert format_number(number_format, 2026, value) == number


@given(number_format=formats, year=years, value=values)
def test_a_number_is_padded_and_grows_past_its_padding(
    number_format: TicketIdFormat, year: int, value: int
) -> None:
    number = format_number(number_format, year, value)
    head = number_format.prefix + number_format.separator
    head += f"{year}{number_format.separator}" if number_format.include_year else ""
    assert number.startswith(head)
    digits = number.removeprefix(head)
    assert int(digits) == value
    assert len(digits) == max(number_format.pad_length, len(str(value)))


@given(number_format=formats, year=years, first=values, second=values)
def test_a_sequence_never_spells_a_number_twice(
    number_format: TicketIdFormat, year: int, first: int, second: int
) -> None:
    assume(first != second)
    one, other = (format_number(number_format, year, value) for value in (first, second))
    assert one != other


def test_only_without_a_separator_do_two_sequences_spell_one_number() -> None:
    """`A1` and 2 spell what `A` and 12 do; hence a creation whose number is taken draws again."""
    sequences: dict[tuple[str, bool], set[str]] = {}
    every_format = product(("A", "A1", "A12", "2026"), (True, False), (3, 4, 6), ("-", "/", ""))
    for prefix, include_year, pad_length, separator in every_format:
        number_format = TicketIdFormat(
            prefix=prefix, include_year=include_year, pad_length=pad_length, separator=separator
        )
        for year, value in product((2026, 2027), (1, 2, 12, 999, 1_000, 12_000_001)):
            number = format_number(number_format, year, value)
            drawn_from = counter_name(number_format, year)
            sequences.setdefault((number, bool(separator)), set()).add(drawn_from)
    assert all(len(names) == 1 for (_, separated), names in sequences.items() if separated)
    assert any(len(names) > 1 for (_, separated), names in sequences.items() if not separated)


@given(number_format=formats, year=years, other_year=years)
def test_a_sequence_begins_anew_with_the_year_only_where_the_year_is_shown(
    number_format: TicketIdFormat, year: int, other_year: int
) -> None:
    same = counter_name(number_format, year) == counter_name(number_format, other_year)
    assert same is (year == other_year or not number_format.include_year)


@given(number_format=formats, other=formats, year=years)
def test_padding_and_separator_do_not_begin_a_sequence_anew(
    number_format: TicketIdFormat, other: TicketIdFormat, year: int
) -> None:
    changed = number_format.model_copy(
        update={"pad_length": other.pad_length, "separator": other.separator}
    )
    assert counter_name(changed, year) == counter_name(number_format, year)


@pytest.mark.parametrize(
    ("at", "zone", "year"),
    [
        (datetime(2027, 1, 1, 5, 59, 59, tzinfo=UTC), MEXICO, 2026),
        (datetime(2027, 1, 1, 6, 0, 0, tzinfo=UTC), MEXICO, 2027),
        (datetime(2026, 12, 31, 9, 59, tzinfo=UTC), ZoneInfo("Pacific/Kiritimati"), 2026),
        (datetime(2026, 12, 31, 10, 0, tzinfo=UTC), ZoneInfo("Pacific/Kiritimati"), 2027),
        (datetime(2027, 1, 1, 0, 30, tzinfo=ZoneInfo("Europe/Madrid")), ZoneInfo("UTC"), 2026),
    ],
)
def test_the_year_is_that_on_the_wall_of_the_business(
    at: datetime, zone: ZoneInfo, year: int
) -> None:
    assert business_year(at, zone) == year


@given(
    at=st.datetimes(datetime.fromisoformat("1970-01-02"), timezones=st.timezones()).filter(
        lambda at: at.year < MAXYEAR
    ),
    zone=st.timezones(),
)
def test_it_does_not_matter_in_which_zone_the_instant_is_written(
    at: datetime, zone: ZoneInfo
) -> None:
    assert business_year(at, zone) == business_year(at.astimezone(UTC), zone)
