"""Texts with `{variables}`, as admins write them for greetings and instructions."""

import re
from collections.abc import Mapping

# What a template may name; `Configuration.template_values` gives each its value.
VARIABLES = (
    "assistantName",
    "companyName",
    "primaryServiceIssue",
    "serviceType",
    "ticketNoun",
    "ticketNounPlural",
    "customerNoun",
    "agentNoun",
    "createVerb",
    "resolveVerb",
    "categories",
    "today",
)

# Braces around anything but words, as in JSON, are plain text.
_VARIABLE = re.compile(r"\{(?=[ .-]*\w)[\w .-]+\}")


def unknown_variables(template: str) -> list[str]:
    """What is written like a variable and is none, braces included, in order of appearance."""
    known = {f"{{{name}}}" for name in VARIABLES}
    return [each for each in dict.fromkeys(_VARIABLE.findall(template)) if each not in known]


def substitute(template: str, values: Mapping[str, str]) -> str:
    """`template` with each variable in `values` replaced, in one pass: a value is no template."""
    return _VARIABLE.sub(lambda found: values.get(found[0][1:-1], found[0]), template)
