"""Checks of what callers send: what passes, what it becomes, and under which path it is refused."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import ValidationFailed
from domain.validation import MAX_TAGS, PASSWORD_LENGTH, TAG_LENGTH, Checks
from persistence.models import Location

LONGEST = 30
# Everything that can arrive in JSON, lone surrogates included.
anything = st.text(st.characters(exclude_categories=[]), max_size=60)


def paths(checks: Checks) -> list[str]:
    try:
        checks.done()
    except ValidationFailed as refusal:
        return [fault.path for fault in refusal.fields]
    return []


def is_storable(letter: str, *, lines: bool) -> bool:
    return unicodedata.category(letter) not in ("Cc", "Cs") or (lines and letter in "\n\r\t")


@given(value=anything, lines=st.booleans())
@example(value="a\x00b", lines=True)
@example(value="\ud83d", lines=True)
@example(value="a\nb", lines=False)
@example(value="  x  ", lines=False)
@example(value="ñ" * LONGEST, lines=False)
@example(value=" " * (LONGEST + 1), lines=False)
@example(value="x" * (LONGEST + 1), lines=False)
def test_text_is_trimmed_bounded_and_storable(value: str, *, lines: bool) -> None:
    checks = Checks()
    text = checks.text("subject", value, longest=LONGEST, lines=lines)
    fits = 1 <= len(value.strip()) <= LONGEST
    if fits and all(is_storable(letter, lines=lines) for letter in value):
        assert paths(checks) == []
        assert text == value.strip()
        text.encode()
    else:
        assert "subject" in paths(checks)


@given(value=st.none() | anything)
def test_optional_text_takes_nothing_and_spaces_for_none(value: str | None) -> None:
    checks, same = Checks(), Checks()
    text = checks.optional_text("name", value, longest=LONGEST)
    if value is None or not value.strip():
        assert text is None
        assert paths(checks) == []
    else:
        assert text == same.text("name", value, longest=LONGEST)
        assert paths(checks) == paths(same)


def test_the_limit_is_named_with_what_was_sent() -> None:
    checks = Checks()
    checks.text("content", "x" * 10_001, longest=10_000)
    with pytest.raises(ValidationFailed, match="at most 10000 characters, has 10001"):
        checks.done()


def test_every_fault_of_an_input_is_told_at_once() -> None:
    checks = Checks()
    checks.text("subject", "", longest=5)
    checks.email("email", "nobody")
    checks.fault("rating", "must be between 1 and 5")
    assert paths(checks) == ["subject", "email", "rating"]


# ---- tags ----------------------------------------------------------------------------------

tag = st.text("aBñÉ7 -", min_size=1, max_size=TAG_LENGTH).filter(lambda text: bool(text.strip()))


@given(st.lists(tag, max_size=MAX_TAGS))
def test_tags_are_lower_case_and_stand_once(values: list[str]) -> None:
    checks = Checks()
    tags = checks.tags("tags", values)
    assert paths(checks) == []
    assert tags == list(dict.fromkeys(value.strip().lower() for value in values))
    assert checks.tags("tags", tags) == tags


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        ([f"t{number}" for number in range(MAX_TAGS)], []),
        ([f"t{number}" for number in range(MAX_TAGS + 1)], ["tags"]),
        (["same"] * 50, []),
        (["ok", "x" * 41], ["tags[1]"]),
        (["ok", " ", "a\nb"], ["tags[1]", "tags[2]"]),
    ],
)
def test_tags_are_refused_by_their_place(values: list[str], refused: list[str]) -> None:
    checks = Checks()
    checks.tags("tags", values)
    assert paths(checks) == refused


# ---- phones --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "55 1234 5678",
        "+52 55 1234 5678",
        "5512345678",
        "(55) 1234-5678",
        "+525512345678",
        "00 52 55 1234 5678",
        " 55.1234.5678 ",
        "tel:+52-55-1234-5678",
    ],
)
def test_one_phone_however_it_is_written(written: str) -> None:
    checks = Checks()
    assert checks.phone("phone", written, "MX") == "+525512345678"
    assert paths(checks) == []


def test_a_phone_without_a_country_is_of_the_region() -> None:
    assert Checks().phone("phone", "612 345 678", "ES") == "+34612345678"


@pytest.mark.parametrize("written", ["", "abc", "123", "+", "+1", "5" * 30, "55\x001234", "\ud800"])
def test_refuses_what_is_no_phone(written: str) -> None:
    checks = Checks()
    checks.phone("phone", written, "MX")
    assert paths(checks)
    assert set(paths(checks)) == {"phone"}


@given(anything)
def test_any_text_is_a_phone_or_refused(written: str) -> None:
    checks = Checks()
    phone = checks.phone("phone", written, "MX")
    if not paths(checks):
        assert phone.startswith("+")
        assert phone[1:].isdecimal()
        assert Checks().phone("phone", phone, "ES") == phone


# ---- the rest ------------------------------------------------------------------------------


@given(
    latitude=st.none() | st.floats(-100, 100) | st.just(float("nan")),
    longitude=st.none() | st.floats(-200, 200),
    address=st.none() | st.just(" ") | st.just("Calle 5"),
)
def test_coordinates_go_together_and_lie_on_the_earth(
    latitude: float | None, longitude: float | None, address: str | None
) -> None:
    checks = Checks()
    location = checks.location(
        "location", Location(address=address, latitude=latitude, longitude=longitude)
    )
    refused = set(paths(checks))
    both = (latitude is None) == (longitude is None)
    assert ("location" in refused) is not both
    in_range = latitude is None or -90 <= latitude <= 90
    assert ("location.latitude" in refused) is not in_range
    in_range = longitude is None or -180 <= longitude <= 180
    assert ("location.longitude" in refused) is not in_range
    says_something = address == "Calle 5" or latitude is not None or longitude is not None
    assert (location is not None) is says_something


@pytest.mark.parametrize(
    ("written", "address"),
    [
        (" Ana@Example.COM ", "ana@example.com"),
        ("ana", None),
        ("ana@example", None),
        ("a b@example.com", None),
        ("ana@@example.com", None),
        ("", None),
    ],
)
def test_an_address_is_folded_or_refused(written: str, address: str | None) -> None:
    checks = Checks()
    email = checks.email("email", written)
    assert paths(checks) == ([] if address else ["email"])
    if address:
        assert email == address


@pytest.mark.parametrize(
    ("length", "accepted"),
    [(PASSWORD_LENGTH[0] - 1, False), (PASSWORD_LENGTH[0], True), (200, True), (201, False)],
)
def test_a_password_has_a_length_and_keeps_its_spaces(length: int, *, accepted: bool) -> None:
    checks = Checks()
    password = " " * length
    assert checks.password("password", password) == password
    assert (paths(checks) == []) is accepted
