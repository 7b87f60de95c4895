"""An operation as a client asks for it, on whatever transport."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast


class Malformed(Exception):
    """It is not an operation; the message says why."""


@dataclass(frozen=True, slots=True)
class Operation:
    query: str
    variables: dict[str, Any] | None
    name: str | None

    @classmethod
    def read(cls, request: object) -> "Operation":
        """From `{query, variables, operationName, extensions}`. Raises Malformed.

        Extensions may be there, and mean nothing here.
        """
        if not isinstance(request, Mapping):
            raise Malformed("an operation is an object")
        asked = cast("Mapping[str, object]", request)
        query, variables, name = (
            asked.get(field) for field in ("query", "variables", "operationName")
        )
        if not isinstance(query, str) or not query:
            raise Malformed("query must be a string that is not empty")
        if not isinstance(variables, dict | None):
            raise Malformed("variables must be an object")
        if not isinstance(name, str | None):
            raise Malformed("operationName must be a string")
        if not isinstance(asked.get("extensions"), dict | None):
            raise Malformed("extensions must be an object")
        return cls(query, cast("dict[str, Any] | None", variables), name)
