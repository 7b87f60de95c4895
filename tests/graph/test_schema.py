"""The schema as clients rely on it: printed, described, and changed only by deprecation."""

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, cast

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    find_breaking_changes,
    get_named_type,
    specified_scalar_types,
)

from graph.schema import schema_types, sdl
from tests.servers import ROOT

FILE = ROOT / "schema.graphql"
SCHEMA = schema_types()
REMOVAL = re.compile(r"removal after (\d{4}-\d\d-\d\d)")


def test_printed_schema_is_current() -> None:
    assert FILE.read_text("utf-8") == sdl(), "tickets schema > schema.graphql"


def named_type(field: Any) -> GraphQLNamedType:
    return cast(GraphQLNamedType, get_named_type(field.type))


# ---- described -----------------------------------------------------------------------------


def described(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """Everything that a client can name, with its description."""
    for name, each in schema.type_map.items():
        if name.startswith("__") or name in specified_scalar_types:
            continue
        yield name, each.description
        if isinstance(each, GraphQLEnumType):
            for value_name, value in each.values.items():
                yield f"{name}.{value_name}", value.description
        if isinstance(each, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field_name, field in each.fields.items():
                yield f"{name}.{field_name}", field.description
                for key, argument in cast(dict[str, Any], getattr(field, "args", {})).items():
                    yield f"{name}.{field_name}({key})", argument.description


def test_everything_is_described() -> None:
    assert [name for name, description in described(SCHEMA) if not description] == []


def test_every_mutation_says_what_it_refuses_and_what_it_emits() -> None:
    assert SCHEMA.mutation_type
    silent = [
        name
        for name, field in SCHEMA.mutation_type.fields.items()
        if not re.search(r"Problems: .*Emits ", field.description or "", re.DOTALL)
    ]

    assert silent == []


# ---- shapes --------------------------------------------------------------------------------


def test_every_mutation_answers_with_a_payload_or_a_problem() -> None:
    assert SCHEMA.mutation_type
    problem = cast(GraphQLInterfaceType, SCHEMA.type_map["Problem"])
    for name, field in SCHEMA.mutation_type.fields.items():
        assert isinstance(field.type, GraphQLNonNull), name
        result = named_type(field)
        assert isinstance(result, GraphQLUnionType), name
        payload, *problems = result.types
        assert payload.name == result.name.removesuffix("Result") + "Payload", name
        assert problem not in payload.interfaces, name
        assert all(problem in each.interfaces for each in problems), name
        assert problems[-1].name == "SimpleProblem", name


def test_every_list_of_pages_has_the_same_shape() -> None:
    connections = [
        each
        for name, each in SCHEMA.type_map.items()
        if name.endswith("Connection") and isinstance(each, GraphQLObjectType)
    ]
    assert len(connections) > 5
    for each in connections:
        item = each.name.removesuffix("Connection")
        shape = {name: str(field.type) for name, field in each.fields.items()}
        assert shape == {
            "edges": f"[{item}Edge!]!",
            "nodes": f"[{item}!]!",
            "pageInfo": "PageInfo!",
            "totalCount": "Int!",
        }


def test_every_field_that_gives_pages_takes_their_size_and_place() -> None:
    for name, each in SCHEMA.type_map.items():
        for field_name, field in getattr(each, "fields", {}).items():
            if named_type(field).name.endswith("Connection"):
                size, place = field.args.get("first"), field.args.get("after")
                assert (str(size.type), size.default_value) == ("Int", 20), f"{name}.{field_name}"
                assert str(place.type) == "String", f"{name}.{field_name}"


# ---- changed by deprecation ----------------------------------------------------------------


def breaks(old: GraphQLSchema, new: GraphQLSchema, today: date) -> list[str]:
    """What a client of `old` could trip over in `new`, but for what was announced to go."""
    announced = {
        f"{kind} {name} was removed."
        for name in gone_by(old, today)
        for kind in ("Field", "Enum value")
    }
    changes = [change.description for change in find_breaking_changes(old, new)]
    return [change for change in changes if change not in announced]


def gone_by(schema: GraphQLSchema, today: date) -> Iterator[str]:
    """The fields and values whose deprecation lets them go by `today`."""
    for name, reason in deprecated(schema):
        if (found := REMOVAL.search(reason)) and date.fromisoformat(found[1]) < today:
            yield name


def deprecated(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    for name, each in schema.type_map.items():
        parts: dict[str, Any] = getattr(each, "fields", {}) or getattr(each, "values", {})
        for part_name, part in parts.items():
            if part.deprecation_reason:
                yield f"{name}.{part_name}", part.deprecation_reason


def committed() -> list[str]:
    """`schema.graphql` as last committed, and as it was before that, as far as git knows."""
    log = git("log", "-2", "--format=%H", "--", FILE.name)
    versions = [git("show", f"{commit}:{FILE.name}") for commit in (log or "").split()]
    return [version for version in versions if version]


def git(*arguments: str) -> str | None:
    try:
        return subprocess.run(
            ["git", *arguments],  # noqa: S607 - found by PATH
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def test_no_client_is_broken_without_a_deprecation() -> None:
    """Against the last commit; once that holds the code's own schema, against the one before."""
    versions = committed()
    if not versions:
        pytest.skip("there is no history here to compare with")
    before = next((each for each in versions if each != sdl()), versions[0])

    assert breaks(build_schema(before), SCHEMA, datetime.now(UTC).date()) == []


def test_every_deprecation_says_when_its_subject_goes() -> None:
    assert [name for name, reason in deprecated(SCHEMA) if not REMOVAL.search(reason)] == []


@pytest.mark.parametrize(
    ("field", "is_broken"),
    [
        ("b: Int", True),
        ('b: Int @deprecated(reason: "Use a.")', True),
        ('b: Int @deprecated(reason: "Use a, removal after 2026-06-01")', True),
        ('b: Int @deprecated(reason: "Use a, removal after 2026-05-31")', False),
    ],
)
def test_a_field_may_go_once_its_deprecation_said_so(field: str, *, is_broken: bool) -> None:
    old = build_schema(f"type Query {{ a: Int {field} }}")
    new = build_schema("type Query { a: Int }")

    assert bool(breaks(old, new, date(2026, 6, 1))) is is_broken


@pytest.mark.parametrize(
    "new",
    [
        "type Query { a(x: Int!): E! } enum E { V W }",
        "type Query { a: E } enum E { V W }",
        "type Query { a(x: Int): E! } enum E { W }",
        "type Query { a(x: Int): String! }",
        "type Query { a(x: String): E! } enum E { V W }",
    ],
)
def test_what_a_client_could_trip_over_is_seen(new: str) -> None:
    old = build_schema("type Query { a(x: Int): E! } enum E { V W }")

    assert breaks(old, build_schema(new), date(2026, 6, 1))


def test_what_is_only_added_breaks_nobody() -> None:
    old = build_schema("type Query { a: Int }")
    new = build_schema("type Query { a(x: Int): Int b: E } enum E { V }")

    assert breaks(old, new, date(2026, 6, 1)) == []
