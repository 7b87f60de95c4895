"""The seven states of a ticket and the ways between them."""

from domain.errors import InvalidTransition
from persistence.models import TicketStatus as S

TRANSITIONS: dict[S, tuple[S, ...]] = {
    S.NEW: (S.OPEN, S.IN_PROGRESS, S.RESOLVED, S.CLOSED),
    S.OPEN: (S.IN_PROGRESS, S.PENDING_CUSTOMER, S.RESOLVED, S.CLOSED),
    S.IN_PROGRESS: (S.PENDING_CUSTOMER, S.WAITING_INTERNAL, S.RESOLVED),
    S.PENDING_CUSTOMER: (S.IN_PROGRESS, S.RESOLVED),
    S.WAITING_INTERNAL: (S.IN_PROGRESS, S.RESOLVED),
    S.RESOLVED: (S.CLOSED, S.IN_PROGRESS),
    S.CLOSED: (S.IN_PROGRESS,),
}

# Why a ticket may be closed that nobody resolved.
CLOSING_REASONS = ("duplicate", "spam", "withdrawn")

# States in which somebody still owes the customer something.
OPEN_STATUSES = tuple(status for status in S if status not in (S.RESOLVED, S.CLOSED))


def check_transition(current: S, requested: S) -> None:
    """Raises InvalidTransition, naming the allowed states."""
    if requested not in TRANSITIONS[current]:
        raise InvalidTransition(current, requested, TRANSITIONS[current])


def is_reopening(current: S, requested: S) -> bool:
    return current not in OPEN_STATUSES and requested is S.IN_PROGRESS


def needs_reason(current: S, requested: S) -> bool:
    """Closing what was not resolved, and reopening what was closed, must be explained."""
    if requested is S.CLOSED:
        return current is not S.RESOLVED
    return current is S.CLOSED


def is_closing_reason(reason: str) -> bool:
    """One of CLOSING_REASONS, alone or followed by a colon and details."""
    return reason.partition(":")[0].strip().casefold() in CLOSING_REASONS


def is_duplicate_reason(reason: str) -> bool:
    return reason.partition(":")[0].strip().casefold() == "duplicate"
