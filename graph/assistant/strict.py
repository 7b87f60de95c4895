"""What strict function calling asks of a JSON schema: OpenAI's structured outputs.

The rules are those that every model keeps; keywords that only some know count as refused.
"""

from collections.abc import Iterator
from typing import Any, Final, cast

JsonObject = dict[str, Any]

KEYWORDS: Final = frozenset(
    {"type", "properties", "required", "additionalProperties", "description", "enum", "items"}
)
TYPES: Final = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
MOST_ENUM_VALUES: Final = 1_000
LONGEST_ENUM: Final = 15_000
DEEPEST: Final = 5


def strict_faults(parameters: JsonObject) -> list[str]:
    """What would be refused of a function's parameters, each with its path; nothing if strict."""
    if parameters.get("type") != "object":
        return ["$ is no object"]
    return list(_faults(parameters, "$", depth=1))


def _faults(schema: object, path: str, *, depth: int) -> Iterator[str]:
    if not isinstance(schema, dict):
        yield f"{path} is no schema"
        return
    if depth > DEEPEST:
        yield f"{path} nests deeper than {DEEPEST}"
        return
    known = cast("JsonObject", schema)
    for keyword in sorted(known.keys() - KEYWORDS):
        yield f"{path} uses {keyword}"
    types = cast(
        "list[Any]", known["type"] if isinstance(known.get("type"), list) else [known.get("type")]
    )
    for each in types:
        if each not in TYPES:
            yield f"{path} has the type {each}"
    yield from _enum_faults(known.get("enum", []), path)
    if "array" in types:
        yield from _faults(known.get("items"), f"{path}[]", depth=depth + 1)
    if "object" in types:
        yield from _object_faults(known, path, depth=depth)


def _enum_faults(values: list[object], path: str) -> Iterator[str]:
    if len(values) > MOST_ENUM_VALUES:
        yield f"{path} has {len(values):,} values, more than {MOST_ENUM_VALUES:,}"
    if sum(len(str(value)) for value in values) > LONGEST_ENUM:
        yield f"{path} has values of more than {LONGEST_ENUM:,} characters in all"


def _object_faults(schema: JsonObject, path: str, *, depth: int) -> Iterator[str]:
    properties: JsonObject = schema.get("properties", {})
    if schema.get("additionalProperties") is not False:
        yield f"{path} allows additional properties"
    if sorted(schema.get("required", [])) != sorted(properties):
        yield f"{path} does not require every property"
    for name, inner in properties.items():
        yield from _faults(inner, f"{path}.{name}", depth=depth + 1)
