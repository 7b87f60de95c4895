"""How refusals reach clients: as `Problem`s from mutations, as coded errors from everything else.

Resolvers hold no `try`: the handlers here turn domain errors into the member of the mutation's
union, and `coded` gives every other error its code and hides what was not foreseen.
"""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import strawberry
import structlog
from graphql import GraphQLError
from strawberry.types.field import StrawberryField

from domain.errors import DomainError, RateLimited, ValidationFailed
from graph.context import Info
from graph.enums import ProblemCode
from persistence.errors import STORAGE_ERRORS, is_unavailable

ErrorT = TypeVar("ErrorT", bound=Exception)

log = structlog.stdlib.get_logger("tickets.graph")

# A connection that is lost while a change is committed leaves open whether it was.
UNAVAILABLE = (
    "The database cannot be reached; try again in a moment. A change may have been made or not: "
    "look first, or repeat it with its idempotencyKey."
)


@strawberry.interface(description="A refusal that a client can expect.")
class Problem:
    code: ProblemCode = strawberry.field(description="What kind of refusal, for programs.")
    message: str = strawberry.field(description="What is wrong and what to do, for developers.")


@strawberry.type(description="One fault of an input.")
class FieldProblem:
    path: str = strawberry.field(
        description="The input field, as in `subject`, `location.latitude`, `tags[3]`."
    )
    message: str = strawberry.field(description="What is wrong with it.")


@strawberry.type(description="The input is wrong. Nothing was changed.")
class ValidationProblem(Problem):
    fields: list[FieldProblem] = strawberry.field(description="Every fault that was found.")


@strawberry.type(
    description="Any other refusal; `code` says which. Nothing was changed, though UNAVAILABLE "
    "leaves that open."
)
class SimpleProblem(Problem):
    pass


class ProblemHandler(ABC, Generic[ErrorT]):
    """Makes a Problem of an error that a client can expect, and notes it for log and metrics."""

    exception_type: type[ErrorT] | tuple[type[ErrorT], ...]
    error_type: type[Problem]

    @abstractmethod
    def problem(self, error: ErrorT) -> Problem | None:
        """None declines what is a mistake of ours, which then is masked and logged."""

    def handle(self, exception: ErrorT, *, field: StrawberryField, info: Info) -> Problem | None:
        problem = self.problem(exception)
        if problem is not None:
            info.context.refusal = problem.code
        return problem


class ValidationHandler(ProblemHandler[ValidationFailed]):
    exception_type = ValidationFailed
    error_type = ValidationProblem

    def problem(self, error: ValidationFailed) -> ValidationProblem:
        return ValidationProblem(
            code=error.code,
            message=error.message,
            fields=[FieldProblem(path=each.path, message=each.message) for each in error.fields],
        )


class DomainErrorHandler(ProblemHandler[DomainError]):
    """For every error that has no handler of its own."""

    exception_type = DomainError
    error_type = SimpleProblem

    def problem(self, error: DomainError) -> SimpleProblem:
        return SimpleProblem(code=error.code, message=error.message)


class StorageErrorHandler(ProblemHandler[Exception]):
    exception_type = STORAGE_ERRORS
    error_type = SimpleProblem

    def problem(self, error: Exception) -> SimpleProblem | None:
        if not is_unavailable(error):
            return None
        log.warning("database unavailable", error=str(error))
        return SimpleProblem(code=ProblemCode.UNAVAILABLE, message=UNAVAILABLE)


class Refused(Exception):
    """A subscription that cannot begin or cannot go on; `errors` are as clients may see them."""

    def __init__(self, errors: Iterable[GraphQLError]) -> None:
        self.errors = [error if is_coded(error) else coded(error) for error in errors]
        super().__init__("; ".join(error.message for error in self.errors))

    @property
    def code(self) -> str:
        """Of the first error."""
        return (self.errors[0].extensions or {})["code"]


def coded(error: GraphQLError) -> GraphQLError:
    """`error` as a client may see it.

    A refusal keeps its message. What was not foreseen is logged under a reference and answered
    with that reference alone, code INTERNAL.
    """
    cause = _root_cause(error)
    message, extensions = error.message, dict(error.extensions or {})
    if isinstance(cause, DomainError):
        extensions["code"] = cause.code.value
        if isinstance(cause, ValidationFailed):
            extensions["fields"] = [
                {"path": each.path, "message": each.message} for each in cause.fields
            ]
        elif isinstance(cause, RateLimited):
            extensions |= cause.details
    elif cause is None:
        # Of graphql-core's own making: syntax, unknown fields, variables of the wrong type.
        extensions.setdefault("code", ProblemCode.VALIDATION.value)
    elif is_unavailable(cause):
        log.warning("database unavailable", error=str(cause))
        message, extensions = UNAVAILABLE, {"code": ProblemCode.UNAVAILABLE.value}
    else:
        reference = secrets.token_hex(6)
        log.error("unexpected failure", reference=reference, path=error.path, exc_info=cause)
        message = f"Something went wrong on our side. Quote the reference {reference}."
        extensions = {"code": "INTERNAL", "reference": reference}
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )


def is_coded(error: GraphQLError) -> bool:
    return "code" in (error.extensions or {})


def _root_cause(error: GraphQLError) -> BaseException | None:
    cause: Any = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def first_of(group: BaseExceptionGroup[ErrorT]) -> ErrorT:
    """Of those within, however deep: the others came of the same end."""
    found = group.exceptions[0]
    if isinstance(found, BaseExceptionGroup):
        return first_of(found)
    return found
