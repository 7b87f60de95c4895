"""The table of states: which ways it opens, what it asks for them, what a refusal says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidTransition
from domain.lifecycle import (
    CLOSING_REASONS,
    OPEN_STATUSES,
    TRANSITIONS,
    check_transition,
    is_closing_reason,
    is_duplicate_reason,
    is_reopening,
    needs_reason,
)
from persistence.models import TicketStatus

# Written down a second time, so that an edit of the table is an edit of this claim too.
WAYS = """
NEW               OPEN IN_PROGRESS RESOLVED CLOSED
OPEN              IN_PROGRESS PENDING_CUSTOMER RESOLVED CLOSED
IN_PROGRESS       PENDING_CUSTOMER WAITING_INTERNAL RESOLVED
PENDING_CUSTOMER  IN_PROGRESS RESOLVED
WAITING_INTERNAL  IN_PROGRESS RESOLVED
RESOLVED          CLOSED IN_PROGRESS
CLOSED            IN_PROGRESS
"""
ALLOWED = {
    TicketStatus(state): {TicketStatus(target) for target in targets}
    for state, *targets in (line.split() for line in WAYS.split("\n") if line)
}

statuses = st.sampled_from(TicketStatus)
every_pair = pytest.mark.parametrize(
    ("current", "requested"), [(a, b) for a in TicketStatus for b in TicketStatus]
)


@every_pair
def test_only_listed_ways_are_open(current: TicketStatus, requested: TicketStatus) -> None:
    if requested in ALLOWED[current]:
        check_transition(current, requested)
        return
    with pytest.raises(InvalidTransition) as refusal:
        check_transition(current, requested)
    assert set(refusal.value.allowed) == ALLOWED[current]
    assert (refusal.value.current, refusal.value.requested) == (current, requested)
    assert all(status in refusal.value.message for status in ALLOWED[current])


def test_no_state_is_a_dead_end() -> None:
    for start in TicketStatus:
        reached = {start}
        while grown := {way for state in reached for way in TRANSITIONS[state]} - reached:
            reached |= grown
        assert reached >= {TicketStatus.IN_PROGRESS, TicketStatus.CLOSED}


@every_pair
def test_a_way_out_of_the_end_is_a_reopening_and_no_other_is(
    current: TicketStatus, requested: TicketStatus
) -> None:
    ended = current in (TicketStatus.RESOLVED, TicketStatus.CLOSED)
    assert (current in OPEN_STATUSES) is not ended
    if requested in ALLOWED[current]:
        back_to_work = ended and requested is not TicketStatus.CLOSED
        assert is_reopening(current, requested) is back_to_work


@every_pair
def test_what_must_be_explained(current: TicketStatus, requested: TicketStatus) -> None:
    if requested in ALLOWED[current]:
        closes_unresolved = (
            requested is TicketStatus.CLOSED and current is not TicketStatus.RESOLVED
        )
        assert needs_reason(current, requested) is (
            closes_unresolved or current is TicketStatus.CLOSED
        )


@given(
    reason=st.sampled_from(CLOSING_REASONS),
    spelled=st.sampled_from([str, str.upper, str.title]),
    spaces=st.text(" \t", max_size=3),
    details=st.none() | st.text(),
)
def test_a_closing_reason_may_have_details(
    reason: str, spelled: type[str], spaces: str, details: str | None
) -> None:
    said = spaces + spelled(reason) + spaces + ("" if details is None else f":{details}")
    assert is_closing_reason(said)
    assert is_duplicate_reason(said) is (reason == "duplicate")


@given(st.text())
def test_nothing_else_is_a_closing_reason(said: str) -> None:
    word = said.partition(":")[0].strip().lower()
    if word not in CLOSING_REASONS:
        assert not is_closing_reason(said)
        assert not is_duplicate_reason(said)
