"""The tools that a language model is given, defined for whom it is to run.

Definitions are generated: types and limits come from the GraphQL schema, categories, nouns, due
times and the form of numbers from the configuration, so neither can drift. They keep to what strict
function calling accepts, of which `strict_faults` knows the rules and each definition is checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)

from domain.configuration import Configuration
from domain.numbers import format_number
from graph.assistant.strict import JsonObject, strict_faults
from graph.enums import ToolFormat
from persistence.models import TicketPriority


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a model may give a tool.

    `source` is the input field or argument of the API that it goes into, `Type.field` or
    `Type.field.argument`, whose type and limits hold; or, where it goes into none, a type.
    `about` may name `{limits}`, which is what the API says of the source, and the words of
    `_words`. An `optional` one may be null: strict schemas know no other way to leave it out.
    """

    name: str
    source: str
    about: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    about: str
    parameters: tuple[Parameter, ...]
    only_reads: bool


CREATE_TICKET: Final = Tool(
    name="create_ticket_report",
    about="Opens a {ticket} for the {customer} of this conversation. Call it once for one matter, "
    "as soon as it is clear what the matter is. Answers with its number, its status and when it "
    "should be resolved.",
    parameters=(
        Parameter(
            "subject", "CreateTicketInput.subject", "What it is about, in one line. {limits}"
        ),
        Parameter(
            "description",
            "CreateTicketInput.description",
            "Everything the {customer} said that helps: what, where, since when. {limits}",
        ),
        Parameter("category", "CreateTicketInput.category", "The one that fits:\n{categories}"),
        Parameter(
            "priority",
            "CreateTicketInput.priority",
            "How pressing it is; null for an ordinary matter. When each should be resolved:\n"
            "{priorities}",
            optional=True,
        ),
        Parameter(
            "location",
            "LocationInput.address",
            "Where it is to be done, as the {customer} put it; null where there is no place. "
            "{limits}",
            optional=True,
        ),
    ),
    only_reads=False,
)
GET_TICKET: Final = Tool(
    name="get_ticket_information",
    about="Looks up {tickets} of the {customer} of this conversation: status, description, public "
    "notes and resolution. Those of other people are not found.",
    parameters=(
        Parameter(
            "ticket_id",
            "Query.ticket.ticketId",
            "The number of one {ticket}, as in {number}; null to look up the most recent ones.",
            optional=True,
        ),
        Parameter(
            "lookup_recent",
            "Boolean",
            "True to look up the most recent {tickets}; without effect beside a ticket_id.",
            optional=True,
        ),
    ),
    only_reads=True,
)
TOOLS: Final[Mapping[str, Tool]] = {tool.name: tool for tool in (CREATE_TICKET, GET_TICKET)}


def define_tools(
    schema: GraphQLSchema, configuration: Configuration, tool_format: ToolFormat
) -> list[JsonObject]:
    """Every tool in `tool_format`. The same input gives the same definitions, key by key."""
    words = _words(configuration)
    defined: list[JsonObject] = []
    for tool in TOOLS.values():
        parameters = _parameters(tool, schema, configuration, words)
        if faults := list(strict_faults(parameters)):
            raise ValueError(f"{tool.name} is not strict: {'; '.join(faults)}")
        defined.append(_written(tool, tool.about.format_map(words), parameters, tool_format))
    return defined


def _written(tool: Tool, about: str, parameters: JsonObject, tool_format: ToolFormat) -> JsonObject:
    function = {
        "name": tool.name,
        "description": about,
        "parameters": parameters,
        "strict": True,
    }
    match tool_format:
        case ToolFormat.RESPONSES:
            return {"type": "function", **function}
        case ToolFormat.CHAT_COMPLETIONS:
            return {"type": "function", "function": function}
        case ToolFormat.MCP:
            return {
                "name": tool.name,
                "description": about,
                "inputSchema": parameters,
                "annotations": {
                    "readOnlyHint": tool.only_reads,
                    "destructiveHint": False,
                    "openWorldHint": False,
                },
            }


def _words(configuration: Configuration) -> Mapping[str, str]:
    nouns, language = configuration.terminology, configuration.assistant.language
    categories = [
        f"- {each.id}: {each.label_in(language)}"
        + (f" ({each.description})" if each.description else "")
        for each in configuration.ticket_categories.choices()
    ]
    priorities = [
        f"- {priority}: within {_duration(configuration.sla_targets[priority].resolution_minutes)}"
        for priority in TicketPriority
    ]
    return {
        "ticket": nouns.ticket_singular,
        "tickets": nouns.ticket_plural,
        "customer": nouns.customer_noun,
        "categories": "\n".join(categories),
        "priorities": "\n".join(priorities),
        # An example; the year is that of no clock, so that definitions do not change by themselves.
        "number": format_number(configuration.ticket_id_format, 2026, 1),
    }


def _duration(minutes: int) -> str:
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes % size == 0:
            return f"{minutes // size} {unit}"
    return f"{minutes} min"


def _parameters(
    tool: Tool, schema: GraphQLSchema, configuration: Configuration, words: Mapping[str, str]
) -> JsonObject:
    properties: JsonObject = {}
    for parameter in tool.parameters:
        source_type, limits = _source(schema, parameter.source)
        if parameter.source == "CreateTicketInput.category":
            choices = [each.id for each in configuration.ticket_categories.choices()]
            described: JsonObject = {"type": "string", "enum": choices}
        else:
            described = _json_type(source_type)
        if parameter.optional:
            described = _or_null(described)
        about = parameter.about.format_map({**words, "limits": limits})
        properties[parameter.name] = {**described, "description": about}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _source(schema: GraphQLSchema, path: str) -> tuple[GraphQLNamedType, str]:
    """The type of a `Parameter.source`, and its description; KeyError where there is none."""
    type_name, *names = path.split(".")
    of_type = schema.type_map[type_name]
    if not names:
        return of_type, of_type.description or ""
    if isinstance(of_type, GraphQLInputObjectType):
        source = of_type.fields[names[0]]
    elif isinstance(of_type, GraphQLObjectType):
        source = of_type.fields[names[0]].args[names[1]]
    else:
        raise KeyError(path)
    return cast("GraphQLNamedType", get_named_type(source.type)), source.description or ""


_JSON_TYPES: Final = {
    "String": "string",
    "ID": "string",
    "Boolean": "boolean",
    "Int": "integer",
    "Float": "number",
}


def _json_type(of_type: GraphQLNamedType) -> JsonObject:
    if isinstance(of_type, GraphQLEnumType):
        return {"type": "string", "enum": list(of_type.values)}
    return {"type": _JSON_TYPES[of_type.name]}


def _or_null(described: JsonObject) -> JsonObject:
    nullable = {**described, "type": [described["type"], "null"]}
    if "enum" in described:
        nullable["enum"] = [*described["enum"], None]
    return nullable
