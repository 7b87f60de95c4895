"""Refusals that a caller can expect. Each class carries its code; messages say what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from persistence.models import Ticket, TicketStatus


class ProblemCode(StrEnum):
    VALIDATION = "VALIDATION"
    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    CONFLICT = "CONFLICT"
    INVALID_TRANSITION = "INVALID_TRANSITION"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    RATE_LIMITED = "RATE_LIMITED"
    NOT_CONFIGURED = "NOT_CONFIGURED"
    UPSTREAM = "UPSTREAM"
    UNAVAILABLE = "UNAVAILABLE"


class DomainError(Exception):
    """Base of every expected refusal."""

    code: ProblemCode

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class FieldError:
    """`path` as a client wrote it: `subject`, `location.latitude`, `categories[2].color`."""

    path: str
    message: str


class ValidationFailed(DomainError):
    code = ProblemCode.VALIDATION

    def __init__(self, fields: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{field.path}: {field.message}" for field in fields))
        self.fields = tuple(fields)

    @classmethod
    def of(cls, path: str, message: str) -> "ValidationFailed":
        return cls([FieldError(path, message)])


class NotFound(DomainError):
    """Also for what exists and may not be seen: the two must not be told apart."""

    code = ProblemCode.NOT_FOUND

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


class Forbidden(DomainError):
    code = ProblemCode.FORBIDDEN


class Unauthenticated(DomainError):
    code = ProblemCode.UNAUTHENTICATED


class Conflict(DomainError):
    """Somebody changed the ticket since the version that the caller expected."""

    code = ProblemCode.CONFLICT

    def __init__(
        self,
        message: str,
        *,
        current_version: int,
        changed_fields: Sequence[str] = (),
        ticket: Ticket | None = None,
    ) -> None:
        super().__init__(message)
        self.current_version = current_version
        self.changed_fields = tuple(changed_fields)
        self.ticket = ticket


class TakenOver(DomainError):
    code = ProblemCode.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            "A person has taken the conversation over: do not send the answer, it is not recorded."
        )


class InvalidTransition(DomainError):
    code = ProblemCode.INVALID_TRANSITION

    def __init__(
        self, current: TicketStatus, requested: TicketStatus, allowed: Sequence[TicketStatus]
    ) -> None:
        ways = ", ".join(allowed)
        super().__init__(f"A ticket that is {current} cannot become {requested}. Allowed: {ways}.")
        self.current = current
        self.requested = requested
        self.allowed = tuple(allowed)


class IdempotencyMismatch(DomainError):
    code = ProblemCode.IDEMPOTENCY_MISMATCH

    def __init__(self) -> None:
        super().__init__(
            "This idempotencyKey was used with a different input. Send the same input again to get "
            "its result, or choose a new key for a new request."
        )


class RateLimited(DomainError):
    """`details`, for programs, name the limit and its value where it is one of ours."""

    code = ProblemCode.RATE_LIMITED

    def __init__(self, message: str, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.details = details or {}


class NotConfigured(DomainError):
    code = ProblemCode.NOT_CONFIGURED


class Upstream(DomainError):
    code = ProblemCode.UPSTREAM


class Unavailable(DomainError):
    code = ProblemCode.UNAVAILABLE
